//! Every metric, once: field, type, name, unit, labels, bounds; the comment is the help text.
//!
//! Names are for ever, as dashboards and alerts of others use them: a metric is added, or goes with
//! a line in CHANGELOG.md; it never comes to mean something else.

use prometheus::{
    GaugeVec, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Registry,
};

use super::kind::{Buckets, Definition, Metric, Reading, ReadingVec};
use super::label;

const fn buckets(first: f64, factor: f64, count: usize) -> Buckets {
    Buckets { first, factor, count }
}

/// 50 µs to 13 s: what happens inside one process, or between it and an engine.
const CALL: Buckets = buckets(0.000_05, 2.0, 19);
/// 0.5 ms to 4 s: what a client waits for.
const REQUEST: Buckets = buckets(0.000_5, 2.0, 14);
/// 1 ms to 33 s: from the append of a record on; the log's clock has milliseconds.
const RECORD: Buckets = buckets(0.001, 2.0, 16);
/// 1 to 256: a batch of a lane.
const BATCH: Buckets = buckets(1.0, 2.0, 9);
/// 1 to 16,384: what one sync or one flush takes.
const GROUP: Buckets = buckets(1.0, 2.0, 15);

macro_rules! metrics {
    ($($(#[doc = $help:literal])+
       $field:ident: $type:ty = $name:literal, $unit:literal $(, by $($label:ident)+)? $(, in $buckets:ident)?;
    )+) => {
        /// Every metric of a process, as a field each.
        #[derive(Clone, Debug)]
        pub struct All {
            $($(#[doc = $help])+ pub $field: $type,)+
        }

        /// The table, in the order of docs/METRICS.md.
        pub static DEFINITIONS: &[Definition] = &[$(Definition {
            name: $name,
            help: concat!($($help),+),
            kind: <$type as Metric>::KIND,
            unit: $unit,
            labels: &[$($(&label::$label),+)?],
            buckets: metrics!(@buckets $($buckets)?),
        }),+];

        impl All {
            pub(super) fn register(registry: &Registry) -> Self {
                let mut rows = DEFINITIONS.iter();
                // Fields are made in the order of the table.
                let mut next = || rows.next().expect("a row for each field");
                let all = Self { $($field: <$type>::register(next(), registry),)+ };
                // Absent is not the same as 0: an alert must see the first one.
                for id in label::INVARIANT.values {
                    all.invariant_violations.with_label_values(&[id]);
                }
                all
            }

            /// A scrape begins: readings are 0.
            pub(super) fn begin(&self) {
                $(self.$field.begin();)+
            }
        }
    };
    (@buckets) => { None };
    (@buckets $buckets:ident) => { Some($buckets) };
}

metrics! {
    /// 1 while the role takes its work; 0 at the start and from SIGTERM on.
    ready: IntGauge = "parlance_ready", "0 or 1";
    /// Always 1: which version runs, in which role.
    build: IntGaugeVec = "parlance_build_info", "1", by VERSION ROLE;
    /// Age of the process.
    uptime: Reading = "parlance_uptime_seconds", "seconds";
    /// Invariants that did not hold, by guarantee (G-29). Anything but 0 is a defect: see its log line.
    invariant_violations: IntCounterVec = "parlance_invariant_violations_total", "violations", by INVARIANT;
    /// Audits of a member's unread count that did not add up (G-14). Anything but 0 is a defect.
    unread_audit_mismatch: IntCounter = "parlance_unread_audit_mismatch_total", "audits";

    /// REST requests, refused upgrades of sockets included.
    http_requests: IntCounterVec = "parlance_http_requests_total", "requests", by STATUS;
    /// From the head of a REST request to its answer.
    http_seconds: HistogramVec = "parlance_http_request_seconds", "seconds", by CLASS, in REQUEST;
    /// Bodies of REST requests, as far as their length was told.
    http_received_bytes: IntCounter = "parlance_http_received_bytes_total", "bytes";
    /// Bodies of REST answers.
    http_sent_bytes: IntCounter = "parlance_http_sent_bytes_total", "bytes";
    /// Requests, frames and sockets refused by a rate limit, with 429 or its like.
    rate_limited: IntCounterVec = "parlance_rate_limited_total", "refusals", by LIMIT;
    /// Requests refused for want of room, with 503 `overloaded`, before anything was done.
    overloaded: IntCounterVec = "parlance_overloaded_total", "refusals", by CAUSE;

    /// From the call of an append until it is durable: of synced topics, in the journal or on Kafka.
    append_seconds: HistogramVec = "parlance_append_seconds", "seconds", by BUDGET, in CALL;
    /// Records appended to synced topics.
    append_records: IntCounterVec = "parlance_append_records_total", "records", by BUDGET;
    /// Embedded: one sync of the journal to the disk, its write included.
    journal_sync_seconds: Histogram = "parlance_journal_sync_seconds", "seconds", in CALL;
    /// Embedded: records that one sync made durable.
    journal_group_records: Histogram = "parlance_journal_group_records", "records", in GROUP;
    /// Embedded: bytes written to the journal.
    journal_written_bytes: IntCounter = "parlance_journal_written_bytes_total", "bytes";
    /// Embedded: size of all segments of the journal.
    journal_bytes: Reading = "parlance_journal_bytes", "bytes";
    /// Embedded: size from which segments that are folded and synced go early (`journal.max_mib`).
    journal_limit_bytes: Reading = "parlance_journal_limit_bytes", "bytes";
    /// Embedded: segment files of the journal.
    journal_segments: Reading = "parlance_journal_segments", "files";
    /// Kafka: commits that a broker refused. Their records are handled again.
    kafka_commit_failures: IntCounterVec = "parlance_kafka_commit_failures_total", "commits", by GROUP;
    /// Kafka: records that wait for their acknowledgement.
    kafka_queue: IntGaugeVec = "parlance_kafka_queue_records", "records", by BUDGET;
    /// Kafka: 1 while appends are acknowledged, 0 while the brokers are away.
    kafka_up: IntGaugeVec = "parlance_kafka_up", "0 or 1", by BUDGET;

    /// Records not finished, of the partitions that this process has.
    lag_records: IntGaugeVec = "parlance_pool_lag_records", "records", by POOL PARTITION;
    /// Age of the oldest unfinished record, of the partitions that this process has: what a client waits.
    lag_seconds: GaugeVec = "parlance_pool_lag_seconds", "seconds", by POOL PARTITION;
    /// Partitions that this process has.
    assigned: IntGaugeVec = "parlance_pool_partitions", "partitions", by POOL;
    /// 1 while records wait and none was finished for half a minute.
    stalled: IntGaugeVec = "parlance_pool_stalled", "0 or 1", by POOL;
    /// Records read and not finished.
    pool_records: IntGaugeVec = "parlance_pool_work_records", "records", by POOL;
    /// Where a pool stops reading.
    pool_records_limit: IntGaugeVec = "parlance_pool_work_limit_records", "records", by POOL;
    /// Their bytes.
    pool_bytes: IntGaugeVec = "parlance_pool_work_bytes", "bytes", by POOL;
    /// Where a pool stops reading.
    pool_bytes_limit: IntGaugeVec = "parlance_pool_work_limit_bytes", "bytes", by POOL;
    /// Records handled.
    records: IntCounterVec = "parlance_records_total", "records", by POOL;
    /// Records of one batch: of one conversation or user, or of a whole partition.
    batch_records: HistogramVec = "parlance_batch_records", "records", by POOL, in BATCH;
    /// Batches tried again because an engine did not answer.
    retries: IntCounterVec = "parlance_retries_total", "batches", by POOL;
    /// Records put on the dead-letter topic.
    dead_letters: IntCounterVec = "parlance_dead_letters_total", "records", by POOL;
    /// From the append of a record to the end of its handling: one sample a batch, of its first record.
    stage_seconds: HistogramVec = "parlance_stage_seconds", "seconds", by STAGE, in RECORD;
    /// A step of a fold, one sample a batch. `journal` is the commit point.
    fold_seconds: HistogramVec = "parlance_fold_step_seconds", "seconds", by POOL STEP, in CALL;
    /// Times a stage was woken.
    wakeups: IntCounterVec = "parlance_wakeups_total", "wake-ups", by STAGE;
    /// JSON encodes of a view.
    encodes: IntCounter = "parlance_view_encodes_total", "encodes";
    /// Rows written to folded tables.
    rows_written: IntCounter = "parlance_rows_written_total", "rows";
    /// Messages folded.
    messages: IntCounter = "parlance_messages_total", "messages";
    /// Frames told to every node, because routes could not be read or trusted.
    broadcasts: IntCounter = "parlance_broadcasts_total", "frames";

    /// Entries published: users who became something else, or say something else of themselves.
    presence_transitions: IntCounterVec = "parlance_presence_transitions_total", "entries", by PRESENCE;
    /// Users who came back before anybody heard that they were gone.
    presence_damped: IntCounter = "parlance_presence_flaps_damped_total", "flaps";
    /// Users who come and go all the time, of the partitions that this process has.
    presence_flapping: Reading = "parlance_presence_flapping_users", "users";
    /// Users who are here, of the partitions that this process has.
    presence_users: Reading = "parlance_presence_users", "users";
    /// Their devices.
    presence_devices: Reading = "parlance_presence_devices", "devices";
    /// Nodes that tell of devices.
    presence_nodes: Reading = "parlance_presence_nodes", "nodes";

    /// One call of the store, by whichever role.
    store_seconds: HistogramVec = "parlance_store_seconds", "seconds", by CALL, in CALL;
    /// Calls of the store that failed.
    store_errors: IntCounterVec = "parlance_store_errors_total", "calls", by STORE_ERROR;
    /// Embedded: keys written to the store: rows, derived records and cursors.
    lsm_inserts: IntCounter = "parlance_lsm_inserts_total", "keys";
    /// Embedded: size of the store.
    store_bytes: Reading = "parlance_store_bytes", "bytes";
    /// Embedded: what is free for others than root on the file system of the data folder.
    data_free_bytes: Reading = "parlance_data_free_bytes", "bytes";
    /// Embedded: size of the file system of the data folder.
    data_size_bytes: Reading = "parlance_data_size_bytes", "bytes";

    /// What waits, or is under way, in a queue.
    queue: ReadingVec = "parlance_queue_depth", "records, requests, reads or gaps", by QUEUE;
    /// Its bound: of all nodes of this process together.
    queue_limit: ReadingVec = "parlance_queue_limit", "as the depth", by QUEUE;

    /// Open, authenticated sockets.
    sockets: IntGauge = "parlance_sockets", "sockets";
    /// The same by what they speak: one that has changed from polling to a WebSocket counts as that
    /// within a ping.
    sockets_by_protocol: ReadingVec = "parlance_sockets_by_protocol", "sockets", by PROTOCOL;
    /// Open sockets that have not authenticated yet.
    sockets_unauthenticated: Reading = "parlance_sockets_unauthenticated", "sockets";
    /// Open sockets, authenticated or not, beyond which upgrades are refused.
    sockets_limit: Reading = "parlance_sockets_limit", "sockets";
    /// Upgrades to a socket.
    sockets_opened: IntCounter = "parlance_sockets_opened_total", "sockets";
    /// Sockets closed, by code.
    sockets_closed: IntCounterVec = "parlance_sockets_closed_total", "sockets", by CODE;
    /// What waits in the queues of all sockets.
    socket_queue_bytes: Reading = "parlance_socket_queue_bytes", "bytes";
    /// The fullest queue of one socket.
    socket_queue_max_bytes: Reading = "parlance_socket_queue_max_bytes", "bytes";
    /// Where the queue of one socket is dropped for a `resync`.
    socket_queue_limit_bytes: Reading = "parlance_socket_queue_limit_bytes", "bytes";
    /// Frames received.
    frames_received: IntCounter = "parlance_frames_received_total", "frames";
    /// Text of frames received.
    frames_received_bytes: IntCounter = "parlance_frames_received_bytes_total", "bytes";
    /// Frames given to the kernel.
    frames_sent: IntCounter = "parlance_frames_sent_total", "frames";
    /// Text of frames given to the kernel.
    frames_sent_bytes: IntCounter = "parlance_frames_sent_bytes_total", "bytes";
    /// Frames dropped because a socket did not read: its client was told to resync, or was gone.
    frames_dropped: IntCounter = "parlance_frames_dropped_total", "frames";
    /// Sockets that were told to resync because their queue was full.
    resyncs: IntCounter = "parlance_resyncs_total", "sockets";
    /// Frames queued to sockets, live ones.
    deliveries: IntCounter = "parlance_deliveries_total", "frames";
    /// Frames of one write to a socket.
    write_frames: Histogram = "parlance_write_frames", "frames", in GROUP;
    /// From the wake-up of a socket's task until what waited for it is with the kernel.
    push_seconds: Histogram = "parlance_push_seconds", "seconds", in CALL;
    /// From a request on a socket to its answer.
    socket_request_seconds: Histogram = "parlance_socket_request_seconds", "seconds", in REQUEST;
    /// Gaps in the order of events that were filled from the journal.
    gaps: IntCounter = "parlance_gaps_total", "gaps";
    /// Gaps that were given up: those concerned were told to resync.
    gaps_given_up: IntCounter = "parlance_gaps_given_up_total", "gaps";
    /// Clients that caught up with cursors, or did not.
    syncs: IntCounterVec = "parlance_syncs_total", "syncs", by SYNCED;
    /// From the request to sync to its last frame; a client that reads slowly makes it long.
    sync_seconds: Histogram = "parlance_sync_seconds", "seconds", in RECORD;
}
