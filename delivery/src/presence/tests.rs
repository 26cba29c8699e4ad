use std::sync::atomic::{AtomicUsize, Ordering};

use platform::embedded::LocalEphemeral;
use platform::inbound::{Identity, Outcome, Permission, Seen};
use platform::memory::{Fault, Faults, MemoryLog, MemoryStore, Operation};
use platform::port::clock::SimClock;
use platform::telemetry::Metrics;
use schemas::envelope::{Content, PresenceCommand, decode};
use schemas::presence::Status;
use schemas::user::head::Audience;
use schemas::{ApiError, SessionId, topic};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::*;
use crate::session::Next;

/// Knows nobody.
struct Nobody;

#[async_trait::async_trait]
impl Inbound for Nobody {
    fn authenticate(&self, _: &str) -> Result<Identity, ApiError> {
        unreachable!("nobody shows a token")
    }

    async fn accept(
        &self,
        _: &Identity,
        _: &str,
        _: Option<&RawValue>,
    ) -> Result<Outcome, ApiError> {
        unreachable!("nobody asks for anything")
    }

    async fn charge(&self, _: &Identity, _: &str) -> Result<(), ApiError> {
        Ok(())
    }

    async fn presence(&self, _: UserId, of: &[UserId]) -> Result<Vec<Seen>, ApiError> {
        let permission = Permission::default();
        Ok(of.iter().map(|user| Seen { user: *user, permission, entry: None }).collect())
    }
}

struct World {
    hub: Arc<Hub>,
    log: MemoryLog,
    /// Calls of append.
    appends: Arc<AtomicUsize>,
    life: Lifecycle,
}

fn world() -> World {
    let clock = Arc::new(SimClock::at(Timestamp(1_000_000)));
    let faults = Faults::default();
    let appends = Arc::new(AtomicUsize::new(0));
    let counted = appends.clone();
    faults.on(move |operation| {
        if operation == Operation::Append {
            counted.fetch_add(1, Ordering::SeqCst);
        }
        Fault::None
    });
    let log = MemoryLog::new(clock.clone(), faults);
    let platform = Platform {
        log: Arc::new(log.clone()),
        store: Arc::new(MemoryStore::new(Faults::default())),
        ephemeral: Arc::new(LocalEphemeral::new(clock.clone())),
        clock,
        metrics: Metrics::new(),
    };
    let life = Lifecycle::new();
    let hub = Hub::new(&platform, &life);
    hub.presence.start(&platform, InstanceId(Uuid::from_u128(9)), Arc::new(Nobody), &life);
    World { hub, log, appends, life }
}

fn user(number: u128) -> UserId {
    UserId(Uuid::from_u128(number))
}

impl World {
    fn enter(&self, of: u128) -> Arc<Session> {
        let who = Identity {
            user: user(of),
            session: SessionId(Uuid::from_u128(of)),
            expires_at: Timestamp(0),
        };
        let session = self.hub.enter(who, |_| {}).unwrap();
        self.hub.presence.came(&session);
        session
    }

