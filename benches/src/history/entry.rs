//! The operations of a history.
//!
//! Ids are kept as they were seen, bodies as a hash: equality is all that a verdict needs.

use std::sync::Arc;

use schemas::{Rev, Seq};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::act::{Act, Members, Probe, Resume, Unread};
use super::fault::{Audit, Fault};

/// A client: what one process does, it does in order.
pub type Process = u32;

/// One connection of one user; a reconnect is another socket.
pub type SocketId = u32;

/// One operation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Who did it.
    pub process: Process,
    /// The node that was asked.
    pub node: usize,
    /// When it was invoked, in nanoseconds since the history began.
    pub start: u64,
    /// When it returned, was given up, or was observed.
    pub end: u64,
    /// What it was.
    pub op: Op,
}

/// What an operation was, and how it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Op {
    /// A conversation was opened.
    Create(Opened),
    /// A message was sent: one attempt.
    Send(Attempt),
    /// Something else was written: one attempt.
    Act(Act),
    /// One page of history was read.
    Page(Page),
    /// A whole conversation was read after everything had healed, page by page.
    Full(Page),
    /// One message was read by its id.
    Get(Gotten),
    /// A socket was opened and authenticated: from `end` on, it must see everything.
    SocketOpen(SocketId, Uuid),
    /// The same by a stock client of Socket.IO: it is told of messages, and of other changes without numbers.
    StockOpen(SocketId, Uuid),
    /// A socket was closed, by whichever side; the code of the server's close frame, if one came.
    SocketClose(SocketId, Option<u16>),
    /// An event with a rev came over a socket, live or in answer to cursors.
    Live(Live),
    /// A socket came back with cursors.
    Resume(Resume),
    /// Somebody asked how much is unread.
    Unread(Unread),
    /// Somebody asked who is in a conversation, after everything had healed.
    Members(Members),
    /// Somebody asked for what he must not be shown.
    Probe(Probe),
    /// Something was broken on purpose, from `start` until it was whole again at `end`.
    Fault(Fault),
    /// What operators can see and clients can not: counters, rows.
    Audit(Audit),
}

/// Code of an operation that never left this process, because nobody listened. It has no effect for
/// certain, and says nothing about the system.
pub const UNREACHABLE: &str = "unreachable";

/// Code of a socket that its own client cut, on purpose: no close frame has it.
pub const CUT: u16 = 0;

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome<T> {
    /// Acknowledged.
    Ok(T),
    /// Refused for good, with the code: it has had no effect and never will.
    Fail(String),
    /// Cut, timed out, `outcome_unknown`: none or one effect.
    Unknown(String),
}

impl<T> Outcome<T> {
    /// What was acknowledged.
    pub fn ok(&self) -> Option<&T> {
        match self {
            Self::Ok(value) => Some(value),
            Self::Fail(_) | Self::Unknown(_) => None,
        }
    }

    /// The same ending with another value.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Outcome<U> {
        match self {
            Self::Ok(value) => Outcome::Ok(change(value)),
            Self::Fail(code) => Outcome::Fail(code),
            Self::Unknown(why) => Outcome::Unknown(why),
        }
    }
}

/// What has become of a message.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub enum Form {
    /// As it was sent.
    #[default]
    Sent,
    /// It has another text.
    Edited,
    /// A placeholder is left.
    Deleted,
}

/// A message as somebody saw it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Its id.
    pub id: Uuid,
    /// Its number in the conversation.
    pub seq: Seq,
    /// Number of its last change.
    pub rev: Rev,
    /// The client's own id of it.
    pub client: Option<Arc<str>>,
    /// Who sent it.
    pub sender: Uuid,
    /// Hash of the content.
    pub body: u64,
    /// What has become of it.
    #[serde(default)]
    pub form: Form,
}

impl Seen {
    /// Whether both are the same message, whatever has become of it.
    pub fn is(&self, other: &Self) -> bool {
        let what = |seen: &Self| (seen.id, seen.seq, seen.sender, seen.client.clone());
        what(self) == what(other)
    }

