//! The parts of requests and answers that the workload speaks, declared apart from the server's. A
//! system in this process is read by them too.

use std::borrow::Cow;
use std::sync::Arc;

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::rest::Answer;
use crate::history::{Form, Reacted, Seen, Tells, body_of};
use crate::target::Message;

/// A send, over REST or in a frame.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Send<'a> {
    conversation_id: Uuid,
    client_message_id: &'a str,
    /// A socket's request has the type in it; over REST it is left to its default.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    content: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to_id: Option<Uuid>,
}

impl<'a> Send<'a> {
    /// The request to send a message.
    pub fn new(message: &'a Message, typed: bool) -> Self {
        Self {
            conversation_id: message.request.conversation,
            client_message_id: &message.request.client,
            kind: typed.then_some("text"),
            content: &message.content,
            reply_to_id: message.answers,
        }
    }
}

#[derive(Deserialize)]
struct Envelope<T> {
    success: bool,
    data: T,
}

#[derive(Deserialize)]
struct Identified {
    id: Uuid,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct View<'a> {
    id: Uuid,
    seq: i64,
    rev: i64,
    #[serde(borrow)]
    client_message_id: Option<Cow<'a, str>>,
    sender_id: Uuid,
    #[serde(borrow)]
    content: Cow<'a, str>,
    #[serde(default)]
    is_edited: bool,
    #[serde(default)]
    is_deleted: bool,
}

impl From<View<'_>> for Seen {
    fn from(view: View<'_>) -> Self {
        Self {
            id: view.id,
            seq: view.seq,
            rev: view.rev,
            client: view.client_message_id.map(Arc::from),
            sender: view.sender_id,
            body: body_of(&view.content),
            form: match (view.is_deleted, view.is_edited) {
                (true, _) => Form::Deleted,
                (false, true) => Form::Edited,
                (false, false) => Form::Sent,
            },
        }
    }
}

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    messages: Vec<View<'a>>,
}

/// A sign-in.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SignedIn {
    /// Who.
    pub user: Owner,
    /// Bearer token.
    pub access_token: String,
}

/// Whose sign-in it is.
#[derive(Debug, Deserialize)]
pub struct Owner {
    /// Id.
    pub id: Uuid,
}

pub(super) fn data<'a, T: Deserialize<'a>>(body: &'a [u8]) -> anyhow::Result<T> {
    let envelope: Envelope<T> = serde_json::from_slice(body)?;
    anyhow::ensure!(envelope.success, "a 2xx answer without success");
    Ok(envelope.data)
}

/// Of a login's answer.
pub fn login(answer: &Answer) -> anyhow::Result<SignedIn> {
    anyhow::ensure!(answer.status == 200, "status {}", answer.status);
    data(&answer.body).context("reading a sign-in")
}

/// The id of what was made.
pub fn id(body: &[u8]) -> anyhow::Result<Uuid> {
    Ok(data::<Identified>(body)?.id)
}

/// One message.
pub fn message(body: &[u8]) -> anyhow::Result<Seen> {
    Ok(data::<View<'_>>(body)?.into())
}

/// A page.
pub fn messages(body: &[u8]) -> anyhow::Result<Vec<Seen>> {
    let page: Page<'_> = data(body)?;
    Ok(page.messages.into_iter().map(Seen::from).collect())
}

/// A message's view without an envelope, as frames carry it.
pub fn bare(json: &str) -> anyhow::Result<Seen> {
    Ok(serde_json::from_str::<View<'_>>(json)?.into())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Membership {
    members: Vec<MemberOf>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MemberOf {
    user_id: Uuid,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reaction<'a> {
    message_id: Uuid,
    user_id: Uuid,
    #[serde(borrow)]
    emoji: Cow<'a, str>,
    added: bool,
}

/// What an event of this type tells, by its data: a message, or something else.
pub fn tells(kind: &str, data: &str) -> (Option<Seen>, Tells) {
    let mut tells = Tells::default();
    match kind {
        "message.created" | "message.updated" | "message.deleted" => {
            return (bare(data).ok(), tells);
        }
        "message.reaction" => {
            tells.reaction =
                serde_json::from_str::<Reaction<'_>>(data).ok().map(|reaction| Reacted {
                    message: reaction.message_id,
                    user: reaction.user_id,
                    emoji: Arc::from(reaction.emoji),
                    added: reaction.added,
                });
        }
        "member.added" | "member.removed" | "member.changed" => {
            let members = serde_json::from_str::<Membership>(data).ok();
            let members = members.into_iter().flat_map(|all| all.members);
            tells.members = members.map(|member| member.user_id).collect();
        }
        _ => {}
    }
    (None, tells)
}
