//! What every handle of the embedded log shares: the channels, the journal, the store, the cursors.
//!
//! Invariants: a record of a derived topic is in the store before a reader sees it; a cursor is in the
//! store before it counts; the cursors that let a segment be deleted are those of a synced checkpoint.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use parking_lot::Mutex;
use schemas::topic::{self, Durability, Topic};
use schemas::{Position, Timestamp, limits};

use super::facts;
use crate::embedded::channel::{Channel, EPOCH, Found, Room, size_of};
use crate::embedded::journal::Journal;
use crate::embedded::lsm::LsmStore;
use crate::port::clock::Clock;
use crate::port::log::{Append, Error, PartitionState, Record};
use crate::port::store;

/// What the headers of a dead letter may add to the record in it.
const LETTER: usize = 4_096;

/// Records of a derived partition that one checkpoint deletes at most.
const TRIM: usize = 10_000;

pub(super) fn failed(error: impl std::fmt::Display) -> Error {
    Error::Failed(error.to_string())
}

/// Cursors of one group on one topic, by partition.
pub(super) type Cursors = BTreeMap<u32, u64>;

pub(super) struct Core {
    pub(super) channels: Vec<Arc<Channel>>,
    pub(super) journal: Journal,
    pub(super) store: LsmStore,
    pub(super) clock: Arc<dyn Clock>,
    /// Committed offsets by topic number and group.
    pub(super) cursors: Mutex<BTreeMap<(u16, String), Cursors>>,
    pub(super) members: Mutex<BTreeSet<(u16, String)>>,
    pub(super) closed: AtomicBool,
}

impl Core {
    pub(super) fn channel(&self, topic: &Topic) -> Result<&Arc<Channel>, Error> {
        let found = self.channels.iter().find(|channel| channel.topic.id == topic.id);
        found.ok_or_else(|| Error::Failed(format!("there is no topic {}", topic.name)))
    }

    /// Refuses what breaks a limit before anything is written.
    pub(super) fn check(records: &[Append]) -> Result<(), Error> {
        for record in records {
            let size = size_of(&record.key, &record.headers, &record.value);
            // A dead letter is another record and the reason beside it.
            let more = if record.topic == &topic::DEAD_LETTERS { LETTER } else { 0 };
            if size > limits::RECORD_BYTES + more {
                return Err(Error::TooLarge(size));
            }
            if record.partition >= record.topic.partitions_embedded {
                let (name, partition) = (record.topic.name, record.partition);
                return Err(Error::Failed(format!("{name} has no partition {partition}")));
            }
        }
        Ok(())
    }

    /// Appends to topics that are not in the journal, in order; one store batch and one wake-up for
    /// each run of records of one partition.
    pub(super) fn append_here(&self, records: Vec<Append>) -> Result<Vec<Position>, Error> {
        let mut positions = Vec::with_capacity(records.len());
        let mut records = records.into_iter().peekable();
        let now = self.clock.now();
        let mut touched: Vec<&Arc<Channel>> = Vec::new();
        let mut outcome = Ok(());
        while let Some(first) = records.next() {
            let (topic, partition) = (first.topic, first.partition);
            let mut run = vec![first];
            while let Some(next) = records.next_if(|r| r.topic == topic && r.partition == partition)
            {
                run.push(next);
            }
            let channel = self.channel(topic)?;
            outcome = channel.append_with(partition, |next, last_at| {
                let appended_at = now.max(last_at);
                let run: Vec<Record> = (next..)
                    .zip(run)
                    .map(|(offset, append)| {
                        let Append { topic, partition, key, headers, value } = append;
                        let position = Position { epoch: EPOCH, partition, offset };
                        Record { topic, position, appended_at, key, headers, value }
                    })
                    .collect();
                if topic.durability == Durability::Derived {
                    self.store.system_write(run.iter().map(|record| {
                        let Position { partition, offset, .. } = record.position;
                        let key = facts::record_key(topic.id, partition, offset);
                        (key, Some(facts::encode(record)))
                    }))?;
                }
                positions.extend(run.iter().map(|record| record.position));
                Ok::<_, store::Error>(run)
            });
            if outcome.is_err() {
                break;
            }
            if !touched.iter().any(|other| other.topic == topic) {
                touched.push(channel);
            }
        }
        for channel in touched {
            channel.wake();
        }
        outcome.map_err(failed)?;
        Ok(positions)
    }

