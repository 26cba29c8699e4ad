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
    /// A user's settings.
    pub struct UserSettings in "user_settings", prefix 0x0407, class Class::Folded("feed");
    partition { user: UserId }
    cluster {}
    data {
        /// JSON object: those that differ from their defaults.
        body: Bytes,
        /// When they last changed.
        updated_at: Timestamp,
    }
}

crate::table! {
    /// What a user has set about his conversations.
    #[derive(serde::Serialize, serde::Deserialize)]
    pub struct ConversationSettings in "user_conversation_settings", prefix 0x0408,
        class Class::Folded("feed");
    partition { user: UserId }
    cluster { conversation: ConversationId => Asc }
    data {
        /// No notifications.
        is_muted: bool,
        /// Out of the list.
        is_archived: bool,
        /// On top of the list.
        is_pinned: bool,
        /// JSON object.
        notifications: Option<String>,
    }
}

crate::table! {
    /// Whom a user has blocked.
    #[derive(serde::Serialize, serde::Deserialize)]
    pub struct Block in "block", prefix 0x0409, class Class::Folded("feed");
    partition { user: UserId }
    cluster { other: UserId => Asc }
    data {
        /// Why, for himself.
        reason: Option<String>,
        /// What he reports: spam, harassment, inappropriate, other.
        report: Option<String>,
        /// When.
        created_at: Timestamp,
    }
}

crate::table! {
    /// A name that only one user can have. Insert-if-absent and compare-and-set only.
    pub struct Claim in "claim", prefix 0x0405, class Class::Direct;
    partition {
        /// `username`, `email` or `phone`.
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
    UserSettings::DEF,
    ConversationSettings::DEF,
    Block::DEF,
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

impl UserSettings {
    /// The settings of a user.
    pub fn get(user: UserId) -> Get {
        Get::of::<Self>(vec![Value::Uuid(user.0)])
    }

    /// Those that differ from their defaults.
    pub fn read(&self) -> Result<serde_json::Map<String, serde_json::Value>, Decode> {
        serde_json::from_slice(&self.body)
            .map_err(|_| Decode { table: "user_settings", column: "body" })
    }
}

impl ConversationSettings {
    /// What a user has set about one conversation.
    pub fn get(user: UserId, conversation: ConversationId) -> Get {
        Get::of::<Self>(vec![Value::Uuid(user.0), Value::Uuid(conversation.0)])
    }

    /// About all of his conversations, at most `limit`.
    pub fn of_user(user: UserId, limit: usize) -> Scan<Self> {
        Scan::of(vec![Value::Uuid(user.0)], limit)
    }

    /// Nothing set.
    pub fn none(user: UserId, conversation: ConversationId) -> Self {
        Self {
            user,
            conversation,
            is_muted: false,
            is_archived: false,
            is_pinned: false,
            notifications: None,
        }
    }
}

impl Block {
    /// Whether a user has blocked another one.
    pub fn get(user: UserId, other: UserId) -> Get {
        Get::of::<Self>(vec![Value::Uuid(user.0), Value::Uuid(other.0)])
    }

    /// Whom a user has blocked, at most `limit`.
    pub fn of_user(user: UserId, limit: usize) -> Scan<Self> {
        Scan::of(vec![Value::Uuid(user.0)], limit)
    }
}
