//! Changing and deleting a conversation: for all by role, which the fold decides; for oneself by
//! whoever is in it.

use axum::extract::State;
use axum::response::Response;
use http::StatusCode;
use schemas::conversation::command::{Delete, Update};
use schemas::conversation::head::Kind;
use schemas::envelope::ConversationCommand;
use schemas::{ApiError, Code, ConversationId, UserId, topic};

use super::dto::{Change, Naming, Preferences};
use super::read;
use super::write::set;
use crate::access::{entry, gate, not_member};
use crate::envelope;
use crate::error::{Failure, after_command, after_effect};
use crate::extract::{Body, Caller, Id, IdempotencyKey};
use crate::publish::{By, Done, once};
use crate::state::Ingest;

pub(super) async fn update(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    Id(id): Id<ConversationId>,
    IdempotencyKey(key): IdempotencyKey,
    body: Body,
) -> Result<Response, Failure> {
    let (naming, own) = body.read::<Change<'_>>()?.check(id)?;
    let answer = read::answer(&ingest, who.user, id, StatusCode::OK);
    if let Some(naming) = naming {
        let done = rename(&ingest, who.user, id, naming, key.as_deref()).await?;
        let rest = async {
            if let Some(own) = own {
                set(&ingest, who.user, own).await?;
            }
            answer.await
        };
        return after_command(&done, rest).await;
    }
    // The fold of the user would take it about any conversation.
    entry(&*ingest.platform.store, who.user, id).await?.ok_or_else(not_member)?;
    let Some(own) = own else { return answer.await };
    set(&ingest, who.user, own).await?;
    after_effect(answer).await
}

async fn rename(
    ingest: &Ingest,
    actor: UserId,
    id: ConversationId,
    naming: Naming,
    key: Option<&str>,
) -> Result<Done, Failure> {
    let Naming { name, description, avatar_url } = naming;
    let update = Update { conversation_id: id, name, description, avatar_url };
    let json = serde_json::to_vec(&update).expect("plain data serialises");
    let once = once(actor, id.0, key, &[b"conversation.update".as_slice(), &json]);
    let store = &*ingest.platform.store;
    let entry = gate(store, actor, id, once.as_ref(), not_member).await?;
    if entry.is_some_and(|entry| entry.head.kind == Kind::Direct) {
        let why = "a direct conversation has no name, description or picture".to_owned();
        return Err(ApiError::invalid(vec![why]).into());
    }
    let command = ConversationCommand::Update(update);
    let by = By { actor, once };
    let pending = ingest.publisher.publish(&topic::COMMANDS, id.0, by, &command)?;
    pending.outcome().await
}

pub(super) async fn delete(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    Id(id): Id<ConversationId>,
    IdempotencyKey(key): IdempotencyKey,
) -> Result<Response, Failure> {
    let once = once(who.user, id.0, key.as_deref(), &[b"conversation.delete"]);
    let store = &*ingest.platform.store;
    let entry = gate(store, who.user, id, once.as_ref(), not_member).await?;
    if entry.is_some_and(|entry| entry.head.kind == Kind::Direct) {
        return Err(Failure::new(Code::Forbidden, "a direct conversation can not be deleted"));
    }
    let command = ConversationCommand::Close(Delete { conversation_id: id });
    let by = By { actor: who.user, once };
    let pending = ingest.publisher.publish(&topic::COMMANDS, id.0, by, &command)?;
    pending.outcome().await?;
    Ok(envelope::said("Conversation deleted successfully", ingest.now()))
}

pub(super) async fn settings(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    Id(id): Id<ConversationId>,
    body: Body,
) -> Result<Response, Failure> {
    let own = body.read::<Preferences<'_>>()?.check(id)?;
    let store = &*ingest.platform.store;
    entry(store, who.user, id).await?.ok_or_else(read::not_found)?;
    if let Some(own) = own {
        set(&ingest, who.user, own).await?;
    }
    Ok(envelope::said("Settings updated successfully", ingest.now()))
}
