//! What sockets and deliveries cost. Printed, not asserted: run with `--nocapture`. Unoptimised, so
//! the times are an upper bound; `parlance-bench` measures the release build.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{event, server};

const SOCKETS: usize = 500;

fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    line.trim().trim_end_matches(" kB").trim().parse().unwrap_or(0)
}

/// A client that costs a file descriptor and little else.
async fn bare(address: std::net::SocketAddr, user: usize) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /ws HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
         Authorization: Bearer {user}/{user}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut buffer = [0; 512];
    assert!(stream.read(&mut buffer).await.unwrap() > 0);
    stream
}

#[tokio::test]
async fn what_an_idle_socket_costs() {
    let server = server().await;
    let mut clients = Vec::new();
    // The first hundred pay for what is there once.
    for user in 0..100 {
        clients.push(bare(server.address, user).await);
    }
    let before = resident_kib();
    for user in 100..100 + SOCKETS {
        clients.push(bare(server.address, user).await);
    }
    crate::harness::wait_for("all are in", || {
        server.sockets() == i64::try_from(100 + SOCKETS).unwrap()
    })
    .await;
    let idle = resident_kib();
    for rev in 1..=100 {
        for user in 0..100 + SOCKETS {
            let user = u128::try_from(user).unwrap();
            server.deliver(vec![event(user + 1_000, rev, &[user])]);
        }
    }
    let per = |now: usize| (now.saturating_sub(before) * 1_024) / SOCKETS;
    println!("{SOCKETS} sockets: {} bytes each idle, with their clients", per(idle));
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    println!("{SOCKETS} sockets: {} bytes each after a burst of 100", per(resident_kib()));
}

#[tokio::test]
async fn what_a_message_to_two_members_costs_the_node_reader() {
    const BATCHES: i64 = 100;
    const BATCH: i64 = 50;
    let server = server().await;
    let mut clients = [server.enter(1, 11).await, server.enter(2, 21).await];
    let mut spent = std::time::Duration::ZERO;
    for batch in 0..BATCHES {
        let revs = batch * BATCH + 1..=(batch + 1) * BATCH;
        let events: Vec<_> = revs.clone().map(|rev| event(5, rev, &[1, 2])).collect();
        let start = std::time::Instant::now();
        server.deliver(events);
        spent += start.elapsed();
        for client in &mut clients {
            for rev in revs.clone() {
                assert_eq!(client.frame().await["rev"], rev);
            }
        }
    }
    let each = spent / u32::try_from(BATCHES * BATCH).unwrap();
    let woken = server.metrics.wakeups.with_label_values(&["socket"]).get();
    println!(
        "{each:?} a message to two sockets; {woken} wake-ups for {BATCHES} batches of {BATCH}"
    );
}
