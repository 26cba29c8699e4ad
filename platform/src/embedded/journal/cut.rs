//! The journal as it stands between two groups, for a backup.
//!
//! A cut holds the files of its segments open: segments that are retired meanwhile stay readable until
//! it is dropped. It must never read past the lengths that it found.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::frame::{self, SegmentHead};
use super::segment::{Place, Segment, damaged, walk};
use super::{Journal, Shared};

/// All segments, up to one place in the one order of the journal.
pub(crate) struct Cut {
    pub(crate) id: [u8; 16],
    pub(crate) pieces: Vec<Piece>,
}

/// A segment, up to a length.
pub(crate) struct Piece {
    segment: Arc<Segment>,
    length: u64,
}

impl Journal {
    /// Takes a cut between two groups and runs `also` before the next group is written: nothing is
    /// acknowledged in between, so what it takes and the cut are of one moment.
    pub(crate) fn cut<T>(&self, also: impl FnOnce() -> T) -> (Cut, T) {
        let _between = self.shared.group.lock();
        let cut = self.shared.cut_now();
        (cut, also())
    }
}

impl Shared {
    fn cut_now(&self) -> Cut {
        let piece = |segment: &Arc<Segment>| Piece {
            length: segment.length(),
            segment: Arc::clone(segment),
        };
        Cut { id: self.id, pieces: self.segments.read().iter().map(piece).collect() }
    }
}

impl Cut {
    /// Lets go of the oldest segments that nobody needs who stands at these cursors; a partition
    /// without a cursor is needed whole.
    pub(crate) fn keep_from(&mut self, cursor: impl Fn(Place) -> Option<u64>) {
        let is_read = |pair: &[Piece]| match pair {
            [oldest, next] => next.segment.head.marks.iter().all(|mark| {
                let place = (mark.topic, mark.partition);
                mark.next <= oldest.segment.first(place)
                    || cursor(place).is_some_and(|cursor| cursor >= mark.next)
            }),
            _ => false,
        };
        let behind = self.pieces.windows(2).take_while(|pair| is_read(pair)).count();
        self.pieces.drain(..behind);
    }
}

impl Piece {
    pub(crate) fn name(&self) -> &str {
        &self.segment.name
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Checks that every record is here, and answers where the last one ends. `next` is the piece behind
    /// this one. Zeros are no proof of an end, as damage can be zeros too: records must go as far as the
    /// head of the next piece says, and in the last piece to its length. `visit` hears of the bytes
    /// passed, and may break, which is an error.
    pub(crate) fn check(
        &self,
        next: Option<&Self>,
        mut visit: impl FnMut(u64) -> ControlFlow<()>,
    ) -> io::Result<u64> {
        let segment = &*self.segment;
        let mut marks = marks(&segment.head);
        let (mut number, mut passed) = (segment.head.number, 0);
        let (mut wrong, mut given_up) = (false, false);
        let walked = walk(&*segment.file, 0, self.length, |at, body| {
            if at == 0 {
                wrong = frame::head(body).as_ref() != Some(&segment.head);
            } else {
                let mark = marks.entry((body.topic, body.partition)).or_default();
                wrong = body.offset != *mark;
                *mark += 1;
                number += 1;
            }
            given_up = visit(at - passed).is_break();
            passed = at;
            if wrong || given_up { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        if given_up {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let ends = match next.map(|next| &next.segment.head) {
            Some(next) => number == next.number && marks == self::marks(next),
            None => walked.at == self.length,
        };
        // A segment has a head always.
        if wrong || !walked.whole || !ends || walked.at == 0 {
            return Err(damaged(&segment.name, walked.at));
        }
        Ok(walked.at)
    }

    /// Reads at most `out.len()` bytes; fewer only at the end of the file.
    pub(crate) fn read_at(&self, at: u64, out: &mut [u8]) -> io::Result<usize> {
        self.segment.file.read_at(at, out)
    }
}

/// Where the partitions stand that have had a record.
fn marks(head: &SegmentHead) -> BTreeMap<Place, u64> {
    let had = head.marks.iter().filter(|mark| mark.next > 0);
    had.map(|mark| ((mark.topic, mark.partition), mark.next)).collect()
}