    /// Whether this is what was seen before, or what became of it by a later change.
    pub fn follows(&self, before: &Self) -> bool {
        let text = self.form > Form::Sent || self.body == before.body;
        let changed = self.is(before) && self.rev > before.rev && self.form >= before.form;
        self == before || changed && text
    }

    /// Whether both can be true: a change names one state of one message.
    pub fn agrees(&self, other: &Self) -> bool {
        self.is(other) && (self.rev != other.rev || self == other)
    }
}

/// What a client wants sent. The same client id with the same body is the same message.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Request {
    /// Where to.
    pub conversation: Uuid,
    /// By whom.
    pub sender: Uuid,
    /// The client's own id.
    pub client: Arc<str>,
    /// Hash of the content.
    pub body: u64,
}

/// Over what a message was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Via {
    /// A request of its own.
    Rest,
    /// A socket: its requests are accepted in order.
    Socket(SocketId),
}

/// One attempt to send.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// What.
    pub request: Request,
    /// How.
    pub via: Via,
    /// How it ended.
    pub outcome: Outcome<Seen>,
    /// Whether the client acted as if this ack had been lost.
    #[serde(default)]
    pub loss: Option<Loss>,
}

/// How an ack was lost on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Loss {
    /// It came, and the client threw it away.
    Dropped,
    /// The client left before it could come.
    Abandoned,
}

/// An opened conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// Who asked.
    pub by: Uuid,
    /// The other one.
    pub with: Uuid,
    /// More of them, in a group: who stays from the beginning to the end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub others: Vec<Uuid>,
    /// The conversation.
    pub outcome: Outcome<Uuid>,
}

impl Opened {
    /// Whoever is in it from the beginning to the end.
    pub fn members(&self) -> impl Iterator<Item = Uuid> + '_ {
        [self.by, self.with].into_iter().chain(self.others.iter().copied())
    }
}

/// Messages of one conversation, oldest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// The conversation.
    pub conversation: Uuid,
    /// Who asked.
    pub by: Uuid,
    /// Only messages before this number; none: the newest.
    pub before: Option<Seq>,
    /// What came.
    pub outcome: Outcome<Vec<Seen>>,
}

/// Why one message is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Why {
    /// Its sender has the ack and asks another node (G-13).
    AfterAck,
    /// It came over a socket, and another node is asked at that moment (G-11).
    OnPush,
}

/// One message read by its id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gotten {
    /// The conversation.
    pub conversation: Uuid,
    /// Who asked.
    pub by: Uuid,
    /// Why.
    pub why: Why,
    /// What the ack or the push said.
    pub expected: Seen,
    /// What came.
    pub outcome: Outcome<Seen>,
}

/// An event with a rev on a socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    /// The socket.
    pub socket: SocketId,
    /// The conversation.
    pub conversation: Uuid,
    /// The frame's type.
    pub kind: Arc<str>,
    /// The frame's rev.
    pub rev: Rev,
    /// The message, where the event is one.
    pub message: Option<Seen>,
    /// What else it tells.
    #[serde(default, flatten)]
    pub tells: Tells,
}

/// What an event tells beside a message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tells {
    /// Whether it came in answer to cursors.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resumed: bool,
    /// Hash of its bytes; 0: not known.
    #[serde(default)]
    pub bytes: u64,
    /// Whose membership it is about.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Uuid>,
    /// The reaction that it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reaction: Option<Reacted>,
}

/// A reaction that was added or taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reacted {
    /// On which message.
    pub message: Uuid,
    /// Whose.
    pub user: Uuid,
    /// The emoji.
    pub emoji: Arc<str>,
    /// Added, or taken back.
    pub added: bool,
}

/// Hash of a content (FNV-1a, 64 bit): stable, so that kept histories stay readable.
pub fn body_of(content: &str) -> u64 {
    content.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
