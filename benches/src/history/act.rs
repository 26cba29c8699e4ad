//! Operations on what has been said and on who may read it, and what clients are told about both.
//!
//! Not every answer shows a number: what an acknowledged act did is looked up in the journal, which
//! every conversation is read from in the end ([`Resume`] from cursor 0).

use std::collections::BTreeMap;
use std::sync::Arc;

use schemas::{Rev, Seq};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::entry::{Loss, Outcome, Seen, SocketId, Via};

/// A write other than a send: one attempt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// Where.
    pub conversation: Uuid,
    /// By whom.
    pub by: Uuid,
    /// The client's name of the request: attempts under one name are one request.
    pub key: Arc<str>,
    /// What.
    pub what: What,
    /// How.
    pub via: Via,
    /// How it ended; with the message as it is then, where the answer shows it.
    pub outcome: Outcome<Option<Seen>>,
    /// Whether the client acted as if this ack had been lost.
    #[serde(default)]
    pub loss: Option<Loss>,
}

/// What an act does.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum What {
    /// A message gets another text, given as its hash.
    Edit {
        /// The message.
        message: Uuid,
        /// Its number.
        seq: Seq,
        /// Hash of the new text, which no other edit has.
        body: u64,
    },
    /// A message is taken back.
    Delete {
        /// The message.
        message: Uuid,
        /// Its number.
        seq: Seq,
    },
    /// A reaction of one's own is added or taken back.
    React {
        /// The message.
        message: Uuid,
        /// Its number.
        seq: Seq,
        /// The emoji.
        emoji: Arc<str>,
        /// Added, or taken back.
        added: bool,
    },
    /// A message is pinned, or no more.
    Pin {
        /// The message.
        message: Uuid,
        /// Its number.
        seq: Seq,
        /// Pinned from now on, or no more.
        pinned: bool,
    },
    /// Everything up to a message was read.
    Read {
        /// The message.
        message: Uuid,
        /// Its number.
        seq: Seq,
    },
    /// Somebody is made a member.
    Add {
        /// Who.
        user: Uuid,
    },
    /// Somebody's membership is ended.
    Remove {
        /// Who.
        user: Uuid,
    },
    /// One's own is.
    Leave {
        /// Who.
        user: Uuid,
    },
    /// Somebody gets another role.
    Role {
        /// Who.
        user: Uuid,
        /// Which.
        role: Arc<str>,
    },
}

/// The numbers up to which a client has everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursors {
    /// The last `rev` by conversation.
    pub conversations: BTreeMap<Uuid, Rev>,
    /// The last entry of the feed.
    pub feed: Option<Rev>,
}

/// A socket that came back with cursors, from its opening to the end of its catching up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    /// The socket.
    pub socket: SocketId,
    /// Whose.
    pub by: Uuid,
    /// What it had.
    pub from: Cursors,
    /// Where it was told that it stands, once all was told; none: it was cut before.
    pub done: Option<Cursors>,
    /// Conversations of which it was told that they can not be caught up with, and the number from
    /// which it goes on.
    pub reset: BTreeMap<Uuid, Rev>,
}

/// Which answer tells how much is unread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Counted {
    /// The conversation's view: a difference of two numbers.
    Answer,
    /// The audit, which counts rows.
    Audit,
    /// The list's.
    List,
}

/// How much somebody was told to be unread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// The conversation.
    pub conversation: Uuid,
    /// Who asked.
    pub by: Uuid,
    /// By which answer.
    pub counted: Counted,
    /// What came.
    pub outcome: Outcome<i64>,
}

/// Members, as one of them was told in the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Members {
    /// The conversation.
    pub conversation: Uuid,
    /// Who asked.
    pub by: Uuid,
    /// What came: ids and roles.
    pub outcome: Outcome<BTreeMap<Uuid, String>>,
}

/// What a read that must not succeed is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Probing {
    /// He is no member: whatever he asks for is not there (G-15).
    Wall,
    /// The message was deleted: nothing shows its text (G-27).
    Gone {
        /// The message.
        message: Uuid,
    },
}

/// A read by a path of its own, looked through for what must not be in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// The conversation.
    pub conversation: Uuid,
    /// Who asked.
    pub by: Uuid,
    /// What for.
    pub probing: Probing,
    /// By which path.
    pub path: Arc<str>,
    /// Refused with a code; or served, and whether it showed what it must not.
    pub outcome: Outcome<bool>,
}
