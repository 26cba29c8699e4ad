//! One segment file: its head, how far it may be read, and where its records lie.
//!
//! The index is sparse: for each partition the place of a record every [`STRIDE`] bytes. The committer
//! keeps it for the segment it writes; for an older segment it is made by the first read that needs
//! it, so that a start does not read the whole log. Every frame that is read is checked. Readers never
//! read past `length`, which the committer moves only after a sync.

use std::collections::HashMap;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::frame::{self, Body, SegmentHead};
use super::fs::SegmentFile;
use crate::embedded::channel::Room;
use crate::port::log::Record;

/// Distance of index entries of one partition.
const STRIDE: u64 = 128 << 10;
/// Bytes read at once.
const CHUNK: usize = 256 << 10;

/// Topic number and partition.
pub(super) type Place = (u16, u32);

/// Where records of each partition lie.
#[derive(Default)]
struct Index {
    complete: bool,
    places: HashMap<Place, Vec<(u64, u64)>>,
}

impl Index {
    fn note(&mut self, place: Place, offset: u64, at: u64) {
        let entries = self.places.entry(place).or_default();
        if entries.last().is_none_or(|(_, last)| at - last >= STRIDE) {
            entries.push((offset, at));
        }
    }

    fn find(&self, place: Place, offset: u64) -> Option<u64> {
        let entries = self.places.get(&place)?;
        let behind = entries.partition_point(|(first, _)| *first <= offset);
        entries.get(behind.saturating_sub(1)).map(|(_, at)| *at)
    }
}

pub(super) struct Segment {
    pub(super) name: String,
    pub(super) head: SegmentHead,
    pub(super) file: Arc<dyn SegmentFile>,
    /// Bytes of the file, for the bound on the whole log.
    pub(super) size: u64,
    first: HashMap<Place, u64>,
    length: AtomicU64,
    index: Mutex<Index>,
}

/// Where a walk over frames ended.
pub(super) struct Walked {
    pub(super) at: u64,
    /// Whether what lies there is the end of the records, and not a damaged frame.
    pub(super) whole: bool,
}

impl Segment {
    /// A segment whose records up to `length` are durable; `complete`: the caller notes each record.
    pub(super) fn new(
        name: String,
        head: SegmentHead,
        file: Arc<dyn SegmentFile>,
        length: u64,
        complete: bool,
    ) -> io::Result<Self> {
        let first =
            head.marks.iter().map(|mark| ((mark.topic, mark.partition), mark.next)).collect();
        let index = Mutex::new(Index { complete, places: HashMap::new() });
        let size = file.length()?;
        Ok(Self { name, head, file, size, first, length: AtomicU64::new(length), index })
    }

    /// The first offset of a partition that lies in this segment or a later one.
    pub(super) fn first(&self, place: Place) -> u64 {
        self.first.get(&place).copied().unwrap_or(0)
    }

    /// Bytes that readers may see.
    pub(super) fn length(&self) -> u64 {
        self.length.load(Ordering::Acquire)
    }

    /// Records up to here are synced; `places` are those that came with them.
    pub(super) fn extend(&self, length: u64, places: &[(Place, u64, u64)]) {
        let mut index = self.index.lock();
        for (place, offset, at) in places {
            index.note(*place, *offset, *at);
        }
        drop(index);
        self.length.store(length, Ordering::Release);
    }

    /// Reads a partition's records in `from..upto` of this segment, as far as there is room.
    pub(super) fn read(
        &self,
        topic: &'static schemas::topic::Topic,
        partition: u32,
        wanted: std::ops::Range<u64>,
        room: &mut Room,
    ) -> io::Result<Vec<Record>> {
        let place = (topic.id, partition);
        let Some(start) = self.place_of(place, wanted.start)? else { return Ok(Vec::new()) };
        let mut out = Vec::new();
        let mut unreadable = false;
        let walked = walk(&*self.file, start, self.length(), |_, body| {
            if (body.topic, body.partition) != place || !wanted.contains(&body.offset) {
                return ControlFlow::Continue(());
            }
            if !room.take(body.payload.len()) {
                return ControlFlow::Break(());
            }
            match frame::record(topic, body) {
                Some(record) => out.push(record),
                None => unreadable = true,
            }
            // The last record wanted: do not read what lies behind it.
            if body.offset + 1 >= wanted.end || unreadable {
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        })?;
        if unreadable || !walked.whole {
            return Err(damaged(&self.name, walked.at));
        }
        Ok(out)
    }

    fn place_of(&self, place: Place, offset: u64) -> io::Result<Option<u64>> {
        let mut index = self.index.lock();
        if !index.complete {
            let mut fresh = Index { complete: true, places: HashMap::new() };
            let walked = walk(&*self.file, 0, self.length(), |at, body| {
                fresh.note((body.topic, body.partition), body.offset, at);
                ControlFlow::Continue(())
            })?;
            if !walked.whole {
                return Err(damaged(&self.name, walked.at));
            }
            *index = fresh;
        }
        Ok(index.find(place, offset))
    }
}

/// A frame that must be whole is not.
pub(super) fn damaged(name: &str, at: u64) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("segment {name} of the journal is damaged at byte {at}"),
    )
}

/// Visits the frames in `at..to`, each checked, until the visitor breaks or no whole frame follows.
pub(super) fn walk(
    file: &dyn SegmentFile,
    mut at: u64,
    to: u64,
    mut visit: impl FnMut(u64, &Body<'_>) -> ControlFlow<()>,
) -> io::Result<Walked> {
    let mut want = CHUNK;
    let mut buffer = Vec::new();
    loop {
        let left = usize::try_from(to.saturating_sub(at)).unwrap_or(usize::MAX);
        buffer.resize(want.min(left), 0);
        let filled = file.read_at(at, &mut buffer)?;
        buffer.truncate(filled);
        let last = filled == left || filled < want;
        let mut used = 0;
        loop {
            let rest = buffer.get(used..).unwrap_or_default();
            let Some((size, crc)) = frame::prefix(rest) else {
                // No frame can start here, or its first bytes lie behind the chunk.
                let end = rest.len() >= frame::PREFIX || last;
                if end {
                    let whole = rest.iter().take(frame::PREFIX).all(|byte| *byte == 0);
                    return Ok(Walked { at, whole });
                }
                want = CHUNK;
                break;
            };
            let Some(bytes) = rest.get(frame::PREFIX..size) else {
                if last {
                    return Ok(Walked { at, whole: false });
                }
                want = size.max(CHUNK);
                break;
            };
            let body = (crc32fast::hash(bytes) == crc).then(|| frame::body(bytes)).flatten();
            let Some(body) = body else { return Ok(Walked { at, whole: false }) };
            if visit(at, &body).is_break() {
                return Ok(Walked { at, whole: true });
            }
            used += size;
            at += u64::try_from(size).map_err(io::Error::other)?;
        }
    }
}
