//! Where frames go when routes can be read, can not be, or may be missing some (G-20).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use platform::memory::{Faults, MemoryLog, MemoryStore};
use platform::partition::{Failure, Handler};
use platform::port::clock::SystemClock;
use platform::port::ephemeral::{Ephemeral, Note, Quota, Route, Unavailable, Verdict};
use platform::port::log::Record;
use platform::telemetry::Metrics;
use platform::{Log as _, Platform};
use schemas::envelope::{self, Meta, UserCommand};
use schemas::event::{self, Event};
use schemas::outbound::{self, Outbound};
use schemas::topic::{EVENTS, Headers, OUTBOUND, SIGNALS, Topic, USERS, header};
use schemas::user::command::{ConversationAdded, Create};
use schemas::{CommandId, ConversationId, InstanceId, Position, Timestamp, UserId};
use serde_json::value::RawValue;
use uuid::Uuid;
use workers::fanout::Fanout;
use workers::feed::Feed;
use workers::fold::shell::Shell;
use workers::signals::Signals;

const ALICE: UserId = UserId(Uuid::from_u128(1));
const BOB: UserId = UserId(Uuid::from_u128(2));
const CONVERSATION: ConversationId = ConversationId(Uuid::from_u128(9));
/// It is routed as a whole, and has members on the first node.
const LARGE: ConversationId = ConversationId(Uuid::from_u128(10));
const NODES: [InstanceId; 2] =
    [InstanceId(Uuid::from_u128(0x71)), InstanceId(Uuid::from_u128(0x72))];

/// Alice has sockets on both nodes, Bob on the second.
#[derive(Default)]
struct Known {
    away: AtomicBool,
    suspect: AtomicBool,
    asked: AtomicUsize,
}

#[async_trait]
impl Ephemeral for Known {
    async fn announce(&self, _: InstanceId, _: &[Route], _: Duration) -> Result<(), Unavailable> {
        Ok(())
    }
    async fn withdraw(&self, _: InstanceId, _: &[Route]) -> Result<(), Unavailable> {
        Ok(())
    }
    async fn routes(&self, routes: &[Route]) -> Result<Vec<Vec<InstanceId>>, Unavailable> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.away.load(Ordering::SeqCst) {
            return Err(Unavailable("planted".to_owned()));
        }
        let nodes = |route: &Route| match route {
            Route::User(ALICE) => NODES.to_vec(),
            Route::User(BOB) => vec![NODES[1]],
            Route::Conversation(LARGE) => vec![NODES[0]],
            _ => Vec::new(),
        };
        Ok(routes.iter().map(nodes).collect())
    }
    fn suspect(&self) -> bool {
        self.suspect.load(Ordering::SeqCst)
    }
    async fn take(&self, _: &str, _: Quota) -> Result<Verdict, Unavailable> {
        Err(Unavailable("not asked".to_owned()))
    }
    async fn note(&self, _: &str, _: &[Note]) -> Result<(), Unavailable> {
        Err(Unavailable("not asked".to_owned()))
    }
    async fn noted(&self, _: &str, _: &[Uuid]) -> Result<Vec<Option<Bytes>>, Unavailable> {
        Err(Unavailable("not asked".to_owned()))
    }
    async fn board(&self, _: &str) -> Result<Vec<(Uuid, Bytes)>, Unavailable> {
        Err(Unavailable("not asked".to_owned()))
    }
}

struct World {
    known: Arc<Known>,
    log: MemoryLog,
    platform: Platform,
}

fn world() -> World {
    let known = Arc::new(Known::default());
    let clock = Arc::new(SystemClock);
    let log = MemoryLog::new(clock.clone(), Faults::default());
    let platform = Platform {
        log: Arc::new(log.clone()),
        store: Arc::new(MemoryStore::new(Faults::default())),
        ephemeral: known.clone(),
        clock,
        metrics: Metrics::new(),
    };
    World { known, log, platform }
}

