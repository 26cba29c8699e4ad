//! One set of embedded engines in a folder, and what runs on it.

use std::path::Path;
use std::sync::Arc;

use delivery::Delivery;
use ingest::Ingest;
use ingest::config::{Argon2Cost, IngestConfig, Limits};
use platform::Platform;
use platform::auth::{Keys, Secrets};
use platform::embedded::{EmbeddedLog, LocalEphemeral, LogConfig, LsmConfig, LsmStore};
use platform::lifecycle::Lifecycle;
use platform::node::Node;
use platform::port::clock::SimClock;
use platform::telemetry::Metrics;
use schemas::Timestamp;
use tokio::net::TcpListener;

/// The time in here.
const NOW: Timestamp = Timestamp(1_800_000_000_000);

/// Engines, without anything that works on them.
pub(crate) struct World {
    pub(crate) platform: Platform,
    pub(crate) store: LsmStore,
    pub(crate) life: Lifecycle,
    keys: Arc<Keys>,
}

impl World {
    /// Opens the engines of a folder.
    pub(crate) fn open(folder: &Path) -> Self {
        let clock = Arc::new(SimClock::at(NOW));
        let store = LsmStore::open(&folder.join("store"), LsmConfig::default()).expect("a store");
        let config = LogConfig::default();
        let log = EmbeddedLog::open(&folder.join("log"), store.clone(), clock.clone(), config);
        let platform = Platform {
            log: Arc::new(log.expect("a log")),
            store: Arc::new(store.clone()),
            ephemeral: Arc::new(LocalEphemeral::new(clock.clone())),
            clock,
            metrics: Metrics::new(),
        };
        let keys = Keys::load(&folder.join("keys"), &Secrets::default()).expect("keys");
        Self { platform, store, life: Lifecycle::new(), keys: Arc::new(keys) }
    }

    /// Starts all pools.
    pub(crate) fn work(&self) {
        workers::start(&workers::NAMES, &self.platform, &self.life).expect("known pools");
    }

    async fn ingest(&self) -> (Arc<Node>, Ingest) {
        let node = Node::start(&self.platform, &self.life).await.expect("a node");
        let config = IngestConfig {
            argon2: Argon2Cost { memory_kib: 8, passes: 1, lanes: 1 },
            limits: Limits::none(),
            ..IngestConfig::default()
        };
        let ingest = Ingest::new(self.platform.clone(), node.clone(), self.keys.clone(), config);
        (node, ingest.expect("settings that are good"))
    }

    /// The REST routes of a node.
    pub(crate) async fn router(&self) -> axum::Router {
        self.ingest().await.1.router()
    }

    /// A node with REST and sockets on a port of its own: `host:port`.
    pub(crate) async fn node(&self) -> String {
        let (node, ingest) = self.ingest().await;
        let requests = ingest.router();
        let config = delivery::Config { frames: None, ..delivery::Config::default() };
        let delivery = Delivery::start(&self.platform, node, Arc::new(ingest), &self.life, config);
        let router = delivery.router().merge(requests);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let service = router.into_make_service_with_connect_info::<std::net::SocketAddr>();
        self.life.guest(async move { axum::serve(listener, service).await.expect("it serves") });
        address.to_string()
    }
}
