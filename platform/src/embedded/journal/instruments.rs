//! What the journal tells about itself. Nothing is looked at before somebody watches.

use std::sync::Arc;
use std::time::Instant;

use prometheus::{Histogram, IntCounter};

use super::Journal;
use super::queue::Request;
use crate::port::log::Budget;
use crate::telemetry::{All, Metrics};

/// See the module.
pub(super) struct Instruments {
    sync_seconds: Histogram,
    group_records: Histogram,
    written_bytes: IntCounter,
    ingest: Appends,
    worker: Appends,
}

/// Whose call of append it is, and since when it waits.
pub(super) type Origin = (Budget, Instant);

/// Appends of one budget.
struct Appends {
    seconds: Histogram,
    records: IntCounter,
}

impl Instruments {
    fn new(metrics: &Metrics) -> Self {
        let appends = |budget: &str| Appends {
            seconds: metrics.append_seconds.with_label_values(&[budget]),
            records: metrics.append_records.with_label_values(&[budget]),
        };
        Self {
            sync_seconds: metrics.journal_sync_seconds.clone(),
            group_records: metrics.journal_group_records.clone(),
            written_bytes: metrics.journal_written_bytes.clone(),
            ingest: appends("ingest"),
            worker: appends("worker"),
        }
    }

    /// A group was written and synced.
    pub(super) fn synced(&self, began: Instant, records: usize, bytes: u64) {
        self.sync_seconds.observe(began.elapsed().as_secs_f64());
        self.group_records.observe(f64::from(u32::try_from(records).unwrap_or(u32::MAX)));
        self.written_bytes.inc_by(bytes);
    }

    /// One call of append is durable.
    pub(super) fn durable(&self, (budget, since): Origin, now: Instant, records: usize) {
        let appends = match budget {
            Budget::Ingest => &self.ingest,
            Budget::Worker => &self.worker,
        };
        appends.seconds.observe(now.saturating_duration_since(since).as_secs_f64());
        appends.records.inc_by(u64::try_from(records).unwrap_or(0));
    }
}

impl Request {
    /// Whose it is, and since when it waits.
    pub(super) fn origin(&self) -> Origin {
        (self.budget, self.since)
    }
}

impl Journal {
    /// Tells these metrics from now on. Only the first ones are taken.
    pub(crate) fn watch(&self, metrics: &Metrics) {
        if self.shared.instruments.set(Instruments::new(metrics)).is_err() {
            return;
        }
        let (shared, queue) = (Arc::downgrade(&self.shared), Arc::downgrade(&self.queue));
        let max_bytes = self.max_bytes;
        metrics.watch(move |all: &All| {
            let (Some(shared), Some(queue)) = (shared.upgrade(), queue.upgrade()) else { return };
            {
                let segments = shared.segments.read();
                all.journal_segments.add(segments.len());
                all.journal_bytes.add(segments.iter().map(|segment| segment.size).sum::<u64>());
            }
            all.journal_limit_bytes.add(max_bytes);
            for (name, depth, limit) in queue.depths() {
                all.queue.add(&[name], depth);
                all.queue_limit.add(&[name], limit);
            }
        });
    }
}
