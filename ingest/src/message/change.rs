//! Changing one's own message: another text, or none any more. Who may is the fold's to decide; to
//! whoever does not see the message it is not there.

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use futures_util::FutureExt;
use http::StatusCode;
use schemas::envelope::ConversationCommand;
use schemas::message::command::{Delete, Edit as Command};
use schemas::{MessageId, UserId, topic};

use super::Answer;
use super::dto::Edit;
use super::find::{self, hidden, not_found};
use super::shown;
use crate::envelope;
use crate::error::{Failure, after_effect};
use crate::extract::{Body, Caller, Id, IdempotencyKey};
use crate::publish::{By, Done, once};
use crate::state::Ingest;

pub(super) async fn put(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    Id(id): Id<MessageId>,
    IdempotencyKey(key): IdempotencyKey,
    body: Body,
) -> Result<Response, Failure> {
    let request = body.read::<Edit<'_>>()?;
    let message = edit(&ingest, who.user, id, &request, key.as_deref()).await?.await?;
    Ok(envelope::spliced(StatusCode::OK, &message, ingest.now()))
}

pub(super) async fn take_back(
    State(ingest): State<Ingest>,
    Caller(who): Caller,
    Id(id): Id<MessageId>,
    IdempotencyKey(key): IdempotencyKey,
) -> Result<Response, Failure> {
    let said = delete(&ingest, who.user, id, key.as_deref()).await?.await?;
    Ok(envelope::spliced(StatusCode::OK, &said, ingest.now()))
}

/// Gives an edit its place in the log; the answer is the message.
pub(crate) async fn edit(
    ingest: &Ingest,
    user: UserId,
    id: MessageId,
    request: &Edit<'_>,
    key: Option<&str>,
) -> Result<Answer, Failure> {
    let content = request.check()?;
    let target = find::place(ingest, user, id).await?.ok_or_else(not_found)?.target;
    let scope = target.conversation_id.0;
    let once = once(user, scope, key, &[b"edit".as_slice(), &id.bytes(), content.as_bytes()]);
    let command = ConversationCommand::Edit(Command { target, content: content.to_owned() });
    let by = By { actor: user, once };
    let pending = ingest.publisher.publish(&topic::COMMANDS, scope, by, &command)?;
    let ingest = ingest.clone();
    let answer = async move {
        let done = pending.outcome().await.map_err(hidden)?;
        let edited = async {
            let seen = find::at(&ingest, user, target.conversation_id, target.seq).await?;
            match (seen, done) {
                (Some(seen), _) => seen.shown(&ingest).await,
                // He has left in this moment.
                (None, Done::Now(view)) => Ok(shown::fresh(&view)),
                (None, Done::Before(_)) => Err(not_found()),
            }
        };
        after_effect(edited).await
    };
    Ok(answer.boxed())
}

/// Gives a deletion its place in the log.
pub(crate) async fn delete(
    ingest: &Ingest,
    user: UserId,
    id: MessageId,
    key: Option<&str>,
) -> Result<Answer, Failure> {
    let target = find::place(ingest, user, id).await?.ok_or_else(not_found)?.target;
    let scope = target.conversation_id.0;
    let once = once(user, scope, key, &[b"delete".as_slice(), &id.bytes()]);
    let command = ConversationCommand::Delete(Delete { target });
    let by = By { actor: user, once };
    let pending = ingest.publisher.publish(&topic::COMMANDS, scope, by, &command)?;
    let answer = async move {
        pending.outcome().await.map_err(hidden)?;
        Ok(Bytes::from_static(br#"{"message":"the message was deleted"}"#))
    };
    Ok(answer.boxed())
}
