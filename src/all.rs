//! The default role: every role in one process, on the embedded engines.
//!
//! Each public address is a node: an ingest and a delivery instance with caches of their own, so that
//! two addresses behave like two machines. Order of a start: store → log → pools → nodes → listen.
//! Order of a stop: listeners, requests and sockets first; then pools, so that what was accepted is
//! still folded and answered; the log last.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail};
use axum::serve::ListenerExt;
use delivery::Delivery;
use ingest::{Ingest, IngestConfig};
use platform::Platform;
use platform::auth::{Keys, Secrets};
use platform::config::{Config, Rate};
use platform::lifecycle::{Lifecycle, Stopping};
use platform::node::Node;
use platform::partition::progress::Progress;
use platform::telemetry::Metrics;
use schemas::topic;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::engines::{self, Engines};
use crate::operations;

/// Time that pools get to finish at a shutdown.
const POOLS_DRAIN: Duration = Duration::from_secs(8);

/// Time between two sweeps of ended sessions.
const SWEEP: Duration = Duration::from_mins(1);

/// Runs until SIGTERM or SIGINT, or until a component dies.
pub(crate) fn run(config: &Config) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(serve(config))
}

async fn serve(config: &Config) -> anyhow::Result<()> {
    let started = Instant::now();
    let engines = engines::open(config)?;
    let platform = engines.platform.clone();
    let (front, pools) = (Lifecycle::new(), Lifecycle::new());
    let ready = Arc::new(AtomicBool::new(false));
    let store = engines.store.clone();
    let refresh = move |metrics: &Metrics| {
        let known = metrics.lsm_inserts.get();
        metrics.lsm_inserts.inc_by(store.inserts().saturating_sub(known));
    };
    let metrics = platform.metrics.clone();
    operations::start(config.operations.listen, metrics, refresh, ready.clone(), &pools).await;
    let progress = workers::start(&workers::NAMES, &platform, &pools)?;
    tokio::select! {
        caught_up = caught_up(&platform, &progress) => caught_up?,
        died = pools.stopped() => bail!("{}", died.unwrap_or_default()),
    }
    let given = |secret: &String| Some(secret.clone()).filter(|secret| !secret.is_empty());
    let secrets = Secrets {
        access: given(&config.auth.jwt_secret),
        refresh: given(&config.auth.jwt_refresh_secret),
    };
    let keys = Arc::new(Keys::load(&engines.data.keys(), &secrets)?);
    for listen in &config.server.listen {
        node(*listen, config, &platform, keys.clone(), &front, &pools).await?;
    }
    ready.store(true, Ordering::SeqCst);
    greet(config, &engines, started.elapsed());

    let died = tokio::select! {
        died = front.stopped() => died,
        died = pools.stopped() => died,
        signalled = stop_signal() => signalled.map(|()| None)?,
    };
    ready.store(false, Ordering::SeqCst);
    tracing::info!("stopping");
    front.stop();
    let mut late = front.drained(Duration::from_millis(config.server.drain_ms)).await;
    pools.stop();
    late.extend(pools.drained(POOLS_DRAIN).await);
    platform.log.close().await;
    if !late.is_empty() {
        tracing::warn!(?late, "these did not stop in time");
    }
    match died {
        Some(why) => bail!("{why}"),
        None => Ok(()),
    }
}

/// Waits until what lay in the log at the start is folded, so that the first answers are not old.
async fn caught_up(
    platform: &Platform,
    pools: &BTreeMap<&'static str, Progress>,
) -> anyhow::Result<()> {
    for (pool, topic) in [("persist", &topic::COMMANDS), ("feed", &topic::USERS)] {
        let ends = platform.log.describe(topic).await?;
        let ends: Vec<(u32, u64)> =
            ends.into_iter().map(|state| (state.partition, state.end)).collect();
        if let Some(progress) = pools.get(pool) {
            progress.reached(&ends).await;
        }
    }
    Ok(())
}

/// Forgets ended sessions once their last tokens have expired.
async fn sweep(ingest: Ingest, mut stopping: Stopping) -> Result<(), String> {
    let mut every = tokio::time::interval(SWEEP);
    loop {
        tokio::select! {
            _ = every.tick() => {
                if let Err(error) = ingest.sweep().await {
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

/// Starts one node: ingest and delivery on one address.
async fn node(
    listen: SocketAddr,
    config: &Config,
    platform: &Platform,
    keys: Arc<Keys>,
    life: &Lifecycle,
    pools: &Lifecycle,
) -> anyhow::Result<()> {
    // Its reader outlives the listeners: a request that is accepted still gets its reply.
    let node = Node::start(platform, pools).await.map_err(|error| anyhow!(error))?;
    let ingest = Ingest::new(platform.clone(), node.clone(), keys, IngestConfig::from(config))?;
    let inbound = Arc::new(ingest.clone());
    let delivery = Delivery::start(platform, node, inbound, life, delivery_config(config));
    life.component("sweep", sweep(ingest.clone(), life.stopping()));
    let router = delivery.router().merge(ingest.router());
    let listener = TcpListener::bind(listen).await.with_context(|| {
        format!("{listen} can not be listened on: set server.listen or PORT to a free one")
    })?;
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

async fn stop_signal() -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

#[expect(clippy::print_stderr, reason = "the one block that a person reads at a start")]
fn greet(config: &Config, engines: &Engines, took: Duration) {
    let urls: Vec<String> =
        config.server.listen.iter().map(|listen| format!("http://{listen}")).collect();
    let dir = engines.data.path();
    let found = if engines.data.is_fresh() { "new" } else { "found" };
    eprintln!(
        "\n  Parlance {version} is ready after {took:.1?}\n\
         \n  API       {urls}/api/v1   sockets at /ws\
         \n  Data      {dir} ({found}), everything acknowledged is synced there\
         \n  Metrics   http://{operations}/metrics\
         \n  Stop      Ctrl-C\n\
         \n  Plain HTTP on loopback. Before the open internet: a TLS proxy in front, and SECURITY.md.\n",
        version = env!("CARGO_PKG_VERSION"),
        urls = urls.join(", "),
        dir = dir.display(),
        operations = config.operations.listen,
    );
}
