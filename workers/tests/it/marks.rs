//! Receipts and forwarding, on the pools as they run.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use platform::Platform;
use platform::embedded::LocalEphemeral;
use platform::lifecycle::Lifecycle;
use platform::memory::{Faults, MemoryLog, MemoryStore};
use platform::port::clock::SystemClock;
use platform::port::ephemeral::Route;
use platform::port::log::{Append, Budget, Start, Tail};
use platform::port::store::{get_one, scan};
use platform::telemetry::Metrics;
use schemas::envelope::{self, Commands, ConversationCommand, Meta, ReceiptCommand, UserCommand};
use schemas::message::command::{Forward, ForwardTarget, Send};
use schemas::message::table::MessageBySeq;
use schemas::outbound::{Outbound, Reply};
use schemas::receipt::Kind;
use schemas::receipt::command::Mark;
use schemas::receipt::table::ReadMarker;
use schemas::topic::{COMMANDS, OUTBOUND, RECEIPTS, SIGNALS, Topic, USERS, header};
use schemas::{
    CommandId, ConversationId, InstanceId, MessageId, Timestamp, UserId, conversation, event,
    outbound, partition,
};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::sim::{snapshot, user};

/// Longest wait for what would otherwise never come.
const SOON: Duration = Duration::from_secs(30);

struct World {
    platform: Platform,
    node: InstanceId,
    outbound: Box<dyn Tail>,
    /// Read, and not yet asked for.
    kept: Vec<Outbound>,
    life: Lifecycle,
    commands: u128,
}

impl World {
    async fn new() -> Self {
        let (clock, faults) = (Arc::new(SystemClock), Faults::default());
        let log = MemoryLog::new(clock.clone(), faults.clone());
        let platform = Platform {
            log: Arc::new(log),
            store: Arc::new(MemoryStore::new(faults)),
            ephemeral: Arc::new(LocalEphemeral::new(clock.clone())),
            clock,
            metrics: Metrics::new(),
        };
        let node = InstanceId(Uuid::from_u128(0xf1));
        let routes: Vec<Route> = (0..3).map(|n| Route::User(user(n))).collect();
        platform.ephemeral.announce(node, &routes, Duration::from_mins(1)).await.unwrap();
        let own = outbound::partition_of(node, platform.log.partitions(&OUTBOUND));
        let outbound = platform.log.tail(&OUTBOUND, vec![own], Start::Latest).await.unwrap();
        let life = Lifecycle::new();
        workers::start(&workers::NAMES, &platform, &life).unwrap();
        Self { platform, node, outbound, kept: Vec::new(), life, commands: 0 }
    }

    async fn put<C: Commands>(
        &mut self,
        topic: &'static Topic,
        key: Uuid,
        actor: UserId,
        command: &C,
    ) -> CommandId {
        self.commands += 1;
        let meta = Meta {
            id: CommandId(Uuid::from_u128(0xd000 + self.commands)),
            actor,
            at: Timestamp(0),
            reply_to: Some(self.node),
            trace: None,
            once: None,
        };
        self.append(topic, key, &meta, command).await;
        meta.id
    }

    async fn append<C: Commands>(
        &self,
        topic: &'static Topic,
        key: Uuid,
        meta: &Meta,
        command: &C,
    ) {
        let key = Bytes::from(key.to_string());
        let record = Append {
            topic,
            partition: partition::of(&key, self.platform.log.partitions(topic)),
            key,
            headers: Vec::new(),
            value: envelope::encode(meta, command).unwrap(),
        };
        self.platform.log.append(Budget::Ingest, vec![record]).await.unwrap();
    }

    /// Takes the next outbound record for which `wanted` has something to say.
    async fn next<T>(&mut self, wanted: impl Fn(Outbound) -> Option<T>) -> T {
        let found = async {
            loop {
                for at in 0..self.kept.len() {
                    if let Some(found) = wanted(self.kept[at].clone()) {
                        self.kept.remove(at);
                        return found;
                    }
                }
                for record in self.outbound.next().await.unwrap() {
                    self.kept.push(Outbound::read(&record.headers, record.value).unwrap());
                }
            }
        };
        tokio::time::timeout(SOON, found).await.expect("it comes")
    }

