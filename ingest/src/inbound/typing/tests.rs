//! What is told of a typer, to whom, and until when: on rows that the tests write.

mod board;

use platform::memory::Fault;
use schemas::conversation::head::Members;
use schemas::table::{Batch, Table, Write};
use schemas::{Position, topic};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::conversation::tests::{ME, head};
use crate::message::tests::{conversation, stage};
use crate::testing::{World, world};

const OTHER: UserId = UserId(Uuid::from_u128(2));

fn user(n: u128) -> UserId {
    UserId(Uuid::from_u128(n))
}

async fn put(world: &World, writes: Vec<Write>) {
    let store = &world.ingest.platform.store;
    store.write(Batch { fence: None, writes }).await.unwrap();
}

fn replaced<T: Table>(row: &T) -> Write {
    Write::replace(row, Position { offset: 9, ..Position::default() }.stamp())
}

/// A conversation of [`ME`] and others; `change` makes it another one than a group of two.
async fn talk(world: &World, change: impl FnOnce(&mut Head)) -> ConversationId {
    let id = conversation(1);
    stage(world, id, 0).await;
    let mut head = head(0);
    change(&mut head);
    put(world, vec![replaced(&HeadRow::of(id, &head))]).await;
    id
}

fn block(user: UserId, other: UserId) -> Write {
    let created_at = Timestamp(0);
    replaced(&Block { user, other, reason: None, report: None, created_at })
}

fn setting(user: UserId, body: &Value) -> Write {
    let body = serde_json::to_vec(body).unwrap().into();
    replaced(&UserSettings { user, body, updated_at: Timestamp(0) })
}

async fn types(world: &World, id: ConversationId, is_typing: bool) -> Result<(), Code> {
    let answer = accept(&world.ingest, ME, id, is_typing).await.map_err(|failure| failure.api.code);
    let answer = answer?.await.map_err(|failure| failure.api.code)?;
    assert_eq!(&answer[..], b"{}");
    Ok(())
}

/// What was told: the audience, and when it ends.
fn told(world: &World) -> Vec<(Vec<UserId>, Option<Timestamp>)> {
    let records = world.log.records(&topic::SIGNALS).into_iter();
    let read = records.map(|record| Outbound::read(&record.headers, record.value).unwrap());
    let told = read.map(|outbound| match outbound {
        Outbound::Typing { conversation: at, user, until, audience, frame, .. } => {
            let frame: Value = serde_json::from_slice(&frame).unwrap();
            assert_eq!((at, user), (conversation(1), ME));
            assert_eq!(
                (&frame["type"], &frame["conversationId"]),
                (&json!("typing"), &json!(at.to_string()))
            );
            let data = json!({
                "userId": user, "username": "someone", "isTyping": until.is_some(), "until": until,
            });
            assert_eq!(frame["data"], data);
            (event::unpack(&audience).collect(), until)
        }
        other => panic!("{other:?}"),
    });
    told.collect()
}

/// Of what was told to a room: who is not told, and whether he types.
fn told_to_the_room(world: &World) -> Vec<(Vec<UserId>, bool)> {
    let records = world.log.records(&topic::SIGNALS).into_iter();
    let read = records.map(|record| Outbound::read(&record.headers, record.value).unwrap());
    let told = read.map(|outbound| match outbound {
        Outbound::Typing { until, audience, except, .. } => {
            assert!(audience.is_empty(), "it goes by the conversation's route");
            (event::unpack(&except).collect(), until.is_some())
        }
        other => panic!("{other:?}"),
    });
    told.collect()
}

async fn on_the_board(world: &World, id: ConversationId) -> Vec<(Uuid, Note)> {
    let now = world.ingest.now();
    let board = world.ingest.platform.ephemeral.board(&typing::board(id)).await.unwrap();
    board.into_iter().map(|(user, note)| (user, Note::read(&note, now).unwrap())).collect()
}

