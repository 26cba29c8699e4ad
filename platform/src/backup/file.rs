//! Files of a backup: written once with their checksum, read only against it.
//!
//! A backup must not push the server's pages out of memory, nor leave the disk a mountain to write at
//! once, behind which a sync of the journal would wait: what was written is synced every 16 MiB and
//! dropped from the cache.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, fadvise};
use sha2::{Digest, Sha256};

use super::manifest::{FileFacts, hex};
use super::pace::Pace;
use super::{Error, at, damaged};

/// Bytes written at once, and between two syncs.
const CHUNK: usize = 256 << 10;
const SYNC: u64 = 16 << 20;

/// Makes a folder for its owner alone.
pub(super) fn make_dir(path: &Path) -> Result<(), Error> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(at(path))
}

/// Makes the names in a folder durable.
pub(super) fn sync_dir(path: &Path) -> Result<(), Error> {
    File::open(path).and_then(|dir| dir.sync_all()).map_err(at(path))
}

/// A new file, for its owner alone.
pub(super) struct Output<'p, 'r> {
    path: PathBuf,
    file: File,
    buffer: Vec<u8>,
    sum: Sha256,
    bytes: u64,
    synced: u64,
    pace: &'p mut Pace<'r>,
}

impl<'p, 'r> Output<'p, 'r> {
    pub(super) fn create(path: &Path, pace: &'p mut Pace<'r>) -> Result<Self, Error> {
        let mut options = OpenOptions::new();
        let file = options.write(true).create_new(true).mode(0o600).open(path).map_err(at(path))?;
        Ok(Self {
            path: path.to_path_buf(),
            file,
            buffer: Vec::with_capacity(CHUNK),
            sum: Sha256::new(),
            bytes: 0,
            synced: 0,
            pace,
        })
    }

    pub(super) fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= CHUNK { self.flush_buffer() } else { Ok(()) }
    }

    fn flush_buffer(&mut self) -> Result<(), Error> {
        let length = u64::try_from(self.buffer.len()).unwrap_or(u64::MAX);
        self.pace.step(length)?;
        self.sum.update(&self.buffer);
        self.file.write_all(&self.buffer).map_err(at(&self.path))?;
        self.buffer.clear();
        self.bytes += length;
        if self.bytes - self.synced >= SYNC {
            self.sync()?;
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<(), Error> {
        self.file.sync_data().map_err(at(&self.path))?;
        // Only advice: a file system that knows none keeps the pages.
        fadvise(
            &self.file,
            self.synced,
            std::num::NonZeroU64::new(self.bytes - self.synced),
            Advice::DontNeed,
        )
        .ok();
        self.synced = self.bytes;
        Ok(())
    }

    /// Everything is on the disk, except the file's name.
    pub(super) fn finish(mut self, name: &str) -> Result<FileFacts, Error> {
        self.flush_buffer()?;
        self.sync()?;
        self.file.sync_all().map_err(at(&self.path))?;
        let sha256 = hex(&self.sum.finalize());
        Ok(FileFacts { path: name.to_owned(), bytes: self.bytes, sha256 })
    }
}

/// A file that must be as the manifest says. Whoever has read it to its end knows that it is.
pub(super) struct Input {
    path: PathBuf,
    file: BufReader<File>,
    expected: FileFacts,
    sum: Sha256,
    bytes: u64,
}

impl Input {
    pub(super) fn open(folder: &Path, expected: &FileFacts) -> Result<Self, Error> {
        let path = folder.join(&expected.path);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(damaged(&path, "it is missing"));
            }
            Err(error) => return Err(at(&path)(error)),
        };
        let length = file.metadata().map_err(at(&path))?.len();
        if length != expected.bytes {
            let what = format!("it has {length} bytes, and had {}", expected.bytes);
            return Err(damaged(&path, what));
        }
        // Only advice, as above.
        fadvise(&file, 0, None, Advice::Sequential).ok();
        let file = BufReader::with_capacity(CHUNK, file);
        Ok(Self { path, file, expected: expected.clone(), sum: Sha256::new(), bytes: 0 })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads all of it, in parts.
    pub(super) fn each(
        mut self,
        mut part: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut buffer = vec![0; CHUNK];
        loop {
            let read = self.read(&mut buffer).map_err(|error| self.wrong(error))?;
            match buffer.get(..read) {
                Some([]) | None => return Ok(()),
                Some(bytes) => part(bytes)?,
            }
        }
    }

    /// What an error of a read is: damage, or the disk's.
    pub(super) fn wrong(&self, error: io::Error) -> Error {
        wrong(&self.path, error)
    }
}

/// What an error of a read is: damage, or the disk's.
pub(super) fn wrong(path: &Path, error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof => {
            damaged(path, error.to_string())
        }
        _ => at(path)(error),
    }
}

impl Read for Input {
    /// At the end of the file an error, if its bytes were not those that the manifest vouches for.
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(out)?;
        if read == 0 && !out.is_empty() {
            let sum = hex(&self.sum.clone().finalize());
            if (self.bytes, &sum) != (self.expected.bytes, &self.expected.sha256) {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "its bytes are not those that were written",
                ));
            }
        }
        self.sum.update(out.get(..read).unwrap_or_default());
        self.bytes += u64::try_from(read).unwrap_or(u64::MAX);
        Ok(read)
    }
}
