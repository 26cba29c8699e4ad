//! A node over engines of plain maps that can be made to fail; no pool runs, so nothing answers
//! unless a test does.

use std::sync::Arc;

use platform::Platform;
use platform::auth::Keys;
use platform::embedded::LocalEphemeral;
use platform::lifecycle::Lifecycle;
use platform::memory::{Faults, MemoryLog, MemoryStore};
use platform::node::Node;
use platform::port::clock::SimClock;
use platform::telemetry::Metrics;
use schemas::Timestamp;

use crate::config::{Argon2Cost, IngestConfig};
use crate::state::Ingest;

pub(crate) struct World {
    pub(crate) ingest: Ingest,
    pub(crate) log: MemoryLog,
    pub(crate) clock: Arc<SimClock>,
    /// Failures of the log.
    pub(crate) log_faults: Faults,
    /// Failures of the store.
    pub(crate) store_faults: Faults,
    life: Lifecycle,
}

impl Drop for World {
    fn drop(&mut self) {
        self.life.stop();
    }
}

pub(crate) async fn world() -> World {
    let clock = Arc::new(SimClock::at(Timestamp(1_800_000_000_000)));
    let (log_faults, store_faults) = (Faults::default(), Faults::default());
    let log = MemoryLog::new(clock.clone(), log_faults.clone());
    let platform = Platform {
        log: Arc::new(log.clone()),
        store: Arc::new(MemoryStore::new(store_faults.clone())),
        ephemeral: Arc::new(LocalEphemeral::new(clock.clone())),
        clock: clock.clone(),
        metrics: Metrics::new(),
    };
    let life = Lifecycle::new();
    let node = Node::start(&platform, &life).await.unwrap();
    let keys = Arc::new(Keys::new(&[1; 32], &[2; 32]).unwrap());
    let config = IngestConfig {
        argon2: Argon2Cost { memory_kib: 64, passes: 1, lanes: 1 },
        ..IngestConfig::default()
    };
    let ingest = Ingest::new(platform, node, keys, config).unwrap();
    World { ingest, log, clock, log_faults, store_faults, life }
}
