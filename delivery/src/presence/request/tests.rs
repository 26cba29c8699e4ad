//! Texts that are kept, on a clock moved by hand: what is asked of whoever keeps them, and what is told
//! with them.

use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use platform::Platform;
use platform::embedded::LocalEphemeral;
use platform::inbound::{Identity, Inbound, Outcome, Permission, Seen};
use platform::lifecycle::Lifecycle;
use platform::memory::{Faults, MemoryLog, MemoryStore};
use platform::node::Node;
use platform::port::clock::SimClock;
use platform::telemetry::Metrics;
use schemas::envelope::{Content, PresenceCommand, decode};
use schemas::presence::entry::Entry;
use schemas::presence::record::Changed;
use schemas::user::command;
use schemas::user::head::{Audience, Preference};
use schemas::{SessionId, topic};
use serde_json::{Value, json};
use tokio::time::sleep;
use uuid::Uuid;

use super::*;
use crate::Config;

const NOW: Timestamp = Timestamp(1_000_000);

/// Keeps what its one user decides.
#[derive(Default)]
struct Keeper {
    kept: Mutex<Preference>,
    /// What was to be kept.
    said: Mutex<Vec<String>>,
    /// What becomes of the next.
    fate: Mutex<Option<Code>>,
    reads: AtomicUsize,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    #[serde(default)]
    custom_status: Patch<String>,
    #[serde(default)]
    custom_status_expires_at: Patch<Timestamp>,
}

#[async_trait::async_trait]
impl Inbound for Keeper {
    fn authenticate(&self, _: &str) -> Result<Identity, ApiError> {
        unreachable!("nobody shows a token")
    }

    async fn accept(
        &self,
        _: &Identity,
        kind: &str,
        data: Option<&RawValue>,
    ) -> Result<Outcome, ApiError> {
        assert_eq!(kind, SET);
        let text = data.unwrap().get();
        self.said.lock().push(text.to_owned());
        let Said { custom_status, custom_status_expires_at } = serde_json::from_str(text).unwrap();
        if custom_status_expires_at.value().is_some_and(|until| *until <= NOW) {
            return Err(invalid("a time to come"));
        }
        match self.fate.lock().take() {
            Some(Code::OutcomeUnknown) => {
                return Ok(async { Err(ApiError::new(Code::OutcomeUnknown, "lost")) }.boxed());
            }
            Some(code) => return Err(ApiError::new(code, "refused")),
            None => {}
        }
        let change = command::Presence {
            custom_status,
            custom_until: custom_status_expires_at,
            ..command::Presence::default()
        };
        let mut kept = self.kept.lock();
        *kept = kept.after(&change, NOW);
        Ok(async { Ok(Bytes::new()) }.boxed())
    }

    async fn charge(&self, _: &Identity, _: &str) -> Result<(), ApiError> {
        Ok(())
    }

    async fn presence(&self, _: UserId, of: &[UserId]) -> Result<Vec<Seen>, ApiError> {
        self.reads.fetch_add(1, Ordering::SeqCst);
        let kept = self.kept.lock().clone();
        let seen = |user: &UserId| {
            let entry = Some(entry(*user, kept.clone()));
            Seen { user: *user, permission: Permission::default(), entry }
        };
        Ok(of.iter().map(seen).collect())
    }
}

fn entry(user: UserId, kept: Preference) -> Entry {
    Entry {
        user_id: user,
        version: 1,
        status: Status::Online,
        custom_status: kept.custom_status,
        custom_status_expires_at: kept.custom_until,
        last_seen_at: None,
        since: NOW,
        devices: Vec::new(),
        online: true,
        last_seen: Audience::Everyone,
        hides: false,
        again: false,
        otherwise: None,
        at: NOW,
    }
}

struct World {
    delivery: Arc<Delivery>,
    keeper: Arc<Keeper>,
    log: MemoryLog,
}

async fn world() -> World {
    let clock = Arc::new(SimClock::at(NOW));
    let log = MemoryLog::new(clock.clone(), Faults::default());
    let platform = Platform {
        log: Arc::new(log.clone()),
        store: Arc::new(MemoryStore::new(Faults::default())),
        ephemeral: Arc::new(LocalEphemeral::new(clock.clone())),
        clock,
        metrics: Metrics::new(),
    };
    let (life, keeper) = (Lifecycle::new(), Arc::new(Keeper::default()));
    let node = Node::start(&platform, &life).await.unwrap();
    let delivery = Delivery::start(&platform, node, keeper.clone(), &life, Config::default());
    World { delivery, keeper, log }
}

fn raw(data: &Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(data).unwrap()
}

fn text(text: &str) -> Value {
    json!({ "customStatus": text })
}

impl World {
    /// A socket of the one user, of which others have been told.
    async fn enter(&self) -> Arc<Session> {
        let who = Identity {
            user: UserId(Uuid::from_u128(1)),
            session: SessionId(Uuid::from_u128(1)),
            expires_at: Timestamp(0),
        };
        let hub = &self.delivery.hub;
        let session = hub.enter(who, |_| {}).unwrap();
        hub.presence.came(&session);
        sleep(Duration::from_millis(200)).await;
        assert!(session.device.is_told());
        session
    }

    fn begin(&self, session: &Arc<Session>, data: &Value) -> Answer {
        request(&self.delivery, session, UPDATE, Some(&raw(data))).unwrap()
    }

