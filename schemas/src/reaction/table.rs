//! Tables of reactions, written by `persist` from `chat.commands`.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;

use crate::id::{ConversationId, Rev, Seq, UserId};
use crate::message::table::bucket;
use crate::table::{Class, Decode, Get, Scan, Table, TableDef, Value};
use crate::time::Timestamp;

crate::table! {
    /// Reactions on a message, newest first.
    pub struct Reaction in "reaction", prefix 0x0801, class Class::Folded("persist");
    partition { conversation: ConversationId, seq: Seq }
    cluster { rev: Rev => Desc }
    data {
        /// Whose.
        user: UserId,
        /// The emoji.
        emoji: String,
        /// When.
        created_at: Timestamp,
    }
}

crate::table! {
    /// The same by who reacted with what: whether he did, and where the reaction lies.
    pub struct ReactionByUser in "reaction_by_user", prefix 0x0802,
        class Class::Folded("persist");
    partition { conversation: ConversationId, seq: Seq }
    cluster { user: UserId => Asc, emoji: String => Asc }
    data {
        /// The change.
        rev: Rev,
    }
}

crate::table! {
    /// How often each emoji stands on a message, beside its timeline row: a row for each message that
    /// has or had reactions.
    pub struct ReactionCount in "reaction_count", prefix 0x0803, class Class::Folded("persist");
    partition { conversation: ConversationId, bucket: i64 }
    cluster { seq: Seq => Asc }
    data {
        /// JSON object: emoji → count.
        counts: Bytes,
    }
}

/// Tables of this noun.
pub const ALL: &[&TableDef] = &[Reaction::DEF, ReactionByUser::DEF, ReactionCount::DEF];

/// How often each emoji stands on a message; none is zero.
pub type Counts = BTreeMap<String, i64>;

impl Reaction {
    /// The reaction that a change made.
    pub fn get(conversation: ConversationId, seq: Seq, rev: Rev) -> Get {
        Get::of::<Self>(vec![Value::Uuid(conversation.0), Value::Int(seq), Value::Int(rev)])
    }

    /// Reactions on a message, newest first, before the change `before` if there is one.
    pub fn newest(
        conversation: ConversationId,
        seq: Seq,
        before: Option<Rev>,
        limit: usize,
    ) -> Scan<Self> {
        let partition = vec![Value::Uuid(conversation.0), Value::Int(seq)];
        let mut scan = Scan::of(partition, limit);
        if let Some(rev) = before {
            scan.from = Bound::Excluded(vec![Value::Int(rev)]);
        }
        scan
    }
}

impl ReactionByUser {
    /// One reaction.
    pub fn get(conversation: ConversationId, seq: Seq, user: UserId, emoji: &str) -> Get {
        Get::of::<Self>(vec![
            Value::Uuid(conversation.0),
            Value::Int(seq),
            Value::Uuid(user.0),
            Value::Text(emoji.to_owned()),
        ])
    }
}

impl ReactionCount {
    /// The counts of one message.
    pub fn get(conversation: ConversationId, seq: Seq) -> Get {
        Get::of::<Self>(vec![Value::Uuid(conversation.0), Value::Int(bucket(seq)), Value::Int(seq)])
    }

    /// The counts of the messages with `from <= seq <= to` that lie in the bucket of `from`.
    pub fn page_up(conversation: ConversationId, from: Seq, to: Seq, limit: usize) -> Scan<Self> {
        let partition = vec![Value::Uuid(conversation.0), Value::Int(bucket(from))];
        Scan {
            from: Bound::Included(vec![Value::Int(from)]),
            to: Bound::Included(vec![Value::Int(to)]),
            ..Scan::of(partition, limit)
        }
    }

    /// The row of counts.
    pub fn of(conversation: ConversationId, seq: Seq, counts: &Counts) -> Self {
        let json = serde_json::to_vec(counts).expect("plain data serialises");
        Self { conversation, bucket: bucket(seq), seq, counts: Bytes::from(json) }
    }

    /// The counts of a row.
    pub fn read(&self) -> Result<Counts, Decode> {
        serde_json::from_slice(&self.counts)
            .map_err(|_| Decode { table: "reaction_count", column: "counts" })
    }
}
