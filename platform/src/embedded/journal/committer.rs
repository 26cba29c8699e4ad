//! The one thread that writes the journal: take what is queued, give offsets, write, sync, publish,
//! answer; again. No tick: while it syncs, the next group gathers.
//!
//! Invariants: nothing is visible or acknowledged before the sync that covers it has returned; offsets
//! of a partition are dense and its append times never go back; a segment is synced whole, with its
//! name, before the next one gets a record. Any error of a write or sync is final: the pages may be
//! marked clean although they never reached the disk, so a second sync would lie.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use schemas::{Position, Timestamp};

use super::frame::{self, Mark, SegmentHead};
use super::instruments::Origin;
use super::queue::{Queue, Request};
use super::segment::{Place, Segment};
use super::{Shared, segment_name};
use crate::embedded::channel::{EPOCH, Status};
use crate::port::clock::Clock;
use crate::port::log::{Append, Error, Record};

/// Bytes of one group: bounds the buffer and the time of one sync.
const GROUP_BYTES: usize = 8 << 20;

pub(super) struct Committer {
    pub(super) queue: Arc<Queue>,
    pub(super) shared: Arc<Shared>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) writer: Writer,
}

/// The end of the journal.
pub(super) struct Writer {
    pub(super) segment: Arc<Segment>,
    pub(super) at: u64,
    /// Number of the next record.
    pub(super) number: u64,
    /// Next offset and last append time of each partition.
    pub(super) marks: BTreeMap<Place, (u64, Timestamp)>,
    pub(super) buffer: Vec<u8>,
}

type Answer = (tokio::sync::oneshot::Sender<Result<Vec<Position>, Error>>, Vec<Position>, Origin);

/// A group on its way to the disk.
#[derive(Default)]
struct Group {
    answers: Vec<Answer>,
    records: BTreeMap<Place, Vec<Record>>,
    /// Place, offset and byte in the buffer of each record.
    places: Vec<(Place, u64, u64)>,
}

impl Committer {
    pub(super) fn run(mut self) {
        // Also when this thread panics: an append that nobody will write must not wait for ever.
        let _stop = Stop(Arc::clone(&self.queue), Arc::clone(&self.shared));
        let shared = Arc::clone(&self.shared);
        while let Some(requests) = self.queue.take(GROUP_BYTES) {
            let _whole = shared.group.lock();
            let mut group = self.encode(requests);
            if let Err(error) = self.write(&mut group) {
                self.fail(group, &error);
                return;
            }
            self.publish(group);
        }
    }

    fn encode(&mut self, requests: Vec<Request>) -> Group {
        let mut group = Group::default();
        self.writer.buffer.clear();
        let now = self.clock.now();
        for request in requests {
            let origin = request.origin();
            let mut positions = Vec::with_capacity(request.records.len());
            for append in request.records {
                let record = self.writer.take_place(append, now);
                let place = (record.topic.id, record.position.partition);
                let at = u64::try_from(self.writer.buffer.len()).unwrap_or(u64::MAX);
                group.places.push((place, record.position.offset, at));
                frame::put_record(&mut self.writer.buffer, &record);
                positions.push(record.position);
                group.records.entry(place).or_default().push(record);
            }
            group.answers.push((request.answer, positions, origin));
        }
        group
    }

    fn write(&mut self, group: &mut Group) -> io::Result<()> {
        let length = u64::try_from(self.writer.buffer.len()).map_err(io::Error::other)?;
        if self.writer.at + length > self.shared.segment_bytes && !self.writer.is_fresh() {
            // The marks already count this group: the head must tell what came before it.
            let before = before(&self.writer.marks, group);
            let segment = self.shared.begin(self.writer.number, &before, length)?;
            self.writer.at = segment.length();
            self.writer.segment = segment;
        }
        let (start, began) = (self.writer.at, Instant::now());
        self.writer.segment.file.write_at(start, &self.writer.buffer)?;
        self.writer.segment.file.sync()?;
        if let Some(instruments) = self.shared.instruments.get() {
            instruments.synced(began, group.places.len(), length);
        }
        for (_, _, at) in &mut group.places {
            *at += start;
        }
        self.writer.at = start + length;
        self.writer.number += u64::try_from(group.places.len()).map_err(io::Error::other)?;
        self.writer.segment.extend(self.writer.at, &group.places);
        let counters = &self.shared.counters;
        counters.groups.fetch_add(1, Ordering::Relaxed);
        counters.bytes.fetch_add(length, Ordering::Relaxed);
        Ok(())
    }

