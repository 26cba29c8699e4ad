//! Profiles, read fresh from their heads.

use std::borrow::Cow;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use platform::port::store::get_one;
use schemas::user::head::Head;
use schemas::user::table::UserHead;
use schemas::user::view::{Own, Public};
use schemas::{Code, Timestamp, UserId};
use serde::Serialize;

use super::privacy::relation;
use crate::envelope;
use crate::error::Failure;
use crate::extract::{Caller, Id};
use crate::state::Ingest;

pub(super) async fn me(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
) -> Result<Response, Failure> {
    let head = present(&ingest, who.user).await?;
    Ok(envelope::encoded(StatusCode::OK, &Own::of(who.user, &head), ingest.now()))
}

/// The caller's head. Whoever has a token but no account any more is nobody.
pub(super) async fn present(ingest: &Ingest, user: UserId) -> Result<Head, Failure> {
    alive(get_one::<UserHead>(&*ingest.platform.store, UserHead::get(user)).await?)
}

/// The same of a row that was read.
pub(super) fn alive(row: Option<UserHead>) -> Result<Head, Failure> {
    let head = row.map(|row| row.head()).transpose()?;
    head.filter(|head| head.deleted_at.is_none()).ok_or_else(gone)
}

/// The answer to a token whose user is gone.
pub(crate) fn gone() -> Failure {
    Failure::new(Code::Unauthenticated, "this account does not exist any more")
}

/// A user in another view, as others see him. Of one who is gone a name is left, that he was.
pub(crate) fn public(id: UserId, head: Option<&Head>) -> Public<'_> {
    match head {
        Some(head) => Public::of_head(id, head),
        None => Public {
            id,
            username: Cow::Borrowed("deleted"),
            first_name: None,
            last_name: None,
            avatar_url: None,
            bio: None,
            status: None,
            is_online: Some(false),
            last_seen: None,
            presence_status: Some(Cow::Borrowed("offline")),
        },
    }
}

/// The public view, and since when the user is here.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "UserProfile"))]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct One<'a> {
    #[serde(flatten)]
    public: Public<'a>,
    /// Since when he is here.
    created_at: Timestamp,
}

pub(super) async fn one(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    Id(id): Id<UserId>,
) -> Result<Response, Failure> {
    let found = relation(&*ingest.platform.store, who.user, id).await?;
    // The same whether he is not there, does not want to be seen, or one has blocked the other.
    let found = found
        .filter(|found| found.shows_profile(who.user))
        .ok_or_else(|| Failure::new(Code::NotFound, "user not found"))?;
    let one = One { public: Public::of_head(id, &found.head), created_at: found.head.created_at };
    Ok(envelope::encoded(StatusCode::OK, &one, ingest.now()))
}
