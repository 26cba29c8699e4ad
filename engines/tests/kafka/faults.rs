//! Brokers that go away, and groups that change under load.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;
use platform::Log;
use platform::port::log::{Append, Budget, Error, Member, Polled, Start};
use schemas::topic::{COMMANDS, EVENTS, Headers, Topic};

use crate::mock::{Cluster, PARTITIONS};

fn to(topic: &'static Topic, partition: u32, value: impl Into<Bytes>) -> Append {
    let (key, headers) = (Bytes::from_static(b"key"), Headers::new());
    Append { topic, partition, key, headers, value: value.into() }
}

async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(30), future).await.expect("an answer in time")
}

/// Clients hear within two seconds that the brokers are away, later ones at once; workers wait, lose
/// nothing and keep their order; when the brokers are back all is well again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn brokers_go_and_come_back() {
    let cluster = Cluster::start();
    let log = cluster.open().await;
    let ingest = || log.append(Budget::Ingest, vec![to(&COMMANDS, 0, "client")]);
    soon(ingest()).await.expect("appended");
    soon(log.append(Budget::Worker, vec![to(&EVENTS, 0, "0")])).await.expect("appended");
    let mut tail = log.tail(&EVENTS, vec![0], Start::Earliest).await.expect("tail");

    cluster.mock().broker_down(1).expect("down");
    let workers: Vec<_> = (1..500_usize)
        .map(|n| log.append(Budget::Worker, vec![to(&EVENTS, 0, n.to_string())]))
        .collect();
    let began = Instant::now();
    let first = soon(ingest()).await;
    assert!(matches!(first, Err(Error::Unknown(_) | Error::Overloaded)), "{first:?}");
    assert!(began.elapsed() < Duration::from_millis(2_500), "{:?}", began.elapsed());
    // A flood now: some wait their two seconds, the others are refused at once.
    let began = Instant::now();
    let flood: Vec<_> = (0..200).map(|_| ingest()).collect();
    let answers = soon(futures_util::future::join_all(flood)).await;
    assert!(began.elapsed() < Duration::from_millis(2_500), "{:?}", began.elapsed());
    let refused = answers.iter().filter(|answer| **answer == Err(Error::Overloaded)).count();
    assert!(refused > 100, "{refused} of 200 were refused at once");
    assert!(answers.iter().all(Result::is_err));

    cluster.mock().broker_up(1).expect("up");
    let began = Instant::now();
    for (n, appended) in workers.into_iter().enumerate() {
        let position = soon(appended).await.expect("workers wait")[0];
        assert_eq!(position.offset, u64::try_from(n + 1).expect("small"));
    }
    let mut read = Vec::new();
    while read.len() < 500 {
        read.extend(soon(tail.next()).await.expect("trouble is waited out"));
    }
    let values: Vec<_> =
        read.iter().map(|r| String::from_utf8_lossy(&r.value).into_owned()).collect();
    assert_eq!(values, (0..500_usize).map(|n| n.to_string()).collect::<Vec<_>>());
    while ingest().await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    log.close().await;
}

/// What the members of a group have seen together.
#[derive(Default)]
struct Seen {
    /// Next offset of each partition that nobody has handled.
    handled: BTreeMap<u32, u64>,
    committed: BTreeMap<u32, u64>,
    repeats: usize,
}

/// One member that handles what it gets, and where it stands.
struct Worker {
    member: Box<dyn Member>,
    next: BTreeMap<u32, u64>,
    moved: BTreeSet<u32>,
}

impl Worker {
    async fn step(&mut self, seen: &mut Seen) {
        let polled = tokio::time::timeout(Duration::from_millis(20), self.member.poll()).await;
        let Ok(polled) = polled else { return };
        match polled.expect("polled") {
            Polled::Assigned(given) => {
                for one in given {
                    // Never behind what was committed, never before something unhandled is skipped.
                    let handled = seen.handled.get(&one.partition).copied().unwrap_or(0);
                    let committed = seen.committed.get(&one.partition).copied().unwrap_or(0);
                    assert!((committed..=handled).contains(&one.committed), "{one:?}");
                    self.next.insert(one.partition, one.committed);
                }
            }
            Polled::Revoking(partitions) => {
                let commits = partitions.iter().filter_map(|p| Some((*p, *self.next.get(p)?)));
                let commits: Vec<_> = commits.collect();
                self.member.commit(commits.clone()).await.expect("still the owner");
                self.member.released(partitions).await.expect("released");
                for (partition, _) in commits {
                    self.next.remove(&partition);
                }
            }
            Polled::Lost(partitions) => panic!("lost {partitions:?} without a fault"),
            Polled::Records(records) => {
                for record in records {
                    let (partition, offset) = (record.position.partition, record.position.offset);
                    let next = self.next.get_mut(&partition).expect("only what is its own");
                    assert_eq!(offset, *next, "no gap and no repeat within an assignment");
                    *next += 1;
                    self.moved.insert(partition);
                    let handled = seen.handled.entry(partition).or_default();
                    if offset < *handled {
                        seen.repeats += 1;
                    }
                    *handled = (*handled).max(offset + 1);
                }
                let moved = std::mem::take(&mut self.moved);
                let commits = moved.into_iter().map(|p| (p, self.next[&p])).collect();
                self.member.commit(commits).await.expect("the owner");
            }
        }
    }
}

