//! Catching up (G-12): each missed change once and in order, then what is live, or `recovered:false`.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;
use schemas::conversation::head::Routing;
use schemas::limits;
use serde_json::Value;

use crate::harness::{conversation, cursors, numbers, server, sized, wait_for};

#[tokio::test]
async fn what_was_missed_comes_as_it_was_pushed_and_then_what_is_live() {
    let server = server().await;
    let mut world = server.world();
    world.open(5, &[1, 2], Routing::Member);
    (0..3).for_each(|_| drop(world.message(5)));
    let mut client = server.connect().await;
    let answer = client.resume("1/11", &cursors(&[(5, 2)], None)).await;
    assert_eq!(answer["data"]["recovered"], true, "{answer}");
    let (third, fourth) = (world.frame(5, 3), world.frame(5, 4));
    let (third, fourth) = (str::from_utf8(&third).unwrap(), str::from_utf8(&fourth).unwrap());
    let id = conversation(5);
    assert_eq!(
        client.text().await,
        format!(
            r#"{{"id":"0","type":"sync.changes","conversationId":"{id}","data":[{third},{fourth}]}}"#
        )
    );
    assert_eq!(
        client.text().await,
        format!(
            r#"{{"id":"0","type":"sync.done","ok":true,"data":{{"cursors":{{"conversations":{{"{id}":4}}}}}}}}"#
        )
    );
    // What comes late is out already.
    server.deliver(vec![crate::harness::event(5, 4, &[1, 2]), world.message(5)]);
    assert_eq!(client.revs().await, [5]);
}

#[tokio::test]
async fn equal_cursors_are_answered_with_nothing_and_count_as_receipts() {
    let server = server().await;
    let mut world = server.world();
    world.open(5, &[1, 2], Routing::Member);
    world.open(6, &[1, 2], Routing::Member);
    world.open(7, &[1, 2], Routing::Member);
    for talk in [5, 6] {
        (0..3).for_each(|_| drop(world.message(talk)));
        world.rename(talk);
    }
    world.open(8, &[1, 2], Routing::Member);
    world.message(8);
    // That was told before.
    world.mark(8, 1, 1, 0, false);
    let mut client = server.enter(1, 11).await;
    client.request("s", "sync", &cursors(&[(5, 5), (6, 2), (7, 1), (8, 2)], None)).await;
    let frames = client.synced().await;
    assert_eq!(numbers(&frames[..1]), [3, 4, 5]);
    assert_eq!((frames.len(), &frames[1]["type"]), (3, &"sync.receipts".into()));
    assert_eq!(frames[2]["id"], "s");
    let reached = cursors(&[(5, 5), (6, 5), (7, 1), (8, 2)], None);
    assert_eq!(frames[2]["data"]["cursors"], serde_json::from_str::<Value>(&reached).unwrap());
    // Of the second one it has the first message.
    wait_for("it is told", || !server.inbound.accepted.lock().is_empty()).await;
    let accepted: Value = serde_json::from_str(&server.inbound.accepted.lock()[0]).unwrap();
    let expected: Value = serde_json::from_str(&cursors(&[(5, 3), (6, 1)], None)).unwrap();
    assert_eq!(accepted, expected);
}

