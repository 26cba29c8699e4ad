//! Tables of messages, written by `persist` from `chat.commands`.

use std::ops::Bound;

use bytes::Bytes;

use crate::id::{ConversationId, MessageId, Rev, Seq, UserId};
use crate::limits::BUCKET_ROWS;
use crate::table::{Class, FromValue, Get, Scan, Table, TableDef, Value};
use crate::time::Timestamp;

crate::table! {
    /// A message in its conversation's timeline.
    pub struct MessageBySeq in "message_by_seq", prefix 0x0301, class Class::Folded("persist");
    partition { conversation: ConversationId, bucket: i64 }
    cluster { seq: Seq => Asc }
    data {
        /// The message's id.
        message: MessageId,
        /// Its sender.
        sender: UserId,
        /// Countable messages up to and with this one.
        n: i64,
        /// The view, as clients get it.
        body: Bytes,
        /// The changes that carry its content ([`super::placed`]): its deletion blanks them.
        revs: Option<Bytes>,
        /// Whether it was deleted: the view is a placeholder.
        deleted: Option<bool>,
        /// The change that pinned it, while it is pinned.
        pinned: Option<i64>,
    }
}

crate::table! {
    /// What the text of a message was before each edit.
    pub struct MessageEdit in "message_edit", prefix 0x0303, class Class::Folded("persist");
    partition { conversation: ConversationId, seq: Seq }
    cluster { rev: Rev => Asc }
    data {
        /// The text that the edit replaced.
        content: String,
        /// When.
        edited_at: Timestamp,
    }
}

crate::table! {
    /// Messages that answer a message.
    pub struct Reply in "reply", prefix 0x0304, class Class::Folded("persist");
    partition { conversation: ConversationId, root: Seq }
    cluster { seq: Seq => Asc }
    data {
        /// The answer.
        message: MessageId,
    }
}

crate::table! {
    /// Where a message lies, and proof that its id was used: written once, never changed.
    pub struct IdIndex in "id_index", prefix 0x0302, class Class::Folded("persist");
    partition { message: MessageId }
    cluster {}
    data {
        /// Its conversation.
        conversation: ConversationId,
        /// Its number.
        seq: Seq,
        /// The change that made it.
        rev: Rev,
        /// Stamp of the command's position.
        position: i64,
        /// Hash of the request.
        body_hash: Bytes,
    }
}

/// Tables of this noun.
pub const ALL: &[&TableDef] = &[MessageBySeq::DEF, IdIndex::DEF, MessageEdit::DEF, Reply::DEF];

/// The bucket of a message or change: 1,024 rows each, so that none is empty.
pub fn bucket(number: i64) -> i64 {
    number.div_euclid(BUCKET_ROWS)
}

impl MessageBySeq {
    /// One message.
    pub fn get(conversation: ConversationId, seq: Seq) -> Get {
        Get::of::<Self>(
            [conversation.to_value(), bucket(seq).to_value(), seq.to_value()]
                .into_iter()
                .flatten()
                .collect(),
        )
    }

    /// The messages with `from <= seq <= to` that lie in the bucket of `to`, newest first.
    pub fn page_down(conversation: ConversationId, from: Seq, to: Seq, limit: usize) -> Scan<Self> {
        Scan {
            from: Bound::Included(vec![Value::Int(from)]),
            to: Bound::Included(vec![Value::Int(to)]),
            reverse: true,
            ..Scan::of(Self::partition(conversation, bucket(to)), limit)
        }
    }

    /// The messages with `from <= seq <= to` that lie in the bucket of `from`, oldest first.
    pub fn page_up(conversation: ConversationId, from: Seq, to: Seq, limit: usize) -> Scan<Self> {
        Scan {
            from: Bound::Included(vec![Value::Int(from)]),
            to: Bound::Included(vec![Value::Int(to)]),
            ..Scan::of(Self::partition(conversation, bucket(from)), limit)
        }
    }

    fn partition(conversation: ConversationId, bucket: i64) -> Vec<Value> {
        vec![Value::Uuid(conversation.0), Value::Int(bucket)]
    }
}

impl IdIndex {
    /// The entry of a message id.
    pub fn get(message: MessageId) -> Get {
        Get::of::<Self>(vec![Value::Uuid(message.0)])
    }
}

impl MessageEdit {
    /// The former texts of a message, oldest first.
    pub fn of_message(conversation: ConversationId, seq: Seq, limit: usize) -> Scan<Self> {
        Scan::of(vec![Value::Uuid(conversation.0), Value::Int(seq)], limit)
    }
}

impl Reply {
    /// Answers to a message with a number above `after`, oldest first.
    pub fn of_message(
        conversation: ConversationId,
        root: Seq,
        after: Seq,
        limit: usize,
    ) -> Scan<Self> {
        Scan {
            from: Bound::Excluded(vec![Value::Int(after)]),
            ..Scan::of(vec![Value::Uuid(conversation.0), Value::Int(root)], limit)
        }
    }
}