#[tokio::test]
async fn a_hundred_key_strokes_are_five_records_and_the_last_says_the_end() {
    let world = world().await;
    let id = talk(&world, |_| {}).await;
    let mut last = world.ingest.now();
    for stroke in 1..=100 {
        last = world.ingest.now();
        types(&world, id, true).await.unwrap();
        world.clock.advance_ms(100);
        if stroke % 10 == 0 {
            flush(&world.ingest).await;
        }
    }
    for _ in 0..30 {
        world.clock.advance_ms(1_000);
        flush(&world.ingest).await;
    }
    let told = told(&world);
    assert!(told.len() <= 5, "{told:?}");
    assert_eq!(told.last().unwrap().1, Some(last.plus_ms(10_000)));
    assert!(told.iter().all(|(audience, _)| *audience == [OTHER, ME]), "{told:?}");
    assert_eq!(on_the_board(&world, id).await, []);
}

#[tokio::test]
async fn who_comes_later_finds_it_on_the_board_until_it_ends() {
    let world = world().await;
    let id = talk(&world, |_| {}).await;
    let began = world.ingest.now();
    types(&world, id, true).await.unwrap();
    let note = |started_at: Timestamp, last: Timestamp| {
        vec![(ME.0, Note { started_at, expires_at: typing::until(last) })]
    };
    assert_eq!(on_the_board(&world, id).await, note(began, began));
    world.clock.advance_ms(2_000);
    types(&world, id, true).await.unwrap();
    world.clock.advance_ms(1_500);
    flush(&world.ingest).await;
    assert_eq!(on_the_board(&world, id).await, note(began, began.plus_ms(2_000)));
    types(&world, id, false).await.unwrap();
    assert_eq!(on_the_board(&world, id).await, []);
    types(&world, id, true).await.unwrap();
    world.clock.advance_ms(10_001);
    assert_eq!(on_the_board(&world, id).await, []);
}

#[tokio::test]
async fn a_stop_is_told_at_once_and_once() {
    let world = world().await;
    let id = talk(&world, |_| {}).await;
    types(&world, id, false).await.unwrap();
    assert_eq!(told(&world), [], "nothing has begun");
    types(&world, id, true).await.unwrap();
    world.clock.advance_ms(100);
    types(&world, id, true).await.unwrap();
    types(&world, id, false).await.unwrap();
    types(&world, id, false).await.unwrap();
    world.clock.advance_ms(5_000);
    flush(&world.ingest).await;
    let ends: Vec<_> = told(&world).into_iter().map(|(_, until)| until.is_some()).collect();
    assert_eq!(ends, [true, false], "what was held back is not told behind it");
}

#[tokio::test]
async fn what_was_on_its_way_at_a_stop_does_not_stay_on_the_board() {
    let world = world().await;
    let id = talk(&world, |_| {}).await;
    let key = (ME, id);
    let Heard::Now(typer) = world.ingest.typing.types(key, moment(&world.ingest)) else { panic!() };
    let on_its_way = tell(&world.ingest, key, Told::Types(typer)).await.unwrap();
    types(&world, id, false).await.unwrap();
    on_its_way.await.unwrap();
    assert_eq!(on_the_board(&world, id).await, []);
}

#[tokio::test]
async fn blocked_members_are_left_out_in_either_direction() {
    let world = world().await;
    let members: Vec<UserId> = (1..=5).map(user).collect();
    let id = talk(&world, |head| head.members = Members(members)).await;
    put(&world, vec![block(ME, user(3)), block(user(4), ME), block(user(2), user(5))]).await;
    types(&world, id, true).await.unwrap();
    types(&world, id, false).await.unwrap();
    let told = told(&world);
    assert_eq!(told.len(), 2);
    assert!(told.iter().all(|(audience, _)| *audience == [OTHER, user(5), ME]), "{told:?}");
}

#[tokio::test]
async fn nobody_is_told_between_two_of_whom_one_has_blocked_the_other() {
    let direct = |head: &mut Head| head.kind = Kind::Direct;
    for (mine, his, by_head) in [(true, false, false), (false, true, false), (false, false, true)] {
        let world = world().await;
        let id = talk(&world, |head| {
            direct(head);
            head.blocked_by = Members(if by_head { vec![OTHER] } else { Vec::new() });
        })
        .await;
        let mut rows = Vec::new();
        rows.extend(mine.then(|| block(ME, OTHER)));
        rows.extend(his.then(|| block(OTHER, ME)));
        put(&world, rows).await;
        types(&world, id, true).await.unwrap();
        assert_eq!(told(&world), [], "{mine} {his} {by_head}");
        assert_eq!(on_the_board(&world, id).await, []);
    }
    let world = world().await;
    let id = talk(&world, direct).await;
    types(&world, id, true).await.unwrap();
    assert_eq!(told(&world).len(), 1, "else both are");
}