    async fn reply(&mut self, command: CommandId) -> Reply {
        self.next(|outbound| match outbound {
            Outbound::Reply { command: of, reply } if of == command => Some(reply),
            _ => None,
        })
        .await
    }

    async fn open(&mut self, a: u8, b: u8) -> ConversationId {
        let id = ConversationId::direct(user(a), user(b));
        let command = ConversationCommand::Create(conversation::command::Create {
            conversation_id: id,
            kind: conversation::head::Kind::Direct,
            members: vec![snapshot(a), snapshot(b)],
            settings: conversation::head::Settings::default(),
        });
        let command = self.put(&COMMANDS, id.0, user(a), &command).await;
        assert!(matches!(self.reply(command).await, Reply::Done { .. }));
        id
    }

    async fn say(&mut self, conversation_id: ConversationId, sender: u8, content: &str) {
        let command = ConversationCommand::Send(Send {
            conversation_id,
            message_id: MessageId(Uuid::from_u128(0xe000 + self.commands)),
            client_message_id: None,
            retryable: false,
            message_type: "text".to_owned(),
            content: content.to_owned(),
            metadata: None,
            reply_to: None,
            sender: snapshot(sender),
        });
        let command = self.put(&COMMANDS, conversation_id.0, user(sender), &command).await;
        assert!(matches!(self.reply(command).await, Reply::Done { .. }));
    }

    async fn mark(&mut self, of: ConversationId, who: u8, kind: Kind, seq: i64, private: bool) {
        let mark = Mark { conversation_id: of, kind, seq, n: seq, message_id: None, private };
        let command = ReceiptCommand::Mark(mark);
        let command = self.put(&RECEIPTS, of.0, user(who), &command).await;
        assert!(matches!(self.reply(command).await, Reply::Done { .. }));
    }

    async fn marker(&self, of: ConversationId, who: u8) -> ReadMarker {
        let get = ReadMarker::get(of, user(who));
        get_one(&*self.platform.store, get).await.unwrap().expect("it is there")
    }

    async fn contents(&self, of: ConversationId) -> Vec<String> {
        let rows = scan(&*self.platform.store, MessageBySeq::page_up(of, 1, 100, 100)).await;
        let content = |row: &MessageBySeq| {
            let view: schemas::message::view::Message<'_> =
                serde_json::from_slice(&row.body).unwrap();
            view.content.into_owned()
        };
        rows.unwrap().iter().map(content).collect()
    }
}

fn notice(outbound: Outbound) -> Option<(Vec<UserId>, serde_json::Value)> {
    match outbound {
        Outbound::Notice { audience, frame } => {
            Some((event::unpack(&audience).collect(), serde_json::from_slice(&frame).unwrap()))
        }
        _ => None,
    }
}

#[tokio::test]
async fn what_is_read_is_told_to_its_authors_and_the_readers_own_devices() {
    let mut world = World::new().await;
    let of = world.open(0, 1).await;
    world.say(of, 0, "one").await;
    world.say(of, 0, "two").await;
    world.mark(of, 1, Kind::Delivered, 1, false).await;
    let (audience, frame) = world.next(notice).await;
    assert_eq!(audience, [user(0)]);
    assert_eq!((&frame["data"]["kind"], &frame["data"]["seq"]), (&"delivered".into(), &1.into()));
    world.mark(of, 1, Kind::Read, 2, false).await;
    let (mut audience, frame) = world.next(notice).await;
    audience.sort_unstable();
    assert_eq!(audience, [user(0), user(1)]);
    assert_eq!(frame["type"], "receipt");
    assert_eq!(frame["conversationId"], of.to_string());
    assert_eq!(frame["data"]["userId"], user(1).to_string());
    let row = world.marker(of, 1).await;
    assert_eq!((row.read_seq, row.read_n, row.delivered_seq), (2, 2, 2));

    // Backwards is nowhere: the row stays, and nobody is told.
    world.mark(of, 1, Kind::Read, 1, false).await;
    assert_eq!(world.marker(of, 1).await, row);
    world.say(of, 0, "three").await;
    world.mark(of, 1, Kind::Read, 3, true).await;
    let (audience, frame) = world.next(notice).await;
    assert_eq!(audience, [user(1)], "who hides what he reads is told alone");
    assert_eq!(frame["data"]["seq"], 3);
    assert_eq!(world.marker(of, 1).await.private, Some(true));
    world.life.stop();
}

