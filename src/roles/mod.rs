//! Roles: which parts of the pipeline this process runs. One way to start and to stop them all.
//!
//! Order of a start: engines → pools → nodes → listen → ready. Order of a stop: not ready; listeners,
//! requests and sockets; then pools and readers, so that what was accepted is still folded and
//! answered; the log last.

mod greeting;
mod last_run;
mod node;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::bail;
use platform::Platform;
use platform::auth::{Keys, Secrets};
use platform::config::{Config, LogEngine};
use platform::lifecycle::Lifecycle;
use platform::partition::progress::Progress;
use schemas::topic;
use tokio::signal::unix::{SignalKind, signal};

use crate::engines::{self, Engines};
use crate::{control, operations};

/// Time that pools get to finish at a shutdown.
const POOLS_DRAIN: Duration = Duration::from_secs(7);
/// A process is gone by then after SIGTERM, also while an engine is away.
const STOP: Duration = Duration::from_secs(19);
/// Wait for blocking calls that still run behind that.
const LEFT_OVER: Duration = Duration::from_millis(500);

/// Which parts run in this process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Role {
    /// Name, for logs.
    pub(crate) name: &'static str,
    /// REST.
    pub(crate) ingest: bool,
    /// Sockets.
    pub(crate) delivery: bool,
    /// Pools.
    pub(crate) pools: Vec<&'static str>,
}

impl Role {
    /// Everything.
    pub(crate) fn all() -> Self {
        Self { name: "all", ingest: true, delivery: true, pools: workers::NAMES.to_vec() }
    }

    /// REST alone.
    pub(crate) fn ingest() -> Self {
        Self { name: "ingest", ingest: true, delivery: false, pools: Vec::new() }
    }

    /// Sockets alone.
    pub(crate) fn delivery() -> Self {
        Self { name: "delivery", ingest: false, delivery: true, pools: Vec::new() }
    }

    /// These pools alone.
    pub(crate) fn worker(names: &[String]) -> anyhow::Result<Self> {
        let mut pools = Vec::new();
        for name in names {
            match workers::NAMES.into_iter().find(|known| known == name) {
                Some(known) if !pools.contains(&known) => pools.push(known),
                Some(_) => {}
                None => bail!("there is no pool {name}; pools are {}", workers::NAMES.join(", ")),
            }
        }
        Ok(Self { name: "worker", ingest: false, delivery: false, pools })
    }

    fn has_node(&self) -> bool {
        self.ingest || self.delivery
    }

    /// Whether it can do its part without other processes.
    fn is_whole(&self) -> bool {
        *self == Self::all()
    }
}

/// Runs a role until SIGTERM or SIGINT, or until a component dies.
pub(crate) fn run(config: &Config, role: &Role) -> anyhow::Result<()> {
    check(config, role)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.threads())
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(serve(config, role));
    // A question to an engine that hangs is not waited for: its thread ends with the process.
    runtime.shutdown_timeout(LEFT_OVER);
    outcome
}

/// What a role asks of the configuration.
fn check(config: &Config, role: &Role) -> anyhow::Result<()> {
    if !role.is_whole() && !config.engines.are_shared() {
        bail!(
            "the role {} needs engines that processes share: engines.log = \"kafka\", \
             engines.store = \"cql\", engines.ephemeral = \"redis\"",
            role.name
        );
    }
    if role.has_node()
        && config.engines.log == LogEngine::Kafka
        && config.auth.jwt_secret.is_empty()
    {
        bail!(
            "auth.jwt_secret is needed: every node of a deployment signs and checks tokens with the \
             same one. Make one with `openssl rand -base64 48` and give it as PARLANCE_AUTH__JWT_SECRET \
             or by auth.jwt_secret_file"
        );
    }
    Ok(())
}

