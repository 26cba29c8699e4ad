//! The two databases as they stand at one moment, and how they are made again from their pairs.
//!
//! A snapshot of fjall is a number: it costs nothing to take and blocks nobody. It is dear to keep: as long as
//! it lives, lsm-tree keeps every memtable that was written out since, in memory, and every table that
//! was replaced since, on the disk. So memory grows by about what is written meanwhile; [`Held`] says by
//! how much, and whoever keeps a snapshot must bound that.

use std::path::Path;

use bytes::Bytes;
use fjall::{Keyspace, PersistMode, Readable, Snapshot};

use super::{LsmConfig, LsmStore, failed};
use crate::embedded::rows::Range;
use crate::port::store::Error;

/// Pairs that one iterator gives at most, and their bytes.
const RUN: usize = 4_096;
const RUN_BYTES: usize = 4 << 20;

/// All pairs of one database at one moment, in the order of their keys.
pub(crate) struct Pairs {
    snapshot: Snapshot,
    rows: Keyspace,
}

/// What is kept in memory since a moment, for its snapshots.
pub(crate) struct Held {
    store: LsmStore,
    from: u64,
}

impl Held {
    /// Bytes of the memtables of folded rows that were set aside since. Direct rows are few: accounts and
    /// sessions.
    pub(crate) fn bytes(&self) -> u64 {
        self.store.0.rotation.set_aside().saturating_sub(self.from)
    }
}

impl LsmStore {
    /// The folded and the direct rows as they are now, and what keeping them will cost.
    pub(crate) fn pairs(&self) -> (Pairs, Pairs, Held) {
        let inner = &self.0;
        let folded = Pairs { snapshot: inner.folded.snapshot(), rows: inner.rows.clone() };
        let direct =
            Pairs { snapshot: inner.direct_db.snapshot(), rows: inner.direct_rows.clone() };
        let held = Held { store: self.clone(), from: inner.rotation.set_aside() };
        (folded, direct, held)
    }

    /// Bytes of both databases on the disk.
    pub(crate) fn disk_space(&self) -> u64 {
        self.0.rows.disk_space() + self.0.direct_rows.disk_space()
    }

    /// Makes a store in `dir`, which is empty, of what `fill` puts into it. Everything is on the disk
    /// when this returns.
    pub(crate) fn build<E: From<Error>>(
        dir: &Path,
        config: LsmConfig,
        fill: impl FnOnce(Empty<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let store = Self::open(dir, config)?;
        let inner = &store.0;
        fill(Empty { folded: Fill(&inner.rows), direct: Fill(&inner.direct_rows) })?;
        inner.folded.persist(PersistMode::SyncAll).map_err(failed)?;
        inner.direct_db.persist(PersistMode::SyncAll).map_err(failed)?;
        Ok(())
    }
}

/// An empty store.
pub(crate) struct Empty<'a> {
    pub(crate) folded: Fill<'a>,
    pub(crate) direct: Fill<'a>,
}

/// An empty keyspace, filled past the journal and the memtables.
pub(crate) struct Fill<'a>(&'a Keyspace);

impl Fill<'_> {
    /// Takes pairs in the order of their keys until there are none, and shows them all at once.
    pub(crate) fn fill<E: From<Error>>(
        self,
        mut next: impl FnMut() -> Result<Option<(Bytes, Bytes)>, E>,
    ) -> Result<(), E> {
        let mut into = self.0.start_ingestion().map_err(failed)?;
        let mut last: Option<Bytes> = None;
        while let Some((key, value)) = next()? {
            // fjall panics at a key that is out of order.
            if last.is_some_and(|last| key <= last) {
                return Err(Error::Failed("keys are out of order".to_owned()).into());
            }
            last = Some(key.clone());
            into.write(key, value).map_err(failed)?;
        }
        into.finish().map_err(failed)?;
        Ok(())
    }
}

impl Pairs {
    /// The pairs of a range, in order, read by one iterator: for small ranges.
    pub(crate) fn range(
        &self,
        (from, to): Range,
    ) -> impl Iterator<Item = Result<(Bytes, Bytes), Error>> + use<> {
        let to = to.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        let range = (std::ops::Bound::Included(from), to);
        self.snapshot.range(&self.rows, range).map(|guard| {
            let (key, value) = guard.into_inner().map_err(failed)?;
            Ok((key.into(), value.into()))
        })
    }

    /// The next pairs behind a key, a bounded run of them; none: that was all.
    pub(crate) fn behind(&self, last: Option<&[u8]>) -> Result<Vec<(Bytes, Bytes)>, Error> {
        let from = last.map_or_else(Vec::new, |last| [last, &[0]].concat());
        let (mut run, mut size) = (Vec::new(), 0);
        for pair in self.range((from, None)) {
            let (key, value) = pair?;
            size += key.len() + value.len();
            run.push((key, value));
            if run.len() >= RUN || size >= RUN_BYTES {
                break;
            }
        }
        Ok(run)
    }
}
