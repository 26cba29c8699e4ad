//! Metrics: typed, named once, with help texts; labels from closed sets only. One value per
//! platform, none global. Served on the operations port, never on the public one.

mod seldom;

pub use seldom::Seldom;

use prometheus::{
    Encoder, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder,
};

/// All metrics of a process.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    /// Times a stage was woken, by stage: the unit of overhead (one per batch and stage is the aim).
    pub wakeups: IntCounterVec,
    /// Records handled, by pool.
    pub records: IntCounterVec,
    /// Batches that were tried again because an engine did not answer, by pool.
    pub retries: IntCounterVec,
    /// Records put on the dead-letter topic, by pool.
    pub dead_letters: IntCounterVec,
    /// Time from the append of a record to the end of its handling, by stage.
    pub stage_seconds: HistogramVec,
    /// Records not finished, by pool and partition.
    pub lag_records: IntGaugeVec,
    /// Age of the oldest unfinished record, by pool and partition.
    pub lag_seconds: GaugeVec,
    /// Partitions that this process has, by pool.
    pub assigned: IntGaugeVec,
    /// 1 while records wait and none is finished, by pool.
    pub stalled: IntGaugeVec,
    /// JSON encodes of a view.
    pub encodes: IntCounter,
    /// Rows written to folded tables.
    pub rows_written: IntCounter,
    /// Keys written to the embedded store: rows, derived records and cursors.
    pub lsm_inserts: IntCounter,
    /// Messages folded.
    pub messages: IntCounter,
    /// Frames queued to sockets.
    pub deliveries: IntCounter,
    /// Frames told to every node, because it could not be known which have sockets of whom.
    pub broadcasts: IntCounter,
    /// Open, authenticated sockets.
    pub sockets: IntGauge,
    /// Requests by status class.
    pub http_requests: IntCounterVec,
    /// Time from accept to answer of REST requests, seconds.
    pub http_seconds: Histogram,
    /// Invariants that did not hold, by guarantee (G-29). Anything but 0 is a defect.
    pub invariant_violations: IntCounterVec,
    /// Audits of a member's unread count that did not add up. Anything but 0 is a defect.
    pub unread_audit_mismatch: IntCounter,
    /// Kafka: commits that a broker refused, by consumer group. Their records are handled again.
    pub kafka_commit_failures: IntCounterVec,
    /// Kafka: records that wait for their acknowledgement, by budget.
    pub kafka_queue: IntGaugeVec,
    /// Kafka: 1 while appends are acknowledged, 0 while the brokers are away, by budget.
    pub kafka_up: IntGaugeVec,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// A fresh set, all zero.
    pub fn new() -> Self {
        let registry = Registry::new();
        let counter = |name: &str, help: &str| {
            let metric = IntCounter::new(name, help).expect("a valid metric name");
            registry.register(Box::new(metric.clone())).expect("names are unique");
            metric
        };
        let counters = |name: &str, help: &str, label: &str| {
            let metric =
                IntCounterVec::new(Opts::new(name, help), &[label]).expect("a valid metric name");
            registry.register(Box::new(metric.clone())).expect("names are unique");
            metric
        };
        let gauges = |name: &str, help: &str, labels: &[&str]| {
            let metric =
                IntGaugeVec::new(Opts::new(name, help), labels).expect("a valid metric name");
            registry.register(Box::new(metric.clone())).expect("names are unique");
            metric
        };
        let sockets = IntGauge::new("parlance_sockets", "Open, authenticated sockets.")
            .expect("a valid metric name");
        registry.register(Box::new(sockets.clone())).expect("names are unique");
        let lag_seconds = GaugeVec::new(
            Opts::new(
                "parlance_pool_lag_seconds",
                "Age of the oldest unfinished record, of the partitions that this process has.",
            ),
            &["pool", "partition"],
        )
        .expect("a valid metric name");
        registry.register(Box::new(lag_seconds.clone())).expect("names are unique");
        let stage_seconds = HistogramVec::new(
            HistogramOpts::new(
                "parlance_stage_seconds",
                "Time from the append of a record to the end of its handling: one sample a batch.",
            )
            .buckets(prometheus::exponential_buckets(0.001, 2.0, 16).expect("valid buckets")),
            &["stage"],
        )
        .expect("a valid metric name");
        registry.register(Box::new(stage_seconds.clone())).expect("names are unique");
        let http_seconds = Histogram::with_opts(
            HistogramOpts::new(
                "parlance_http_request_seconds",
                "Time from accept to answer of REST requests.",
            )
            .buckets(prometheus::exponential_buckets(0.000_5, 2.0, 14).expect("valid buckets")),
        )
        .expect("a valid metric name");
        registry.register(Box::new(http_seconds.clone())).expect("names are unique");
        #[cfg(target_os = "linux")]
        registry
            .register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))
            .expect("names are unique");
        Self {
            wakeups: counters("parlance_wakeups_total", "Times a stage was woken.", "stage"),
            records: counters("parlance_records_total", "Records handled.", "pool"),
            retries: counters("parlance_retries_total", "Batches tried again.", "pool"),
            dead_letters: counters(
                "parlance_dead_letters_total",
                "Records put on the dead-letter topic.",
                "pool",
            ),
            stage_seconds,
            lag_records: gauges(
                "parlance_pool_lag_records",
                "Records not finished, of the partitions that this process has.",
                &["pool", "partition"],
            ),
            lag_seconds,
            assigned: gauges(
                "parlance_pool_partitions",
                "Partitions that this process has.",
                &["pool"],
            ),
            stalled: gauges(
                "parlance_pool_stalled",
                "1 while records wait and none was finished for half a minute.",
                &["pool"],
            ),
            encodes: counter("parlance_view_encodes_total", "JSON encodes of a view."),
            rows_written: counter("parlance_rows_written_total", "Rows written to folded tables."),
            lsm_inserts: counter(
                "parlance_lsm_inserts_total",
                "Keys written to the embedded store: rows, derived records and cursors.",
            ),
            messages: counter("parlance_messages_total", "Messages folded."),
            deliveries: counter("parlance_deliveries_total", "Frames queued to sockets."),
            broadcasts: counter(
                "parlance_broadcasts_total",
                "Frames told to every node, because routes could not be read or trusted.",
            ),
            sockets,
            http_requests: counters("parlance_http_requests_total", "REST requests.", "status"),
            http_seconds,
            invariant_violations: counters(
                "parlance_invariant_violations_total",
                "Invariants that did not hold, by guarantee.",
                "id",
            ),
            unread_audit_mismatch: counter(
                "parlance_unread_audit_mismatch_total",
                "Audits of a member's unread count that did not add up.",
            ),
            kafka_commit_failures: counters(
                "parlance_kafka_commit_failures_total",
                "Commits that a broker refused.",
                "group",
            ),
            kafka_queue: gauges(
                "parlance_kafka_queue_records",
                "Records that wait for their acknowledgement.",
                &["budget"],
            ),
            kafka_up: gauges("parlance_kafka_up", "Whether appends are acknowledged.", &["budget"]),
            registry,
        }
    }

    /// The text form that Prometheus scrapes (version 0.0.4).
    pub fn render(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut out) {
            tracing::error!(%error, "metrics could not be rendered");
        }
        out
    }
}
