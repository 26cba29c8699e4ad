//! How far each partition has been handled, noted in the store now and then: a log that ends before
//! such a note is not the one the rows were folded from (HAZARDS 5).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use platform::{Clock, Store};
use schemas::deployment::table::HighWater;
use schemas::table::Write;
use schemas::{Position, Stamp};

use super::topics::Known;

/// Least time between two notes.
pub(super) const EVERY: Duration = Duration::from_secs(5);
/// Longest wait for the store.
const LIMIT: Duration = Duration::from_secs(2);

/// What is to be noted.
pub(super) struct Notes {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    pending: Mutex<BTreeMap<(&'static str, u32), Position>>,
}

impl Notes {
    pub(super) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, pending: Mutex::default() }
    }

    /// Committed offsets. Several groups read a topic: the farthest counts.
    pub(super) fn note(&self, topic: &Known, done: &[(u32, u64)]) {
        if done.is_empty() {
            return;
        }
        let mut pending = self.pending.lock();
        for (partition, offset) in done.iter().copied() {
            let position = Position { epoch: topic.epoch, partition, offset };
            let noted = pending.entry((topic.topic.name, partition)).or_insert(position);
            *noted = position.max(*noted);
        }
    }

    /// Writes what has come since the last call. A failure costs only a weaker check.
    pub(super) async fn write(&self) {
        let pending = std::mem::take(&mut *self.pending.lock());
        if pending.is_empty() {
            return;
        }
        let noted_at = self.clock.now();
        let rows = pending.into_iter().map(|((topic, partition), position)| {
            let (partition, position) = (i64::from(partition), position.stamp().0);
            let topic = topic.to_owned();
            Write::replace(&HighWater { topic, partition, position, noted_at }, Stamp(0))
        });
        match tokio::time::timeout(LIMIT, self.store.put(rows.collect())).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "high waters could not be noted"),
            Err(_) => tracing::warn!("high waters could not be noted in time"),
        }
    }
}