    /// What was told of devices.
    fn told(&self) -> Vec<(UserId, Status)> {
        let records = self.log.records(&topic::PRESENCE).into_iter();
        let device = |value: &[u8]| match decode::<PresenceCommand>(value).unwrap().1 {
            Content::Known(PresenceCommand::Device(changed)) => Some(changed.device),
            _ => None,
        };
        let devices = records.filter_map(|record| device(&record.value));
        devices.map(|device| (device.user_id, device.status)).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_who_come_at_once_are_told_in_batches_once_each() {
    const USERS: u128 = 10_000;
    let world = world();
    let sessions: Vec<_> = (1..=USERS).map(|of| world.enter(of)).collect();
    sleep(Duration::from_secs(4)).await;
    let told = world.told();
    assert_eq!(told.len(), sessions.len(), "one record for each");
    assert!(told.iter().all(|(_, status)| *status == Status::Online));
    let appends = world.appends.load(Ordering::SeqCst);
    assert!(appends <= 25, "{appends} appends");

    // They all come back before anybody is told that they went: nothing of it is left.
    let before = world.log.records(&topic::PRESENCE).len();
    for session in &sessions {
        world.hub.leave(session);
    }
    let again: Vec<_> = (1..=USERS).map(|of| world.enter(of)).collect();
    for session in &again {
        world.hub.leave(session);
    }
    sleep(Duration::from_millis(200)).await;
    let told = world.log.records(&topic::PRESENCE).len() - before;
    assert_eq!(told, sessions.len(), "the ends of the first; the second were never told of");
    assert_eq!(world.hub.presence.depths()[0].1, 0);
    world.life.stop();
}

#[tokio::test(start_paused = true)]
async fn all_who_may_see_the_same_share_one_text() {
    let world = world();
    let viewers: Vec<_> = (1..=100).map(|of| world.enter(of)).collect();
    let ticket = world.hub.presence.ticket();
    for viewer in &viewers {
        let mut interest = world.hub.presence.interest.lock();
        drop(interest.subscribe(viewer.who.user, viewer.number, &[user(500)]).unwrap());
        let permission =
            Permission { blocked: viewer.number % 4 == 0, contact: viewer.number % 2 == 0 };
        let later = interest.ticket();
        assert!(ticket < later);
        interest.permit((viewer.who.user, user(500)), later, permission, Timestamp(0));
    }
    let entry = Entry {
        user_id: user(500),
        version: 1,
        status: Status::Offline,
        custom_status: None,
        custom_status_expires_at: None,
        last_seen_at: Some(Timestamp(5)),
        since: Timestamp(5),
        devices: Vec::new(),
        online: true,
        last_seen: Audience::Contacts,
        hides: false,
        again: false,
        otherwise: None,
        at: Timestamp(5),
    };
    world.hub.presence.told(vec![Outbound::Presence { entries: vec![entry] }]);
    let mut texts = std::collections::HashMap::new();
    for viewer in &viewers {
        if let Next::Frame(frame) = viewer.next() {
            let text = frame.payload().text();
            *texts.entry((text.as_ptr(), text.to_owned())).or_insert(0) += 1;
        }
    }
    let mut counts: Vec<_> = texts.values().copied().collect();
    counts.sort_unstable();
    assert_eq!(counts, [25, 50], "contacts and others; one who blocks is told nothing");
    world.life.stop();
}

#[tokio::test(start_paused = true)]
async fn one_who_changes_his_mind_all_the_time_is_told_of_about_once_a_second() {
    let world = world();
    let session = world.enter(1);
    let choose = |status| {
        if session.device.choose(status, Instant::now()) {
            world.hub.presence.line.mark(&session.device);
        }
    };
    for turn in 0..100 {
        let odd = turn % 2 == 1;
        choose(if odd { Status::Online } else { Status::DoNotDisturb });
        sleep(Duration::from_millis(100)).await;
        if turn == 3 {
            assert!(world.told().len() >= 4, "a few are told at once");
        }
    }
    choose(Status::Away);
    sleep(Duration::from_secs(6)).await;
    let told = world.told();
    assert!(told.len() <= 16, "{} in ten seconds", told.len());
    assert_eq!(told.last(), Some(&(user(1), Status::Away)), "the last one counts");

    // That he is there again waits for nothing, nor that he is gone.
    for status in [Status::Online, Status::DoNotDisturb, Status::Online, Status::DoNotDisturb] {
        choose(status);
        sleep(Duration::from_millis(100)).await;
    }
    choose(Status::Away);
    sleep(Duration::from_millis(100)).await;
    choose(Status::Online);
    sleep(Duration::from_millis(100)).await;
    assert_eq!(world.told().last(), Some(&(user(1), Status::Online)));
    for status in [Status::Online, Status::Away, Status::Online, Status::Away, Status::Online] {
        choose(status);
        sleep(Duration::from_millis(100)).await;
    }
    world.hub.leave(&session);
    sleep(Duration::from_millis(100)).await;
    assert_eq!(world.told().last(), Some(&(user(1), Status::Offline)));
    world.life.stop();
}

#[tokio::test(start_paused = true)]
async fn one_who_is_active_is_told_of_once_a_minute_and_one_who_is_not_never() {
    let world = world();
    let (active, _idle) = (world.enter(1), world.enter(2));
    for _ in 0..200 {
        sleep(Duration::from_secs(1)).await;
        world.hub.presence.active(&active);
    }
    let mut told = world.told();
    told.sort_unstable_by_key(|(user, _)| *user);
    let online = |of| (user(of), Status::Online);
    assert_eq!(told, [online(1), online(1), online(1), online(1), online(2)]);
    world.life.stop();
}

#[tokio::test(start_paused = true)]
async fn a_text_waits_until_what_was_said_with_it_is_told_but_not_for_long() {
    let world = world();
    let session = world.enter(1);
    let _follows = session.device.say_text();
    let line = &world.hub.presence.line;
    line.told(&session.device).await;
    assert_eq!(world.told(), [(user(1), Status::Online)]);
    // As long as the log is away.
    world.life.stop();
    sleep(Duration::from_secs(3)).await;
    assert!(session.device.choose(Status::Away, Instant::now()));
    let start = Instant::now();
    line.told(&session.device).await;
    assert_eq!(start.elapsed(), Duration::from_millis(300));
}
