//! When a memtable is full: whoever has filled it sets it aside, and the engine's worker writes it out.
//!
//! fjall 3.1 would do this by itself, by a message of each batch to its worker as long as the memtable is
//! too large. While the worker compacts, a thousand batches fill the queue of messages; the worker then
//! sets the memtable aside, waits for room in that queue to tell itself to write it out, and is the only
//! one who could make room: nothing is written out any more, and memory and journal grow without bound. So
//! a memtable is set aside here, well before fjall would ask for it, and the queue stays empty.

use std::sync::atomic::{AtomicU64, Ordering};

use fjall::{AbstractTree as _, Keyspace};
use parking_lot::Mutex;

use super::failed;
use crate::port::store::Error;

/// Of one keyspace.
pub(super) struct Rotation {
    bytes: u64,
    turn: Mutex<()>,
    /// Bytes of all memtables that were set aside.
    set_aside: AtomicU64,
}

impl Rotation {
    /// For a keyspace whose memtables are to have at most `bytes`: three quarters of it, so that what
    /// others add meanwhile fits in.
    pub(super) fn new(bytes: u64) -> Self {
        Self { bytes: bytes / 4 * 3, turn: Mutex::new(()), set_aside: AtomicU64::new(0) }
    }

    /// To be called behind every batch.
    pub(super) fn after_batch(&self, rows: &Keyspace) -> Result<(), Error> {
        if rows.tree.active_memtable().size() < self.bytes {
            return Ok(());
        }
        // Somebody else is at it.
        let Some(_turn) = self.turn.try_lock() else { return Ok(()) };
        let size = rows.tree.active_memtable().size();
        if size >= self.bytes {
            rows.rotate_memtable().map_err(failed)?;
            self.set_aside.fetch_add(size, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Bytes of all memtables that were set aside since the start.
    pub(super) fn set_aside(&self) -> u64 {
        self.set_aside.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::super::{LsmConfig, LsmStore};

    /// More batches than fjall's queue has room for, faster than its worker writes tables.
    #[test]
    fn a_store_that_is_written_as_fast_as_it_goes_writes_tables_all_the_time() {
        let folder = tempfile::tempdir().unwrap();
        let config = LsmConfig { memtable_bytes: 1 << 20, ..LsmConfig::default() };
        let store = LsmStore::open(folder.path(), config).unwrap();
        let rows = &store.0.rows;
        std::thread::scope(|scope| {
            for lane in 0..4_u32 {
                let store = store.clone();
                scope.spawn(move || {
                    for number in 0..30_000_u32 {
                        let key = [&lane.to_be_bytes()[..], &number.to_be_bytes()[..]].concat();
                        store.system_write([(key, Some(vec![0; 256]))]).unwrap();
                    }
                });
            }
        });
        let deadline = Instant::now() + Duration::from_secs(30);
        while rows.sealed_memtable_count() > 0 {
            assert!(Instant::now() < deadline, "{} are not written", rows.sealed_memtable_count());
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(rows.table_count() > 0);
        assert!(fjall::AbstractTree::active_memtable(&rows.tree).size() < 2 << 20);
    }
}
