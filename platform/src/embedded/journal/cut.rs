//! The journal as it stands between two groups, for a backup.
//!
//! A cut holds the files of its segments open: segments that are retired meanwhile stay readable until
//! it is dropped. It must never read past the lengths that it found.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;

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

    /// Checks every frame, and answers where the last one ends: what lies behind it is zeros.
    pub(crate) fn check(&self) -> io::Result<u64> {
        let file = &*self.segment.file;
        let walked = walk(file, 0, self.length, |_, _| ControlFlow::Continue(()))?;
        if walked.whole { Ok(walked.at) } else { Err(damaged(&self.segment.name, walked.at)) }
    }

    /// Reads at most `out.len()` bytes; fewer only at the end of the file.
    pub(crate) fn read_at(&self, at: u64, out: &mut [u8]) -> io::Result<usize> {
        self.segment.file.read_at(at, out)
    }
}
