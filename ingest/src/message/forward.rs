//! Forwarding: the same message to several conversations, to all of them or to none (D17).
//!
//! Every conversation is looked at before anything happens. Then one durable intent carries the whole,
//! of which the pool `saga` makes the sends (HAZARDS 16); what the fold says to each of them is
//! gathered. A conversation that was lost between the look and the send is named in the answer.
//!
//! With an `Idempotency-Key` the ids of the messages follow from (user, key, conversation), as those of
//! sends do: what was forwarded by an earlier try is answered as it is, and not looked at again.

use std::collections::HashMap;

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use platform::port::clock::uuid_v7;
use platform::port::store::get_many;
use schemas::conversation::head::Kind;
use schemas::conversation::table::HeadRow;
use schemas::envelope::UserCommand;
use schemas::member::Role;
use schemas::member::table::MembershipByUser;
use schemas::message::command::{Forward as Command, ForwardTarget};
use schemas::message::table::{IdIndex, MessageBySeq};
use schemas::message::view::TYPES;
use schemas::user::view::Snapshot;
use schemas::{ApiError, Code, CommandId, ConversationId, MessageId, UserId, topic};
use serde::Serialize;
use serde_json::value::RawValue;

use super::dto::Forward;
use super::find::{self, not_found};
use super::{metadata, shown, write};
use crate::access::{self, Entry};
use crate::envelope;
use crate::error::{Failure, after_effect};
use crate::extract::{Body, Caller, Id, IdempotencyKey};
use crate::limit::{Account, Class};
use crate::publish::Done;
use crate::rows::Rows;
use crate::state::Ingest;
use crate::user::gone;

/// What became of it.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Forwarded"))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Gathered<'a> {
    /// For people.
    message: &'static str,
    /// The new messages, in the order of the request.
    #[cfg_attr(test, schemars(with = "Vec<super::document::Shown>"))]
    forwarded_messages: Vec<&'a RawValue>,
    /// Conversations that were lost to somebody who was faster.
    failed: Vec<Failed>,
}

/// A conversation that did not get the message.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "NotForwarded"))]
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failed {
    /// The conversation.
    conversation_id: ConversationId,
    /// Why, as a request of its own would have been answered.
    code: Code,
}

/// What became of one target.
type Outcome = Result<Bytes, Failure>;

pub(super) async fn forward(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    Id(source): Id<MessageId>,
    IdempotencyKey(key): IdempotencyKey,
    body: Body,
) -> Result<Response, Failure> {
    let conversations = body.read::<Forward<'_>>()?.check()?;
    let id_of = |conversation: &ConversationId| match &key {
        Some(key) => MessageId::derived(who.user, *conversation, &format!("forward:{key}")),
        None => MessageId(uuid_v7(&*ingest.platform.clock)),
    };
    let targets: Vec<_> = conversations
        .iter()
        .map(|conversation| ForwardTarget {
            conversation_id: *conversation,
            message_id: id_of(conversation),
            command_id: CommandId(uuid_v7(&*ingest.platform.clock)),
        })
        .collect();
    let mut outcomes = match key {
        Some(_) => earlier(&ingest, who.user, source, &targets).await?,
        None => HashMap::new(),
    };
    let new: Vec<_> = targets
        .iter()
        .filter(|target| !outcomes.contains_key(&target.conversation_id))
        .copied()
        .collect();
    if !new.is_empty() {
        let ids = new.iter().map(|target| target.conversation_id);
        let sent = async {
            // A token for each message; the first was taken for the request.
            for _ in new.iter().skip(1) {
                let account = Account::User(who.user);
                ingest.limiter.check(&*ingest.platform.ephemeral, Class::Messages, account).await?;
            }
            send(&ingest, who.user, source, new.clone(), key.is_some()).await
        };
        match sent.await {
            Ok(sent) => outcomes.extend(ids.zip(sent)),
            Err(failure) if outcomes.is_empty() => return Err(failure),
            // What an earlier try has sent stands, whatever has become of the rest.
            Err(failure) => outcomes.extend(ids.map(|id| (id, Err(failure.clone())))),
        }
    }
    answer(&ingest, &conversations, outcomes)
}

/// What an earlier try has sent already. Another message under the same key is another request.
async fn earlier(
    ingest: &Ingest,
    user: UserId,
    source: MessageId,
    targets: &[ForwardTarget],
) -> Result<HashMap<ConversationId, Outcome>, Failure> {
    let store = &*ingest.platform.store;
    let gets: Vec<_> = targets.iter().map(|target| IdIndex::get(target.message_id)).collect();
    let places = get_many::<IdIndex>(store, &gets).await?;
    let gets: Vec<_> = places
        .iter()
        .flatten()
        .map(|place| MessageBySeq::get(place.conversation, place.seq))
        .collect();
    let mut outcomes = HashMap::new();
    for row in get_many::<MessageBySeq>(store, &gets).await?.into_iter().flatten() {
        let view = shown::view(&row)?;
        // What is left of a deleted one does not tell.
        if !view.is_deleted && metadata::original(&view) != Some(source) {
            let why = "this key was used to forward another message";
            return Err(Failure::new(Code::IdempotencyMismatch, why));
        }
        let message = write::current(ingest, user, row.conversation, row.seq);
        let message = after_effect(message).await;
        outcomes.insert(row.conversation, message);
    }
    Ok(outcomes)
}

