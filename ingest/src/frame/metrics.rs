//! Counts requests by status class, and their time by class of route.

use axum::body::HttpBody as _;
use axum::response::Response;
use platform::telemetry::{Metrics, label};
use prometheus::{Histogram, IntCounter};
use tokio::time::Instant;

use crate::limit::Class;

const STATUSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// What is counted, looked up once.
pub(super) struct Requests {
    statuses: [IntCounter; 5],
    auth: Histogram,
    messages: Histogram,
    writes: Histogram,
    reads: Histogram,
    search: Histogram,
    other: Histogram,
    received_bytes: IntCounter,
    sent_bytes: IntCounter,
}

impl Requests {
    pub(super) fn new(metrics: &Metrics) -> Self {
        debug_assert_eq!(label::STATUS.values, STATUSES, "every status is counted");
        let of = |class| metrics.http_seconds.with_label_values(&[class]);
        Self {
            statuses: STATUSES.map(|status| metrics.http_requests.with_label_values(&[status])),
            auth: of("auth"),
            messages: of("messages"),
            writes: of("writes"),
            reads: of("reads"),
            search: of("search"),
            other: of("other"),
            received_bytes: metrics.http_received_bytes.clone(),
            sent_bytes: metrics.http_sent_bytes.clone(),
        }
    }

    /// A request is answered; `received`: bytes of its body, as far as it told.
    pub(super) fn count(
        &self,
        class: Option<Class>,
        response: &Response,
        received: Option<u64>,
        started: Instant,
    ) {
        let status = usize::from(response.status().as_u16() / 100).saturating_sub(1);
        if let Some(counter) = self.statuses.get(status) {
            counter.inc();
        }
        self.seconds(class).observe(started.elapsed().as_secs_f64());
        self.received_bytes.inc_by(received.unwrap_or(0));
        self.sent_bytes.inc_by(response.body().size_hint().exact().unwrap_or(0));
    }

    fn seconds(&self, class: Option<Class>) -> &Histogram {
        match class {
            Some(Class::Auth | Class::Account | Class::Guesses) => &self.auth,
            Some(Class::Messages) => &self.messages,
            Some(Class::Writes) => &self.writes,
            Some(Class::Reads) => &self.reads,
            Some(Class::Search) => &self.search,
            Some(Class::Signals) | None => &self.other,
        }
    }
}
