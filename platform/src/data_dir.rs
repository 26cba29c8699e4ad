//! The data folder: `./data/{log,store,keys,FORMAT,LOCK}`. One process at a time; a layout that this
//! version does not know is refused.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::process::getpid;

/// The layout that this version reads and writes.
pub const FORMAT: &str = "parlance data 1\n";

/// The folder can not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process has it.
    #[error("{} is in use by process {pid}: stop it, or choose another folder with data.dir", dir.display())]
    InUse {
        /// The folder.
        dir: PathBuf,
        /// The holder, as it wrote it down.
        pid: String,
    },
    /// Written by another version.
    #[error("{} has the layout {found:?}; this version knows {FORMAT:?}", dir.display())]
    Format {
        /// The folder.
        dir: PathBuf,
        /// What its FORMAT file says.
        found: String,
    },
    /// The file system.
    #[error("{}: {source}", path.display())]
    Io {
        /// What was touched.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

/// A locked data folder. The lock ends with the process, however it ends.
#[derive(Debug)]
pub struct DataDir {
    dir: PathBuf,
    fresh: bool,
    _lock: File,
}

impl DataDir {
    /// Opens or makes the folder.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let io = |path: &Path| {
            let path = path.to_path_buf();
            move |source| Error::Io { path, source }
        };
        fs::create_dir_all(dir).map_err(io(dir))?;
        // The folder's own name must survive a power cut before anything in it is acknowledged.
        let parent = dir.canonicalize().map_err(io(dir))?;
        if let Some(parent) = parent.parent() {
            sync(parent).map_err(io(parent))?;
        }
        let path = dir.join("LOCK");
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(io(&path))?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut pid = String::new();
            lock.read_to_string(&mut pid).map_err(io(&path))?;
            return Err(Error::InUse { dir: dir.to_path_buf(), pid: pid.trim().to_owned() });
        }
        let mut write_pid = || -> io::Result<()> {
            lock.set_len(0)?;
            lock.rewind()?;
            writeln!(lock, "{}", getpid().as_raw_nonzero())
        };
        write_pid().map_err(io(&path))?;

        let path = dir.join("FORMAT");
        let fresh = match fs::read_to_string(&path) {
            Ok(found) if found == FORMAT => false,
            Ok(found) => return Err(Error::Format { dir: dir.to_path_buf(), found }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                write_format(dir).map_err(io(&path))?;
                true
            }
            Err(source) => return Err(Error::Io { path, source }),
        };
        Ok(Self { dir: dir.to_path_buf(), fresh, _lock: lock })
    }

    /// Whether it was made just now.
    pub fn is_fresh(&self) -> bool {
        self.fresh
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// The journal.
    pub fn log(&self) -> PathBuf {
        self.dir.join("log")
    }

    /// The store.
    pub fn store(&self) -> PathBuf {
        self.dir.join("store")
    }

    /// Secrets.
    pub fn keys(&self) -> PathBuf {
        self.dir.join("keys")
    }
}

fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// Whole or not at all: an empty FORMAT after a power cut would lock a folder with data in it.
fn write_format(dir: &Path) -> io::Result<()> {
    let draft = dir.join("FORMAT.new");
    let mut file = File::create(&draft)?;
    file.write_all(FORMAT.as_bytes())?;
    file.sync_all()?;
    fs::rename(draft, dir.join("FORMAT"))?;
    for part in ["log", "store", "keys"] {
        fs::create_dir_all(dir.join(part))?;
    }
    sync(dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_told_who_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let first = DataDir::open(dir.path()).unwrap();
        assert!(first.is_fresh());
        let error = DataDir::open(dir.path()).unwrap_err().to_string();
        assert!(error.contains(&std::process::id().to_string()), "{error}");
        drop(first);
        assert!(!DataDir::open(dir.path()).unwrap().is_fresh());
    }

    #[test]
    fn an_unknown_layout_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("FORMAT"), "parlance data 9\n").unwrap();
        assert!(matches!(DataDir::open(dir.path()), Err(Error::Format { .. })));
    }
}
