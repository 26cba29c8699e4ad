//! A directory in memory that keeps what a disk would: what was synced for certain, the rest in part.
//!
//! A file knows its bytes as readers see them, its bytes as they were at the last sync, and the blocks
//! written since. A power cut ([`FaultFs::cut`]) takes the synced bytes and, block by block, the new or
//! the old ones; one block may be torn or rubbish. Names count as synced only after `sync_dir`. Syncs
//! can be held, and writes and syncs made to fail.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};

use crate::embedded::journal::fs::{Fs, SegmentFile};
use crate::memory::Seeded;

/// What reaches the disk as a whole.
const BLOCK: usize = 512;

#[derive(Clone, Debug, Default)]
struct Content {
    now: Vec<u8>,
    synced: Vec<u8>,
    dirty: BTreeSet<usize>,
}

#[derive(Clone, Debug, Default)]
struct Disk {
    files: Vec<Content>,
    names: BTreeMap<String, usize>,
    synced_names: BTreeMap<String, usize>,
    held: bool,
    writes_left: Option<u64>,
    syncs_left: Option<u64>,
}

#[derive(Debug, Default)]
struct Shared {
    disk: Mutex<Disk>,
    released: Condvar,
}

/// The directory. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct FaultFs(Arc<Shared>);

fn missing(name: &str) -> io::Error {
    io::Error::new(io::ErrorKind::NotFound, name.to_owned())
}

fn spend(left: &mut Option<u64>, what: &str) -> io::Result<()> {
    match left {
        Some(0) => Err(io::Error::other(format!("{what} failed by the test"))),
        Some(left) => {
            *left -= 1;
            Ok(())
        }
        None => Ok(()),
    }
}

impl FaultFs {
    /// An empty directory.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes syncs wait, or lets them go.
    pub fn hold_syncs(&self, held: bool) {
        self.0.disk.lock().held = held;
        self.0.released.notify_all();
    }

    /// After so many more, every write fails.
    pub fn fail_writes_after(&self, writes: u64) {
        self.0.disk.lock().writes_left = Some(writes);
    }

    /// After so many more, every sync fails.
    pub fn fail_syncs_after(&self, syncs: u64) {
        self.0.disk.lock().syncs_left = Some(syncs);
    }

    /// Changes one byte of a file, as a failing disk would.
    pub fn damage(&self, name: &str, at: usize) {
        let mut disk = self.0.disk.lock();
        let file = disk.names.get(name).copied().and_then(|file| disk.files.get_mut(file));
        if let Some(byte) = file.and_then(|file| file.now.get_mut(at)) {
            *byte ^= 0x55;
        }
    }

    /// What a kill of the process leaves: everything written, synced or not.
    pub fn kill(&self) -> Self {
        let mut disk = self.0.disk.lock().clone();
        (disk.held, disk.writes_left, disk.syncs_left) = (false, None, None);
        Self(Arc::new(Shared { disk: Mutex::new(disk), released: Condvar::new() }))
    }

    /// What a power cut at this moment leaves.
    pub fn cut(&self, dice: &mut Seeded) -> Self {
        let before = self.0.disk.lock().clone();
        let mut disk = Disk::default();
        let names: BTreeSet<&String> =
            before.names.keys().chain(before.synced_names.keys()).collect();
        for name in names {
            let (now, synced) = (before.names.get(name), before.synced_names.get(name));
            let kept = if now == synced || dice.one_in(2) { now } else { synced };
            let Some(content) = kept.and_then(|at| before.files.get(*at)) else { continue };
            disk.names.insert(name.clone(), disk.files.len());
            disk.files.push(survivor(content, dice));
        }
        disk.synced_names.clone_from(&disk.names);
        Self(Arc::new(Shared { disk: Mutex::new(disk), released: Condvar::new() }))
    }
}

