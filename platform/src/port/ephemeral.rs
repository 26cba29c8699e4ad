//! What may be forgotten: which nodes have sockets of whom, how much of a limit is used, and what is
//! written on boards: who is here, who types. Losing it loses no message (G-20).

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use schemas::{ConversationId, InstanceId, UserId};
use uuid::Uuid;

/// The store of ephemeral facts does not answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the ephemeral store is not available: {0}")]
pub struct Unavailable(pub String);

/// Life of a route. Nodes announce theirs again well within it, so that whatever the store of routes
/// has forgotten is whole again after this time.
pub const ROUTE_TTL: Duration = Duration::from_secs(30);

/// What nodes register for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Route {
    /// A user has sockets here.
    User(UserId),
    /// Members of a large conversation have sockets here.
    Conversation(ConversationId),
}

/// A limit: `burst` at once, refilled at `per_second` (generic cell rate algorithm, ITU-T I.371).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quota {
    /// How many at once.
    pub burst: u32,
    /// Refill.
    pub per_second: f64,
}

/// What a limiter says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the request may pass.
    pub allowed: bool,
    /// How many more would pass now.
    pub remaining: u32,
    /// When one more would pass (if refused) or the limit is whole again (if allowed).
    pub reset: Duration,
}

/// Notes that a board holds at most: more are refused.
pub const BOARD_NOTES: usize = 200_000;
/// Bytes of a note.
pub const NOTE_BYTES: usize = 16_384;

/// What to write on a board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// What it is about. A board has one note on it: the newest.
    pub field: Uuid,
    /// What it says; none: it is wiped.
    pub value: Option<Bytes>,
    /// How long it stands; none: until it is wiped or written anew.
    pub life: Option<Duration>,
}

impl Note {
    /// Says `value` for as long as nothing else is said.
    pub fn new(field: Uuid, value: Bytes) -> Self {
        Self { field, value: Some(value), life: None }
    }

    /// Says `value` for so long.
    pub fn brief(field: Uuid, value: Bytes, life: Duration) -> Self {
        Self { field, value: Some(value), life: Some(life) }
    }

    /// Says nothing any more.
    pub fn wipe(field: Uuid) -> Self {
        Self { field, value: None, life: None }
    }
}

/// Refuses notes that are too large.
pub fn check(notes: &[Note]) -> Result<(), Unavailable> {
    let large = |note: &Note| note.value.as_ref().is_some_and(|value| value.len() > NOTE_BYTES);
    if notes.iter().any(large) {
        return Err(Unavailable(format!("a note of more than {NOTE_BYTES} bytes")));
    }
    Ok(())
}

/// Routes, limits and boards. Contract:
///
/// - An announced route is seen by every later `routes` on any node until `ttl` after the last
///   announcement, or until it is withdrawn by the same node.
/// - `take` counts over all nodes.
/// - What `note` has written is read by every later `noted` and `board` on any node, until its life is
///   over or it is written anew. Notes of one call are written in their order, not all at once.
/// - A board is there as soon as it is written on, and gone when nothing is on it. It may be gone at any
///   time: whoever writes it knows better.
#[async_trait]
pub trait Ephemeral: Send + Sync + 'static {
    /// This node has sockets for these routes.
    async fn announce(
        &self,
        node: InstanceId,
        routes: &[Route],
        ttl: Duration,
    ) -> Result<(), Unavailable>;

    /// This node has none any more.
    async fn withdraw(&self, node: InstanceId, routes: &[Route]) -> Result<(), Unavailable>;

    /// The nodes of each route, in the order asked.
    async fn routes(&self, routes: &[Route]) -> Result<Vec<Vec<InstanceId>>, Unavailable>;

    /// Whether `routes` may lack some that were announced: the store was away, or has begun anew,
    /// less than [`ROUTE_TTL`] ago. Ask after `routes` has answered; then tell every node.
    fn suspect(&self) -> bool {
        false
    }

    /// Takes one from a limit.
    async fn take(&self, key: &str, quota: Quota) -> Result<Verdict, Unavailable>;

    /// Writes on a board.
    async fn note(&self, board: &str, notes: &[Note]) -> Result<(), Unavailable>;

    /// What a board says on these fields, in the order asked.
    async fn noted(&self, board: &str, fields: &[Uuid]) -> Result<Vec<Option<Bytes>>, Unavailable>;

    /// All that a board says, in no order.
    async fn board(&self, board: &str) -> Result<Vec<(Uuid, Bytes)>, Unavailable>;
}