#[tokio::test]
async fn who_hides_it_and_who_may_not_write_is_seen_by_nobody() {
    let world = world().await;
    let id = talk(&world, |_| {}).await;
    put(&world, vec![setting(ME, &json!({"showTypingIndicator": false}))]).await;
    for _ in 0..2 {
        types(&world, id, true).await.unwrap();
        world.clock.advance_ms(4_000);
    }
    assert_eq!((told(&world), on_the_board(&world, id).await), (vec![], vec![]));
    // The setting is read for what is told, not kept.
    put(&world, vec![setting(ME, &json!({"theme": "dark"}))]).await;
    let settings =
        UserSettings { user: ME, body: Bytes::from_static(b"{}"), updated_at: Timestamp(1) };
    let later = Position { offset: 10, ..Position::default() }.stamp();
    put(&world, vec![Write::replace(&settings, later)]).await;
    types(&world, id, true).await.unwrap();
    assert_eq!(told(&world).len(), 1);

    types(&world, id, false).await.unwrap();
    let id = talk(&world, |head| head.kind = Kind::Channel).await;
    types(&world, id, true).await.unwrap();
    assert_eq!((told(&world).len(), on_the_board(&world, id).await), (2, vec![]), "a channel");
}

fn large(head: &mut Head) {
    head.member_count = 65;
    head.members = Members::default();
    head.routing = Routing::Conversation;
}

#[tokio::test]
async fn where_a_conversation_is_routed_as_a_whole_the_room_is_told_but_for_whom_he_has_blocked() {
    let world = world().await;
    let id = talk(&world, large).await;
    put(&world, vec![block(ME, user(3)), block(user(4), ME)]).await;
    types(&world, id, true).await.unwrap();
    assert_eq!(told_to_the_room(&world), [(vec![user(3)], true)]);
    assert_eq!(on_the_board(&world, id).await.len(), 1);
    types(&world, id, true).await.unwrap();
    types(&world, id, false).await.unwrap();
    assert_eq!(told_to_the_room(&world)[1..], [(vec![], false)], "whoever was told is told");
    assert_eq!(on_the_board(&world, id).await, []);
    types(&world, id, false).await.unwrap();
    assert_eq!(told_to_the_room(&world).len(), 2);
}

#[tokio::test]
async fn sixty_four_members_are_told_each() {
    let world = world().await;
    let id = talk(&world, |head| head.members = Members((1..=64).map(user).collect())).await;
    types(&world, id, true).await.unwrap();
    assert_eq!(told(&world)[0].0.len(), 64);
}

#[tokio::test]
async fn of_a_crowd_the_last_stands_on_the_board_alone() {
    let world = world().await;
    let id = talk(&world, large).await;
    let crowd: Vec<Key> =
        (10..).take(limits::TYPING_SHOWN).map(|other| (user(other), id)).collect();
    for key in &crowd {
        assert!(matches!(world.ingest.typing.types(*key, moment(&world.ingest)), Heard::Now(_)));
        assert!(world.ingest.typing.is_first(*key));
    }
    types(&world, id, true).await.unwrap();
    assert_eq!((told_to_the_room(&world).len(), on_the_board(&world, id).await.len()), (0, 1));
    types(&world, id, false).await.unwrap();
    assert_eq!((told_to_the_room(&world).len(), on_the_board(&world, id).await.len()), (0, 0));
    assert!(world.ingest.typing.stops(crowd[0]).is_some());
    types(&world, id, true).await.unwrap();
    assert_eq!(told_to_the_room(&world).len(), 1, "there is room for him");
}

