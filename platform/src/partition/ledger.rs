//! Which offsets of a partition are in work and which are finished. Pure.
//!
//! The committed offset is the lowest unfinished one: records finish in any order (keys run at the
//! same time), the commit never passes an unfinished one.

use std::collections::VecDeque;

use schemas::Timestamp;

/// The ledger of one partition.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Offsets taken, in order, their sizes, and whether they are finished. The front is unfinished.
    taken: VecDeque<Taken>,
    /// Everything below is finished.
    frontier: u64,
    /// What was committed last.
    committed: u64,
    unfinished: usize,
    unfinished_bytes: usize,
}

#[derive(Debug)]
struct Taken {
    offset: u64,
    bytes: usize,
    at: Timestamp,
    finished: bool,
}

impl Ledger {
    /// A partition from its committed offset on.
    pub fn at(committed: u64) -> Self {
        Self { frontier: committed, committed, ..Self::default() }
    }

    /// A record was read, appended at `at`. Whether it is new: a record below what was read before is
    /// not.
    #[must_use]
    pub fn take(&mut self, offset: u64, bytes: usize, at: Timestamp) -> bool {
        let next = self.taken.back().map_or(self.frontier, |last| last.offset + 1);
        if offset < next {
            return false;
        }
        // Offsets may have gaps (compaction, control records): the frontier jumps over them.
        if self.taken.is_empty() {
            self.frontier = offset;
        }
        self.taken.push_back(Taken { offset, bytes, at, finished: false });
        self.unfinished += 1;
        self.unfinished_bytes += bytes;
        true
    }

    /// A record is finished.
    pub fn finish(&mut self, offset: u64) {
        let Ok(at) = self.taken.binary_search_by_key(&offset, |taken| taken.offset) else {
            return;
        };
        let Some(entry) = self.taken.get_mut(at) else { return };
        if !std::mem::replace(&mut entry.finished, true) {
            self.unfinished -= 1;
            self.unfinished_bytes -= entry.bytes;
        }
        while let Some(first) = self.taken.pop_front_if(|first| first.finished) {
            self.frontier = first.offset + 1;
        }
    }

    /// When the oldest record that was read and is not finished was appended.
    pub fn behind_since(&self) -> Option<Timestamp> {
        self.taken.front().map(|first| first.at)
    }

    /// The offset to commit, if it moved since the last call.
    pub fn to_commit(&mut self) -> Option<u64> {
        (self.frontier > self.committed).then(|| {
            self.committed = self.frontier;
            self.frontier
        })
    }

    /// Records in work.
    pub fn unfinished(&self) -> usize {
        self.unfinished
    }

    /// Their bytes.
    pub fn unfinished_bytes(&self) -> usize {
        self.unfinished_bytes
    }

    /// Records from the lowest unfinished one on, finished or not: what would come again after a
    /// restart, and what this ledger holds.
    pub fn span(&self) -> usize {
        self.taken.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_commit_waits_for_the_lowest_unfinished_offset() {
        let mut ledger = Ledger::at(10);
        for offset in 10..14 {
            assert!(ledger.take(offset, 1, Timestamp(0)));
        }
        ledger.finish(11);
        ledger.finish(13);
        assert_eq!(ledger.to_commit(), None);
        ledger.finish(10);
        assert_eq!(ledger.to_commit(), Some(12));
        ledger.finish(12);
        assert_eq!(ledger.to_commit(), Some(14));
        assert_eq!((ledger.to_commit(), ledger.unfinished()), (None, 0));
    }

    #[test]
    fn it_is_behind_since_its_oldest_unfinished_record() {
        let mut ledger = Ledger::at(0);
        assert_eq!(ledger.behind_since(), None);
        for offset in 0..3 {
            assert!(ledger.take(offset, 1, Timestamp(100 + i64::try_from(offset).unwrap())));
        }
        ledger.finish(0);
        ledger.finish(2);
        assert_eq!(ledger.behind_since(), Some(Timestamp(101)));
        ledger.finish(1);
        assert_eq!(ledger.behind_since(), None);
    }

    #[test]
    fn a_record_that_comes_again_is_not_new() {
        let mut ledger = Ledger::at(0);
        assert!(ledger.take(0, 1, Timestamp(0)));
        assert!(!ledger.take(0, 1, Timestamp(0)));
        ledger.finish(0);
        assert!(!ledger.take(0, 1, Timestamp(0)));
    }

    proptest! {
        #[test]
        fn whatever_the_order_the_commit_is_the_lowest_unfinished(
            gaps in proptest::collection::vec(1u64..3, 1..40),
            order in any::<proptest::sample::Index>(),
            seed in any::<u64>(),
        ) {
            let offsets: Vec<u64> = gaps.iter().scan(0, |at, gap| { *at += gap; Some(*at) }).collect();
            let mut ledger = Ledger::at(0);
            for offset in &offsets { prop_assert!(ledger.take(*offset, 1, Timestamp(0))); }
            let mut left = offsets.clone();
            let mut state = seed ^ order.index(1000) as u64;
            while !left.is_empty() {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let pick = (state >> 33) as usize % left.len();
                ledger.finish(left.swap_remove(pick));
                let lowest = left.iter().min().copied();
                let committed = ledger.to_commit().unwrap_or(ledger.committed);
                if let Some(lowest) = lowest {
                    prop_assert!(committed <= lowest);
                } else {
                    prop_assert_eq!(committed, offsets.last().unwrap() + 1);
                }
                prop_assert_eq!(ledger.unfinished(), left.len());
            }
        }
    }
}
