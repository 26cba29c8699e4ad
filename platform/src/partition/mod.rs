//! The partition driver: runs a handler over the partitions that a group gives this process.
//!
//! Pure parts: [`ledger`] (which offsets are finished, what may be committed), [`lanes`] (records of
//! one key in order, keys at the same time), [`retry`] (when a batch is tried again, when a record
//! is given up). Async parts: [`driver`], and [`letters`] (what was given up, on its way to the dead letters).
//!
//! Invariants: records of one key are handled in offset order and never two batches at a time; an
//! offset is committed only when everything before it is finished, dead-lettered or was a
//! duplicate; nothing is skipped because an engine is away; a key goes on past a dead letter only when
//! the letter is on its topic.

pub mod driver;
mod instruments;
pub mod lag;
pub mod lanes;
pub mod ledger;
mod letters;
pub mod progress;
pub mod retry;

use async_trait::async_trait;

use crate::port::log::Record;

/// What a lane is for: a conversation, a user, or a whole partition.
pub type LaneKey = u128;

/// Why a batch was not finished.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// An engine does not answer: tried again for as long as it takes. Never a dead letter.
    #[error("to be tried again: {0}")]
    Retry(String),
    /// This record can not be handled, now or later: it becomes a dead letter.
    #[error("record {offset} can not be handled: {reason}")]
    Poison {
        /// Its offset.
        offset: u64,
        /// Why.
        reason: String,
    },
    /// One of the records can not be handled, and it is not known which: each is tried alone, and what
    /// fails alone becomes a dead letter.
    #[error("one of the records can not be handled: {0}")]
    Suspect(String),
    /// Another owner has written since, or a late write of our own has arrived: the lane rests, and
    /// loads again what stands. If its partition is gone meanwhile, it ends; if it is fenced again and
    /// again, something is wrong and the pool stops.
    #[error("fenced: {0}")]
    Fenced(String),
    /// This process must not go on: stop at once, commit nothing.
    #[error("stopped: {0}")]
    Stop(String),
}

/// Handles records, lane by lane.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// What is kept between the batches of a lane. Dropped after a failure or a panic, and when more
    /// lanes were used since than a pool keeps.
    type Lane: Send + 'static;

    /// The pool's name, for metrics.
    fn pool(&self) -> &'static str;

    /// The lane of a record; the reason if it has none (it becomes a dead letter).
    fn lane(&self, record: &Record) -> Result<LaneKey, String>;

    /// A lane with nothing in it.
    fn open(&self, key: LaneKey, partition: u32) -> Self::Lane;

    /// Handles records of one lane, in order. When it returns `Ok`, all their effects are done.
    async fn handle(&self, lane: &mut Self::Lane, batch: &[Record]) -> Result<(), Failure>;
}
