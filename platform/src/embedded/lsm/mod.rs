//! The embedded store: two fjall databases under one directory.
//!
//! `folded/` has one keyspace for all folded tables, derived topics and cursors, not synced per write;
//! `direct/` has the tables whose writes are synced before the answer ([`direct`]).
//!
//! What fjall 3.1 promises, read in its source and tried by the power-cut tests: a batch is one journal
//! entry with a checksum, replayed whole or not at all; batches are replayed in the order of their
//! commits and replay stops at the first that is torn (with the help of [`salvage`]); before a memtable
//! is written to a table file, the journal is synced up to there, so a table never holds what the
//! journal could lose; a full journal is synced before the next is begun. Without a sync, a write may
//! wait in a buffer of 8 KiB of the process: `kill -9` loses a suffix of the writes, a power cut a longer
//! one. As rows, events and cursors lie in the *same* keyspace and are written in that order, what is
//! left is a prefix, and no cursor outlives its effects (HAZARDS 9). Several keyspaces would break this:
//! each flushes on its own.

mod direct;
mod fences;
mod rotation;
pub(crate) mod salvage;
mod snapshot;
mod system;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use direct::Direct;
use fences::Fences;
use fjall::{
    CompressionType, Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions, PersistMode,
};
use schemas::table::{Batch, Class, Get, Op, Scan, Stored, TableDef, Write};

pub(crate) use snapshot::{Fill, Held, Pairs};

use self::rotation::Rotation;
use super::rows;
use crate::port::store::{Claim, Error, Store};
use crate::telemetry::{All, Metrics};

/// Values from this size on are kept outside the tree.
const BLOB_BYTES: u32 = 512;

/// Settings of the embedded store.
#[derive(Clone, Copy, Debug)]
pub struct LsmConfig {
    /// Cache of blocks of the folded tables.
    pub cache_bytes: u64,
    /// Size at which a memtable is written to a table file.
    pub memtable_bytes: u64,
    /// Threads that flush and compact. With more than one, fjall 3.1's first worker hands compactions
    /// on to itself in a loop while another one runs them, and burns a core; one does both.
    pub threads: usize,
}

impl Default for LsmConfig {
    fn default() -> Self {
        Self { cache_bytes: 128 << 20, memtable_bytes: 16 << 20, threads: 1 }
    }
}

/// The store on fjall. Cheap to clone; the last clone closes it.
#[derive(Clone)]
pub struct LsmStore(Arc<Inner>);

struct Inner {
    dir: PathBuf,
    folded: Database,
    rows: Keyspace,
    direct: Direct,
    direct_db: Database,
    direct_rows: Keyspace,
    fences: Fences,
    rotation: Rotation,
    inserts: AtomicU64,
    /// Everything of the folded database below this sequence number is synced.
    synced: AtomicU64,
}

impl std::fmt::Debug for LsmStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LsmStore").field("dir", &self.0.dir).finish_non_exhaustive()
    }
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Failed(error.to_string())
}

/// A batch that asks for no durability stays in fjall's buffer until that is full or a checkpoint
/// comes: no system call for each batch. Direct tables ask for a sync each time.
fn database(dir: &Path, cache: u64, threads: usize) -> Result<Database, Error> {
    std::fs::create_dir_all(dir).map_err(failed)?;
    let torn = salvage::salvage(dir).map_err(failed)?;
    if torn > 0 {
        tracing::warn!(dir = %dir.display(), torn, "cut an unsynced tail off the store's journal");
    }
    Database::builder(dir)
        .cache_size(cache)
        .worker_threads(threads.max(1))
        .journal_compression(CompressionType::None)
        .manual_journal_persist(true)
        .open()
        .map_err(failed)
}

