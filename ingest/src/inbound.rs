//! Acceptance for sockets: the same code as for requests over HTTP, and the same answers.
//!
//! When a request is accepted it has its place in the log; what it waits for then is its outcome. So
//! requests of one socket are folded in the order in which they came.

mod call;
pub(crate) mod delivered;
mod presence;
mod request;
pub(crate) mod typing;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::ready;
use platform::auth;
use platform::inbound::{Identity, Inbound, Outcome, Seen};
use schemas::{ApiError, Code, UserId};
use serde_json::value::RawValue;

use self::request::Request;
use crate::conversation;
use crate::error::Failure;
use crate::limit::{Account, Class};
use crate::message::{Answer, change, reads, write};
use crate::presence::of as seen;
use crate::reaction::write as reactions;
use crate::receipt::{self, UpTo};
use crate::state::Ingest;

/// A socket's requests have no headers; a send names itself in its body.
const NO_KEY: Option<&str> = None;

#[async_trait]
impl Inbound for Ingest {
    fn authenticate(&self, token: &str) -> Result<Identity, ApiError> {
        auth::authenticate(&self.keys, &self.node, self.now(), token)
    }

    async fn accept(
        &self,
        who: &Identity,
        kind: &str,
        data: Option<&RawValue>,
    ) -> Result<Outcome, ApiError> {
        self.charge(who, kind).await?;
        let json = data.map_or("{}", RawValue::get);
        outcome(self, accept(self, who, kind, json).await)
    }

    async fn join_call(
        &self,
        who: &Identity,
        number: u64,
        data: Option<&RawValue>,
    ) -> Result<Outcome, ApiError> {
        self.charge(who, "call.join").await?;
        let call = call::Call::joined(data.map_or("{}", RawValue::get).as_bytes(), number)?;
        outcome(self, call::accept(self, who.user, &call).await)
    }

    async fn end_call(&self, who: &Identity, call: &str, up_to: u64) -> Result<(), ApiError> {
        self.charge(who, "call.leave").await?;
        let ended = call::end(self, who.user, call, up_to).await;
        ended.map_err(|failure| failure.into_api(self))
    }

    async fn charge(&self, who: &Identity, kind: &str) -> Result<(), ApiError> {
        match class(kind)? {
            Some(class) => {
                let account = Account::User(who.user);
                self.limiter.check(&*self.platform.ephemeral, class, account).await
            }
            None => Ok(()),
        }
    }

    async fn presence(&self, viewer: UserId, of: &[UserId]) -> Result<Vec<Seen>, ApiError> {
        seen(self, viewer, of).await.map_err(|failure| failure.into_api(self))
    }

    async fn hides_typing(&self, user: UserId) {
        typing::hide(self, user).await;
    }
}

/// What a request counts for, as its route does; none: it has a limit of its own.
fn class(kind: &str) -> Result<Option<Class>, ApiError> {
    match kind {
        "message.send" | "message.react" | "message.unreact" | "message.edit"
        | "message.delete" | "message.read" | "conversation.read" => Ok(Some(Class::Messages)),
        "presence.set" => Ok(Some(Class::Writes)),
        "conversation.join" | "presence.subscribe" => Ok(Some(Class::Reads)),
        "delivered" | "typing" => Ok(None),
        _ if call::verb(kind).is_some() => Ok(Some(Class::Signals)),
        _ => Err(ApiError::new(Code::Unsupported, "this type of request is not supported")),
    }
}

fn outcome(ingest: &Ingest, accepted: Result<Answer, Failure>) -> Result<Outcome, ApiError> {
    let answer = accepted.map_err(|failure| failure.into_api(ingest))?;
    let ingest = ingest.clone();
    let outcome = async move { answer.await.map_err(|failure| failure.into_api(&ingest)) };
    Ok(outcome.boxed())
}

async fn accept(
    ingest: &Ingest,
    who: &Identity,
    kind: &str,
    json: &str,
) -> Result<Answer, Failure> {
    let user = who.user;
    match Request::read(kind, json)? {
        Request::Send(send) => {
            let sent = write::accept(ingest, user, &send, None).await?;
            Ok(sent.outcome().boxed())
        }
        Request::Edit(id, edit) => change::edit(ingest, user, id, &edit, NO_KEY).await,
        Request::Delete(id) => change::delete(ingest, user, id, NO_KEY).await,
        Request::React(id, emoji) => reactions::react(ingest, user, id, &emoji, NO_KEY).await,
        Request::Unreact(id, emoji) => reactions::unreact(ingest, user, id, &emoji, NO_KEY).await,
        Request::Read(id) => reads::read(ingest, user, id).await,
        Request::ReadConversation(id, message) => {
            let up_to = message.map_or(UpTo::Newest, UpTo::Message);
            let kind = schemas::receipt::Kind::Read;
            let marking = receipt::accept(ingest, user, id, kind, up_to).await?;
            let marking = marking.ok_or_else(conversation::not_found)?;
            let said = Bytes::from_static(br#"{"message":"Conversation marked as read"}"#);
            Ok(async move { marking.outcome().await.map(|_| said) }.boxed())
        }
        Request::Typing(conversation, is_typing) => {
            typing::accept(ingest, user, conversation, is_typing).await
        }
        Request::Call(call) => call::accept(ingest, user, &call).await,
        Request::Presence(change) => presence::set(ingest, user, change),
        Request::Join(id) => presence::join(ingest, user, id).await,
        Request::Delivered(conversations) => {
            delivered::accept(ingest, user, conversations).await?;
            Ok(ready(Ok(Bytes::from_static(b"{}"))).boxed())
        }
    }
}
