//! Signs of life, limits of sockets, the shutdown.

use std::cell::Cell;
use std::time::Duration;

use delivery::Timing;
use futures_util::StreamExt;
use schemas::limits;
use tokio_tungstenite::tungstenite::Message;

use crate::harness::{server, server_in, unless_stalled, wait_for};

#[tokio::test]
async fn one_who_answers_pings_stays_and_one_who_does_not_is_dropped() {
    let timing = Timing {
        ping: Duration::from_millis(60),
        dead: Duration::from_millis(600),
        linger: Duration::from_millis(10),
        ..Timing::default()
    };
    unless_stalled(Duration::from_millis(200), async || {
        let server = server_in(timing).await;
        let mut alive = server.enter(1, 11).await;
        // Its library answers pings only while it is polled.
        let _silent = server.enter(2, 21).await;
        let mut pings = 0;
        while pings < 12 || server.sockets() == 2 {
            match alive.0.next().await {
                Some(Ok(Message::Ping(_))) => pings += 1,
                other => panic!("{other:?} instead of a ping"),
            }
        }
        assert_eq!(server.sockets(), 1);
        assert!(server.routed(1) && !server.routed(2));
    })
    .await;
}

#[tokio::test]
async fn a_user_has_twenty_sockets_and_the_next_is_told_so() {
    let server = server().await;
    let mut open = Vec::new();
    for session in 0..limits::SOCKETS_PER_USER {
        open.push(server.enter(1, u128::try_from(session).unwrap()).await);
    }
    let mut next = server.connect().await;
    assert_eq!(next.auth("1/99").await["error"]["code"], "rate_limited");
    assert_eq!(next.closed().await, 4429);
    drop(server.enter(2, 21).await);
    open.pop();
    wait_for("a place is free", || server.delivery.open() < limits::SOCKETS_PER_USER + 1).await;
    wait_for("it has left", || server.sockets() < 20).await;
    drop(server.enter(1, 98).await);
}

#[tokio::test]
async fn the_shutdown_closes_every_socket_with_a_code_to_come_back() {
    let timing = Timing { spread: Duration::from_millis(100), ..Timing::default() };
    let server = server_in(timing).await;
    let mut clients = Vec::new();
    for user in 0..30 {
        clients.push(server.enter(user, user).await);
    }
    let mut waiting = server.connect().await;
    server.life.stop();
    for client in &mut clients {
        assert_eq!(client.closed().await, 1012);
    }
    assert_eq!(waiting.closed().await, 1012);
    drop((clients, waiting));
    assert!(server.life.drained(Duration::from_secs(30)).await.is_empty());
    assert_eq!(server.connect_with(&[]).await.err(), Some(503));
    assert_eq!(server.sockets(), 0);
}

#[tokio::test]
async fn a_socket_ends_with_its_session_unless_a_newer_token_is_shown() {
    let life = Cell::new(150);
    unless_stalled(Duration::from_millis(50), async || {
        // Twice as long with each try: a newer one must be shown before it is over.
        life.set(life.get() * 2);
        let token = format!("1/11/{}", life.get());
        let server = server().await;
        let mut left = server.connect().await;
        let mut renewed = server.connect().await;
        assert_eq!(left.auth(&token).await["ok"], true);
        assert_eq!(renewed.auth(&token).await["ok"], true);
        assert_eq!(renewed.auth("1/11/600000").await["ok"], true);
        // An older one shortens nothing.
        assert_eq!(renewed.auth("1/11/10").await["ok"], true);
        assert_eq!(left.closed().await, 4403);
        renewed.request("1", "ping", "null").await;
        assert_eq!(renewed.frame().await["ok"], true);
        assert_eq!(server.sockets(), 1);
    })
    .await;
}
