//! What tests of this and other crates share: conformance suites for the ports, power cuts. Behind the
//! feature `testing`; it must never be part of a released binary.

pub mod conformance;
pub mod fault_fs;
pub mod power_cut;

pub use fault_fs::FaultFs;
