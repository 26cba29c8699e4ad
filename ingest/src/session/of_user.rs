//! The sessions of a user, found and ended.

use futures_util::future::try_join_all;
use platform::port::store::scan;
use schemas::session::table::{Session, SessionByUser};
use schemas::table::{Op, Write};
use schemas::{SessionId, Stamp, UserId};

use super::end;
use crate::error::Failure;
use crate::state::Ingest;

/// Sessions read at once.
const PAGE: usize = 256;
/// Sessions ended at once: they share the sync of their group.
const AT_ONCE: usize = 16;

/// The row that leads from a user to a session of his.
pub(super) fn row(session: &Session) -> Write {
    Write::insert(&SessionByUser::of(session), Stamp(0))
}

/// That row's end.
pub(super) fn gone(session: &Session) -> Write {
    Write { op: Op::Delete, ..row(session) }
}

/// Ends every session of a user but one, everywhere. It may be done again.
pub(super) async fn end_all(
    ingest: &Ingest,
    user: UserId,
    except: Option<SessionId>,
) -> Result<(), Failure> {
    let store = &*ingest.platform.store;
    let mut after = None;
    loop {
        let rows = scan(store, SessionByUser::page(user, after, PAGE)).await?;
        let Some(last) = rows.last() else { return Ok(()) };
        after = Some(last.session);
        let others: Vec<_> =
            rows.iter().map(|row| row.session).filter(|id| Some(*id) != except).collect();
        for some in others.chunks(AT_ONCE) {
            try_join_all(some.iter().map(|session| end::end(ingest, *session))).await?;
        }
    }
}
