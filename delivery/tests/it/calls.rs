//! Whose socket ends has left the calls that he joined on it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use delivery::Timing;
use schemas::{Code, UserId, limits};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::harness::{Server, server, server_in, unless_stalled, wait_for};
use crate::socketio::client::{Client, Poller};

/// What acceptance was asked since the last look.
fn asked(server: &Server) -> Vec<Value> {
    let asked = std::mem::take(&mut *server.inbound.accepted.lock());
    asked.iter().map(|text| serde_json::from_str(text).unwrap()).collect()
}

/// The next things that it is asked.
async fn next(server: &Server, count: usize) -> Vec<Value> {
    wait_for("it is asked", || server.inbound.accepted.lock().len() >= count).await;
    asked(server)
}

async fn join(server: &Server, client: &mut Client, call: &str) {
    let data = json!({"callId": call});
    assert_eq!(client.ask("call:join", &data.to_string()).await["success"], true);
    assert_eq!(asked(server), [data]);
}

/// Calls that were left, as the node says.
fn left(asked: &[Value]) -> Vec<&str> {
    asked.iter().map(|said| said["ended"].as_str().unwrap_or_else(|| panic!("{said}"))).collect()
}

/// What is said of one that was left: up to the newest join of so many.
fn ended(user: u128, call: &str, up_to: u64) -> Value {
    json!({"user": UserId(Uuid::from_u128(user)), "ended": call, "upTo": up_to})
}

#[tokio::test]
async fn who_loses_his_connection_leaves_his_calls_and_no_others() {
    let server = server().await;
    let mut client = Client::enter(&server, "1/11").await;
    for call in ["a", "b", "c"] {
        join(&server, &mut client, call).await;
    }
    client.ask("call:leave", r#"{"callId":"b"}"#).await;
    client.ask("call:offer", r#"{"callId":"never","targetUserId":"t","offer":1}"#).await;
    asked(&server);
    // Without a word, and too fast for its limits.
    server.inbound.poor.store(true, Ordering::SeqCst);
    drop(client);
    let all = next(&server, 3).await;
    assert_eq!(left(&all), ["a", "a", "c"], "one was tried again");
}

#[tokio::test]
async fn who_stops_polling_leaves_them_too() {
    let timing = Timing { dead: Duration::from_secs(1), ..Timing::default() };
    unless_stalled(timing.dead / 10, async || {
        let server = server_in(timing).await;
        let poller = Poller::enter(&server, "1/11").await;
        poller.post(r#"427["call:join",{"callId":"a"}]"#).await;
        assert_eq!(next(&server, 1).await, [json!({"callId": "a"})]);
        assert_eq!(left(&next(&server, 1).await), ["a"]);
    })
    .await;
}

#[tokio::test]
async fn who_is_in_a_call_on_another_socket_here_stays_until_that_ends() {
    let server = server().await;
    let mut one = Client::enter(&server, "1/11").await;
    let mut two = Client::enter(&server, "1/12").await;
    let mut other = Client::enter(&server, "2/21").await;
    for client in [&mut one, &mut two, &mut other] {
        join(&server, client, "a").await;
    }
    join(&server, &mut one, "b").await;
    drop(one);
    assert_eq!(left(&next(&server, 1).await), ["b"]);
    drop(two);
    assert_eq!(left(&next(&server, 1).await), ["a"]);
    assert!(other.names().await.is_empty());
}

#[tokio::test]
async fn a_node_that_shuts_down_says_so_of_all_before_it_is_gone() {
    let timing = Timing { spread: Duration::from_millis(100), ..Timing::default() };
    let server = server_in(timing).await;
    let mut clients = Vec::new();
    for user in 1..=5 {
        let mut client = Client::enter(&server, &format!("{user}/11")).await;
        join(&server, &mut client, "a").await;
        clients.push(client);
    }
    server.life.stop();
    for client in &mut clients {
        assert_eq!(client.closed().await, 1012);
    }
    drop(clients);
    assert!(server.life.drained(crate::harness::SOON).await.is_empty());
    assert_eq!(left(&asked(&server)), ["a"; 5]);
}

#[tokio::test]
async fn in_whatever_order_his_sockets_end_the_last_takes_him_out_up_to_the_newest_join() {
    let server = server().await;
    for first_ends_last in [true, false] {
        let joined = server.inbound.joins.lock().last().copied().unwrap_or_default();
        let mut first = Client::enter(&server, "1/11").await;
        let mut second = Client::enter(&server, "1/12").await;
        join(&server, &mut first, "a").await;
        join(&server, &mut second, "a").await;
        join(&server, &mut second, "b").await;
        assert_eq!(server.inbound.joins.lock().last(), Some(&(joined + 3)));
        let (goes, stays) = if first_ends_last { (second, first) } else { (first, second) };
        drop(goes);
        if first_ends_last {
            assert_eq!(next(&server, 1).await, [ended(1, "b", joined + 3)], "not of the other");
        } else {
            // Nothing to wait for: what is said of the other one comes later.
            wait_for("it has gone", || server.delivery.open() == 1).await;
            assert!(asked(&server).is_empty());
        }
        drop(stays);
        let all = next(&server, if first_ends_last { 1 } else { 2 }).await;
        assert_eq!(all.first(), Some(&ended(1, "a", joined + 3)));
        wait_for("both have gone", || server.delivery.open() == 0).await;
    }
}

#[tokio::test]
async fn a_join_that_is_refused_changes_nothing_of_what_is_remembered() {
    let server = server().await;
    let mut client = Client::enter(&server, "1/11").await;
    let call = |n: usize| format!("c{n:02}");
    for n in 0..limits::CALLS_PER_USER {
        join(&server, &mut client, &call(n)).await;
    }
    let refused = async |client: &mut Client, code: Code, n: usize| {
        *server.inbound.refuses.lock() = Some(code);
        let data = json!({"callId": call(n)}).to_string();
        assert_eq!(client.ask("call:join", &data).await["success"], false);
    };
    refused(&mut client, Code::Conflict, 90).await;
    refused(&mut client, Code::Overloaded, 91).await;
    refused(&mut client, Code::Forbidden, 0).await;
    // He may have joined this one: it displaces the oldest.
    refused(&mut client, Code::OutcomeUnknown, 92).await;
    drop(client);
    let all = next(&server, limits::CALLS_PER_USER).await;
    let mut expected: Vec<_> = (1..limits::CALLS_PER_USER).map(call).collect();
    expected.push(call(92));
    assert_eq!(left(&all), expected);
}
