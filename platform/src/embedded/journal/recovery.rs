//! How a journal is opened: read the heads of all segments and the records of the newest, cut its torn
//! tail, and begin a new segment.
//!
//! Only the newest segment can be torn: each earlier one was synced whole before its successor was
//! named. Damage in an earlier one is an error, never a truncation. After a record a new segment is begun
//! always, so that bytes behind a cut can never be read as the continuation of it. What a kill left in the page
//! cache is synced here before anyone reads it.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;

use schemas::Timestamp;

use super::frame::{self, Mark, SegmentHead};
use super::fs::Fs;
use super::segment::{Place, Segment, damaged, walk};

/// What was found.
pub(super) struct Found {
    /// The journal's id; none: there is no journal yet.
    pub(super) id: Option<[u8; 16]>,
    pub(super) segments: Vec<Segment>,
    /// The newest segment, if it has no record: the journal goes on in it.
    pub(super) open: Option<Segment>,
    /// Number of the next record.
    pub(super) number: u64,
    pub(super) marks: BTreeMap<Place, (u64, Timestamp)>,
}

const SUFFIX: &str = ".seg";

/// Name of the segment whose first record has this number.
pub(super) fn segment_name(number: u64) -> String {
    format!("{number:020}{SUFFIX}")
}

fn numbers(fs: &dyn Fs) -> io::Result<Vec<u64>> {
    let names = fs.list()?;
    let mut numbers: Vec<u64> =
        names.iter().filter_map(|name| name.strip_suffix(SUFFIX)?.parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// Reads and repairs what is there.
pub(super) fn recover(fs: &dyn Fs) -> io::Result<Found> {
    let mut segments: Vec<Segment> = Vec::new();
    let numbers = numbers(fs)?;
    let newest = numbers.last().copied();
    let mut headless = false;
    for number in numbers {
        let name = segment_name(number);
        let file = fs.open(&name)?;
        match read_head(&*file)? {
            Some(head) if head.number == number => {
                if segments.last().is_some_and(|before| before.head.journal != head.journal) {
                    return Err(bad(&name, "belongs to another journal"));
                }
                let length = file.length()?;
                segments.push(Segment::new(name, head, file, length, false)?);
            }
            // A cut between the name and the head of a new segment: it has no record.
            None if Some(number) == newest => {
                fs.remove(&name)?;
                headless = true;
            }
            _ => return Err(bad(&name, "has no readable head")),
        }
    }
    let Some(last) = segments.pop() else {
        fs.sync_dir()?;
        return Ok(Found { id: None, segments, open: None, number: 0, marks: BTreeMap::new() });
    };
    // The segment before a newer one was synced whole: it has no torn tail.
    let tail = read_tail(&last, headless)?;
    let Segment { name, head, file, .. } = last;
    let length = file.length()?;
    let open = if tail.number == head.number {
        // Without a record. It is cut behind its head, which is durable, and may be the only thing
        // that tells the journal's id and marks: it is written on in, never removed.
        Some(Segment::new(name, head, file, length, true)?)
    } else {
        segments.push(Segment::new(name, head, file, length, false)?);
        None
    };
    fs.sync_dir()?;
    Ok(Found { segments, open, ..tail })
}

fn bad(name: &str, what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("segment {name} of the journal {what}"))
}

fn read_head(file: &dyn super::fs::SegmentFile) -> io::Result<Option<SegmentHead>> {
    let mut head = None;
    let length = file.length()?;
    walk(file, 0, length, |_, body| {
        head = frame::head(body);
        ControlFlow::Break(())
    })?;
    Ok(head)
}

/// Walks the newest segment to its end and cuts what is behind it.
fn read_tail(last: &Segment, sealed: bool) -> io::Result<Found> {
    let mark = |mark: &Mark| ((mark.topic, mark.partition), (mark.next, mark.last_at));
    let mut marks: BTreeMap<Place, (u64, Timestamp)> = last.head.marks.iter().map(mark).collect();
    let mut number = last.head.number;
    let mut gap = None;
    let walked = walk(&*last.file, 0, last.length(), |at, body| {
        if at == 0 {
            return ControlFlow::Continue(());
        }
        let (next, last_at) = marks.entry((body.topic, body.partition)).or_default();
        if body.offset != *next {
            gap = Some(at);
            return ControlFlow::Break(());
        }
        *next += 1;
        *last_at = body.at;
        number += 1;
        ControlFlow::Continue(())
    })?;
    if let Some(at) = gap {
        return Err(damaged(&last.name, at));
    }
    if !walked.whole && sealed {
        return Err(damaged(&last.name, walked.at));
    }
    if !walked.whole {
        tracing::warn!(segment = last.name, at = walked.at, "cut a torn tail off the journal");
    }
    // Also on a clean tail: it makes what a kill left in the page cache durable.
    last.file.truncate(walked.at)?;
    let id = Some(last.head.journal);
    Ok(Found { id, segments: Vec::new(), open: None, number, marks })
}
