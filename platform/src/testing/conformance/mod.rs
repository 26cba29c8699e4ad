//! One suite for each port, run on every adapter (G-10). A case takes a factory and knows nothing of the
//! adapter but what the factory says it can do.

pub mod ephemeral;
pub mod log;
pub mod store;
