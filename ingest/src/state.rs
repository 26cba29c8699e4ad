//! [`Ingest`]: everything a handler needs, made once per node.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use futures_util::future::join;
use platform::Platform;
use platform::auth::Keys;
use platform::inbound::Inbound;
use platform::node::Node;
use platform::telemetry::{Seldom, label};
use schemas::Timestamp;

use crate::access::Access;
use crate::config::IngestConfig;
use crate::frame;
use crate::inbound::delivered::Delivered;
use crate::inbound::typing::Typing;
use crate::limit::Limiter;
use crate::message::find::Places;
use crate::profiles::Profiles;
use crate::publish::Publisher;
use crate::session::password::Passwords;
use crate::{
    conversation, docs, health, inbound, member, message, page, pin, presence, reaction, receipt,
    session, user,
};

/// One ingest node. Cheap to clone; every clone is the same node.
#[derive(Clone, Debug)]
pub struct Ingest(Arc<State>);

/// What [`Ingest`] derefs to, within this crate.
#[derive(Debug)]
pub struct State {
    pub(crate) platform: Platform,
    pub(crate) node: Arc<Node>,
    pub(crate) keys: Arc<Keys>,
    pub(crate) config: IngestConfig,
    pub(crate) publisher: Publisher,
    pub(crate) access: Access,
    pub(crate) profiles: Profiles,
    pub(crate) places: Places,
    pub(crate) delivered: Delivered,
    pub(crate) typing: Typing,
    pub(crate) passwords: Passwords,
    pub(crate) limiter: Limiter,
    pub(crate) swept: session::sweep::Cursor,
    pub(crate) complaints: Seldom,
    ready: AtomicBool,
}

impl Deref for Ingest {
    type Target = State;
    fn deref(&self) -> &State {
        &self.0
    }
}

/// The settings can not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("ingest can not start: {0}")]
pub struct Refused(pub String);

/// The path of an API route. Routes are written out whole: a nested router costs a rewritten URI per
/// level and request.
pub(crate) fn api(path: &str) -> String {
    format!("/api/v1{path}")
}

impl Ingest {
    /// A node's ingest.
    pub fn new(
        platform: Platform,
        node: Arc<Node>,
        keys: Arc<Keys>,
        config: IngestConfig,
    ) -> Result<Self, Refused> {
        let passwords = Passwords::new(config.argon2, config.password_queue).map_err(Refused)?;
        let limiter = Limiter::new(&config.limits, &platform.metrics);
        for cause in label::CAUSE.values {
            platform.metrics.overloaded.with_label_values(&[cause]);
        }
        let publisher = Publisher::new(platform.clone(), node.clone());
        Ok(Self(Arc::new(State {
            access: Access::new(),
            profiles: Profiles::new(),
            places: Places::new(),
            delivered: Delivered::default(),
            typing: Typing::default(),
            ready: AtomicBool::new(true),
            platform,
            node,
            keys,
            config,
            publisher,
            passwords,
            limiter,
            swept: session::sweep::Cursor::default(),
            complaints: Seldom::default(),
        })))
    }

    /// The HTTP service: every route, inside its frame. Serve it with
    /// `into_make_service_with_connect_info::<SocketAddr>()`: limits count by the peer's address.
    ///
    /// It answers every path, the unknown ones with 404: merge it with routers that have no fallback.
    pub fn router(&self) -> Router {
        let all = Self::routes()
            .fallback(frame::no_route)
            .method_not_allowed_fallback(frame::no_method)
            .with_state(self.clone());
        Router::new().fallback_service(frame::Frame::new(self.clone(), all))
    }

    /// Every route, without its frame.
    pub(crate) fn routes() -> Router<Self> {
        Router::new()
            .merge(session::routes())
            .merge(user::routes())
            .merge(conversation::routes())
            .merge(member::routes())
            .merge(message::routes())
            .merge(reaction::routes())
            .merge(pin::routes())
            .merge(receipt::routes())
            .merge(presence::routes())
            .merge(health::routes())
            .merge(docs::routes())
            .merge(page::routes())
    }

    /// Health alone, in the same frame, for a process whose requests come by sockets.
    pub fn health_router(&self) -> Router {
        let all = Router::new()
            .merge(health::routes())
            .fallback(frame::no_route)
            .method_not_allowed_fallback(frame::no_method)
            .with_state(self.clone());
        Router::new().fallback_service(frame::Frame::new(self.clone(), all))
    }

    /// The same acceptance for sockets, as a value for delivery.
    pub fn inbound(&self) -> Arc<dyn Inbound> {
        Arc::new(self.clone())
    }

    /// Publishes what sockets have received since the last call, and who goes on typing. To be called
    /// every second, and once more when the last socket is gone.
    pub async fn flush(&self) {
        join(inbound::delivered::flush(self), inbound::typing::flush(self)).await;
    }

    /// Whether `/readyz` says so: false while the process drains.
    pub fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Relaxed);
    }

    /// Forgets ended sessions whose last access token has expired, here alone.
    pub fn forget(&self) {
        self.0.node.forget_revoked(self.now());
    }

    /// Forgets ended sessions whose last access token has expired, here and in the store, and deletes
    /// the rows of old sessions, a slice at each call. To be called every minute or so.
    pub async fn sweep(&self) -> Result<(), platform::port::store::Error> {
        session::sweep::sweep(self).await
    }
}

impl State {
    pub(crate) fn now(&self) -> Timestamp {
        self.platform.clock.now()
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }
}
