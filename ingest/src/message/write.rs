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
use schemas::message::command::{ReplyTo, Send};
use schemas::message::table::{IdIndex, MessageBySeq};
use schemas::outbound::Before;
use schemas::user::view::Snapshot;
use schemas::{Code, ConversationId, MessageId, Seq, UserId, topic};

use super::dto::Request;
use super::find::{self, not_found};
use super::shown;
use crate::envelope;
use crate::error::{Failure, after_effect};
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
    /// Its id, where a retry is to be the same message.
    once: Option<MessageId>,
    /// Whether it answers a message, which its own answer then shows.
    answers: Option<MessageId>,
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
    let reply_to = match checked.reply_to {
        None => None,
        Some(id) => Some(answered(ingest, sender, conversation, id, derived).await?),
    };
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
        reply_to,
        sender: Snapshot::clone(&snapshot),
    });
    let pending = ingest.publisher.publish(&topic::COMMANDS, conversation.0, sender, &command)?;
    let answers = reply_to.map(|reply| reply.id);
    let ingest = ingest.clone();
    Ok(Sent { ingest, sender, conversation, once: derived, answers, pending })
}

/// The message that a send answers: one of the same conversation that the sender sees. Whether it
/// was deleted is the fold's to say.
async fn answered(
    ingest: &Ingest,
    sender: UserId,
    conversation: ConversationId,
    id: MessageId,
    retry: Option<MessageId>,
) -> Result<ReplyTo, Failure> {
    let target = find::place(ingest, sender, id).await?.map(|place| place.target);
    if let Some(target) = target.filter(|target| target.conversation_id == conversation) {
        return Ok(ReplyTo { id, seq: target.seq });
    }
    // Whoever left in the meantime still gets the answer of the first request, to which the number
    // makes no difference.
    if let Some(message) = retry
        && get_one::<IdIndex>(&*ingest.platform.store, IdIndex::get(message)).await?.is_some()
    {
        return Ok(ReplyTo { id, seq: 0 });
    }
    Err(not_found())
}

impl Sent {
    /// The message's JSON, once the fold has numbered it.
    pub(crate) async fn outcome(self) -> Result<Bytes, Failure> {
        let (once, metrics) = (self.once, self.ingest.platform.metrics.clone());
        let answer = self.answer().await?;
        if let Some(id) = once
            && !shown::is(&answer, id)
        {
            metrics.violated("G-04", &format_args!("message {id} was answered by another one"));
        }
        Ok(answer)
    }

    async fn answer(self) -> Result<Bytes, Failure> {
        let Self { ingest, sender, conversation, answers, pending, .. } = self;
        match pending.outcome().await {
            Ok(Done::Now(view)) if answers.is_none() => Ok(shown::fresh(&view)),
            Ok(Done::Now(view)) => {
                let message = shown::seq_of(&view)?;
                after_effect(current(&ingest, sender, conversation, message)).await
            }
            Ok(Done::Before(before)) => after_effect(earlier(&ingest, sender, &before)).await,
            Err(failure) => {
                if failure.api.code == Code::NotMember {
                    ingest.access.forget(sender, conversation);
                }
                Err(failure)
            }
        }
    }
}

/// The message of an earlier, equal request, as it is now.
pub(super) async fn earlier(
    ingest: &Ingest,
    sender: UserId,
    before: &Before,
) -> Result<Bytes, Failure> {
    let seq = before.seq.ok_or_else(|| nowhere(before.conversation))?;
    current(ingest, sender, before.conversation, seq).await
}

/// A message of `sender`'s own, also if he has left since.
pub(super) async fn current(
    ingest: &Ingest,
    sender: UserId,
    conversation: ConversationId,
    seq: Seq,
) -> Result<Bytes, Failure> {
    if let Some(seen) = find::at(ingest, sender, conversation, seq).await? {
        return seen.shown(ingest).await;
    }
    let get = MessageBySeq::get(conversation, seq);
    let row = get_one::<MessageBySeq>(&*ingest.platform.store, get).await?;
    row.map(|row| shown::fresh(&row.body)).ok_or_else(|| nowhere(conversation))
}

fn nowhere(conversation: ConversationId) -> Failure {
    Failure::internal(format!("an outcome in conversation {conversation} is not there"))
}

#[cfg(test)]
mod tests {
    use schemas::outbound::Reply;
    use uuid::Uuid;

    use super::*;
    use crate::publish::tests::{answer, publish, user};
    use crate::testing::world;

    #[tokio::test(start_paused = true)]
    async fn a_retry_that_is_answered_by_another_message_is_noticed() {
        let world = world().await;
        let metrics = &world.ingest.platform.metrics;
        let (asked, other) = (MessageId(Uuid::from_u128(7)), MessageId(Uuid::from_u128(8)));
        for (once, shown, violations) in
            [(Some(asked), asked, 0), (None, other, 0), (Some(asked), other, 1)]
        {
            let sent = Sent {
                ingest: world.ingest.clone(),
                sender: user(),
                conversation: ConversationId(Uuid::from_u128(3)),
                once,
                answers: None,
                pending: publish(&world).unwrap(),
            };
            let payload = Bytes::from(format!("{{\"id\":\"{}\"}}", shown.0));
            answer(&world, Reply::Done { payload }).await;
            sent.outcome().await.unwrap();
            let counted = metrics.invariant_violations.with_label_values(&["G-04"]).get();
            assert_eq!(counted, violations, "{once:?} answered by {shown:?}");
        }
    }
}
