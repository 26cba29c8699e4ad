//! Whom sockets believe to be typing, and until when: on a clock that tests move.

use platform::Platform;
use platform::embedded::LocalEphemeral;
use platform::inbound::Identity;
use platform::lifecycle::Lifecycle;
use platform::memory::{Fault, Faults, MemoryLog, MemoryStore};
use platform::node::Sink as _;
use platform::port::clock::SimClock;
use platform::telemetry::Metrics;
use schemas::SessionId;
use schemas::outbound::Outbound;
use schemas::typing::view::Typing;
use serde_json::Value;
use uuid::Uuid;

use super::*;
use crate::session::{Next, Session};

fn key(user: u128) -> Key {
    (ConversationId(Uuid::from_u128(1)), UserId(Uuid::from_u128(user)))
}

fn shown(ends: Instant) -> Shown {
    Shown { ends, audience: Audience::Users(Bytes::new()), frame: Frame::from(String::new()) }
}

fn dues(table: &mut Table, now: Instant) -> Vec<Key> {
    std::iter::from_fn(|| table.due(now).map(|(key, _)| key)).collect()
}

#[test]
fn typing_ends_when_its_last_record_says() {
    let (mut table, start) = (Table::default(), Instant::now());
    let at = |ms| start + Duration::from_millis(ms);
    assert_eq!(table.types(key(1), shown(at(10_000))), News::Begins);
    assert_eq!(table.types(key(2), shown(at(11_000))), News::Begins);
    assert_eq!(table.types(key(1), shown(at(13_000))), News::GoesOn);
    assert_eq!(table.types(key(1), shown(at(12_000))), News::GoesOn, "one that came late");
    assert_eq!(table.next(), Some(at(11_000)));
    assert_eq!(dues(&mut table, at(12_999)), [key(2)]);
    assert_eq!(dues(&mut table, at(13_000)), [key(1)]);
    assert_eq!((dues(&mut table, at(99_000)), table.next()), (vec![], None));
    assert_eq!(table.types(key(1), shown(at(30_000))), News::Begins);
}

#[test]
fn a_stop_is_told_once_and_only_of_what_was_told() {
    let (mut table, now) = (Table::default(), Instant::now());
    assert!(table.stops(key(1)).is_none());
    table.types(key(1), shown(now));
    assert!(table.stops(key(1)).is_some());
    assert!(table.stops(key(1)).is_none());
    assert_eq!(dues(&mut table, now), []);
    table.types(key(1), shown(now));
    assert_eq!(dues(&mut table, now), [key(1)]);
    assert!(table.stops(key(1)).is_none(), "its end was told");
}

#[test]
fn whose_end_could_not_be_told_is_not_told_at_all() {
    let (mut table, now) = (Table::default(), Instant::now());
    let mut users = 0..;
    for user in users.by_ref().take(KEPT) {
        assert_eq!(table.types(key(user), shown(now)), News::Begins);
    }
    let one_more = key(users.next().unwrap());
    assert_eq!(table.types(one_more, shown(now)), News::TooMany);
    assert_eq!(table.types(key(0), shown(now)), News::GoesOn);
    assert_eq!((table.shown.len(), table.ends.len(), table.typers.len()), (KEPT, KEPT, KEPT));
    table.stops(key(0));
    assert_eq!(table.types(one_more, shown(now)), News::Begins);
}

#[test]
fn of_a_crowd_the_first_are_shown_and_another_when_one_of_them_ends() {
    let (mut table, now) = (Table::default(), Instant::now());
    let room = || Shown { audience: Audience::room(std::iter::empty()), ..shown(now) };
    let mut users = 0..;
    for user in users.by_ref().take(limits::TYPING_SHOWN) {
        assert_eq!(table.types(key(user), room()), News::Begins);
    }
    let one_more = key(users.next().unwrap());
    assert_eq!(table.types(one_more, room()), News::TooMany);
    assert_eq!(table.types(key(0), room()), News::GoesOn);
    let elsewhere = (ConversationId(Uuid::from_u128(2)), key(0).1);
    assert_eq!(table.types(elsewhere, room()), News::Begins, "another room");
    table.stops(key(0));
    assert_eq!(table.types(one_more, room()), News::Begins);
    assert_eq!(dues(&mut table, now).len(), limits::TYPING_SHOWN + 1);
    assert!(table.rooms.is_empty());
}

