//! Moments that partitions wait for, as records: one task sleeps until the next is due and appends
//! `presence.due` to its partition. It never looks at a user, and where nothing is due it sleeps.
//!
//! It also sees to it that a partition given to this process is opened, though nothing may come to it:
//! its board may show users whose nodes are all gone.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use platform::Platform;
use platform::lifecycle::Stopping;
use platform::partition::progress::Progress;
use platform::port::log::{Append, Budget};
use platform::telemetry::Metrics;
use schemas::InstanceId;
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

use super::append;
use super::state::Counts;

/// How often the process looks whether it has partitions that are not open.
const LOOK: Duration = Duration::from_secs(2);
/// Rest after an append that failed, and between two looks at a partition.
const REST: Duration = Duration::from_secs(1);
/// Two moments of a partition that are closer than this are one.
const SLACK: Duration = Duration::from_millis(50);

#[derive(Debug)]
struct Open {
    /// Tells the openings of a partition apart.
    life: u64,
    due: Option<Instant>,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Places {
    open: HashMap<u32, Open>,
    lives: u64,
}

/// What is open in this process, and what it waits for. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Timers {
    places: Arc<Mutex<Places>>,
    earlier: Arc<Notify>,
}

/// An open partition; dropped, it waits for nothing any more.
#[derive(Debug)]
pub(super) struct Place {
    timers: Timers,
    partition: u32,
    life: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.timers.places.lock();
        // It may have been opened again before this one went.
        if places.open.get(&self.partition).is_some_and(|open| open.life == self.life) {
            places.open.remove(&self.partition);
        }
    }
}

impl Place {
    /// The partition waits for so long from now on, or for nothing.
    pub(super) fn set(&self, wait: Option<Duration>, counts: Counts) {
        let due = wait.map(|wait| Instant::now() + wait.max(SLACK));
        let mut places = self.timers.places.lock();
        let before = places.open.values().filter_map(|open| open.due).min();
        let open = Open { life: self.life, due, counts };
        let stands = places.open.get(&self.partition).is_none_or(|open| open.life == self.life);
        if stands {
            places.open.insert(self.partition, open);
        }
        drop(places);
        if due.is_some_and(|due| before.is_none_or(|before| due < before)) {
            self.timers.earlier.notify_one();
        }
    }
}

impl Timers {
    /// Shows the sums of what is open as metrics.
    pub(super) fn watch(&self, metrics: &Metrics) {
        let weak = Arc::downgrade(&self.places);
        metrics.watch(move |all| {
            let Some(places) = weak.upgrade() else { return };
            let places = places.lock();
            let mut nodes: HashSet<InstanceId> = HashSet::new();
            for Open { counts, .. } in places.open.values() {
                all.presence_users.add(counts.users);
                all.presence_devices.add(counts.devices);
                all.presence_flapping.add(counts.flapping);
                nodes.extend(&counts.nodes);
            }
            all.presence_nodes.add(nodes.len());
        });
    }

    /// Opens a partition.
    pub(super) fn open(&self, partition: u32) -> Place {
        let mut places = self.places.lock();
        places.lives += 1;
        let life = places.lives;
        let open = Open { life, due: None, counts: Counts::default() };
        places.open.insert(partition, open);
        Place { timers: self.clone(), partition, life }
    }

    /// Partitions whose moment has come; they wait for it no more.
    fn due(&self, now: Instant) -> Vec<u32> {
        let mut due = Vec::new();
        for (partition, open) in &mut self.places.lock().open {
            if open.due.is_some_and(|at| at <= now) {
                open.due = None;
                due.push(*partition);
            }
        }
        due
    }

    fn next(&self) -> Option<Instant> {
        self.places.lock().open.values().filter_map(|open| open.due).min()
    }

    fn closed(&self, held: impl Iterator<Item = u32>) -> Vec<u32> {
        let places = self.places.lock();
        held.filter(|partition| !places.open.contains_key(partition)).collect()
    }

    /// Runs until the shutdown, and tidies up now and then.
    pub(super) async fn run(
        self,
        platform: Platform,
        progress: Progress,
        tidy: impl Fn() + Send,
        mut stopping: Stopping,
    ) -> Result<(), String> {
        let mut look = Instant::now();
        let mut asked: HashMap<u32, Instant> = HashMap::new();
        loop {
            let now = Instant::now();
            let mut wake = self.due(now);
            if look <= now {
                look = now + LOOK;
                tidy();
                let closed = self.closed(progress.standings().into_keys());
                asked.retain(|partition, _| closed.contains(partition));
                for partition in closed {
                    // One look is enough for a pool that is behind: it is asked again much later.
                    if asked.get(&partition).is_none_or(|at| *at + 15 * LOOK <= now) {
                        asked.insert(partition, now);
                        wake.push(partition);
                    }
                }
            }
            let records: Vec<Append> =
                wake.iter().map(|partition| append::due(&platform, *partition, None)).collect();
            if !records.is_empty()
                && let Err(error) = platform.log.append(Budget::Worker, records).await
            {
                tracing::warn!(%error, "a moment could not be put down: tried again");
                self.again(&wake);
            }
            let next = self.next().map_or(look, |next| next.min(look));
            tokio::select! {
                () = stopping.wait() => return Ok(()),
                () = self.earlier.notified() => {}
                () = tokio::time::sleep_until(next) => {}
            }
        }
    }

    fn again(&self, partitions: &[u32]) {
        let at = Instant::now() + REST;
        for (partition, open) in &mut self.places.lock().open {
            if partitions.contains(partition) {
                open.due = Some(open.due.map_or(at, |due| due.min(at)));
            }
        }
    }
}

/// A name for a question.
pub(super) fn ticket(platform: &Platform) -> Uuid {
    platform::port::clock::uuid_v7(&*platform.clock)
}
