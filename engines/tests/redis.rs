//! Routes and limits on a real Redis: the conformance suite on the one that `PARLANCE_TEST_REDIS`
//! names, and faults on servers of the tests' own.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use engines::redis::{Fallback, RedisEphemeral};
use platform::Ephemeral;
use platform::config;
use platform::lifecycle::Lifecycle;
use platform::port::clock::{SystemClock, uuid_v7};
use platform::port::ephemeral::{Note, Quota, Route};
use platform::testing::conformance::ephemeral;
use schemas::{ConversationId, InstanceId, UserId};
use tokio::process::{Child, Command};
use tokio::time::sleep;

/// What fails at once has this long, on a machine that does other things too.
const AT_ONCE: Duration = Duration::from_millis(50);
const TTL: Duration = Duration::from_secs(30);
/// Nothing refills while a test runs.
const FIVE: Quota = Quota { burst: 5, per_second: 0.000_1 };

/// A test does not run here: said loudly, and a failure where all must run.
fn skip(why: &str) {
    assert!(std::env::var("CI").as_deref() != Ok("true"), "in CI this must run: {why}");
    eprintln!("skipped: {why}");
}

fn address() -> Option<String> {
    let address = std::env::var("PARLANCE_TEST_REDIS").ok().filter(|address| !address.is_empty());
    if address.is_none() {
        skip("PARLANCE_TEST_REDIS is not set; deploy/engines up prints it");
    }
    address
}

fn namespace() -> String {
    format!("test-{}", uuid_v7(&SystemClock))
}

fn user() -> Route {
    Route::User(UserId(uuid_v7(&SystemClock)))
}

fn instance() -> InstanceId {
    InstanceId(uuid_v7(&SystemClock))
}

async fn open(address: &str, namespace: &str) -> RedisEphemeral {
    let url = format!("redis://{address}/0");
    let config = config::Redis { url, ..config::Redis::default() };
    let clock = Arc::new(SystemClock);
    RedisEphemeral::open(&config, namespace, clock, &Lifecycle::new()).await.expect("valid")
}

async fn limited(address: &str, namespace: &str) -> Fallback<RedisEphemeral> {
    Fallback::new(open(address, namespace).await, Arc::new(SystemClock))
}

/// A connection of the test's own.
async fn raw(address: &str) -> redis::aio::MultiplexedConnection {
    let client = redis::Client::open(format!("redis://{address}/0")).expect("valid");
    client.get_multiplexed_async_connection().await.expect("a connection")
}

/// How many of `count` pass.
async fn passed(engine: &dyn Ephemeral, key: &str, count: usize) -> usize {
    let mut passed = 0;
    for _ in 0..count {
        passed += usize::from(engine.take(key, FIVE).await.expect("a verdict").allowed);
    }
    passed
}

async fn until(what: &str, limit: Duration, mut holds: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !holds().await {
        assert!(began.elapsed() < limit, "{what} within {limit:?}");
        sleep(Duration::from_millis(10)).await;
    }
}

// --- the conformance suite --------------------------------------------------------------------

struct Shared {
    address: String,
    namespace: String,
    fallback: bool,
}

#[async_trait]
impl ephemeral::Factory for Shared {
    async fn open(&self) -> Arc<dyn Ephemeral> {
        if self.fallback {
            Arc::new(limited(&self.address, &self.namespace).await)
        } else {
            Arc::new(open(&self.address, &self.namespace).await)
        }
    }

    async fn pass(&self, time: Duration) {
        sleep(time).await;
    }
}

macro_rules! suite {
    ($module:ident, $fallback:expr, [$($case:ident),+ $(,)?]) => {
        mod $module {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let Some(address) = super::address() else { return };
                    let namespace = super::namespace();
                    let factory = super::Shared { address, namespace, fallback: $fallback };
                    super::ephemeral::$case(&factory).await;
                }
            )+
        }
    };
}

suite!(
    redis_ephemeral,
    false,
    [
        routes_last_until_withdrawn_or_over,
        routes_are_sets,
        limits_refill_at_their_rate,
        a_board_says_what_was_last_written,
        notes_last_for_their_life,
        boards_are_read_whole,
    ]
);
suite!(
    redis_with_fallback,
    true,
    [
        routes_last_until_withdrawn_or_over,
        routes_are_sets,
        limits_refill_at_their_rate,
        a_board_says_what_was_last_written,
        notes_last_for_their_life,
        boards_are_read_whole,
    ]
);

