//! What is relayed, to whom, and what is not.

use platform::memory::{Fault, Operation};
use platform::port::ephemeral::Note;
use schemas::table::{Batch, Write};
use schemas::user::table::Block;
use schemas::{Code, InstanceId, Position, topic};
use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::conversation::tests::ME;
use crate::message::tests::{conversation, stage};
use crate::testing::{World, world};

fn user(n: u128) -> UserId {
    UserId(Uuid::from_u128(n))
}

async fn say(world: &World, who: UserId, verb: &str, data: &Value) -> Result<(), Code> {
    let json = data.to_string();
    let call = Call::read(verb, json.as_bytes()).map_err(|error| error.code)?;
    let answer = accept(&world.ingest, who, &call).await.map_err(|failure| failure.api.code)?;
    let answer = answer.await.map_err(|failure| failure.api.code)?;
    assert_eq!(&answer[..], b"{}");
    Ok(())
}

async fn join(world: &World, who: UserId) {
    numbered(world, who, None).await;
}

/// Whoever has no profile joins without a word: only those who are told need one.
async fn numbered(world: &World, who: UserId, number: Option<u64>) {
    let room = room(&world.ingest, who);
    room.admits().await.unwrap();
    room.list().await.unwrap();
    room.stand(number).await.unwrap();
}

fn room(ingest: &Ingest, user: UserId) -> Room<'_> {
    Room { ingest, call: "c", user }
}

/// Whether he has joined.
async fn stands(world: &World, who: UserId) -> bool {
    room(&world.ingest, who).stands().await.unwrap().is_some()
}

/// What his note on the board says.
async fn note(world: &World, who: UserId, says: String) {
    let note = Note::new(who.0, Bytes::from(says));
    world.ingest.platform.ephemeral.note("call:c", &[note]).await.unwrap();
}

async fn ended(world: &World, who: UserId, up_to: u64) {
    end(&world.ingest, who, "c", up_to).await.unwrap();
}

/// What was relayed since the last look.
fn heard(world: &World, seen: &mut usize) -> Vec<(Vec<UserId>, Value)> {
    let mut records = world.log.records(&topic::SIGNALS);
    records.sort_by_key(|record| record.position.offset);
    let new = records.into_iter().skip(*seen);
    let new: Vec<_> = new
        .map(|record| match Outbound::read(&record.headers, record.value) {
            Some(Outbound::Notice { audience, frame }) => {
                let mut audience: Vec<UserId> = event::unpack(&audience).collect();
                audience.sort_unstable();
                let mut frame: Value = serde_json::from_slice(&frame).unwrap();
                assert!(frame["at"].is_string());
                frame["data"]["type"] = frame["type"].clone();
                (audience, frame["data"].clone())
            }
            other => panic!("{other:?}"),
        })
        .collect();
    *seen += new.len();
    new
}

async fn staged() -> World {
    let world = world().await;
    stage(&world, conversation(1), 0).await;
    world
}

#[tokio::test]
async fn who_has_joined_hears_the_others_and_nobody_else_does() {
    let world = staged().await;
    let (mut seen, call) = (0, json!({"callId": "c"}));
    assert_eq!(say(&world, ME, "join", &call).await, Ok(()));
    assert_eq!(heard(&world, &mut seen), [], "nobody is there to hear it");
    say(&world, user(2), "join", &call).await.unwrap();
    let joined = json!({
        "type": "call.participant.joined", "callId": "c", "userId": user(2), "username": "someone",
    });
    assert_eq!(heard(&world, &mut seen), [(vec![ME], joined)]);
    join(&world, user(3)).await;

    let media = json!({"callId": "c", "mediaType": "video", "enabled": false});
    say(&world, user(3), "media.toggle", &media).await.unwrap();
    say(&world, user(3), "screen.start", &call).await.unwrap();
    say(&world, user(3), "screen.stop", &call).await.unwrap();
    say(&world, user(3), "leave", &call).await.unwrap();
    let of = |kind: &str| json!({"type": kind, "callId": "c", "userId": user(3)});
    let mut toggled = of("call.media.toggled");
    (toggled["mediaType"], toggled["enabled"]) = (json!("video"), json!(false));
    let others = vec![ME, user(2)];
    assert_eq!(
        heard(&world, &mut seen),
        [
            (others.clone(), toggled),
            (others.clone(), of("call.screen.started")),
            (others.clone(), of("call.screen.stopped")),
            (others, of("call.participant.left")),
        ]
    );
    assert_eq!(say(&world, user(3), "leave", &call).await, Ok(()), "nothing to leave");
    assert_eq!(say(&world, user(3), "media.toggle", &media).await, Err(Code::Forbidden));
    assert_eq!(say(&world, user(4), "screen.start", &call).await, Err(Code::Forbidden));
    let other = json!({"callId": "d"});
    assert_eq!(say(&world, ME, "screen.start", &other).await, Err(Code::Forbidden));
    assert_eq!(heard(&world, &mut seen), []);
}

