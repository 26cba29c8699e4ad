//! Sockets out: sessions, outbound frames, the `/ws` protocol.
//!
//! The path of a frame, from the node's partition of `chat.outbound` to the kernel:
//!
//! ```text
//! node reader ─▶ hub (Sink) ─▶ order ─▶ registry ─▶ session queue ─▶ session task ─▶ transport
//!   records       text once     drop,     user →      bytes shared,    all that is     feed …
//!                               push,     sockets     ≤ 256 KiB        ready, then     flush
//!                               or heal                                one flush
//! ```
//!
//! and of a request, the other way:
//!
//! ```text
//! transport ─▶ session task ─▶ protocol::json ─▶ Inbound::accept (in order) ─▶ outcome ─▶ answer
//! ```
//!
//! `sync` brings what a client missed, from the journal, before what is live. `routes` tells the fan-out
//! who is here, `presence` tells everybody else; `index` knows who of them is in a conversation that is
//! routed as a whole; `upgrade` decides who may open a socket. Nothing here decides what may be said:
//! that is acceptance, which the binary passes in.

pub mod conformance;
mod engineio;
mod frame;
mod hub;
mod index;
mod order;
mod presence;
mod protocol;
mod registry;
mod routes;
mod session;
mod socketio;
mod sync;
mod transport;
mod upgrade;
mod watch;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::any;
use platform::inbound::Inbound;
use platform::lifecycle::{Lifecycle, Stopping};
use platform::node::{Node, Sink};
use platform::telemetry::Metrics;
use platform::{Clock, Platform};
use schemas::limits;

use crate::hub::Hub;
use crate::protocol::close;
use crate::routes::Routes;
use crate::session::calls::Leaves;
use crate::upgrade::Strangers;

/// What a client of Socket.IO is told that it has for the answer to a ping; what counts is
/// [`Timing::dead`].
const PONG: Duration = Duration::from_secs(20);

/// What an operator may set.
#[derive(Clone, Debug)]
pub struct Config {
    /// Origins whose pages may open sockets: the list of REST CORS. Empty: the same origin and
    /// pages on this machine. `*`: all.
    pub allowed_origins: Vec<String>,
    /// Open sockets, authenticated or not; beyond it upgrades are answered 503.
    pub max_sockets: usize,
    /// Open sockets of one address (IPv6: of one /64) that have not authenticated yet; beyond it
    /// upgrades are answered 429.
    pub max_unauthenticated: usize,
    /// Proxies whose `X-Forwarded-For` is believed; without them all that is behind a proxy counts
    /// as one address.
    pub trusted_proxies: Vec<IpAddr>,
    /// Frames that one socket may send; none: as many as it likes, for measurements.
    pub frames: Option<Frames>,
    /// Frames beside those that tell nothing new: no setting, tests take fewer.
    pub repeats: Frames,
    /// Times.
    pub timing: Timing,
}

/// So many frames at once, refilled evenly over a minute.
#[derive(Clone, Copy, Debug)]
pub struct Frames {
    /// How many at once.
    pub burst: u32,
    /// How many come back each minute.
    pub per_minute: u32,
}

impl Default for Frames {
    fn default() -> Self {
        Self {
            burst: limits::SOCKET_FRAMES_BURST,
            per_minute: limits::SOCKET_FRAMES_PER_SECOND * 60,
        }
    }
}

