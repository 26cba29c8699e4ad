//! Tables of conversations, written by `persist` from `chat.commands`.

use std::ops::Bound;

use bytes::Bytes;

use super::head::Head;
use crate::id::{CommandId, ConversationId, Rev};
use crate::message::table::bucket;
use crate::table::{Class, Decode, Get, Scan, Table, TableDef, Value};

crate::table! {
    /// The head as a row.
    pub struct HeadRow in "conversation_head", prefix 0x0101, class Class::Folded("persist");
    partition { conversation: ConversationId }
    cluster {}
    data {
        /// [`Head`] as JSON.
        body: Bytes,
    }
}

crate::table! {
    /// A change: journal, outbox and resume log in one.
    pub struct Change in "changes", prefix 0x0102, class Class::Folded("persist");
    partition { conversation: ConversationId, bucket: i64 }
    cluster { rev: Rev => Asc }
    data {
        /// Stamp of the command's position.
        position: i64,
        /// The command.
        command: CommandId,
        /// The frame that clients get.
        event: Bytes,
        /// What the frame does not tell (`conversation::change`).
        effect: Bytes,
    }
}

/// Tables of this noun.
pub const ALL: &[&TableDef] = &[HeadRow::DEF, Change::DEF];

impl HeadRow {
    /// The head of a conversation.
    pub fn get(conversation: ConversationId) -> Get {
        Get::of::<Self>(vec![Value::Uuid(conversation.0)])
    }

    /// The row of a head.
    pub fn of(conversation: ConversationId, head: &Head) -> Self {
        let body = serde_json::to_vec(head).expect("plain data serialises");
        Self { conversation, body: Bytes::from(body) }
    }

    /// The head of a row.
    pub fn head(&self) -> Result<Head, Decode> {
        serde_json::from_slice(&self.body)
            .map_err(|_| Decode { table: "conversation_head", column: "body" })
    }
}

impl Change {
    /// One change.
    pub fn at(conversation: ConversationId, rev: Rev) -> Get {
        let mut key = Self::partition(conversation, bucket(rev));
        key.push(Value::Int(rev));
        Get::of::<Self>(key)
    }

    /// The changes from `rev` on that lie in its bucket, oldest first.
    pub fn from(conversation: ConversationId, rev: Rev, limit: usize) -> Scan<Self> {
        Scan {
            from: Bound::Included(vec![Value::Int(rev)]),
            ..Scan::of(Self::partition(conversation, bucket(rev)), limit)
        }
    }

    /// The changes down from `rev` that lie in its bucket, newest first.
    pub fn down_from(conversation: ConversationId, rev: Rev, limit: usize) -> Scan<Self> {
        Scan {
            to: Bound::Included(vec![Value::Int(rev)]),
            reverse: true,
            ..Scan::of(Self::partition(conversation, bucket(rev)), limit)
        }
    }

    fn partition(conversation: ConversationId, bucket: i64) -> Vec<Value> {
        vec![Value::Uuid(conversation.0), Value::Int(bucket)]
    }
}
