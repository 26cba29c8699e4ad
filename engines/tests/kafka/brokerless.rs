//! A cluster that has just started and names no broker in its metadata, for a moment: librdkafka then
//! forgets all brokers. A proxy before the mock cluster takes them out of the answers.

#![expect(clippy::disallowed_methods, reason = "tasks of a test end with it")]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use parking_lot::Mutex;
use platform::Log;
use platform::port::log::{Append, Budget, Member, Polled, Start};
use schemas::topic::{COMMANDS, EVENTS, Headers, Topic};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::mock::Cluster;

const METADATA: u16 = 3;
/// Whether librdkafka comes to a stop depends on the order in which its threads run.
const ROUNDS: u32 = 5;

/// Versions of the metadata requests under way on a connection, by their correlation ids.
type Asked = Arc<Mutex<HashMap<[u8; 4], u16>>>;

/// What the proxy does now.
#[derive(Default)]
struct Weather {
    blank: AtomicBool,
    blanked: AtomicUsize,
}

async fn frame(from: &mut OwnedReadHalf) -> std::io::Result<Vec<u8>> {
    let size = usize::try_from(from.read_i32().await?).expect("a size");
    let mut frame = vec![0; size];
    from.read_exact(&mut frame).await?;
    Ok(frame)
}

async fn send(to: &mut OwnedWriteHalf, frame: &[u8]) -> std::io::Result<()> {
    to.write_i32(i32::try_from(frame.len()).expect("a size")).await?;
    to.write_all(frame).await
}

async fn requests(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    asked: Asked,
) -> std::io::Result<()> {
    loop {
        let frame = frame(&mut from).await?;
        let number = |at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
        if number(0) == METADATA {
            let correlation = frame[4..8].try_into().expect("four bytes");
            asked.lock().insert(correlation, number(2));
        }
        send(&mut to, &frame).await?;
    }
}

async fn answers(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    asked: Asked,
    weather: Arc<Weather>,
) -> std::io::Result<()> {
    loop {
        let mut frame = frame(&mut from).await?;
        let correlation: [u8; 4] = frame[..4].try_into().expect("four bytes");
        let version = asked.lock().remove(&correlation);
        if let Some(version) = version.filter(|_| weather.blank.load(Ordering::SeqCst)) {
            frame = without_brokers(&frame, version);
            weather.blanked.fetch_add(1, Ordering::SeqCst);
        }
        send(&mut to, &frame).await?;
    }
}

/// A metadata answer without its list of brokers, from version 9 on (KIP-482).
fn without_brokers(frame: &[u8], version: u16) -> Vec<u8> {
    assert!(version >= 9, "a mock cluster that speaks version {version} only");
    // Correlation id, no tags, throttle time.
    let mut at = 4 + 1 + 4;
    let brokers = usize::from(frame[at]) - 1;
    let head = frame[..at].to_vec();
    at += 1;
    for _ in 0..brokers {
        at += 4;
        at += usize::from(frame[at]);
        at += 4;
        at += usize::from(frame[at]).max(1);
        assert_eq!(frame[at], 0, "a broker has no tags");
        at += 1;
    }
    [&head, &[1][..], &frame[at..]].concat()
}

/// Passes connections on until `cut` changes, which ends those there are.
async fn proxy(
    listener: TcpListener,
    target: String,
    weather: Arc<Weather>,
    cut: watch::Receiver<u32>,
) {
    while let Ok((client, _)) = listener.accept().await {
        let (weather, mut cut, target) = (weather.clone(), cut.clone(), target.clone());
        cut.mark_unchanged();
        tokio::spawn(async move {
            let Ok(server) = TcpStream::connect(&target).await else { return };
            let (asked, (from, back), (answered, on)) =
                (Asked::default(), client.into_split(), server.into_split());
            tokio::select! {
                _ = requests(from, on, asked.clone()) => {}
                _ = answers(answered, back, asked.clone(), weather) => {}
                _ = cut.changed() => {}
            }
        });
    }
}

fn to(topic: &'static Topic, value: &'static str) -> Append {
    let (key, headers) = (Bytes::from_static(b"key"), Headers::new());
    Append { topic, partition: 0, key, headers, value: Bytes::from_static(value.as_bytes()) }
}

async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let answer = tokio::time::timeout(Duration::from_secs(40), future).await;
    answer.unwrap_or_else(|_| panic!("{what}: no answer in time"))
}

async fn appended(log: &impl Log, budget: Budget, topic: &'static Topic, value: &'static str) {
    let tries = async {
        while log.append(budget, vec![to(topic, value)]).await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    soon(value, tries).await;
}

async fn read_by(member: &mut dyn Member, value: &str) {
    let read = async {
        loop {
            if let Polled::Records(records) = member.poll().await.expect("polled")
                && records.iter().any(|record| record.value == value.as_bytes())
            {
                return;
            }
        }
    };
    soon(value, read).await;
}

/// Producers, members and tails go on by themselves.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_forgot_all_brokers_find_them_again() {
    let cluster = Cluster::start();
    let target = cluster.config.brokers[0].clone();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let cluster = cluster.behind(port);
    let weather = Arc::new(Weather::default());
    let (cut, cuts) = watch::channel(0);
    tokio::spawn(proxy(listener, target, weather.clone(), cuts));

    let log = cluster.open().await;
    let mut tail = log.tail(&EVENTS, vec![0], Start::Earliest).await.expect("tail");
    let mut member = log.join("brokerless", &COMMANDS).await.expect("joined");
    appended(&log, Budget::Ingest, &COMMANDS, "before").await;
    appended(&log, Budget::Worker, &EVENTS, "before").await;
    read_by(&mut *member, "before").await;
    soon("before", tail.next()).await.expect("read");

    for round in 0..ROUNDS {
        // Everyone connects anew, asks, and is told of no broker.
        weather.blank.store(true, Ordering::SeqCst);
        weather.blanked.store(0, Ordering::SeqCst);
        cut.send_modify(|cut| *cut += 1);
        let all_told = async {
            // Two producers, a member, a tail and the client for questions.
            while weather.blanked.load(Ordering::SeqCst) < 5 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        soon("nobody asks", all_told).await;
        // What librdkafka makes of it can not be seen from here.
        tokio::time::sleep(Duration::from_millis(500)).await;
        weather.blank.store(false, Ordering::SeqCst);

        let began = Instant::now();
        appended(&log, Budget::Worker, &EVENTS, "after").await;
        appended(&log, Budget::Ingest, &COMMANDS, "after").await;
        read_by(&mut *member, "after").await;
        soon("the tail", tail.next()).await.expect("read");
        let asked = async { while log.describe(&EVENTS).await.is_err() {} };
        soon("questions", asked).await;
        eprintln!("round {round}: all went on after {:?}", began.elapsed());
    }
    log.close().await;
}
