//! What a workload needs of a system under test, wherever it runs: the same operations over the
//! wire and in this process, so that the checker is proven on systems whose defects are known.
//!
//! Calls never retry by themselves and never hide an outcome: what is not certain is
//! [`Outcome::Unknown`]. A call may be dropped at any moment; that too is an unknown outcome.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use schemas::{Rev, Seq};
use uuid::Uuid;

use crate::history::{Counted, Cursors, Outcome, Request, Seen, Tells, What, body_of};

/// Somebody who can sign his requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Id.
    pub id: Uuid,
    /// Access token.
    pub token: Arc<str>,
}

/// A message to send. Sent again it is the same message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What the history keeps of it.
    pub request: Request,
    /// Text.
    pub content: Arc<str>,
    /// The message that it answers.
    pub answers: Option<Uuid>,
}

impl Message {
    /// A message.
    pub fn new(conversation: Uuid, sender: Uuid, client: &str, content: String) -> Self {
        let body = body_of(&content);
        let request = Request { conversation, sender, client: Arc::from(client), body };
        Self { request, content: Arc::from(content), answers: None }
    }

    /// The same as an answer to a message.
    pub fn answering(self, message: Uuid) -> Self {
        Self { answers: Some(message), ..self }
    }
}

/// A write other than a send. Under the same key it is the same request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// Where.
    pub conversation: Uuid,
    /// The client's name of it.
    pub key: Arc<str>,
    /// What.
    pub what: What,
    /// The text of an edit.
    pub content: Arc<str>,
}

/// A path by which a message or a conversation can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Path {
    /// The newest messages.
    History,
    /// The same by query.
    Messages,
    /// The message by its id.
    Message,
    /// The conversation's view.
    Conversation,
    /// The list of conversations.
    List,
    /// Former texts.
    EditHistory,
    /// Who has read it.
    Reads,
    /// Pinned messages.
    Pinned,
    /// Answers to it.
    Thread,
    /// An answer to it, which quotes it.
    Answer(Uuid),
    /// Members.
    Participants,
    /// How much is unread.
    Unread,
    /// The journal from its beginning, over a socket.
    Journal,
}

impl Path {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::History => "history",
            Self::Messages => "messages",
            Self::Message => "message",
            Self::Conversation => "conversation",
            Self::List => "list",
            Self::EditHistory => "edit history",
            Self::Reads => "reads",
            Self::Pinned => "pinned",
            Self::Thread => "thread",
            Self::Answer(_) => "answer",
            Self::Participants => "participants",
            Self::Unread => "unread",
            Self::Journal => "journal",
        }
    }
}

/// What is read by a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// By which way.
    pub path: Path,
    /// The conversation.
    pub conversation: Uuid,
    /// The message.
    pub message: Uuid,
}

/// What a socket says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// An event with a number.
    Event(Event),
    /// A conversation can not be caught up with: it goes on from this number.
    Reset(Uuid, Rev),
    /// All that was missed has been told; where that leaves the client.
    Done(Cursors),
}

/// An event with a rev, from a socket. An entry of a user's feed is one too: the feed is numbered like a
/// conversation, and is kept under the user's id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The conversation.
    pub conversation: Uuid,
    /// The frame's type.
    pub kind: Arc<str>,
    /// Number of the change.
    pub rev: Rev,
    /// The message, where it is one.
    pub message: Option<Seen>,
    /// What else it tells.
    pub tells: Tells,
}

/// A system of one or more nodes.
pub trait Target: Send + Sync + 'static {
    /// The sending half of a socket.
    type Sender: Sender;
    /// The receiving half.
    type Events: Events;

    /// Number of nodes; each may be asked anything.
    fn nodes(&self) -> usize;

    /// Registers and signs in the user with this number.
    fn register(&self, number: usize) -> impl Future<Output = anyhow::Result<User>> + Send;

    /// Opens the direct conversation of two users.
    fn open(
        &self,
        node: usize,
        user: &User,
        with: &User,
    ) -> impl Future<Output = Outcome<Uuid>> + Send;

    /// Opens a group of these and the user.
    fn group(
        &self,
        node: usize,
        user: &User,
        with: &[Uuid],
    ) -> impl Future<Output = Outcome<Uuid>> + Send;

    /// Does something else by a request of its own; the message as it is then, where the answer has it.
    fn act(
        &self,
        node: usize,
        user: &User,
        deed: &Deed,
    ) -> impl Future<Output = Outcome<Option<Seen>>> + Send;

    /// How much is unread.
    fn unread(
        &self,
        node: usize,
        user: &User,
        conversation: Uuid,
        counted: Counted,
    ) -> impl Future<Output = Outcome<i64>> + Send;

    /// Who is in a small conversation, with roles.
    fn members(
        &self,
        node: usize,
        user: &User,
        conversation: Uuid,
    ) -> impl Future<Output = Outcome<BTreeMap<Uuid, String>>> + Send;

    /// Reads by a path; whether one of the `needles` is in what came.
    fn probe(
        &self,
        node: usize,
        user: &User,
        place: Place,
        needles: &[Arc<str>],
    ) -> impl Future<Output = Outcome<bool>> + Send;

    /// Sends by a request of its own.
    fn send(
        &self,
        node: usize,
        user: &User,
        message: &Message,
    ) -> impl Future<Output = Outcome<Seen>> + Send;

    /// Up to 100 messages before `before`, or the newest, oldest first.
    fn page(
        &self,
        node: usize,
        user: &User,
        conversation: Uuid,
        before: Option<Seq>,
    ) -> impl Future<Output = Outcome<Vec<Seen>>> + Send;

    /// One message.
    fn get(
        &self,
        node: usize,
        user: &User,
        message: Uuid,
    ) -> impl Future<Output = Outcome<Seen>> + Send;

    /// Opens and authenticates a socket; with cursors, it first tells what was missed.
    fn connect(
        &self,
        node: usize,
        user: &User,
        cursors: Option<&Cursors>,
    ) -> impl Future<Output = anyhow::Result<(Self::Sender, Self::Events)>> + Send;

    /// Opens a socket as stock clients of Socket.IO do: it begins with what is live, and is told of changes
    /// without their numbers.
    fn connect_stock(
        &self,
        _node: usize,
        _user: &User,
    ) -> impl Future<Output = anyhow::Result<(Self::Sender, Self::Events)>> + Send {
        std::future::ready(Err(anyhow::anyhow!("it has no Socket.IO")))
    }
}

/// The sending half of a socket. Requests take their place in order at the call, not at the await.
pub trait Sender: Clone + Send + Sync + 'static {
    /// Sends; the future waits for the answer.
    fn send(&self, message: &Message) -> BoxFuture<'static, Outcome<Seen>>;

    /// Does something else; none: sockets have no request for it.
    fn act(&self, deed: &Deed) -> Option<BoxFuture<'static, Outcome<Option<Seen>>>>;
}

/// The receiving half of a socket.
pub trait Events: Send + 'static {
    /// What it says next; none: the socket is closed.
    fn next(&mut self) -> impl Future<Output = Option<Heard>> + Send;

    /// The code of the close frame, once the socket is closed and if one came.
    fn close_code(&self) -> Option<u16> {
        None
    }
}

/// What can be broken in a system, and healed again.
pub trait Nemesis: Send + 'static {
    /// What it does, for the history.
    fn kind(&self) -> &'static str;

    /// Breaks something.
    fn strike(&mut self) -> impl Future<Output = anyhow::Result<()>> + Send;

    /// Makes it whole again; returns when the system serves.
    fn heal(&mut self) -> impl Future<Output = anyhow::Result<()>> + Send;
}
