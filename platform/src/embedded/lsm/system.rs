//! The engine's own keys in the folded keyspace: cursors of groups, records of derived topics, facts
//! about topics. They share the keyspace with the rows so that a cut leaves a prefix of all of them.
//! Nothing here knows what the values mean.

use bytes::Bytes;
use fjall::Keyspace;

use super::{LsmStore, failed};
use crate::embedded::rows::Range;
use crate::port::store::Error;

pub(super) fn range(keyspace: &Keyspace, (from, to): Range) -> fjall::Iter {
    match to {
        Some(to) => keyspace.range(from..to),
        None => keyspace.range(from..),
    }
}

impl LsmStore {
    /// Writes the engine's own keys as one batch; a value that is none is a delete.
    pub(crate) fn system_write(
        &self,
        pairs: impl IntoIterator<Item = (Vec<u8>, Option<Vec<u8>>)>,
    ) -> Result<(), Error> {
        let mut batch = self.0.folded.batch();
        for (key, value) in pairs {
            match value {
                Some(value) => batch.insert(&self.0.rows, key, value),
                None => batch.remove(&self.0.rows, key),
            }
        }
        let count = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        self.0.inserts.fetch_add(count, std::sync::atomic::Ordering::Relaxed);
        batch.commit().map_err(failed)?;
        self.0.rotation.after_batch(&self.0.rows)
    }

    /// The pairs of a range, in order, one by one.
    pub(crate) fn system_scan(
        &self,
        keys: Range,
    ) -> impl Iterator<Item = Result<(Bytes, Bytes), Error>> + use<> {
        range(&self.0.rows, keys).map(|guard| {
            let (key, value) = guard.into_inner().map_err(failed)?;
            Ok((key.into(), value.into()))
        })
    }

    /// The last key of a range.
    pub(crate) fn system_last(&self, keys: Range) -> Result<Option<Bytes>, Error> {
        let last = range(&self.0.rows, keys).next_back();
        Ok(last.map(|guard| guard.key().map_err(failed)).transpose()?.map(Into::into))
    }

    /// Makes the process's buffer visible to others that read the files (tests copy them).
    #[cfg(any(test, feature = "testing"))]
    pub fn flush_buffer(&self) -> Result<(), Error> {
        self.0.folded.persist(fjall::PersistMode::Buffer).map_err(failed)
    }
}