fn survivor(content: &Content, dice: &mut Seeded) -> Content {
    let mut bytes = content.synced.clone();
    if content.now.len() > bytes.len() && dice.one_in(2) {
        bytes.resize(content.now.len(), 0);
    }
    let torn = dice.size(content.dirty.len().max(1));
    // Sometimes the blocks arrive in order, which is what leaves whole frames behind the synced ones.
    let in_order = dice.one_in(2);
    let reached = dice.size(content.dirty.len() + 1);
    for (nth, block) in content.dirty.iter().enumerate() {
        let arrives = if in_order { nth < reached } else { dice.one_in(2) };
        let start = block * BLOCK;
        let end = (start + BLOCK).min(content.now.len()).min(bytes.len());
        if start >= end || !arrives {
            continue;
        }
        let (Some(to), Some(from)) = (bytes.get_mut(start..end), content.now.get(start..end))
        else {
            continue;
        };
        if nth != torn {
            to.copy_from_slice(from);
            continue;
        }
        let cut = dice.size(from.len() + 1);
        let rubbish = dice.one_in(2);
        for (at, (to, from)) in to.iter_mut().zip(from).enumerate() {
            // Bytes that were synced stay whatever happens to the block around them: the journal
            // relies on sectors being replaced whole, as ext4 and every database do.
            if at < cut {
                *to = *from;
            } else if rubbish && *to != *from {
                *to = dice.number().to_le_bytes()[0];
            }
        }
    }
    Content { now: bytes.clone(), synced: bytes, dirty: BTreeSet::new() }
}

impl Fs for FaultFs {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.0.disk.lock().names.keys().cloned().collect())
    }

    fn create(&self, name: &str, size: u64) -> io::Result<Arc<dyn SegmentFile>> {
        let mut disk = self.0.disk.lock();
        spend(&mut disk.writes_left, "create")?;
        let at = disk.files.len();
        if disk.names.insert(name.to_owned(), at).is_some() {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let zeros = vec![0; usize::try_from(size).map_err(io::Error::other)?];
        disk.files.push(Content { now: zeros.clone(), synced: zeros, dirty: BTreeSet::new() });
        Ok(Arc::new(FaultFile { fs: self.clone(), at }))
    }

    fn open(&self, name: &str) -> io::Result<Arc<dyn SegmentFile>> {
        let at = self.0.disk.lock().names.get(name).copied().ok_or_else(|| missing(name))?;
        Ok(Arc::new(FaultFile { fs: self.clone(), at }))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.disk.lock().names.remove(name).map(|_| ()).ok_or_else(|| missing(name))
    }

    fn sync_dir(&self) -> io::Result<()> {
        let mut disk = self.0.disk.lock();
        spend(&mut disk.syncs_left, "sync of the directory")?;
        disk.synced_names = disk.names.clone();
        Ok(())
    }
}

struct FaultFile {
    fs: FaultFs,
    at: usize,
}

impl FaultFile {
    fn with<T>(&self, act: impl FnOnce(&mut Disk, usize) -> io::Result<T>) -> io::Result<T> {
        act(&mut self.fs.0.disk.lock(), self.at)
    }
}

fn content(disk: &mut Disk, at: usize) -> io::Result<&mut Content> {
    disk.files.get_mut(at).ok_or_else(|| missing("file"))
}

impl SegmentFile for FaultFile {
    fn write_at(&self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.with(|disk, file| {
            spend(&mut disk.writes_left, "write")?;
            let start = usize::try_from(at).map_err(io::Error::other)?;
            let end = start + bytes.len();
            let content = content(disk, file)?;
            if content.now.len() < end {
                content.now.resize(end, 0);
            }
            content.now[start..end].copy_from_slice(bytes);
            content.dirty.extend(start / BLOCK..end.div_ceil(BLOCK));
            Ok(())
        })
    }

    fn read_at(&self, at: u64, out: &mut [u8]) -> io::Result<usize> {
        self.with(|disk, file| {
            let start = usize::try_from(at).map_err(io::Error::other)?;
            let rest = content(disk, file)?.now.get(start..).unwrap_or_default();
            let n = rest.len().min(out.len());
            out[..n].copy_from_slice(&rest[..n]);
            Ok(n)
        })
    }

    fn sync(&self) -> io::Result<()> {
        let mut disk = self.fs.0.disk.lock();
        while disk.held {
            self.fs.0.released.wait(&mut disk);
        }
        spend(&mut disk.syncs_left, "sync")?;
        let content = content(&mut disk, self.at)?;
        let length = content.now.len();
        content.synced.resize(length, 0);
        for block in std::mem::take(&mut content.dirty) {
            let start = block * BLOCK;
            let end = (start + BLOCK).min(length);
            if start < end {
                content.synced[start..end].copy_from_slice(&content.now[start..end]);
            }
        }
        Ok(())
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.with(|disk, file| {
            spend(&mut disk.syncs_left, "sync")?;
            let content = content(disk, file)?;
            content.now.truncate(usize::try_from(length).map_err(io::Error::other)?);
            content.synced.clone_from(&content.now);
            content.dirty.clear();
            Ok(())
        })
    }

    fn length(&self) -> io::Result<u64> {
        self.with(|disk, file| {
            u64::try_from(content(disk, file)?.now.len()).map_err(io::Error::other)
        })
    }
}
