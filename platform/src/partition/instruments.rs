//! What a pool counts, looked up once. All series of a pool are there at 0 from its start, so that an
//! alert sees the first dead letter.

use std::time::Duration;

use prometheus::{Histogram, IntCounter, IntGauge};
use schemas::Timestamp;

use super::driver::Limits;
use crate::port::log::Record;
use crate::telemetry::{All, Metrics};

/// See the module.
pub(super) struct Instruments {
    pub(super) wakeups: IntCounter,
    pub(super) retries: IntCounter,
    pub(super) dead_letters: IntCounter,
    records: IntCounter,
    batch_records: Histogram,
    stage: Histogram,
    work_records: IntGauge,
    work_bytes: IntGauge,
}

fn gauge(value: usize) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

impl Instruments {
    pub(super) fn new(metrics: &Metrics, pool: &str, limits: Limits) -> Self {
        let by = [pool];
        let All { pool_records_limit, pool_bytes_limit, .. } = &**metrics;
        pool_records_limit.with_label_values(&by).set(gauge(limits.in_flight));
        pool_bytes_limit.with_label_values(&by).set(gauge(limits.in_flight_bytes));
        Self {
            wakeups: metrics.wakeups.with_label_values(&by),
            retries: metrics.retries.with_label_values(&by),
            dead_letters: metrics.dead_letters.with_label_values(&by),
            records: metrics.records.with_label_values(&by),
            batch_records: metrics.batch_records.with_label_values(&by),
            stage: metrics.stage_seconds.with_label_values(&by),
            work_records: metrics.pool_records.with_label_values(&by),
            work_bytes: metrics.pool_bytes.with_label_values(&by),
        }
    }

    /// A batch is done: its records, and the time from the append of the first one on.
    pub(super) fn handled(&self, batch: &[Record], now: Timestamp) {
        let count = u32::try_from(batch.len()).unwrap_or(u32::MAX);
        self.records.inc_by(count.into());
        self.batch_records.observe(count.into());
        let Some(first) = batch.first() else { return };
        let ms = now.0.saturating_sub(first.appended_at.0).max(0);
        self.stage.observe(Duration::from_millis(ms.unsigned_abs()).as_secs_f64());
    }

    /// What is in work now.
    pub(super) fn in_work(&self, records: usize, bytes: usize) {
        self.work_records.set(gauge(records));
        self.work_bytes.set(gauge(bytes));
    }
}