/// Looks at everything, then sends to all. Nothing has happened if this fails with a final error.
async fn send(
    ingest: &Ingest,
    user: UserId,
    source: MessageId,
    targets: Vec<ForwardTarget>,
    retryable: bool,
) -> Result<Vec<Outcome>, Failure> {
    let seen = find::seen(ingest, user, source).await?.ok_or_else(not_found)?;
    if seen.row.deleted == Some(true) {
        return Err(Failure::new(Code::MessageDeleted, "the message was deleted"));
    }
    let view = shown::view(&seen.row)?;
    if !TYPES.contains(&view.kind.as_ref()) {
        let why = "a message of the server's own can not be forwarded".to_owned();
        return Err(ApiError::invalid(vec![why]).into());
    }
    may_send(ingest, user, &targets).await?;
    let store = &*ingest.platform.store;
    let sender = ingest.profiles.snapshot(store, user, ingest.now()).await?.ok_or_else(gone)?;
    let parts: Vec<_> = targets.iter().map(|to| (to.command_id, to.conversation_id)).collect();
    let command = UserCommand::Forward(Command {
        user_id: user,
        targets,
        message_type: view.kind.clone().into_owned(),
        content: view.content.clone().into_owned(),
        metadata: metadata::forwarded(&view),
        sender: Snapshot::clone(&sender),
        retryable,
    });
    let gathering =
        ingest.publisher.publish_intent(&topic::USERS, user.0, user, &command, parts)?;
    let mut outcomes = Vec::new();
    for done in gathering.outcomes().await? {
        outcomes.push(match done {
            Ok(Done::Now(view)) => Ok(shown::fresh(&view)),
            Ok(Done::Before(before)) => after_effect(write::earlier(ingest, user, &before)).await,
            Err(failure) => Err(failure),
        });
    }
    Ok(outcomes)
}

/// Whether the caller may send to every one of these conversations, by fresh rows.
async fn may_send(ingest: &Ingest, user: UserId, targets: &[ForwardTarget]) -> Result<(), Failure> {
    let gets: Vec<_> = targets
        .iter()
        .map(|target| target.conversation_id)
        .flat_map(|id| [MembershipByUser::get(user, id), HeadRow::get(id)])
        .collect();
    let mut rows = Rows::read(&*ingest.platform.store, &gets).await?;
    for _ in targets {
        let entry = access::entry_of(rows.next()?, rows.next()?)?;
        let Entry { membership, head } = entry.ok_or_else(access::not_member)?;
        if !head.blocked_by.is_empty() {
            return Err(Failure::new(Code::Blocked, "one of you has blocked the other"));
        }
        if head.kind == Kind::Channel && membership.role < Role::Moderator {
            return Err(Failure::new(Code::Forbidden, "only its moderators write in a channel"));
        }
    }
    Ok(())
}

/// If nothing was forwarded, the first reason is the answer; but if it is not known of one, that is.
fn answer(
    ingest: &Ingest,
    conversations: &[ConversationId],
    mut outcomes: HashMap<ConversationId, Outcome>,
) -> Result<Response, Failure> {
    let (mut messages, mut failures) = (Vec::new(), Vec::new());
    for conversation in conversations {
        match outcomes.remove(conversation) {
            Some(Ok(message)) => messages.push(message),
            Some(Err(failure)) => failures.push((*conversation, failure)),
            None => {}
        }
    }
    if messages.is_empty() && !failures.is_empty() {
        let unknown = |(_, failure): &(_, Failure)| failure.api.code == Code::OutcomeUnknown;
        let at = failures.iter().position(unknown).unwrap_or(0);
        let (_, failure) = failures.swap_remove(at);
        return Err(failure);
    }
    let raw = |message: &Bytes| serde_json::from_slice::<Box<RawValue>>(message);
    let messages: Vec<_> = messages
        .iter()
        .map(raw)
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::internal(format!("a view can not be read: {error}")))?;
    let failed = failures.into_iter().map(|(conversation_id, failure)| Failed {
        conversation_id,
        code: failure.into_api(ingest).code,
    });
    let gathered = Gathered {
        message: "the message was forwarded",
        forwarded_messages: messages.iter().map(|message| &**message).collect(),
        failed: failed.collect(),
    };
    Ok(envelope::encoded(StatusCode::OK, &gathered, ingest.now()))
}
