//! What is known of fence rows: the newest stamp seen, and when it was last read.
//!
//! The real engine has no transaction that compares and writes. Before a batch with a fence, the fence
//! row is read at a quorum, and the batch is refused if the row is newer. A row that was read less than
//! [`TRUST_MS`] ago is not read again; a write of one's own does *not* count as a reading, because it
//! would go through silently beneath a newer row. So:
//!
//! - whoever lost a row to another owner learns it at the latest with the first batch that begins
//!   [`TRUST_MS`] after the new owner's first write of the row;
//! - a busy row costs one extra read per [`TRUST_MS`], and one that was just loaded none;
//! - what the late owner writes within that time is harmless: stamps decide row by row, a stamp is the
//!   position of a record, and deciding a record again gives the same rows.
//!
//! A newer stamp is a proof however old the knowledge is, because stamps of a row only grow.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use parking_lot::Mutex;
use schemas::position::Stamp;
use schemas::table::{Get, Order, Role, Value};

/// How long a reading of a fence row is trusted.
pub(super) const TRUST_MS: i64 = 1_000;

/// Threads rarely meet.
const SHARDS: u64 = 64;
/// Rows that a shard remembers; then it begins anew.
const KNOWN_MAX: usize = 1_024;

/// What is known of a row.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// The newest stamp seen or written; 0 for no row.
    newest: Stamp,
    /// When a read that saw it began.
    read_at_ms: Option<i64>,
}

/// Whether a batch may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The row is not newer.
    Go,
    /// The row is newer.
    Fenced,
    /// It must be read first.
    Read,
}

/// All that is known. Bounded.
pub(super) struct Fences {
    shards: Vec<Mutex<HashMap<Vec<u8>, Known>>>,
    hasher: RandomState,
}

impl Default for Fences {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), hasher: RandomState::new() }
    }
}

/// Bytes that name a row.
pub(super) fn name<'a>(prefix: u16, key: impl IntoIterator<Item = &'a Value>) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    out.extend_from_slice(&prefix.to_be_bytes());
    for value in key {
        schemas::key::encode(&mut out, value, Order::Asc);
    }
    out
}

/// Bytes that name the row of a point read.
pub(super) fn name_of(get: &Get) -> Vec<u8> {
    debug_assert!(get.def.columns.iter().take(get.key.len()).all(|c| c.role != Role::Data));
    name(get.def.prefix, &get.key)
}

impl Fences {
    fn shard(&self, row: &[u8]) -> &Mutex<HashMap<Vec<u8>, Known>> {
        let at = usize::try_from(self.hasher.hash_one(row) % SHARDS).unwrap_or(0);
        self.shards.get(at).expect("the remainder is below the number of shards")
    }

    /// Whether a batch up to `newest` may go now.
    pub(super) fn check(&self, row: &[u8], newest: Stamp, now_ms: i64) -> Verdict {
        let shard = self.shard(row).lock();
        let Some(known) = shard.get(row) else { return Verdict::Read };
        if known.newest > newest {
            return Verdict::Fenced;
        }
        match known.read_at_ms {
            Some(at) if now_ms - at < TRUST_MS => Verdict::Go,
            _ => Verdict::Read,
        }
    }

    /// A read that began then saw this stamp (0: no row).
    pub(super) fn read(&self, row: Vec<u8>, stamp: Stamp, began_ms: i64) {
        self.note(row, stamp, Some(began_ms));
    }

    /// The row was written with this stamp.
    pub(super) fn written(&self, row: Vec<u8>, stamp: Stamp) {
        self.note(row, stamp, None);
    }

    fn note(&self, row: Vec<u8>, stamp: Stamp, read_at_ms: Option<i64>) {
        let mut shard = self.shard(&row).lock();
        if shard.len() >= KNOWN_MAX && !shard.contains_key(&row) {
            shard.clear();
        }
        let known = shard.entry(row).or_insert(Known { newest: stamp, read_at_ms });
        known.newest = known.newest.max(stamp);
        known.read_at_ms = known.read_at_ms.max(read_at_ms);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reading_is_trusted_for_its_time_and_a_write_is_none() {
        let fences = Fences::default();
        let row = || vec![1];
        assert_eq!(fences.check(&row(), Stamp(5), 0), Verdict::Read);
        fences.read(row(), Stamp(4), 10);
        assert_eq!(fences.check(&row(), Stamp(5), 10 + TRUST_MS - 1), Verdict::Go);
        fences.written(row(), Stamp(5));
        assert_eq!(fences.check(&row(), Stamp(5), 10 + TRUST_MS - 1), Verdict::Go);
        assert_eq!(fences.check(&row(), Stamp(5), 10 + TRUST_MS), Verdict::Read);
    }

    #[test]
    fn a_newer_stamp_fences_however_long_ago_it_was_seen() {
        let fences = Fences::default();
        fences.written(vec![1], Stamp(9));
        assert_eq!(fences.check(&[1], Stamp(8), i64::MAX), Verdict::Fenced);
        // An older reading does not take it back.
        fences.read(vec![1], Stamp(3), 0);
        assert_eq!(fences.check(&[1], Stamp(8), 0), Verdict::Fenced);
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let fences = Fences::default();
        for at in 0..200_000_u32 {
            fences.read(at.to_be_bytes().to_vec(), Stamp(1), 0);
        }
        let kept: usize = fences.shards.iter().map(|shard| shard.lock().len()).sum();
        assert!(kept <= usize::try_from(SHARDS).unwrap() * KNOWN_MAX);
    }
}