#[tokio::test]
async fn signals_that_were_forgotten_before_they_were_read_stop_nobody() {
    let (clock, faults) = (Arc::new(SystemClock), Faults::default());
    let platform = Platform {
        log: Arc::new(MemoryLog::new(clock.clone(), faults.clone())),
        store: Arc::new(MemoryStore::new(faults)),
        ephemeral: Arc::new(LocalEphemeral::new(clock.clone())),
        clock,
        metrics: Metrics::new(),
    };
    // More than the ring of a partition keeps, and nobody reads.
    for _ in 0..10 {
        let signals = (0..500).map(|_| Append {
            topic: &SIGNALS,
            partition: 0,
            key: Bytes::new(),
            headers: vec![(header::AUDIENCE, event::pack(&[user(0)]))],
            value: Bytes::from_static(b"{}"),
        });
        platform.log.append(Budget::Worker, signals.collect()).await.unwrap();
    }
    let state = platform.log.describe(&SIGNALS).await.unwrap()[0];
    assert!(state.first > 0, "{state:?}");
    let life = Lifecycle::new();
    let progress = workers::start(&["signals"], &platform, &life).unwrap();
    let end = [(0, state.end)];
    let caught_up = progress["signals"].reached(&end);
    tokio::time::timeout(SOON, caught_up).await.expect("it goes on");
    life.stop();
    assert_eq!(life.drained(SOON).await, Vec::<&str>::new());
}

#[tokio::test]
async fn a_message_is_forwarded_once_to_each_conversation_however_often_the_request_is_read() {
    let mut world = World::new().await;
    let (first, second, third) =
        (world.open(0, 1).await, world.open(0, 2).await, world.open(1, 2).await);
    let target = |conversation_id: ConversationId, n: u128| ForwardTarget {
        conversation_id,
        message_id: MessageId(Uuid::from_u128(0xf000 + n)),
        command_id: CommandId(Uuid::from_u128(0xf100 + n)),
    };
    let forward = UserCommand::Forward(Forward {
        user_id: user(0),
        targets: vec![target(first, 1), target(second, 2), target(third, 3)],
        message_type: "text".to_owned(),
        content: "hear, hear".to_owned(),
        metadata: RawValue::from_string(r#"{"forwarded":true}"#.to_owned()).unwrap(),
        sender: snapshot(0),
        retryable: false,
    });
    let mut outcomes = Vec::new();
    for round in 0..2 {
        let meta = Meta {
            id: CommandId(Uuid::from_u128(0xf200)),
            actor: user(0),
            at: Timestamp(0),
            reply_to: Some(world.node),
            trace: None,
            once: None,
        };
        world.append(&USERS, user(0).0, &meta, &forward).await;
        let mut replies = Vec::new();
        while replies.len() < 3 {
            let one = world.next(|outbound| match outbound {
                Outbound::Reply { command, reply } => Some((command, reply)),
                _ => None,
            });
            replies.push(one.await);
        }
        replies.sort_by_key(|(command, _)| *command);
        outcomes.push(replies);
        for of in [first, second] {
            assert_eq!(world.contents(of).await, ["hear, hear"], "round {round}");
        }
        assert_eq!(world.contents(third).await, Vec::<String>::new(), "he is not in it");
    }
    let kinds = |replies: &[(CommandId, Reply)]| -> Vec<&'static str> {
        let kind = |reply: &Reply| match reply {
            Reply::Done { .. } => "done",
            Reply::Before(_) => "before",
            Reply::Rejected(error) => error.code.text(),
        };
        replies.iter().map(|(_, reply)| kind(reply)).collect()
    };
    assert_eq!(kinds(&outcomes[0]), ["done", "done", "not_member"]);
    assert_eq!(kinds(&outcomes[1]), ["before", "before", "not_member"]);
    world.life.stop();
}
