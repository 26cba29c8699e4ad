//! Backups of an embedded data folder: made while it is in use, checked, and restored elsewhere.
//!
//! A backup is the folder as it was at one moment ([`crate::embedded`] takes it between two groups of
//! the journal): everything that was acknowledged before the call is in it, and nothing that relies on what
//! is not. Its files are `FORMAT`, `keys/`, the journal's segments in `log/`, the pairs of the two
//! databases in `store/`, and last `MANIFEST`, which names all of them with their SHA-256.
//!
//! Invariants: a folder without a `MANIFEST` is no backup; a restored folder has every byte that the
//! manifest vouches for, or does not start. It must never write into a folder
//! that has something in it, and into the one that it backs up nothing but when that was. Decisions: ADR 7.

mod create;
mod file;
mod manifest;
mod pace;
mod restore;
mod rows;
#[cfg(test)]
mod tests;
mod verify;

use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

pub use create::{Last, Source, create, last};
pub use manifest::{FileFacts, Manifest, PartitionEnd};
pub use restore::restore;
pub use verify::verify;

use crate::data_dir;
use crate::port::{log, store};

/// Name of the list of files, written last.
pub const MANIFEST: &str = "MANIFEST";

/// Why there is no backup, or no restored folder.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// One is being made.
    #[error("a backup of this data folder is being made: wait until it has ended")]
    Busy,
    /// Something is there already.
    #[error("{} is not empty: name a folder that is empty or does not exist", .0.display())]
    NotEmpty(PathBuf),
    /// It would be part of itself.
    #[error("{} lies in the data folder: name one outside, on another disk if you can", .0.display())]
    Inside(PathBuf),
    /// It leads back out of a folder that is not there.
    #[error("{} leads through a folder that does not exist and back: name it without `..`", .0.display())]
    Roundabout(PathBuf),
    /// The server writes too fast: what its snapshots keep does not fit in memory.
    #[error(
        "the server writes faster than the backup reads: {} MiB of memory would be kept for it, and it \
         may have {}. Raise --limit or --memory, or back up at a calmer time", held >> 20, may >> 20
    )]
    Outrun {
        /// What is kept, bytes.
        held: u64,
        /// What may be, bytes.
        may: u64,
    },
    /// The disk is too full.
    #[error(
        "{} has room for {} MiB; {} MiB are needed, and {} MiB stay free for others",
        folder.display(), free >> 20, needed.div_ceil(1 << 20), kept >> 20
    )]
    NoRoom {
        /// Where it was to be written.
        folder: PathBuf,
        /// What is free there, bytes.
        free: u64,
        /// What it takes, bytes.
        needed: u64,
        /// What is never used, bytes.
        kept: u64,
    },
    /// The caller has given up.
    #[error("stopped before the end; what was written is removed")]
    Cancelled,
    /// There is no whole backup.
    #[error(
        "{} has no MANIFEST: it is no backup, or one that broke off. Only a whole one is restored",
        .0.display()
    )]
    NoManifest(PathBuf),
    /// A file of it is not as it was written.
    #[error("the backup is damaged: {}: {what}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: String,
    },
    /// It was made by another version.
    #[error("the backup has version {found}; this program knows {}", manifest::VERSION)]
    Version {
        /// Its version.
        found: u32,
    },
    /// What was restored does not open.
    #[error("the restored folder does not open, and was not put into place: {0}")]
    Unfit(String),
    /// The data folder.
    #[error(transparent)]
    Folder(#[from] data_dir::Error),
    /// The store.
    #[error("the store: {0}")]
    Store(#[from] store::Error),
    /// The log.
    #[error("the log: {0}")]
    Log(#[from] log::Error),
    /// The file system.
    #[error("{}: {source}", path.display())]
    Io {
        /// What was touched.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> Error + use<> {
    let path = path.to_path_buf();
    move |source| Error::Io { path, source }
}

fn damaged(path: &Path, what: impl Into<String>) -> Error {
    Error::Damaged { path: path.to_path_buf(), what: what.into() }
}

/// How far a backup, a check or a restore has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub step: &'static str,
    /// Bytes so far.
    pub done: u64,
    /// Bytes in all, as far as one can tell.
    pub total: u64,
}

/// Hears of progress, and says whether to go on.
pub type Report<'a> = &'a mut dyn FnMut(Progress) -> ControlFlow<()>;