fn left(who: UserId) -> Value {
    json!({"type": "call.participant.left", "callId": "c", "userId": who})
}

#[tokio::test]
async fn whose_socket_has_ended_is_taken_out_unless_he_has_joined_again_since() {
    let world = staged().await;
    let mut seen = 0;
    join(&world, ME).await;
    // Two sockets here, the second of which ended first, and the node said nothing: now the other has.
    for number in [1, 2] {
        numbered(&world, user(2), Some(number)).await;
    }
    ended(&world, user(2), 2).await;
    assert_eq!(heard(&world, &mut seen), [(vec![ME], left(user(2)))]);
    assert!(!stands(&world, user(2)).await);
    ended(&world, user(2), 2).await;
    assert_eq!(heard(&world, &mut seen), [], "once");
    // He has come back here before the first was taken for dead; that he is heard changes nothing.
    numbered(&world, user(2), Some(4)).await;
    world.clock.advance_ms(i64::try_from(limits::CALL_MS / 2).unwrap());
    say(&world, user(2), "screen.start", &json!({"callId": "c"})).await.unwrap();
    join(&world, ME).await;
    world.clock.advance_ms(i64::try_from(limits::CALL_MS / 2).unwrap() + 1);
    heard(&world, &mut seen);
    ended(&world, user(2), 3).await;
    assert!(stands(&world, user(2)).await && heard(&world, &mut seen).is_empty());
    ended(&world, user(2), 4).await;
    assert_eq!(heard(&world, &mut seen), [(vec![ME], left(user(2)))]);
}

#[tokio::test]
async fn what_was_joined_on_another_node_is_not_left_by_this_one_whatever_the_clocks_say() {
    let world = staged().await;
    let (mut seen, now) = (0, world.ingest.now().0);
    let (here, other) = (world.ingest.node.instance, InstanceId(Uuid::from_u128(7)));
    join(&world, ME).await;
    for at in [now - 3_600_000, now, now + 3_600_000] {
        note(&world, user(2), format!("{at} {other} 1")).await;
        ended(&world, user(2), 9).await;
        assert!(stands(&world, user(2)).await && heard(&world, &mut seen).is_empty(), "{at}");
        note(&world, user(2), format!("{at} {here} 9")).await;
        ended(&world, user(2), 9).await;
        assert!(!stands(&world, user(2)).await, "{at}");
        assert_eq!(heard(&world, &mut seen), [(vec![ME], left(user(2)))]);
    }
    // The version before noted no more than the time.
    note(&world, user(2), now.to_string()).await;
    ended(&world, user(2), 9).await;
    assert!(stands(&world, user(2)).await);
    let call = json!({"callId": "c"});
    say(&world, user(2), "screen.start", &call).await.unwrap();
    say(&world, user(2), "leave", &call).await.unwrap();
    assert!(!stands(&world, user(2)).await);
}

#[tokio::test]
async fn only_a_node_says_that_a_socket_has_ended() {
    let forged = json!({"callId": "c", "asOf": Timestamp(0), "upTo": 1}).to_string();
    for verb in ["join", "leave"] {
        let read = Call::read(verb, forged.as_bytes());
        assert_eq!(read.err().map(|error| error.code), Some(Code::UnknownField), "{verb}");
    }
}

