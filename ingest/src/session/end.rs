//! The end of a session: row, revocation, notice to every node, and only then the answer (G-25).
//!
//! Each step can be repeated, and is: whoever logs out again heals an attempt that broke off.

use axum::extract::State;
use axum::response::Response;
use platform::port::clock::Clock;
use platform::port::log::{Append, Budget};
use platform::port::store::{self, Claim as Outcome, scan};
use schemas::outbound::{EVERYONE, Outbound, SessionEnded};
use schemas::session::table::{Revocation, Session};
use schemas::table::{Op, Table, Write};
use schemas::{SessionId, Stamp, limits, topic};

use super::dto::Refresh;
use crate::envelope;
use crate::error::Failure;
use crate::extract::{Body, Caller};
use crate::publish::unknown;
use crate::state::Ingest;

/// How much longer than its last access token a revocation is kept: clocks differ.
const MARGIN_MS: i64 = 300_000;
/// Tries against a refresh of the same session.
const TRIES: usize = 8;
/// Revocations a sweep looks at.
const SWEEP_ROWS: usize = 10_000;

/// Ends the session of the refresh token, else that of the bearer. Says the same whatever it found.
pub(super) async fn logout(
    State(ingest): State<Ingest>,
    caller: Result<Caller, Failure>,
    body: Body,
) -> Result<Response, Failure> {
    let form = body.read::<Refresh<'_>>()?;
    let named = form.refresh_token.and_then(|token| ingest.keys.read_refresh(&token));
    let session = match (named, caller) {
        (Some((session, _)), _) => Some(session),
        (None, Ok(Caller(who))) => Some(who.session),
        (None, Err(_)) => None,
    };
    if let Some(session) = session {
        end(&ingest, session).await?;
    }
    Ok(envelope::said("Logged out successfully", ingest.now()))
}

/// Ends a session everywhere; one that does not exist has ended.
pub(super) async fn end(ingest: &Ingest, session: SessionId) -> Result<(), Failure> {
    let Some(row) = close(ingest, session).await? else { return Ok(()) };
    let until = ingest.now().plus_ms(limits::ACCESS_TOKEN_MS + MARGIN_MS);
    let revocation = Revocation { shard: 0, session, user: row.user, until };
    ingest.platform.store.put(vec![Write::insert(&revocation, Stamp(0))]).await?;

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
    let told = ingest.platform.log.append(Budget::Worker, vec![record]).await;
    told.map(drop).map_err(|error| unknown(error.to_string()))
}

/// Marks the row as ended; none if there is no such session.
async fn close(ingest: &Ingest, session: SessionId) -> Result<Option<Session>, Failure> {
    let store = &*ingest.platform.store;
    for _ in 0..TRIES {
        let stored = store.get(&[Session::get(session)]).await?.into_iter().next().flatten();
        let Some(stored) = stored else { return Ok(None) };
        let row = Session::from_cells(stored.cells.clone())?;
        if row.ended_at.is_some() {
            return Ok(Some(row));
        }
        let ended = Session { ended_at: Some(ingest.now().0), ..row };
        if store.replace(&stored, Write::replace(&ended, Stamp(0))).await? == Outcome::Won {
            return Ok(Some(ended));
        }
    }
    Err(Failure::overloaded("a session is contended"))
}

/// Deletes revocations whose last access token has expired.
pub(crate) async fn sweep(ingest: &Ingest) -> Result<(), store::Error> {
    let now = Clock::now(&*ingest.platform.clock);
    ingest.node.forget_revoked(now);
    let rows = scan(&*ingest.platform.store, Revocation::all(SWEEP_ROWS)).await?;
    let old = rows.iter().filter(|row| row.until <= now);
    let gone: Vec<_> =
        old.map(|row| Write { op: Op::Delete, ..Write::insert(row, Stamp(0)) }).collect();
    if gone.is_empty() { Ok(()) } else { ingest.platform.store.put(gone).await }
}
