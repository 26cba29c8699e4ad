//! What a workload needs of a system under test, wherever it runs: the same operations over the
//! wire and in this process, so that the checker is proven on systems whose defects are known.
//!
//! Calls never retry by themselves and never hide an outcome: what is not certain is
//! [`Outcome::Unknown`]. A call may be dropped at any moment; that too is an unknown outcome.

use std::future::Future;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use schemas::{Rev, Seq};
use uuid::Uuid;

use crate::history::{Outcome, Request, Seen, body_of};

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
}

impl Message {
    /// A message.
    pub fn new(conversation: Uuid, sender: Uuid, client: &str, content: String) -> Self {
        let body = body_of(&content);
        let request = Request { conversation, sender, client: Arc::from(client), body };
        Self { request, content: Arc::from(content) }
    }
}

/// An event with a rev, from a socket.
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

    /// Opens and authenticates a socket.
    fn connect(
        &self,
        node: usize,
        user: &User,
    ) -> impl Future<Output = anyhow::Result<(Self::Sender, Self::Events)>> + Send;
}

/// The sending half of a socket. Requests take their place in order at the call, not at the await.
pub trait Sender: Clone + Send + Sync + 'static {
    /// Sends; the future waits for the answer.
    fn send(&self, message: &Message) -> BoxFuture<'static, Outcome<Seen>>;
}

/// The receiving half of a socket.
pub trait Events: Send + 'static {
    /// The next event with a rev; none: the socket is closed.
    fn next(&mut self) -> impl Future<Output = Option<Event>> + Send;

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
