//! Fence rows: the locks that make a fence check and its writes one step, and the stamps of fence rows
//! that were written lately, so that most checks read nothing.
//!
//! Invariant: a remembered stamp is that of the row in the store. A batch without a fence makes the
//! rows that it writes forgotten; a batch with one writes no other row that fences.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use parking_lot::{Mutex, MutexGuard};
use schemas::position::Stamp;
use schemas::table::Write;

use crate::embedded::rows;

/// Batches of different rows rarely share a lock.
const SHARDS: u64 = 64;
/// Stamps that a shard remembers; then it starts anew.
const KNOWN_MAX: usize = 1_024;

/// Stamps by encoded key.
pub(super) type Shard = HashMap<Vec<u8>, Stamp>;

/// All fences of a store.
pub(super) struct Fences {
    shards: Vec<Mutex<Shard>>,
    hasher: RandomState,
}

impl Default for Fences {
    fn default() -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), hasher: RandomState::new() }
    }
}

impl Fences {
    /// Locks the shard of a key.
    pub(super) fn shard(&self, key: &[u8]) -> MutexGuard<'_, Shard> {
        let at = usize::try_from(self.hasher.hash_one(key) % SHARDS).unwrap_or(0);
        self.shards.get(at).expect("the remainder is below the number of shards").lock()
    }

    /// These rows were written without a fence.
    pub(super) fn forget(&self, writes: &[Write]) {
        for write in writes {
            let key = rows::key_of_write(write);
            self.shard(&key).remove(&key);
        }
    }
}

/// A fence row was just written with this stamp.
pub(super) fn remember(shard: &mut Shard, key: Vec<u8>, stamp: Stamp) {
    if shard.len() >= KNOWN_MAX {
        shard.clear();
    }
    shard.insert(key, stamp);
}