#[test]
fn it_is_known_where_somebody_types_until_he_does_no_more() {
    let (mut table, now) = (Table::default(), Instant::now());
    let at = |talk, user| (ConversationId(Uuid::from_u128(talk)), key(user).1);
    for key in [at(7, 2), at(1, 2), at(5, 1), at(3, 3), at(1, 2)] {
        table.types(key, shown(now));
    }
    assert_eq!(table.of(key(2).1), [at(1, 2), at(7, 2)]);
    assert_eq!(table.of(key(4).1), []);
    table.stops(at(1, 2));
    assert_eq!(table.of(key(2).1), [at(7, 2)]);
    assert_eq!(dues(&mut table, now).len(), 3);
    assert!(table.typers.is_empty());
}

#[test]
fn no_clock_makes_typing_longer_than_it_may_be() {
    let now = Instant::now();
    let end = |until| end(Timestamp(until), Timestamp(5_000), now).map(|end| end - now);
    assert_eq!(end(12_500), Some(Duration::from_millis(7_500)));
    assert_eq!(end(999_000), Some(Duration::from_millis(limits::TYPING_MS)));
    assert_eq!((end(5_000), end(0)), (None, None), "over already");
}

/// Nothing is heard.
const SILENCE: [bool; 0] = [];

/// A hub whose time the test moves, and a socket of each of two users.
struct Stage {
    hub: Arc<Hub>,
    clock: Arc<SimClock>,
    sockets: [Arc<Session>; 2],
    /// Failures of the store.
    faults: Faults,
    life: Lifecycle,
}

fn user(number: u128) -> UserId {
    UserId(Uuid::from_u128(number))
}

impl Stage {
    fn new() -> Self {
        let clock = Arc::new(SimClock::at(Timestamp(1_000_000)));
        let faults = Faults::default();
        let platform = Platform {
            log: Arc::new(MemoryLog::new(clock.clone(), Faults::default())),
            store: Arc::new(MemoryStore::new(faults.clone())),
            ephemeral: Arc::new(LocalEphemeral::new(clock.clone())),
            clock: clock.clone(),
            metrics: Metrics::new(),
        };
        let life = Lifecycle::new();
        let hub = Hub::new(&platform, &life);
        life.component("typing", hub.clone().end_typers(life.stopping()));
        let sockets = [1, 2].map(|number| {
            let session = SessionId(Uuid::from_u128(number));
            let expires_at = Timestamp(9_000_000);
            let who = Identity { user: user(number), session, expires_at };
            hub.enter(who, |_| {}).unwrap()
        });
        Self { hub, clock, sockets, faults, life }
    }

    /// A record: the first user types, for so long yet, or does so no more.
    fn told(&self, left: Option<i64>) {
        self.told_to(left, &[user(2), user(1), user(2), user(9)]);
    }

    fn told_to(&self, left: Option<i64>, audience: &[UserId]) {
        self.record(left, audience, &[]);
    }

    /// The same, to whoever has the conversation on screen but for these.
    fn told_but_for(&self, left: Option<i64>, except: &[UserId]) {
        self.record(left, &[], except);
    }

    fn record(&self, left: Option<i64>, audience: &[UserId], except: &[UserId]) {
        let (conversation, typer) = key(1);
        let until = left.map(|left| self.hub.clock.now().plus_ms(left));
        let username = "one".into();
        let view = Typing { user_id: typer, username, is_typing: until.is_some(), until };
        let frame = typing::frame_of(conversation, self.hub.clock.now(), &view);
        let (audience, except) = (event::pack(audience), event::pack(except));
        let record = Outbound::Typing { conversation, user: typer, until, audience, except, frame };
        self.hub.deliver(vec![record]);
    }

    /// The sockets have the conversation on screen, it is routed as a whole, and whom their users have
    /// blocked is known.
    async fn in_a_room() -> Self {
        let stage = Self::new();
        for socket in &stage.sockets {
            stage.hub.line.lock().index.add(key(1).0, socket.who.user);
            stage.hub.on_screen(socket, key(1).0);
        }
        stage.pass(10).await;
        assert_eq!(stage.hub.line.lock().screens.admits(user(2), user(1)), Some(true));
        stage
    }

    async fn pass(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
        self.clock.advance_ms(i64::try_from(ms).unwrap());
    }

