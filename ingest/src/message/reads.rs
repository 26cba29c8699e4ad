//! Who has read a message. A watermark stands for every message up to it, so nothing is kept for a
//! message of its own (HAZARDS 29), and a receipt says when the watermark came to where it is.
//!
//! Who does not want others to know what he has read is not among the readers, whether he decided so
//! before he read or after it.

use std::cmp::Reverse;

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::ready;
use http::StatusCode;
use platform::port::store::{get_many, get_one, scan};
use schemas::conversation::head::{Kind as ConversationKind, Routing};
use schemas::member::table::Member;
use schemas::receipt::Kind;
use schemas::receipt::table::ReadMarker;
use schemas::user::head::{Audience, Head as UserHead};
use schemas::user::view::Public;
use schemas::{ConversationId, MessageId, Timestamp, UserId, limits};
use serde::Serialize;
use uuid::Uuid;

use super::Answer;
use super::extras::heads;
use super::find::{self, Seen, not_found};
use crate::error::{Failure, after_effect};
use crate::extract::{Caller, Id};
use crate::presence::Sight;
use crate::query::{Params, cursor_text};
use crate::receipt::{self, UpTo};
use crate::state::Ingest;
use crate::{access, envelope};

/// That a user has read a message.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "MessageRead"))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Receipt {
    /// Its id: derived from message and user.
    id: MessageId,
    /// The message.
    message_id: MessageId,
    /// Who has read it.
    user_id: UserId,
    /// The conversation.
    conversation_id: ConversationId,
    /// When he had read that far.
    read_at: Timestamp,
    /// The same.
    created_at: Timestamp,
    /// The same.
    updated_at: Timestamp,
    /// Null.
    deleted_at: Option<Timestamp>,
}

impl Receipt {
    fn of(message: MessageId, marker: &ReadMarker) -> Self {
        let read_at = marker.read_at().unwrap_or_default();
        Self {
            id: MessageId::receipt(message, marker.user),
            message_id: message,
            user_id: marker.user,
            conversation_id: marker.conversation,
            read_at,
            created_at: read_at,
            updated_at: read_at,
            deleted_at: None,
        }
    }
}

/// The same with its user.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Reader"))]
#[derive(Debug, Serialize)]
struct Reader<'a> {
    #[serde(flatten)]
    read: Receipt,
    /// Public view; null if he is gone.
    user: Option<Public<'a>>,
}

/// Who has read a message.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Readers"))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct List<'a> {
    /// The message.
    message_id: MessageId,
    /// Readers in `reads`: all of them, unless the list has pages.
    read_count: usize,
    /// The newest first.
    reads: Vec<Reader<'a>>,
    /// Gives the next page, of a conversation with many members; null at the end.
    next_cursor: Option<String>,
}

pub(super) async fn mark(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    Id(id): Id<MessageId>,
) -> Result<Response, Failure> {
    let data = read(&ingest, who.user, id).await?.await?;
    Ok(envelope::spliced(StatusCode::OK, &data, ingest.now()))
}

