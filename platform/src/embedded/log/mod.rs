//! The embedded log: synced topics in the journal, derived ones in the store behind the rows, volatile
//! ones in memory; behind one port.
//!
//! A group has one member, which has every partition: the process is the deployment. A background
//! thread syncs the store from time to time and then lets go of what no group needs any more; it must
//! never delete on the word of a cursor that is not synced.

mod core;
mod facts;
mod moment;
mod open;
mod reader;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use parking_lot::{Condvar, Mutex};
use schemas::topic::{Durability, Topic};
use schemas::{Position, limits};

use self::core::{Core, failed};
pub(crate) use self::moment::Moment;
use super::channel::{Status, TailLimits};
use super::journal::fs::{Fs, RealFs};
use super::journal::{Counters, JournalConfig, Outcome};
use super::lsm::LsmStore;
use crate::port::clock::Clock;
use crate::port::log::{Append, Budget, Error, Log, Member, PartitionState, Start, Tail};
use crate::telemetry::Metrics;

/// Settings of the embedded log.
#[derive(Clone, Copy, Debug)]
pub struct LogConfig {
    /// The journal of synced topics.
    pub journal: JournalConfig,
    /// Newest records kept in memory for each partition; older ones are read from the disk.
    pub tail: TailLimits,
    /// The same for volatile topics, which have no disk behind them: how far a node may fall behind.
    pub ring: TailLimits,
    /// Longest time between two syncs of the store.
    pub checkpoint_every: Duration,
    /// Bytes of the journal after which the store is synced earlier.
    pub checkpoint_bytes: u64,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            journal: JournalConfig::default(),
            tail: TailLimits { records: 4_096, bytes: 4 << 20 },
            ring: TailLimits { records: 32_768, bytes: 16 << 20 },
            checkpoint_every: Duration::from_secs(10),
            checkpoint_bytes: 64 << 20,
        }
    }
}

/// The log of one process. Cheap to clone; the last clone stops its threads.
#[derive(Clone)]
pub struct EmbeddedLog(Arc<Handle>);

struct Handle {
    /// Whether a moment of it is being kept.
    kept: Arc<AtomicBool>,
    core: Arc<Core>,
    keeper: Arc<Keeper>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl std::fmt::Debug for EmbeddedLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EmbeddedLog").finish_non_exhaustive()
    }
}

/// A start that is refused, with what to do about it.
fn refused(why: &str) -> Error {
    Error::Failed(open::message(why))
}

impl EmbeddedLog {
    /// Opens the log whose journal lies in `dir` and whose other parts lie in `store`.
    pub fn open(
        dir: &Path,
        store: LsmStore,
        clock: Arc<dyn Clock>,
        config: LogConfig,
    ) -> Result<Self, Error> {
        let fs = RealFs::new(dir).map_err(failed)?;
        Self::open_on(Arc::new(fs), store, clock, config)
    }

    /// Opens the log on a file system of one's own: for tests.
    pub fn open_on(
        fs: Arc<dyn Fs>,
        store: LsmStore,
        clock: Arc<dyn Clock>,
        config: LogConfig,
    ) -> Result<Self, Error> {
        let open::Opened { channels, journal, cursors } =
            open::open(fs, &store, Arc::clone(&clock), &config)?;
        let core = Arc::new(Core {
            channels,
            journal,
            store,
            clock,
            cursors: Mutex::new(cursors),
            members: Mutex::default(),
            closed: AtomicBool::new(false),
        });
        let keeper = Arc::new(Keeper::default());
        let thread = keeper.start(Arc::clone(&core), config).map_err(failed)?;
        let kept = Arc::default();
        Ok(Self(Arc::new(Handle { kept, core, keeper, thread: Mutex::new(Some(thread)) })))
    }

    /// Syncs the store and deletes what no group needs again.
    pub fn checkpoint(&self) -> Result<(), Error> {
        self.0.core.checkpoint()
    }

    /// Tells these metrics from now on.
    pub fn watch(&self, metrics: &Metrics) {
        self.0.core.journal.watch(metrics);
    }

    /// Work of the journal since the start.
    pub fn journal(&self) -> &Counters {
        self.0.core.journal.counters()
    }

    /// Segment files of the journal and how much of each survives a power cut.
    #[cfg(any(test, feature = "testing"))]
    pub fn synced_lengths(&self) -> Vec<(String, u64)> {
        self.0.core.journal.synced_lengths()
    }
}

/// Waits for the journal; `others` has room for the positions that are known already.
async fn wait(
    outcome: Outcome,
    budget: Budget,
    mut others: Vec<Option<Position>>,
) -> Result<Vec<Position>, Error> {
    let gone = || Error::Failed("the journal has stopped".to_owned());
    let answer = match budget {
        Budget::Worker => outcome.await,
        Budget::Ingest => {
            let limit = Duration::from_millis(limits::APPEND_MS);
            match tokio::time::timeout(limit, outcome).await {
                Ok(answer) => answer,
                Err(_) => return Err(Error::Unknown("the disk is slow".to_owned())),
            }
        }
    };
    let positions = answer.map_err(|_| gone())??;
    if others.is_empty() {
        return Ok(positions);
    }
    let mut synced = positions.into_iter();
    for slot in &mut others {
        if slot.is_none() {
            *slot = synced.next();
        }
    }
    Ok(others.into_iter().flatten().collect())
}

