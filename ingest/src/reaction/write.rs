//! Reacting to a message. A reaction that stands already is answered, not made again (D16).

use axum::extract::{FromRequestParts, Path, State};
use axum::response::Response;
use bytes::Bytes;
use futures_util::FutureExt;
use http::StatusCode;
use http::request::Parts;
use platform::port::store::get_one;
use schemas::envelope::ConversationCommand;
use schemas::message::command::Target;
use schemas::reaction::command::React as Command;
use schemas::reaction::table::{Reaction as Row, ReactionByUser};
use schemas::reaction::view::Reaction;
use schemas::user::view::{Public, Snapshot};
use schemas::{ApiError, Code, MessageId, UserId, topic};

use super::dto::{self, React};
use crate::envelope;
use crate::error::{Failure, after_effect};
use crate::extract::{Body, Caller, Id, IdempotencyKey};
use crate::message::Answer;
use crate::message::find::{self, hidden, not_found};
use crate::profiles;
use crate::publish::{By, Pending, once};
use crate::state::Ingest;
use crate::user::gone;

/// What a path names: a message and an emoji, percent-encoded UTF-8.
#[derive(Debug)]
pub(super) struct OfEmoji(MessageId, String);

impl<S: Send + Sync> FromRequestParts<S> for OfEmoji {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let texts = Path::<(String, String)>::from_request_parts(parts, state).await;
        let unreadable = || ApiError::invalid(vec!["emoji must be UTF-8".to_owned()]);
        let Path((id, emoji)) = texts.map_err(|_| unreadable())?;
        let malformed = |_| Failure::new(Code::MalformedId, "the id is not a UUID");
        Ok(Self(id.parse().map_err(malformed)?, emoji))
    }
}

pub(super) async fn post(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    Id(id): Id<MessageId>,
    IdempotencyKey(key): IdempotencyKey,
    body: Body,
) -> Result<Response, Failure> {
    let request = body.read::<React<'_>>()?;
    let reaction = react(&ingest, who.user, id, request.check()?, key.as_deref()).await?.await?;
    Ok(envelope::spliced(StatusCode::OK, &reaction, ingest.now()))
}

pub(super) async fn take_back(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    OfEmoji(id, emoji): OfEmoji,
    IdempotencyKey(key): IdempotencyKey,
) -> Result<Response, Failure> {
    let said = unreact(&ingest, who.user, id, &emoji, key.as_deref()).await?.await?;
    Ok(envelope::spliced(StatusCode::OK, &said, ingest.now()))
}

/// Gives a reaction its place in the log; the answer is the reaction.
pub(crate) async fn react(
    ingest: &Ingest,
    user: UserId,
    id: MessageId,
    emoji: &str,
    key: Option<&str>,
) -> Result<Answer, Failure> {
    let emoji = dto::check(emoji)?.to_owned();
    let (target, pending) = publish(ingest, user, id, Change::Add(&emoji), key).await?;
    let ingest = ingest.clone();
    let answer = async move {
        pending.outcome().await.map_err(hidden)?;
        after_effect(shown(&ingest, user, target, &emoji)).await
    };
    Ok(answer.boxed())
}

/// Gives the end of a reaction its place in the log.
pub(crate) async fn unreact(
    ingest: &Ingest,
    user: UserId,
    id: MessageId,
    emoji: &str,
    key: Option<&str>,
) -> Result<Answer, Failure> {
    let (_, pending) = publish(ingest, user, id, Change::Remove(dto::check(emoji)?), key).await?;
    let answer = async move {
        pending.outcome().await.map_err(hidden)?;
        Ok(Bytes::from_static(br#"{"message":"the reaction was removed"}"#))
    };
    Ok(answer.boxed())
}

/// What to do with an emoji.
#[derive(Clone, Copy)]
enum Change<'a> {
    Add(&'a str),
    Remove(&'a str),
}

async fn publish(
    ingest: &Ingest,
    user: UserId,
    id: MessageId,
    change: Change<'_>,
    key: Option<&str>,
) -> Result<(Target, Pending), Failure> {
    let target = find::place(ingest, user, id).await?.ok_or_else(not_found)?.target;
    let snapshot = ingest.profiles.snapshot(&*ingest.platform.store, user, ingest.now()).await?;
    let snapshot = Snapshot::clone(&*snapshot.ok_or_else(gone)?);
    let (verb, emoji, added) = match change {
        Change::Add(emoji) => ("react", emoji, true),
        Change::Remove(emoji) => ("unreact", emoji, false),
    };
    let scope = target.conversation_id.0;
    let once = once(user, scope, key, &[verb.as_bytes(), &id.bytes(), emoji.as_bytes()]);
    let command = Command { target, emoji: emoji.to_owned(), added, user: snapshot };
    let command = ConversationCommand::React(command);
    let by = By { actor: user, once };
    Ok((target, ingest.publisher.publish(&topic::COMMANDS, scope, by, &command)?))
}

/// A reaction as it is stored.
async fn shown(
    ingest: &Ingest,
    user: UserId,
    target: Target,
    emoji: &str,
) -> Result<Bytes, Failure> {
    let store = &*ingest.platform.store;
    let Target { conversation_id, message_id, seq } = target;
    let own = ReactionByUser::get(conversation_id, seq, user, emoji);
    let row = match get_one::<ReactionByUser>(store, own).await? {
        None => None,
        Some(own) => get_one::<Row>(store, Row::get(conversation_id, seq, own.rev)).await?,
    };
    // Taken back in this moment: it was there.
    let created_at = row.map_or_else(|| ingest.now(), |row| row.created_at);
    let head = profiles::head(store, user).await?;
    let reaction = Reaction {
        id: MessageId::reaction(message_id, user, emoji),
        message_id,
        user_id: user,
        emoji: emoji.into(),
        created_at,
        updated_at: created_at,
        deleted_at: None,
        user: head.as_ref().map(|head| Public::of_head(user, head)),
    };
    Ok(serde_json::to_vec(&reaction).expect("a view serialises").into())
}
