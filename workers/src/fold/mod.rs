//! The fold: the pure core that a folding pool supplies, and the shell around it.
//!
//! `decide` and `evolve` are synchronous functions on values: no I/O, clock or randomness. What a
//! decision must know is named by `needs` and loaded before; what it changes is a [`Change`], which
//! carries the after-image of every row it touches but the head.
//!
//! The shell ([`round`]) does for every fold the same steps: load → adopt → decide → journal → apply
//! → emit. The journal write is the commit point: what it holds is never decided again, only applied
//! and emitted again.

mod invariant;
pub mod round;
pub mod shell;
pub mod step;
mod steps;

use bytes::Bytes;
use platform::port::log::Record;
use schemas::envelope::{self, Commands, Content, Once};
use schemas::outbound::{Before, Outbound, Reply};
use schemas::table::{Decode, Get, Scan, Stored, Write};
use schemas::topic::{Headers, Topic, header, header_of};
use schemas::{ApiError, CommandId, InstanceId, MessageId, Position, Rev, Timestamp, UserId};

/// A command record, read.
#[derive(Clone, Debug)]
pub struct Item<C> {
    /// Where it lies.
    pub position: Position,
    /// When the log took it.
    pub appended_at: Timestamp,
    /// The envelope.
    pub meta: envelope::Meta,
    /// The command.
    pub content: Content<C>,
}

impl<C: Commands> Item<C> {
    /// The command in a record.
    pub fn read(record: &Record) -> Result<Self, envelope::Undecodable> {
        let (mut meta, content) = envelope::decode(&record.value)?;
        // A dead letter that is retried twice has one effect, like a request that names itself.
        if meta.once.is_none() && header_of(&record.headers, header::RETRY_OF).is_some() {
            meta.once = Some(Once { id: MessageId::retried(meta.id), hash: 0 });
        }
        Ok(Self { position: record.position, appended_at: record.appended_at, meta, content })
    }
}

/// What every change tells about itself.
pub trait Change: Clone + Send + 'static {
    /// Its number in its key's history.
    fn rev(&self) -> Rev;
    /// Position of the command behind it.
    fn position(&self) -> Position;
    /// The command behind it.
    fn command(&self) -> CommandId;
}

/// What a command comes to.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision<C> {
    /// One change.
    Change(Box<C>),
    /// None: the same request was folded before.
    Before(Before),
    /// None, and nobody is to be told: a repeated record of our own.
    Nothing,
    /// None: refused, for good.
    Rejected(ApiError),
}

/// What a change tells the world.
#[derive(Clone, Debug, PartialEq)]
pub enum Emit {
    /// A record for a keyed topic.
    Record {
        /// Topic.
        topic: &'static Topic,
        /// Key; the partition follows from it.
        key: Bytes,
        /// Headers.
        headers: Headers,
        /// Value.
        value: Bytes,
    },
    /// For one node.
    To(InstanceId, Outbound),
    /// For every node that has sockets of the user.
    Push(UserId, Outbound),
}

/// The pure core of a folding pool.
pub trait Fold: Send + Sync + 'static {
    /// What commands are grouped by: a conversation, a user.
    type Key: Copy + Eq + std::fmt::Debug + Send + Sync + 'static;
    /// Commands of its topic.
    type Command: Commands + Send + Sync + 'static;
    /// What a command comes to.
    type Change: Change;
    /// What decisions start from: sparse, loaded as needed, kept while the lane lives.
    type State: Default + Send + 'static;

    /// Name of the pool.
    const POOL: &'static str;

    /// The key with this number.
    fn key(raw: u128) -> Self::Key;
    /// The head's row.
    fn head(key: Self::Key) -> Get;
    /// The rows, other than the head, that a decision on this command must know. Asked again when
    /// they are loaded, until nothing new is named: what depends on the head can be named then. The
    /// commands before it in its batch have not been decided yet.
    fn needs(
        state: &Self::State,
        key: Self::Key,
        item: &Item<Self::Command>,
        command: &Self::Command,
    ) -> Vec<Get>;
    /// Takes a row into the state: present or known to be absent.
    fn load(state: &mut Self::State, row: &Get, stored: Option<Stored>) -> Result<(), Decode>;
    /// Number and position of the last change that the head knows.
    fn applied(state: &Self::State) -> Option<(Rev, Position)>;
    /// Changes from this number on, in its bucket.
    fn changes_from(key: Self::Key, rev: Rev, limit: usize) -> Scan;
    /// Changes down from this number, in its bucket.
    fn changes_down(key: Self::Key, rev: Rev, limit: usize) -> Scan;
    /// A change from its journal row.
    fn read_change(stored: Stored) -> Result<Self::Change, Decode>;

    /// What the command comes to.
    fn decide(
        state: &Self::State,
        key: Self::Key,
        item: &Item<Self::Command>,
        command: &Self::Command,
    ) -> Decision<Self::Change>;
    /// The state after the change.
    fn evolve(state: &mut Self::State, change: &Self::Change);

    /// The journal's row.
    fn journal(change: &Self::Change) -> Write;
    /// The rows that the change makes or replaces, but the head.
    fn rows(change: &Self::Change) -> Vec<Write>;
    /// The head's row.
    fn head_row(state: &Self::State, key: Self::Key) -> Option<Write>;
    /// What the change tells the world; `reply_to`: where the outcome of its command is awaited.
    fn emits(state: &Self::State, change: &Self::Change, reply_to: Option<InstanceId>)
    -> Vec<Emit>;
    /// The answer to the command behind the change; none: another pool gives it, when it has done its
    /// part ([`Fold::emits`] tells it whom).
    fn reply(change: &Self::Change) -> Option<Reply>;
    /// Rows that are written again when the change has been applied and told: those of earlier changes
    /// that are not to be readable any more. Carried out again with the record, until it is finished.
    fn redacts(_change: &Self::Change) -> Vec<Write> {
        Vec::new()
    }
    /// About how many bytes of long contents the state holds.
    fn weight(_state: &Self::State) -> usize {
        0
    }
    /// Number of the last message, where there are any.
    fn seq(_state: &Self::State) -> i64 {
        0
    }
    /// Whether the change is a message, for the metric that costs are divided by.
    fn is_message(_change: &Self::Change) -> bool {
        false
    }
}