async fn serve(config: &Config, role: &Role) -> anyhow::Result<()> {
    let started = Instant::now();
    let (front, pools) = (Lifecycle::new(), Lifecycle::new());
    let ready = Arc::new(AtomicBool::new(false));
    let stop = stop_signal()?;
    tokio::pin!(stop);
    let engines = tokio::select! {
        engines = engines::open(config, &pools) => engines?,
        // A process that waits for an engine still ends when it is told to.
        () = &mut stop => return Ok(()),
    };
    let platform = engines.platform.clone();
    let folder = engines.embedded.as_ref().map(|embedded| embedded.data.path());
    let before = folder.and_then(last_run::read);
    let mut running = None;
    let operations = serve_operations(config, &engines, role, &ready, &pools).await?;

    let died = tokio::select! {
        begun = begin(config, role, &engines, &front, &pools) => {
            let Caught { behind, folding } = begun?;
            open_control(&engines, &front);
            running = folder.map(|folder| last_run::begin(folder, before.as_ref()));
            ready.store(true, Ordering::SeqCst);
            let took = started.elapsed();
            let start = greeting::Start { took, before, behind, folding, operations };
            greeting::greet(config, role, &engines, &start);
            tokio::select! {
                died = front.stopped() => died,
                died = pools.stopped() => died,
                () = &mut stop => None,
            }
        }
        died = pools.stopped() => died,
        () = &mut stop => None,
    };
    ready.store(false, Ordering::SeqCst);
    tracing::info!(role = role.name, "stopping");
    let gone_by = tokio::time::Instant::now() + STOP;
    front.stop();
    let mut late = front.drained(Duration::from_millis(config.server.drain_ms)).await;
    pools.stop();
    late.extend(pools.drained(POOLS_DRAIN).await);
    // What was acknowledged is safe without it.
    if tokio::time::timeout_at(gone_by, platform.log.close()).await.is_err() {
        late.push("log");
    }
    if !late.is_empty() {
        tracing::warn!(?late, "these did not stop in time");
    }
    if let Some(running) = running.filter(|_| died.is_none()) {
        running.end();
    }
    match died {
        Some(why) => bail!("{why}"),
        None => Ok(()),
    }
}

/// The control socket, where the engines are in this process. A file system without sockets costs the
/// commands that would use it, and nothing else.
fn open_control(engines: &Engines, life: &Lifecycle) {
    let Some(embedded) = &engines.embedded else { return };
    let router = control::router(engines, life);
    if let Err(error) = control::server::start(embedded.data.path(), router, life) {
        tracing::warn!(%error, "no control socket: tail, dlq and backup need the server stopped");
    }
}

/// Starts what the role is made of.
async fn begin(
    config: &Config,
    role: &Role,
    engines: &Engines,
    front: &Lifecycle,
    pools: &Lifecycle,
) -> anyhow::Result<Caught> {
    let platform = &engines.platform;
    let mut caught = Caught::default();
    if config.engines.log == LogEngine::Embedded {
        caught.behind = behind(platform).await?;
    }
    let progress = workers::start(&role.pools, platform, pools)?;
    if config.engines.log == LogEngine::Embedded {
        let begun = Instant::now();
        caught_up(platform, &progress).await?;
        caught.folding = begun.elapsed();
    }
    if role.has_node() {
        let keys = Arc::new(keys(config, engines)?);
        let part = node::Part { config, role, platform, keys };
        for listen in node::addresses(config, role) {
            part.start(listen, front, pools).await?;
        }
    }
    Ok(caught)
}

/// What had to be folded before this process was ready.
#[derive(Debug, Default)]
struct Caught {
    behind: u64,
    folding: Duration,
}

/// The pools that are waited for at a start, with what they read.
const FOLDED: [(&str, &topic::Topic); 2] = [("persist", &topic::COMMANDS), ("feed", &topic::USERS)];

/// Records in the log behind the cursors of those pools.
async fn behind(platform: &Platform) -> anyhow::Result<u64> {
    let mut behind = 0;
    for (pool, topic) in FOLDED {
        let read: BTreeMap<u32, u64> =
            platform.log.committed(pool, topic).await?.into_iter().collect();
        for state in platform.log.describe(topic).await? {
            let next = read.get(&state.partition).copied().unwrap_or(state.first);
            behind += state.end.saturating_sub(next);
        }
    }
    Ok(behind)
}

