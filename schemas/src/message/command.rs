//! Commands on messages, as ingest puts them on `chat.commands`.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::id::{ConversationId, MessageId};
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
    /// The sender as others see him now.
    pub sender: Snapshot,
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
        crate::id::body_hash(&[
            self.message_type.as_bytes(),
            self.content.as_bytes(),
            metadata.as_bytes(),
        ])
    }
}