#[tokio::test]
async fn who_hides_it_while_he_types_does_so_no_more() {
    let world = world().await;
    let id = talk(&world, |_| {}).await;
    let ends = || told(&world).into_iter().map(|(_, until)| until.is_some()).collect::<Vec<_>>();
    types(&world, id, true).await.unwrap();
    put(&world, vec![setting(ME, &json!({"showTypingIndicator": false}))]).await;
    platform::inbound::Inbound::hides_typing(&world.ingest, ME).await;
    assert_eq!((ends(), on_the_board(&world, id).await), (vec![true, false], vec![]));
    assert_eq!(told(&world)[1].0, [OTHER, ME]);
    hide(&world.ingest, ME).await;
    hide(&world.ingest, OTHER).await;
    types(&world, id, false).await.unwrap();
    assert_eq!(ends().len(), 2, "an end is told once");
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_the_end_to_be_told_does_not_wait_long() {
    let world = world().await;
    let id = talk(&world, |_| {}).await;
    types(&world, id, true).await.unwrap();
    world.store_faults.on(|_| Fault::Delay(Duration::from_mins(1)));
    let started = tokio::time::Instant::now();
    hide_soon(&world.ingest, ME).await;
    assert_eq!(started.elapsed().as_millis(), u128::from(limits::APPEND_MS));
    assert_eq!(told(&world).len(), 1, "it ends by itself");
}

#[tokio::test]
async fn who_hid_it_elsewhere_ends_with_what_is_told_next_and_his_own_stop_is_told() {
    for goes_on in [true, false] {
        let world = world().await;
        let id = talk(&world, |_| {}).await;
        types(&world, id, true).await.unwrap();
        put(&world, vec![setting(ME, &json!({"showTypingIndicator": false}))]).await;
        types(&world, id, goes_on).await.unwrap();
        for _ in 0..4 {
            world.clock.advance_ms(1_000);
            flush(&world.ingest).await;
        }
        let told: Vec<_> = told(&world).into_iter().map(|(_, until)| until.is_some()).collect();
        assert_eq!((told, on_the_board(&world, id).await), (vec![true, false], vec![]));
    }
}

#[tokio::test]
async fn strangers_are_refused_and_leave_nothing() {
    let world = world().await;
    assert_eq!(types(&world, conversation(7), true).await, Err(Code::NotMember));
    assert_eq!(types(&world, conversation(7), true).await, Err(Code::NotMember), "again");
    assert_eq!(types(&world, conversation(7), false).await, Ok(()));
    let id = talk(&world, |_| {}).await;
    let membership = Membership::gone(id, ME);
    put(&world, vec![replaced(&MembershipByUser::of(&membership))]).await;
    assert_eq!(types(&world, id, true).await, Err(Code::NotMember), "nor former members");
    assert_eq!((told(&world), on_the_board(&world, id).await), (vec![], vec![]));
}

#[tokio::test]
async fn key_strokes_cost_no_reads_and_have_a_limit_of_their_own() {
    let world = world().await;
    let id = talk(&world, |_| {}).await;
    types(&world, id, true).await.unwrap();
    // Whatever is held back asks nobody.
    world.store_faults.on(|_| Fault::Refuse);
    for _ in 0..1_000 {
        types(&world, id, true).await.unwrap();
    }
    world.store_faults.clear();
    let account = Account::User(ME);
    let ephemeral = &*world.ingest.platform.ephemeral;
    let messages = world.ingest.limiter.take(ephemeral, Class::Messages, account).await.unwrap();
    messages.verdict().unwrap();
    let mut headers = http::HeaderMap::new();
    messages.write(&mut headers);
    assert_eq!(headers["x-ratelimit-remaining"], "99", "messages were not touched");
    // Who begins and stops without end is told to wait.
    let mut refused = None;
    for _ in 0..300 {
        let one = types(&world, id, false).await.and(types(&world, id, true).await);
        refused = refused.or_else(|| one.err());
    }
    assert_eq!(refused, Some(Code::RateLimited));
    assert!(told(&world).len() <= 201);
}

#[tokio::test]
async fn what_can_not_be_told_is_refused_or_ends_where_it_was_told_to_end() {
    let world = world().await;
    let id = talk(&world, |_| {}).await;
    world.store_faults.on(|_| Fault::Refuse);
    assert_eq!(types(&world, id, true).await, Err(Code::Overloaded));
    world.store_faults.clear();
    types(&world, id, true).await.unwrap();
    types(&world, id, true).await.unwrap();
    world.clock.advance_ms(3_000);
    world.log_faults.on(|_| Fault::Refuse);
    flush(&world.ingest).await;
    world.log_faults.clear();
    assert_eq!(told(&world).len(), 1);
}
