//! A node: REST, sockets or both on one address. Two addresses in one process behave like two
//! machines: they share nothing but the engines.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, anyhow};
use axum::Router;
use axum::serve::ListenerExt;
use delivery::Delivery;
use ingest::{Ingest, IngestConfig};
use platform::Platform;
use platform::auth::Keys;
use platform::config::{Config, Rate, Server};
use platform::lifecycle::{Lifecycle, Stopping};
use platform::node::Node;
use tokio::net::TcpListener;

use super::Role;
use crate::doctor::ports;

/// Time between two sweeps of ended sessions.
const SWEEP: Duration = Duration::from_mins(1);

/// Time in which what devices have received is told once for a user and conversation, and between two
/// looks at who goes on typing.
const FLUSH: Duration = Duration::from_secs(1);

/// Where delivery listens alone, if nothing is said: beside an ingest on the same machine.
const DELIVERY_PORT: u16 = 3001;

/// The addresses of a role.
pub(super) fn addresses(config: &Config, role: &Role) -> Vec<SocketAddr> {
    let mut addresses = config.server.listen.clone();
    if !role.ingest && addresses == Server::default().listen {
        for address in &mut addresses {
            address.set_port(DELIVERY_PORT);
        }
    }
    addresses
}

/// What a node is made of.
pub(super) struct Part<'a> {
    pub(super) config: &'a Config,
    pub(super) role: &'a Role,
    pub(super) platform: &'a Platform,
    pub(super) keys: Arc<Keys>,
}

impl Part<'_> {
    /// Starts a node on one address. `life` ends first, `readers` when its requests have.
    pub(super) async fn start(
        &self,
        listen: SocketAddr,
        life: &Lifecycle,
        readers: &Lifecycle,
    ) -> anyhow::Result<()> {
        // Its reader outlives the listeners: a request that is accepted still gets its reply.
        let node = Node::start(self.platform, readers).await.map_err(|error| anyhow!(error))?;
        let settings = IngestConfig::from(self.config);
        let ingest = Ingest::new(self.platform.clone(), node.clone(), self.keys.clone(), settings)?;
        life.component("sweep", sweep(ingest.clone(), self.role.ingest, life.stopping()));
        life.component("delivered", flush(ingest.clone(), life.stopping()));
        let mut router = if self.role.ingest { ingest.router() } else { ingest.health_router() };
        if self.role.delivery {
            let inbound = Arc::new(ingest);
            let sockets = delivery_config(self.config);
            let delivery = Delivery::start(self.platform, node, inbound, life, sockets);
            router = delivery.router().merge(router);
        }
        listen_on(listen, router, life).await
    }
}

async fn listen_on(listen: SocketAddr, router: Router, life: &Lifecycle) -> anyhow::Result<()> {
    let listener = TcpListener::bind(listen).await.with_context(|| taken(listen))?;
    // Small answers and frames must not wait for each other (Nagle and delayed acknowledgements).
    let listener = listener.tap_io(|socket| {
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "TCP_NODELAY could not be set");
        }
    });
    let mut stopping = life.stopping();
    life.component("http", async move {
        axum::serve(listener, router.into_make_service_with_connect_info::<SocketAddr>())
            .with_graceful_shutdown(async move { stopping.wait().await })
            .await
            .map_err(|error| error.to_string())
    });
    Ok(())
}

/// What to do about an address that is another's.
fn taken(listen: SocketAddr) -> String {
    let by = ports::holder(listen.port())
        .map(|(pid, name)| format!(", process {pid} ({name}) has the port"))
        .unwrap_or_default();
    let port = listen.port();
    let other = if port == u16::MAX { port - 1 } else { port + 1 };
    format!(
        "{listen} can not be listened on{by}: stop that, or choose another with PORT={other} or \
         server.listen"
    )
}

/// Forgets ended sessions once their last tokens have expired; ingest also in the store.
async fn sweep(ingest: Ingest, stored: bool, mut stopping: Stopping) -> Result<(), String> {
    let mut every = tokio::time::interval(SWEEP);
    loop {
        tokio::select! {
            _ = every.tick() => {
                if !stored {
                    ingest.forget();
                } else if let Err(error) = ingest.sweep().await {
                    tracing::warn!(%error, "ended sessions could not be swept");
                }
            }
            () = stopping.wait() => {
                ingest.set_ready(false);
                return Ok(());
            }
        }
    }
}

/// Publishes what devices have received, once a second, and what is left when the node ends.
async fn flush(ingest: Ingest, mut stopping: Stopping) -> Result<(), String> {
    let mut every = tokio::time::interval(FLUSH);
    loop {
        tokio::select! {
            _ = every.tick() => ingest.flush().await,
            () = stopping.wait() => {
                ingest.set_ready(false);
                ingest.flush().await;
                return Ok(());
            }
        }
    }
}

fn delivery_config(config: &Config) -> delivery::Config {
    let limits = &config.limits;
    let Rate { burst, per_minute } = limits.frames;
    delivery::Config {
        frames: limits.enabled.then_some(delivery::Frames { burst, per_minute }),
        allowed_origins: config.server.cors_origins.clone(),
        trusted_proxies: config.server.trusted_proxies.clone(),
        max_unauthenticated: if limits.enabled {
            limits.unauthenticated_sockets
        } else {
            usize::MAX
        },
        ..delivery::Config::default()
    }
}
