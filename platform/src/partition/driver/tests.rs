//! What the driver does when its partitions are gone before it could let them go; with poison: [`poison`].

mod poison;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use schemas::topic::Topic;
use schemas::{Position, Timestamp, topic};
use tokio::sync::mpsc;

use super::*;
use crate::embedded::LocalEphemeral;
use crate::lifecycle::Lifecycle;
use crate::memory::{Faults, MemoryStore};
use crate::port::clock::SimClock;
use crate::port::log::{Append, Assignment, Budget, Log, PartitionState, Start, Tail};
use crate::telemetry::Metrics;

/// A log whose one member meets what the test says.
#[derive(Clone)]
struct Scripted {
    script: Arc<Mutex<Option<mpsc::Receiver<Polled>>>>,
    commits: Arc<Mutex<Vec<(u32, u64)>>>,
    appends: Appends,
}

/// Appends that were asked for; each is done when it has taken a permit.
#[derive(Clone)]
struct Appends {
    asked: Arc<AtomicUsize>,
    permits: Arc<tokio::sync::Semaphore>,
}

impl Appends {
    async fn asked(&self, count: usize) {
        while self.asked.load(Ordering::SeqCst) < count {
            // The paused clock moves when everybody waits.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

struct Actor(mpsc::Receiver<Polled>, Arc<Mutex<Vec<(u32, u64)>>>);

#[async_trait]
impl Member for Actor {
    async fn poll(&mut self) -> Result<Polled, Error> {
        self.0.recv().await.ok_or(Error::Closed)
    }
    fn pause(&mut self, _: u32, _: bool) {}
    async fn commit(&mut self, offsets: Vec<(u32, u64)>) -> Result<(), Error> {
        self.1.lock().extend(offsets);
        Ok(())
    }
    async fn released(&mut self, _: Vec<u32>) -> Result<(), Error> {
        Ok(())
    }
}

#[async_trait]
impl Log for Scripted {
    fn append(
        &self,
        _: Budget,
        _: Vec<Append>,
    ) -> BoxFuture<'static, Result<Vec<Position>, Error>> {
        let appends = self.appends.clone();
        Box::pin(async move {
            appends.asked.fetch_add(1, Ordering::SeqCst);
            appends.permits.acquire().await.map_err(|_| Error::Closed)?.forget();
            Ok(vec![Position::default()])
        })
    }
    async fn join(&self, _: &'static str, _: &'static Topic) -> Result<Box<dyn Member>, Error> {
        let script = self.script.lock().take().ok_or(Error::Closed)?;
        Ok(Box::new(Actor(script, self.commits.clone())))
    }
    async fn tail(&self, _: &'static Topic, _: Vec<u32>, _: Start) -> Result<Box<dyn Tail>, Error> {
        Err(Error::Closed)
    }
    async fn describe(&self, _: &'static Topic) -> Result<Vec<PartitionState>, Error> {
        Ok(Vec::new())
    }
    async fn committed(
        &self,
        _: &'static str,
        _: &'static Topic,
    ) -> Result<Vec<(u32, u64)>, Error> {
        Ok(Vec::new())
    }
    fn partitions(&self, _: &'static Topic) -> u32 {
        1
    }
    async fn close(&self) {}
}

/// The record at this offset has no lane.
const POISON: u64 = 100;

/// Tells what it handles; batches wait until they are let go, or are fenced, so often.
struct Slow {
    handled: mpsc::Sender<u64>,
    gate: Arc<tokio::sync::Semaphore>,
    fenced: Mutex<u32>,
}

#[async_trait]
impl Handler for Slow {
    type Lane = ();
    fn pool(&self) -> &'static str {
        "slow"
    }
    fn lane(&self, record: &Record) -> Result<LaneKey, String> {
        if record.position.offset == POISON { Err("poison".to_owned()) } else { Ok(1) }
    }
    fn open(&self, _: LaneKey, _: u32) {}
    async fn handle(&self, (): &mut (), batch: &[Record]) -> Result<(), Failure> {
        for record in batch {
            self.handled.try_send(record.position.offset).unwrap();
        }
        let fenced = {
            let mut left = self.fenced.lock();
            *left = left.saturating_sub(1);
            *left > 0
        };
        if fenced {
            return Err(Failure::Fenced("another owner".to_owned()));
        }
        self.gate.acquire().await.unwrap().forget();
        Ok(())
    }
}

struct Stage {
    say: mpsc::Sender<Polled>,
    handled: mpsc::Receiver<u64>,
    gate: Arc<tokio::sync::Semaphore>,
    commits: Arc<Mutex<Vec<(u32, u64)>>>,
    appends: Appends,
    progress: Progress,
    metrics: Metrics,
    life: Lifecycle,
}

fn stage(fenced: u32) -> Stage {
    let (sender, handled) = mpsc::channel(64);
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let slow = Slow { handled: sender, gate: gate.clone(), fenced: Mutex::new(fenced) };
    staged(slow, handled, gate)
}

fn staged<H: Handler>(
    handler: H,
    handled: mpsc::Receiver<u64>,
    gate: Arc<tokio::sync::Semaphore>,
) -> Stage {
    let clock = Arc::new(SimClock::at(Timestamp(0)));
    let (say, script) = mpsc::channel(16);
    let permits = Arc::new(tokio::sync::Semaphore::new(0));
    let appends = Appends { asked: Arc::default(), permits };
    let log = Scripted {
        script: Arc::new(Mutex::new(Some(script))),
        commits: Arc::default(),
        appends: appends.clone(),
    };
    let commits = log.commits.clone();
    let metrics = Metrics::new();
    let platform = Platform {
        log: Arc::new(log),
        store: Arc::new(MemoryStore::new(Faults::default())),
        ephemeral: Arc::new(LocalEphemeral::new(clock.clone())),
        clock,
        metrics: metrics.clone(),
    };
    let source = Source { group: "slow", topic: &topic::COMMANDS };
    let (life, progress) = (Lifecycle::new(), Progress::default());
    let run = run(
        Arc::new(handler),
        platform,
        source,
        Limits::default(),
        progress.clone(),
        life.stopping(),
    );
    life.component("slow", run);
    Stage { say, handled, gate, commits, appends, progress, metrics, life }
}

fn assigned(committed: u64) -> Polled {
    Polled::Assigned(vec![Assignment { partition: 0, epoch: 1, committed }])
}

fn records(offsets: impl IntoIterator<Item = u64>) -> Polled {
    let record = |offset| Record {
        topic: &topic::COMMANDS,
        position: Position { epoch: 1, partition: 0, offset },
        appended_at: Timestamp(0),
        key: Bytes::new(),
        headers: Vec::new(),
        value: Bytes::new(),
    };
    Polled::Records(offsets.into_iter().map(record).collect())
}

#[tokio::test(start_paused = true)]
async fn what_runs_for_a_lost_partition_is_never_committed() {
    let mut stage = stage(0);
    stage.say.send(assigned(5)).await.unwrap();
    stage.say.send(records(5..6)).await.unwrap();
    assert_eq!(stage.handled.recv().await, Some(5));
    stage.say.send(Polled::Lost(vec![0])).await.unwrap();
    while !stage.progress.standings().is_empty() {
        tokio::task::yield_now().await;
    }
    stage.say.send(assigned(5)).await.unwrap();
    // Both the old batch and the new one may end now: only the new one counts.
    stage.gate.add_permits(1);
    stage.say.send(records(5..7)).await.unwrap();
    assert_eq!(stage.handled.recv().await, Some(5));
    assert_eq!(stage.handled.recv().await, Some(6));
    assert_eq!(*stage.commits.lock(), []);
    stage.gate.add_permits(1);
    stage.progress.reached(&[(0, 7)]).await;
    assert_eq!(*stage.commits.lock(), [(0, 7)]);
}

#[tokio::test(start_paused = true)]
async fn a_fenced_lane_ends_with_its_partition() {
    let mut stage = stage(1_000);
    stage.say.send(assigned(0)).await.unwrap();
    stage.say.send(records(0..1)).await.unwrap();
    assert_eq!(stage.handled.recv().await, Some(0));
    stage.say.send(Polled::Lost(vec![0])).await.unwrap();
    tokio::time::sleep(FENCED_REST * 3).await;
    assert!(stage.handled.try_recv().is_err(), "what was let go is not begun again");
    assert_eq!(*stage.commits.lock(), []);
    assert!(!stage.life.stopping().begun());
}

#[tokio::test(start_paused = true)]
async fn a_lane_fenced_by_a_late_write_goes_on_after_a_rest() {
    let mut stage = stage(3);
    stage.gate.add_permits(8);
    stage.say.send(assigned(0)).await.unwrap();
    stage.say.send(records(0..1)).await.unwrap();
    stage.progress.reached(&[(0, 1)]).await;
    let tries: Vec<u64> = std::iter::from_fn(|| stage.handled.try_recv().ok()).collect();
    assert_eq!(tries, [0, 0, 0]);
}

#[tokio::test(start_paused = true)]
async fn a_fence_that_never_goes_stops_the_pool() {
    let stage = stage(1_000);
    stage.say.send(assigned(0)).await.unwrap();
    stage.say.send(records(0..1)).await.unwrap();
    let died = stage.life.stopped().await;
    assert!(died.is_some_and(|why| why.contains("another owner")));
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_that_is_not_taken_holds_up_the_commit_and_nobody_else() {
    let mut stage = stage(0);
    stage.gate.add_permits(8);
    stage.say.send(assigned(POISON - 1)).await.unwrap();
    stage.say.send(records(POISON - 1..POISON + 2)).await.unwrap();
    stage.say.send(records(POISON + 2..POISON + 3)).await.unwrap();
    for offset in [POISON - 1, POISON + 1, POISON + 2] {
        assert_eq!(stage.handled.recv().await, Some(offset));
    }
    stage.progress.reached(&[(0, POISON)]).await;
    assert_eq!(stage.commits.lock().last(), Some(&(0, POISON)));
    stage.appends.permits.add_permits(1);
    stage.progress.reached(&[(0, POISON + 3)]).await;
    assert_eq!(stage.commits.lock().last(), Some(&(0, POISON + 3)));
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_of_a_partition_that_went_and_came_back_finishes_nothing() {
    let stage = stage(0);
    stage.say.send(assigned(POISON)).await.unwrap();
    stage.say.send(records([POISON])).await.unwrap();
    stage.appends.asked(1).await;
    stage.say.send(Polled::Lost(vec![0])).await.unwrap();
    stage.say.send(assigned(POISON)).await.unwrap();
    stage.say.send(records([POISON])).await.unwrap();
    stage.appends.asked(2).await;
    // One of the two letters: the first, which is of the former life.
    stage.appends.permits.add_permits(1);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(*stage.commits.lock(), []);
    stage.appends.permits.add_permits(1);
    stage.progress.reached(&[(0, POISON + 1)]).await;
    assert_eq!(*stage.commits.lock(), [(0, POISON + 1)]);
}
