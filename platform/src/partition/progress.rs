//! How far a pool has come, as a signal: start-up waits for what lay in the log, tests wait for what
//! they wrote, lag is measured from it. Nothing polls.

use std::collections::BTreeMap;

use schemas::Timestamp;
use tokio::sync::watch;

/// Where a pool stands in one partition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Everything below is finished.
    pub next: u64,
    /// When the oldest record that was read and is not finished was appended.
    pub behind_since: Option<Timestamp>,
}

/// Where a pool stands in the partitions it has. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Progress(watch::Sender<BTreeMap<u32, Standing>>);

impl Default for Progress {
    fn default() -> Self {
        Self(watch::Sender::new(BTreeMap::new()))
    }
}

impl Progress {
    /// Partitions were given, or are finished up to these offsets.
    pub(super) fn set(&self, standings: &[(u32, Standing)]) {
        self.0.send_modify(|known| known.extend(standings.iter().copied()));
    }

    /// Partitions were taken away.
    pub(super) fn forget(&self, partitions: &[u32]) {
        self.0.send_modify(|known| known.retain(|partition, _| !partitions.contains(partition)));
    }

    /// Where the pool stands now.
    pub fn standings(&self) -> BTreeMap<u32, Standing> {
        self.0.borrow().clone()
    }

    /// Waits until each partition is finished up to its offset.
    pub async fn reached(&self, offsets: &[(u32, u64)]) {
        let behind = |known: &BTreeMap<u32, Standing>| {
            offsets.iter().any(|(partition, end)| {
                known.get(partition).map_or(0, |standing| standing.next) < *end
            })
        };
        // The sender lives in `self`, so that waiting can not fail.
        drop(self.0.subscribe().wait_for(|known| !behind(known)).await);
    }
}
