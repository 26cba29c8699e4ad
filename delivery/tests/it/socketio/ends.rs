//! How a connection ends: for good, or so that the stock client comes back.

use std::cell::Cell;
use std::time::Duration;

use bytes::Bytes;
use delivery::Timing;
use futures_util::StreamExt;
use schemas::outbound::{Outbound, SessionEnded};
use serde_json::json;
use tokio::time::Instant;

use super::client::{Client, Heard, Poller};
use super::told::message;
use crate::harness::{SOON, server, server_in, sized, unless_stalled, user, wait_for};

fn ended(number: u128, session: u128) -> Outbound {
    Outbound::SessionEnded(SessionEnded {
        user: user(number),
        session: schemas::SessionId(uuid::Uuid::from_u128(session)),
        until: schemas::Timestamp(i64::MAX),
    })
}

#[tokio::test]
async fn a_session_that_ends_is_told_on_every_namespace_and_closed_at_once() {
    let timing = Timing { linger: Duration::from_mins(1), ..Timing::default() };
    let server = server_in(timing).await;
    let mut client = Client::enter_both(&server, "1/11").await;
    let mut other = Client::enter(&server, "1/12").await;
    let poller = Poller::enter(&server, "1/11").await;
    server.deliver(vec![ended(1, 11)]);
    assert_eq!(client.packet().await, "1");
    assert_eq!(client.packet().await, "1/presence,");
    assert_eq!(client.closed().await, 4403);
    // In two polls: the stock client looks at the end of a transport before it looks at what came with it.
    assert_eq!(poller.until_closed().await, ["41", "1"]);
    assert!(!poller.is_known().await);
    assert!(other.names().await.is_empty(), "another session of the user goes on");
    assert_eq!(server.sockets(), 1);
}

#[tokio::test]
async fn a_session_that_was_not_refreshed_ends_so_that_its_client_shows_a_newer_token() {
    let life = Cell::new(150);
    unless_stalled(Duration::from_millis(50), async || {
        // Twice as long with each try: a newer one must be shown before it is over.
        life.set(life.get() * 2);
        let token = format!("1/11/{}", life.get());
        let server = server().await;
        let mut left = Client::enter(&server, &token).await;
        let mut renewed = Client::enter(&server, &token).await;
        renewed.send(r#"0/presence,{"token":"1/11/600000"}"#).await;
        assert!(renewed.packet().await.starts_with("0/presence,"));
        assert_eq!(left.closed().await, 4403, "without a packet before it");
        assert!(renewed.names().await.is_empty());
    })
    .await;
}

#[tokio::test]
async fn the_shutdown_ends_transports_without_a_word_so_that_clients_come_back() {
    let timing = Timing { spread: Duration::from_millis(100), ..Timing::default() };
    let server = server_in(timing).await;
    let mut client = Client::enter(&server, "1/11").await;
    let mut waiting = Client::open(&server, "").await;
    server.life.stop();
    assert_eq!(client.closed().await, 1012);
    assert_eq!(waiting.closed().await, 1012);
    drop((client, waiting));
    wait_for("nobody is left", || server.delivery.open() == 0).await;
}

#[tokio::test]
async fn one_who_has_lost_events_is_told_and_connects_anew() {
    let server = server().await;
    let mut client = Client::enter(&server, "1/11").await;
    server.sink.lost();
    loop {
        match client.hear().await {
            Heard::Packet(packet) => assert_eq!(packet, r#"2["resync",{}]"#),
            end => {
                assert_eq!(end, Heard::Close(4508));
                break;
            }
        }
    }
}

#[tokio::test]
async fn one_who_stops_polling_is_closed_in_time_and_others_are_not_held_up() {
    // Whoever does not poll is not waited for once more.
    let (drain, linger) = (Duration::from_millis(500), Duration::from_mins(1));
    let server = server_in(Timing { drain, linger, ..Timing::default() }).await;
    let few = Poller::enter(&server, "1/11").await;
    let many = Poller::enter(&server, "3/31").await;
    let mut good = Client::enter(&server, "2/21").await;
    assert_eq!(server.sockets(), 3);
    let start = Instant::now();
    server.deliver(vec![message(5, 1, &[1, 2])]);
    assert_eq!(good.event().await.0, "message:new");
    let text = "x".repeat(32_768);
    let data = json!({"id": user(900), "senderId": user(9), "content": text});
    for rev in 1..=20 {
        let frame = Bytes::from(format!(
            r#"{{"type":"message.created","conversationId":"{}","rev":{rev},"seq":{rev},"data":{data}}}"#,
            crate::harness::conversation(6)
        ));
        server.deliver(vec![sized(6, rev, &[2, 3], frame)]);
        assert_eq!(good.event().await.0, "message:new");
    }
    wait_for("who does not poll is out", || server.sockets() == 1).await;
    assert!(start.elapsed() >= Duration::from_millis(500));
    wait_for("its connection is ended", || server.delivery.open() == 1).await;
    assert!(!few.is_known().await && !many.is_known().await);
    assert!(good.names().await.is_empty());
}

#[tokio::test]
async fn one_who_polls_now_and_then_stays() {
    for _ in 0..8 {
        if polls_now_and_then().await {
            return;
        }
    }
    panic!("this machine is too slow to poll in time");
}

/// False if this process could not poll in time.
async fn polls_now_and_then() -> bool {
    let drain = Duration::from_millis(400);
    let server = server_in(Timing { drain, ..Timing::default() }).await;
    let poller = Poller::enter(&server, "1/11").await;
    let mut heard = 0;
    for rev in 1..=12 {
        let start = Instant::now();
        server.deliver(vec![message(5, rev, &[1])]);
        tokio::time::sleep(Duration::from_millis(100)).await;
        let (status, body) = poller.poll().await;
        if start.elapsed() >= drain {
            return false;
        }
        assert_eq!(status, 200, "{body}");
        heard += body.split('\u{1e}').filter(|packet| packet.contains("message:new")).count();
    }
    assert_eq!((heard, server.sockets()), (12, 1));
    true
}

#[tokio::test]
async fn what_a_poller_said_before_it_left_is_done() {
    let server = server().await;
    let poller = Poller::enter(&server, "1/11").await;
    let send = |n| format!(r#"42{n}["message:send",{{"conversationId":"c","content":"{n}"}}]"#);
    let mut body: Vec<_> = (0..80).map(send).collect();
    body.extend(["41".to_owned(), "1".to_owned()]);
    poller.post(&body.join("\u{1e}")).await;
    wait_for("it has left", || server.sockets() == 0).await;
    assert_eq!(server.inbound.accepted.lock().len(), 80);
}

#[tokio::test]
async fn a_websocket_that_was_to_take_over_ends_with_the_connection() {
    // Far longer than the end is waited for: the time in which it should have taken over.
    let server = server_in(Timing { auth: Duration::from_mins(1), ..Timing::default() }).await;
    let poller = Poller::enter(&server, "1/11").await;
    let mut socket = poller.probe().await;
    poller.post("1").await;
    let ends = async { while let Some(Ok(_)) = socket.next().await {} };
    tokio::time::timeout(SOON, ends).await.expect("it ends");
}