#[tokio::test]
async fn he_is_taken_out_when_the_others_have_been_told_and_not_if_he_joins_meanwhile() {
    let world = staged().await;
    let (mut seen, call) = (0, json!({"callId": "c"}));
    join(&world, ME).await;
    numbered(&world, user(2), Some(1)).await;
    for (fault, code) in
        [(Fault::Refuse, Code::Overloaded), (Fault::LoseAnswer, Code::OutcomeUnknown)]
    {
        world.log_faults.on(move |_| fault);
        assert_eq!(say(&world, user(2), "leave", &call).await, Err(code));
        let failed = end(&world.ingest, user(2), "c", 1).await.map_err(|failure| failure.api.code);
        assert_eq!(failed, Err(code));
        assert!(stands(&world, user(2)).await, "{code:?}");
    }
    world.log_faults.clear();
    heard(&world, &mut seen);
    ended(&world, user(2), 1).await;
    assert_eq!(heard(&world, &mut seen), [(vec![ME], left(user(2)))], "the next try tells them");
    assert!(!stands(&world, user(2)).await);

    numbered(&world, user(2), Some(2)).await;
    let ingest = world.ingest.clone();
    world.log_faults.on(move |_| {
        room(&ingest, user(2)).stand(Some(3)).now_or_never().unwrap().unwrap();
        Fault::None
    });
    ended(&world, user(2), 2).await;
    world.log_faults.clear();
    assert!(stands(&world, user(2)).await, "he has come back");
    // Nobody to tell: at once.
    say(&world, ME, "leave", &call).await.unwrap();
    heard(&world, &mut seen);
    ended(&world, user(2), 3).await;
    assert!(!stands(&world, user(2)).await && heard(&world, &mut seen).is_empty());
}

#[tokio::test]
async fn who_is_refused_has_not_joined_and_who_has_is_not_answered_overloaded() {
    let world = staged().await;
    let call = json!({"callId": "c"});
    for n in 0..limits::CALLS_PER_USER {
        say(&world, ME, "join", &json!({"callId": format!("c{n}")})).await.unwrap();
        world.clock.advance_ms(1);
    }
    numbered(&world, user(2), None).await;
    world.store_faults.on(|operation| match operation {
        Operation::Get => Fault::Refuse,
        _ => Fault::None,
    });
    assert_eq!(say(&world, ME, "join", &call).await, Err(Code::Overloaded));
    world.store_faults.clear();
    assert!(!stands(&world, ME).await);
    say(&world, ME, "screen.start", &json!({"callId": "c0"})).await.unwrap();
    assert!(say(&world, user(3), "join", &call).await.is_err(), "he has no profile");
    assert!(!stands(&world, user(3)).await);

    world.log_faults.on(|_| Fault::Refuse);
    assert_eq!(say(&world, ME, "join", &call).await, Err(Code::OutcomeUnknown));
    world.log_faults.clear();
    assert!(stands(&world, ME).await);
}

#[tokio::test]
async fn offers_answers_and_candidates_go_to_their_target_alone() {
    let world = staged().await;
    let mut seen = 0;
    for n in 1..=3 {
        join(&world, user(n)).await;
    }
    for (verb, kind, name, part) in [
        ("offer", "call.offer.received", "offer", json!({"sdp": "v=0\r\n\"", "type": "offer"})),
        ("answer", "call.answer.received", "answer", json!("text")),
        ("ice-candidate", "call.ice-candidate.received", "candidate", json!({"candidate": ""})),
        ("ice-candidate", "call.ice-candidate.received", "candidate", Value::Null),
    ] {
        let mut data = json!({"callId": "c", "targetUserId": user(3)});
        data[name] = part.clone();
        say(&world, ME, verb, &data).await.unwrap();
        let mut expected = json!({"type": kind, "callId": "c", "fromUserId": ME, "userId": ME});
        expected[name] = part;
        assert_eq!(heard(&world, &mut seen), [(vec![user(3)], expected)]);
    }
    let to = |target: UserId| json!({"callId": "c", "targetUserId": target, "offer": 1});
    assert_eq!(say(&world, ME, "offer", &to(user(4))).await, Err(Code::NotFound));
    assert_eq!(say(&world, ME, "offer", &to(ME)).await, Err(Code::NotFound));
    assert_eq!(say(&world, user(4), "offer", &to(ME)).await, Err(Code::Forbidden));
    assert_eq!(heard(&world, &mut seen), []);
}

