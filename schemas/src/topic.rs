//! Every topic: its name, who writes and reads it, and how durable it is.
//!
//! Keys are ids in their text form, so that other tools read them. Partition counts are fixed when
//! a deployment starts: changing one is a new epoch (`position`).

use std::time::Duration;

use crate::limits;

/// How a topic is kept by the embedded engine. Kafka keeps them all with `acks=all`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// In the journal, synced before the append is acknowledged; readers stop at the synced mark.
    Synced,
    /// Derived from synced topics: kept in the store behind the rows, and made again after a crash.
    Derived,
    /// A ring in memory: nothing in it is needed after a restart.
    Volatile,
}

/// One topic.
#[derive(Debug)]
pub struct Topic {
    /// Name without the deployment's prefix.
    pub name: &'static str,
    /// Number in the embedded engine's files. Never reused.
    pub id: u16,
    /// How the embedded engine keeps it.
    pub durability: Durability,
    /// Partitions on the embedded engine.
    pub partitions_embedded: u32,
    /// Partitions on Kafka.
    pub partitions_kafka: u32,
    /// How long records are kept once every group has read them.
    pub retention: Duration,
}

impl PartialEq for Topic {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}
impl Eq for Topic {}

const DAY: Duration = Duration::from_hours(24);

impl Topic {
    /// Whether its records are worth something now only, and may be gone before a group has read them:
    /// a reader that comes too late goes on at the oldest kept.
    pub fn is_brief(&self) -> bool {
        self.retention < DAY
    }
}

/// Commands on conversations. Key: conversation. Written by ingest, by delivery's inbound frames, by
/// `feed` (blocks) and by `saga`; read by `persist`.
pub static COMMANDS: Topic = Topic {
    name: "chat.commands",
    id: 1,
    durability: Durability::Synced,
    partitions_embedded: 8,
    partitions_kafka: 128,
    retention: Duration::from_hours(24 * 7),
};

/// Commands on users. Key: user. Written by ingest and persist; read by `feed` and `saga`.
pub static USERS: Topic = Topic {
    name: "chat.users",
    id: 2,
    durability: Durability::Synced,
    partitions_embedded: 8,
    partitions_kafka: 128,
    retention: Duration::from_hours(24 * 7),
};

/// What has happened in conversations. Key: conversation. Written by persist; read by `fanout` and
/// by data teams.
pub static EVENTS: Topic = Topic {
    name: "chat.events",
    id: 3,
    durability: Durability::Derived,
    partitions_embedded: 8,
    partitions_kafka: 128,
    retention: Duration::from_hours(24 * 7),
};

/// Frames, replies and notices for nodes. Partition 0 is read by every node; a node reads one more,
/// chosen by its instance id. Written by fanout, signals, presence, feed, and persist and receipts
/// (replies).
pub static OUTBOUND: Topic = Topic {
    name: "chat.outbound",
    id: 4,
    durability: Durability::Volatile,
    partitions_embedded: 8,
    partitions_kafka: 128,
    retention: Duration::from_hours(1),
};

/// Records that could not be decoded, or whose fold panicked, and marks of what became of them
/// (`letter`). Key: the record's own; where it lay is in its headers. Written by every pool and by
/// `parlance dlq`.
pub static DEAD_LETTERS: Topic = Topic {
    name: "chat.dead-letters",
    id: 5,
    durability: Durability::Derived,
    partitions_embedded: 1,
    partitions_kafka: 1,
    retention: DAY.saturating_mul(30),
};

/// Watermarks of what members have received and read. Key: conversation. Written by ingest and by
/// delivery's inbound frames; read by `receipts`.
pub static RECEIPTS: Topic = Topic {
    name: "chat.receipts",
    id: 6,
    durability: Durability::Synced,
    partitions_embedded: 8,
    partitions_kafka: 128,
    retention: Duration::from_hours(24 * 7),
};

/// What is only worth something now: receipts on their way to sockets, who types, signalling of calls.
/// Key: conversation, or the id of the call. Written by `receipts` and ingest; read by `signals`.
/// Losing a record loses no more than a push.
pub static SIGNALS: Topic = Topic {
    name: "chat.signals",
    id: 7,
    durability: Durability::Volatile,
    partitions_embedded: 8,
    partitions_kafka: 128,
    retention: Duration::from_millis(limits::SIGNAL_MS),
};

/// What devices of users are up to, and what nodes and `feed` tell of it. Key: user. Written by delivery,
/// `feed`, and `presence` to itself; read by `presence`. Derived, so that offsets grow over restarts: rows
/// are stamped by them. A heartbeat of every node goes to every partition in which it has devices, so
/// that there are fewer on Kafka than of conversations.
pub static PRESENCE: Topic = Topic {
    name: "chat.presence",
    id: 8,
    durability: Durability::Derived,
    partitions_embedded: 8,
    partitions_kafka: 32,
    retention: Duration::from_hours(1),
};

/// All topics, for creating and listing them.
pub static ALL: [&Topic; 8] =
    [&COMMANDS, &USERS, &EVENTS, &OUTBOUND, &DEAD_LETTERS, &RECEIPTS, &SIGNALS, &PRESENCE];

/// The topic with this number in the embedded engine's files.
pub fn by_id(id: u16) -> Option<&'static Topic> {
    ALL.into_iter().find(|topic| topic.id == id)
}