    async fn say(&self, session: &Arc<Session>, data: &Value) -> Result<(), Code> {
        self.begin(session, data).await.map(drop).map_err(|error| error.code)
    }

    fn said(&self) -> Vec<String> {
        std::mem::take(&mut self.keeper.said.lock())
    }

    fn told(&self) -> Vec<Changed> {
        let records = self.log.records(&topic::PRESENCE).into_iter();
        let changed = |value: &[u8]| match decode::<PresenceCommand>(value).unwrap().1 {
            Content::Known(PresenceCommand::Device(changed)) => Some(changed),
            _ => None,
        };
        records.filter_map(|record| changed(&record.value)).collect()
    }
}

fn repeated(session: &Session, data: &Value) -> bool {
    repeats(session, UPDATE, Some(&raw(data)))
}

#[tokio::test(start_paused = true)]
async fn that_he_says_nothing_is_free_however_it_is_said() {
    let end = (NOW.plus_ms(60_000), NOW.plus_ms(90_000));
    let nothing = [
        json!({ "status": "online", "customStatus": "" }),
        text(&" ".repeat(500)),
        json!({ "customStatus": null, "customStatusExpiresAt": end.0 }),
        json!({ "customStatusExpiresAt": end.1 }),
        json!({ "customStatusExpiresAt": null }),
    ];
    let world = world().await;
    for data in &nothing {
        let session = world.enter().await;
        world.say(&session, data).await.unwrap();
        for _ in 0..20 {
            assert!(repeated(&session, data), "{data}");
            world.say(&session, data).await.unwrap();
        }
        assert_eq!(world.said(), [""; 0], "{data}");
    }
    // Where something stands it is said once.
    let session = world.enter().await;
    for data in &nothing[..3] {
        world.say(&session, &text("lunch")).await.unwrap();
        for _ in 0..20 {
            world.say(&session, data).await.unwrap();
            assert!(repeated(&session, data), "{data}");
        }
        assert_eq!(world.said().len(), 2, "{data}");
    }
    let later = json!({ "customStatus": null, "customStatusExpiresAt": end.1 });
    assert!(repeated(&session, &later), "an end of nothing");
    // What is wrong is not taken for nothing.
    let past = json!({ "customStatus": null, "customStatusExpiresAt": NOW });
    assert_eq!(world.say(&session, &past).await, Err(Code::ValidationFailed));
    assert!(!repeated(&session, &past));
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_leaves_no_doubt_and_what_may_stand_yet_does() {
    let world = world().await;
    let session = world.enter().await;
    let fate = |code| *world.keeper.fate.lock() = Some(code);
    let (a, b) = (text("a"), text("b"));
    world.say(&session, &a).await.unwrap();
    for code in [Code::RateLimited, Code::ValidationFailed, Code::Overloaded] {
        fate(code);
        assert_eq!(world.say(&session, &b).await, Err(code));
        assert!(!repeated(&session, &b));
        world.said();
        world.say(&session, &a).await.unwrap();
        assert_eq!(world.said(), [""; 0], "it stands");
        assert!(repeated(&session, &a));
    }
    fate(Code::OutcomeUnknown);
    assert_eq!(world.say(&session, &b).await, Err(Code::OutcomeUnknown));
    fate(Code::RateLimited);
    assert_eq!(world.say(&session, &a).await, Err(Code::RateLimited));
    world.said();
    world.say(&session, &a).await.unwrap();
    assert_eq!(world.said(), [a.to_string()], "the one of before may be kept yet");
}

#[tokio::test(start_paused = true)]
async fn what_is_said_with_a_text_is_told_before_it_and_tells_of_it() {
    let world = world().await;
    let session = world.enter().await;
    let data = |status, text| json!({ "status": status, "customStatus": text });
    let both = [data("away", "lunch"), data("do_not_disturb", "focus"), data("online", "focus")];
    for (told, said) in both.iter().enumerate() {
        world.say(&session, said).await.unwrap();
        if told < 2 {
            assert_eq!(world.told().len(), told + 2, "by the answer");
        }
    }
    sleep(Duration::from_millis(200)).await;
    let follows: Vec<_> = world.told().iter().map(|changed| changed.text_follows).collect();
    assert_eq!(follows, [false, true, true, false], "the last text is not new");
}

#[tokio::test(start_paused = true)]
async fn a_text_follows_until_it_has_come_and_not_until_the_one_before_it_has() {
    let world = world().await;
    let (one, two) = (world.enter().await, world.enter().await);
    world.say(&one, &text("lunch")).await.unwrap();
    // It stands already, which the other socket does not know.
    let again = json!({ "status": "away", "customStatus": "lunch" });
    world.say(&two, &again).await.unwrap();
    assert!(!two.device.text_follows());
    sleep(Duration::from_millis(200)).await;
    world.say(&two, &json!({ "status": "online" })).await.unwrap();
    sleep(Duration::from_millis(200)).await;
    assert!(world.told().iter().all(|changed| !changed.text_follows));

    let both = [("away", "sleep"), ("do_not_disturb", "focus")];
    let [first, second] = both.map(|(status, text)| {
        world.begin(&one, &json!({ "status": status, "customStatus": text }))
    });
    first.await.unwrap();
    assert!(one.device.text_follows(), "the second");
    second.await.unwrap();
    assert!(!one.device.text_follows());
    // One that is never waited for comes no more.
    drop(world.begin(&one, &json!({ "status": "away", "customStatus": "x" })));
    assert!(!one.device.text_follows());
}
