//! Limits that hold without the shared store: while it is away, each node counts for itself.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use platform::embedded::LocalEphemeral;
use platform::port::clock::Clock;
use platform::port::ephemeral::{Ephemeral, Note, Quota, Route, Unavailable, Verdict};
use schemas::InstanceId;
use uuid::Uuid;

/// A shared store, and a limiter of this process for when it does not answer. A limit is then that
/// of each node instead of all nodes, and begins whole: requests stay limited, if less so. Routes and
/// boards have no such stand-in: one node's knowledge is none, so that they stay [`Unavailable`].
#[derive(Debug)]
pub struct Fallback<E> {
    shared: E,
    local: LocalEphemeral,
}

impl<E: Ephemeral> Fallback<E> {
    /// In front of `shared`.
    pub fn new(shared: E, clock: Arc<dyn Clock>) -> Self {
        Self { shared, local: LocalEphemeral::new(clock) }
    }

    /// The shared store.
    pub fn shared(&self) -> &E {
        &self.shared
    }
}

#[async_trait]
impl<E: Ephemeral> Ephemeral for Fallback<E> {
    async fn announce(
        &self,
        node: InstanceId,
        routes: &[Route],
        ttl: Duration,
    ) -> Result<(), Unavailable> {
        self.shared.announce(node, routes, ttl).await
    }

    async fn withdraw(&self, node: InstanceId, routes: &[Route]) -> Result<(), Unavailable> {
        self.shared.withdraw(node, routes).await
    }

    async fn routes(&self, routes: &[Route]) -> Result<Vec<Vec<InstanceId>>, Unavailable> {
        self.shared.routes(routes).await
    }

    fn suspect(&self) -> bool {
        self.shared.suspect()
    }

    async fn take(&self, key: &str, quota: Quota) -> Result<Verdict, Unavailable> {
        match self.shared.take(key, quota).await {
            Ok(verdict) => Ok(verdict),
            // Whoever watches the store has logged that it is away.
            Err(_) => self.local.take(key, quota).await,
        }
    }

    async fn note(&self, board: &str, notes: &[Note]) -> Result<(), Unavailable> {
        self.shared.note(board, notes).await
    }

    async fn noted(&self, board: &str, fields: &[Uuid]) -> Result<Vec<Option<Bytes>>, Unavailable> {
        self.shared.noted(board, fields).await
    }

    async fn board(&self, board: &str) -> Result<Vec<(Uuid, Bytes)>, Unavailable> {
        self.shared.board(board).await
    }
}