    /// Whether each frame that a socket has got since tells a beginning.
    fn heard(&self, socket: usize) -> Vec<bool> {
        let mut heard = Vec::new();
        while let Next::Frame(frame) = self.sockets[socket].next() {
            let frame: Value = serde_json::from_str(frame.text()).unwrap();
            assert_eq!(
                (&frame["type"], &frame["data"]["username"]),
                (&"typing".into(), &"one".into())
            );
            heard.push(frame["data"]["isTyping"].as_bool().unwrap());
        }
        heard
    }
}

#[tokio::test(start_paused = true)]
async fn typing_is_told_once_and_ends_ten_seconds_after_the_last_signal() {
    let stage = Stage::new();
    // A record at once, then one every three seconds that is half a second old when it comes.
    stage.told(Some(10_000));
    assert_eq!(stage.heard(1), [true]);
    for _ in 0..3 {
        stage.pass(3_000).await;
        stage.told(Some(9_500));
    }
    stage.pass(9_490).await;
    assert_eq!(stage.heard(1), SILENCE, "he goes on");
    stage.pass(20).await;
    assert_eq!(stage.heard(1), [false]);
    stage.pass(60_000).await;
    stage.told(None);
    assert_eq!(stage.heard(1), SILENCE, "an end is told once");
    stage.told(Some(10_000));
    stage.told(None);
    stage.pass(60_000).await;
    assert_eq!(stage.heard(1), [true, false], "and none by the clock behind a stop");
    assert_eq!(stage.heard(0), SILENCE, "he knows himself that he types");
    stage.life.stop();
}

#[tokio::test(start_paused = true)]
async fn who_is_left_out_later_hears_of_the_end_of_what_he_was_told() {
    let stage = Stage::new();
    let (all, left) = ([user(1), user(2)], [user(1)]);
    stage.told_to(Some(10_000), &all);
    stage.told_to(None, &left);
    assert_eq!(stage.heard(1), [true, false]);
    stage.told_to(Some(10_000), &all);
    stage.pass(3_000).await;
    stage.told_to(Some(10_000), &left);
    assert_eq!(stage.heard(1), [true]);
    stage.pass(10_010).await;
    assert_eq!(stage.heard(1), [false]);
    stage.told_to(Some(10_000), &left);
    stage.told_to(None, &all);
    assert_eq!(stage.heard(1), SILENCE, "nor of the end of what he was not told");
    stage.life.stop();
}

#[tokio::test(start_paused = true)]
async fn no_record_makes_it_longer_than_ten_seconds_from_here() {
    let stage = Stage::new();
    stage.told(Some(3_600_000));
    stage.pass(9_990).await;
    assert_eq!(stage.heard(1), [true]);
    stage.pass(20).await;
    assert_eq!(stage.heard(1), [false]);
    stage.told(Some(0));
    stage.told(Some(-5));
    assert_eq!(stage.heard(1), SILENCE, "what is over when it comes is not told");
    assert!(stage.hub.line.lock().typing.shown.is_empty());
    stage.life.stop();
}

#[tokio::test(start_paused = true)]
async fn who_comes_while_somebody_types_hears_of_his_end_and_of_his_next_beginning() {
    let stage = Stage::new();
    stage.hub.leave(&stage.sockets[1]);
    stage.told(Some(10_000));
    assert_eq!(stage.hub.line.lock().typing.shown.len(), 1, "a socket of his own is here");
    let who = Identity { session: SessionId(Uuid::from_u128(3)), ..stage.sockets[1].who.clone() };
    let late = stage.hub.enter(who, |_| {}).unwrap();
    let stage = Stage { sockets: [stage.sockets[0].clone(), late], ..stage };
    stage.told(Some(10_000));
    assert_eq!(stage.heard(1), SILENCE);
    stage.told(None);
    stage.told(Some(10_000));
    assert_eq!(stage.heard(1), [false, true]);
    stage.hub.leave(&stage.sockets[0]);
    stage.hub.leave(&stage.sockets[1]);
    stage.told(None);
    stage.told(Some(10_000));
    assert!(stage.hub.line.lock().typing.shown.is_empty(), "nobody is here to be told");
    stage.life.stop();
}