impl EmbeddedLog {
    fn start_append(
        &self,
        budget: Budget,
        records: Vec<Append>,
    ) -> Result<BoxFuture<'static, Result<Vec<Position>, Error>>, Error> {
        let core = &self.0.core;
        if core.closed.load(Ordering::Acquire) {
            return Err(Error::Closed);
        }
        Core::check(&records)?;
        let synced = |append: &Append| append.topic.durability == Durability::Synced;
        if records.iter().all(synced) {
            if records.is_empty() {
                return Ok(ready(Ok(Vec::new())).boxed());
            }
            let outcome = core.journal.append(budget, records)?;
            return Ok(wait(outcome, budget, Vec::new()).boxed());
        }
        if !records.iter().any(synced) {
            return Ok(ready(core.append_here(records)).boxed());
        }
        let marks: Vec<bool> = records.iter().map(synced).collect();
        let (journaled, here): (Vec<Append>, Vec<Append>) = records.into_iter().partition(synced);
        let outcome = core.journal.append(budget, journaled)?;
        let mut here = core.append_here(here)?.into_iter();
        let others = marks.iter().map(|synced| if *synced { None } else { here.next() }).collect();
        Ok(wait(outcome, budget, others).boxed())
    }
}

#[async_trait]
impl Log for EmbeddedLog {
    fn append(
        &self,
        budget: Budget,
        records: Vec<Append>,
    ) -> BoxFuture<'static, Result<Vec<Position>, Error>> {
        self.start_append(budget, records).unwrap_or_else(|error| ready(Err(error)).boxed())
    }

    async fn join(
        &self,
        group: &'static str,
        topic: &'static Topic,
    ) -> Result<Box<dyn Member>, Error> {
        let core = &self.0.core;
        let channel = Arc::clone(core.channel(topic)?);
        if !core.members.lock().insert((topic.id, group.to_owned())) {
            return Err(Error::Failed(format!("{group} has a member on {} already", topic.name)));
        }
        let reader = reader::Reader::new(Arc::clone(core), Arc::clone(&channel), Vec::new());
        // From here on dropping the member gives the membership back, also on an error.
        let mut member = reader::OnlyMember { group, reader, assigned: false };
        member.reader.start_at(core.cursors_of(group, &channel)?.into_iter().collect());
        Ok(Box::new(member))
    }

    async fn tail(
        &self,
        topic: &'static Topic,
        partitions: Vec<u32>,
        start: Start,
    ) -> Result<Box<dyn Tail>, Error> {
        let channel = Arc::clone(self.0.core.channel(topic)?);
        let mut next = Vec::new();
        for partition in partitions {
            let Some(state) = channel.state(partition) else {
                return Err(Error::Failed(format!("{} has no partition {partition}", topic.name)));
            };
            let at = match start {
                Start::Earliest => state.first,
                Start::Latest => state.end,
                Start::At(offset) => offset,
                Start::Since(at) => self.0.core.since(&channel, state, at)?,
            };
            next.push((partition, at));
        }
        Ok(Box::new(reader::Reader::new(Arc::clone(&self.0.core), channel, next)))
    }

    async fn describe(&self, topic: &'static Topic) -> Result<Vec<PartitionState>, Error> {
        Ok(self.0.core.channel(topic)?.states())
    }

    async fn committed(
        &self,
        group: &'static str,
        topic: &'static Topic,
    ) -> Result<Vec<(u32, u64)>, Error> {
        let cursors = self.0.core.cursors.lock();
        let found = cursors.get(&(topic.id, group.to_owned()));
        Ok(found
            .map(|found| found.iter().map(|(p, next)| (*p, *next)).collect())
            .unwrap_or_default())
    }

    fn partitions(&self, topic: &'static Topic) -> u32 {
        topic.partitions_embedded
    }

    async fn close(&self) {
        self.0.close();
    }
}

impl Handle {
    fn close(&self) {
        if self.core.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        self.core.journal.close();
        self.keeper.stop();
        if let Some(thread) = self.thread.lock().take() {
            // A panic of the keeper is in the log already; nothing depends on its last round.
            drop(thread.join());
        }
        if let Err(error) = self.core.checkpoint() {
            tracing::error!(%error, "the store could not be synced at the end");
        }
        for channel in &self.core.channels {
            channel.end_with(&Status::Closed);
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.close();
    }
}

/// The background thread of the log.
#[derive(Default)]
struct Keeper {
    stop: Mutex<bool>,
    stopped: Condvar,
}

impl Keeper {
    /// How often the store's journal is written out without a lock, so that a sync finds little left.
    const PRESYNC: Duration = Duration::from_secs(1);

    fn start(
        self: &Arc<Self>,
        core: Arc<Core>,
        config: LogConfig,
    ) -> std::io::Result<JoinHandle<()>> {
        let keeper = Arc::clone(self);
        std::thread::Builder::new().name("checkpoint".into()).spawn(move || {
            keeper.run(&core, config);
        })
    }

    fn run(&self, core: &Core, config: LogConfig) {
        let step = Self::PRESYNC.min(config.checkpoint_every);
        let mut waited = Duration::ZERO;
        let (mut bytes, mut inserts) = (0, core.store.inserts());
        loop {
            let mut stop = self.stop.lock();
            if !*stop {
                self.stopped.wait_for(&mut stop, step);
            }
            if *stop {
                return;
            }
            drop(stop);
            waited += step;
            let written = core.journal.counters().bytes.load(Ordering::Relaxed);
            let changed = core.store.inserts() != inserts;
            let due =
                waited >= config.checkpoint_every || written - bytes >= config.checkpoint_bytes;
            let done = match (changed || written != bytes, due) {
                (true, true) => core.checkpoint(),
                (true, false) => core.store.presync().map_err(failed),
                (false, _) => Ok(()),
            };
            if let Err(error) = done {
                tracing::error!(%error, "the store could not be synced; nothing is deleted");
            } else if due {
                (waited, bytes, inserts) = (Duration::ZERO, written, core.store.inserts());
            }
        }
    }

    fn stop(&self) {
        *self.stop.lock() = true;
        self.stopped.notify_all();
    }
}
