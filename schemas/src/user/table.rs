//! Tables of users. Folded by `feed` from `chat.users`, but for claims and credentials.

use std::ops::Bound;

use bytes::Bytes;

use super::head::Head;
use crate::id::{CommandId, ConversationId, Rev, UserId};
use crate::message::table::bucket;
use crate::table::{Class, Decode, Get, Scan, Table, TableDef, Value};
use crate::time::Timestamp;

crate::table! {
    /// The head as a row.
    pub struct UserHead in "user_head", prefix 0x0401, class Class::Folded("feed");
    partition { user: UserId }
    cluster {}
    data {
        /// [`Head`] as JSON.
        body: Bytes,
    }
}

crate::table! {
    /// A change: journal, outbox and feed in one.
    pub struct UserChange in "user_changes", prefix 0x0402, class Class::Folded("feed");
    partition { user: UserId, bucket: i64 }
    cluster { rev: Rev => Asc }
    data {
        /// Stamp of the command's position.
        position: i64,
        /// The command.
        command: CommandId,
        /// The feed frame.
        event: Bytes,
        /// What the frame does not tell (`user::change`).
        effect: Bytes,
    }
}

crate::table! {
    /// Which change of a conversation last made an entry in a user's feed, so that a repeated
    /// record makes none.
    pub struct FeedSource in "feed_source", prefix 0x0403, class Class::Folded("feed");
    partition { user: UserId }
    cluster { conversation: ConversationId => Asc }
    data {
        /// The change.
        rev: Rev,
    }
}

crate::table! {
    /// Users by the lower-case words of their names, for search by prefix.
    pub struct UserByTerm in "user_by_term", prefix 0x0404, class Class::Folded("feed");
    partition {
        /// First character of the term.
        initial: String,
    }
    cluster { term: String => Asc, user: UserId => Asc }
    data {
        /// When he registered.
        created_at: Timestamp,
    }
}

crate::table! {
    /// A name that only one user can have. Insert-if-absent and compare-and-set only.
    pub struct Claim in "claim", prefix 0x0405, class Class::Direct;
    partition {
        /// `username` or `email`.
        kind: String,
        /// Lower case.
        value: String,
    }
    cluster {}
    data {
        /// Who has it.
        owner: UserId,
        /// Whether the registration was finished.
        confirmed: bool,
        /// When a pending claim may be taken over.
        deadline: Timestamp,
    }
}

crate::table! {
    /// How a user proves who he is.
    pub struct Credential in "credential", prefix 0x0406, class Class::Direct;
    partition { user: UserId }
    cluster {}
    data {
        /// PHC string (argon2id).
        password_hash: String,
        /// When it was set.
        changed_at: Timestamp,
    }
}

/// Tables of this noun.
pub const ALL: &[&TableDef] = &[
    UserHead::DEF,
    UserChange::DEF,
    FeedSource::DEF,
    UserByTerm::DEF,
    Claim::DEF,
    Credential::DEF,
];

impl UserHead {
    /// The head of a user.
    pub fn get(user: UserId) -> Get {
        Get::of::<Self>(vec![Value::Uuid(user.0)])
    }

    /// The row of a head.
    pub fn of(user: UserId, head: &Head) -> Self {
        let body = serde_json::to_vec(head).expect("plain data serialises");
        Self { user, body: Bytes::from(body) }
    }

    /// The head of a row.
    pub fn head(&self) -> Result<Head, Decode> {
        serde_json::from_slice(&self.body)
            .map_err(|_| Decode { table: "user_head", column: "body" })
    }
}

impl UserChange {
    /// The changes from `rev` on that lie in its bucket, oldest first.
    pub fn from(user: UserId, rev: Rev, limit: usize) -> Scan<Self> {
        Scan {
            from: Bound::Included(vec![Value::Int(rev)]),
            ..Scan::of(vec![Value::Uuid(user.0), Value::Int(bucket(rev))], limit)
        }
    }

    /// The changes down from `rev` that lie in its bucket, newest first.
    pub fn down_from(user: UserId, rev: Rev, limit: usize) -> Scan<Self> {
        Scan {
            to: Bound::Included(vec![Value::Int(rev)]),
            reverse: true,
            ..Scan::of(vec![Value::Uuid(user.0), Value::Int(bucket(rev))], limit)
        }
    }
}

impl FeedSource {
    /// The last entry from a conversation.
    pub fn get(user: UserId, conversation: ConversationId) -> Get {
        Get::of::<Self>(vec![Value::Uuid(user.0), Value::Uuid(conversation.0)])
    }
}

impl UserByTerm {
    /// The users with a word that starts with `prefix` (lower case, not empty), by word.
    pub fn starting_with(prefix: &str, limit: usize) -> Scan<Self> {
        let initial = prefix.chars().take(1).collect();
        let end = format!("{prefix}\u{10ffff}");
        Scan {
            from: Bound::Included(vec![Value::Text(prefix.to_owned())]),
            to: Bound::Excluded(vec![Value::Text(end)]),
            ..Scan::of(vec![Value::Text(initial)], limit)
        }
    }
}

impl Claim {
    /// The claim on a name.
    pub fn get(kind: &str, value: &str) -> Get {
        Get::of::<Self>(vec![Value::Text(kind.to_owned()), Value::Text(value.to_owned())])
    }
}

impl Credential {
    /// The credential of a user.
    pub fn get(user: UserId) -> Get {
        Get::of::<Self>(vec![Value::Uuid(user.0)])
    }
}
