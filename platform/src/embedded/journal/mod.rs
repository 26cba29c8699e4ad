//! The journal: one physical log for all partitions of all synced topics.
//!
//! Invariants (G-02, HAZARDS 9): an acknowledged record survives a power cut; no reader ever sees a
//! record that might not; the order of a partition is the order of calls; after an error of the disk
//! nothing is acknowledged any more. It knows topics by number and looks into no value.

mod committer;
mod cut;
pub(crate) mod frame;
pub mod fs;
mod instruments;
mod queue;
mod recovery;
mod segment;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;

use committer::{Committer, Writer};
pub(crate) use cut::{Cut, Piece};
use frame::Mark;
use fs::Fs;
use instruments::Instruments;
use parking_lot::{Mutex, RwLock};
use queue::Queue;
pub use queue::QueueLimits;
use recovery::segment_name;
use schemas::topic::{self, Topic};
use schemas::{Position, Timestamp};
use segment::Segment;
use tokio::sync::oneshot;

use super::channel::{Channel, Room, Status};
use crate::port::clock::{self, Clock};
use crate::port::log::{Append, Budget, Error, Record};

/// What to do when log and store do not fit each other.
pub(crate) const REPLACED: &str = "put back the log and the store that belong together (one backup of \
     the whole data folder)";

/// Settings of the journal.
#[derive(Clone, Copy, Debug)]
pub struct JournalConfig {
    /// Size of a segment file; a single call may make one larger.
    pub segment_bytes: u64,
    /// All segments together: beyond, those that every group has read go before their retention ends.
    pub max_bytes: u64,
    /// Bound of clients' appends.
    pub ingest: QueueLimits,
    /// Bound of workers' appends.
    pub worker: QueueLimits,
}

impl Default for JournalConfig {
    fn default() -> Self {
        Self {
            segment_bytes: 64 << 20,
            max_bytes: 8 << 30,
            ingest: QueueLimits { records: 16_384, bytes: 32 << 20 },
            worker: QueueLimits { records: 16_384, bytes: 32 << 20 },
        }
    }
}

/// Work done since the start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Syncs.
    pub groups: AtomicU64,
    /// Bytes written.
    pub bytes: AtomicU64,
}

struct Shared {
    fs: Arc<dyn Fs>,
    id: [u8; 16],
    segment_bytes: u64,
    segments: RwLock<VecDeque<Arc<Segment>>>,
    channels: Vec<Arc<Channel>>,
    counters: Counters,
    instruments: OnceLock<Instruments>,
    /// Held while a group is written, synced and told: whoever holds it sees no group half done.
    group: Mutex<()>,
}

impl Shared {
    fn channel(&self, topic: u16) -> Option<&Arc<Channel>> {
        self.channels.iter().find(|channel| channel.topic.id == topic)
    }

    /// Wakes every reader for the last time.
    fn end_with(&self, status: &Status) {
        for channel in &self.channels {
            channel.end_with(status);
        }
    }
}

