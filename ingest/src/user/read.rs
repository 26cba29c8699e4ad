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
use crate::presence::{self, Sight};
use crate::state::Ingest;

pub(super) async fn me(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
) -> Result<Response, Failure> {
    let head = present(&ingest, who.user).await?;
    let own = own(&ingest, who.user, &head).await?;
    Ok(envelope::encoded(StatusCode::OK, &own, ingest.now()))
}

/// The caller's head. Whoever has a token but no account any more is nobody.
pub(crate) async fn present(ingest: &Ingest, user: UserId) -> Result<Head, Failure> {
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

/// The caller's own profile, and how he is to himself.
pub(crate) async fn own(ingest: &Ingest, user: UserId, head: &Head) -> Result<Own, Failure> {
    let presence = presence::own(ingest, user, head).await?;
    Ok(Own {
        is_online: presence::is_here(&presence),
        last_seen: presence.shown.last_seen_at,
        presence_status: presence.shown.status.text().to_owned(),
        ..Own::of(user, head)
    })
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
            is_online: None,
            last_seen: None,
            presence_status: None,
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
    let head = Some(&found.head);
    let sight = Sight::of(&ingest, who.user, &[(id, head)]).await?;
    let one = One { public: sight.user(id, head), created_at: found.head.created_at };
    Ok(envelope::encoded(StatusCode::OK, &one, ingest.now()))
}
