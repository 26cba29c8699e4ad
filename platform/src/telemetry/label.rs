//! Labels and the closed sets that their values are from. Nothing else is ever a label: no id, no
//! name, no address, no text that a client can choose.

/// A label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Label {
    /// Its name.
    pub name: &'static str,
    /// Every value it may have; empty where `of` bounds them.
    pub values: &'static [&'static str],
    /// What it tells apart.
    pub of: &'static str,
}

const fn label(name: &'static str, values: &'static [&'static str], of: &'static str) -> Label {
    Label { name, values, of }
}

/// Pools, by name.
pub const POOLS: &[&str] =
    &["persist", "feed", "receipts", "saga", "fanout", "signals", "presence"];

/// A pool.
pub static POOL: Label = label("pool", POOLS, "a pool of workers");
/// A consumer group.
pub static GROUP: Label = label("group", POOLS, "a consumer group: the pool's name");
/// A partition.
pub static PARTITION: Label =
    label("partition", &[], "a partition of the pool's topic: 0 to `kafka.partitions` - 1");
/// What is woken, or what a record passes.
pub static STAGE: Label = label(
    "stage",
    &["persist", "feed", "receipts", "saga", "fanout", "signals", "presence", "deliver", "socket"],
    "a pool; `deliver`: a delivery node, from the outbound record to its sockets' queues; `socket`: \
     the tasks of sockets",
);
/// Steps of a fold, in their order.
pub const STEPS: [&str; 6] = ["load", "decide", "journal", "apply", "emit", "redact"];

/// What a fold does.
pub static STEP: Label = label("step", &STEPS, "a step of the fold (ARCHITECTURE, *The fold*)");
/// Status of an answer.
pub static STATUS: Label =
    label("status", &["1xx", "2xx", "3xx", "4xx", "5xx"], "class of the HTTP status");
/// What a request is.
pub static CLASS: Label = label(
    "class",
    &["auth", "messages", "writes", "reads", "search", "other"],
    "a class of routes, as limits have it; `other`: health, documents, the page",
);
/// What is limited.
pub static LIMIT: Label = label(
    "limit",
    &[
        "auth", "account", "guesses", "messages", "writes", "reads", "search", "signals", "frames",
        "sockets",
    ],
    "a rate limit (CONFIGURATION, *limits*); `guesses`: wrong passwords for one account; `sockets`: \
     open ones of an address or a user",
);
/// Who appends.
pub static BUDGET: Label =
    label("budget", &["ingest", "worker"], "whose appends: of clients, or of pools");
/// A guarantee.
pub static INVARIANT: Label = label(
    "id",
    &["G-04", "G-05", "G-06", "G-08", "G-11", "G-14", "G-16"],
    "a guarantee (GUARANTEES)",
);
/// A call of the store.
pub static CALL: Label = label(
    "call",
    &["get", "scan", "write", "claim", "replace", "put", "dump"],
    "a call of the store's port",
);
/// How a call of the store failed.
pub static STORE_ERROR: Label = label(
    "error",
    &["fenced", "unavailable", "decode", "failed"],
    "why a call failed: another owner wrote (`fenced`), to be tried again (`unavailable`), a row that \
     can not be read, for good",
);
/// What is bounded.
pub static QUEUE: Label = label(
    "queue",
    &[
        "journal_ingest",
        "journal_worker",
        "replies",
        "hub_reads",
        "hub_fetches",
        "hub_gaps",
        "presence_pairs",
    ],
    "something that waits and has a bound: appends before the journal by budget, requests that wait \
     for an outcome, reads and fetches of a delivery node, gaps in its order of events, pairs of who \
     sees whose presence there",
);
/// How a socket was closed.
pub static CODE: Label = label(
    "code",
    &["1000", "1001", "1012", "4400", "4401", "4403", "4413", "4429", "4503", "4508"],
    "close code (PROTOCOL); 1000: the peer said goodbye or is gone",
);
/// What a socket speaks, and over what.
pub static PROTOCOL: Label = label(
    "protocol",
    &["ws", "socket_io", "socket_io_polling"],
    "`ws`: `/ws`; `socket_io`: Socket.IO over a WebSocket; `socket_io_polling`: by long polling",
);
/// How a sync ended.
pub static SYNCED: Label = label(
    "outcome",
    &["done", "overtaken", "failed", "gone"],
    "`overtaken`: more came meanwhile than may wait, the client syncs again; `gone`: its socket closed",
);
/// What a user is.
pub static PRESENCE: Label = label(
    "status",
    &["online", "away", "do_not_disturb", "offline"],
    "what a user is published as; who hides is `offline`",
);
/// Why a request was refused for want of room.
pub static CAUSE: Label = label(
    "cause",
    &["log", "replies", "partition"],
    "what had no room: the log's queue, the places that wait for an outcome, or a partition that \
     answers nobody",
);
/// The build.
pub static VERSION: Label = label("version", &[], "the version, one for each process");
/// The role.
pub static ROLE: Label = label("role", &["all", "ingest", "delivery", "worker"], "the command");
