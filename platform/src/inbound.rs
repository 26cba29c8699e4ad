//! What a socket asks of acceptance. Ingest implements it; the binary hands it to delivery as a
//! value, so that a socket and a POST run the same code and the tiers do not import each other.

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
pub use schemas::presence::view::{Permission, Seen};
use schemas::{ApiError, SessionId, Timestamp, UserId};
use serde_json::value::RawValue;

/// Who a request comes from, as an access token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user.
    pub user: UserId,
    /// The session; a socket lives as long as it.
    pub session: SessionId,
    /// When the access token expires.
    pub expires_at: Timestamp,
}

/// The outcome of an accepted request: the JSON of `data` in its answer.
pub type Outcome = BoxFuture<'static, Result<Bytes, ApiError>>;

/// Accepts requests.
#[async_trait]
pub trait Inbound: Send + Sync + 'static {
    /// Checks an access token: signature, expiry, whether its session has ended.
    fn authenticate(&self, token: &str) -> Result<Identity, ApiError>;

    /// Validates a request and gives it its place in the log before it returns, so that requests
    /// accepted one after another are folded in that order. The outcome comes with the future.
    async fn accept(
        &self,
        who: &Identity,
        kind: &str,
        data: Option<&RawValue>,
    ) -> Result<Outcome, ApiError>;

    /// As [`Self::accept`] of `call.join`, on a socket of this node: it is the join of this number here,
    /// and later ones have higher numbers.
    async fn join_call(
        &self,
        who: &Identity,
        _number: u64,
        data: Option<&RawValue>,
    ) -> Result<Outcome, ApiError> {
        self.accept(who, "call.join", data).await
    }

    /// A socket has ended, and its user has no other here on which he joined the call: he has left it,
    /// unless he joined it elsewhere since, or here by a join of a number above `up_to`.
    async fn end_call(&self, _who: &Identity, _call: &str, _up_to: u64) -> Result<(), ApiError> {
        Ok(())
    }

    /// Counts a request that is not [`Self::accept`]ed, by its limit.
    async fn charge(&self, who: &Identity, kind: &str) -> Result<(), ApiError>;

    /// The presence of users and what the viewer is to them, in the order asked; many are read
    /// in slices. One that does not exist has no entry: shown ([`schemas::presence::view::show`]), he is
    /// like one that hides.
    async fn presence(&self, viewer: UserId, of: &[UserId]) -> Result<Vec<Seen>, ApiError>;

    /// The feed of somebody who has sockets here tells that he hides from now on that he types: what was
    /// accepted of it here is told to have ended.
    async fn hides_typing(&self, _user: UserId) {}
}
