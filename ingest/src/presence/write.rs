//! What one decides about one's own presence: a command like any other about a user, answered when it
//! is folded. Saying it again changes nothing, so that a request that is repeated is safe.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use schemas::envelope::UserCommand;
use schemas::presence::view::Presence;
use schemas::user::command;
use schemas::user::view::Public;
use schemas::{UserId, topic};
use serde::Serialize;

use super::dto::Change;
use super::read::own;
use super::sight::nest;
use crate::envelope;
use crate::error::{Failure, after_effect};
use crate::extract::{Body, Caller, IdempotencyKey};
use crate::publish::Pending;
use crate::state::Ingest;
use crate::user::{present, public};

/// One's own presence, and oneself.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "OwnPresence"))]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Own<'a> {
    #[serde(flatten)]
    presence: Presence,
    /// Oneself, as others are shown one.
    user: Public<'a>,
}

pub(super) async fn change(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    IdempotencyKey(_): IdempotencyKey,
    body: Body,
) -> Result<Response, Failure> {
    let change = body.read::<Change<'_>>()?.check(ingest.now())?;
    if change == command::Presence::default() {
        return answer(&ingest, who.user).await;
    }
    carry_out(&ingest, who.user, change)?.outcome().await?;
    after_effect(answer(&ingest, who.user)).await
}

/// Gives a decision its place in the log.
pub(crate) fn carry_out(
    ingest: &Ingest,
    user: UserId,
    change: command::Presence,
) -> Result<Pending, Failure> {
    let command = UserCommand::Presence(change);
    ingest.publisher.publish(&topic::USERS, user.0, user, &command)
}

async fn answer(ingest: &Ingest, user: UserId) -> Result<Response, Failure> {
    let head = present(ingest, user).await?;
    let presence = own(ingest, user, &head).await?;
    let mut shown = public(user, Some(&head));
    nest(&mut shown, &presence);
    Ok(envelope::encoded(StatusCode::OK, &Own { presence, user: shown }, ingest.now()))
}
