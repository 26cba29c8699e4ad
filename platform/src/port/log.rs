//! The log: what Kafka and the embedded engine can both honestly promise.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use schemas::topic::{Headers, Topic};
use schemas::{Position, Timestamp};

/// A record to append. The partition is always explicit (`schemas::partition`).
#[derive(Clone, Debug)]
pub struct Append {
    /// Topic.
    pub topic: &'static Topic,
    /// Partition.
    pub partition: u32,
    /// Key.
    pub key: Bytes,
    /// Headers.
    pub headers: Headers,
    /// Value.
    pub value: Bytes,
}

/// A record as it is read.
#[derive(Clone, Debug)]
pub struct Record {
    /// Topic.
    pub topic: &'static Topic,
    /// Where it lies.
    pub position: Position,
    /// When the log took it: the engine's clock, not the producer's.
    pub appended_at: Timestamp,
    /// Key.
    pub key: Bytes,
    /// Headers this version knows.
    pub headers: Headers,
    /// Value.
    pub value: Bytes,
}

/// Whose appends they are. The two have bounds of their own, so that a flood of requests can not
/// stop the workers that would drain it (HAZARDS 21).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// Clients' requests: a full queue is answered with [`Error::Overloaded`] at once, and an
    /// append that is not durable in 2 s with [`Error::Unknown`].
    Ingest,
    /// Workers: waits for room and never times out.
    Worker,
}

/// Errors of the log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Refused before anything was written.
    #[error("the log's queue is full")]
    Overloaded,
    /// The append has had an effect or none.
    #[error("the append's outcome is unknown: {0}")]
    Unknown(String),
    /// The record breaks a limit.
    #[error("record of {0} bytes is too large")]
    TooLarge(usize),
    /// The position asked for is not kept any more.
    #[error("the position is no longer kept; the oldest kept offset is {0}")]
    OutOfRange(u64),
    /// The engine can not be used any more (an error on sync, a lost group membership).
    #[error("the log has failed: {0}")]
    Failed(String),
    /// The engine is closing.
    #[error("the log is closed")]
    Closed,
}

/// Where a tail starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the oldest record kept.
    Earliest,
    /// Behind the newest record at the time of the call.
    Latest,
    /// At this offset.
    At(u64),
    /// In each partition at the first record that the log took at this time or later; behind the newest
    /// if there is none.
    Since(Timestamp),
}

/// What a member of a group meets, in order.
#[derive(Debug)]
pub enum Polled {
    /// Partitions that are this member's from now on, each with its epoch and the committed offset
    /// (the next one to handle).
    Assigned(Vec<Assignment>),
    /// Partitions to let go: finish or drop what is in flight within 2 s, commit, then call
    /// [`Member::released`].
    Revoking(Vec<u32>),
    /// Partitions that are gone already, without a chance to commit: the group gave them to another
    /// member because this one was not heard of. Whatever runs for them is dropped; nothing of it is
    /// committed. No call follows.
    Lost(Vec<u32>),
    /// Records, in offset order within each partition.
    Records(Vec<Record>),
}

/// One partition given to a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The partition.
    pub partition: u32,
    /// The topic's epoch.
    pub epoch: u32,
    /// The next offset to handle.
    pub committed: u64,
}

/// State of a partition, for lag and for start-up checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartitionState {
    /// The partition.
    pub partition: u32,
    /// The topic's epoch.
    pub epoch: u32,
    /// Oldest offset kept.
    pub first: u64,
    /// Offset of the next record to come, as far as readers may see.
    pub end: u64,
}

/// Topics. Contract:
///
/// - `append` takes its place in order at the call, not at the await: two calls from one task on
///   one partition are in the log in that order. The future may be dropped; the append goes on.
/// - An `Ok` position means: durable as the topic says (`schemas::topic::Durability`). Readers see a
///   record of a synced topic only when it is synced.
/// - Offsets of a partition start at 0 and are dense. `appended_at` never goes back in a partition.
/// - A group has each partition at one member at most; records from the committed offset on are
///   read again after a restart or a reassignment (at least once).
#[async_trait]
pub trait Log: Send + Sync + 'static {
    /// Appends records; all positions, in order, or the first error.
    fn append(
        &self,
        budget: Budget,
        records: Vec<Append>,
    ) -> BoxFuture<'static, Result<Vec<Position>, Error>>;

    /// Joins a consumer group on a topic.
    async fn join(
        &self,
        group: &'static str,
        topic: &'static Topic,
    ) -> Result<Box<dyn Member>, Error>;

    /// Reads partitions without a group: own cursor, nothing committed.
    async fn tail(
        &self,
        topic: &'static Topic,
        partitions: Vec<u32>,
        start: Start,
    ) -> Result<Box<dyn Tail>, Error>;

    /// State of every partition of a topic.
    async fn describe(&self, topic: &'static Topic) -> Result<Vec<PartitionState>, Error>;

    /// Committed offsets of a group: (partition, next offset).
    async fn committed(
        &self,
        group: &'static str,
        topic: &'static Topic,
    ) -> Result<Vec<(u32, u64)>, Error>;

    /// Number of partitions of a topic in this engine.
    fn partitions(&self, topic: &'static Topic) -> u32;

    /// Stops taking appends, makes what was taken durable, stops background work.
    async fn close(&self);
}

/// One member of a consumer group. Dropping it leaves the group.
#[async_trait]
pub trait Member: Send {
    /// Waits for what comes next. Cancel-safe. Paused partitions give no records.
    async fn poll(&mut self) -> Result<Polled, Error>;

    /// Stops or goes on reading a partition, from where it stood.
    fn pause(&mut self, partition: u32, paused: bool);

    /// Everything before `next` is handled. Later commits of a partition must not be smaller. May
    /// return before the engine has it; a commit that comes too late, because the partition was given
    /// away, is no error: [`Polled::Lost`] follows.
    async fn commit(&mut self, offsets: Vec<(u32, u64)>) -> Result<(), Error>;

    /// The revoked partitions are let go.
    async fn released(&mut self, partitions: Vec<u32>) -> Result<(), Error>;
}

/// A reader with its own cursor.
#[async_trait]
pub trait Tail: Send {
    /// Waits for records: at least one. Cancel-safe. [`Error::OutOfRange`] means records were lost to
    /// this reader; it goes on at the oldest kept.
    async fn next(&mut self) -> Result<Vec<Record>, Error>;
}
