//! The outside of Parlance: ports and their embedded engines, the partition driver, configuration,
//! lifecycle and telemetry. It knows tables and topics; it knows no feature.
//!
//! A tier gets everything it needs from the world in one [`Platform`] value, so that tests run two
//! of each node in one process and nothing is global.

pub mod auth;
pub mod backup;
pub mod cache;
pub mod config;
pub mod data_dir;
pub mod dead_letters;
pub mod embedded;
pub mod inbound;
pub mod lifecycle;
#[cfg(any(test, feature = "testing"))]
pub mod memory;
pub mod node;
pub mod partition;
pub mod port;
pub mod telemetry;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

use std::sync::Arc;

pub use port::clock::Clock;
pub use port::ephemeral::Ephemeral;
pub use port::log::Log;
pub use port::store::Store;

/// The engines and the clock, as every tier gets them. Cheap to clone.
#[derive(Clone)]
pub struct Platform {
    /// Topics.
    pub log: Arc<dyn Log>,
    /// Tables.
    pub store: Arc<dyn Store>,
    /// Routes and rate limits.
    pub ephemeral: Arc<dyn Ephemeral>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Counters and gauges.
    pub metrics: telemetry::Metrics,
}

impl std::fmt::Debug for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Platform").finish_non_exhaustive()
    }
}
