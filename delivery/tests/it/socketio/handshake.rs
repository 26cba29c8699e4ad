//! Who gets in, on which namespace, and what is said to who does not.

use serde_json::Value;

use super::client::{Client, Poller};
use crate::harness::{server, user, wait_for};

fn refusal(packet: &str, head: &str) -> Value {
    serde_json::from_str(packet.strip_prefix(head).unwrap_or_else(|| panic!("{packet}"))).unwrap()
}

#[tokio::test]
async fn a_bad_token_is_a_connect_error_with_a_reason_and_another_may_be_shown() {
    let server = server().await;
    let mut client = Client::open(&server, "").await;
    for (auth, text, code) in [
        ("", "Authentication token required", "unauthenticated"),
        (r#"{"token":""}"#, "Authentication token required", "unauthenticated"),
        (r#"{"token":"no"}"#, "Invalid authentication token", "unauthenticated"),
        (r#"{"token":"expired"}"#, "Invalid authentication token", "token_expired"),
        (r#"{"token":"ended"}"#, "Session ended", "session_ended"),
    ] {
        client.send(&format!("0{auth}")).await;
        let refused = refusal(&client.packet().await, "4");
        assert_eq!(
            (refused["message"].as_str(), refused["data"]["code"].as_str()),
            (Some(text), Some(code))
        );
    }
    client.send("0/notifications,").await;
    assert_eq!(client.packet().await, r#"4/notifications,{"message":"Invalid namespace"}"#);
    assert_eq!(server.sockets(), 0);
    client.send(r#"0{"token":"Bearer 1/11"}"#).await;
    assert!(client.packet().await.starts_with(r#"0{"sid":""#));
    let (name, data) = client.event().await;
    assert_eq!(
        (name.as_str(), data["userId"].as_str().unwrap()),
        ("connected", user(1).to_string().as_str())
    );
    assert_eq!(server.sockets(), 1);
    assert!(server.routed(1), "whoever has his answer is reached");
}

#[tokio::test]
async fn a_token_may_stand_in_the_query_and_what_comes_with_the_packet_goes_first() {
    let server = server().await;
    let mut client = Client::open(&server, "&token=1%2F11").await;
    client.send("0").await;
    assert!(client.packet().await.starts_with(r#"0{"sid":""#));
    let mut client = Client::open(&server, "&token=1%2F11").await;
    client.send(r#"0{"token":"no"}"#).await;
    assert!(client.packet().await.starts_with("4{"));
}

#[tokio::test]
async fn a_second_namespace_shows_a_token_of_the_same_session() {
    let server = server().await;
    let mut client = Client::enter(&server, "1/11").await;
    for foreign in ["2/21", "1/12"] {
        client.send(&format!(r#"0/presence,{{"token":"{foreign}"}}"#)).await;
        let refused = refusal(&client.packet().await, "4/presence,");
        assert_eq!(refused["data"]["code"], "conflict", "{foreign}");
    }
    client.send(r#"0/presence,{"token":"1/11"}"#).await;
    assert!(client.packet().await.starts_with(r#"0/presence,{"sid":""#));
    assert_eq!(server.sockets(), 1, "one session, whichever namespaces");
    client.send("1").await;
    client.send(r#"2/presence,7["heartbeat"]"#).await;
    assert_eq!(client.ack("3/presence,7").await["success"], true);
    assert_eq!(server.sockets(), 1);
    client.send("1/presence,").await;
    wait_for("who has left both has left", || server.sockets() == 0).await;
}

#[tokio::test]
async fn who_says_nothing_ends() {
    let timing = delivery::Timing {
        auth: std::time::Duration::from_millis(300),
        ..delivery::Timing::default()
    };
    let server = crate::harness::server_in(timing).await;
    let mut silent = Client::open(&server, "").await;
    assert_eq!(silent.closed().await, 4401);
    wait_for("its place is free", || server.delivery.open() == 0).await;
}

#[tokio::test]
async fn what_is_no_packet_ends() {
    let server = server().await;
    let mut early = Client::open(&server, "").await;
    early.send(r#"2["message:send",{}]"#).await;
    assert_eq!(early.closed().await, 4400);
    let mut broken = Client::enter(&server, "1/11").await;
    broken.send("9").await;
    assert_eq!(broken.closed().await, 4400);
    wait_for("all places are free", || server.delivery.open() == 0).await;
}

#[tokio::test]
async fn the_twenty_first_socket_of_a_user_is_told_so() {
    let server = server().await;
    let mut open = Vec::new();
    for session in 0..schemas::limits::SOCKETS_PER_USER {
        open.push(Client::enter(&server, &format!("1/{session}")).await);
    }
    let mut next = Client::open(&server, "").await;
    next.send(r#"0{"token":"1/99"}"#).await;
    let refused = refusal(&next.packet().await, "4");
    assert_eq!(refused["data"]["code"], "rate_limited");
    assert_eq!(next.closed().await, 4429, "it does not stay, counted as nothing");
    assert_eq!(server.sockets(), 20);
    drop(next);
    wait_for("its place is free", || server.delivery.open() == 20).await;
}

#[tokio::test]
async fn one_who_polls_is_a_session_like_any_other() {
    let server = server().await;
    let poller = Poller::enter(&server, "1/11").await;
    let (_websocket, _ws) = (Client::enter(&server, "2/21").await, server.enter(3, 31).await);
    assert_eq!(server.sockets(), 3);
    let metrics = String::from_utf8(server.metrics.render()).unwrap();
    for protocol in ["ws", "socket_io", "socket_io_polling"] {
        let line = format!(r#"parlance_sockets_by_protocol{{protocol="{protocol}"}} 1"#);
        assert!(metrics.contains(&line), "{line}");
    }
    poller.post(r#"427["heartbeat"]"#).await;
    assert!(poller.until("437[").await.contains(r#""success":true"#));
    server.deliver(vec![super::told::message(5, 1, &[1])]);
    assert!(poller.until("42[\"message:new\"").await.contains("hello"));
    poller.post("41").await;
    wait_for("he has left", || server.sockets() == 2).await;
}

#[tokio::test]
async fn who_has_not_said_who_he_is_counts_for_his_address_until_he_has() {
    let config = delivery::Config { max_unauthenticated: 1, ..delivery::Config::default() };
    let server = crate::harness::server_with(config).await;
    let path = "/socket.io/?EIO=4&transport=websocket";
    let mut first = Client::open(&server, "").await;
    assert_eq!(server.connect_to(path, &[]).await.err(), Some(429));
    first.send(r#"0{"token":"1/11"}"#).await;
    assert!(first.packet().await.starts_with(r#"0{"sid":""#));
    let second = Client::open(&server, "").await;
    assert_eq!(server.connect_to(path, &[]).await.err(), Some(429));
    drop(second);
    wait_for("his place is free", || server.delivery.open() == 1).await;
    assert!(server.connect_to(path, &[]).await.is_ok());
}

#[tokio::test]
async fn pages_of_other_origins_are_refused_before_anything_is_opened() {
    let server = server().await;
    let path = "/socket.io/?EIO=4&transport=websocket";
    let foreign = [("origin", "https://elsewhere.example")];
    assert_eq!(server.connect_to(path, &foreign).await.err(), Some(403));
    assert!(server.connect_to(path, &[("origin", "http://localhost:5173")]).await.is_ok());
}
