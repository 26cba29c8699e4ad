//! What a socket decides about its user's presence, and the conversation that it has on screen. What
//! devices do is delivery's to tell; a decision is kept, and is a command like any other.

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::ready;
use schemas::user::command;
use schemas::{ConversationId, UserId};

use crate::access;
use crate::error::Failure;
use crate::message::Answer;
use crate::presence::{Change, carry_out};
use crate::state::Ingest;

/// `presence.set`: a decision. Whether it is another one than before is the fold's to say: its place
/// in the log is the order in which a socket's decisions count.
pub(super) fn set(ingest: &Ingest, user: UserId, change: Change<'_>) -> Result<Answer, Failure> {
    let change = change.check(ingest.now())?;
    let said = Bytes::from_static(br#"{"message":"Presence updated successfully"}"#);
    if change == command::Presence::default() {
        return Ok(ready(Ok(said)).boxed());
    }
    let pending = carry_out(ingest, user, change)?;
    Ok(async move { pending.outcome().await.map(|_| said) }.boxed())
}

/// `conversation.join`: only members have it on screen.
pub(super) async fn join(
    ingest: &Ingest,
    user: UserId,
    conversation: ConversationId,
) -> Result<Answer, Failure> {
    let entry = access::entry(&*ingest.platform.store, user, conversation).await?;
    entry.ok_or_else(access::not_member)?;
    let said = Bytes::from_static(br#"{"message":"Joined the conversation"}"#);
    Ok(ready(Ok(said)).boxed())
}
