//! What a socket speaks: the seam between the life of a session (`task`), which is one piece of code,
//! and a protocol. Dispatch is static: a protocol costs no more than if it were the only one.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use platform::inbound::Outcome;
use schemas::ApiError;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::{Session, calls};
use crate::Delivery;
use crate::frame::Frame;
use crate::hub::Hub;
use crate::presence;
use crate::protocol::close::Close;
use crate::protocol::sync::Cursors;
use crate::transport::{Gone, Payload};

/// What is spoken, and over what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Speaks {
    /// The subprotocol of `/ws`.
    Ws,
    /// Socket.IO over a WebSocket.
    SocketIo,
    /// Socket.IO by long polling.
    Polling,
}

impl Speaks {
    /// Each, in the order of their numbers.
    pub(crate) const ALL: [Self; 3] = [Self::Ws, Self::SocketIo, Self::Polling];

    /// Its name (`telemetry::label::PROTOCOL`).
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Ws => "ws",
            Self::SocketIo => "socket_io",
            Self::Polling => "socket_io_polling",
        }
    }
}

/// What comes in.
#[derive(Debug)]
pub(crate) enum Heard<R> {
    /// What may be a request.
    Request(R),
    /// A sign of life.
    Control,
    /// Nothing more comes, or nothing more is to be read.
    End(Close),
}

/// What was handed over.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Handed {
    /// Its bytes.
    pub(crate) size: usize,
    /// Whether it had to be waited for, and not for the peer.
    pub(crate) late: bool,
}

/// What acceptance made of a frame.
pub(crate) enum Handled<A> {
    /// Nothing is to be said, or it is answered at once.
    Answer(Option<A>),
    /// Accepted; with the bytes of the request.
    Accepted(usize, BoxFuture<'static, Option<A>>),
    /// The client catches up; what it is told first.
    Sync(Option<A>, Box<str>, Box<Cursors>),
    /// Not a request of this protocol at all.
    Bad(A),
    /// The socket is to be closed when this is written.
    End(Option<A>, Close),
}

/// What is to be said of received messages.
pub(crate) enum Receipt {
    /// Nothing.
    Nothing,
    /// Something, but not before then.
    At(Instant),
    /// This, as the data of the request `delivered`.
    Now(Box<RawValue>),
}

/// A protocol on a connection, with what it must remember of it.
pub(crate) trait Wire: Send {
    /// What comes in.
    type Request: Send;
    /// What is written in answer to a request.
    type Answer: From<Payload> + Send + 'static;

    /// What is spoken.
    fn speaks(&self) -> Speaks;

    /// The size of what came.
    fn asked(request: &Self::Request) -> usize;

    /// The size of an answer.
    fn size(answer: &Self::Answer) -> usize;

    /// What comes in next. Cancel-safe.
    fn recv(&mut self) -> impl Future<Output = Heard<Self::Request>> + Send;

    /// Begins what a request asks for. The next frame is read when this is over.
    fn handle(
        &mut self,
        delivery: &Arc<Delivery>,
        session: &Arc<Session>,
        request: Self::Request,
    ) -> BoxFuture<'static, Handled<Self::Answer>>;

    /// Whether this is handled however many came: what ends something, and costs nothing.
    fn leaves(&self, _request: &Self::Request) -> bool {
        false
    }

    /// Whether this tells of the device only what it has told. Clients tell that without end, so it is
    /// not counted with what costs something; anything else is known by its first bytes.
    fn repeats(&self, session: &Session, request: &Self::Request) -> bool;

    /// What is said to a frame that is not handled: too many came.
    fn refuse(&mut self, request: &Self::Request, error: &ApiError) -> Option<Self::Answer>;

    /// Hands over an answer; waits only while something earlier is stuck.
    fn answer(&mut self, answer: Self::Answer) -> impl Future<Output = Result<(), Gone>> + Send;

    /// Hands over what the protocol makes of a frame.
    fn push(
        &mut self,
        hub: &Hub,
        frame: &Frame,
    ) -> impl Future<Output = Result<Handed, Gone>> + Send;

    /// Hands over a ping.
    fn ping(&mut self) -> impl Future<Output = Result<(), Gone>> + Send;

    /// Waits until everything handed over has left the process.
    fn flush(&mut self) -> impl Future<Output = Result<(), Gone>> + Send;

    /// Since when the peer has not fetched what was written.
    fn stuck(&self) -> Option<Instant> {
        None
    }

    /// When the socket is to be closed by itself, and why.
    fn over(&self) -> Option<(Instant, Close)> {
        None
    }

    /// Which messages the peer has received as far as signs of life tell.
    fn receipt(&mut self, _now: Instant) -> Receipt {
        Receipt::Nothing
    }
}

/// Asks presence, or acceptance.
pub(crate) async fn ask(
    delivery: &Arc<Delivery>,
    session: &Arc<Session>,
    kind: &str,
    data: Option<&RawValue>,
) -> Result<Outcome, ApiError> {
    if let Some(answer) = presence::request(delivery, session, kind, data) {
        return Ok(answer);
    }
    // What its client tells by itself says nothing of the user.
    if kind != "delivered" {
        delivery.hub.presence.active(session);
    }
    calls::ask(delivery, session, kind, data).await
}