impl LsmStore {
    /// Opens or creates the store in `dir`.
    pub fn open(dir: &Path, config: LsmConfig) -> Result<Self, Error> {
        let folded = database(&dir.join("folded"), config.cache_bytes, config.threads)?;
        let options = || {
            KeyspaceCreateOptions::default()
                .manual_journal_persist(true)
                .max_memtable_size(config.memtable_bytes)
                // Frames and views are written once and rarely change: kept beside the tree, they are
                // not copied by every compaction.
                .with_kv_separation(Some(
                    KvSeparationOptions::default()
                        .separation_threshold(BLOB_BYTES)
                        .compression(CompressionType::None),
                ))
        };
        let rows = folded.keyspace("rows", options).map_err(failed)?;
        let direct_db = database(&dir.join("direct"), 8 << 20, 1)?;
        let direct_rows =
            direct_db.keyspace("rows", KeyspaceCreateOptions::default).map_err(failed)?;
        let direct = Direct::start(direct_db.clone(), direct_rows.clone()).map_err(failed)?;
        // What a kill left in the page cache is readable and must become durable before it is built on.
        folded.persist(PersistMode::SyncAll).map_err(failed)?;
        direct_db.persist(PersistMode::SyncAll).map_err(failed)?;
        let synced = AtomicU64::new(folded.seqno());
        Ok(Self(Arc::new(Inner {
            dir: dir.to_path_buf(),
            folded,
            rows,
            direct,
            direct_db,
            direct_rows,
            fences: Fences::default(),
            rotation: Rotation::new(config.memtable_bytes),
            inserts: AtomicU64::new(0),
            synced,
        })))
    }

    /// Keys written so far, rows and records and cursors alike.
    pub fn inserts(&self) -> u64 {
        self.0.inserts.load(Ordering::Relaxed)
    }

    /// Tells these metrics from now on.
    pub fn watch(&self, metrics: &Metrics) {
        let inner = Arc::downgrade(&self.0);
        metrics.watch(move |all: &All| {
            let Some(inner) = inner.upgrade() else { return };
            let (known, now) = (all.lsm_inserts.get(), inner.inserts.load(Ordering::Relaxed));
            all.lsm_inserts.inc_by(now.saturating_sub(known));
            // Of `direct` its tables alone: its journal is the price of its syncs, and small.
            match inner.folded.disk_space() {
                Ok(folded) => all.store_bytes.add(folded + inner.direct_rows.disk_space()),
                Err(error) => tracing::debug!(%error, "the store does not tell its size"),
            }
        });
    }

    /// Starts writing the journal out without holding up writers, so that a later sync finds little.
    pub fn presync(&self) -> Result<(), Error> {
        let dir = self.0.dir.join("folded");
        if let Some(path) = salvage::newest_journal(&dir).map_err(failed)? {
            // Another descriptor of the same file: fjall's own lock is not taken.
            let file = std::fs::File::open(path).map_err(failed)?;
            file.sync_data().map_err(failed)?;
        }
        Ok(())
    }

    /// Makes everything written so far survive a power cut.
    pub fn checkpoint(&self) -> Result<(), Error> {
        self.presync()?;
        // Batches below this number are in the journal already, or hold the lock that `persist` takes.
        let upto = self.0.folded.seqno();
        self.0.folded.persist(PersistMode::SyncAll).map_err(failed)?;
        self.0.synced.fetch_max(upto, Ordering::Relaxed);
        Ok(())
    }

    /// Journal files of both databases and how much of them certainly survives a power cut.
    #[cfg(any(test, feature = "testing"))]
    pub fn synced_lengths(&self) -> std::io::Result<Vec<(PathBuf, u64)>> {
        let mut out = Vec::new();
        // Every write of a direct table is synced when it returns; folded ones at a checkpoint.
        let synced = self.0.synced.load(Ordering::Relaxed);
        for (name, before) in [("folded", synced), ("direct", self.0.direct_db.visible_seqno())] {
            if let Some(path) = salvage::newest_journal(&self.0.dir.join(name))? {
                let length = salvage::valid_length(&path, before)?;
                out.push((path, length));
            }
        }
        Ok(out)
    }

    fn rows_of(&self, def: &TableDef) -> &Keyspace {
        match def.class {
            Class::Folded(_) | Class::Kept(_) => &self.0.rows,
            Class::Direct => &self.0.direct_rows,
        }
    }

    fn get_row(&self, get: &Get) -> Result<Option<Stored>, Error> {
        let key = rows::key_of(get.def, &get.key);
        let Some(value) = self.rows_of(get.def).get(&key).map_err(failed)? else {
            return Ok(None);
        };
        Ok(Some(rows::decode(get.def, &key, &value)?))
    }

