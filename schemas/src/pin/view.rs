//! The JSON of a pin, in REST answers and in events of Socket.IO.

use serde::Serialize;

use super::table::PinnedMessage as Row;
use crate::id::{ConversationId, MessageId, UserId};
use crate::time::Timestamp;
use crate::user::view::Public;

// `M`: the message, as it is shown there.
/// A pinned message.
#[cfg_attr(
    feature = "json-schema",
    derive(schemars::JsonSchema),
    schemars(rename = "PinnedMessage")
)]
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pin<'a, M> {
    /// Its id: the message's, as a message is pinned once.
    pub id: MessageId,
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The message.
    pub message_id: MessageId,
    /// Who pinned it.
    pub pinned_by_id: UserId,
    /// When.
    pub pinned_at: Timestamp,
    /// The same.
    pub created_at: Timestamp,
    /// The same.
    pub updated_at: Timestamp,
    /// Null.
    pub deleted_at: Option<Timestamp>,
    /// The message itself.
    pub message: M,
    /// Public view; null if he is gone.
    pub pinned_by: Option<Public<'a>>,
}

impl<'a, M> Pin<'a, M> {
    /// A pin as it is stored, with its message and whoever pinned it.
    pub fn of(row: &Row, message: M, pinned_by: Option<Public<'a>>) -> Self {
        Self {
            id: row.message,
            conversation_id: row.conversation,
            message_id: row.message,
            pinned_by_id: row.user,
            pinned_at: row.pinned_at,
            created_at: row.pinned_at,
            updated_at: row.pinned_at,
            deleted_at: None,
            message,
            pinned_by,
        }
    }
}
