//! Engine.IO 4: a connection of packets over a WebSocket, or over HTTP long polling, or over the one
//! and then the other. It knows neither Socket.IO nor chat: an [`Application`] serves what was opened.
//!
//! ```text
//!  GET, POST ─▶ requests ─▶ table ─▶ line ─┐ (bounded both ways)
//!                                          ├─▶ Connection ─▶ Application::serve, one task
//!  WebSocket ─▶ requests ──────────────────┘
//! ```
//!
//! - A connection belongs to one task. What HTTP requests bring it passes its `line`, which has a bound
//!   in each direction; the requests never touch the task, and the task never answers one by itself.
//! - A connection that began as a WebSocket has no line and is in no table: idle it costs what any
//!   socket costs. One that has changed over keeps its number in the table until it ends, so that
//!   requests that come late are refused and not taken for another's.
//! - Who asks [`Connection::recv`], feeds and flushes also keeps the time ([`Heart`]): a connection has no
//!   timer of its own.
//!
//! Left out, as no client of ours needs it: JSONP, WebTransport, EIO=3.

mod connection;
mod heart;
mod line;
mod opening;
mod packet;
mod probe;
mod refusal;
mod requests;
mod table;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::response::Response;
use axum::routing::any;
use http::HeaderMap;
use http::request::Parts;
use platform::lifecycle::Lifecycle;

pub(crate) use connection::{Connection, Received};
pub(crate) use heart::{Beat, Heart};
pub(crate) use opening::{Opening, Sid};
pub(crate) use packet::{Packet, Text};
pub(crate) use refusal::{Cors, Refusal};

use table::Table;

/// What a server of connections may set.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// Where it is, such as `/socket.io/`.
    pub(crate) path: String,
    /// Between two pings of the server.
    pub(crate) ping_interval: Duration,
    /// For the pong.
    pub(crate) ping_timeout: Duration,
    /// The longest frame, and the longest body of a POST, bytes.
    pub(crate) max_payload: usize,
    /// For the body of a request to come, and for a change to the WebSocket.
    pub(crate) patience: Duration,
}

/// What serves connections.
pub(crate) trait Application: Send + Sync + 'static {
    /// What was decided of a connection before it was opened.
    type Place: Send + 'static;

    /// Which pages may talk to it; one that may not opens nothing.
    fn cors(&self, headers: &HeaderMap) -> Cors;

    /// Whether a connection may be opened. The refusal is an HTTP answer.
    fn admit(&self, parts: &Parts) -> Result<Self::Place, Box<Response>>;

    /// Serves a connection to its end.
    fn serve(
        self: Arc<Self>,
        connection: Connection,
        place: Self::Place,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// What its routes share.
struct Server<A> {
    options: Options,
    application: Arc<A>,
    table: Arc<Table>,
    life: Lifecycle,
}

/// The route of an application. Serve it from a listener with `TCP_NODELAY`.
pub(crate) fn router<A: Application>(
    options: Options,
    application: Arc<A>,
    life: &Lifecycle,
) -> Router {
    let path = options.path.clone();
    let table = Arc::new(Table::default());
    let server = Arc::new(Server { options, application, table, life: life.clone() });
    let bare = path.trim_end_matches('/').to_owned();
    let mut router = Router::new().route(&path, any(requests::handler::<A>));
    if bare != path && !bare.is_empty() {
        router = router.route(&bare, any(requests::handler::<A>));
    }
    router.with_state(server)
}

#[cfg(test)]
mod tests;
