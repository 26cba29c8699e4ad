use std::collections::VecDeque;

use async_trait::async_trait;
use schemas::table::Write;
use schemas::{Stamp, UserId};
use uuid::Uuid;

use super::*;
use crate::embedded::LocalEphemeral;
use crate::memory::{Fault, Faults, MemoryLog, MemoryStore, Operation};
use crate::port::clock::SimClock;
use crate::telemetry::Metrics;

const NOW: Timestamp = Timestamp(1_800_000_000_000);

fn platform(faults: &Faults) -> Platform {
    let clock = Arc::new(SimClock::at(NOW));
    Platform {
        log: Arc::new(MemoryLog::new(clock.clone(), faults.clone())),
        store: Arc::new(MemoryStore::new(faults.clone())),
        ephemeral: Arc::new(LocalEphemeral::new(clock.clone())),
        clock,
        metrics: Metrics::new(),
    }
}

fn ended(number: usize) -> SessionEnded {
    let id = Uuid::from_u128(u128::try_from(number).unwrap());
    SessionEnded { session: SessionId(id), user: UserId(id), until: NOW.plus_ms(1) }
}

/// Ends sessions where only the store knows it.
async fn end(platform: &Platform, ended: impl Iterator<Item = SessionEnded>) {
    let row = |SessionEnded { session, user, until }| {
        Write::insert(
            &Revocation { shard: Revocation::shard(until), session, user, until },
            Stamp(0),
        )
    };
    platform.store.put(ended.map(row).collect()).await.unwrap();
}

#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Sink for Heard {
    fn deliver(&self, batch: Vec<Outbound>) {
        let told = |one| match one {
            Outbound::SessionEnded(ended) => format!("ended {}", ended.session.0.as_u128()),
            other => format!("{other:?}"),
        };
        self.0.lock().extend(batch.into_iter().map(told));
    }

    fn lost(&self) {
        self.0.lock().push("lost".to_owned());
    }
}

/// Loses records once and ends.
struct Lossy(VecDeque<log::Error>);

#[async_trait]
impl log::Tail for Lossy {
    async fn next(&mut self) -> Result<Vec<Record>, log::Error> {
        Err(self.0.pop_front().unwrap_or(log::Error::Closed))
    }
}

fn lossy() -> Box<dyn log::Tail> {
    Box::new(Lossy([log::Error::OutOfRange(7)].into()))
}

#[tokio::test]
async fn every_ended_session_is_loaded_however_many_there_are() {
    let platform = platform(&Faults::default());
    let count = 2 * PAGE + 1;
    end(&platform, (0..count).map(ended)).await;
    let lapsed = SessionEnded { until: NOW, ..ended(count) };
    end(&platform, std::iter::once(lapsed)).await;
    let node = Node::start(&platform, &Lifecycle::new()).await.unwrap();
    for number in 0..count {
        assert!(node.is_revoked(ended(number).session), "{number}");
    }
    assert!(!node.is_revoked(ended(count).session), "its tokens have expired");
}

#[tokio::test]
async fn a_node_that_can_not_load_all_of_them_does_not_start() {
    let faults = Faults::default();
    let platform = platform(&faults);
    end(&platform, (0..=PAGE).map(ended)).await;
    // The second page fails.
    let pages = Mutex::new(0);
    faults.on(move |operation| {
        let mut pages = pages.lock();
        *pages += usize::from(operation == Operation::Scan);
        if operation == Operation::Scan && *pages == 2 { Fault::Refuse } else { Fault::None }
    });
    assert!(Node::start(&platform, &Lifecycle::new()).await.is_err());
}

#[tokio::test]
async fn ends_among_lost_records_are_learnt_from_the_store_before_anything_else_is_read() {
    let platform = platform(&Faults::default());
    let life = Lifecycle::new();
    let node = Node::start(&platform, &life).await.unwrap();
    let heard = Heard::default();
    node.subscribe(Arc::new(heard.clone()));
    end(&platform, std::iter::once(ended(5))).await;
    assert!(!node.is_revoked(ended(5).session));
    node.clone().read(platform, lossy(), life.stopping()).await.unwrap();
    assert!(node.is_revoked(ended(5).session));
    assert_eq!(*heard.0.lock(), ["ended 5", "lost"]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_is_waited_for_and_not_for_ever() {
    let faults = Faults::default();
    let platform = platform(&faults);
    let life = Lifecycle::new();
    let node = Node::start(&platform, &life).await.unwrap();
    let heard = Heard::default();
    node.subscribe(Arc::new(heard.clone()));
    end(&platform, std::iter::once(ended(5))).await;
    let away = Arc::new(Mutex::new(RELOADS - 1));
    let left = away.clone();
    faults.on(move |operation| {
        let mut left = left.lock();
        if operation != Operation::Scan || *left == 0 {
            return Fault::None;
        }
        *left -= 1;
        Fault::Refuse
    });
    let (again, stopping) = (node.clone(), life.stopping());
    again.read(platform.clone(), lossy(), stopping.clone()).await.unwrap();
    assert_eq!(*heard.0.lock(), ["ended 5", "lost"]);
    *away.lock() = RELOADS;
    assert!(node.read(platform, lossy(), stopping).await.is_err());
    assert_eq!(heard.0.lock().len(), 2, "nobody is told that all is well");
}