#[tokio::test]
async fn what_can_not_be_told_one_by_one_is_told_as_it_is_now() {
    let server = server().await;
    let mut world = server.world();
    for talk in [5, 6, 7, 8] {
        world.open(talk, &[1, 2], Routing::Member);
    }
    (0..limits::SYNC_CHANGES).for_each(|_| drop(world.message(5)));
    world.message(6);
    world.remove(7, 1);
    world.delete(8);
    let mut client = server.enter(1, 11).await;
    client
        .request("s", "sync", &cursors(&[(5, 0), (6, 9), (7, 1), (8, 1), (9, 0)], Some(99)))
        .await;
    let frames = client.synced().await;
    assert_eq!(frames.len(), 7);
    let of = |talk: u128| {
        let id = conversation(talk).to_string();
        let mut found = frames.iter().filter(|f| f["data"]["conversationId"] == *id);
        let frame = found.next().unwrap_or_else(|| panic!("{talk} in {frames:?}"));
        assert_eq!(
            (&frame["type"], &frame["data"]["recovered"]),
            (&"sync.reset".into(), &false.into())
        );
        frame["data"].clone()
    };
    assert_eq!(frames[0]["data"], serde_json::json!({"feed": 1, "recovered": false}));
    assert_eq!((&of(5)["rev"], &of(5)["seq"]), (&1_001.into(), &1_000.into()));
    assert_eq!(of(5)["conversation"]["id"], conversation(5).to_string());
    assert_eq!((&of(6)["rev"], &of(6)["seq"]), (&2.into(), &1.into()));
    for talk in [7, 8, 9] {
        assert_eq!(of(talk)["removed"], true);
        assert!(of(talk).get("rev").is_none(), "a stranger learns nothing");
    }
    let reached: Value = serde_json::from_str(&cursors(&[(5, 1_001), (6, 2)], Some(1))).unwrap();
    assert_eq!(frames[6]["data"]["cursors"], reached);

    // One change less is within reach.
    client.request("s", "sync", &cursors(&[(5, 1)], None)).await;
    let frames = client.synced().await;
    assert_eq!(numbers(&frames), (2..=1_001).collect::<Vec<_>>());
    for frame in &frames[..frames.len() - 1] {
        assert!(frame["data"].as_array().unwrap().len() <= limits::SYNC_FRAME_CHANGES);
        assert!(frame.to_string().len() <= limits::SYNC_FRAME_BYTES);
    }
}

#[tokio::test]
async fn changes_that_are_not_kept_any_more_are_a_reset() {
    let server = server().await;
    let mut world = server.world();
    world.open(5, &[1], Routing::Member);
    (0..4).for_each(|_| drop(world.message(5)));
    world.forget(5, 3);
    let mut client = server.connect().await;
    client.resume("1/11", &cursors(&[(5, 1)], None)).await;
    let frames = client.synced().await;
    assert_eq!(numbers(&frames[..1]), [2], "what is there comes");
    assert_eq!(frames[1]["type"], "sync.reset");
    assert_eq!(frames[1]["data"]["rev"], 5);
}

#[tokio::test]
async fn the_feed_comes_first_and_names_conversations_to_catch_up_with() {
    let server = server().await;
    let mut world = server.world();
    world.open(5, &[2], Routing::Member);
    world.open(6, &[1, 2], Routing::Member);
    world.open(7, &[1, 2], Routing::Member);
    world.note(1);
    world.add(5, 1);
    world.message(5);
    world.remove(6, 1);
    // Removed and added again: what the client had of it is gone.
    world.remove(7, 1);
    world.add(7, 1);
    world.message(7);
    let mut client = server.connect().await;
    client.resume("1/11", &cursors(&[(6, 1), (7, 1)], Some(1))).await;
    let frames = client.synced().await;
    assert_eq!(frames[0]["feed"], 5);
    assert_eq!(numbers(&frames[..1]), [2, 3, 4, 5]);
    let of = |at: usize| (frames[at]["conversationId"].clone(), numbers(&frames[at..=at]));
    assert_eq!(of(1), (conversation(5).to_string().into(), vec![3]));
    assert_eq!(of(2), (conversation(7).to_string().into(), vec![4]));
    let reached: Value = serde_json::from_str(&cursors(&[(5, 3), (7, 4)], Some(5))).unwrap();
    assert_eq!(frames[3]["data"]["cursors"], reached);
    server.deliver(vec![world.note(1), world.message(5), world.message(7)]);
    assert_eq!(client.revs().await.len(), 3);
}

