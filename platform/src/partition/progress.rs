//! How far a pool has come, as a signal: start-up waits for what lay in the log, tests wait for what
//! they wrote. Nothing polls.

use std::collections::BTreeMap;

use tokio::sync::watch;

/// Committed offsets of a pool's partitions. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Progress(watch::Sender<BTreeMap<u32, u64>>);

impl Default for Progress {
    fn default() -> Self {
        Self(watch::Sender::new(BTreeMap::new()))
    }
}

impl Progress {
    /// Partitions are finished up to these offsets.
    pub(super) fn set(&self, offsets: &[(u32, u64)]) {
        self.0.send_modify(|known| known.extend(offsets.iter().copied()));
    }

    /// Waits until each partition is finished up to its offset.
    pub async fn reached(&self, offsets: &[(u32, u64)]) {
        let behind = |known: &BTreeMap<u32, u64>| {
            offsets.iter().any(|(partition, end)| known.get(partition).unwrap_or(&0) < end)
        };
        // The sender lives in `self`, so that waiting can not fail.
        drop(self.0.subscribe().wait_for(|known| !behind(known)).await);
    }
}
