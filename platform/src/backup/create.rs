//! Makes a backup.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use schemas::Timestamp;
use serde::{Deserialize, Serialize};

use super::file::{Output, make_dir, sync_dir};
use super::manifest::{self, DIRECT, FOLDED, FileFacts, Manifest, PartitionEnd};
use super::pace::{Disk, Pace};
use super::{Error, MANIFEST, Report, at, rows};
use crate::embedded::EmbeddedLog;
use crate::embedded::journal::Piece;
use crate::embedded::log::Moment;
use crate::embedded::lsm::Pairs;

/// Bytes of a segment read at once.
const CHUNK: usize = 256 << 10;
/// In the data folder: when the last backup of it was made, for `doctor`.
const LAST: &str = "last-backup.json";

/// What is backed up.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The open log, with the store behind it.
    pub log: &'a EmbeddedLog,
    /// Their data folder.
    pub data: &'a Path,
    /// The time now.
    pub now: Timestamp,
    /// Version of the program.
    pub program: &'a str,
    /// Bytes a second at most; none: as fast as it goes.
    pub bytes_per_second: Option<u64>,
}

/// The last backup of a data folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Last {
    /// When its moment was taken.
    pub at: Timestamp,
    /// Where it was written.
    pub folder: PathBuf,
    /// Its size.
    pub bytes: u64,
}

/// The last backup that was made of a data folder, if it is known.
pub fn last(data: &Path) -> Option<Last> {
    // A note for people: one that can not be read is as none.
    let text = fs::read(data.join(LAST)).ok()?;
    serde_json::from_slice(&text).ok()
}

/// Backs up an open data folder into `to`, which is empty or does not exist. Blocks its thread for as
/// long as it takes; the log goes on meanwhile. What a failed one wrote is removed, so far as it can be.
pub fn create(source: Source<'_>, to: &Path, report: Report<'_>) -> Result<Manifest, Error> {
    must_be_outside(source.data, to)?;
    let made = claim(to)?;
    let outcome = write(source, to, report);
    match &outcome {
        Ok(manifest) => note(source, to, manifest),
        Err(_) => clean(to, made),
    }
    outcome
}

fn must_be_outside(data: &Path, to: &Path) -> Result<(), Error> {
    let data = data.canonicalize().map_err(at(data))?;
    // What is not there yet will be made in the nearest folder that is.
    let to = std::path::absolute(to).map_err(at(to))?;
    let there = to.ancestors().find_map(|path| path.canonicalize().ok());
    if there.is_some_and(|there| there.starts_with(&data)) {
        Err(Error::Inside(to))
    } else {
        Ok(())
    }
}

#[derive(Clone, Copy)]
enum Made {
    /// The folder was there, and empty.
    Found,
    Here,
}

/// Takes an empty folder, or makes it.
fn claim(to: &Path) -> Result<Made, Error> {
    let made = match fs::read_dir(to) {
        Ok(mut entries) => match entries.next() {
            Some(_) => return Err(Error::NotEmpty(to.to_path_buf())),
            None => Made::Found,
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make_dir(to)?;
            Made::Here
        }
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Err(Error::NotEmpty(to.to_path_buf()));
        }
        Err(error) => return Err(at(to)(error)),
    };
    // One of two that meet here makes the first folder.
    let first = to.join("log");
    match fs::DirBuilder::new().mode(0o700).create(&first) {
        Ok(()) => Ok(made),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(Error::NotEmpty(to.to_path_buf()))
        }
        Err(error) => Err(at(&first)(error)),
    }
}

fn clean(to: &Path, made: Made) {
    let remove = |result: io::Result<()>| match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            tracing::warn!(%error, folder = %to.display(), "part of a broken backup is left");
        }
        _ => {}
    };
    for part in ["keys", "log", "store"] {
        remove(fs::remove_dir_all(to.join(part)));
    }
    for part in ["FORMAT", "MANIFEST.new"] {
        remove(fs::remove_file(to.join(part)));
    }
    if matches!(made, Made::Here) {
        remove(fs::remove_dir(to));
    }
}

fn write(source: Source<'_>, to: &Path, report: Report<'_>) -> Result<Manifest, Error> {
    let disk = Disk::of(to, Some(source.data))?;
    let moment = source.log.moment()?.ok_or(Error::Busy)?;
    // Tables are compressed, and pairs are not: about half as much again.
    let journal: u64 = moment.journal.pieces.iter().map(Piece::length).sum();
    let total = journal + moment.store_bytes + moment.store_bytes / 2;
    disk.must_hold(total)?;
    let mut pace = Pace::new(report, Some(disk), source.bytes_per_second, total);
    for part in ["keys", "log", "store"] {
        make_dir(&to.join(part))?;
    }
    let mut files = Vec::new();
    pace.begin("accounts")?;
    files.push(pairs(&moment.direct, to, DIRECT, &mut pace)?);
    pace.begin("rows")?;
    files.push(pairs(&moment.folded, to, FOLDED, &mut pace)?);
    pace.begin("journal")?;
    for piece in &moment.journal.pieces {
        files.push(segment(piece, to, &mut pace)?);
    }
    pace.begin("keys")?;
    keys(source.data, to, &mut files, &mut pace)?;
    let mut out = Output::create(&to.join("FORMAT"), &mut pace)?;
    out.put(manifest::format())?;
    files.push(out.finish("FORMAT")?);
    for part in ["keys", "log", "store", ""] {
        sync_dir(&to.join(part))?;
    }
    let manifest = describe(source, &moment, files);
    publish(to, &manifest, &mut pace)?;
    Ok(manifest)
}