/// The topic of this name, without the deployment's prefix.
pub fn by_name(name: &str) -> Option<&'static Topic> {
    ALL.into_iter().find(|topic| topic.name == name)
}

/// Record headers. Names are a closed set: a reader drops what it does not know.
pub mod header {
    /// `CloudEvents` attributes (binary mode of the Kafka binding 1.0.2).
    pub const CE_SPECVERSION: &str = "ce_specversion";
    /// Id of the event: conversation and rev.
    pub const CE_ID: &str = "ce_id";
    /// `chat.` and the frame's type.
    pub const CE_TYPE: &str = "ce_type";
    /// `/parlance`.
    pub const CE_SOURCE: &str = "ce_source";
    /// The conversation.
    pub const CE_SUBJECT: &str = "ce_subject";
    /// Record time, RFC 3339.
    pub const CE_TIME: &str = "ce_time";
    /// Extension: number of the change in its conversation, decimal.
    pub const CE_REV: &str = "ce_rev";
    /// Extension: number of the message in its conversation, decimal; absent on other events.
    pub const CE_SEQ: &str = "ce_seq";
    /// Media type of the value.
    pub const CONTENT_TYPE: &str = "content-type";
    /// Members to route to, 16 bytes each; empty: route by conversation.
    pub const AUDIENCE: &str = "audience";
    /// Members who are no members any more with this event, 16 bytes each; absent: none.
    pub const LEFT: &str = "left";
    /// Present on the last event that is routed by member: from the next on it is by conversation.
    pub const FLIP: &str = "flip";
    /// Outbound feed entry: 1, the user is a member of `conversation` from now on; 0, no more.
    pub const MEMBER: &str = "member";
    /// Outbound, signals: what the record is (`outbound::Kind`), one byte; absent on receipts.
    pub const KIND: &str = "kind";
    /// Outbound: the instance it is for, 16 bytes; absent on partition 0.
    pub const TO: &str = "to";
    /// Outbound: the conversation, 16 bytes.
    pub const CONVERSATION: &str = "conversation";
    /// Outbound: the rev, 8 bytes big-endian.
    pub const REV: &str = "rev";
    /// Typing: who types, 16 bytes.
    pub const USER: &str = "user";
    /// Typing: when it ends by itself, ms, 8 bytes big-endian; absent: it has ended.
    pub const UNTIL: &str = "until";
    /// Typing where it is told to whoever has the conversation on screen: but not to these, 16 bytes
    /// each; absent: to all of them.
    pub const EXCEPT: &str = "except";
    /// Outbound reply: the command, 16 bytes.
    pub const COMMAND: &str = "command";
    /// Dead letter: why, text.
    pub const REASON: &str = "reason";
    /// Dead letter: source topic, text.
    pub const SOURCE_TOPIC: &str = "source-topic";
    /// Dead letter: source partition, decimal.
    pub const SOURCE_PARTITION: &str = "source-partition";
    /// Dead letter: source offset, decimal.
    pub const SOURCE_OFFSET: &str = "source-offset";
    /// Dead letter: tries before it was given up, decimal.
    pub const TRIES: &str = "tries";
    /// Dead letter: the pool that gave it up, text.
    pub const POOL: &str = "pool";
    /// Dead letter: bytes of the record's key, headers and value, decimal; absent in letters that keep
    /// no headers of the record.
    pub const RECORD_BYTES: &str = "record-bytes";
    /// Record of a dead letter that was appended again: the letter's offset, decimal.
    pub const RETRY_OF: &str = "retry-of";
    /// Mark of a dead letter: the letter's offset, decimal.
    pub const RESOLVES: &str = "resolves";
    /// Mark of a dead letter: what became of it, text.
    pub const OUTCOME: &str = "outcome";
    /// Mark of a dead letter: where its record was appended again, `partition/offset`, decimal.
    pub const RETRIED_AT: &str = "retried-at";

    const NAMES: [&str; 32] = [
        CE_SPECVERSION,
        CE_ID,
        CE_TYPE,
        CE_SOURCE,
        CE_SUBJECT,
        CE_TIME,
        CE_REV,
        CE_SEQ,
        CONTENT_TYPE,
        AUDIENCE,
        LEFT,
        FLIP,
        MEMBER,
        KIND,
        TO,
        CONVERSATION,
        REV,
        USER,
        UNTIL,
        COMMAND,
        REASON,
        SOURCE_TOPIC,
        SOURCE_PARTITION,
        SOURCE_OFFSET,
        TRIES,
        POOL,
        RECORD_BYTES,
        RESOLVES,
        OUTCOME,
        RETRIED_AT,
        RETRY_OF,
        EXCEPT,
    ];

    /// The static spelling of a name read from a record; none for a name this version does not know.
    pub fn known(name: &str) -> Option<&'static str> {
        NAMES.into_iter().find(|known| *known == name)
    }
}

/// Headers of a record, in the order they were written.
pub type Headers = Vec<(&'static str, bytes::Bytes)>;

/// The first header of that name.
pub fn header_of<'a>(headers: &'a Headers, name: &str) -> Option<&'a bytes::Bytes> {
    headers.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_names_are_unique() {
        for (at, topic) in ALL.iter().enumerate() {
            assert!(ALL.iter().skip(at + 1).all(|t| t.id != topic.id && t.name != topic.name));
        }
    }
}
