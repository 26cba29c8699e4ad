//! Tables of a deployment's own facts, written directly. On the embedded engines the log keeps these
//! facts itself.

use crate::table::{Class, Get, Scan, Table, TableDef, Value};
use crate::time::Timestamp;

crate::table! {
    /// Which log a topic is. A log that is another one than the rows were folded from must not be
    /// folded: its offsets would be skipped as known (HAZARDS 5).
    pub struct TopicState in "topic_state", prefix 0x0701, class Class::Direct;
    partition {
        /// Name without the deployment's prefix.
        topic: String,
    }
    cluster {}
    data {
        /// Counts re-creations and re-partitionings, from 1.
        epoch: i64,
        /// Id that the engine gave the topic.
        topic_id: String,
        /// Number of partitions.
        partitions: i64,
    }
}

crate::table! {
    /// How far a partition has been folded: the log must reach at least as far.
    pub struct HighWater in "topic_high_water", prefix 0x0702, class Class::Direct;
    partition {
        /// Name without the deployment's prefix.
        topic: String,
    }
    cluster { partition: i64 => Asc }
    data {
        /// Stamp of the next record to fold.
        position: i64,
        /// When it was noted.
        noted_at: Timestamp,
    }
}

crate::table! {
    /// Migrations that are done, in the order of their numbers.
    pub struct Migration in "migration", prefix 0x0703, class Class::Direct;
    partition {
        /// `schema`.
        scope: String,
    }
    cluster { number: i64 => Asc }
    data {
        /// What it does.
        name: String,
        /// The program's version that did it.
        version: String,
        /// When it was done.
        done_at: Timestamp,
    }
}

/// Tables of this noun.
pub const ALL: &[&TableDef] = &[TopicState::DEF, HighWater::DEF, Migration::DEF];

impl TopicState {
    /// The state of a topic.
    pub fn get(topic: &str) -> Get {
        Get::of::<Self>(vec![Value::Text(topic.to_owned())])
    }
}

impl HighWater {
    /// Every partition of a topic.
    pub fn of_topic(topic: &str) -> Scan<Self> {
        Scan::of(vec![Value::Text(topic.to_owned())], 100_000)
    }
}

impl Migration {
    /// Every migration that is done.
    pub fn of_schema() -> Scan<Self> {
        Scan::of(vec![Value::Text("schema".to_owned())], 10_000)
    }
}
