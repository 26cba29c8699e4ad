//! What Socket.IO clients are told when something happens: the packets of `/` and of `/presence` that a
//! frame becomes. Pure: a frame in, packets out; and, for those that show more than it holds, what was read
//! beside it (`owed`).
//!
//! The frame's envelope is read once; what it carries is spliced as the JSON it is, so that a message is
//! the same bytes for every client. A frame that has no event here becomes nothing: a name that no
//! client listens to costs nothing.

mod message;

use std::borrow::Cow;

use schemas::{ConversationId, MessageId, Seq, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::namespace::Namespace;
use super::owed::{Beside, Owed};
use crate::transport::Payload;

/// What is written to one socket, and to whom of those that it reaches.
#[derive(Debug, Default)]
pub(crate) struct Packets {
    /// On `/`.
    pub(crate) root: Vec<Payload>,
    /// On `/presence`.
    pub(crate) presence: Vec<Payload>,
    /// Only where this conversation is on screen.
    pub(crate) on_screen: Option<ConversationId>,
    /// Not on `/` to who types himself.
    pub(crate) typer: Option<UserId>,
    /// Not to these, in order: their feed tells them.
    pub(crate) named: Vec<UserId>,
    /// The message that whoever reads it has received.
    pub(crate) message: Option<Message>,
    /// The client has lost events: it is to connect anew, and is told so right before.
    pub(crate) resync: bool,
    /// What they are to show besides; boxed, as few lack anything.
    pub(crate) owed: Option<Box<Owed>>,
}

/// A message on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) conversation: ConversationId,
    pub(crate) seq: Seq,
    pub(crate) sender: UserId,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    conversation_id: Option<ConversationId>,
    seq: Option<Seq>,
    #[serde(borrow)]
    at: Option<Cow<'a, str>>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

/// An event's packet: `42["name",data]`, `42/presence,["name",data]`.
pub(crate) fn event(namespace: Namespace, name: &str, data: &str) -> Payload {
    event_of(namespace, name, &[data])
}

/// The same; `data`: in parts.
fn event_of(namespace: Namespace, name: &str, data: &[&str]) -> Payload {
    let size: usize = data.iter().map(|part| part.len()).sum();
    let mut out = String::with_capacity(name.len() + size + 24);
    out.push_str("42");
    out.push_str(namespace.prefix());
    out.push_str("[\"");
    out.push_str(name);
    out.push_str("\",");
    out.extend(data.iter().copied());
    out.push(']');
    Payload::from(out)
}

/// The packets of a frame; `to`: whose sockets it goes to, if it is an entry of a feed.
pub(crate) fn packets(text: &str, to: UserId) -> Packets {
    made(text, to, None)
}

/// The same, with what was read for them.
pub(super) fn whole(text: &str, to: UserId, beside: &Beside) -> Packets {
    made(text, to, Some(beside))
}

fn made(text: &str, to: UserId, beside: Option<&Beside>) -> Packets {
    let Ok(envelope) = serde_json::from_str::<Envelope<'_>>(text) else {
        tracing::error!("a frame that is not a frame was dropped");
        return Packets::default();
    };
    let data = envelope.data.map_or("{}", RawValue::get);
    let mut all = Packets::default();
    let told = match envelope.kind.as_ref() {
        "presence" => {
            all.both("presence:update", data);
            Some(())
        }
        "resync" => {
            all.resync = true;
            Some(())
        }
        "receipt" => all.receipt(&envelope, data),
        "typing" => all.typing(&envelope, data),
        kind if kind.starts_with("message.") => all.message(&envelope, data, beside),
        kind if kind.starts_with("call.") => {
            all.call(kind, data);
            Some(())
        }
        "conversation.added" | "conversation.removed" => all.feed(&envelope.kind, data, to),
        kind => all.conversation(&envelope, kind, data),
    };
    if told.is_none() {
        tracing::debug!(kind = envelope.kind.as_ref(), "a frame has no event");
    }
    all
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Receipt {
    user_id: UserId,
    kind: schemas::receipt::Kind,
    message_id: Option<MessageId>,
    at: Timestamp,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReadBy {
    message_id: MessageId,
    user_id: UserId,
    conversation_id: ConversationId,
    read_at: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Typer<'a> {
    user_id: UserId,
    #[serde(borrow)]
    username: Option<&'a RawValue>,
    is_typing: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TypingStart<'a> {
    user_id: UserId,
    username: Option<&'a RawValue>,
    conversation_id: ConversationId,
    avatar_url: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Typist {
    user_id: UserId,
    conversation_id: ConversationId,
}

#[derive(Deserialize)]
struct Members {
    members: Vec<Member>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Member {
    user_id: UserId,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Participants {
    conversation_id: ConversationId,
    user_id: Option<UserId>,
    user_ids: Vec<UserId>,
}

#[derive(Deserialize)]
struct Updated<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    conversation_id: ConversationId,
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data serialises")
}

impl Packets {
    /// What is written on a namespace.
    pub(crate) fn of(&self, namespace: Namespace) -> &[Payload] {
        match namespace {
            Namespace::Root => &self.root,
            Namespace::Presence => &self.presence,
        }
    }

    fn tell(&mut self, name: &str, data: &str) {
        self.root.push(event(Namespace::Root, name, data));
    }

    fn tell_parts(&mut self, name: &str, data: &[&str]) {
        self.root.push(event_of(Namespace::Root, name, data));
    }

    fn both(&mut self, name: &str, data: &str) {
        self.tell(name, data);
        self.presence.push(event(Namespace::Presence, name, data));
    }

    fn receipt(&mut self, envelope: &Envelope<'_>, data: &str) -> Option<()> {
        let of: Receipt = serde_json::from_str(data).ok()?;
        let (conversation_id, message_id) = (envelope.conversation_id?, of.message_id);
        if of.kind == schemas::receipt::Kind::Read
            && let Some(message_id) = message_id
        {
            let read = ReadBy { message_id, user_id: of.user_id, conversation_id, read_at: of.at };
            self.tell("message:read:receipt", &json(&read));
        }
        Some(())
    }

    fn typing(&mut self, envelope: &Envelope<'_>, data: &str) -> Option<()> {
        let conversation_id = envelope.conversation_id?;
        let of: Typer<'_> = serde_json::from_str(data).ok()?;
        self.on_screen = Some(conversation_id);
        self.typer = Some(of.user_id);
        let typist = json(&Typist { user_id: of.user_id, conversation_id });
        if of.is_typing {
            let (user_id, username) = (of.user_id, of.username);
            let start = TypingStart { user_id, username, conversation_id, avatar_url: None };
            self.tell("typing:start", &json(&start));
            self.presence.push(event(Namespace::Presence, "typing:start", &typist));
        } else {
            self.both("typing:stop", &typist);
        }
        Some(())
    }

    fn call(&mut self, kind: &str, data: &str) {
        let name = kind.replace('.', ":");
        self.tell(&name, data);
        // Under this name clients listen for it, which the predecessor never sent.
        match name.as_str() {
            "call:participant:joined" => self.tell("call:participant_joined", data),
            "call:participant:left" => self.tell("call:participant_left", data),
            _ => {}
        }
    }

    fn conversation(&mut self, envelope: &Envelope<'_>, kind: &str, data: &str) -> Option<()> {
        let conversation = envelope.conversation_id?;
        match kind {
            "conversation.updated" => {
                let Updated { kind } = serde_json::from_str(data).ok()?;
                self.updated(conversation);
                match kind.as_deref() {
                    Some("group") => {
                        self.tell("group:updated", &format!(r#"{{"groupId":"{conversation}"}}"#));
                    }
                    Some("channel") => {
                        let data = format!(r#"{{"channelId":"{conversation}"}}"#);
                        self.tell("channel:updated", &data);
                    }
                    _ => {}
                }
            }
            "conversation.deleted" | "member.changed" => self.updated(conversation),
            "member.added" | "member.removed" => {
                let Members { members } = serde_json::from_str(data).ok()?;
                let users: Vec<_> = members.into_iter().map(|member| member.user_id).collect();
                self.named.clone_from(&users);
                self.named.sort_unstable();
                self.participants(kind == "member.added", conversation, users);
            }
            _ => return None,
        }
        Some(())
    }

    /// The user himself is in a conversation from now on, or no more.
    fn feed(&mut self, kind: &str, data: &str, to: UserId) -> Option<()> {
        let Entry { conversation_id } = serde_json::from_str(data).ok()?;
        self.participants(kind == "conversation.added", conversation_id, vec![to]);
        Some(())
    }

    fn updated(&mut self, conversation: ConversationId) {
        self.tell("conversation:updated", &format!(r#"{{"conversationId":"{conversation}"}}"#));
    }

    fn participants(&mut self, added: bool, conversation: ConversationId, users: Vec<UserId>) {
        let name = if added {
            "conversation:participant_added"
        } else {
            "conversation:participant_removed"
        };
        let user_id = users.first().copied();
        let data = Participants { conversation_id: conversation, user_id, user_ids: users };
        self.tell(name, &json(&data));
        self.updated(conversation);
    }
}

#[cfg(test)]
mod tests;
