//! Positions in the log, and the stamps that order writes of one row.
//!
//! A folded row is written `USING TIMESTAMP epoch << 40 | offset` of the record that last touched it.
//! This module is the only place that makes such a number (HAZARDS 4: one plain write with a clock's
//! timestamp on a stamped row would win for ever).

use serde::{Deserialize, Serialize};

/// Where a record lies: the epoch of its topic, its partition, its offset.
///
/// The epoch counts re-creations and re-partitionings; positions of one partition only grow.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
pub struct Position {
    /// 1 for a new deployment; moved by an operator only.
    pub epoch: u32,
    /// Partition of the topic.
    pub partition: u32,
    /// Offset in the partition, from 0.
    pub offset: u64,
}

/// Order of two writes of one row: the larger wins.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default,
)]
#[serde(transparent)]
pub struct Stamp(pub i64);

/// Offsets fit 40 bits: 1.1e12 records a partition and epoch.
pub const OFFSET_BITS: u32 = 40;

/// Epochs stay below 1,600, so that every stamp lies before the present in microseconds since 1970
/// (Scylla refuses stamps of the future: `restrict_future_timestamp`).
pub const MAX_EPOCH: u32 = 1_599;

impl Position {
    /// The stamp of a write caused by the record at this position.
    ///
    /// # Panics
    /// If the epoch or offset is out of range: going on would let writes lose silently.
    pub fn stamp(&self) -> Stamp {
        assert!(self.epoch <= MAX_EPOCH, "epoch {} is beyond {MAX_EPOCH}", self.epoch);
        assert!(self.offset >> OFFSET_BITS == 0, "offset {} needs more than 40 bits", self.offset);
        let offset = i64::try_from(self.offset).expect("40 bits fit");
        Stamp((i64::from(self.epoch) << OFFSET_BITS) | offset)
    }
}

impl Stamp {
    /// The epoch inside the stamp.
    pub fn epoch(self) -> u32 {
        u32::try_from(self.0 >> OFFSET_BITS).unwrap_or(0)
    }

    /// The offset inside the stamp.
    pub fn offset(self) -> u64 {
        u64::try_from(self.0 & ((1 << OFFSET_BITS) - 1)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_grow_with_epoch_then_offset() {
        let at = |epoch, offset| Position { epoch, partition: 0, offset }.stamp();
        assert!(at(1, 5) < at(1, 6));
        assert!(at(1, u64::pow(2, 40) - 1) < at(2, 0));
        assert_eq!((at(3, 77).epoch(), at(3, 77).offset()), (3, 77));
    }

    #[test]
    fn the_last_stamp_of_all_lies_before_2026_in_microseconds() {
        let last = Position { epoch: MAX_EPOCH, partition: 0, offset: (1 << 40) - 1 }.stamp();
        assert!(last.0 < 1_767_225_600_000_000);
    }

    #[test]
    #[should_panic(expected = "40 bits")]
    fn an_offset_out_of_range_stops() {
        let _ = Position { epoch: 1, partition: 0, offset: 1 << 40 }.stamp();
    }
}