#[tokio::test]
async fn what_is_long_counts_for_more_than_one() {
    let world = staged().await;
    for n in 1..=2 {
        join(&world, user(n)).await;
    }
    let sdp = "x".repeat(limits::CALL_PAYLOAD_BYTES - 2);
    let large = json!({"callId": "c", "targetUserId": user(2), "offer": sdp});
    let mut passed = 0;
    for _ in 0..50 {
        passed += u32::from(say(&world, ME, "offer", &large).await.is_ok());
    }
    // 200 at once, of which each takes 16 here, and one more before.
    assert_eq!(passed, 12);
    assert_eq!(say(&world, ME, "offer", &large).await, Err(Code::RateLimited));
    let small = json!({"callId": "c", "targetUserId": user(2), "offer": 1});
    assert_eq!(say(&world, ME, "offer", &small).await, Ok(()));
}

#[tokio::test]
async fn two_of_whom_one_has_blocked_the_other_hear_nothing_of_each_other() {
    let world = staged().await;
    let (mut seen, call) = (0, json!({"callId": "c"}));
    for n in 1..=4 {
        join(&world, user(n)).await;
    }
    let block = |user, other| {
        let row = Block { user, other, reason: None, report: None, created_at: Timestamp(0) };
        Write::insert(&row, Position::default().stamp())
    };
    let writes = vec![block(ME, user(2)), block(user(3), ME)];
    world.ingest.platform.store.write(Batch { fence: None, writes }).await.unwrap();
    say(&world, ME, "screen.start", &call).await.unwrap();
    say(&world, user(2), "screen.start", &call).await.unwrap();
    let audiences: Vec<_> = heard(&world, &mut seen).into_iter().map(|(to, _)| to).collect();
    assert_eq!(audiences, [vec![user(4)], vec![user(3), user(4)]]);
    for (from, to) in [(1, 2), (2, 1), (1, 3), (3, 1)] {
        let data = json!({"callId": "c", "targetUserId": user(to), "offer": 1});
        let code = say(&world, user(from), "offer", &data).await;
        assert_eq!(code, Err(Code::NotFound), "{from} {to}: as if he were not there");
    }
}

#[tokio::test]
async fn a_call_has_so_many_participants_and_forgets_who_is_silent() {
    let world = staged().await;
    let call = json!({"callId": "c"});
    for n in 0..u128::try_from(limits::CALL_PARTICIPANTS).unwrap() {
        join(&world, user(100 + n)).await;
    }
    assert_eq!(say(&world, ME, "join", &call).await, Err(Code::Conflict));
    join(&world, user(100)).await;
    say(&world, user(101), "leave", &call).await.unwrap();
    assert_eq!(say(&world, ME, "join", &call).await, Ok(()));
    // Who is heard now and then is not forgotten.
    for _ in 0..12 {
        world.clock.advance_ms(i64::try_from(limits::CALL_MS / 4).unwrap());
        say(&world, ME, "screen.start", &call).await.unwrap();
    }
    assert_eq!(say(&world, user(100), "screen.start", &call).await, Err(Code::Forbidden));
    world.clock.advance_ms(i64::try_from(limits::CALL_MS).unwrap() + 1);
    assert_eq!(say(&world, ME, "screen.start", &call).await, Err(Code::Forbidden));
}

