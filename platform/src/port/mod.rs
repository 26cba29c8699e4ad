//! Ports: what the tiers ask of the world. A port is an object-safe trait of few, coarse methods;
//! its contract is its documentation, and one conformance suite runs on every adapter (G-10).

pub mod clock;
pub mod ephemeral;
pub mod log;
pub mod store;