    /// Records of a partition from `from` on; [`Error::OutOfRange`] if they are not kept any more.
    pub(super) fn read(
        &self,
        channel: &Channel,
        partition: u32,
        from: u64,
        room: &mut Room,
    ) -> Result<Vec<Record>, Error> {
        let topic = channel.topic;
        match channel.read(partition, from, room) {
            Found::Records(records) => Ok(records),
            Found::Lost(first) => Err(Error::OutOfRange(first)),
            Found::Behind(tail) => {
                let wanted = from..tail;
                let found = match topic.durability {
                    Durability::Synced => self.journal.read(topic, partition, wanted, room),
                    Durability::Derived => self.read_store(topic, partition, wanted, room),
                    Durability::Volatile => Err(Error::OutOfRange(tail)),
                };
                // A checkpoint may have deleted it in between; the bound is moved before the data.
                let first = channel.state(partition).map_or(0, |state| state.first);
                if from < first { Err(Error::OutOfRange(first)) } else { found }
            }
        }
    }

    /// The first record of a partition that was taken at this time or later. Times never go back, so a
    /// few looks find it.
    pub(super) fn since(
        &self,
        channel: &Channel,
        state: PartitionState,
        at: Timestamp,
    ) -> Result<u64, Error> {
        let (mut low, mut high) = (state.first, state.end);
        while low < high {
            let middle = low + (high - low) / 2;
            let mut room = Room { records: 1, bytes: usize::MAX };
            match self.read(channel, state.partition, middle, &mut room) {
                Ok(found) => match found.first() {
                    Some(record) if record.appended_at < at => low = middle + 1,
                    Some(_) | None => high = middle,
                },
                // The oldest went in between.
                Err(Error::OutOfRange(first)) => low = first.max(middle + 1),
                Err(error) => return Err(error),
            }
        }
        Ok(low)
    }

    fn read_store(
        &self,
        topic: &'static Topic,
        partition: u32,
        wanted: std::ops::Range<u64>,
        room: &mut Room,
    ) -> Result<Vec<Record>, Error> {
        let mut out = Vec::new();
        for pair in self.store.system_scan(facts::records_from(topic.id, partition, wanted.start)) {
            let (key, value) = pair.map_err(failed)?;
            let offset = facts::offset_of(&key).unwrap_or(u64::MAX);
            if offset >= wanted.end || !room.take(value.len()) {
                break;
            }
            let record = facts::decode(topic, partition, &key, &value);
            let name = topic.name;
            out.push(record.ok_or_else(|| {
                Error::Failed(format!("{name}/{partition}: record {offset} can not be read"))
            })?);
        }
        Ok(out)
    }

    /// The cursor of a group on every partition, set to the oldest kept record where it has none.
    pub(super) fn cursors_of(&self, group: &str, channel: &Channel) -> Result<Cursors, Error> {
        let mut all = self.cursors.lock();
        let cursors = all.entry((channel.topic.id, group.to_owned())).or_default();
        let missing: Vec<(u32, u64)> = channel
            .states()
            .iter()
            .filter(|state| !cursors.contains_key(&state.partition))
            .map(|state| (state.partition, state.first))
            .collect();
        self.store_cursors(group, channel.topic, &missing)?;
        cursors.extend(missing);
        Ok(cursors.clone())
    }

