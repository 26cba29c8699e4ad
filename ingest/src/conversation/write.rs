//! Opening a conversation. Its id is a hash of the two people, so that whoever opens it, and however
//! often, it is one conversation (D16): there is nothing to look up first.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use schemas::conversation::command::Create as Command;
use schemas::conversation::head::Kind;
use schemas::envelope::ConversationCommand;
use schemas::user::view::Snapshot;
use schemas::{ApiError, ConversationId, UserId, topic};

use super::dto::Create;
use super::read;
use crate::error::Failure;
use crate::extract::{Body, Caller};
use crate::state::Ingest;
use crate::user::gone;

pub(super) async fn create(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    body: Body,
) -> Result<Response, Failure> {
    let other = body.read::<Create<'_>>()?.check(who.user)?;
    let (me, other) =
        futures_util::future::try_join(snapshot(&ingest, who.user), snapshot(&ingest, other))
            .await?;
    let me = me.ok_or_else(gone)?;
    let Some(other) = other else {
        let why = "One or more participants not found".to_owned();
        return Err(ApiError::invalid(vec![why]).into());
    };
    let id = open(&ingest, &me, Some(&other)).await?;
    read::answer(&ingest, who.user, id, StatusCode::CREATED).await
}

/// Notes to oneself: a direct conversation of one.
pub(super) async fn notes(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
) -> Result<Response, Failure> {
    let id = ConversationId::direct(who.user, who.user);
    if read::rows(&ingest, who.user, id).await?.is_none() {
        let me = snapshot(&ingest, who.user).await?.ok_or_else(gone)?;
        open(&ingest, &me, None).await?;
    }
    read::answer(&ingest, who.user, id, StatusCode::OK).await
}

async fn snapshot(ingest: &Ingest, user: UserId) -> Result<Option<Arc<Snapshot>>, Failure> {
    ingest.profiles.snapshot(&*ingest.platform.store, user, ingest.now()).await
}

async fn open(
    ingest: &Ingest,
    me: &Snapshot,
    other: Option<&Snapshot>,
) -> Result<ConversationId, Failure> {
    let conversation_id = ConversationId::direct(me.id, other.unwrap_or(me).id);
    let members = std::iter::once(me).chain(other).cloned().collect();
    let command = Command { conversation_id, kind: Kind::Direct, members };
    let command = ConversationCommand::Create(command);
    let pending = ingest.publisher.publish(&topic::COMMANDS, conversation_id.0, me.id, &command)?;
    // Made now or made before: the rows are there either way.
    pending.outcome().await?;
    Ok(conversation_id)
}
