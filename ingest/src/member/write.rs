//! Adding and removing members, and their roles: one command each, judged by the fold.

use axum::extract::State;
use axum::response::Response;
use schemas::conversation::head::Kind;
use schemas::envelope::ConversationCommand;
use schemas::member::Role;
use schemas::member::command::{Add as Adds, Remove, SetRole};
use schemas::user::view::Snapshot;
use schemas::{ApiError, Code, ConversationId, topic};

use super::dto::{Add, Change, Named};
use super::leave;
use crate::access::{Entry, gate, not_member};
use crate::conversation::{invitable, present};
use crate::envelope;
use crate::error::Failure;
use crate::extract::{Body, Caller, Id, IdempotencyKey};
use crate::publish::{By, once};
use crate::state::Ingest;

pub(super) async fn add(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    Id(id): Id<ConversationId>,
    IdempotencyKey(key): IdempotencyKey,
    body: Body,
) -> Result<Response, Failure> {
    let (users, role) = body.read::<Add<'_>>()?.check()?;
    let mut parts = vec![b"member.add".to_vec(), role.text().as_bytes().to_vec()];
    parts.extend(users.iter().map(|user| user.bytes().to_vec()));
    let once = once(who.user, id.0, key.as_deref(), &parts);
    let store = &*ingest.platform.store;
    let mut members = Vec::new();
    if let Some(entry) = gate(store, who.user, id, once.as_ref(), not_member).await? {
        of_many(&entry)?;
        // Before anything is said about the others.
        if entry.membership.role < Role::Admin {
            return Err(Failure::new(Code::Forbidden, "only owner and admins add participants"));
        }
        let others = present(&ingest, who.user, &users).await?;
        invitable(&others)?;
        members.extend(others.iter().map(|other| Snapshot::of(other.id, &other.head)));
    }
    let command = ConversationCommand::Add(Adds { conversation_id: id, members, role });
    carry_out(&ingest, id, By { actor: who.user, once }, &command).await?;
    Ok(envelope::said("Participants added successfully", ingest.now()))
}

pub(super) async fn remove(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    named: Named,
    IdempotencyKey(key): IdempotencyKey,
) -> Result<Response, Failure> {
    let Named { conversation: id, user } = named;
    if user == who.user {
        leave::carry_out(&ingest, who.user, id, key.as_deref(), not_member).await?;
        return Ok(envelope::said("Participant removed successfully", ingest.now()));
    }
    let parts = [b"member.remove".as_slice(), &user.bytes()];
    let once = once(who.user, id.0, key.as_deref(), &parts);
    let store = &*ingest.platform.store;
    if let Some(entry) = gate(store, who.user, id, once.as_ref(), not_member).await? {
        of_many(&entry)?;
    }
    let command = ConversationCommand::Remove(Remove { conversation_id: id, user_id: user });
    carry_out(&ingest, id, By { actor: who.user, once }, &command).await?;
    Ok(envelope::said("Participant removed successfully", ingest.now()))
}

pub(super) async fn role(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    named: Named,
    IdempotencyKey(key): IdempotencyKey,
    body: Body,
) -> Result<Response, Failure> {
    let Named { conversation: id, user } = named;
    let role = body.read::<Change<'_>>()?.check()?;
    let parts = [b"member.role".as_slice(), &user.bytes(), role.text().as_bytes()];
    let once = once(who.user, id.0, key.as_deref(), &parts);
    let store = &*ingest.platform.store;
    if let Some(entry) = gate(store, who.user, id, once.as_ref(), not_member).await? {
        of_many(&entry)?;
    }
    let command =
        ConversationCommand::SetRole(SetRole { conversation_id: id, user_id: user, role });
    carry_out(&ingest, id, By { actor: who.user, once }, &command).await?;
    Ok(envelope::said("Participant updated successfully", ingest.now()))
}

/// Members of a direct conversation are who they are.
pub(super) fn of_many(entry: &Entry) -> Result<(), Failure> {
    if entry.head.kind == Kind::Direct {
        let why = "the participants of a direct conversation do not change".to_owned();
        return Err(ApiError::invalid(vec![why]).into());
    }
    Ok(())
}

pub(super) async fn carry_out(
    ingest: &Ingest,
    id: ConversationId,
    by: By,
    command: &ConversationCommand,
) -> Result<(), Failure> {
    let pending = ingest.publisher.publish(&topic::COMMANDS, id.0, by, command)?;
    pending.outcome().await.map(drop)
}
