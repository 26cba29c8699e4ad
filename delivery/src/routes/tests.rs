//! What it costs sockets that the registry does not answer: on a clock that tests move.

use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use platform::inbound::Identity;
use platform::lifecycle::Lifecycle;
use platform::memory::{Faults, MemoryLog, MemoryStore};
use platform::port::clock::SimClock;
use platform::port::ephemeral::{Note, Quota, Verdict};
use platform::telemetry::Metrics;
use schemas::{SessionId, Timestamp, UserId};
use tokio::time::sleep;
use uuid::Uuid;

use super::*;
use crate::session::{Next, Session};

const ME: UserId = UserId(Uuid::from_u128(1));

/// A registry that does not answer while it is told not to.
#[derive(Default)]
struct Registry(AtomicBool);

impl Registry {
    async fn answers(&self) -> Result<(), Unavailable> {
        if self.0.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        Ok(())
    }
}

#[async_trait]
impl Ephemeral for Registry {
    async fn announce(&self, _: InstanceId, _: &[Route], _: Duration) -> Result<(), Unavailable> {
        self.answers().await
    }
    async fn withdraw(&self, _: InstanceId, _: &[Route]) -> Result<(), Unavailable> {
        self.answers().await
    }
    async fn routes(&self, _: &[Route]) -> Result<Vec<Vec<InstanceId>>, Unavailable> {
        unreachable!("fan-out asks")
    }
    async fn take(&self, _: &str, _: Quota) -> Result<Verdict, Unavailable> {
        unreachable!("routes have no limit")
    }
    async fn note(&self, _: &str, _: &[Note]) -> Result<(), Unavailable> {
        unreachable!("routes stand on no board")
    }
    async fn noted(&self, _: &str, _: &[Uuid]) -> Result<Vec<Option<Bytes>>, Unavailable> {
        unreachable!("routes stand on no board")
    }
    async fn board(&self, _: &str) -> Result<Vec<(Uuid, Bytes)>, Unavailable> {
        unreachable!("routes stand on no board")
    }
}

struct Stage {
    hub: Arc<Hub>,
    registry: Arc<Registry>,
    life: Lifecycle,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.life.stop();
    }
}

impl Stage {
    fn new() -> Self {
        let clock = Arc::new(SimClock::at(Timestamp(0)));
        let registry = Arc::new(Registry::default());
        let platform = Platform {
            log: Arc::new(MemoryLog::new(clock.clone(), Faults::default())),
            store: Arc::new(MemoryStore::new(Faults::default())),
            ephemeral: registry.clone(),
            clock,
            metrics: Metrics::new(),
        };
        let life = Lifecycle::new();
        let hub = Hub::new(&platform, &life);
        let routes = Routes::new(&platform, InstanceId(Uuid::from_u128(9)), hub.clone());
        life.component("routes", routes.run(life.stopping()));
        Self { hub, registry, life }
    }

    async fn enter(&self, session: u128) -> Arc<Session> {
        let session = SessionId(Uuid::from_u128(session));
        let who = Identity { user: ME, session, expires_at: Timestamp(9_000_000) };
        let session = self.hub.enter(who, |_| {}).unwrap();
        self.hub.wanted.announced(&[Route::User(ME)]).await;
        session
    }

    async fn silent_for(&self, time: Duration) {
        self.registry.0.store(true, Ordering::SeqCst);
        sleep(time).await;
        self.registry.0.store(false, Ordering::SeqCst);
    }
}

/// How often it was told to resync since.
fn resyncs(session: &Session) -> usize {
    let mut told = 0;
    while let Next::Frame(frame) = session.next() {
        assert!(frame.text().starts_with(r#"{"type":"resync""#), "{}", frame.text());
        told += 1;
    }
    told
}

#[tokio::test(start_paused = true)]
async fn a_route_that_stands_is_not_lost_with_one_announcement() {
    let stage = Stage::new();
    let session = stage.enter(11).await;
    for _ in 0..3 {
        // The periodic announcement fails, a few times; then one succeeds.
        stage.silent_for(Duration::from_secs(15)).await;
        sleep(EVERY).await;
        assert_eq!(resyncs(&session), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_route_that_was_silent_past_its_life_leads_to_a_resync_of_whom_it_reaches() {
    let stage = Stage::new();
    let session = stage.enter(11).await;
    stage.silent_for(TTL + Duration::from_secs(1)).await;
    assert_eq!(resyncs(&session), 0);
    sleep(RETRY * 2).await;
    assert_eq!(resyncs(&session), 1);
    sleep(TTL).await;
    assert_eq!(resyncs(&session), 0, "once");
}

#[tokio::test(start_paused = true)]
async fn a_route_that_was_never_acknowledged_is_owed_and_one_that_stands_is_not() {
    let stage = Stage::new();
    stage.registry.0.store(true, Ordering::SeqCst);
    let first = stage.enter(11).await;
    stage.silent_for(RETRY * 2).await;
    sleep(RETRY * 2).await;
    assert_eq!(resyncs(&first), 1);
    // He comes a second time, while the registry is silent.
    stage.registry.0.store(true, Ordering::SeqCst);
    let second = stage.enter(12).await;
    stage.registry.0.store(false, Ordering::SeqCst);
    sleep(EVERY).await;
    assert_eq!((resyncs(&first), resyncs(&second)), (0, 0));
    // Nor is anything left of that when he has gone and comes again.
    stage.hub.leave(&first);
    stage.hub.leave(&second);
    sleep(RETRY).await;
    stage.registry.0.store(true, Ordering::SeqCst);
    let third = stage.enter(13).await;
    stage.registry.0.store(false, Ordering::SeqCst);
    sleep(EVERY).await;
    assert_eq!(resyncs(&third), 1);
}

#[test]
fn whoever_was_served_before_the_first_acknowledgement_is_owed() {
    let start = Instant::now();
    let at = |ms| start + Duration::from_millis(ms);
    let mut round = Round { owed: HashSet::new(), standing: HashMap::new(), next: start };
    let route = Route::User(ME);
    // The call was under way when he gave up waiting, which is heard of behind it.
    assert!(!round.stands(route, at(1_500), at(2_400)));
    round.serves(route, at(2_000));
    assert!(round.stands(route, at(2_500), at(2_600)));
    round.serves(route, at(4_600));
    assert!(!round.stands(route, at(4_700), at(4_800)));
    // It lives from when it was called; what is new, from when it is acknowledged.
    assert!(!round.stands(route, at(34_000), at(34_700)));
    assert!(round.stands(route, at(63_900), at(64_001)));
}