    /// Moves cursors forward.
    pub(super) fn commit(
        &self,
        group: &str,
        topic: &'static Topic,
        offsets: &[(u32, u64)],
    ) -> Result<(), Error> {
        let mut all = self.cursors.lock();
        let cursors = all.entry((topic.id, group.to_owned())).or_default();
        let newer: Vec<(u32, u64)> = offsets
            .iter()
            .filter(|(partition, next)| cursors.get(partition).is_none_or(|now| now < next))
            .copied()
            .collect();
        self.store_cursors(group, topic, &newer)?;
        cursors.extend(newer);
        Ok(())
    }

    fn store_cursors(
        &self,
        group: &str,
        topic: &Topic,
        offsets: &[(u32, u64)],
    ) -> Result<(), Error> {
        // A volatile topic starts anew with the process, and so do cursors on it.
        if topic.durability == Durability::Volatile || offsets.is_empty() {
            return Ok(());
        }
        let pairs = offsets.iter().map(|(partition, next)| {
            let key = facts::cursor_key(topic.id, *partition, group);
            (key, Some(next.to_be_bytes().to_vec()))
        });
        self.store.system_write(pairs).map_err(failed)
    }

    /// Smallest cursor of each partition over all groups.
    fn smallest(&self) -> HashMap<(u16, u32), u64> {
        let mut out: HashMap<(u16, u32), u64> = HashMap::new();
        for ((topic, _), cursors) in &*self.cursors.lock() {
            for (partition, next) in cursors {
                let smallest = out.entry((*topic, *partition)).or_insert(*next);
                *smallest = (*smallest).min(*next);
            }
        }
        out
    }

    /// Syncs the store and deletes what no group needs again after a power cut.
    pub(super) fn checkpoint(&self) -> Result<(), Error> {
        // Read before the sync: these cursors are in the store and will be synced by it.
        let read = self.smallest();
        let mut ends = Vec::new();
        for channel in self.channels.iter().filter(|c| c.topic.durability == Durability::Synced) {
            for state in channel.states() {
                let key = facts::high_water_key(channel.topic.id, state.partition);
                ends.push((key, Some(state.end.to_be_bytes().to_vec())));
            }
        }
        self.store.system_write(ends).map_err(failed)?;
        self.store.checkpoint().map_err(failed)?;
        self.journal.retire(&read, self.clock.now())?;
        for channel in self.channels.iter().filter(|c| c.topic.durability == Durability::Derived) {
            for state in channel.states() {
                // A topic that no group reads is kept for its retention alone.
                let cursor = read.get(&(channel.topic.id, state.partition)).copied();
                let cursor = cursor.unwrap_or(state.end);
                // The newest record stays: its key tells the next offset after a restart.
                let upto = cursor.min(state.end.saturating_sub(1));
                self.trim(channel, state.partition, state.first..upto)?;
            }
        }
        Ok(())
    }

    /// Deletes derived records of `range` that are past their retention.
    fn trim(
        &self,
        channel: &Channel,
        partition: u32,
        range: std::ops::Range<u64>,
    ) -> Result<(), Error> {
        let topic = channel.topic;
        let now = self.clock.now();
        let keep = i64::try_from(topic.retention.as_millis()).unwrap_or(i64::MAX);
        let mut gone = Vec::new();
        for pair in self.store.system_scan(facts::records_from(topic.id, partition, range.start)) {
            let (key, value) = pair.map_err(failed)?;
            let aged = facts::append_time(&value).is_some_and(|at| now.since(at) > keep);
            let below = facts::offset_of(&key).is_some_and(|offset| offset < range.end);
            if !aged || !below || gone.len() == TRIM {
                break;
            }
            gone.push((key.to_vec(), None));
        }
        let Some((last, _)) = gone.last() else { return Ok(()) };
        let first = facts::offset_of(last).map_or(range.start, |offset| offset + 1);
        channel.trim(partition, first);
        self.store.system_write(gone).map_err(failed)
    }
}
