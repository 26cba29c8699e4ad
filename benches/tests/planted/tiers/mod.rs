//! The real tiers on the memory adapters: two ingest nodes (the whole router), the folding pools,
//! and events straight from `chat.events`, before anything downstream can mend them.
//!
//! A crash is a power cut that leaves only the synced log and the directly written tables: the log
//! is copied to a new one, and everything folded is folded again from the first record on. An
//! eviction takes the partitions from an owner that goes on as a zombie. Events of a run with
//! evictions go through the rule that every client has (a rev at or below the last is dropped),
//! because a new owner tells again what its predecessor may have told.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use bench::history::UNREACHABLE;
use bench::remote::{Answer, deed};
use bench::target::Nemesis;
use bench::task::spawn;
use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::BodyExt as _;
use ingest::config::{Argon2Cost, Limits};
use ingest::{Ingest, IngestConfig};
use parking_lot::Mutex;
use platform::Platform;
use platform::auth::Keys;
use platform::embedded::LocalEphemeral;
use platform::lifecycle::Lifecycle;
use platform::memory::{Bug, Fault, Faults, MemoryLog, MemoryStore, Operation, Seeded};
use platform::node::Node;
use platform::port::clock::SystemClock;
use platform::port::log::{Append, Budget, Log as _};
use platform::telemetry::Metrics;
use schemas::topic::{COMMANDS, RECEIPTS, Topic, USERS};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tower::ServiceExt as _;

mod target;

/// What is planted, and how often it strikes.
pub(crate) type Planted = Option<(Bug, u64)>;

/// The system.
pub(crate) struct Tiers {
    planted: Planted,
    seed: u64,
    /// Owners are evicted too.
    pub(crate) evictions: bool,
    log_faults: Faults,
    store_faults: Faults,
    store: MemoryStore,
    keys: Arc<Keys>,
    alive: Mutex<Option<Alive>>,
}

/// One incarnation of its processes.
struct Alive {
    log: MemoryLog,
    life: Lifecycle,
    nodes: Vec<(Ingest, Router)>,
    owners: Vec<JoinHandle<()>>,
    cut: watch::Sender<bool>,
}

impl Tiers {
    pub(crate) async fn start(planted: Planted, evictions: bool, seed: u64) -> Arc<Self> {
        let store_faults = Faults::default();
        let tiers = Arc::new(Self {
            planted,
            seed,
            evictions,
            log_faults: Faults::default(),
            store: MemoryStore::new(store_faults.clone()),
            store_faults,
            keys: Arc::new(Keys::new(&[1; 32], &[2; 32]).expect("keys of 32 bytes")),
            alive: Mutex::new(None),
        });
        let log = MemoryLog::new(Arc::new(SystemClock), tiers.log_faults.clone());
        tiers.run(log).await;
        tiers
    }

    /// How often the planted bug has struck.
    pub(crate) fn fired(&self) -> u64 {
        let of = |(bug, _)| self.log_faults.fired(bug) + self.store_faults.fired(bug);
        self.planted.map_or(0, of)
    }

    fn plant(&self, on: bool) {
        let Some((bug, often)) = self.planted else { return };
        let one_in = if on { often } else { u64::MAX };
        for faults in [&self.log_faults, &self.store_faults] {
            // With the same dice it would do again what it did.
            faults.plant(bug, one_in, self.seed.wrapping_add(faults.fired(bug)));
        }
    }

    /// Writes answer late, fail, or lose their answer, so that faults find something half-done.
    fn harass(&self) {
        let dice = Mutex::new(Seeded::new(self.seed));
        let longest = if self.evictions { 20_000 } else { 2_000 };
        self.store_faults.on(move |operation| {
            let mut dice = dice.lock();
            match operation {
                Operation::Write if dice.one_in(100) => Fault::LoseAnswer,
                Operation::Write if dice.one_in(100) => Fault::Refuse,
                Operation::Write if dice.one_in(3) => {
                    Fault::Delay(Duration::from_micros(dice.below(longest)))
                }
                _ => Fault::None,
            }
        });
    }

    /// Starts pools and nodes, and waits until what lies in the log is folded.
    async fn run(&self, log: MemoryLog) {
        let clock = Arc::new(SystemClock);
        let platform = Platform {
            log: Arc::new(log.clone()),
            store: Arc::new(self.store.clone()),
            ephemeral: Arc::new(LocalEphemeral::new(clock.clone())),
            clock,
            metrics: Metrics::new(),
        };
        let life = Lifecycle::new();
        let cut = watch::Sender::new(false);
        workers::start(&["feed", "receipts"], &platform, &life).expect("a known pool");
        let owners = (0..if self.evictions { 2 } else { 1 })
            .map(|_| spawn(owner(platform.clone(), cut.subscribe())))
            .collect();
        for (pool, topic) in [("persist", &COMMANDS), ("feed", &USERS), ("receipts", &RECEIPTS)] {
            caught_up(&log, pool, topic).await;
        }
        let mut nodes = Vec::new();
        for _ in 0..2 {
            let node = Node::start(&platform, &life).await.expect("a node");
            let config = IngestConfig {
                argon2: Argon2Cost { memory_kib: 8, passes: 1, lanes: 1 },
                limits: Limits::none(),
                ..IngestConfig::default()
            };
            let ingest = Ingest::new(platform.clone(), node, self.keys.clone(), config);
            let ingest = ingest.expect("settings that are good");
            nodes.push((ingest.clone(), ingest.router()));
        }
        *self.alive.lock() = Some(Alive { log, life, nodes, owners, cut });
    }

