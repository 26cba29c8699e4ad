//! Who gets in, and what he is told otherwise.

use std::sync::atomic::Ordering;
use std::time::Duration;

use delivery::{Config, Timing};
use futures_util::SinkExt;
use schemas::outbound::SessionEnded;
use schemas::{SessionId, Timestamp};
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use crate::harness::{server, server_in, server_with, user, wait_for};

#[tokio::test]
async fn a_valid_token_is_answered_with_who_it_is_and_routed_before() {
    let server = server().await;
    let mut client = server.connect().await;
    assert_eq!(server.sockets(), 0);
    let answer = client.auth("1/11").await;
    assert_eq!(answer["id"], "0");
    assert_eq!(answer["data"]["userId"], user(1).to_string());
    assert_eq!(answer["data"]["sessionId"], Uuid::from_u128(11).to_string());
    assert!(Timestamp::parse(answer["data"]["serverTime"].as_str().unwrap()).is_some());
    assert!(answer["data"].get("recovered").is_none());
    assert!(server.routed(1));
    assert_eq!(server.sockets(), 1);
    drop(client);
    wait_for("the route is withdrawn", || !server.routed(1)).await;
    assert_eq!((server.sockets(), server.delivery.open()), (0, 0));
}

#[tokio::test]
async fn the_route_stays_until_the_last_socket_has_left() {
    let server = server().await;
    let first = server.enter(1, 11).await;
    let mut second = server.enter(1, 12).await;
    drop(first);
    wait_for("one has left", || server.sockets() == 1).await;
    second.request("1", "ping", "null").await;
    second.frame().await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(server.routed(1));
}

#[tokio::test]
async fn what_is_wrong_with_the_first_frame_is_said_and_then_the_socket_closes() {
    let server = server().await;
    let auth = |data: &str| format!(r#"{{"id":"0","type":"auth","data":{data}}}"#);
    for (frame, code, close) in [
        (auth(r#"{"token":"nobody"}"#), "unauthenticated", 4401),
        (auth(r#"{"token":"expired"}"#), "token_expired", 4401),
        (auth(r#"{"token":"ended"}"#), "session_ended", 4403),
        (auth("{}"), "validation_failed", 4401),
        (auth("null"), "validation_failed", 4401),
        (auth(r#"{"token":"1/11","admin":true}"#), "unknown_field", 4401),
        (r#"{"id":"0","type":"ping"}"#.to_owned(), "unauthenticated", 4401),
        (r#"{"id":"0","type":"message.send"}"#.to_owned(), "unauthenticated", 4401),
        ("not json".to_owned(), "malformed_json", 4400),
        (r#"{"type":"auth"}"#.to_owned(), "validation_failed", 4400),
    ] {
        let mut client = server.connect().await;
        client.send(&frame).await;
        assert_eq!(client.error().await, code, "{frame}");
        assert_eq!(client.closed().await, close, "{frame}");
    }
    let mut client = server.connect().await;
    client.0.send(Message::binary(vec![1, 2])).await.unwrap();
    assert_eq!(client.closed().await, 4400);
    assert_eq!(server.sockets(), 0);
}

#[tokio::test]
async fn a_socket_that_says_nothing_or_only_pings_is_closed() {
    let timing = Timing { auth: Duration::from_millis(80), ..Timing::default() };
    let server = server_in(timing).await;
    let mut client = server.connect().await;
    client.0.send(Message::Ping(Default::default())).await.unwrap();
    assert_eq!(client.closed().await, 4401);
}

#[tokio::test]
async fn a_header_is_enough() {
    let server = server().await;
    let mut client = server.connect_with(&[("authorization", "Bearer 1/11")]).await.unwrap();
    let welcome = client.frame().await;
    // From here on it is live.
    assert!(server.routed(1));
    assert_eq!(server.sockets(), 1);
    assert_eq!(welcome["type"], "welcome");
    assert_eq!(welcome["data"]["userId"], user(1).to_string());
    assert_eq!(welcome["data"]["sessionId"], Uuid::from_u128(11).to_string());
    assert!(Timestamp::parse(welcome["data"]["serverTime"].as_str().unwrap()).is_some());
    client.request("1", "ping", "null").await;
    assert_eq!(client.frame().await["ok"], true);
    // A renewed token of the same session is welcome, one of another is not.
    assert_eq!(client.auth("1/11").await["ok"], true);
    assert_eq!(client.auth("1/12").await["error"]["code"], "conflict");
    for bad in ["Bearer nobody", "Basic abc", "1/11"] {
        assert_eq!(server.connect_with(&[("authorization", bad)]).await.err(), Some(401));
    }
}

#[tokio::test]
async fn the_subprotocol_is_ours_or_none() {
    const NAME: &str = "sec-websocket-protocol";
    let server = server().await;
    assert!(server.connect_with(&[(NAME, "graphql-ws, parlance.v1")]).await.is_ok());
    assert!(server.connect_with(&[(NAME, "parlance.v1")]).await.is_ok());
    assert_eq!(server.connect_with(&[(NAME, "graphql-ws")]).await.err(), Some(400));
    assert_eq!(server.connect_with(&[(NAME, "parlance.v2")]).await.err(), Some(400));
}

#[tokio::test]
async fn a_foreign_page_may_not_open_a_socket() {
    let server = server().await;
    assert_eq!(server.connect_with(&[("origin", "https://evil.example")]).await.err(), Some(403));
    assert_eq!(server.connect_with(&[("origin", "null")]).await.err(), Some(403));
    let same = format!("http://{}", server.address);
    assert!(server.connect_with(&[("origin", &same)]).await.is_ok());
    assert!(server.connect_with(&[("origin", "http://localhost:5173")]).await.is_ok());
}

#[tokio::test]
async fn no_token_in_a_url_and_no_socket_beyond_the_limit() {
    let server = server_with(Config { max_sockets: 1, ..Config::default() }).await;
    assert_eq!(server.connect_to("/ws?token=1/11", &[]).await.err(), Some(400));
    let client = server.connect().await;
    assert_eq!(server.connect_with(&[]).await.err(), Some(503));
    drop(client);
    wait_for("the place is free", || server.delivery.open() == 0).await;
    assert!(server.connect_with(&[]).await.is_ok());
}

#[tokio::test]
async fn a_session_that_ended_before_it_was_registered_does_not_get_in() {
    let server = server().await;
    server.node.end_session(&SessionEnded {
        session: SessionId(Uuid::from_u128(11)),
        user: user(1),
        until: Timestamp(i64::MAX),
    });
    let mut client = server.connect().await;
    client.request("0", "auth", r#"{"token":"1/11"}"#).await;
    assert_eq!(client.closed().await, 4403);
    assert_eq!(server.sockets(), 0);
}

#[tokio::test]
async fn a_socket_whose_route_could_not_be_announced_resyncs_when_it_is() {
    let server = server().await;
    server.ephemeral.away.store(true, Ordering::SeqCst);
    let mut client = server.enter(1, 11).await;
    assert!(!server.routed(1));
    server.ephemeral.away.store(false, Ordering::SeqCst);
    assert_eq!(client.frame().await["type"], "resync");
    assert!(server.routed(1));
}
