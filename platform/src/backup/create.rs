//! Makes a backup.

use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Component, Path, PathBuf};

use schemas::Timestamp;
use serde::{Deserialize, Serialize};

use super::file::{Output, make_dir, sync_dir};
use super::manifest::{self, DIRECT, FOLDED, FileFacts, Manifest, PartitionEnd};
use super::pace::{Bound, Disk, Pace};
use super::{Error, MANIFEST, Report, at, rows};
use crate::embedded::EmbeddedLog;
use crate::embedded::journal::{Cut, Piece};
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
    /// Bytes of memory at most that the store keeps for it while its rows are read; none: no bound.
    pub memory: Option<u64>,
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
/// long as it takes; the log goes on meanwhile. It is first reported on when its moment is taken, during which
/// the log waits. What a failed one wrote is removed, so far as it can be.
pub fn create(source: Source<'_>, to: &Path, report: Report<'_>) -> Result<Manifest, Error> {
    let target = Target::outside(source.data, to)?;
    claim(&target.to)?;
    let outcome = write(source, &target, report);
    match &outcome {
        Ok(manifest) => note(source, &target.to, manifest),
        Err(_) => clean(&target),
    }
    outcome
}

/// Where a backup goes.
struct Target {
    /// Its folder, without links in the part that was there before.
    to: PathBuf,
    /// That part: what lies below it is made here.
    there: PathBuf,
}

impl Target {
    fn outside(data: &Path, named: &Path) -> Result<Self, Error> {
        let data = data.canonicalize().map_err(at(data))?;
        let named = std::path::absolute(named).map_err(at(named))?;
        // What is not there yet will be made in the nearest folder that is.
        let nearest = |path: &Path| path.canonicalize().ok().map(|there| (there, path.to_owned()));
        let nearest = named.ancestors().find_map(nearest);
        let (there, prefix) = nearest.ok_or_else(|| Error::Roundabout(named.clone()))?;
        let rest = named.strip_prefix(&prefix).unwrap_or_else(|_| Path::new(""));
        if !rest.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(Error::Roundabout(named));
        }
        if there.starts_with(&data) {
            return Err(Error::Inside(named));
        }
        let to = rest.components().fold(there.clone(), |to, part| to.join(part));
        Ok(Self { to, there })
    }

    /// The folders that are made here, the innermost first.
    fn made(&self) -> impl Iterator<Item = &Path> {
        self.to.ancestors().take_while(|path| *path != self.there)
    }
}

/// Takes an empty folder, or makes it.
fn claim(to: &Path) -> Result<(), Error> {
    match fs::read_dir(to) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                return Err(Error::NotEmpty(to.to_path_buf()));
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => make_dir(to)?,
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
            return Err(Error::NotEmpty(to.to_path_buf()));
        }
        Err(error) => return Err(at(to)(error)),
    }
    // One of two that meet here makes the first folder.
    let first = to.join("log");
    match fs::DirBuilder::new().mode(0o700).create(&first) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(Error::NotEmpty(to.to_path_buf()))
        }
        Err(error) => Err(at(&first)(error)),
    }
}

fn clean(target: &Target) {
    let to = &target.to;
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
    for made in target.made() {
        match fs::remove_dir(made) {
            // Somebody else uses it by now.
            Err(error) if made != to && error.kind() == io::ErrorKind::DirectoryNotEmpty => break,
            removed => remove(removed),
        }
    }
}

