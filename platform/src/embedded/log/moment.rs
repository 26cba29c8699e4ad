//! The log and its store at one moment, for a backup.
//!
//! The moment lies between two groups of the journal. A direct row that a record relies on was synced
//! before the record was appended, and a direct row that relies on a record was written after the record
//! was acknowledged: so every row that a record up to the cut relies on is in the snapshot, and no row that
//! relies on a record beyond it. Cursors move only over records that readers have seen, so none in the
//! snapshot lies beyond the cut. What was acknowledged before the call lies before the cut.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use schemas::topic::Durability;

use super::core::failed;
use super::{EmbeddedLog, facts};
use crate::embedded::journal::Cut;
use crate::embedded::lsm::{Held, Pairs};
use crate::port::log::Error;

/// Everything that a data folder must have to go on from one moment, except its keys.
pub(crate) struct Moment {
    pub(crate) journal: Cut,
    pub(crate) folded: Pairs,
    pub(crate) direct: Pairs,
    /// Where each partition of the synced topics ends: topic, partition, next offset.
    pub(crate) ends: Vec<(&'static str, u32, u64)>,
    /// Bytes of the store on the disk.
    pub(crate) store_bytes: u64,
    /// What has been kept in memory for the two snapshots since.
    pub(crate) held: Held,
    /// As long as it lives no other moment is taken.
    pub(crate) turn: One,
}

/// Ends the turn of a moment when it is dropped.
pub(crate) struct One(Arc<AtomicBool>);

impl Drop for One {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

impl EmbeddedLog {
    /// Takes the moment; none: one is kept already, and each holds old versions of rows in memory and
    /// on the disk.
    pub(crate) fn moment(&self) -> Result<Option<Moment>, Error> {
        let kept = Arc::clone(&self.0.kept);
        if kept.swap(true, Ordering::AcqRel) {
            return Ok(None);
        }
        let turn = One(kept);
        let core = &self.0.core;
        let (mut journal, (folded, direct, held, ends)) = core.journal.cut(|| {
            let synced = core.channels.iter().filter(|c| c.topic.durability == Durability::Synced);
            let ends = synced.flat_map(|channel| {
                let name = channel.topic.name;
                channel.states().into_iter().map(move |state| (name, state.partition, state.end))
            });
            let ends = ends.collect();
            let (folded, direct, held) = core.store.pairs();
            (folded, direct, held, ends)
        });
        let mut cursors: HashMap<(u16, u32), u64> = HashMap::new();
        for pair in folded.range(facts::cursors()) {
            let (key, value) = pair.map_err(failed)?;
            if let Some((topic, partition, _, next)) = facts::cursor(&key, &value) {
                let smallest = cursors.entry((topic, partition)).or_insert(next);
                *smallest = (*smallest).min(next);
            }
        }
        journal.keep_from(|place| cursors.get(&place).copied());
        let store_bytes = core.store.disk_space();
        Ok(Some(Moment { journal, folded, direct, ends, store_bytes, held, turn }))
    }
}