// --- what only several nodes show -------------------------------------------------------------

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_over_leaves_a_board_that_is_written_on_and_a_board_ends_with_its_last_note() {
    let Some(address) = address() else { return };
    let (name, mut redis) = (namespace(), raw(&address).await);
    let engine = open(&address, &name).await;
    let note = |life| Note::brief(uuid_v7(&SystemClock), Bytes::from_static(b"x"), life);
    let short: Vec<Note> = (0..100).map(|_| note(Duration::from_millis(20))).collect();
    engine.note("lasting", &short).await.expect("noted");
    let lasting = Note::new(uuid_v7(&SystemClock), Bytes::from_static(b"x"));
    sleep(Duration::from_millis(50)).await;
    for _ in 0..400 {
        engine.note("lasting", std::slice::from_ref(&lasting)).await.expect("noted");
    }
    let key = |board: &str| format!("{name}:parlance:b:{board}");
    let length: i64 =
        redis::cmd("HLEN").arg(key("lasting")).query_async(&mut redis).await.expect("a length");
    assert!((1..=10).contains(&length), "{length} of 101 notes are left");
    let life = |board: &str| redis::cmd("PTTL").arg(key(board)).to_owned();
    let ends: i64 = life("lasting").query_async(&mut redis).await.expect("a life");
    assert_eq!(ends, -1, "it has a note without end");
    let two = [note(Duration::from_secs(20)), note(Duration::from_secs(10))];
    engine.note("brief", &two).await.expect("noted");
    let ends: i64 = life("brief").query_async(&mut redis).await.expect("a life");
    assert!((15_000..=20_000).contains(&ends), "{ends} ms");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_limit_is_one_over_three_nodes() {
    let Some(address) = address() else { return };
    let name = namespace();
    let (one, two, three) =
        tokio::join!(limited(&address, &name), limited(&address, &name), limited(&address, &name));
    let (one, two, three) =
        tokio::join!(passed(&one, "k", 20), passed(&two, "k", 20), passed(&three, "k", 20));
    assert_eq!(one + two + three, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_routes_are_answered_in_order_and_namespaces_do_not_meet() {
    let Some(address) = address() else { return };
    let (mine, other) = (open(&address, &namespace()).await, open(&address, &namespace()).await);
    let node = instance();
    let routes: Vec<Route> = (0..1_500)
        .map(|number| match number % 3 {
            0 => Route::Conversation(ConversationId(uuid_v7(&SystemClock))),
            _ => user(),
        })
        .collect();
    mine.announce(node, &routes, TTL).await.expect("announced");
    let found = mine.routes(&routes).await.expect("routes");
    assert_eq!(found.len(), routes.len());
    assert!(found.iter().all(|nodes| *nodes == [node]));
    assert!(other.routes(&routes).await.expect("routes").iter().all(Vec::is_empty));
    mine.withdraw(node, &routes[..1_000]).await.expect("withdrawn");
    let found = mine.routes(&routes).await.expect("routes");
    let (gone, left) = found.split_at(1_000);
    assert!(gone.iter().all(Vec::is_empty));
    assert!(left.iter().all(|nodes| *nodes == [node]));
}

// --- faults -----------------------------------------------------------------------------------

/// A server of the test's own, ended with it.
struct Server {
    port: u16,
    child: Child,
    dir: tempfile::TempDir,
}

impl Server {
    async fn start() -> Option<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let dir = tempfile::tempdir().expect("a folder");
        let Some(child) = spawn(port, dir.path()) else {
            skip("there is no redis-server; deploy/engines tools installs it");
            return None;
        };
        let server = Self { port, child, dir };
        server.up().await;
        Some(server)
    }

    fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    async fn up(&self) {
        until("a server", Duration::from_secs(5), async || {
            tokio::net::TcpStream::connect(self.address()).await.is_ok()
        })
        .await;
    }

    async fn kill(&mut self) {
        self.child.kill().await.expect("killed");
    }

    async fn restart(&mut self) {
        self.child = spawn(self.port, self.dir.path()).expect("it was there before");
        self.up().await;
    }

    async fn signal(&self, signal: &str) {
        let pid = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().await.expect("kill(1)");
        assert!(sent.success());
    }
}

fn spawn(port: u16, dir: &Path) -> Option<Child> {
    Command::new("redis-server")
        .args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--port"])
        .arg(port.to_string())
        .arg("--dir")
        .arg(dir)
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .ok()
}

async fn fails_at_once(engine: &dyn Ephemeral) {
    let began = Instant::now();
    engine.routes(&[user()]).await.expect_err("no routes");
    assert!(began.elapsed() < AT_ONCE, "{:?}", began.elapsed());
}

/// An engine whose Redis has known routes for so long that they are not suspect.
async fn settled(server: &Server, namespace: &str) -> Fallback<RedisEphemeral> {
    let engine = limited(&server.address(), namespace).await;
    let mark = format!("{namespace}:parlance:mark");
    let mut raw = raw(&server.address()).await;
    redis::cmd("SET").arg(mark).arg("1").exec_async(&mut raw).await.expect("set");
    engine.routes(&[user()]).await.expect("routes");
    assert!(!engine.suspect());
    engine
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_a_node_starts_and_fails_at_once_but_limits() {
    let engine = limited("127.0.0.1:1", "nowhere").await;
    fails_at_once(&engine).await;
    engine.announce(instance(), &[user()], TTL).await.expect_err("not announced");
    assert_eq!(passed(&engine, "k", 20).await, 5);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_url_that_is_none_is_refused() {
    let config = config::Redis { url: "http://x".to_owned(), ..config::Redis::default() };
    let clock = Arc::new(SystemClock);
    let opened = RedisEphemeral::open(&config, "x", clock, &Lifecycle::new()).await;
    assert!(opened.expect_err("invalid").to_string().starts_with("redis.url: "));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_begins_anew_is_suspect() {
    let Some(server) = Server::start().await else { return };
    let engine = open(&server.address(), "fresh").await;
    engine.routes(&[user()]).await.expect("routes");
    assert!(engine.suspect(), "nobody may have announced yet");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_redis_is_noticed_stood_in_for_and_suspect_when_back() {
    let Some(mut server) = Server::start().await else { return };
    let engine = settled(&server, "killed").await;
    let (node, alice) = (instance(), user());
    engine.announce(node, &[alice], TTL).await.expect("announced");
    assert_eq!(engine.routes(&[alice]).await.expect("routes"), [vec![node]]);
    assert_eq!(passed(&engine, "k", 20).await, 5);

    server.kill().await;
    until("an end", Duration::from_secs(2), async || engine.routes(&[alice]).await.is_err()).await;
    fails_at_once(&engine).await;
    assert_eq!(passed(&engine, "k", 20).await, 5, "the node's own limit");

    server.restart().await;
    let back = async || engine.routes(&[alice]).await.is_ok();
    until("a return", Duration::from_secs(3), back).await;
    assert!(engine.suspect(), "it has forgotten");
    assert_eq!(engine.routes(&[alice]).await.expect("routes"), [vec![]]);
    // The scripts are gone with it, and come again.
    engine.announce(node, &[alice], TTL).await.expect("announced again");
    assert_eq!(engine.routes(&[alice]).await.expect("routes"), [vec![node]]);
    assert_eq!(passed(engine.shared(), "k", 20).await, 5, "counted by Redis again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_hangs_holds_nobody_up() {
    let Some(server) = Server::start().await else { return };
    let engine = settled(&server, "hangs").await;
    server.signal("-STOP").await;
    let began = Instant::now();
    assert_eq!(passed(&engine, "k", 1).await, 1);
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    until("an end", Duration::from_secs(3), async || {
        let began = Instant::now();
        engine.routes(&[user()]).await.is_err() && began.elapsed() < AT_ONCE
    })
    .await;
    fails_at_once(&engine).await;
    server.signal("-CONT").await;
    let back = async || engine.routes(&[user()]).await.is_ok();
    until("a return", Duration::from_secs(5), back).await;
    assert!(engine.suspect(), "routes may have lapsed meanwhile");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_was_emptied_is_suspect_though_the_connection_stood() {
    let Some(server) = Server::start().await else { return };
    let engine = settled(&server, "emptied").await;
    let mut raw = raw(&server.address()).await;
    redis::cmd("FLUSHALL").exec_async(&mut raw).await.expect("emptied");
    engine.routes(&[user()]).await.expect("routes");
    assert!(engine.suspect());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_primary_that_became_a_replica_is_away_until_a_primary_answers() {
    let Some(server) = Server::start().await else { return };
    let engine = settled(&server, &namespace()).await;
    let mut raw = raw(&server.address()).await;
    let mut role = async |host: &str, port: &str| {
        redis::cmd("REPLICAOF").arg(host).arg(port).exec_async(&mut raw).await.expect("changed");
    };
    // It still answers reads, of what it knew; nobody is there to replicate from.
    role("127.0.0.1", "1").await;
    until("it is away", Duration::from_secs(5), async || {
        engine.announce(instance(), &[user()], TTL).await.expect_err("not taken");
        engine.routes(&[user()]).await.is_err()
    })
    .await;
    sleep(Duration::from_secs(1)).await;
    fails_at_once(&engine).await;
    assert_eq!(passed(&engine, "k", 20).await, 5, "limits count here meanwhile");
    role("NO", "ONE").await;
    until("it is back", Duration::from_secs(5), async || {
        engine.announce(instance(), &[user()], TTL).await.is_ok()
    })
    .await;
    assert!(engine.suspect(), "another may have taken announcements meanwhile");
}