#[tokio::test]
async fn receipts_are_told_as_they_are_and_private_ones_to_their_owner_alone() {
    let server = server().await;
    let mut world = server.world();
    world.open(5, &[1, 2, 3], Routing::Member);
    world.open(6, &[1, 2], Routing::Conversation);
    world.mark(5, 1, 4, 3, true);
    world.mark(5, 2, 5, 5, false);
    world.mark(5, 3, 2, 2, true);
    world.mark(5, 9, 9, 9, false);
    world.mark(6, 2, 1, 1, false);
    let mut client = server.enter(1, 11).await;
    client.request("s", "sync", &cursors(&[(5, 1), (6, 1)], None)).await;
    let frames = client.synced().await;
    assert_eq!((frames.len(), &frames[0]["type"]), (2, &"sync.receipts".into()));
    let of = |one: &Value| {
        assert_eq!(one["conversationId"], conversation(5).to_string());
        assert!(one["at"].is_string());
        let user = one["userId"].as_str().unwrap().chars().last().unwrap();
        (user, one["kind"].as_str().unwrap().to_owned(), one["seq"].as_i64().unwrap())
    };
    let receipts: Vec<_> = frames[0]["data"].as_array().unwrap().iter().map(of).collect();
    let expected = [
        ('1', "delivered", 4),
        ('1', "read", 3),
        ('2', "delivered", 5),
        ('2', "read", 5),
        ('3', "delivered", 2),
    ];
    assert_eq!(receipts, expected.map(|(user, kind, seq)| (user, kind.to_owned(), seq)));
}

