//! Commands on `chat.receipts`.

use serde::{Deserialize, Serialize};

use super::Kind;
use crate::id::{ConversationId, MessageId, Seq};

/// The actor has received or read everything up to a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    /// The conversation; also the record's key.
    pub conversation_id: ConversationId,
    /// Received or read.
    pub kind: Kind,
    /// Number of the message, at most the head's.
    pub seq: Seq,
    /// Countable messages up to it; of no use for `delivered`.
    pub n: i64,
    /// The message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message_id: Option<MessageId>,
    /// Whether nobody but his own devices is to see it: his privacy settings.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub private: bool,
}
