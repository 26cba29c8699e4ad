//! The pinned messages of a conversation.

use std::collections::HashMap;

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use platform::port::store::scan;
use schemas::message::table::MessageBySeq;
use schemas::pin::table::PinnedMessage as Row;
use schemas::pin::view::Pin;
use schemas::user::head::Head as UserHead;
use schemas::{ConversationId, UserId, limits};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::error::Failure;
use crate::extract::{Caller, Id};
use crate::message::extras::{View, heads};
use crate::message::find;
use crate::presence::Sight;
use crate::state::Ingest;
use crate::{access, envelope};

/// A pin with its message as the viewer sees it.
pub(super) type Pinned<'a> = Pin<'a, Box<RawValue>>;

/// Pin messages.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "PinnedMessages"))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct List<'a> {
    /// The conversation.
    conversation_id: ConversationId,
    /// How many.
    count: usize,
    /// The newest pin first.
    #[cfg_attr(test, schemars(with = "Vec<Pin<'static, crate::message::document::Shown>>"))]
    pinned_messages: Vec<Pinned<'a>>,
}

/// A pin, its message as the viewer sees it.
pub(super) fn pinned<'a>(
    row: &Row,
    message: &Bytes,
    users: &'a HashMap<UserId, UserHead>,
    sight: &Sight,
) -> Result<Pinned<'a>, Failure> {
    let message = serde_json::from_slice(message)
        .map_err(|error| Failure::internal(format!("a view can not be read: {error}")))?;
    let head = users.get(&row.user).filter(|head| head.deleted_at.is_none());
    Ok(Pin::of(row, message, head.map(|head| sight.user(row.user, Some(head)))))
}

pub(super) async fn list(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    Id(conversation): Id<ConversationId>,
) -> Result<Response, Failure> {
    let store = &*ingest.platform.store;
    let entry = access::entry(store, who.user, conversation).await?;
    let entry = entry.ok_or_else(access::not_member)?;
    let most = usize::try_from(limits::PINS).unwrap_or(usize::MAX);
    let pins = scan(store, Row::of_conversation(conversation, most)).await?;
    let rows = find::rows(store, conversation, pins.iter().map(|pin| pin.seq)).await?;
    // A deletion ends the pin too; read in the middle of it, one of the two may be there alone.
    let stands = |pin: &Row, row: &MessageBySeq| {
        row.pinned == Some(pin.rev) && find::sees(&entry.membership, row.seq)
    };
    let pins: Vec<(Row, MessageBySeq)> = pins
        .into_iter()
        .zip(rows)
        .filter_map(|(pin, row)| Some((pin, row?)))
        .filter(|(pin, row)| stands(pin, row))
        .collect();
    let rows: Vec<_> = pins.iter().map(|(_, row)| row.clone()).collect();
    let extras = View { ingest: &ingest, entry: &entry }.scattered(&rows).await?;
    let mut users = pins.iter().map(|(pin, _)| pin.user).collect();
    let users = heads(store, &mut users).await?;
    let people: Vec<_> = users.iter().map(|(user, head)| (*user, Some(head))).collect();
    let sight = Sight::of(&ingest, who.user, &people).await?;
    let all: Vec<_> = pins
        .iter()
        .map(|(pin, row)| pinned(pin, &extras.one(row), &users, &sight))
        .collect::<Result<_, _>>()?;
    let list = List { conversation_id: conversation, count: all.len(), pinned_messages: all };
    Ok(envelope::encoded(StatusCode::OK, &list, ingest.now()))
}