    fn publish(&self, group: Group) {
        let mut touched = None;
        for ((topic, partition), records) in group.records {
            let Some(channel) = self.shared.channel(topic) else { continue };
            channel.publish(partition, records);
            // Places are in order, so the partitions of a topic come together: one wake-up each.
            match touched.replace(topic) {
                Some(last) if last != topic => self.wake(last),
                _ => {}
            }
        }
        if let Some(last) = touched {
            self.wake(last);
        }
        let (instruments, now) = (self.shared.instruments.get(), Instant::now());
        for (answer, positions, origin) in group.answers {
            if let Some(instruments) = instruments {
                instruments.durable(origin, now, positions.len());
            }
            // A caller that went away has no use for its answer; its records stay.
            drop(answer.send(Ok(positions)));
        }
    }

    fn wake(&self, topic: u16) {
        if let Some(channel) = self.shared.channel(topic) {
            channel.wake();
        }
    }

    fn fail(&self, group: Group, error: &io::Error) {
        let why = format!("the journal can not be written: {error}");
        tracing::error!(%error, "the journal can not be written; it takes no more appends");
        let status = Status::Failed(why.clone());
        self.queue.stop(status.clone());
        for (answer, ..) in group.answers {
            // It may be on the disk or not: only a start can tell.
            drop(answer.send(Err(Error::Unknown(why.clone()))));
        }
        self.shared.end_with(&status);
    }
}

/// Stops the queue and wakes readers when the thread is over; changes nothing if it was stopped before.
struct Stop(Arc<Queue>, Arc<Shared>);

impl Drop for Stop {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let status = Status::Failed("the journal's thread has ended".to_owned());
            self.0.stop(status.clone());
            self.1.end_with(&status);
        }
    }
}

impl Writer {
    /// Whether the segment has no record yet.
    fn is_fresh(&self) -> bool {
        self.number == self.segment.head.number
    }

    fn take_place(&mut self, append: Append, now: Timestamp) -> Record {
        let Append { topic, partition, key, headers, value } = append;
        let (next, last_at) = self.marks.entry((topic.id, partition)).or_default();
        let position = Position { epoch: EPOCH, partition, offset: *next };
        *next += 1;
        *last_at = now.max(*last_at);
        Record { topic, position, appended_at: *last_at, key, headers, value }
    }
}

/// The marks as they were before a group.
fn before(marks: &BTreeMap<Place, (u64, Timestamp)>, group: &Group) -> Vec<Mark> {
    let mark = |(place, (next, last_at)): (&Place, &(u64, Timestamp))| {
        let first = group.records.get(place).and_then(|records| records.first());
        let next = first.map_or(*next, |record| record.position.offset);
        Mark { topic: place.0, partition: place.1, next, last_at: *last_at }
    };
    marks.iter().map(mark).collect()
}

impl Shared {
    /// Begins a segment with room for at least `length` bytes: on disk with its name when this returns.
    pub(super) fn begin(
        &self,
        number: u64,
        marks: &[Mark],
        length: u64,
    ) -> io::Result<Arc<Segment>> {
        let head = SegmentHead { journal: self.id, number, marks: marks.to_vec() };
        let mut bytes = Vec::new();
        frame::put_head(&mut bytes, &head);
        let used = u64::try_from(bytes.len()).map_err(io::Error::other)?;
        let name = segment_name(number);
        let file = self.fs.create(&name, self.segment_bytes.max(used + length))?;
        file.write_at(0, &bytes)?;
        file.sync()?;
        self.fs.sync_dir()?;
        let segment = Arc::new(Segment::new(name, head, file, used, true)?);
        self.segments.write().push_back(Arc::clone(&segment));
        Ok(segment)
    }
}
