//! The events of messages: sent, changed, deleted, pinned, reacted to.
//!
//! A message that answers none is whole in its frame. What an answer quotes, and who pinned, the frame only
//! names: text that may be deleted later is not copied into a journal. Made from a frame alone, such packets
//! go without it and say what they lack ([`Packets::owed`]); made with [`Beside`], they have it.

use std::borrow::Cow;

use schemas::message::view::answers;
use schemas::pin::table::PinnedMessage;
use schemas::pin::view::Pin;
use schemas::{ConversationId, MessageId, Rev, Seq, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Envelope, Message, Packets, json};
use crate::socketio::owed::{Beside, Owed};

#[derive(Deserialize)]
struct Id {
    id: MessageId,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PinOf {
    id: MessageId,
    #[serde(default)]
    is_pinned: bool,
    rev: Option<Rev>,
    pin_rev: Option<Rev>,
    pin_changed_by_id: Option<UserId>,
    #[serde(default)]
    seq: Seq,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    sender_id: UserId,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reacted<'a> {
    message_id: MessageId,
    user_id: UserId,
    #[serde(borrow)]
    emoji: Cow<'a, str>,
    added: bool,
    #[serde(borrow)]
    user: Option<&'a RawValue>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reaction<'a> {
    id: MessageId,
    message_id: MessageId,
    user_id: UserId,
    emoji: &'a str,
    created_at: Option<&'a str>,
    updated_at: Option<&'a str>,
    deleted_at: Option<&'a str>,
    user: Option<&'a RawValue>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReactionAdded<'a> {
    message_id: MessageId,
    conversation_id: ConversationId,
    reaction: Reaction<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReactionRemoved<'a> {
    message_id: MessageId,
    conversation_id: ConversationId,
    user_id: UserId,
    emoji: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IsPinned<'a> {
    conversation_id: ConversationId,
    message_id: MessageId,
    pinned_message: Pin<'a, &'a RawValue>,
}

impl Packets {
    pub(super) fn message(
        &mut self,
        envelope: &Envelope<'_>,
        data: &str,
        beside: Option<&Beside>,
    ) -> Option<()> {
        let conversation = envelope.conversation_id?;
        match envelope.kind.as_ref() {
            "message.created" => {
                let Sent { sender_id: sender } = serde_json::from_str(data).ok()?;
                let seq = envelope.seq?;
                self.message = Some(Message { conversation, seq, sender });
                let shown = self.shown(conversation, data, beside);
                self.tell_parts("message:new", &shown);
            }
            "message.updated" => {
                let shown = self.shown(conversation, data, beside);
                self.tell_parts("message:updated", &shown);
                self.pinned(envelope, (data, &shown), beside)?;
            }
            "message.deleted" => {
                let Id { id } = serde_json::from_str(data).ok()?;
                let data = format!(r#"{{"messageId":"{id}","conversationId":"{conversation}"}}"#);
                self.tell("message:deleted", &data);
            }
            "message.reaction" => {
                let of: Reacted<'_> = serde_json::from_str(data).ok()?;
                self.reaction(conversation, envelope.at.as_deref(), &of);
            }
            _ => return None,
        }
        Some(())
    }

    /// A message as the parts of its JSON: the view of the frame, and behind its last field `replyTo`, as a
    /// REST answer has it.
    fn shown<'a>(
        &mut self,
        conversation: ConversationId,
        view: &'a str,
        beside: Option<&'a Beside>,
    ) -> [&'a str; 4] {
        let as_it_is = [view, "", "", ""];
        let Some(open) = view.strip_suffix('}') else { return as_it_is };
        let answered = answers(view.as_bytes());
        match (answered, beside) {
            (Some(answered), None) => {
                self.owe(conversation).answered = Some(answered);
                as_it_is
            }
            (answered, beside) => {
                let quoted = answered.and(beside).and_then(Beside::answered);
                [open, r#","replyTo":"#, quoted.unwrap_or("null"), "}"]
            }
        }
    }

    fn owe(&mut self, conversation: ConversationId) -> &mut Owed {
        self.owed.get_or_insert_with(|| Box::new(Owed::of(conversation)))
    }

    /// An update that is a pin, or the end of one, has an event of its own too.
    fn pinned(
        &mut self,
        envelope: &Envelope<'_>,
        (view, shown): (&str, &[&str; 4]),
        beside: Option<&Beside>,
    ) -> Option<()> {
        let (conversation, of) =
            (envelope.conversation_id?, serde_json::from_str::<PinOf>(view).ok()?);
        let Some(rev) = of.pin_rev.filter(|rev| of.rev == Some(*rev)) else { return Some(()) };
        let message = of.id;
        if !of.is_pinned {
            let data = format!(r#"{{"conversationId":"{conversation}","messageId":"{message}"}}"#);
            self.tell("message:unpinned", &data);
            return Some(());
        }
        let (user, pinned_at) = (of.pin_changed_by_id?, at(envelope)?);
        if beside.is_none() {
            self.owe(conversation).pinned_by = Some(user);
        }
        let row = PinnedMessage { conversation, rev, message, seq: of.seq, user, pinned_at };
        let view: Box<RawValue> = RawValue::from_string(shown.concat()).ok()?;
        let pin = Pin::of(&row, &*view, beside.and_then(Beside::pinned_by));
        let data =
            IsPinned { conversation_id: conversation, message_id: message, pinned_message: pin };
        self.tell("message:pinned", &json(&data));
        Some(())
    }

    fn reaction(&mut self, conversation_id: ConversationId, at: Option<&str>, of: &Reacted<'_>) {
        let (message_id, user_id, emoji) = (of.message_id, of.user_id, of.emoji.as_ref());
        if !of.added {
            let removed = ReactionRemoved { message_id, conversation_id, user_id, emoji };
            self.tell("message:reaction:removed", &json(&removed));
            return;
        }
        let reaction = Reaction {
            id: MessageId::reaction(message_id, user_id, emoji),
            message_id,
            user_id,
            emoji,
            created_at: at,
            updated_at: at,
            deleted_at: None,
            user: of.user,
        };
        let data = json(&ReactionAdded { message_id, conversation_id, reaction });
        // The predecessor's document has one name and its code the other.
        self.tell("message:reaction", &data);
        self.tell("message:reaction:added", &data);
    }
}

fn at(envelope: &Envelope<'_>) -> Option<Timestamp> {
    serde_json::from_str(&json(&envelope.at)).ok()
}
