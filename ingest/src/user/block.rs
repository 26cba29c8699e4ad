//! Blocking, and who is blocked. The fold of the user has the list; the pair's direct conversation has
//! the effect, and answers when both are done.

use std::cmp::Reverse;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use http::header::{HeaderName, HeaderValue};
use platform::port::store::{get_one, scan};
use schemas::envelope::UserCommand;
use schemas::user::command::{Block as Blocks, Unblock};
use schemas::user::head::Head;
use schemas::user::table::Block;
use schemas::user::view::Public;
use schemas::{ApiError, Code, Timestamp, UserId, limits, topic};
use serde::Serialize;
use uuid::Uuid;

use super::dto::Blocking;
use crate::envelope;
use crate::error::{Failure, after_effect};
use crate::extract::{Body, Caller, Id, IdempotencyKey};
use crate::presence::BLIND;
use crate::profiles::{head, heads};
use crate::query::{Params, cursor_text};
use crate::state::Ingest;

/// Where the next page begins, for lists whose data is an array.
pub(crate) const NEXT_CURSOR: HeaderName = HeaderName::from_static("x-next-cursor");

pub(super) async fn block(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    Id(other): Id<UserId>,
    IdempotencyKey(key): IdempotencyKey,
    body: Body,
) -> Result<Response, Failure> {
    let blocks = body.read::<Blocking<'_>>()?.check(other)?;
    if other == who.user {
        return Err(ApiError::invalid(vec!["you can not block yourself".to_owned()]).into());
    }
    let store = &*ingest.platform.store;
    let there = head(store, other).await?.filter(|head| head.deleted_at.is_none());
    there.ok_or_else(|| Failure::new(Code::NotFound, "user not found"))?;
    let standing = scan(store, Block::of_user(who.user, limits::BLOCKS)).await?;
    if standing.len() >= limits::BLOCKS && standing.iter().all(|row| row.other != other) {
        return Err(Failure::new(Code::Conflict, "you have blocked as many users as one may"));
    }
    let command = UserCommand::Block(blocks.clone());
    let pending = ingest.publisher.publish(&topic::USERS, who.user.0, who.user, &command)?;
    match pending.outcome().await {
        // A request that names itself may be one whose answer was lost: it has had its effect then.
        Err(failure)
            if failure.api.code == Code::Conflict
                && key.is_some()
                && after_effect(stands(&ingest, who.user, &blocks)).await? => {}
        outcome => drop(outcome?),
    }
    Ok(envelope::said("User blocked successfully", ingest.now()))
}

async fn stands(ingest: &Ingest, user: UserId, blocks: &Blocks) -> Result<bool, Failure> {
    let row = get_one::<Block>(&*ingest.platform.store, Block::get(user, blocks.other)).await?;
    Ok(row.is_some_and(|row| {
        (row.reason, row.report) == (blocks.reason.clone(), blocks.report.clone())
    }))
}

pub(super) async fn unblock(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    Id(other): Id<UserId>,
) -> Result<Response, Failure> {
    let command = UserCommand::Unblock(Unblock { other });
    let pending = ingest.publisher.publish(&topic::USERS, who.user.0, who.user, &command)?;
    pending.outcome().await?;
    Ok(envelope::said("User unblocked successfully", ingest.now()))
}

/// Somebody who is blocked.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "BlockedUser"))]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry<'a> {
    /// Of the entry: the user's.
    id: UserId,
    /// Who.
    user: Public<'a>,
    /// Why, for the caller alone.
    reason: Option<String>,
    /// Since when.
    blocked_at: Timestamp,
}

pub(super) async fn entries(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    params: Params,
) -> Result<Response, Failure> {
    let (page, next) = page(&ingest, who.user, &params).await?;
    let entries: Vec<_> = page
        .iter()
        .map(|(row, head)| Entry {
            id: row.other,
            user: BLIND.user(row.other, head.as_ref()),
            reason: row.reason.clone(),
            blocked_at: row.created_at,
        })
        .collect();
    Ok(listed(&entries, next, ingest.now()))
}

pub(super) async fn users(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    params: Params,
) -> Result<Response, Failure> {
    let (page, next) = page(&ingest, who.user, &params).await?;
    let users: Vec<_> =
        page.iter().map(|(row, head)| BLIND.user(row.other, head.as_ref())).collect();
    Ok(listed(&users, next, ingest.now()))
}

fn listed<T: Serialize>(items: &[T], next: Option<String>, now: Timestamp) -> Response {
    let mut response = envelope::encoded(StatusCode::OK, &items, now);
    if let Some(next) = next.and_then(|next| HeaderValue::try_from(next).ok()) {
        response.headers_mut().insert(NEXT_CURSOR, next);
    }
    response
}

/// A page of whom a user has blocked, the latest first, and the cursor of the next one.
async fn page(
    ingest: &Ingest,
    user: UserId,
    params: &Params,
) -> Result<(Vec<(Block, Option<Head>)>, Option<String>), Failure> {
    let page = params.page(limits::PAGE_OTHER)?;
    let cursor = params.cursor::<24>("cursor")?.map(read_cursor);
    let store = &*ingest.platform.store;
    let mut rows = scan(store, Block::of_user(user, limits::BLOCKS)).await?;
    rows.sort_unstable_by_key(|row| Reverse(place(row)));
    let (shown, more) = page.part(&rows, cursor, place);
    let ids: Vec<_> = shown.iter().map(|row| row.other).collect();
    let heads = heads(store, &ids).await?;
    let next = shown.last().filter(|_| more).map(|row| write_cursor(place(row)));
    Ok((shown.iter().cloned().zip(heads).collect(), next))
}

type Place = (Timestamp, UserId);

fn place(row: &Block) -> Place {
    (row.created_at, row.other)
}

fn write_cursor((at, id): Place) -> String {
    cursor_text(&[at.0.to_be_bytes().as_slice(), &id.bytes()].concat())
}

fn read_cursor(bytes: [u8; 24]) -> Place {
    let at = bytes.first_chunk::<8>().copied().unwrap_or_default();
    let id = bytes.last_chunk::<16>().copied().unwrap_or_default();
    (Timestamp(i64::from_be_bytes(at)), UserId(Uuid::from_bytes(id)))
}
