//! Profiles, read fresh from their heads.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use schemas::user::view::{Own, Public};
use schemas::{Code, Timestamp, UserId};
use serde::Serialize;

use crate::envelope;
use crate::error::Failure;
use crate::extract::{Caller, Id};
use crate::profiles::head;
use crate::state::Ingest;

pub(super) async fn me(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
) -> Result<Response, Failure> {
    let own = own(&ingest, who.user).await?;
    Ok(envelope::encoded(StatusCode::OK, &own, ingest.now()))
}

/// The caller's own view. Whoever has a token but no head any more is nobody.
pub(crate) async fn own(ingest: &Ingest, user: UserId) -> Result<Own, Failure> {
    let head = head(&*ingest.platform.store, user).await?;
    let head = head.ok_or_else(gone)?;
    Ok(Own::of(user, &head))
}

/// The answer to a token whose user is gone.
pub(crate) fn gone() -> Failure {
    Failure::new(Code::Unauthenticated, "this account does not exist any more")
}

/// The public view, and since when the user is here.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct One<'a> {
    #[serde(flatten)]
    public: Public<'a>,
    created_at: Timestamp,
}

pub(super) async fn one(
    State(ingest): State<Ingest>,
    Caller(_): Caller,
    Id(id): Id<UserId>,
) -> Result<Response, Failure> {
    let head = head(&*ingest.platform.store, id).await?;
    let head = head.ok_or_else(|| Failure::new(Code::NotFound, "user not found"))?;
    let one = One { public: Public::of_head(id, &head), created_at: head.created_at };
    Ok(envelope::encoded(StatusCode::OK, &one, ingest.now()))
}