fn write(source: Source<'_>, target: &Target, report: Report<'_>) -> Result<Manifest, Error> {
    let to = &target.to;
    let disk = Disk::of(to, Some(source.data))?;
    let moment = source.log.moment()?.ok_or(Error::Busy)?;
    let Moment { journal, folded, direct, ends, store_bytes, held, turn: _turn } = moment;
    // Tables are compressed, and pairs are not: about half as much again.
    let segments: u64 = journal.pieces.iter().map(Piece::length).sum();
    let total = segments + store_bytes + store_bytes / 2;
    disk.must_hold(total)?;
    let mut pace = Pace::new(report, Some(disk), source.bytes_per_second, total);
    pace.keep_within(source.memory.map(|may| Bound { held, may }));
    for part in ["keys", "log", "store"] {
        make_dir(&to.join(part))?;
    }
    let mut files = Vec::new();
    pace.begin("accounts")?;
    files.push(pairs(&direct, to, DIRECT, &mut pace)?);
    pace.begin("rows")?;
    files.push(pairs(&folded, to, FOLDED, &mut pace)?);
    // From here on nothing is kept in memory.
    drop((folded, direct));
    pace.keep_within(None);
    pace.begin("journal")?;
    let nexts = journal.pieces.iter().skip(1).map(Some).chain([None]);
    for (piece, next) in journal.pieces.iter().zip(nexts) {
        files.push(segment(piece, next, source.data, to, &mut pace)?);
    }
    pace.begin("keys")?;
    keys(source.data, to, &mut files, &mut pace)?;
    let mut out = Output::create(&to.join("FORMAT"), &mut pace)?;
    out.put(manifest::format())?;
    files.push(out.finish("FORMAT")?);
    for part in ["keys", "log", "store", ""] {
        sync_dir(&to.join(part))?;
    }
    let manifest = describe(source, &journal, ends, files);
    publish(target, &manifest, &mut pace)?;
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

fn segment(
    piece: &Piece,
    next: Option<&Piece>,
    data: &Path,
    to: &Path,
    pace: &mut Pace<'_>,
) -> Result<FileFacts, Error> {
    let name = format!("log/{}", piece.name());
    let path = to.join(&name);
    // A backup of a damaged log would be found out when it is too late.
    let mut stopped = None;
    let length = piece.check(next, |bytes| match pace.read(bytes) {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => {
            stopped = Some(error);
            ControlFlow::Break(())
        }
    });
    if let Some(stopped) = stopped {
        return Err(stopped);
    }
    let length = length.map_err(at(&data.join(&name)))?;
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
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        // Secrets may come from the settings alone.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(at(&folder)(error)),
    };
    for entry in entries {
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

fn describe(
    source: Source<'_>,
    journal: &Cut,
    ends: Vec<(&'static str, u32, u64)>,
    files: Vec<FileFacts>,
) -> Manifest {
    let end = |(topic, partition, end): (&str, u32, u64)| PartitionEnd {
        topic: topic.to_owned(),
        partition,
        end,
    };
    Manifest {
        version: manifest::VERSION,
        program: source.program.to_owned(),
        at: source.now,
        journal: manifest::hex(&journal.id),
        ends: ends.into_iter().map(end).collect(),
        files,
    }
}

/// Gives the backup its manifest: from here on it is one.
fn publish(target: &Target, manifest: &Manifest, pace: &mut Pace<'_>) -> Result<(), Error> {
    let to = &target.to;
    let draft = to.join("MANIFEST.new");
    let mut out = Output::create(&draft, pace)?;
    out.put(manifest.text().as_bytes())?;
    out.finish(MANIFEST)?;
    fs::rename(&draft, to.join(MANIFEST)).map_err(at(&draft))?;
    sync_dir(to)?;
    // The names of the folders that were made here.
    target.made().filter_map(Path::parent).try_for_each(sync_dir)
}

/// Remembers it in the data folder. The backup is whole without that.
fn note(source: Source<'_>, to: &Path, manifest: &Manifest) {
    let last = Last { at: manifest.at, folder: to.to_path_buf(), bytes: manifest.bytes() };
    let text = serde_json::to_vec_pretty(&last).expect("it has text and numbers alone");
    let (draft, path) = (source.data.join("last-backup.new"), source.data.join(LAST));
    if let Err(error) = fs::write(&draft, text).and_then(|()| fs::rename(&draft, &path)) {
        tracing::warn!(%error, "the time of the backup could not be noted");
    }
}
