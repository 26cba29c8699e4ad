//! The cluster goes away and comes back. Connections lead through a relay of the test, which cuts
//! them, refuses new ones, or lets them hang.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use engines::cql::CqlStore;
use platform::Store as _;
use platform::config::Cql;
use platform::port::store::{Claim, Error, get_one};
use schemas::Stamp;
use schemas::table::{Batch, Write};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

use crate::world::{Line, Seat, TABLES, World, id};

const OPEN: u8 = 0;
/// Connections end and none are taken.
const CUT: u8 = 1;
/// Nothing comes back.
const MUTE: u8 = 2;

struct Relay {
    address: String,
    mode: Arc<AtomicU8>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mode: Arc<AtomicU8>, back: bool) {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = tokio::time::timeout(Duration::from_millis(20), from.read(&mut buffer)).await;
        let now = mode.load(Ordering::SeqCst);
        if now == CUT {
            return;
        }
        match read {
            Err(_) => {}
            Ok(Ok(0) | Err(_)) => return,
            Ok(Ok(_)) if now == MUTE && back => {}
            Ok(Ok(count)) => {
                if to.write_all(&buffer[..count]).await.is_err() {
                    return;
                }
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the other side of the wire is not the product")]
async fn relay(target: String) -> Relay {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    let mode = Arc::new(AtomicU8::new(OPEN));
    let shared = mode.clone();
    let task = tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            if shared.load(Ordering::SeqCst) == CUT {
                continue;
            }
            let Ok(server) = TcpStream::connect(&target).await else { continue };
            let ((from_client, to_client), (from_server, to_server)) =
                (client.into_split(), server.into_split());
            tokio::spawn(pass(from_client, to_server, shared.clone(), false));
            tokio::spawn(pass(from_server, to_client, shared.clone(), true));
        }
    });
    Relay { address, mode, task }
}

async fn behind(world: &World, timeout_ms: u64) -> (Relay, CqlStore) {
    let relay = relay(world.config.contact_points[0].clone()).await;
    let contact_points = vec![relay.address.clone()];
    let config = Cql { contact_points, timeout_ms, ..world.config.clone() };
    let store = world.store_of(&config, &TABLES).await.expect("the store opens");
    (relay, store)
}

fn engines(verb: &str) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/engines");
    let done = std::process::Command::new(script).args([verb, "cql"]).status();
    assert!(done.expect("the script runs").success(), "deploy/engines {verb} cql");
}

