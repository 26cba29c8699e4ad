//! Tables of receipts, written by `receipts` from `chat.receipts`.

use crate::id::{ConversationId, MessageId, Seq, UserId};
use crate::table::{Class, Get, Scan, Table, TableDef, Value};
use crate::time::Timestamp;

crate::table! {
    /// How far a user has received and read a conversation. Never moves back.
    pub struct ReadMarker in "read_marker", prefix 0x0a01, class Class::Folded("receipts");
    partition { conversation: ConversationId }
    cluster { user: UserId => Asc }
    data {
        /// The last message read; 0: none.
        read_seq: Seq,
        /// Countable messages up to it.
        read_n: i64,
        /// When the marker moved there.
        read_at: Option<i64>,
        /// Its id, where the client named it.
        read_message: Option<MessageId>,
        /// The last message received by a device; 0: none.
        delivered_seq: Seq,
        /// When the marker moved there.
        delivered_at: Option<i64>,
        /// Whether others may not see what he has read.
        private: Option<bool>,
    }
}

/// Tables of this noun.
pub const ALL: &[&TableDef] = &[ReadMarker::DEF];

impl ReadMarker {
    /// The marker of one member.
    pub fn get(conversation: ConversationId, user: UserId) -> Get {
        Get::of::<Self>(vec![Value::Uuid(conversation.0), Value::Uuid(user.0)])
    }

    /// Markers of a conversation, at most `limit`.
    pub fn of_conversation(conversation: ConversationId, limit: usize) -> Scan<Self> {
        Scan::of(vec![Value::Uuid(conversation.0)], limit)
    }

    /// Nothing received, nothing read.
    pub fn none(conversation: ConversationId, user: UserId) -> Self {
        Self {
            conversation,
            user,
            read_seq: 0,
            read_n: 0,
            read_at: None,
            read_message: None,
            delivered_seq: 0,
            delivered_at: None,
            private: None,
        }
    }

    /// When the read marker moved to where it is.
    pub fn read_at(&self) -> Option<Timestamp> {
        self.read_at.map(Timestamp)
    }

    /// When the delivered marker moved to where it is.
    pub fn delivered_at(&self) -> Option<Timestamp> {
        self.delivered_at.map(Timestamp)
    }
}
