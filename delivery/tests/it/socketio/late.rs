//! Tables that are slow or away, and what makes everybody resync: nobody is sent away for nothing, and not
//! all in the same moment.

use std::sync::atomic::Ordering;
use std::time::Duration;

use delivery::Timing;
use futures_util::future::join_all;
use schemas::conversation::head::Routing;
use tokio::time::Instant;

use super::client::{Client, Heard};
use crate::harness::{server, server_in};

#[tokio::test]
async fn one_whose_conversations_are_known_late_stays_if_nothing_may_have_passed_him_by() {
    let server = server().await;
    let mut world = server.world();
    world.open(5, &[1, 2], Routing::Member);
    world.open(6, &[3], Routing::Conversation);
    server.store.away.store(true, Ordering::SeqCst);
    let mut client = Client::enter(&server, "1/11").await;
    let mut other = Client::enter(&server, "3/31").await;
    let mut ws = server.enter(2, 21).await;
    assert!(client.names().await.is_empty());
    assert!(other.names().await.is_empty(), "it is not known yet what he is in");
    server.store.away.store(false, Ordering::SeqCst);
    // Now it is.
    assert_eq!(other.packet().await, r#"2["resync",{}]"#);
    assert_eq!(other.closed().await, 4508);
    server.deliver(vec![world.rename(5)]);
    assert_eq!(client.names().await, ["conversation:updated"]);
    assert_eq!(ws.revs().await, [2]);
}

#[tokio::test]
async fn one_whose_conversations_are_slow_to_read_waits_for_them() {
    let server = server().await;
    let mut world = server.world();
    world.open(5, &[1], Routing::Conversation);
    // Read twice: longer than a client of `/ws` waits.
    *server.store.slow.lock() = Duration::from_millis(1_100);
    let start = Instant::now();
    let mut client = Client::enter(&server, "1/11").await;
    assert!(start.elapsed() >= Duration::from_millis(2_200));
    server.deliver(vec![world.rename(5)]);
    assert_eq!(client.names().await, ["conversation:updated"]);
}

#[tokio::test]
async fn not_everybody_comes_back_in_the_moment_in_which_all_have_lost_something() {
    let timing = Timing { spread: Duration::from_millis(1_600), ..Timing::default() };
    let server = server_in(timing).await;
    let mut clients = Vec::new();
    for user in 1..=32 {
        clients.push(Client::enter(&server, &format!("{user}/{user}")).await);
    }
    server.sink.lost();
    let start = Instant::now();
    let ends = clients.iter_mut().map(async |client| {
        assert_eq!(client.packet().await, r#"2["resync",{}]"#);
        let told = start.elapsed();
        assert_eq!(client.hear().await, Heard::Close(4508));
        told
    });
    let ends = join_all(ends).await;
    // One after another, in 64 steps: half of them, as there are half as many sockets.
    for (step, told) in (0..).zip(&ends) {
        assert!(*told >= timing.spread * step / 64, "{step} of {ends:?}");
    }
}