/// Where metrics are; none, if their port is taken.
async fn serve_operations(
    config: &Config,
    engines: &Engines,
    role: &Role,
    ready: &Arc<AtomicBool>,
    life: &Lifecycle,
) -> anyhow::Result<Option<SocketAddr>> {
    let metrics = engines.platform.metrics.clone();
    metrics.build.with_label_values(&[env!("CARGO_PKG_VERSION"), role.name]).set(1);
    let (works, since) = (ready.clone(), Instant::now());
    metrics.watch(move |all| {
        all.ready.set(works.load(Ordering::SeqCst).into());
        all.uptime.add(since.elapsed().as_secs());
    });
    let listen = config.operations.listen;
    let started = operations::start(listen, metrics, ready.clone(), life).await;
    match started {
        Ok(()) => Ok(Some(listen)),
        // One process at home may go without; a role that nobody can watch or roll may not.
        Err(error) if role.is_whole() => {
            tracing::warn!(%listen, %error, "no metrics: the operations port is taken");
            Ok(None)
        }
        Err(error) => bail!("operations.listen {listen}: {error}: each process needs its own"),
    }
}

/// The keys of the deployment: configured, or those of the data folder.
fn keys(config: &Config, engines: &Engines) -> anyhow::Result<Keys> {
    let given = |secret: &String| Some(secret.clone()).filter(|secret| !secret.is_empty());
    let secrets = Secrets {
        access: given(&config.auth.jwt_secret),
        refresh: given(&config.auth.jwt_refresh_secret),
    };
    let folder = engines.embedded.as_ref().map(|embedded| embedded.data.keys());
    Ok(Keys::load(&folder.unwrap_or_default(), &secrets)?)
}

/// Waits until what lay in the log at the start is folded, so that the first answers are not old.
async fn caught_up(
    platform: &Platform,
    pools: &BTreeMap<&'static str, Progress>,
) -> anyhow::Result<()> {
    for (pool, topic) in FOLDED {
        let ends = platform.log.describe(topic).await?;
        let ends: Vec<(u32, u64)> =
            ends.into_iter().map(|state| (state.partition, state.end)).collect();
        if let Some(progress) = pools.get(pool) {
            progress.reached(&ends).await;
        }
    }
    Ok(())
}

/// Resolves at SIGTERM or SIGINT; they are heard from this call on.
pub(crate) fn stop_signal() -> anyhow::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_runs_known_pools_once() {
        let names = ["fanout".to_owned(), "persist".to_owned(), "fanout".to_owned()];
        assert_eq!(Role::worker(&names).unwrap().pools, ["fanout", "persist"]);
        let error = Role::worker(&["fold".to_owned()]).unwrap_err().to_string();
        assert!(error.contains("persist, feed, receipts, saga, fanout, signals"), "{error}");
    }

    #[test]
    fn every_pool_is_one_that_metrics_know() {
        assert_eq!(workers::NAMES.to_vec(), platform::telemetry::label::POOLS);
    }

    #[test]
    fn a_role_of_its_own_needs_shared_engines_and_a_node_a_secret() {
        let mut config = Config::default();
        check(&config, &Role::all()).unwrap();
        let error = check(&config, &Role::ingest()).unwrap_err().to_string();
        assert!(error.contains("engines.log"), "{error}");
        config.engines.log = LogEngine::Kafka;
        config.engines.store = platform::config::StoreEngine::Cql;
        config.engines.ephemeral = platform::config::EphemeralEngine::Redis;
        let error = check(&config, &Role::ingest()).unwrap_err().to_string();
        assert!(error.contains("jwt_secret"), "{error}");
        check(&config, &Role::worker(&["feed".to_owned()]).unwrap()).unwrap();
    }
}
