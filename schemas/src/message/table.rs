//! Tables of messages, written by `persist` from `chat.commands`.

use std::ops::Bound;

use bytes::Bytes;

use crate::id::{ConversationId, MessageId, Rev, Seq, UserId};
use crate::limits::BUCKET_ROWS;
use crate::table::{Class, FromValue, Get, Scan, Table, TableDef, Value};

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
pub const ALL: &[&TableDef] = &[MessageBySeq::DEF, IdIndex::DEF];

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
