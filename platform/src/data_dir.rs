//! The data folder: `./data/{log,store,keys,FORMAT,LOCK}`. One process at a time; a layout that this
//! version does not know is refused, and so is a folder in which a restore has not ended. What is in it
//! is for the user of the process alone: it holds every text, address and password hash.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock, statvfs};
use rustix::process::getpid;

use crate::telemetry::Metrics;

/// The layout that this version reads and writes.
pub const FORMAT: &str = "parlance data 1\n";

/// In a data folder: what a restore has built and not yet shown.
const RESTORING: &str = "restoring";

/// What is kept there.
const PARTS: [&str; 3] = ["log", "store", "keys"];

/// For their owner alone.
const PRIVATE: u32 = 0o700;

/// The folder can not be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Another process has it.
    #[error("{} is in use by process {pid}: stop it, or choose another folder with data.dir (PARLANCE_DATA__DIR)", dir.display())]
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
    /// A restore into it has not ended.
    #[error(
        "{} holds a restore that broke off: remove what is in it and restore again",
        .0.display()
    )]
    HalfRestored(PathBuf),
    /// It has something in it.
    #[error("{} is not empty: a restore goes into a folder that is empty or does not exist", .0.display())]
    NotEmpty(PathBuf),
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
        let lock = lock(dir)?;
        if dir.join(RESTORING).exists() {
            return Err(Error::HalfRestored(dir.to_path_buf()));
        }
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
        for part in PARTS {
            let path = dir.join(part);
            keep_private(&path).map_err(io(&path))?;
        }
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

    /// Tells what is left of the file system from now on.
    pub fn watch(&self, metrics: &Metrics) {
        let dir = self.dir.clone();
        metrics.watch(move |all| match statvfs(&dir) {
            Ok(found) => {
                all.data_free_bytes.add(found.f_bavail.saturating_mul(found.f_frsize));
                all.data_size_bytes.add(found.f_blocks.saturating_mul(found.f_frsize));
            }
            Err(error) => tracing::debug!(%error, "the file system does not tell its size"),
        });
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

/// A data folder that has nothing in it, locked, to be filled out of sight and then shown at once.
///
/// Everything is built in a folder in it, and moved to its place at the end. As long as that folder is
/// there, nothing starts on the data folder: a half restore is never taken for a whole one. It works
/// where the data folder is a mount, which could not be replaced by a rename.
#[derive(Debug)]
pub struct EmptyDir {
    dir: PathBuf,
    _lock: File,
}

impl EmptyDir {
    /// Makes the folder, or takes one that is empty but for what an earlier try left out of sight.
    pub fn claim(dir: &Path) -> Result<Self, Error> {
        let lock = lock(dir)?;
        let restoring = dir.join(RESTORING);
        for entry in fs::read_dir(dir).map_err(io(dir))? {
            let name = entry.map_err(io(dir))?.file_name();
            if !["LOCK", "lost+found", RESTORING].iter().any(|known| name == *known) {
                return Err(if restoring.exists() {
                    Error::HalfRestored(dir.to_path_buf())
                } else {
                    Error::NotEmpty(dir.to_path_buf())
                });
            }
        }
        if restoring.exists() {
            fs::remove_dir_all(&restoring).map_err(io(&restoring))?;
        }
        fs::DirBuilder::new().mode(0o700).create(&restoring).map_err(io(&restoring))?;
        sync(dir).map_err(io(dir))?;
        Ok(Self { dir: dir.to_path_buf(), _lock: lock })
    }

    /// Where it is built: a data folder of its own.
    pub fn building(&self) -> PathBuf {
        self.dir.join(RESTORING)
    }

    /// Moves what was built, all of it synced, to its place.
    pub fn show(self) -> Result<(), Error> {
        let building = self.building();
        for part in PARTS.into_iter().chain(["FORMAT"]) {
            fs::rename(building.join(part), self.dir.join(part)).map_err(io(&building))?;
        }
        sync(&self.dir).map_err(io(&self.dir))?;
        fs::remove_dir_all(&building).map_err(io(&building))?;
        sync(&self.dir).map_err(io(&self.dir))
    }

    /// Gives it back empty.
    pub fn give_up(self) -> Result<(), Error> {
        let building = self.building();
        fs::remove_dir_all(&building).map_err(io(&building))
    }
}

fn io(path: &Path) -> impl FnOnce(io::Error) -> Error + use<> {
    let path = path.to_path_buf();
    move |source| Error::Io { path, source }
}

/// Makes the folder if there is none, and takes its lock.
fn lock(dir: &Path) -> Result<File, Error> {
    make(dir).map_err(io(dir))?;
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
    Ok(lock)
}

/// What a look at a data folder finds, without touching it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// There is none; a start makes it.
    Nothing,
    /// One that this version reads.
    Whole,
    /// A restore into it has not ended.
    HalfRestored,
    /// It has another layout.
    Foreign(String),
}

