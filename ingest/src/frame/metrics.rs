//! Counts requests by status class, and their time.

use http::StatusCode;
use platform::telemetry::Metrics;
use prometheus::IntCounter;
use tokio::time::Instant;

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The counters, looked up once.
pub(super) struct Requests {
    classes: [IntCounter; 5],
    seconds: prometheus::Histogram,
}

impl Requests {
    pub(super) fn new(metrics: &Metrics) -> Self {
        Self {
            classes: CLASSES.map(|class| metrics.http_requests.with_label_values(&[class])),
            seconds: metrics.http_seconds.clone(),
        }
    }

    pub(super) fn count(&self, status: StatusCode, started: Instant) {
        let class = usize::from(status.as_u16() / 100).saturating_sub(1);
        if let Some(counter) = self.classes.get(class) {
            counter.inc();
        }
        self.seconds.observe(started.elapsed().as_secs_f64());
    }
}
