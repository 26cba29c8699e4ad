//! Commands on messages, as ingest puts them on `chat.commands`.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::id::{ConversationId, MessageId, Seq};
use crate::user::view::Snapshot;

/// Send a message.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Send {
    /// The conversation; also the record's key.
    pub conversation_id: ConversationId,
    /// The message's id: derived if the client gave one of its own, else new.
    pub message_id: MessageId,
    /// The client's own id, if it gave one: then this may be a retry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_message_id: Option<String>,
    /// Whether `message_id` was derived from something the client gave.
    pub retryable: bool,
    /// Text, image … ([`super::view::TYPES`]).
    pub message_type: String,
    /// Text; empty only with metadata.
    pub content: String,
    /// Free-form object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Box<RawValue>>,
    /// The message answered, of the same conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<ReplyTo>,
    /// The sender as others see him now.
    pub sender: Snapshot,
}

/// A message that is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReplyTo {
    /// The message.
    pub id: MessageId,
    /// Its number.
    pub seq: Seq,
}

impl PartialEq for Send {
    fn eq(&self, other: &Self) -> bool {
        self.message_id == other.message_id && self.body_hash() == other.body_hash()
    }
}

impl Send {
    /// Hash of what the client asked for: two sends under one client id with different hashes are
    /// not a retry (409).
    pub fn body_hash(&self) -> [u8; 16] {
        let metadata = self.metadata.as_ref().map_or("", |raw| raw.get());
        let parts = [self.message_type.as_bytes(), self.content.as_bytes(), metadata.as_bytes()];
        match &self.reply_to {
            None => crate::id::body_hash(&parts),
            Some(reply) => {
                let [kind, content, metadata] = parts;
                crate::id::body_hash(&[kind, content, metadata, &reply.id.bytes()])
            }
        }
    }
}

/// A message of a conversation, as ingest found it by its id; the fold checks that it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    /// The conversation; also the record's key.
    pub conversation_id: ConversationId,
    /// The message.
    pub message_id: MessageId,
    /// Its number.
    pub seq: Seq,
}

/// Change the text of a message. Its sender.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Edit {
    /// The message.
    #[serde(flatten)]
    pub target: Target,
    /// The new text.
    pub content: String,
}

/// Take a message back: a placeholder stays. Its sender.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delete {
    /// The message.
    #[serde(flatten)]
    pub target: Target,
}

/// Pin a message for all members, or do so no more. Any member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pin {
    /// The message.
    #[serde(flatten)]
    pub target: Target,
    /// Pinned from now on, or no more.
    pub pinned: bool,
    /// Whether the message is to say which change pinned it, and whose. Commands of before this was known do
    /// not ask for it, so that folding them again makes what it made then (G-09).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub signed: bool,
}

/// Copy a message to several conversations. On `chat.users`, keyed by who forwards; the `saga` pool
/// makes one send of each target, with ids that follow from this command's.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Forward {
    /// Who forwards; also the record's key.
    pub user_id: crate::id::UserId,
    /// The sends.
    pub targets: Vec<ForwardTarget>,
    /// Text, image …
    pub message_type: String,
    /// Text.
    pub content: String,
    /// Metadata, with where the message comes from.
    pub metadata: Box<RawValue>,
    /// Who forwards, as others see him now.
    pub sender: Snapshot,
    /// Whether the ids were derived from something the client gave.
    pub retryable: bool,
}

/// One conversation that a message is forwarded to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ForwardTarget {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// Id of the message to be.
    pub message_id: MessageId,
    /// Id of the command that sends it.
    pub command_id: crate::id::CommandId,
}

impl PartialEq for Forward {
    fn eq(&self, other: &Self) -> bool {
        self.user_id == other.user_id && self.targets == other.targets
    }
}
