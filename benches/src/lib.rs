//! How Parlance is measured and judged.
//!
//! A *workload* drives a *target* (a running system over the wire, or one in this process) and logs
//! every operation in a *history*; the *checker* reads verdicts on the guarantees from the history
//! alone. Load and faults are drawn from a seed, so a run can be asked for again; verdicts depend on
//! nothing but the history, so a kept one can be judged again.
//!
//! Nothing here may look inside the system under test: what neither clients nor operators can see is
//! not evidence, and what only operators see (counters, rows) is marked as such in a history.
//!
//! `parlance bench` ([`command`]) is this crate without the feature `harness`: what breaks things on
//! purpose is in the binary of its own, `parlance-bench`.

#[cfg(feature = "harness")]
pub mod backup;
pub mod checker;
#[cfg(feature = "harness")]
pub mod cluster;
pub mod command;
#[cfg(feature = "harness")]
pub mod disk_full;
pub mod history;
#[cfg(feature = "harness")]
mod hostile;
pub mod lean;
pub mod load;
#[cfg(feature = "harness")]
pub mod prove;
pub mod remote;
pub mod scenarios;
pub mod server;
#[cfg(feature = "harness")]
pub mod storm;
pub mod target;
pub mod task;
pub mod workload;