#[tokio::test]
async fn who_joins_call_after_call_is_forgotten_in_the_oldest() {
    let world = staged().await;
    let call = |n: usize| json!({"callId": format!("c{n}")});
    for n in 0..limits::CALLS_PER_USER {
        say(&world, ME, "join", &call(n)).await.unwrap();
        world.clock.advance_ms(1);
    }
    say(&world, ME, "join", &call(0)).await.unwrap();
    say(&world, ME, "screen.start", &call(1)).await.unwrap();
    world.clock.advance_ms(1);
    let last = limits::CALLS_PER_USER;
    say(&world, ME, "join", &call(last)).await.unwrap();
    assert_eq!(say(&world, ME, "screen.start", &call(1)).await, Err(Code::Forbidden));
    for n in (0..=last).filter(|n| *n != 1) {
        assert_eq!(say(&world, ME, "screen.start", &call(n)).await, Ok(()), "{n}");
    }
    say(&world, ME, "leave", &call(2)).await.unwrap();
    say(&world, ME, "join", &call(99)).await.unwrap();
    assert_eq!(say(&world, ME, "screen.start", &call(3)).await, Ok(()), "one was left");
}

#[test]
fn hostile_payloads_are_refused() {
    let refused = |verb: &str, data: Value| {
        let json = data.to_string();
        let read = Call::read(verb, json.as_bytes());
        read.err().unwrap_or_else(|| panic!("{verb} {json} was taken")).code
    };
    let invalid = Code::ValidationFailed;
    for id in [json!(null), json!(""), json!("x".repeat(65)), json!("a b"), json!("é"), json!(7)] {
        assert_eq!(refused("join", json!({"callId": id})), invalid, "{id}");
    }
    assert_eq!(refused("join", json!({})), invalid);
    assert_eq!(refused("join", json!(["c"])), invalid);
    assert_eq!(refused("join", json!({"callId": "c", "x": 1})), Code::UnknownField);
    let towards = |part: Value| {
        let mut data = json!({"callId": "c", "targetUserId": user(2)});
        data.as_object_mut().unwrap().extend(part.as_object().unwrap().clone());
        data
    };
    assert_eq!(refused("offer", towards(json!({}))), invalid);
    assert_eq!(refused("offer", towards(json!({"offer": null}))), invalid);
    assert_eq!(refused("offer", towards(json!({"offer": 1, "answer": 1}))), invalid);
    assert_eq!(refused("ice-candidate", towards(json!({"candidate": 1, "offer": 1}))), invalid);
    assert_eq!(refused("answer", json!({"callId": "c", "answer": 1})), invalid);
    let other = json!({"callId": "c", "targetUserId": "x", "answer": 1});
    assert_eq!(refused("answer", other), Code::MalformedId);
    let large = "x".repeat(limits::CALL_PAYLOAD_BYTES - 1);
    assert_eq!(refused("offer", towards(json!({"offer": large}))), invalid);
    let large = "x".repeat(limits::CALL_CANDIDATE_BYTES - 1);
    assert_eq!(refused("ice-candidate", towards(json!({"candidate": large}))), invalid);
    let mut deep = json!(1);
    for _ in 0..=limits::METADATA_DEPTH {
        deep = json!([deep]);
    }
    assert_eq!(refused("offer", towards(json!({"offer": deep}))), invalid);
    // Deeper than anybody reads.
    let open = "[".repeat(20_000);
    let json = format!(
        r#"{{"callId":"c","targetUserId":"{}","offer":{open}{}}}"#,
        user(2),
        "]".repeat(20_000)
    );
    assert_eq!(Call::read("offer", json.as_bytes()).err().map(|error| error.code), Some(invalid));
    let media = |kind: Value, enabled: Value| {
        refused("media.toggle", json!({"callId": "c", "mediaType": kind, "enabled": enabled}))
    };
    assert_eq!(media(json!("smell"), json!(true)), invalid);
    assert_eq!(media(json!("audio"), json!("yes")), invalid);
    assert_eq!(media(json!("audio"), json!(null)), invalid);
    assert_eq!((verb("call.join"), verb("call.end"), verb("join")), (Some("join"), None, None));
}
