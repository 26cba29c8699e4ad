//! Presence, read. Nobody learns from an answer whether somebody exists.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use schemas::UserId;
use schemas::presence::view::{Presence, Viewer, show};
use schemas::user::head::Head;

use super::dto::{Asked, listed};
use super::seen::{of, with_heads};
use super::sight::shown;
use crate::envelope;
use crate::error::Failure;
use crate::extract::{Body, Caller, Id};
use crate::query::Params;
use crate::state::{self, Ingest};
use crate::user::present;

pub(super) async fn me(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
) -> Result<Response, Failure> {
    let head = present(&ingest, who.user).await?;
    let own = own(&ingest, who.user, &head).await?;
    Ok(envelope::encoded(StatusCode::OK, &own, ingest.now()))
}

/// One's own presence. What one has decided is what one sees, though others see nobody who has no
/// device here.
pub(crate) async fn own(
    ingest: &state::State,
    user: UserId,
    head: &Head,
) -> Result<Presence, Failure> {
    let seen = with_heads(ingest, user, &[(user, Some(head))]).await?;
    let entry = seen.into_iter().find_map(|seen| seen.entry);
    let mut own = show(entry.as_ref(), user, Viewer::Himself, ingest.now());
    // One who is not here is shown to nobody as away.
    own.shown.status = head.presence.status.unwrap_or(own.shown.status);
    Ok(own)
}

pub(super) async fn one(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    Id(user): Id<UserId>,
) -> Result<Response, Failure> {
    let seen = of(&ingest, who.user, &[user]).await?;
    let now = ingest.now();
    let one = seen.first().map(|seen| shown(seen, who.user, now));
    let one = one.ok_or_else(|| Failure::internal("one was asked for and none came"))?;
    Ok(envelope::encoded(StatusCode::OK, &one, now))
}

pub(super) async fn several(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    params: Params,
) -> Result<Response, Failure> {
    let users = listed(params.text("userIds"))?;
    answer(&ingest, who.user, &users).await
}

pub(super) async fn batch(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    body: Body,
) -> Result<Response, Failure> {
    let users = body.read::<Asked<'_>>()?.check()?;
    answer(&ingest, who.user, &users).await
}

async fn answer(ingest: &Ingest, viewer: UserId, users: &[UserId]) -> Result<Response, Failure> {
    let seen = of(ingest, viewer, users).await?;
    let now = ingest.now();
    let all: Vec<Presence> = seen.iter().map(|seen| shown(seen, viewer, now)).collect();
    Ok(envelope::encoded(StatusCode::OK, &all, now))
}
