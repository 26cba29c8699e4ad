//! Requests and their answers.

use std::cell::Cell;
use std::time::Instant;

use futures_util::SinkExt;
use schemas::limits;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{Client, Heard, Server, event, server, wait_for};

/// Lets a socket's loop turn many times, in each of which it could read: nothing else is heard.
async fn turns(server: &Server, client: &mut Client) {
    for rev in 1..=20 {
        server.deliver(vec![event(5, rev, &[1])]);
        assert_eq!(client.frame().await["rev"], rev);
    }
}

/// Answers to `count` requests that were held and to the ping behind them, which comes after `first` of the
/// others at the earliest.
async fn answers(client: &mut Client, count: usize, first: usize) {
    let mut ids = Vec::new();
    for _ in 0..=count {
        let frame = client.frame().await;
        assert_eq!(frame["ok"], true);
        ids.push(frame["id"].clone());
    }
    let ping = ids.iter().position(|id| *id == "ping").unwrap();
    assert!(ping >= first, "{ping}: there was no room for it before");
}

#[tokio::test]
async fn answers_carry_the_id_and_the_data_as_it_came() {
    let server = server().await;
    let mut client = server.enter(1, 11).await;
    client.request("7", "echo", r#"{"a": [1, "é"]}"#).await;
    client.request("8", "refused", "null").await;
    let frame = client.frame().await;
    assert_eq!((&frame["id"], &frame["ok"]), (&"7".into(), &true.into()));
    assert_eq!(frame["data"], serde_json::json!({"a": [1, "é"]}));
    assert_eq!(client.error().await, "not_member");
    client.request("9", "ping", "null").await;
    assert!(client.frame().await["data"]["at"].is_string());
}

#[tokio::test]
async fn requests_are_accepted_in_the_order_they_came() {
    let server = server().await;
    let mut client = server.enter(1, 11).await;
    for n in 0..12 {
        let kind = if n % 3 == 0 { "slow.accept" } else { "echo" };
        client
            .0
            .feed(Message::text(format!(r#"{{"id":"{n}","type":"{kind}","data":{n}}}"#)))
            .await
            .unwrap();
    }
    client.0.flush().await.unwrap();
    for _ in 0..12 {
        client.frame().await;
    }
    let expected: Vec<_> = (0..12).map(|n| n.to_string()).collect();
    assert_eq!(*server.inbound.accepted.lock(), expected);
}

#[tokio::test]
async fn events_go_on_while_a_request_is_being_accepted_and_others_are_held() {
    let server = server().await;
    let mut client = server.enter(1, 11).await;
    client.request("1", "held", "1").await;
    client.request("2", "held.accept", "2").await;
    wait_for("both are asked for", || server.inbound.accepted.lock().len() == 2).await;
    server.deliver(vec![event(5, 1, &[1])]);
    assert_eq!(client.frame().await["rev"], 1);
    server.inbound.admit.add_permits(1);
    assert_eq!(client.frame().await["id"], "2");
    server.inbound.release.add_permits(1);
    assert_eq!(client.frame().await["id"], "1");
}

#[tokio::test]
async fn sixty_four_wait_and_then_nothing_is_read() {
    let server = server().await;
    let mut client = server.enter(1, 11).await;
    for n in 0..limits::SOCKET_IN_FLIGHT + 5 {
        client.request(&n.to_string(), "held", "0").await;
    }
    let accepted = || server.inbound.accepted.lock().len();
    client.request("ping", "ping", "null").await;
    wait_for("all places are taken", || accepted() == limits::SOCKET_IN_FLIGHT).await;
    turns(&server, &mut client).await;
    assert_eq!(accepted(), limits::SOCKET_IN_FLIGHT);
    server.inbound.release.add_permits(2);
    wait_for("two more are read", || accepted() == limits::SOCKET_IN_FLIGHT + 2).await;
    server.inbound.release.add_permits(limits::SOCKET_IN_FLIGHT + 3);
    // With five of them all places are taken still.
    answers(&mut client, limits::SOCKET_IN_FLIGHT + 5, 6).await;
}

#[tokio::test]
async fn large_requests_that_wait_stop_the_reading_earlier() {
    let server = server().await;
    let mut client = server.enter(1, 11).await;
    let data = format!("\"{}\"", "x".repeat(100_000));
    for n in 0..6 {
        client.request(&n.to_string(), "held", &data).await;
    }
    let accepted = || server.inbound.accepted.lock().len();
    client.request("ping", "ping", "null").await;
    // The third passes 256 KiB.
    wait_for("three are read", || accepted() == 3).await;
    turns(&server, &mut client).await;
    assert_eq!(accepted(), 3);
    server.inbound.release.add_permits(1);
    wait_for("one more is read", || accepted() == 4).await;
    server.inbound.release.add_permits(5);
    // As long as three of them wait, nothing is read.
    answers(&mut client, 6, 4).await;
}

#[tokio::test]
async fn one_who_asks_and_does_not_read_is_not_read_either() {
    let server = server().await;
    let mut client = server.enter_narrow(1, 11).await;
    let data = format!("\"{}\"", "x".repeat(60_000));
    let asked = Cell::new(0);
    let flood = async {
        loop {
            client.request("1", "echo", &data).await;
            asked.set(asked.get() + 1);
        }
    };
    let accepted = || server.inbound.accepted.lock().len();
    let before = Cell::new(((0, 0), 0));
    // The kernel takes no more on both sides.
    let stops = wait_for("it stops", || {
        let (last, same) = before.get();
        let now = (asked.get(), accepted());
        before.set((now, if now == last && now.1 > 0 { same + 1 } else { 0 }));
        same > 50
    });
    tokio::select! {
        () = flood => unreachable!("it asks for ever"),
        () = stops => {}
    }
    assert!(accepted() < asked.get(), "{} of {}", accepted(), asked.get());
}

#[tokio::test]
async fn mistakes_are_answered_and_the_socket_stays() {
    let server = server().await;
    let mut client = server.enter(1, 11).await;
    for (frame, code) in [
        (r#"{"id":"1","type":"conversation.teleport"}"#, "unsupported"),
        (r#"{"id":"2","type":"ping","extra":1}"#, "unknown_field"),
        (r#"{"id":"3"}"#, "validation_failed"),
        ("{", "malformed_json"),
        ("[1]", "validation_failed"),
    ] {
        client.send(frame).await;
        assert_eq!(client.error().await, code, "{frame}");
    }
    client.request("4", "ping", "null").await;
    assert_eq!(client.frame().await["ok"], true);
}

#[tokio::test]
async fn the_fifth_frame_that_is_nothing_closes_the_socket_after_its_answer() {
    let server = server().await;
    let mut client = server.enter(1, 11).await;
    for _ in 0..5 {
        client.send("nonsense").await;
    }
    for _ in 0..5 {
        assert_eq!(client.error().await, "malformed_json");
    }
    assert_eq!(client.closed().await, 4400);
}

#[tokio::test]
async fn a_frame_of_128_kib_is_read_and_one_byte_more_closes() {
    let server = server().await;
    let mut client = server.enter(1, 11).await;
    let shell = r#"{"id":"1","type":"echo","data":""}"#.len();
    let data = "x".repeat(limits::BODY_BYTES - shell);
    client.request("1", "echo", &format!("\"{data}\"")).await;
    assert_eq!(client.frame().await["data"].as_str().unwrap().len(), data.len());
    client.request("1", "echo", &format!("\"{data}x\"")).await;
    assert_eq!(client.closed().await, 4413);
    let mut client = server.enter(1, 11).await;
    client.0.send(Message::binary(vec![0])).await.unwrap();
    assert_eq!(client.closed().await, 4400);
}

#[tokio::test]
async fn a_burst_passes_what_follows_is_refused_and_a_flood_is_closed() {
    let server = server().await;
    let mut client = server.enter(1, 11).await;
    let start = Instant::now();
    for n in 0..1_000 {
        let frame = Message::text(format!(r#"{{"id":"{n}","type":"ping"}}"#));
        if client.0.feed(frame).await.is_err() {
            break;
        }
    }
    drop(client.0.flush().await);
    let (mut passed, mut refused) = (0, 0);
    let close = loop {
        match client.hear().await {
            Heard::Frame(frame) if frame["ok"] == true => passed += 1,
            Heard::Frame(frame) => {
                assert_eq!(frame["error"]["code"], "rate_limited");
                assert!(frame["error"]["retryAfterMs"].as_u64().unwrap() <= 20);
                refused += 1;
            }
            Heard::Close(code) => break code,
            Heard::Gone => panic!("no close code"),
        }
    };
    assert_eq!(close, 4429);
    // What time gives back, and one that it is about to.
    let up_to = |cell_ms| 101 + start.elapsed().as_millis() / cell_ms;
    assert!((100..=up_to(20)).contains(&passed), "{passed}");
    assert!((100..=up_to(100)).contains(&refused), "{refused}");
}
