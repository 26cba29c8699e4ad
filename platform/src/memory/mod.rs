//! Adapters of plain maps, for tests: the fold's simulation and the checker's own tests.
//!
//! They keep the ports' contracts (the conformance suites run on them), allow several members in a
//! group, can be made to fail, and can be given defects ([`Bug`]) that a checker must find. They must
//! never be reachable from a configuration.

mod faults;
mod group;
mod log;
mod reader;
mod store;

pub use faults::{Bug, Fault, Faults, Operation, Seeded};
pub use log::MemoryLog;
pub use store::MemoryStore;