/// Only where `PARLANCE_TEST_FAULTS` says that the cluster under test is that of `deploy/engines`.
pub(crate) async fn a_killed_engine_comes_back_with_what_was_acknowledged(world: &World) {
    if std::env::var("PARLANCE_TEST_FAULTS").is_err() {
        eprintln!("skipped: PARLANCE_TEST_FAULTS does not allow to kill the cluster");
        return;
    }
    let store = world.store_of(&Cql { timeout_ms: 2_000, ..world.config.clone() }, &TABLES).await;
    let store = store.expect("the store opens");
    let owner = id();
    let mut acknowledged = Vec::new();
    let mut seq = 0;
    let mut next = async |acknowledged: &mut Vec<i64>| {
        seq += 1;
        let outcome = write(&store, &Line::new(owner, seq, "kept"), seq).await;
        match outcome {
            Ok(()) => acknowledged.push(seq),
            Err(error) => assert!(error.retryable(), "{error}"),
        }
    };
    for _ in 0..500 {
        next(&mut acknowledged).await;
    }
    engines("kill");
    let down = Instant::now();
    while down.elapsed() < Duration::from_secs(15) {
        next(&mut acknowledged).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(acknowledged.len() >= 500);
    engines("start");
    engines("wait");
    let (back, before) = (Instant::now(), acknowledged.len());
    while acknowledged.len() == before {
        next(&mut acknowledged).await;
        assert!(back.elapsed() < Duration::from_secs(20), "it does not go on");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    eprintln!("went on {} ms after the cluster answered", back.elapsed().as_millis());
    for seq in acknowledged {
        let row = get_one::<Line>(&store, Line::new(owner, seq, "").get()).await.expect("read");
        assert!(row.is_some(), "row {seq} was acknowledged and is lost");
    }
}

async fn write(store: &CqlStore, row: &Line, stamp: i64) -> Result<(), Error> {
    store.write(Batch { fence: None, writes: vec![Write::replace(row, Stamp(stamp))] }).await
}

pub(crate) async fn a_store_that_was_cut_off_goes_on_without_reopening(world: &World) {
    let (relay, store) = behind(world, 2_000).await;
    let line = Line::new(id(), 1, "line");
    write(&store, &line, 1).await.expect("written");
    relay.mode.store(CUT, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(100)).await;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(3) {
        let outcome = write(&store, &line, 2).await;
        assert!(matches!(&outcome, Err(error) if error.retryable()), "{outcome:?}");
        let outcome = get_one::<Line>(&store, line.get()).await;
        assert!(matches!(&outcome, Err(error) if error.retryable()), "{outcome:?}");
        let seat = Seat { room: line.owner, number: 1, taken_by: None };
        let outcome = store.claim(Write::insert(&seat, Stamp(0))).await;
        assert!(matches!(&outcome, Err(error) if error.retryable()), "{outcome:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    relay.mode.store(OPEN, Ordering::SeqCst);
    let back = Instant::now();
    while let Err(error) = write(&store, &line, 3).await {
        assert!(error.retryable());
        assert!(back.elapsed() < Duration::from_secs(15), "still {error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    eprintln!("went on {} ms after the cluster was back", back.elapsed().as_millis());
    let found = get_one::<Line>(&store, line.get()).await.expect("read");
    assert_eq!(found, Some(line));
}

pub(crate) async fn a_silent_store_is_unavailable_in_time(world: &World) {
    let (relay, store) = behind(world, 300).await;
    let line = Line::new(id(), 1, "line");
    write(&store, &line, 1).await.expect("written");
    relay.mode.store(MUTE, Ordering::SeqCst);
    let began = Instant::now();
    let outcome = write(&store, &line, 2).await;
    assert!(matches!(&outcome, Err(error) if error.retryable()), "{outcome:?}");
    assert!(began.elapsed() < Duration::from_secs(1));
    relay.mode.store(OPEN, Ordering::SeqCst);
}

pub(crate) async fn a_claim_whose_answer_is_lost_is_found_out(world: &World) {
    let (relay, store) = behind(world, 1_000).await;
    let room = id();
    let seat = |number, who| Seat { room, number, taken_by: Some(who) };
    let claim = |number, who| {
        let store = store.clone();
        let row = Write::insert(&seat(number, who), Stamp(0));
        async move { store.claim(row).await }
    };
    // The statement is prepared, and the connection warm.
    assert_eq!(claim(0, room).await, Ok(Claim::Won));
    // The answer to the first attempt does not come; a later attempt hears of it.
    let listen_again = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        relay.mode.store(OPEN, Ordering::SeqCst);
    };
    relay.mode.store(MUTE, Ordering::SeqCst);
    let (outcome, ()) = tokio::join!(claim(1, room), listen_again);
    assert_eq!(outcome, Ok(Claim::Won));
    // No answer at all: not known, and it may be asked again.
    relay.mode.store(MUTE, Ordering::SeqCst);
    let outcome = claim(2, room).await;
    assert!(matches!(&outcome, Err(error) if error.retryable()), "{outcome:?}");
    relay.mode.store(OPEN, Ordering::SeqCst);
    let other = world.store().await;
    let lost = other.claim(Write::insert(&seat(2, id()), Stamp(0))).await;
    assert!(matches!(lost, Ok(Claim::Lost(Some(_)))), "the first attempt did arrive: {lost:?}");
}
