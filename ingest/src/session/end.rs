//! The end of a session: row, revocation, notice to every node, and only then the answer (G-25).
//!
//! Each step can be repeated, and is: a client that leaves does not stop an end half-way, and one
//! that broke off with its process is completed by whoever comes with the session's token again, or
//! by the sweep ([`super::sweep`]).

use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use platform::port::log::{Append, Budget};
use platform::port::store::Claim as Outcome;
use schemas::outbound::{EVERYONE, Outbound, SessionEnded};
use schemas::session::table::{Revocation, Session};
use schemas::table::{Table, Write};
use schemas::{Code, SessionId, Stamp, Timestamp, limits, topic};

use super::dto::Logout;
use crate::envelope;
use crate::error::Failure;
use crate::extract::{Body, bearer};
use crate::publish::unknown;
use crate::state::Ingest;

/// How much longer than its last access token a revocation is kept: clocks differ.
const MARGIN_MS: i64 = 300_000;
/// Tries against a refresh of the same session.
const TRIES: usize = 8;

/// Ends the session of the refresh token, else that of the bearer, even one that has ended before.
/// A refresh token that is nobody's gets the same answer as one that is somebody's; a request with
/// no token at all is refused.
pub(super) async fn logout(
    State(ingest): State<Ingest>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Failure> {
    let form = body.read::<Logout<'_>>()?;
    let named = form.refresh_token.as_deref().and_then(|token| ingest.keys.read_refresh(token));
    let session = match named {
        Some((session, _)) => Some(session),
        None => match bearer(&headers).map(|token| ingest.keys.verify(token, ingest.now())) {
            Some(Ok(who)) => Some(who.session),
            _ if form.refresh_token.is_some() => None,
            Some(Err(error)) => return Err(error.into()),
            None => return Err(Failure::new(Code::Unauthenticated, "a token is needed")),
        },
    };
    if let Some(session) = session {
        end(&ingest, session).await?;
    }
    Ok(envelope::said("Logged out successfully", ingest.now()))
}

/// Ends a session everywhere; one that does not exist has ended. It goes on if the caller leaves.
pub(super) async fn end(ingest: &Ingest, session: SessionId) -> Result<(), Failure> {
    let ingest = ingest.clone();
    to_its_end(async move { every_step(&ingest, session).await }).await
}

/// Runs to its end what a client that disconnects, and so drops its handler, must not stop.
#[expect(clippy::disallowed_methods, reason = "the handler waits for the task it starts here")]
pub(super) async fn to_its_end<F>(work: F) -> Result<(), Failure>
where
    F: Future<Output = Result<(), Failure>> + Send + 'static,
{
    let done = tokio::spawn(work).await;
    done.unwrap_or_else(|error| Err(Failure::internal(format!("the end of a session: {error}"))))
}

async fn every_step(ingest: &Ingest, session: SessionId) -> Result<(), Failure> {
    let Some((row, ended_at)) = close(ingest, session).await? else { return Ok(()) };
    let until = revoked_until(ended_at);
    if until <= ingest.now() {
        // Ended long ago: no access token of it lives.
        return Ok(());
    }
    // From here on something is written, so a failure leaves the outcome open.
    let shard = Revocation::shard(until);
    let revocation = Revocation { shard, session, user: row.user, until };
    let kept = ingest.platform.store.put(vec![Write::insert(&revocation, Stamp(0))]).await;
    kept.map_err(|error| unknown(error.to_string()))?;

    let ended = SessionEnded { session, user: row.user, until };
    ingest.node.end_session(&ended);
    let (headers, value) = Outbound::SessionEnded(ended).write(None);
    let record = Append {
        topic: &topic::OUTBOUND,
        partition: EVERYONE,
        key: bytes::Bytes::copy_from_slice(session.to_string().as_bytes()),
        headers,
        value,
    };
    // A client waits for it: it must not wait for ever, and a retry tells the others again.
    let told = ingest.platform.log.append(Budget::Ingest, vec![record]).await;
    told.map(drop).map_err(|error| unknown(error.to_string()))
}

/// When the last access token of a session that ended then has expired, by any node's clock.
pub(super) fn revoked_until(ended_at: Timestamp) -> Timestamp {
    ended_at.plus_ms(limits::ACCESS_TOKEN_MS + MARGIN_MS)
}

/// Marks the row as ended, and tells since when it is; none if there is no such session.
async fn close(
    ingest: &Ingest,
    session: SessionId,
) -> Result<Option<(Session, Timestamp)>, Failure> {
    let store = &*ingest.platform.store;
    for _ in 0..TRIES {
        let stored = store.get(&[Session::get(session)]).await?.into_iter().next().flatten();
        let Some(stored) = stored else { return Ok(None) };
        let row = Session::from_cells(stored.cells.clone())?;
        if let Some(at) = row.ended_at {
            return Ok(Some((row, Timestamp(at))));
        }
        let now = ingest.now();
        let ended = Session { ended_at: Some(now.0), ..row };
        match store.replace(&stored, Write::replace(&ended, Stamp(0))).await {
            Ok(Outcome::Won) => return Ok(Some((ended, now))),
            Ok(Outcome::Lost(_)) => {}
            // It may have been written.
            Err(error) if error.retryable() => return Err(unknown(error.to_string())),
            Err(error) => return Err(error.into()),
        }
    }
    Err(Failure::overloaded("a session is contended"))
}

#[cfg(test)]
#[path = "end_tests.rs"]
mod tests;