/// Members come and go under load: nothing is skipped, and what is handled twice was not committed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_changes_under_load() {
    let cluster = Cluster::start();
    let log = cluster.open().await;
    let mut seen = Seen::default();
    let mut workers: Vec<Worker> = Vec::new();
    let (mut sent, mut rounds) = (0_u64, 0);
    let began = Instant::now();
    while rounds < 6 {
        match rounds {
            0 | 1 | 3 => {
                let member = log.join("load", &COMMANDS).await.expect("joined");
                let (next, moved) = (BTreeMap::new(), BTreeSet::new());
                workers.push(Worker { member, next, moved });
            }
            2 | 4 => drop(workers.remove(0)),
            _ => {}
        }
        let until = Instant::now() + Duration::from_millis(1_500);
        while Instant::now() < until {
            for partition in 0..PARTITIONS {
                drop(log.append(Budget::Worker, vec![to(&COMMANDS, partition, "x")]));
            }
            sent += 1;
            for worker in &mut workers {
                worker.step(&mut seen).await;
            }
        }
        let committed = log.committed("load", &COMMANDS).await.expect("committed");
        seen.committed.extend(committed);
        rounds += 1;
    }
    while seen.handled.values().sum::<u64>() < sent * u64::from(PARTITIONS) {
        assert!(began.elapsed() < Duration::from_mins(1), "{:?} of {sent}", seen.handled);
        for worker in &mut workers {
            worker.step(&mut seen).await;
        }
    }
    eprintln!("{sent} records in each of {PARTITIONS} partitions, {} repeats", seen.repeats);
    log.close().await;
}

/// What a partition's slow task does not take costs neither the membership nor a record.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_task_that_sleeps_stays_a_member() {
    let cluster = Cluster::start();
    let log = cluster.open().await;
    let mut member = log.join("slow", &COMMANDS).await.expect("joined");
    while !matches!(soon(member.poll()).await.expect("polled"), Polled::Assigned(_)) {}
    for n in 0..20_000_u32 {
        drop(log.append(Budget::Worker, vec![to(&COMMANDS, n % PARTITIONS, vec![7; 400])]));
    }
    tokio::time::sleep(Duration::from_secs(5)).await;
    let mut read = 0;
    while read < 20_000 {
        match soon(member.poll()).await.expect("polled") {
            Polled::Records(records) => read += records.len(),
            other => panic!("a slow member keeps its partitions: {other:?}"),
        }
    }
    assert_eq!(read, 20_000);
    log.close().await;
}

/// More than a producer holds waits before it, in order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_workers_waits_in_order() {
    let cluster = Cluster::start();
    let log = cluster.open().await;
    cluster.mock().broker_down(1).expect("down");
    let batch =
        |start: u32| (start..start + 1_000).map(|n| to(&EVENTS, n % PARTITIONS, "x")).collect();
    let mut waiting: VecDeque<_> =
        (0..160).map(|n| log.append(Budget::Worker, batch(n * 1_000))).collect();
    cluster.mock().broker_up(1).expect("up");
    let mut next = [0_u64; 8];
    // While they drain there is room for one now and then, but others wait.
    for n in 0..40_000 {
        waiting.push_back(log.append(Budget::Worker, vec![to(&EVENTS, n % PARTITIONS, "x")]));
    }
    while let Some(appended) = waiting.pop_front() {
        for position in soon(appended).await.expect("workers wait") {
            let next = &mut next[usize::try_from(position.partition).expect("small")];
            assert_eq!(position.offset, *next, "in the order of the calls");
            *next += 1;
        }
    }
    assert_eq!(next, [25_000; 8]);
    log.close().await;
}