impl World {
    /// The records of `chat.outbound`: partition, node, audience or user, in the order of partitions.
    async fn outbound(&self) -> Vec<(u32, Option<InstanceId>, Outbound)> {
        let mut found = Vec::new();
        for partition in 0..self.log.partitions(&OUTBOUND) {
            let state = self.log.describe(&OUTBOUND).await.unwrap();
            let end = state.iter().find(|state| state.partition == partition).unwrap().end;
            let start = platform::port::log::Start::Earliest;
            let mut tail = self.log.tail(&OUTBOUND, vec![partition], start).await.unwrap();
            let mut read = 0;
            while read < end {
                for record in tail.next().await.unwrap() {
                    read += 1;
                    let to = Outbound::to(&record.headers);
                    let content = Outbound::read(&record.headers, record.value).unwrap();
                    found.push((partition, to, content));
                }
            }
        }
        found
    }

    /// Fans two events out, of the audiences given, in one batch.
    async fn fan_out(&self, audiences: [&[UserId]; 2]) {
        let records: Vec<Record> =
            (1..).zip(audiences).map(|(rev, to)| happened(rev, to)).collect();
        Fanout::new(self.platform.clone()).handle(&mut (), &records).await.unwrap();
    }

    /// Makes Alice and tells her of a conversation.
    async fn add(&self) {
        let shell = Shell::<Feed>::new(self.platform.clone());
        let mut lane = shell.open(ALICE.0.as_u128(), 0);
        let create = UserCommand::Create(Create {
            user_id: ALICE,
            profile: serde_json::from_str(r#"{"username":"alice","email":"a@example.org"}"#)
                .unwrap(),
            valid_until: None,
        });
        let added = UserCommand::ConversationAdded(ConversationAdded {
            user_id: ALICE,
            conversation_id: CONVERSATION,
            rev: 1,
            conversation: RawValue::from_string("{}".to_owned()).unwrap(),
        });
        let records = [command(0, &create), command(1, &added)];
        shell.handle(&mut lane, &records).await.unwrap();
    }
}

fn record(topic: &'static Topic, offset: u64, headers: Headers, value: Bytes) -> Record {
    let position = Position { epoch: 1, partition: 0, offset };
    Record { topic, position, appended_at: Timestamp(1), key: Bytes::new(), headers, value }
}

fn happened(rev: i64, audience: &[UserId]) -> Record {
    let event = Event {
        kind: "message.created".to_owned(),
        conversation: CONVERSATION,
        rev,
        seq: Some(rev),
        at: Timestamp(1),
        audience: event::pack(audience),
        left: Bytes::new(),
        flip: false,
        payload: Bytes::from_static(b"{}"),
    };
    let offset = u64::try_from(rev).unwrap();
    record(&EVENTS, offset, event.headers(), event.payload.clone())
}

fn command(offset: u64, command: &UserCommand) -> Record {
    let meta = Meta {
        id: CommandId(Uuid::from_u128(u128::from(offset) + 100)),
        actor: ALICE,
        at: Timestamp(1),
        reply_to: None,
        trace: None,
        once: None,
    };
    record(&USERS, offset, Vec::new(), envelope::encode(&meta, command).unwrap())
}

fn audience(outbound: &Outbound) -> Vec<UserId> {
    match outbound {
        Outbound::Event { audience, .. } => event::unpack(audience).collect(),
        Outbound::Feed { user, .. } => vec![*user],
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_event_goes_once_to_each_node_of_its_audience_with_one_look_up() {
    let world = world();
    world.fan_out([&[ALICE, BOB], &[BOB]]).await;
    let found = world.outbound().await;
    let mut to: Vec<_> = found.iter().map(|(_, to, _)| to.unwrap()).collect();
    to.sort_unstable();
    assert_eq!(to, [NODES[0], NODES[1], NODES[1]]);
    assert!(found.iter().all(|(partition, ..)| *partition != outbound::EVERYONE));
    assert_eq!(world.known.asked.load(Ordering::SeqCst), 1);
    assert_eq!(world.platform.metrics.broadcasts.get(), 0);
}

#[tokio::test]
async fn an_event_whose_routes_can_not_be_read_or_trusted_goes_once_to_every_node() {
    for suspect in [false, true] {
        let world = world();
        world.known.away.store(!suspect, Ordering::SeqCst);
        world.known.suspect.store(suspect, Ordering::SeqCst);
        world.fan_out([&[ALICE, BOB], &[BOB]]).await;
        let found = world.outbound().await;
        let told: Vec<_> = found.iter().map(|(at, to, of)| (*at, *to, audience(of))).collect();
        let everyone = outbound::EVERYONE;
        assert_eq!(told, [(everyone, None, vec![ALICE, BOB]), (everyone, None, vec![BOB])]);
        assert_eq!(world.platform.metrics.broadcasts.get(), 2);
    }
}

#[tokio::test]
async fn an_entry_of_a_feed_goes_to_the_users_nodes() {
    let world = world();
    world.add().await;
    let found = world.outbound().await;
    let mut to: Vec<_> = found.iter().map(|(_, to, _)| to.unwrap()).collect();
    to.sort_unstable();
    assert_eq!(to, NODES);
}

#[tokio::test]
async fn an_entry_of_a_feed_whose_routes_can_not_be_read_or_trusted_goes_once_to_every_node() {
    for suspect in [false, true] {
        let world = world();
        world.known.away.store(!suspect, Ordering::SeqCst);
        world.known.suspect.store(suspect, Ordering::SeqCst);
        world.add().await;
        let found = world.outbound().await;
        let told: Vec<_> = found.iter().map(|(at, to, of)| (*at, *to, audience(of))).collect();
        assert_eq!(told, [(outbound::EVERYONE, None, vec![ALICE])]);
    }
}

/// Somebody types, or does so no more; a notice of a call; a receipt.
fn signals() -> Vec<Outbound> {
    let (to, frame) = (event::pack(&[ALICE, BOB]), Bytes::from_static(b"{}"));
    let typing = |until| Outbound::Typing {
        conversation: CONVERSATION,
        user: ALICE,
        until,
        audience: to.clone(),
        except: Bytes::new(),
        frame: frame.clone(),
    };
    let notice = Outbound::Notice { audience: event::pack(&[BOB]), frame: frame.clone() };
    vec![typing(Some(Timestamp(10_000))), typing(None), notice.clone(), notice]
}

#[tokio::test]
async fn a_signal_goes_once_to_each_node_of_its_audience_as_it_is() {
    let world = world();
    let told = signals();
    let mut records: Vec<Record> = (0..)
        .zip(&told)
        .map(|(offset, signal)| {
            let (headers, value) = signal.write(None);
            record(&SIGNALS, offset, headers, value)
        })
        .collect();
    // A receipt says no more than whom it is for.
    records[3].headers.retain(|(name, _)| *name == header::AUDIENCE);
    Signals::new(world.platform.clone()).handle(&mut (), &records).await.unwrap();
    let found = world.outbound().await;
    let of = |node| {
        let found = found.iter().filter(|(_, to, _)| *to == Some(node));
        found.map(|(.., signal)| signal.clone()).collect::<Vec<_>>()
    };
    assert_eq!(of(NODES[0]), told[..2], "who types is told before he does so no more");
    assert_eq!(of(NODES[1]), told);
    assert_eq!(found.len(), 6);
    assert_eq!(world.known.asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn who_types_where_a_conversation_is_routed_as_a_whole_goes_by_its_route() {
    let world = world();
    let signal = Outbound::Typing {
        conversation: LARGE,
        user: ALICE,
        until: Some(Timestamp(10_000)),
        audience: Bytes::new(),
        except: event::pack(&[BOB]),
        frame: Bytes::from_static(b"{}"),
    };
    let (headers, value) = signal.write(None);
    let records = [record(&SIGNALS, 0, headers, value)];
    Signals::new(world.platform.clone()).handle(&mut (), &records).await.unwrap();
    let found = world.outbound().await;
    let to: Vec<_> = found.into_iter().map(|(_, to, told)| (to, told)).collect();
    assert_eq!(to, [(Some(NODES[0]), signal)]);
}

#[tokio::test]
async fn what_is_no_signal_is_nobodys() {
    let event = Outbound::Event {
        conversation: CONVERSATION,
        rev: 1,
        audience: event::pack(&[ALICE]),
        left: Bytes::new(),
        flip: false,
        frame: Bytes::from_static(b"{}"),
    };
    let (headers, value) = event.write(None);
    let audience = (header::AUDIENCE, event::pack(&[ALICE]));
    let unknown = vec![(header::KIND, Bytes::from_static(&[255])), audience];
    for headers in [headers, unknown, Vec::new()] {
        let world = world();
        let records = [record(&SIGNALS, 7, headers, value.clone())];
        let outcome = Signals::new(world.platform.clone()).handle(&mut (), &records).await;
        assert!(matches!(outcome, Err(Failure::Poison { offset: 7, .. })), "{outcome:?}");
        assert_eq!(world.outbound().await, []);
    }
}