/// Gives a watermark its place in the log; the answer is the receipt.
pub(crate) async fn read(ingest: &Ingest, user: UserId, id: MessageId) -> Result<Answer, Failure> {
    let place = find::place(ingest, user, id).await?.ok_or_else(not_found)?;
    let conversation = place.target.conversation_id;
    if place.sender == user {
        // The place alone does not tell whether the conversation is still there.
        let entry = access::entry(&*ingest.platform.store, user, conversation).await?;
        entry.ok_or_else(not_found)?;
        let said = Bytes::from_static(br#"{"message":"the message is your own"}"#);
        return Ok(ready(Ok(said)).boxed());
    }
    let marking =
        receipt::accept(ingest, user, conversation, Kind::Read, UpTo::Message(id)).await?;
    let marking = marking.ok_or_else(not_found)?;
    let ingest = ingest.clone();
    let answer = async move {
        marking.outcome().await?;
        let marker = async {
            let get = ReadMarker::get(conversation, user);
            Ok(get_one::<ReadMarker>(&*ingest.platform.store, get).await?)
        };
        let marker = after_effect(marker).await?;
        let marker = marker.unwrap_or_else(|| ReadMarker::none(conversation, user));
        let read = serde_json::to_vec(&Receipt::of(id, &marker)).expect("a view serialises");
        Ok(read.into())
    };
    Ok(answer.boxed())
}

pub(super) async fn list(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    Id(id): Id<MessageId>,
    params: Params,
) -> Result<Response, Failure> {
    let page = params.page(limits::PAGE_MESSAGES)?;
    let limit = usize::try_from(page.limit).unwrap_or(usize::MAX);
    let after = params.cursor::<16>("cursor")?.map(|id| UserId(Uuid::from_bytes(id)));
    let seen = find::seen(&ingest, who.user, id).await?.ok_or_else(access::not_member)?;
    let store = &*ingest.platform.store;

    let (members, next) = members(&ingest, &seen, after, limit).await?;
    let others = members.into_iter().filter(|member| *member != seen.row.sender);
    let gets: Vec<_> =
        others.map(|member| ReadMarker::get(seen.row.conversation, member)).collect();
    let markers = get_many::<ReadMarker>(store, &gets).await?.into_iter().flatten();
    let mut markers: Vec<_> = markers.filter(|m| m.read_seq >= seen.row.seq).collect();
    let mut users = markers.iter().map(|marker| marker.user).collect();
    let users = heads(store, &mut users).await?;
    markers
        .retain(|marker| marker.user == who.user || shows(&seen, marker, users.get(&marker.user)));
    markers.sort_by_key(|marker| Reverse((marker.read_at, marker.user)));
    let people: Vec<_> = users.iter().map(|(user, head)| (*user, Some(head))).collect();
    let sight = Sight::of(&ingest, who.user, &people).await?;
    let reads: Vec<_> = markers
        .iter()
        .map(|marker| {
            let head = users.get(&marker.user).filter(|head| head.deleted_at.is_none());
            let user = head.map(|head| sight.user(marker.user, Some(head)));
            Reader { read: Receipt::of(id, marker), user }
        })
        .collect();
    let list = List {
        message_id: id,
        read_count: reads.len(),
        reads,
        next_cursor: next.map(|user| cursor_text(&user.bytes())),
    };
    Ok(envelope::encoded(StatusCode::OK, &list, ingest.now()))
}

/// Who may have read it: everyone, where the head knows them; else a page of the members, and the
/// last of it if more follow.
async fn members(
    ingest: &Ingest,
    seen: &Seen,
    after: Option<UserId>,
    limit: usize,
) -> Result<(Vec<UserId>, Option<UserId>), Failure> {
    let head = &seen.entry.head;
    if head.routing == Routing::Member {
        return Ok((head.members.0.clone(), None));
    }
    let conversation = seen.row.conversation;
    let page = match after {
        None => Member::of_conversation(conversation, limit.saturating_add(1)),
        Some(after) => Member::after(conversation, after, limit.saturating_add(1)),
    };
    let rows = scan(&*ingest.platform.store, page).await?;
    let more = rows.len() > limit;
    let members: Vec<_> = rows.iter().take(limit).map(|row| row.user).collect();
    let next = members.last().copied().filter(|_| more);
    Ok((members, next))
}

/// Whether others may know what he has read. In a direct conversation both are contacts.
fn shows(seen: &Seen, marker: &ReadMarker, head: Option<&UserHead>) -> bool {
    let audience = head.map_or(Audience::Everyone, |head| head.privacy.read_receipts);
    let allowed = match audience {
        Audience::Everyone => true,
        Audience::Contacts => seen.entry.head.kind == ConversationKind::Direct,
        Audience::Nobody => false,
    };
    allowed && marker.private != Some(true)
}
