//! `GET /conversations/:id/unread`: what is unread as arithmetic says it, beside what a count of the
//! rows says. The two differ only by a defect, which a counter makes known (G-29).

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use platform::Store;
use platform::port::store::{get_one, scan};
use schemas::message::table::{MessageBySeq, bucket};
use schemas::{ConversationId, Seq, limits};
use serde::Serialize;

use crate::conversation::unread::{Mark, unread};
use crate::conversation::{Held, Progress, held, not_found};
use crate::envelope;
use crate::error::Failure;
use crate::extract::{Caller, Id};
use crate::state::Ingest;

/// Rows that one request counts, and reads at once: each holds a whole message.
const COUNTED: i64 = 2_000;
const ROWS: usize = 64;

/// What is unread, twice.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Unread"))]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Audit {
    /// The conversation.
    conversation_id: ConversationId,
    /// As every view of the conversation says it.
    unread_count: i64,
    /// As the messages behind the marker say it; null if they are too many to be counted.
    counted: Option<i64>,
    /// The last message that the caller has read or sent.
    marker_seq: Seq,
    /// The newest message.
    seq: Seq,
}

pub(super) async fn audit(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    Id(id): Id<ConversationId>,
) -> Result<Response, Failure> {
    let store = &*ingest.platform.store;
    let (held, Progress { marker, .. }) = held(store, who.user, id).await?.ok_or_else(not_found)?;
    let unread_count = unread(&held.head, marker);
    let counted = counted(store, &held, marker).await?;
    if counted.is_some_and(|counted| counted != unread_count) {
        ingest.platform.metrics.unread_audit_mismatch.inc();
        let what = format!("{id}: {unread_count} unread, {counted:?} counted");
        ingest.platform.metrics.violated("G-14", &what);
    }
    let answer = Audit {
        conversation_id: id,
        unread_count,
        counted,
        marker_seq: marker.seq,
        seq: held.head.seq,
    };
    Ok(envelope::encoded(StatusCode::OK, &answer, ingest.now()))
}

/// Counts the countable messages behind the marker: those whose number of countable messages is one
/// more than that of the message before.
async fn counted(store: &dyn Store, held: &Held, marker: Mark) -> Result<Option<i64>, Failure> {
    let Mark { seq: marker, n } = marker;
    let last = held.head.seq;
    if last.saturating_sub(marker) > COUNTED {
        return Ok(None);
    }
    let mut before = match marker {
        ..=0 => 0,
        seq => {
            let row = get_one::<MessageBySeq>(store, MessageBySeq::get(held.id, seq)).await?;
            row.map_or(n, |row| row.n)
        }
    };
    let mut counted = 0;
    let mut next = marker.max(0) + 1;
    while next <= last {
        let border = (bucket(next) + 1) * limits::BUCKET_ROWS - 1;
        let page = MessageBySeq::page_up(held.id, next, border.min(last), ROWS);
        let rows = scan(store, page).await?;
        next = match rows.last() {
            Some(row) if rows.len() == ROWS => row.seq + 1,
            _ => border + 1,
        };
        for row in rows {
            counted += i64::from(row.n > before);
            before = row.n;
        }
    }
    Ok(Some(counted))
}
