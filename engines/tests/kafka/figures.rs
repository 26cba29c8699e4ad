//! Figures of real brokers: `cargo test --release -p parlance-engines --test kafka figures --
//! --ignored --nocapture`. `PARLANCE_FIGURES="partitions=8 linger.ms=1"` measures other settings.

use std::time::{Duration, Instant};

use bytes::Bytes;
use platform::Log;
use platform::port::log::{Append, Budget, Member, Polled, Start};
use schemas::topic::{COMMANDS, Headers};

use crate::real::Brokers;

fn brokers() -> Option<Brokers> {
    let mut brokers = Brokers::named()?;
    brokers.config.partitions = 128;
    let settings = std::env::var("PARLANCE_FIGURES").unwrap_or_default();
    for (name, value) in settings.split(' ').filter_map(|one| one.split_once('=')) {
        if name == "partitions" {
            brokers.config.partitions = value.parse().expect("a number");
        } else {
            brokers.config.properties.insert(name.to_owned(), value.to_owned());
        }
    }
    Some(brokers)
}

fn record(partition: u32, value: Bytes) -> Append {
    let key = Bytes::from_static(b"01890000-0000-7000-8000-000000000000");
    Append { topic: &COMMANDS, partition, key, headers: Headers::new(), value }
}

/// CPU time of this process so far, µs.
fn cpu() -> u64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<&str> = stat.rsplit(") ").next().expect("fields").split(' ').collect();
    let ticks: u64 = fields[11..13].iter().map(|n| n.parse::<u64>().expect("ticks")).sum();
    ticks * 10_000
}

fn switches() -> u64 {
    let mut sum = 0;
    for task in std::fs::read_dir("/proc/self/task").expect("Linux").flatten() {
        let status = std::fs::read_to_string(task.path().join("status")).unwrap_or_default();
        let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches"));
        sum += line.and_then(|line| line.split('\t').nth(1)?.parse::<u64>().ok()).unwrap_or(0);
    }
    sum
}

async fn assigned(member: &mut dyn Member) {
    while !matches!(member.poll().await.expect("polled"), Polled::Assigned(_)) {}
}

fn print(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |permille: usize| times[(times.len() - 1) * permille / 1_000];
    eprintln!("{what}: p50 {:?}, p99 {:?}, max {:?}", at(500), at(990), at(1_000));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn figures_of_a_quiet_log() {
    let Some(brokers) = brokers() else { return };
    let log = brokers.open().await;
    let mut member = log.join("figures", &COMMANDS).await.expect("joined");
    assigned(&mut *member).await;
    let all = (0..2).collect();
    let mut tail = log.tail(&COMMANDS, all, Start::Latest).await.expect("tail");
    tokio::time::sleep(Duration::from_secs(1)).await;
    let (mut acks, mut reads, mut tails) = (Vec::new(), Vec::new(), Vec::new());
    let (began, used, switched) = (Instant::now(), cpu(), switches());
    let count = 2_000_u32;
    let mut tick = tokio::time::interval(Duration::from_millis(5));
    for n in 0..count {
        tick.tick().await;
        let sent = Instant::now();
        let append = log.append(Budget::Ingest, vec![record(n % 2, Bytes::from(vec![7; 400]))]);
        let ack = async {
            append.await.expect("appended");
            sent.elapsed()
        };
        let read = async {
            loop {
                if let Polled::Records(records) = member.poll().await.expect("polled") {
                    break (sent.elapsed(), records.last().expect("some").position);
                }
            }
        };
        let tailed = async {
            tail.next().await.expect("records");
            sent.elapsed()
        };
        let (ack, (read, position), tailed) = tokio::join!(ack, read, tailed);
        acks.push(ack);
        reads.push(read);
        tails.push(tailed);
        member.commit(vec![(position.partition, position.offset + 1)]).await.expect("committed");
    }
    let (elapsed, used) = (began.elapsed(), cpu() - used);
    print("append acknowledged", acks);
    print("append to member", reads);
    print("append to tail", tails);
    eprintln!("{count} in {elapsed:?}; {} µs of CPU a record", used / u64::from(count));
    eprintln!("{} sleeps a record", (switches() - switched) / u64::from(count));
    let (used, switched) = (cpu(), switches());
    tokio::time::sleep(Duration::from_secs(5)).await;
    eprintln!(
        "idle: {} µs of CPU a second, {} sleeps a second",
        (cpu() - used) / 5,
        (switches() - switched) / 5
    );
    log.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn figures_of_a_busy_log() {
    let Some(brokers) = brokers() else { return };
    let log = brokers.open().await;
    let mut member = log.join("figures", &COMMANDS).await.expect("joined");
    assigned(&mut *member).await;
    let (count, partitions) = (400_000_u32, log.partitions(&COMMANDS));
    let value = Bytes::from(vec![7; 400]);
    let (began, used) = (Instant::now(), cpu());
    let produce = async {
        let mut waiting = std::collections::VecDeque::new();
        for start in (0..count).step_by(100) {
            let batch =
                (start..start + 100).map(|n| record(n % partitions, value.clone())).collect();
            waiting.push_back(log.append(Budget::Worker, batch));
            if waiting.len() > 100 {
                waiting.pop_front().expect("some").await.expect("appended");
            }
        }
        for rest in waiting {
            rest.await.expect("appended");
        }
        began.elapsed()
    };
    let consume = async {
        let (mut seen, mut wakeups) = (0, 0);
        while seen < count {
            if let Polled::Records(records) = member.poll().await.expect("polled") {
                seen += u32::try_from(records.len()).expect("few");
                wakeups += 1;
            }
        }
        (began.elapsed(), wakeups)
    };
    let (produced, (consumed, wakeups)) = tokio::join!(produce, consume);
    let used = cpu() - used;
    let rate = f64::from(count) / consumed.as_secs_f64();
    eprintln!(
        "produced in {produced:?}, consumed in {consumed:?}: {rate:.0}/s, {wakeups} wake-ups"
    );
    let each = used * 10 / u64::from(count);
    eprintln!("{}.{} µs of CPU a record, both sides", each / 10, each % 10);
    // Catching up from the start: what reading alone costs.
    let (began, used) = (Instant::now(), cpu());
    let mut tail =
        log.tail(&COMMANDS, (0..partitions).collect(), Start::Earliest).await.expect("tail");
    let mut seen = 0;
    while seen < count {
        seen += u32::try_from(tail.next().await.expect("records").len()).expect("few");
    }
    let (elapsed, used) = (began.elapsed(), cpu() - used);
    let each = used * 10 / u64::from(count);
    eprintln!("read again in {elapsed:?}, {}.{} µs of CPU a record", each / 10, each % 10);
    log.close().await;
}
