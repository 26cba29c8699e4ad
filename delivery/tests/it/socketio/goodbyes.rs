//! A goodbye is answered, whenever it comes: a client that hears none takes the end for a failure.

use std::time::Duration;

use delivery::Timing;
use futures_util::{SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::Message;

use super::client::{Client, Poller};
use crate::harness::{server, server_in, wait_for};

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
    // Who waits for the peer waits longer than this test does.
    let server = server_in(Timing { linger: Duration::from_mins(1), ..Timing::default() }).await;
    let mut stranger = Client::open(&server, "").await;
    stranger.send_raw("1").await;
    assert_eq!(stranger.closed().await, 1000);
    let mut joined = Client::enter_both(&server, "1/11").await;
    joined.send_raw("1").await;
    assert_eq!(joined.closed().await, 1000);
    // Neither answers it: they are gone.
    drop((stranger, joined));
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
        let mut tries = 0..10;
        let told = loop {
            let number = tries.next().expect("a poll comes before what breaks the connection");
            let poller = Poller::enter(&server, "1/11").await;
            let breaks = async {
                tokio::time::sleep(Duration::from_millis(50) * (number + 1)).await;
                poller.request("POST", broken).await;
            };
            let (told, ()) = tokio::join!(poller.poll(), breaks);
            assert!(!poller.is_known().await);
            // A poll that comes after the end: there is no such connection.
            if told.0 != 400 || !told.1.contains(r#""code":1"#) {
                break told;
            }
        };
        assert_eq!(told, (200, "1".to_owned()), "{broken}");
    }
}
