//! A goodbye is answered, whenever it comes: a client that hears none takes the end for a failure.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use super::client::{Client, Poller};
use crate::harness::{server, wait_for};

#[tokio::test]
async fn the_goodbye_of_a_websocket_is_answered_as_it_came() {
    let server = server().await;
    let mut stranger = Client::open(&server, "").await;
    stranger.bye(1000).await;
    assert_eq!(stranger.closed().await, 1000, "before a namespace is joined");
    let mut refused = Client::open(&server, "").await;
    refused.send(r#"0{"token":"none"}"#).await;
    assert!(refused.packet().await.starts_with("4{"));
    refused.bye(3000).await;
    assert_eq!(refused.closed().await, 3000, "after a token that is none");
    let mut joined = Client::enter(&server, "1/11").await;
    joined.bye(1001).await;
    assert_eq!(joined.closed().await, 1001, "of a session");
    wait_for("nobody is left", || server.delivery.open() == 0).await;
}

#[tokio::test]
async fn the_goodbye_of_the_engine_ends_the_websocket_with_one_of_its_own_at_once() {
    let server = server().await;
    let mut stranger = Client::open(&server, "").await;
    stranger.send_raw("1").await;
    assert_eq!(stranger.closed().await, 1000);
    let mut joined = Client::enter_both(&server, "1/11").await;
    let start = Instant::now();
    joined.send_raw("1").await;
    assert_eq!(joined.closed().await, 1000);
    assert!(start.elapsed() < Duration::from_millis(500));
    wait_for("nobody is left", || server.delivery.open() == 0).await;
}

#[tokio::test]
async fn who_leaves_both_namespaces_and_says_goodbye_is_answered() {
    let server = server().await;
    let mut client = Client::enter(&server, "1/11").await;
    client.send("1").await;
    client.send_raw("1").await;
    assert_eq!(client.closed().await, 1000);
    wait_for("nobody is left", || server.delivery.open() == 0).await;
}

#[tokio::test]
async fn the_goodbye_of_a_websocket_that_was_to_take_over_is_answered() {
    let server = server().await;
    let poller = Poller::enter(&server, "1/11").await;
    let mut socket = poller.probe().await;
    socket.send(Message::Close(None)).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::Close(None));
    assert!(poller.is_known().await, "it polls on");
}

#[tokio::test]
async fn a_poll_that_waits_is_told_of_the_end_whatever_its_reason() {
    let server = server().await;
    for broken in ["7", "4abc"] {
        let poller = Poller::enter(&server, "1/11").await;
        let polls = poller.until_closed();
        let breaks = async {
            // Without a poll that waits the next one is told that there is no such connection.
            tokio::time::sleep(Duration::from_millis(100)).await;
            poller.request("POST", broken).await;
        };
        let (polls, ()) = tokio::join!(polls, breaks);
        assert_eq!(polls, ["1"], "{broken}");
        assert!(!poller.is_known().await);
    }
}