    fn collect(
        &self,
        def: &TableDef,
        range: rows::Range,
        reverse: bool,
        limit: usize,
    ) -> Result<Vec<Stored>, Error> {
        if rows::is_empty(&range) {
            return Ok(Vec::new());
        }
        let found = system::range(self.rows_of(def), range);
        let row = |guard: fjall::Guard| {
            let (key, value) = guard.into_inner().map_err(failed)?;
            Ok(rows::decode(def, &key, &value)?)
        };
        if reverse {
            found.rev().take(limit).map(row).collect()
        } else {
            found.take(limit).map(row).collect()
        }
    }

    fn write_folded(&self, batch: &Batch) -> Result<(), Error> {
        let mut out = self.0.folded.batch();
        for write in &batch.writes {
            if write.def.class == Class::Direct {
                return Err(Error::Failed(format!("{} is a direct table", write.def.name)));
            }
            let key = rows::key_of_write(write);
            match write.op {
                Op::Insert | Op::Replace => out.insert(&self.0.rows, key, rows::encode(write)),
                Op::Delete => out.remove(&self.0.rows, key),
            }
        }
        let count = u64::try_from(batch.writes.len()).unwrap_or(u64::MAX);
        let mut held = None;
        if let Some((get, newest)) = &batch.fence {
            let key = rows::key_of(get.def, &get.key);
            let mut shard = self.0.fences.shard(&key);
            let stands = match shard.get(&key) {
                Some(stamp) => Some(*stamp),
                None => self.0.rows.get(&key).map_err(failed)?.map(|row| rows::stamp_of(&row)),
            };
            if stands.is_some_and(|stamp| stamp > *newest) {
                return Err(Error::Fenced);
            }
            // Forgotten until the batch is in: an error leaves it open which one stands.
            shard.remove(&key);
            held = Some((shard, key, get.def, stands));
        }
        out.commit().map_err(failed)?;
        self.0.rotation.after_batch(&self.0.rows)?;
        self.0.inserts.fetch_add(count, Ordering::Relaxed);
        let Some((mut shard, key, def, stands)) = held else {
            self.0.fences.forget(&batch.writes);
            return Ok(());
        };
        let own = |write: &&Write| write.def == def && rows::key_of_write(write) == key;
        let stamp = match batch.writes.iter().find(own) {
            Some(write) if write.op == Op::Delete => None,
            Some(write) => Some(write.stamp),
            None => stands,
        };
        if let Some(stamp) = stamp {
            fences::remember(&mut shard, key, stamp);
        }
        Ok(())
    }
}

fn must_be_direct(rows: &[Write]) -> Result<(), Error> {
    match rows.iter().find(|row| row.def.class != Class::Direct) {
        Some(row) => Err(Error::Failed(format!("{} is not a direct table", row.def.name))),
        None => Ok(()),
    }
}

#[async_trait]
impl Store for LsmStore {
    async fn get(&self, gets: &[Get]) -> Result<Vec<Option<Stored>>, Error> {
        gets.iter().map(|get| self.get_row(get)).collect()
    }

    async fn scan(&self, scan: &Scan) -> Result<Vec<Stored>, Error> {
        self.collect(scan.def, rows::range_of(scan), scan.reverse, scan.limit)
    }

    async fn write(&self, batch: Batch) -> Result<(), Error> {
        self.write_folded(&batch)
    }

    async fn claim(&self, row: Write) -> Result<Claim, Error> {
        must_be_direct(std::slice::from_ref(&row))?;
        self.0.direct.claim(row).await
    }

    async fn replace(&self, expected: &Stored, row: Write) -> Result<Claim, Error> {
        must_be_direct(std::slice::from_ref(&row))?;
        self.0.direct.replace(expected.clone(), row).await
    }

    async fn put(&self, rows: Vec<Write>) -> Result<(), Error> {
        must_be_direct(&rows)?;
        self.0.direct.put(rows).await
    }

    async fn dump(
        &self,
        def: &'static TableDef,
        after: Option<Get>,
        limit: usize,
    ) -> Result<Vec<Stored>, Error> {
        self.collect(def, rows::range_of_table(def, after.as_ref()), false, limit)
    }
}
