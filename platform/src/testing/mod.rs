//! What tests of this and other crates share: conformance suites for the ports (`conformance`), a disk
//! that loses what was not synced (`fault_fs`), power cuts of journal, store and whole data folders
//! (`power_cut`). Behind the feature `testing`; it must never be part of a released binary.

pub mod conformance;
pub mod dead_letters;
pub mod fault_fs;
pub mod power_cut;

pub use fault_fs::FaultFs;