/// Times of a socket. The defaults are the contract (`schemas::limits`); tests use shorter ones.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// To authenticate.
    pub auth: Duration,
    /// Between pings.
    pub ping: Duration,
    /// Silence after which the peer is dead.
    pub dead: Duration,
    /// For a slice of writes, and for a resync frame from the moment it was queued.
    pub drain: Duration,
    /// For the peer to answer a close.
    pub linger: Duration,
    /// Over which sockets are closed at the shutdown.
    pub spread: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            auth: Duration::from_millis(limits::SOCKET_AUTH_MS),
            ping: Duration::from_millis(limits::SOCKET_PING_MS),
            dead: Duration::from_millis(limits::SOCKET_DEAD_MS),
            drain: Duration::from_millis(limits::SOCKET_DRAIN_MS),
            linger: Duration::from_secs(1),
            spread: Duration::from_secs(2),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            allowed_origins: Vec::new(),
            max_sockets: 100_000,
            max_unauthenticated: 1_000,
            trusted_proxies: Vec::new(),
            frames: Some(Frames::default()),
            repeats: Frames::REPEATS,
            timing: Timing::default(),
        }
    }
}

/// The sockets of a node.
pub struct Delivery {
    config: Config,
    node: Arc<Node>,
    inbound: Arc<dyn Inbound>,
    clock: Arc<dyn Clock>,
    metrics: Metrics,
    hub: Arc<Hub>,
    life: Lifecycle,
    stopping: Stopping,
    open: AtomicUsize,
    strangers: Strangers,
    leaves: Leaves,
}

impl fmt::Debug for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery").field("open", &self.open()).finish_non_exhaustive()
    }
}

impl Delivery {
    /// Takes the node's frames from now on and announces its routes.
    pub fn start(
        platform: &Platform,
        node: Arc<Node>,
        inbound: Arc<dyn Inbound>,
        life: &Lifecycle,
        config: Config,
    ) -> Arc<Self> {
        let hub = Hub::new(platform, life);
        hub.presence.start(platform, node.instance, inbound.clone(), life);
        node.subscribe(hub.clone());
        let routes = Routes::new(platform, node.instance, hub.clone());
        life.component("routes", routes.run(life.stopping()));
        life.component("typing", hub.clone().end_typers(life.stopping()));
        let delivery = Arc::new(Self {
            config,
            node,
            inbound,
            clock: platform.clock.clone(),
            metrics: platform.metrics.clone(),
            hub,
            life: life.clone(),
            stopping: life.stopping(),
            open: AtomicUsize::new(0),
            strangers: Strangers::default(),
            leaves: Leaves::default(),
        });
        watch::watch(&delivery);
        life.component("sockets", delivery.clone().close_at_shutdown());
        delivery
    }

    /// `/ws` and `/socket.io/`. Serve them from a listener with `TCP_NODELAY` (`axum::serve::ListenerExt::tap_io`), with
    /// `into_make_service_with_connect_info::<SocketAddr>()`: unauthenticated sockets are counted by
    /// the peer's address, and not at all where it is not known.
    pub fn router(self: &Arc<Self>) -> Router {
        let engine = engineio::Options {
            path: "/socket.io/".to_owned(),
            ping_interval: self.config.timing.ping,
            ping_timeout: PONG,
            max_payload: limits::BODY_BYTES,
            patience: self.config.timing.auth,
        };
        let socket_io = Arc::new(socketio::Server(self.clone()));
        Router::new()
            .route("/ws", any(upgrade::handler))
            .with_state(self.clone())
            .merge(engineio::router(engine, socket_io, &self.life))
    }

    /// What the node gives frames to.
    pub fn sink(&self) -> Arc<dyn Sink> {
        self.hub.clone()
    }

    /// Open sockets, authenticated or not.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Closes the sockets one after another, so that they do not all come back to another node in
    /// the same moment.
    async fn close_at_shutdown(self: Arc<Self>) -> Result<(), String> {
        self.stopping.clone().wait().await;
        let Timing { spread, linger, .. } = self.config.timing;
        let sessions = self.hub.registry.shut();
        let steps = 20;
        for chunk in sessions.chunks(sessions.len().div_ceil(steps).max(1)) {
            for session in chunk {
                session.close(close::RESTART);
            }
            tokio::time::sleep(spread / 20).await;
        }
        let until = tokio::time::Instant::now() + linger + spread;
        while (self.open() > 0 || self.leaves.any()) && tokio::time::Instant::now() < until {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }
}
