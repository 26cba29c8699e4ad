//! The JSON of a message, the same in REST answers, events and frames. It holds no field that
//! depends on the viewer or on time (HAZARDS 31): presence fields are null, `status` is `sent`.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::command::Send;
use crate::id::{ConversationId, MessageId, Rev, Seq, UserId};
use crate::time::Timestamp;
use crate::user::view::Public;

/// Message types that clients may send. `system` is the server's own.
pub const TYPES: [&str; 12] = [
    "text", "image", "video", "audio", "file", "voice", "location", "poll", "contact", "code",
    "gif", "sticker",
];

/// A message as clients get it.
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Message<'a> {
    /// The message.
    pub id: MessageId,
    /// The conversation.
    pub conversation_id: ConversationId,
    /// Number in the conversation.
    pub seq: Seq,
    /// Number of its last change in the conversation.
    pub rev: Rev,
    /// The client's own id.
    #[serde(borrow)]
    pub client_message_id: Option<Cow<'a, str>>,
    /// Who sent it.
    pub sender_id: UserId,
    /// Text.
    #[serde(borrow)]
    pub content: Cow<'a, str>,
    /// Type.
    #[serde(borrow, rename = "type")]
    pub kind: Cow<'a, str>,
    /// The same, under the predecessor's name.
    #[serde(borrow)]
    pub message_type: Cow<'a, str>,
    /// Free-form object.
    #[serde(borrow)]
    #[cfg_attr(
        feature = "json-schema",
        schemars(with = "Option<serde_json::Map<String, serde_json::Value>>")
    )]
    pub metadata: Option<&'a RawValue>,
    /// The message answered.
    pub reply_to_id: Option<MessageId>,
    /// Whether it was edited.
    pub is_edited: bool,
    /// Whether it was deleted.
    pub is_deleted: bool,
    /// Whether it is pinned.
    pub is_pinned: bool,
    /// Number of the change that pinned it, or unpinned it, last; absent if none did. Equal to `rev`: this is it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin_rev: Option<Rev>,
    /// Who did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin_changed_by_id: Option<UserId>,
    /// sent, delivered or read, towards its sender.
    #[serde(borrow)]
    pub status: Cow<'a, str>,
    /// When the log took it.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
    /// The sender as of then.
    #[serde(borrow)]
    pub sender: Public<'a>,
}

/// The message that a view answers; none for most, without looking closer.
pub fn answers(body: &[u8]) -> Option<MessageId> {
    // Text and names can not hold it unescaped; metadata can, so a hit is looked at.
    const MARK: &str = r#""replyToId":""#;
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        reply_to_id: Option<MessageId>,
    }
    let text = std::str::from_utf8(body).ok()?;
    if !text.contains(MARK) {
        return None;
    }
    // A view that can not be read is shown as it is.
    serde_json::from_str::<Answer>(text).ok()?.reply_to_id
}

impl<'a> Message<'a> {
    /// A message that was just sent.
    pub fn sent(send: &'a Send, seq: Seq, rev: Rev, at: Timestamp) -> Self {
        Self {
            id: send.message_id,
            conversation_id: send.conversation_id,
            seq,
            rev,
            client_message_id: send.client_message_id.as_deref().map(Cow::Borrowed),
            sender_id: send.sender.id,
            content: Cow::Borrowed(&send.content),
            kind: Cow::Borrowed(&send.message_type),
            message_type: Cow::Borrowed(&send.message_type),
            metadata: send.metadata.as_deref(),
            reply_to_id: send.reply_to.map(|reply| reply.id),
            is_edited: false,
            is_deleted: false,
            is_pinned: false,
            pin_rev: None,
            pin_changed_by_id: None,
            status: Cow::Borrowed("sent"),
            created_at: at,
            updated_at: at,
            deleted_at: None,
            sender: Public::of(&send.sender),
        }
    }

    /// The same message with another text.
    pub fn edited(mut self, content: &'a str, rev: Rev, at: Timestamp) -> Self {
        self.content = Cow::Borrowed(content);
        self.is_edited = true;
        self.rev = rev;
        self.updated_at = at;
        self
    }

    /// The placeholder of a message that was taken back: no text, no metadata.
    pub fn deleted(mut self, rev: Rev, at: Timestamp) -> Self {
        self.content = Cow::Borrowed("");
        self.metadata = None;
        self.is_deleted = true;
        self.is_pinned = false;
        (self.pin_rev, self.pin_changed_by_id) = (None, None);
        self.rev = rev;
        self.updated_at = at;
        self.deleted_at = Some(at);
        self
    }

    /// The same message, pinned or no more, by somebody who is to be named.
    pub fn pinned(mut self, pinned: bool, by: Option<UserId>, rev: Rev, at: Timestamp) -> Self {
        self.is_pinned = pinned;
        (self.pin_rev, self.pin_changed_by_id) = (by.map(|_| rev), by);
        self.rev = rev;
        self.updated_at = at;
        self
    }

    /// As bytes: the one encode of a message.
    pub fn encode(&self) -> Bytes {
        let mut out = Vec::with_capacity(self.content.len() + 768);
        serde_json::to_writer(&mut out, self).expect("a message view serialises");
        Bytes::from(out)
    }
}
