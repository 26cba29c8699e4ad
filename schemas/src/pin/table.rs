//! Tables of pins, written by `persist` from `chat.commands`.

use crate::id::{ConversationId, MessageId, Rev, Seq, UserId};
use crate::table::{Class, Get, Scan, Table, TableDef, Value};
use crate::time::Timestamp;

crate::table! {
    /// Pinned messages of a conversation, newest pin first.
    pub struct PinnedMessage in "pinned_message", prefix 0x0901, class Class::Folded("persist");
    partition { conversation: ConversationId }
    cluster { rev: Rev => Desc }
    data {
        /// The message.
        message: MessageId,
        /// Its number.
        seq: Seq,
        /// Who pinned it.
        user: UserId,
        /// When.
        pinned_at: Timestamp,
    }
}

/// Tables of this noun.
pub const ALL: &[&TableDef] = &[PinnedMessage::DEF];

impl PinnedMessage {
    /// The pin that a change made.
    pub fn get(conversation: ConversationId, rev: Rev) -> Get {
        Get::of::<Self>(vec![Value::Uuid(conversation.0), Value::Int(rev)])
    }

    /// Pins of a conversation, newest first.
    pub fn of_conversation(conversation: ConversationId, limit: usize) -> Scan<Self> {
        Scan::of(vec![Value::Uuid(conversation.0)], limit)
    }
}
