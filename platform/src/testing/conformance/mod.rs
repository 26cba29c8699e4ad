//! One suite for each port, run on every adapter (G-10). A case takes a factory and knows nothing of the
//! adapter but what the factory says it can do; a new adapter brings a factory and changes no case.
//! A log's case wants an engine without records; the others keep to keys of their own.

pub mod ephemeral;
pub mod log;
pub mod store;
mod tail;
