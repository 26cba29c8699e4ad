//! Pages of members. A cursor is the last member shown before, so that a page costs no more than its
//! own size; page numbers are served too, and read what lies before.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use platform::port::store::scan;
use schemas::conversation::view::Participant;
use schemas::member::table::Member;
use schemas::table::Scan;
use schemas::{ConversationId, UserId, limits};
use serde::Serialize;
use uuid::Uuid;

use crate::access::entry;
use crate::conversation::not_found;
use crate::envelope;
use crate::error::Failure;
use crate::extract::{Caller, Id};
use crate::presence::Sight;
use crate::profiles::heads;
use crate::query::{Pagination, Params, cursor_text};
use crate::state::Ingest;

/// A page of members.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Participants"))]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct List<'a> {
    /// The page.
    participants: Vec<Participant<'a>>,
    /// Where it lies.
    pagination: Pagination,
    /// Gives the next page; null at the end.
    next_cursor: Option<String>,
}

pub(super) async fn page(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    Id(id): Id<ConversationId>,
    params: Params,
) -> Result<Response, Failure> {
    let page = params.page(limits::PAGE_OTHER)?;
    let cursor = params.cursor::<16>("cursor")?.map(|id| UserId(Uuid::from_bytes(id)));
    let skipped = if cursor.is_some() { 0 } else { page.offset().min(limits::GROUP_MEMBERS) };
    let number = |n: i64| usize::try_from(n).unwrap_or(usize::MAX);
    // One more than is shown tells whether others follow.
    let limit = number(skipped.saturating_add(page.limit).saturating_add(1));
    let slice: Scan<Member> = match cursor {
        Some(after) => Member::after(id, after, limit),
        None => Member::of_conversation(id, limit),
    };
    let store = &*ingest.platform.store;
    // First, so that strangers cause no scan, and learn nothing from how long it takes.
    let entry = entry(store, who.user, id).await?.ok_or_else(not_found)?;
    let rows = scan(store, slice).await?;
    let rest = rows.get(number(skipped)..).unwrap_or_default();
    let shown = rest.get(..number(page.limit)).unwrap_or(rest);
    let ids: Vec<_> = shown.iter().map(|row| row.user).collect();
    let users = heads(store, &ids).await?;
    let people: Vec<_> = ids.iter().copied().zip(users.iter().map(Option::as_ref)).collect();
    let sight = Sight::of(&ingest, who.user, &people).await?;
    let participants = shown.iter().zip(&users).map(|(row, head)| Participant {
        id: row.user,
        user_id: row.user,
        role: row.role.clone(),
        joined_at: row.joined_at,
        user: sight.user(row.user, head.as_ref()),
    });
    let next = shown.last().filter(|_| shown.len() < rest.len());
    let list = List {
        participants: participants.collect(),
        pagination: page.of(entry.head.member_count),
        next_cursor: next.map(|row| cursor_text(&row.user.bytes())),
    };
    Ok(envelope::encoded(StatusCode::OK, &list, ingest.now()))
}
