//! What may be forgotten: which nodes have sockets of whom, and how much of a limit is used.
//! Losing it loses no message (G-20).

use std::time::Duration;

use async_trait::async_trait;
use schemas::{ConversationId, InstanceId, UserId};

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

/// Routes and limits. Contract:
///
/// - An announced route is seen by every later `routes` on any node until `ttl` after the last
///   announcement, or until it is withdrawn by the same node.
/// - `take` counts over all nodes.
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
}
