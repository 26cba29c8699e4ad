//! One message by its id, what its text was before, and what answers it.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use platform::Store;
use platform::port::store::scan;
use schemas::message::table::{MessageEdit, Reply};
use schemas::{MessageId, Seq, Timestamp, limits};
use serde::Serialize;
use serde_json::value::RawValue;

use super::extras::View;
use super::find::{self, Seen, not_found};
use super::page::{self, Around};
use super::shown;
use crate::error::Failure;
use crate::extract::{Caller, Id};
use crate::query::{Page, Params};
use crate::state::Ingest;
use crate::{access, envelope};

pub(super) async fn one(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    Id(id): Id<MessageId>,
) -> Result<Response, Failure> {
    let seen = find::seen(&ingest, who.user, id).await?.ok_or_else(not_found)?;
    Ok(envelope::spliced(StatusCode::OK, &seen.shown(&ingest).await?, ingest.now()))
}

/// What the text of a message was.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "EditHistory"))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EditHistory<'a> {
    /// The message.
    message_id: MessageId,
    /// Its text now.
    current_content: &'a str,
    /// Edits.
    edit_count: usize,
    /// Former texts, the one that was replaced last first.
    history: Vec<Former<'a>>,
}

/// A former text.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "FormerText"))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Former<'a> {
    /// Its id: derived from the message and the edit.
    id: MessageId,
    /// The message.
    message_id: MessageId,
    /// The text.
    content: &'a str,
    /// The message's metadata, which edits leave as they are.
    #[cfg_attr(test, schemars(with = "Option<serde_json::Map<String, serde_json::Value>>"))]
    metadata: Option<&'a RawValue>,
    /// When it was replaced.
    edited_at: Timestamp,
    /// The same.
    created_at: Timestamp,
}

/// A member sees what it was; nobody does once it is deleted.
pub(super) async fn history(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    Id(id): Id<MessageId>,
) -> Result<Response, Failure> {
    let seen = find::seen(&ingest, who.user, id).await?.ok_or_else(access::not_member)?;
    let Seen { row, .. } = &seen;
    let view = shown::view(row)?;
    let edits = if row.deleted == Some(true) {
        Vec::new()
    } else {
        let edits = MessageEdit::of_message(row.conversation, row.seq, limits::MESSAGE_REVISIONS);
        scan(&*ingest.platform.store, edits).await?
    };
    let former = edits.iter().rev().map(|edit| Former {
        id: MessageId::edit(id, edit.rev),
        message_id: id,
        content: &edit.content,
        metadata: view.metadata,
        edited_at: edit.edited_at,
        created_at: edit.edited_at,
    });
    let history = EditHistory {
        message_id: id,
        current_content: &view.content,
        edit_count: edits.len(),
        history: former.collect(),
    };
    Ok(envelope::encoded(StatusCode::OK, &history, ingest.now()))
}

/// Answers to a message that are counted; more are there behind a cursor.
const COUNTED: usize = limits::SEARCH_TOTAL;

/// Answers to a message, the oldest first.
pub(super) async fn thread(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    Id(id): Id<MessageId>,
    params: Params,
) -> Result<Response, Failure> {
    let page = params.page(limits::PAGE_MESSAGES)?;
    let after = params.number("after", 0)?;
    let root = find::seen(&ingest, who.user, id).await?.ok_or_else(not_found)?;
    let store = &*ingest.platform.store;
    let counted = answers(store, &root, 0, COUNTED).await?;
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    // One more than is shown tells whether there are more.
    let (mut seqs, page) = if let Some(after) = after {
        (answers(store, &root, after, limit + 1).await?, Page { page: 1, ..page })
    } else {
        let skipped = usize::try_from(page.offset()).unwrap_or(usize::MAX);
        (counted.iter().skip(skipped).take(limit + 1).copied().collect(), page)
    };
    let more = seqs.len() > limit || (after.is_none() && counted.len() == COUNTED);
    seqs.truncate(limit);
    let rows = find::rows(store, root.row.conversation, seqs.iter().copied()).await?;
    let rows: Vec<_> = rows.into_iter().flatten().collect();
    let view = View { ingest: &ingest, entry: &root.entry };
    let extras = view.scattered(&rows).await?;
    let around = Around {
        pagination: page.of(i64::try_from(counted.len()).unwrap_or(i64::MAX)),
        more,
        before: None,
        after: seqs.last().copied().filter(|_| more),
    };
    Ok(envelope::spliced(StatusCode::OK, &page::write(&rows, &extras, around), ingest.now()))
}

/// Numbers of answers behind `after` that its reader may see.
async fn answers(
    store: &dyn Store,
    root: &Seen,
    after: Seq,
    limit: usize,
) -> Result<Vec<Seq>, Failure> {
    let after = after.max(root.entry.membership.visible_from - 1);
    let replies = Reply::of_message(root.row.conversation, root.row.seq, after, limit);
    let replies = scan(store, replies).await?.into_iter();
    Ok(replies
        .map(|reply| reply.seq)
        .filter(|seq| find::sees(&root.entry.membership, *seq))
        .collect())
}