fn pairs(pairs: &Pairs, to: &Path, name: &str, pace: &mut Pace<'_>) -> Result<FileFacts, Error> {
    let path = to.join(name);
    let mut out = Output::create(&path, pace)?;
    let mut encoder = rows::Encoder::default();
    out.put(rows::MAGIC)?;
    let mut last = None;
    loop {
        let run = pairs.behind(last.as_deref())?;
        for (key, value) in &run {
            out.put(&encoder.head(key, value).map_err(at(&path))?)?;
            out.put(key)?;
            out.put(value)?;
        }
        match run.into_iter().next_back() {
            Some((key, _)) => last = Some(key),
            None => break,
        }
    }
    out.put(&encoder.tail())?;
    out.finish(name)
}

fn segment(piece: &Piece, to: &Path, pace: &mut Pace<'_>) -> Result<FileFacts, Error> {
    let name = format!("log/{}", piece.name());
    let path = to.join(&name);
    // A backup of a damaged log would be found out when it is too late.
    let length = piece.check().map_err(at(&path))?;
    let mut out = Output::create(&path, pace)?;
    let mut buffer = vec![0; CHUNK];
    let mut done = 0;
    while done < length {
        let wanted = usize::try_from(length - done).unwrap_or(CHUNK).min(CHUNK);
        buffer.resize(wanted, 0);
        let read = piece.read_at(done, &mut buffer).map_err(at(&path))?;
        if read == 0 {
            return Err(at(&path)(io::ErrorKind::UnexpectedEof.into()));
        }
        out.put(buffer.get(..read).unwrap_or_default())?;
        done += u64::try_from(read).unwrap_or(u64::MAX);
    }
    out.finish(&name)
}

fn keys(
    data: &Path,
    to: &Path,
    files: &mut Vec<FileFacts>,
    pace: &mut Pace<'_>,
) -> Result<(), Error> {
    let folder = data.join("keys");
    for entry in fs::read_dir(&folder).map_err(at(&folder))? {
        let path = entry.map_err(at(&folder))?.path();
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else { continue };
        let bytes = fs::read(&path).map_err(at(&path))?;
        let name = format!("keys/{name}");
        let mut out = Output::create(&to.join(&name), pace)?;
        out.put(&bytes)?;
        files.push(out.finish(&name)?);
    }
    Ok(())
}

fn describe(source: Source<'_>, moment: &Moment, files: Vec<FileFacts>) -> Manifest {
    let end = |(topic, partition, end): &(&str, u32, u64)| PartitionEnd {
        topic: (*topic).to_owned(),
        partition: *partition,
        end: *end,
    };
    Manifest {
        version: manifest::VERSION,
        program: source.program.to_owned(),
        at: source.now,
        journal: manifest::hex(&moment.journal.id),
        ends: moment.ends.iter().map(end).collect(),
        files,
    }
}

/// Gives the backup its manifest: from here on it is one.
fn publish(to: &Path, manifest: &Manifest, pace: &mut Pace<'_>) -> Result<(), Error> {
    let draft = to.join("MANIFEST.new");
    let mut out = Output::create(&draft, pace)?;
    out.put(manifest.text().as_bytes())?;
    out.finish(MANIFEST)?;
    fs::rename(&draft, to.join(MANIFEST)).map_err(at(&draft))?;
    sync_dir(to)?;
    // The folder's own name, if it was made here.
    match to.canonicalize().map_err(at(to))?.parent() {
        Some(parent) => sync_dir(parent),
        None => Ok(()),
    }
}

/// Remembers it in the data folder. The backup is whole without that.
fn note(source: Source<'_>, to: &Path, manifest: &Manifest) {
    let folder = to.canonicalize().unwrap_or_else(|_| to.to_path_buf());
    let last = Last { at: manifest.at, folder, bytes: manifest.bytes() };
    let text = serde_json::to_vec_pretty(&last).expect("it has text and numbers alone");
    let (draft, path) = (source.data.join("last-backup.new"), source.data.join(LAST));
    if let Err(error) = fs::write(&draft, text).and_then(|()| fs::rename(&draft, &path)) {
        tracing::warn!(%error, "the time of the backup could not be noted");
    }
}