    /// Everything of this incarnation ends where it stands; its log is given back.
    pub(crate) async fn end(&self) -> Option<MemoryLog> {
        let alive = self.alive.lock().take()?;
        alive.cut.send_replace(true);
        alive.log.crash();
        // An owner that still runs would write into the tables of the next incarnation.
        for owner in alive.owners {
            owner.await.expect("an owner ends when it is told to");
        }
        alive.life.stop();
        alive.life.drained(Duration::ZERO).await;
        Some(alive.log)
    }

    async fn crash(&self) {
        let Some(old) = self.end().await else { return };
        self.plant(false);
        self.store.wipe_folded();
        let log = MemoryLog::new(Arc::new(SystemClock), self.log_faults.clone());
        for topic in [&COMMANDS, &USERS, &RECEIPTS] {
            copy(&old, &log, topic).await;
        }
        self.run(log).await;
        self.plant(true);
    }

    /// The owner that joined first loses everything without being told.
    fn evict(&self) {
        let alive = self.alive.lock();
        if let Some(alive) = alive.as_ref() {
            alive.log.evict_oldest("persist", &COMMANDS);
        }
    }

    fn node(&self, node: usize) -> Option<(Ingest, Router, watch::Receiver<bool>)> {
        let alive = self.alive.lock();
        let alive = alive.as_ref()?;
        let (ingest, router) = alive.nodes.get(node % alive.nodes.len())?;
        Some((ingest.clone(), router.clone(), alive.cut.subscribe()))
    }

    async fn ask(&self, node: usize, path: &str, token: &str, body: Option<String>) -> Answer {
        let method = if body.is_some() { Method::POST } else { Method::GET };
        let asked = (method, path.to_owned(), Bytes::from(body.unwrap_or_default()));
        self.request(node, asked, token, None).await
    }

    async fn request(
        &self,
        node: usize,
        (method, path, body): deed::Asked,
        token: &str,
        key: Option<&str>,
    ) -> Answer {
        let none = |why: &str| Answer { status: 0, body: why.to_owned().into() };
        let Some((_, router, mut cut)) = self.node(node) else { return none(UNREACHABLE) };
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1/{path}"))
            .header(header::AUTHORIZATION, format!("Bearer {token}"));
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let request = request.body(Body::from(body)).expect("a request");
        let exchange = async {
            let response = router.oneshot(request).await.expect("a router does not fail");
            let status = response.status().as_u16();
            let body = response.into_body().collect().await;
            Answer { status, body: body.map(|body| body.to_bytes()).unwrap_or_default() }
        };
        tokio::select! {
            // First: what the tables say while they are folded again is no answer.
            biased;
            () = over(&mut cut) => none("cut"),
            answer = exchange => answer,
        }
    }
}

/// Waits for the end of an incarnation.
async fn over(cut: &mut watch::Receiver<bool>) {
    // If nobody can tell any more, it is over too.
    drop(cut.wait_for(|cut| *cut).await);
}

async fn caught_up(log: &MemoryLog, pool: &'static str, topic: &'static Topic) {
    let ends = log.describe(topic).await.expect("a log that is open");
    let ends: Vec<_> = ends.iter().map(|state| (state.partition, state.end)).collect();
    let behind = |done: &[(u32, u64)]| {
        ends.iter().any(|(partition, end)| {
            *end > 0 && !done.iter().any(|(p, next)| p == partition && next >= end)
        })
    };
    while behind(&log.committed(pool, topic).await.expect("a log that is open")) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// An owner of commands in a process of its own, started again whenever it ends: it has lost its
/// partitions, or met the fence of another one.
async fn owner(platform: Platform, mut cut: watch::Receiver<bool>) {
    let mut goes_on = true;
    while goes_on {
        let life = Lifecycle::new();
        workers::start(&["persist"], &platform, &life).expect("a known pool");
        goes_on = tokio::select! {
            _ = life.stopped() => true,
            () = over(&mut cut) => false,
        };
        life.stop();
        life.drained(Duration::ZERO).await;
    }
}

async fn copy(from: &MemoryLog, to: &MemoryLog, topic: &'static Topic) {
    for record in from.records(topic) {
        let append = Append {
            topic,
            partition: record.position.partition,
            key: record.key,
            headers: record.headers,
            value: record.value,
        };
        to.append(Budget::Worker, vec![append]).await.expect("an append to memory");
    }
}

impl Tiers {
    fn plant_once(&self) {
        if self
            .planted
            .is_some_and(|(bug, _)| self.log_faults.fired(bug) + self.store_faults.fired(bug) == 0)
        {
            self.plant(true);
        }
        self.harass();
    }
}

/// Crashes the tiers and, if they have evictions, takes partitions from their owners.
pub(crate) struct Torment(pub(crate) Arc<Tiers>, pub(crate) u64);

impl Nemesis for Torment {
    fn kind(&self) -> &'static str {
        if self.0.evictions && self.1 % 3 != 2 { "eviction" } else { "crash" }
    }

    async fn strike(&mut self) -> anyhow::Result<()> {
        if self.kind() == "crash" {
            self.0.crash().await;
        } else {
            self.0.evict();
        }
        self.1 += 1;
        Ok(())
    }

    async fn heal(&mut self) -> anyhow::Result<()> {
        Ok(())
    }
}
