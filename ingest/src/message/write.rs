//! Sending: validate, look up what the command needs, give it its place in the log, wait for the
//! fold's answer.
//!
//! The message's id is derived from (sender, conversation, the client's id), so that a retry is the
//! same message, whichever node takes it (G-04). Without a client's id it is new each time, and a
//! retry would be a second message: clients that retry send one.

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use platform::port::clock::uuid_v7;
use platform::port::store::get_one;
use schemas::envelope::ConversationCommand;
use schemas::message::command::Send;
use schemas::message::table::MessageBySeq;
use schemas::outbound::Before;
use schemas::user::view::Snapshot;
use schemas::{Code, ConversationId, MessageId, UserId, topic};

use super::dto::Request;
use crate::envelope;
use crate::error::Failure;
use crate::extract::{Body, Caller, IdempotencyKey};
use crate::publish::{Done, Pending};
use crate::state::Ingest;
use crate::user::gone;

pub(super) async fn send(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    IdempotencyKey(key): IdempotencyKey,
    body: Body,
) -> Result<Response, Failure> {
    let request = body.read::<Request<'_>>()?;
    let sent = accept(&ingest, who.user, &request, key.as_deref()).await?;
    let message = sent.outcome().await?;
    Ok(envelope::spliced(StatusCode::CREATED, &message, ingest.now()))
}

/// An accepted send: it has its place in the log.
pub(crate) struct Sent {
    ingest: Ingest,
    sender: UserId,
    conversation: ConversationId,
    pending: Pending,
}

/// Validates a send and appends its command. When this returns, the place in the order is taken.
pub(crate) async fn accept(
    ingest: &Ingest,
    sender: UserId,
    request: &Request<'_>,
    key: Option<&str>,
) -> Result<Sent, Failure> {
    let checked = request.check()?;
    let conversation = checked.conversation;
    let derived = match (checked.client_id, key) {
        (Some(id), _) => Some(MessageId::derived(sender, conversation, id)),
        (None, Some(key)) => Some(MessageId::derived(sender, conversation, &format!("key:{key}"))),
        (None, None) => None,
    };
    let store = &*ingest.platform.store;
    ingest.access.may_send(store, sender, conversation, derived).await?;
    let snapshot = ingest.profiles.snapshot(store, sender, ingest.now()).await?;
    let snapshot = snapshot.ok_or_else(gone)?;
    let command = ConversationCommand::Send(Send {
        conversation_id: conversation,
        message_id: derived.unwrap_or_else(|| MessageId(uuid_v7(&*ingest.platform.clock))),
        client_message_id: checked.client_id.map(str::to_owned),
        retryable: derived.is_some(),
        message_type: checked.kind.to_owned(),
        content: checked.content.to_owned(),
        metadata: checked.metadata.map(ToOwned::to_owned),
        sender: Snapshot::clone(&snapshot),
    });
    let pending = ingest.publisher.publish(&topic::COMMANDS, conversation.0, sender, &command)?;
    Ok(Sent { ingest: ingest.clone(), sender, conversation, pending })
}

impl Sent {
    /// The message's JSON, once the fold has numbered it.
    pub(crate) async fn outcome(self) -> Result<Bytes, Failure> {
        match self.pending.outcome().await {
            Ok(Done::Now(message)) => Ok(message),
            Ok(Done::Before(before)) => current(&self.ingest, &before).await,
            Err(failure) => {
                if failure.api.code == Code::NotMember {
                    self.ingest.access.forget(self.sender, self.conversation);
                }
                Err(failure)
            }
        }
    }
}

/// The message of an earlier, equal request, as it is now.
async fn current(ingest: &Ingest, before: &Before) -> Result<Bytes, Failure> {
    let nowhere = || Failure::internal(format!("an earlier outcome is not there: {before:?}"));
    let seq = before.seq.ok_or_else(nowhere)?;
    let get = MessageBySeq::get(before.conversation, seq);
    let row = get_one::<MessageBySeq>(&*ingest.platform.store, get).await?;
    row.map(|row| row.body).ok_or_else(nowhere)
}
