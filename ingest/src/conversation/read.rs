//! One conversation as its viewer sees it.

use std::collections::HashMap;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use platform::port::store::get_one;
use schemas::conversation::head::{Head, Kind};
use schemas::conversation::table::HeadRow;
use schemas::conversation::view::{Conversation, Own, Participant};
use schemas::member::{Membership, Role};
use schemas::user::head::Head as UserHead;
use schemas::user::view::Public;
use schemas::{Code, ConversationId, UserId};
use serde::Serialize;

use crate::error::Failure;
use crate::extract::{Caller, Id};
use crate::profiles::heads;
use crate::state::Ingest;
use crate::{access, envelope};

/// The view, and what only its viewer sees of it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Viewed<'a> {
    #[serde(flatten)]
    conversation: Conversation<'a>,
    user_participant: Own,
    unread_count: i64,
}

/// A conversation and its viewer's membership, as read.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) id: ConversationId,
    pub(super) head: Head,
    pub(super) membership: Membership,
}

pub(super) async fn one(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    Id(id): Id<ConversationId>,
) -> Result<Response, Failure> {
    answer(&ingest, who.user, id, StatusCode::OK).await
}

/// Answers with a conversation; 404 for strangers.
pub(super) async fn answer(
    ingest: &Ingest,
    viewer: UserId,
    id: ConversationId,
    status: StatusCode,
) -> Result<Response, Failure> {
    let rows = rows(ingest, viewer, id).await?.ok_or_else(not_found)?;
    let users = users(ingest, std::slice::from_ref(&rows)).await?;
    Ok(envelope::encoded(status, &view(&rows, &users), ingest.now()))
}

fn not_found() -> Failure {
    Failure::new(Code::NotFound, "conversation not found")
}

/// The conversation of a member; none for everybody else.
pub(super) async fn rows(
    ingest: &Ingest,
    viewer: UserId,
    id: ConversationId,
) -> Result<Option<Rows>, Failure> {
    let store = &*ingest.platform.store;
    let (membership, head) =
        futures_util::future::try_join(access::current(store, viewer, id), async {
            Ok(get_one::<HeadRow>(store, HeadRow::get(id)).await?)
        })
        .await?;
    let (Some(membership), Some(head)) = (membership, head) else { return Ok(None) };
    Ok(Some(Rows { id, head: head.head()?, membership }))
}

/// The heads of everyone in these conversations, read at once.
pub(super) async fn users(
    ingest: &Ingest,
    rows: &[Rows],
) -> Result<HashMap<UserId, UserHead>, Failure> {
    let mut ids: Vec<UserId> =
        rows.iter().flat_map(|rows| rows.head.members.0.iter().copied()).collect();
    ids.sort_unstable();
    ids.dedup();
    let heads = heads(&*ingest.platform.store, &ids).await?;
    Ok(ids.into_iter().zip(heads).filter_map(|(id, head)| Some((id, head?))).collect())
}

/// The view of a conversation for its viewer.
pub(super) fn view<'a>(rows: &Rows, users: &'a HashMap<UserId, UserHead>) -> Viewed<'a> {
    let Rows { id, head, membership } = rows;
    let unread_count = (head.n - membership.sent_n).max(0);
    let member = |user: &UserId| {
        let known = users.get(user)?;
        let Kind::Direct = head.kind;
        Some(Participant {
            id: *user,
            user_id: *user,
            // In a direct conversation all have the same role, since the same moment.
            role: Role::Member.text().to_owned(),
            joined_at: head.created_at,
            user: Public::of_head(*user, known),
        })
    };
    Viewed {
        conversation: Conversation::of(
            *id,
            head,
            head.members.0.iter().filter_map(member).collect(),
        ),
        user_participant: Own {
            role: membership.role.text().to_owned(),
            unread_count,
            is_muted: false,
            is_archived: false,
            is_pinned: false,
            last_read_message_id: None,
            last_read_at: None,
        },
        unread_count,
    }
}
