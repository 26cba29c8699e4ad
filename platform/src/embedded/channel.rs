//! What of a topic is in memory: for each partition the bounds that readers may see and a bounded
//! tail of the newest records, and one wake-up for all readers of the topic.
//!
//! Invariants: `end` only grows and never passes what the topic's durability asks for; the tail holds
//! the records right below `end` without a gap. A reader that is behind the tail is sent to the
//! backing (journal or store); a volatile topic has none, so its reader has lost records. Waking is
//! done once per published batch, never per record.

use std::collections::VecDeque;

use parking_lot::Mutex;
use schemas::Timestamp;
use schemas::topic::{Durability, Topic};
use tokio::sync::watch;

use crate::port::log::{Error, PartitionState, Record};

/// Epoch of every topic of the embedded engine.
pub(crate) const EPOCH: u32 = 1;

/// Bounds of the tail of one partition.
#[derive(Clone, Copy, Debug)]
pub struct TailLimits {
    /// Records.
    pub records: usize,
    /// Bytes of keys, headers and values.
    pub bytes: usize,
}

/// How much a read may still give.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Room {
    pub(crate) records: usize,
    pub(crate) bytes: usize,
}

impl Room {
    /// Takes room for one record; a record always fits where nothing was taken yet.
    pub(crate) fn take(&mut self, size: usize) -> bool {
        if self.records == 0 || self.bytes == 0 {
            return false;
        }
        self.records -= 1;
        self.bytes = self.bytes.saturating_sub(size);
        true
    }

    pub(crate) fn is_full(&self) -> bool {
        self.records == 0 || self.bytes == 0
    }
}

/// Why nothing can be appended or waited for any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Status {
    #[default]
    Open,
    Failed(String),
    Closed,
}

impl Status {
    pub(crate) fn check(&self) -> Result<(), Error> {
        match self {
            Self::Open => Ok(()),
            Self::Failed(why) => Err(Error::Failed(why.clone())),
            Self::Closed => Err(Error::Closed),
        }
    }
}

/// What a read of the tail found.
pub(crate) enum Found {
    /// These, possibly none.
    Records(Vec<Record>),
    /// The offset lies below the tail: the backing has it, up to this offset (exclusive).
    Behind(u64),
    /// The offset is not kept any more; the oldest kept one is this.
    Lost(u64),
}

#[derive(Debug)]
struct Part {
    first: u64,
    end: u64,
    last_at: Timestamp,
    tail: VecDeque<Record>,
    bytes: usize,
}

/// One topic's partitions in memory.
#[derive(Debug)]
pub(crate) struct Channel {
    pub(crate) topic: &'static Topic,
    parts: Vec<Mutex<Part>>,
    limits: TailLimits,
    /// Grows with every published batch; carries the end of the log as well.
    wake: watch::Sender<Status>,
}

/// Bytes a record takes in a tail or a queue.
pub(crate) fn size_of(key: &[u8], headers: &schemas::topic::Headers, value: &[u8]) -> usize {
    let headers: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    key.len() + headers + value.len()
}

fn size(record: &Record) -> usize {
    size_of(&record.key, &record.headers, &record.value)
}

impl Channel {
    pub(crate) fn new(topic: &'static Topic, limits: TailLimits) -> Self {
        let part = || Part {
            first: 0,
            end: 0,
            last_at: Timestamp::default(),
            tail: VecDeque::new(),
            bytes: 0,
        };
        Self {
            topic,
            parts: (0..topic.partitions_embedded).map(|_| Mutex::new(part())).collect(),
            limits,
            wake: watch::Sender::new(Status::Open),
        }
    }

    fn part(&self, partition: u32) -> Option<&Mutex<Part>> {
        self.parts.get(usize::try_from(partition).ok()?)
    }

    /// Sets what recovery found.
    pub(crate) fn recover(&self, partition: u32, first: u64, end: u64, last_at: Timestamp) {
        if let Some(part) = self.part(partition) {
            let mut part = part.lock();
            part.first = first;
            part.end = end;
            part.last_at = last_at;
        }
    }

    /// Records below `first` are gone.
    pub(crate) fn trim(&self, partition: u32, first: u64) {
        if let Some(part) = self.part(partition) {
            let mut part = part.lock();
            part.first = part.first.max(first);
        }
    }

    /// Runs `append` with the next offset and the last append time of a partition under its lock and
    /// publishes what it returns: for topics whose offsets are given here.
    pub(crate) fn append_with<E>(
        &self,
        partition: u32,
        append: impl FnOnce(u64, Timestamp) -> Result<Vec<Record>, E>,
    ) -> Result<(), E> {
        let Some(part) = self.part(partition) else { return Ok(()) };
        let mut part = part.lock();
        let records = append(part.end, part.last_at)?;
        self.push(&mut part, records);
        Ok(())
    }

    /// Makes records visible; they continue the partition.
    pub(crate) fn publish(&self, partition: u32, records: Vec<Record>) {
        if let Some(part) = self.part(partition) {
            self.push(&mut part.lock(), records);
        }
    }

    fn push(&self, part: &mut Part, records: Vec<Record>) {
        for record in records {
            debug_assert_eq!(record.position.offset, part.end, "offsets are dense");
            part.end = record.position.offset + 1;
            part.last_at = record.appended_at;
            part.bytes += size(&record);
            part.tail.push_back(record);
        }
        while part.tail.len() > self.limits.records || part.bytes > self.limits.bytes {
            // The newest record stays whatever its size: a live reader must find it.
            if part.tail.len() <= 1 {
                break;
            }
            if let Some(gone) = part.tail.pop_front() {
                part.bytes -= size(&gone);
            }
        }
        if self.topic.durability == Durability::Volatile {
            part.first = part.tail.front().map_or(part.end, |oldest| oldest.position.offset);
        }
    }

    /// Wakes every reader of the topic.
    pub(crate) fn wake(&self) {
        self.wake.send_modify(|_| {});
    }

    /// Wakes every reader for the last time.
    pub(crate) fn end_with(&self, status: &Status) {
        self.wake.send_if_modified(|now| {
            let first = *now == Status::Open;
            if first {
                now.clone_from(status);
            }
            first
        });
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Status> {
        self.wake.subscribe()
    }

    /// Records from `from` on, as far as the tail has them.
    pub(crate) fn read(&self, partition: u32, from: u64, room: &mut Room) -> Found {
        let Some(part) = self.part(partition) else { return Found::Records(Vec::new()) };
        let part = part.lock();
        if from >= part.end {
            return Found::Records(Vec::new());
        }
        if from < part.first {
            return Found::Lost(part.first);
        }
        let oldest = part.tail.front().map_or(part.end, |oldest| oldest.position.offset);
        if from < oldest {
            return Found::Behind(oldest);
        }
        let skip = usize::try_from(from - oldest).unwrap_or(usize::MAX);
        let mut out = Vec::new();
        for record in part.tail.range(skip.min(part.tail.len())..) {
            if !room.take(size(record)) {
                break;
            }
            out.push(record.clone());
        }
        Found::Records(out)
    }

    pub(crate) fn states(&self) -> Vec<PartitionState> {
        (0..).zip(&self.parts).map(|(partition, part)| state(partition, &part.lock())).collect()
    }

    pub(crate) fn state(&self, partition: u32) -> Option<PartitionState> {
        Some(state(partition, &self.part(partition)?.lock()))
    }
}

fn state(partition: u32, part: &Part) -> PartitionState {
    PartitionState { partition, epoch: EPOCH, first: part.first, end: part.end }
}