/// Handle to the journal; dropping it writes what is queued and stops the committer.
pub(crate) struct Journal {
    queue: Arc<Queue>,
    shared: Arc<Shared>,
    max_bytes: u64,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// The answer to an append, when it comes.
pub(crate) type Outcome = oneshot::Receiver<Result<Vec<Position>, Error>>;

impl Journal {
    /// Opens the journal; `channels` are the synced topics and get the bounds that were found. A
    /// journal other than `expected` is refused before anything is written.
    pub(crate) fn open(
        fs: Arc<dyn Fs>,
        channels: Vec<Arc<Channel>>,
        clock: Arc<dyn Clock>,
        config: &JournalConfig,
        expected: Option<[u8; 16]>,
    ) -> io::Result<Self> {
        let found = recovery::recover(&*fs)?;
        if expected.is_some() && found.id != expected {
            let why = if found.id.is_some() { "is another one" } else { "is gone" };
            let why = format!("the journal that fed the store {why}: {REPLACED}");
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        let id = found.id.unwrap_or_else(|| {
            let mut id = [0; 16];
            clock::random(&mut id);
            id
        });
        for ((number, partition), (end, last_at)) in &found.marks {
            let Some(channel) = channels.iter().find(|c| c.topic.id == *number) else { continue };
            if *partition >= channel.topic.partitions_embedded {
                let why = format!("{} has a record in partition {partition}", channel.topic.name);
                return Err(io::Error::new(io::ErrorKind::InvalidData, why));
            }
            let oldest = found.segments.first().or(found.open.as_ref());
            let first = oldest.map_or(*end, |s| s.first((*number, *partition)));
            channel.recover(*partition, first, *end, *last_at);
        }
        let marks: Vec<Mark> = found.marks.iter().map(mark).collect();
        let shared = Arc::new(Shared {
            fs,
            id,
            segment_bytes: config.segment_bytes,
            segments: RwLock::new(found.segments.into_iter().map(Arc::new).collect()),
            channels,
            counters: Counters::default(),
            instruments: OnceLock::new(),
            group: Mutex::new(()),
        });
        let segment = match found.open {
            Some(segment) => {
                let segment = Arc::new(segment);
                shared.segments.write().push_back(Arc::clone(&segment));
                segment
            }
            None => shared.begin(found.number, &marks, 0)?,
        };
        let queue = Arc::new(Queue::new(config.ingest, config.worker));
        let writer = Writer {
            at: segment.length(),
            segment,
            number: found.number,
            marks: found.marks,
            buffer: Vec::new(),
        };
        let committer =
            Committer { queue: Arc::clone(&queue), shared: Arc::clone(&shared), clock, writer };
        let thread =
            std::thread::Builder::new().name("journal".into()).spawn(move || committer.run())?;
        let thread = Mutex::new(Some(thread));
        Ok(Self { queue, shared, max_bytes: config.max_bytes, thread })
    }

    /// Made once per journal: tells a replaced journal from a continued one.
    pub(crate) fn id(&self) -> [u8; 16] {
        self.shared.id
    }

    /// Work done since the start.
    pub(crate) fn counters(&self) -> &Counters {
        &self.shared.counters
    }

    /// Takes the next place in the journal.
    pub(crate) fn append(&self, budget: Budget, records: Vec<Append>) -> Result<Outcome, Error> {
        self.queue.push(budget, records)
    }

    /// Reads records of a partition that are below the synced mark but no longer in memory.
    pub(crate) fn read(
        &self,
        topic: &'static Topic,
        partition: u32,
        wanted: std::ops::Range<u64>,
        room: &mut Room,
    ) -> Result<Vec<Record>, Error> {
        let place = (topic.id, partition);
        let from = wanted.start;
        let segments: Vec<Arc<Segment>> = {
            let all = self.shared.segments.read();
            let behind = all.partition_point(|segment| segment.first(place) <= from);
            all.range(behind.saturating_sub(1)..).map(Arc::clone).collect()
        };
        for segment in segments {
            let found = segment.read(topic, partition, wanted.clone(), room);
            let found = found.map_err(|error| Error::Failed(error.to_string()))?;
            match found.first() {
                Some(first) if first.position.offset == from => return Ok(found),
                Some(_) => break,
                None if room.is_full() => return Ok(found),
                None => {}
            }
        }
        let name = topic.name;
        Err(Error::Failed(format!("{name}/{partition}: record {from} is not in the journal")))
    }

    /// Deletes segments that every group has read, as the last synced checkpoint of the store says,
    /// and that are past their retention or too many. `read` gives the smallest cursor of each
    /// partition; a partition that is missing is kept whole.
    pub(crate) fn retire(
        &self,
        read: &HashMap<(u16, u32), u64>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let mut total: u64 = self.shared.segments.read().iter().map(|s| s.size).sum();
        loop {
            let (oldest, next) = {
                let segments = self.shared.segments.read();
                let (Some(oldest), Some(next)) = (segments.front(), segments.get(1)) else {
                    return Ok(());
                };
                (Arc::clone(oldest), Arc::clone(next))
            };
            let held = next.head.marks.iter().filter(|mark| {
                // A partition without records in this segment holds nothing.
                mark.next > oldest.first((mark.topic, mark.partition))
            });
            let mut aged = true;
            for mark in held {
                let cursor = read.get(&(mark.topic, mark.partition)).copied().unwrap_or(0);
                if cursor < mark.next {
                    return Ok(());
                }
                let keep = topic::by_id(mark.topic).map_or(0, |t| t.retention.as_millis());
                let age = u128::try_from(now.since(mark.last_at)).unwrap_or(0);
                aged &= age > keep;
            }
            if !aged && total <= self.max_bytes {
                return Ok(());
            }
            total -= oldest.size;
            self.remove(&oldest, &next).map_err(|error| Error::Failed(error.to_string()))?;
        }
    }

    fn remove(&self, oldest: &Segment, next: &Segment) -> io::Result<()> {
        for mark in &next.head.marks {
            if let Some(channel) = self.shared.channel(mark.topic) {
                channel.trim(mark.partition, mark.next);
            }
        }
        self.shared.segments.write().pop_front();
        self.shared.fs.remove(&oldest.name)?;
        self.shared.fs.sync_dir()
    }

    /// Takes no more appends, writes what is queued, stops the committer.
    pub(crate) fn close(&self) {
        self.queue.stop(Status::Closed);
        if let Some(thread) = self.thread.lock().take() {
            // A panic of the committer has dropped its answers: every caller has an error already.
            drop(thread.join());
        }
    }

    /// Segment files and how much of them is synced.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn synced_lengths(&self) -> Vec<(String, u64)> {
        self.shared.segments.read().iter().map(|s| (s.name.clone(), s.length())).collect()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.close();
    }
}

fn mark((place, (next, last_at)): (&(u16, u32), &(u64, Timestamp))) -> Mark {
    Mark { topic: place.0, partition: place.1, next: *next, last_at: *last_at }
}
