//! What sessions leave behind, removed in slices: revocations whose last access token has expired,
//! and session rows that nobody can use any more.
//!
//! A row is kept for a day after its session expired or ended, so that a late refresh still finds
//! out why. On its way the sweep completes ends that broke off with their process.

use futures_util::future::try_join_all;
use parking_lot::Mutex;
use platform::port::store;
use schemas::session::table::{Revocation, Session};
use schemas::table::{Op, Stored, Table, Write};
use schemas::{SessionId, Stamp, Timestamp};

use super::{end, of_user};
use crate::state::Ingest;

/// Revocations read at once; a sweep reads them all.
const PAGE: usize = 1_000;
/// Session rows that one sweep looks at; the next goes on after them.
const SLICE: usize = 5_000;
/// How long a row outlives its session.
const KEPT_MS: i64 = 86_400_000;
/// Rows that are deleted at once: they share the sync of their group.
const AT_ONCE: usize = 64;

/// Hours of revocations that a sweep looks back after a start.
const HOURS: i64 = 48;

/// Where the next slice of session rows begins, and the next hour of revocations. Forgotten at a
/// restart: then from the start again.
#[derive(Debug, Default)]
pub(crate) struct Cursor(Mutex<Option<SessionId>>, Mutex<Option<i64>>);

/// Sweeps revocations, and a slice of the session rows.
pub(crate) async fn sweep(ingest: &Ingest) -> Result<(), store::Error> {
    ingest.node.forget_revoked(ingest.now());
    revocations(ingest).await?;
    sessions(ingest, SLICE).await
}

/// Deletes the revocations of hours that nobody reads any more, each hour once.
async fn revocations(ingest: &Ingest) -> Result<(), store::Error> {
    let [old, first_living, ..] = Revocation::living(ingest.now());
    let swept = *ingest.swept.1.lock();
    if swept.is_none() {
        shard(ingest, old).await?;
    }
    for hour in swept.unwrap_or(first_living - HOURS)..first_living {
        shard(ingest, hour).await?;
        *ingest.swept.1.lock() = Some(hour + 1);
    }
    Ok(())
}

/// Deletes what is over in one partition.
async fn shard(ingest: &Ingest, shard: i64) -> Result<(), store::Error> {
    let (store, now) = (&*ingest.platform.store, ingest.now());
    let mut after = None;
    loop {
        let rows = store::scan(store, Revocation::page(shard, after, PAGE)).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = Some(last.session);
        let gone: Vec<Write> = rows
            .iter()
            .filter(|row| row.until <= now)
            .map(|row| Write { op: Op::Delete, ..Write::insert(row, Stamp(0)) })
            .collect();
        if !gone.is_empty() {
            store.put(gone).await?;
        }
    }
}

async fn sessions(ingest: &Ingest, slice: usize) -> Result<(), store::Error> {
    let (store, now) = (&*ingest.platform.store, ingest.now());
    let after = *ingest.swept.0.lock();
    let rows = store.dump(Session::DEF, after.map(Session::get), slice).await?;
    let full = rows.len() == slice;
    let mut last = None;
    let mut gone: Vec<(Stored, Write)> = Vec::new();
    for stored in rows {
        let row = Session::from_cells(stored.cells.clone())?;
        last = Some(row.session);
        let ended_at = row.ended_at.map(Timestamp);
        let over = ended_at.map_or(row.expires_at, |at| at.min(row.expires_at));
        if over.plus_ms(KEPT_MS) <= now {
            let write = Write { op: Op::Delete, ..Write::insert(&row, Stamp(0)) };
            gone.push((stored, write));
        } else if ended_at.is_some_and(|at| end::revoked_until(at) > now)
            && !ingest.node.is_revoked(row.session)
            && let Err(failure) = end::end(ingest, row.session).await
        {
            tracing::warn!(cause = failure.cause, "the end of a session was not completed");
        }
    }
    // Only a row that is still the one judged: like every write of a session.
    for some in gone.chunks(AT_ONCE) {
        // First what leads to them: what breaks off here is found again by the rows that are left.
        let sessions = some.iter().map(|(stored, _)| Session::from_cells(stored.cells.clone()));
        let sessions = sessions.collect::<Result<Vec<_>, _>>()?;
        store.put(sessions.iter().map(of_user::gone).collect()).await?;
        let deletes: Vec<_> =
            some.iter().map(|(stored, write)| store.replace(stored, write.clone())).collect();
        try_join_all(deletes).await?;
    }
    *ingest.swept.0.lock() = last.filter(|_| full);
    Ok(())
}

#[cfg(test)]
#[path = "sweep_tests.rs"]
mod tests;