/// Looks at a data folder.
pub fn look(dir: &Path) -> io::Result<Found> {
    if dir.join(RESTORING).exists() {
        return Ok(Found::HalfRestored);
    }
    match fs::read_to_string(dir.join("FORMAT")) {
        Ok(found) if found == FORMAT => Ok(Found::Whole),
        Ok(found) => Ok(Found::Foreign(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Found::Nothing),
        Err(error) => Err(error),
    }
}

/// The process that has a data folder, if one has it and the system tells of locks. It takes no lock
/// itself, not even for a moment: a start at that moment would be refused.
pub fn holder(dir: &Path) -> Option<String> {
    let path = dir.join("LOCK");
    let (inode, pid) = (fs::metadata(&path).ok()?.ino(), fs::read_to_string(&path).ok()?);
    let locks = fs::read_to_string("/proc/locks").ok()?;
    is_locked(&locks, inode, pid.trim()).then(|| pid.trim().to_owned())
}

/// Whether a list of locks has this file's, by the process that says it has it (or by one that another
/// process namespace hides behind a 0).
fn is_locked(locks: &str, inode: u64, pid: &str) -> bool {
    locks.lines().any(|line| {
        let mut words = line.split_whitespace().skip_while(|word| *word != "FLOCK");
        let holder = words.nth(3);
        let file = words.next().and_then(|place| place.rsplit(':').next()?.parse::<u64>().ok());
        file == Some(inode) && holder.is_some_and(|holder| holder == pid || holder == "0")
    })
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
    for part in PARTS {
        make(&dir.join(part))?;
    }
    sync(dir)
}

fn make(dir: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(PRIVATE).create(dir)
}

/// Makes the part of the folder, or closes one that an earlier version left open to others. The folder
/// itself stays as it is found: it may be a mount, or somebody's choice.
fn keep_private(part: &Path) -> io::Result<()> {
    make(part)?;
    if fs::metadata(part)?.mode() & 0o077 != 0 {
        fs::set_permissions(part, fs::Permissions::from_mode(PRIVATE))?;
    }
    Ok(())
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
    fn nobody_else_reads_what_is_kept() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().join("data");
        let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        drop(DataDir::open(&at).unwrap());
        assert_eq!(mode(&at), 0o700);
        // As versions before this one made them, in a folder of somebody's choice.
        for path in [at.clone(), at.join("log"), at.join("store")] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        drop(DataDir::open(&at).unwrap());
        assert_eq!(PARTS.map(|part| mode(&at.join(part))), [0o700; 3]);
        assert_eq!(mode(&at), 0o755);
    }

    #[test]
    fn a_look_changes_nothing_and_tells_who_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().join("data");
        assert_eq!((look(&at).unwrap(), holder(&at)), (Found::Nothing, None));
        assert!(!at.exists());
        let held = DataDir::open(&at).unwrap();
        assert_eq!(look(&at).unwrap(), Found::Whole);
        assert_eq!(holder(&at), Some(std::process::id().to_string()));
        drop(held);
        assert_eq!(holder(&at), None);
        fs::write(at.join("FORMAT"), "other").unwrap();
        assert_eq!(look(&at).unwrap(), Found::Foreign("other".to_owned()));
    }

    #[test]
    fn locks_are_read_as_the_kernel_lists_them() {
        let locks = "1: POSIX  ADVISORY  WRITE 7 00:1a:44 0 EOF\n2: FLOCK  ADVISORY  WRITE 9 08:01:55 0 EOF\n\
                     2: -> FLOCK  ADVISORY  WRITE 12 08:01:56 0 EOF";
        assert!(is_locked(locks, 55, "9"));
        assert!(!is_locked(locks, 55, "8") && !is_locked(locks, 44, "7"));
    }

    #[test]
    fn an_unknown_layout_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("FORMAT"), "parlance data 9\n").unwrap();
        assert!(matches!(DataDir::open(dir.path()), Err(Error::Format { .. })));
    }
}
