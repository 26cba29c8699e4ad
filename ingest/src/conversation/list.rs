//! The list of a user's conversations: one slice of his memberships, one multi-get of their small
//! heads, sorted by last activity, newest first (HAZARDS 17). Nothing is kept between requests, so
//! the list is as fresh as the last message.

use std::cmp::Reverse;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use platform::port::store::{get_many, scan};
use schemas::conversation::table::HeadRow;
use schemas::member::table::MembershipByUser;
use schemas::{ApiError, ConversationId, Timestamp, UserId, limits};
use serde::Serialize;
use uuid::Uuid;

use super::read::{Rows, Viewed, users, view};
use crate::envelope;
use crate::error::Failure;
use crate::extract::Caller;
use crate::query::{Page, Pagination, Params, cursor_text};
use crate::state::Ingest;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct List<'a> {
    items: Vec<Viewed<'a>>,
    #[serde(flatten)]
    pagination: Pagination,
    next_cursor: Option<String>,
}

pub(super) async fn list(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    params: Params,
) -> Result<Response, Failure> {
    let page = params.page(limits::PAGE_OTHER)?;
    let cursor = params.cursor::<24>("cursor")?.map(read_cursor);
    let mut all = if wants_nothing(&params)? { Vec::new() } else { all(&ingest, who.user).await? };
    all.sort_unstable_by_key(|rows| Reverse(place(rows)));

    let (shown, more) = part(&all, page, cursor);
    let users = users(&ingest, shown).await?;
    let list = List {
        items: shown.iter().map(|rows| view(rows, &users)).collect(),
        pagination: page.of(i64::try_from(all.len()).unwrap_or(i64::MAX)),
        next_cursor: shown.last().filter(|_| more).map(|rows| write_cursor(place(rows))),
    };
    Ok(envelope::encoded(StatusCode::OK, &list, ingest.now()))
}

/// Whether the filters ask for what no conversation is yet: of another type, archived, pinned.
fn wants_nothing(params: &Params) -> Result<bool, Failure> {
    let other_type = match params.text("type") {
        None | Some("direct") => false,
        Some("group" | "channel") => true,
        Some(_) => {
            let why = "type must be one of direct, group, channel".to_owned();
            return Err(ApiError::invalid(vec![why]).into());
        }
    };
    let archived = params.boolean("archived")?.unwrap_or(false);
    let pinned = params.boolean("pinned")?.unwrap_or(false);
    Ok(other_type || archived || pinned)
}

async fn all(ingest: &Ingest, user: UserId) -> Result<Vec<Rows>, Failure> {
    let store = &*ingest.platform.store;
    let rows = scan(store, MembershipByUser::of_user(user, limits::LIST_CONVERSATIONS)).await?;
    let memberships: Vec<_> = rows
        .iter()
        .map(MembershipByUser::membership)
        .filter(|m| m.as_ref().map_or(true, schemas::member::Membership::is_current))
        .collect::<Result<_, _>>()?;
    let gets: Vec<_> = memberships.iter().map(|m| HeadRow::get(m.conversation)).collect();
    let heads = get_many::<HeadRow>(store, &gets).await?;
    memberships
        .into_iter()
        .zip(heads)
        .filter_map(|(membership, head)| Some((membership, head?)))
        .map(|(membership, head)| {
            Ok(Rows { id: membership.conversation, head: head.head()?, membership })
        })
        .collect()
}

/// Last activity, then the id, so that the order is total.
type Place = (Timestamp, ConversationId);

fn place(rows: &Rows) -> Place {
    let last = rows.head.preview.as_ref().map(|preview| preview.created_at);
    (last.unwrap_or(rows.head.created_at), rows.id)
}

fn write_cursor((at, id): Place) -> String {
    let mut bytes = at.0.to_be_bytes().to_vec();
    bytes.extend_from_slice(&id.bytes());
    cursor_text(&bytes)
}

fn read_cursor(bytes: [u8; 24]) -> Place {
    let at = bytes.first_chunk::<8>().copied().unwrap_or_default();
    let id = bytes.last_chunk::<16>().copied().unwrap_or_default();
    (Timestamp(i64::from_be_bytes(at)), ConversationId(Uuid::from_bytes(id)))
}

/// The part of the sorted list to show, and whether more follows.
fn part(all: &[Rows], page: Page, cursor: Option<Place>) -> (&[Rows], bool) {
    let (rest, page) = match cursor {
        None => (all, page),
        Some(last) => {
            let after = all.partition_point(|rows| place(rows) >= last);
            (all.get(after..).unwrap_or_default(), Page { page: 1, ..page })
        }
    };
    let shown = page.slice(rest);
    let more = shown.last().zip(rest.last()).is_some_and(|(shown, last)| shown.id != last.id);
    (shown, more)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use schemas::conversation::head::{Head, Kind, Members, Routing};
    use schemas::member::{Membership, Role};

    use super::*;

    fn rows(n: u128, at: i64) -> Rows {
        let (id, user) = (ConversationId(Uuid::from_u128(n)), UserId(Uuid::from_u128(1)));
        let created_at = Timestamp(at);
        let head = Head {
            v: 1,
            kind: Kind::Direct,
            created_by: user,
            created_at,
            seq: 0,
            rev: 1,
            n: 0,
            last_at: created_at,
            member_count: 1,
            members: Members(vec![user]),
            routing: Routing::Member,
            applied: schemas::Position::default(),
            preview: None,
        };
        let membership = Membership {
            conversation: id,
            user,
            role: Role::Member,
            joined_at: created_at,
            visible_from: 1,
            visible_to: None,
            sent_seq: 0,
            sent_n: 0,
        };
        Rows { id, head, membership }
    }

    #[test]
    fn cursors_walk_the_sorted_list_without_gap_or_repeat() {
        let mut all: Vec<_> = (1..=7).map(|n| rows(n, i64::try_from(n / 2).unwrap())).collect();
        all.sort_unstable_by_key(|rows| Reverse(place(rows)));
        let page = Page { page: 1, limit: 3 };
        let mut seen = Vec::new();
        let mut cursor = None;
        loop {
            let (shown, more) = part(&all, page, cursor);
            seen.extend(shown.iter().map(|rows| rows.id));
            cursor = shown.last().map(place);
            if !more {
                break;
            }
        }
        assert_eq!(seen, all.iter().map(|rows| rows.id).collect::<Vec<_>>());
    }

    #[test]
    fn a_cursor_reads_back() {
        let place = (Timestamp(1_800_000_000_123), ConversationId(Uuid::from_u128(9)));
        let text = write_cursor(place);
        let bytes = base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(text).unwrap();
        assert_eq!(read_cursor(bytes.try_into().unwrap()), place);
    }
}
