//! Pinning a message, or doing so no more. Any member may.

use axum::extract::{FromRequestParts, Path, State};
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use http::request::Parts;
use platform::port::store::get_one;
use schemas::envelope::ConversationCommand;
use schemas::message::command::{Pin as Command, Target};
use schemas::pin::table::PinnedMessage as Row;
use schemas::{Code, ConversationId, MessageId, UserId, topic};

use super::read;
use crate::envelope;
use crate::error::{Failure, after_effect};
use crate::extract::{Caller, Id, IdempotencyKey};
use crate::message::extras::heads;
use crate::message::find::{self, hidden, not_found};
use crate::presence::Sight;
use crate::publish::{By, once};
use crate::state::Ingest;

/// The two ids of a path: conversation and message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ids(ConversationId, MessageId);

impl<S: Send + Sync> FromRequestParts<S> for Ids {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let malformed = || Failure::new(Code::MalformedId, "the id is not a UUID");
        let texts = Path::<(String, String)>::from_request_parts(parts, state).await;
        let Path((conversation, message)) = texts.map_err(|_| malformed())?;
        match (conversation.parse(), message.parse()) {
            (Ok(conversation), Ok(message)) => Ok(Self(conversation, message)),
            _ => Err(malformed()),
        }
    }
}

pub(super) async fn pin(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    Id(id): Id<MessageId>,
    IdempotencyKey(key): IdempotencyKey,
) -> Result<Response, Failure> {
    let target = place(&ingest, who.user, id).await?;
    pinned(&ingest, who.user, target, key.as_deref()).await
}

pub(super) async fn pin_in(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    ids: Ids,
    IdempotencyKey(key): IdempotencyKey,
) -> Result<Response, Failure> {
    let target = place_in(&ingest, who.user, ids).await?;
    pinned(&ingest, who.user, target, key.as_deref()).await
}

pub(super) async fn unpin(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    Id(id): Id<MessageId>,
    IdempotencyKey(key): IdempotencyKey,
) -> Result<Response, Failure> {
    let target = place(&ingest, who.user, id).await?;
    unpinned(&ingest, who.user, target, key.as_deref()).await
}

pub(super) async fn unpin_in(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    ids: Ids,
    IdempotencyKey(key): IdempotencyKey,
) -> Result<Response, Failure> {
    let target = place_in(&ingest, who.user, ids).await?;
    unpinned(&ingest, who.user, target, key.as_deref()).await
}

async fn place(ingest: &Ingest, user: UserId, id: MessageId) -> Result<Target, Failure> {
    Ok(find::place(ingest, user, id).await?.ok_or_else(not_found)?.target)
}

/// A message of another conversation is not there.
async fn place_in(ingest: &Ingest, user: UserId, ids: Ids) -> Result<Target, Failure> {
    let Ids(conversation, message) = ids;
    let target = place(ingest, user, message).await?;
    if target.conversation_id == conversation { Ok(target) } else { Err(not_found()) }
}

async fn publish(
    ingest: &Ingest,
    user: UserId,
    command: Command,
    key: Option<&str>,
) -> Result<(), Failure> {
    let Target { conversation_id, message_id, .. } = command.target;
    let verb: &[u8] = if command.pinned { b"pin" } else { b"unpin" };
    let once = once(user, conversation_id.0, key, &[verb, &message_id.bytes()]);
    let by = By { actor: user, once };
    let command = ConversationCommand::Pin(command);
    let pending = ingest.publisher.publish(&topic::COMMANDS, conversation_id.0, by, &command)?;
    pending.outcome().await.map_err(hidden)?;
    Ok(())
}

/// Pins, and answers with the pin: that of whoever was first.
async fn pinned(
    ingest: &Ingest,
    user: UserId,
    target: Target,
    key: Option<&str>,
) -> Result<Response, Failure> {
    publish(ingest, user, Command { target, pinned: true, signed: true }, key).await?;
    after_effect(shown(ingest, user, target)).await
}

/// A pin as it is stored.
async fn shown(ingest: &Ingest, user: UserId, target: Target) -> Result<Response, Failure> {
    let Target { conversation_id, seq, .. } = target;
    let store = &*ingest.platform.store;
    let seen = find::at(ingest, user, conversation_id, seq).await?.ok_or_else(not_found)?;
    let pin = match seen.row.pinned {
        Some(rev) => get_one::<Row>(store, Row::get(conversation_id, rev)).await?,
        None => None,
    };
    // Unpinned in this moment: it was pinned.
    let pin = pin.unwrap_or_else(|| Row {
        conversation: conversation_id,
        rev: 0,
        message: target.message_id,
        seq,
        user,
        pinned_at: ingest.now(),
    });
    let users = heads(store, &mut vec![pin.user]).await?;
    let people: Vec<_> = users.iter().map(|(user, head)| (*user, Some(head))).collect();
    let sight = Sight::of(ingest, user, &people).await?;
    let pinned = read::pinned(&pin, &seen.shown(ingest).await?, &users, &sight)?;
    Ok(envelope::encoded(StatusCode::OK, &pinned, ingest.now()))
}

async fn unpinned(
    ingest: &Ingest,
    user: UserId,
    target: Target,
    key: Option<&str>,
) -> Result<Response, Failure> {
    publish(ingest, user, Command { target, pinned: false, signed: true }, key).await?;
    let said = Bytes::from_static(br#"{"message":"the message is not pinned any more"}"#);
    Ok(envelope::spliced(StatusCode::OK, &said, ingest.now()))
}
