//! What a round asks for, what it is given, and why it may stop.

use schemas::table::{Batch, Decode, Get, Scan, Stored};

use super::Emit;

/// What to do next.
#[derive(Debug)]
pub enum Step {
    /// Read rows.
    Get(Vec<Get>),
    /// Read changes.
    Scan(Scan),
    /// Write, all with one fence.
    Write(Batch),
    /// Append, in this order.
    Emit(Vec<Emit>),
    /// The round's records are finished.
    Done,
}

/// What came of the last step.
#[derive(Debug)]
pub enum Answer {
    /// There was none.
    Begin,
    /// Of a get.
    Rows(Vec<Option<Stored>>),
    /// Of a scan.
    Page(Vec<Stored>),
    /// Of a write.
    Written,
    /// Of an emit.
    Emitted,
}

/// The round can not go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A stored row can not be read.
    #[error(transparent)]
    Decode(#[from] Decode),
    /// Another owner was here: stop.
    #[error("another owner has folded at a newer epoch")]
    Fenced,
    /// The log is not the one that the store was folded from: going on would skip what was
    /// acknowledged (HAZARDS 5).
    #[error("the log does not fit the store: {0}")]
    Identity(String),
    /// An invariant does not hold in what is stored, or in what was decided (then of this record):
    /// nothing is written (G-29).
    #[error("{id} does not hold: {what}")]
    Broken {
        /// The guarantee.
        id: &'static str,
        /// The record whose decision was wrong; none: what is stored is.
        offset: Option<u64>,
        /// What was found.
        what: String,
    },
    /// The shell answered another step than it was given: a defect.
    #[error("the answer does not fit the step")]
    Step,
}