#[tokio::test(start_paused = true)]
async fn between_two_of_whom_one_blocks_the_other_it_ends_at_once_and_once() {
    let stage = Stage::new();
    let relate = |one, other| {
        let relation = Relation { user: user(one), other: user(other) };
        stage.hub.deliver(vec![Outbound::Relation(relation)]);
    };
    for (blocks, blocked) in [(1, 2), (2, 1)] {
        stage.told(Some(10_000));
        relate(1, 9);
        relate(3, 2);
        assert_eq!(stage.heard(1), [true], "others' affairs");
        relate(blocks, blocked);
        assert_eq!(stage.heard(1), [false]);
        // He goes on, for others.
        stage.told_to(Some(10_000), &[user(1)]);
        relate(blocks, blocked);
        stage.pass(10_010).await;
        stage.told_to(None, &[user(1)]);
        assert_eq!(stage.heard(1), SILENCE, "nothing later");
    }
    stage.life.stop();
}

#[tokio::test(start_paused = true)]
async fn who_is_left_out_of_a_room_later_hears_of_the_end_at_once_and_once() {
    let stage = Stage::in_a_room().await;
    stage.told_but_for(Some(10_000), &[user(9)]);
    assert_eq!(stage.heard(1), [true]);
    stage.pass(3_000).await;
    // The typer blocks two, and the next record is here before the news of it.
    let now = [user(9), user(8), user(2)];
    stage.told_but_for(Some(10_000), &now);
    assert_eq!(stage.heard(1), [false]);
    stage.hub.deliver(vec![Outbound::Relation(Relation { user: user(1), other: user(2) })]);
    stage.told_but_for(Some(10_000), &now);
    stage.told_but_for(None, &[]);
    assert_eq!(stage.heard(1), SILENCE, "an end is told once");
    stage.told_but_for(Some(10_000), &now);
    stage.pass(10_010).await;
    assert_eq!(stage.heard(1), SILENCE, "nor is he told of what comes then");
    stage.life.stop();
}

#[tokio::test(start_paused = true)]
async fn a_reading_that_fails_behind_an_unblocking_is_done_again_and_no_end_is_lost() {
    let stage = Stage::in_a_room().await;
    stage.told_but_for(Some(10_000), &[]);
    assert_eq!(stage.heard(1), [true]);
    stage.faults.on(|_| Fault::Refuse);
    // The other blocks somebody no more, and then the typer no more.
    for other in [9, 1] {
        let relation = Relation { user: user(2), other: user(other) };
        stage.hub.deliver(vec![Outbound::Relation(relation)]);
        stage.pass(1_000).await;
        if other == 9 {
            stage.told_but_for(None, &[]);
            assert_eq!(stage.heard(1), [false], "an end of what he was told");
        }
    }
    stage.faults.clear();
    stage.told_but_for(Some(10_000), &[]);
    stage.told_but_for(None, &[]);
    assert_eq!(stage.heard(1), SILENCE, "he may have blocked him still");
    stage.pass(10).await;
    stage.told_but_for(Some(10_000), &[]);
    assert_eq!(stage.heard(1), [true]);
    stage.life.stop();
}

#[tokio::test(start_paused = true)]
async fn where_records_were_lost_nobody_is_told_until_it_is_known_again_whom_he_has_blocked() {
    let stage = Stage::in_a_room().await;
    stage.hub.lost();
    assert_eq!(stage.hub.line.lock().screens.admits(user(2), user(1)), None);
    stage.life.stop();
}

#[tokio::test(start_paused = true)]
async fn who_leaves_types_no_more() {
    let stage = Stage::new();
    let removal = |rev, left: UserId| Outbound::Event {
        conversation: key(1).0,
        rev,
        // As far as he is concerned who is here.
        audience: event::pack(&[user(1)]),
        left: event::pack(&[left]),
        flip: false,
        frame: Bytes::from_static(b"{}"),
    };
    stage.told(Some(10_000));
    stage.hub.deliver(vec![removal(1, user(9))]);
    assert_eq!(stage.heard(1), [true], "another has left");
    stage.hub.deliver(vec![removal(2, user(1))]);
    assert_eq!(stage.heard(1), [false]);
    stage.pass(10_010).await;
    assert_eq!(stage.heard(1), SILENCE);
    stage.life.stop();
}

#[tokio::test(start_paused = true)]
async fn who_was_told_by_name_hears_the_end_when_the_room_is_told_from_now_on() {
    let stage = Stage::new();
    stage.told(Some(10_000));
    stage.hub.on_screen(&stage.sockets[0], key(1).0);
    stage.told_to(Some(10_000), &[]);
    assert_eq!(stage.heard(1), [true, false]);
    stage.pass(10_010).await;
    assert_eq!(stage.heard(1), SILENCE);
    stage.life.stop();
}