#[tokio::test]
async fn bad_cursors_are_refused_in_words() {
    let server = server().await;
    let mut live = server.enter(1, 11).await;
    for (bad, code) in [
        (r#"{"conversations":{"x":1}}"#, "malformed_id"),
        (r#"{"feed":-1}"#, "validation_failed"),
        (r#"{"conversation":{}}"#, "unknown_field"),
        ("null", "validation_failed"),
    ] {
        live.request("s", "sync", bad).await;
        assert_eq!(live.error().await, code, "{bad}");
        if bad != "null" {
            let mut client = server.connect().await;
            assert_eq!(client.resume("1/12", bad).await["error"]["code"], code, "{bad}");
            assert_eq!(client.closed().await, 4401);
        }
    }
}

#[tokio::test]
async fn one_sync_at_a_time_and_requests_and_other_events_go_on_meanwhile() {
    let server = server().await;
    let mut world = server.world();
    world.open(5, &[1], Routing::Member);
    world.open(6, &[1], Routing::Member);
    (0..500).for_each(|_| drop(world.message(5)));
    let mut client = server.enter(1, 11).await;
    client.request("s", "sync", &cursors(&[(5, 1)], None)).await;
    client.request("t", "sync", &cursors(&[(5, 1)], None)).await;
    client
        .request("a", "auth", &format!(r#"{{"token":"1/11","cursors":{}}}"#, cursors(&[], None)))
        .await;
    client.request("e", "echo", "7").await;
    wait_for("it reads", || server.scans() > 0).await;
    server.deliver(vec![world.message(5), world.message(6)]);
    let frames = client.synced().await;
    let position = |what: &dyn Fn(&Value) -> bool| frames.iter().position(what).unwrap();
    let refused = position(&|f| f["id"] == "t");
    assert_eq!(frames[refused]["error"]["code"], "conflict");
    assert_eq!(frames[position(&|f| f["id"] == "a")]["data"]["recovered"], false);
    assert_eq!(frames[position(&|f| f["id"] == "e")]["data"], 7);
    position(&|f| f["conversationId"] == *conversation(6).to_string() && f["rev"] == 2);
    let five = |f: &&Value| f["conversationId"] == *conversation(5).to_string();
    let mut revs = numbers(&frames.iter().filter(five).cloned().collect::<Vec<_>>());
    revs.extend(client.revs().await);
    assert_eq!(revs, (2..=502).collect::<Vec<_>>());
    client.request("u", "sync", "{}").await;
    assert_eq!(client.synced().await[0]["ok"], true);
}

#[tokio::test]
async fn nothing_is_read_for_one_who_does_not_read() {
    let server = server().await;
    *server.store.pause.lock() = std::time::Duration::ZERO;
    let mut world = server.world();
    let talks: Vec<_> = (5..15).collect();
    for &talk in &talks {
        world.open(talk, &[1], Routing::Member);
        (0..400).for_each(|_| drop(world.large_message(talk, 4_000)));
    }
    let mut client = server.enter_narrow(1, 11).await;
    let all: Vec<_> = talks.iter().map(|talk| (*talk, 1)).collect();
    client.request("s", "sync", &cursors(&all, None)).await;
    let before = Mutex::new((0, 0));
    wait_for("it stops", || {
        let (scans, same) = *before.lock();
        let now = server.scans();
        *before.lock() = (now, if now == scans && now > 0 { same + 1 } else { 0 });
        same > 50
    })
    .await;
    // 16 MB in frames of 64 KiB are more than 250 scans; the kernel takes a few MB.
    assert!(server.scans() < 150, "{}", server.scans());
    let frames = client.synced().await;
    assert_eq!(numbers(&frames).len(), 4_000);
    assert!(server.scans() > 250);
}

#[tokio::test]
async fn more_than_may_wait_ends_the_sync_with_a_resync_and_the_next_one_brings_it() {
    let server = server().await;
    let mut world = server.world();
    world.open(5, &[1], Routing::Member);
    (0..300).for_each(|_| drop(world.message(5)));
    let mut client = server.enter(1, 11).await;
    client.request("s", "sync", &cursors(&[(5, 1)], None)).await;
    client.frame().await;
    for rev in 302..312 {
        let text = "x".repeat(30_000);
        let frame = format!(r#"{{"type":"big","rev":{rev},"data":"{text}"}}"#);
        server.deliver(vec![sized(5, rev, &[1], frame.into())]);
    }
    let mut resyncs = 0;
    loop {
        let frame = client.frame().await;
        resyncs += usize::from(frame["type"] == "resync");
        assert_ne!(frame["type"], "big");
        if frame["type"] == "sync.done" {
            assert_eq!(frame["error"]["code"], "overloaded");
            break;
        }
    }
    client.request("t", "sync", &cursors(&[(5, 299)], None)).await;
    let frames = client.synced().await;
    resyncs += frames.iter().filter(|frame| frame["type"] == "resync").count();
    assert_eq!((numbers(&frames), resyncs), (vec![300, 301], 1));
}

#[tokio::test]
async fn a_store_that_is_away_ends_the_sync_and_nothing_that_waited_is_lost() {
    let server = server().await;
    let mut world = server.world();
    world.open(5, &[1], Routing::Member);
    world.message(5);
    let mut client = server.enter(1, 11).await;
    server.store.away.store(true, Ordering::SeqCst);
    client.request("s", "sync", &cursors(&[(5, 1)], None)).await;
    client.request("1", "echo", "1").await;
    assert_eq!(client.frame().await["id"], "1");
    server.deliver(vec![world.message(5)]);
    // What waited comes before the answer or behind it.
    let mut frames = client.synced().await;
    let done = frames.pop().unwrap();
    assert_eq!(done["error"]["code"], "overloaded");
    if frames.is_empty() {
        frames.push(client.frame().await);
    }
    assert_eq!(numbers(&frames), [3]);
    server.store.away.store(false, Ordering::SeqCst);
    client.request("s", "sync", &cursors(&[(5, 1)], None)).await;
    assert_eq!(numbers(&client.synced().await), [2, 3]);
}

#[tokio::test]
async fn one_who_is_removed_in_the_middle_gets_nothing_that_comes_after() {
    let server = server().await;
    let world = Arc::new(Mutex::new(server.world()));
    world.lock().open(5, &[1, 2], Routing::Member);
    (0..150).for_each(|_| drop(world.lock().message(5)));
    let mut client = server.connect().await;
    let (inner, mut scans) = (world.clone(), 0);
    server.store.after_reads(move |table| {
        scans += usize::from(table == "changes");
        let mut world = inner.lock();
        if scans == 1 && world.is_member(5, 1) {
            world.remove(5, 1);
            world.message(5);
        }
    });
    client.resume("1/11", &cursors(&[(5, 1)], None)).await;
    let frames = client.synced().await;
    let wall = world.lock().removed_at(5, 1).unwrap();
    assert!(numbers(&frames[..frames.len() - 1]).iter().all(|rev| *rev <= wall));
    let reset = &frames[frames.len() - 2]["data"];
    assert_eq!((&reset["recovered"], &reset["removed"]), (&false.into(), &true.into()));
    let reached: Value = serde_json::from_str(&cursors(&[], None)).unwrap();
    assert_eq!(frames[frames.len() - 1]["data"]["cursors"], reached);
}
