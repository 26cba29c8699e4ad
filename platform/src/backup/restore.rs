//! Makes a data folder of a backup.
//!
//! Everything is checked before anything is made, and checked again while it is copied. What was built is
//! opened once, as a start would, before it is put into place.

use std::fs;
use std::io::BufReader;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use super::file::{Input, Output, make_dir, sync_dir, wrong};
use super::manifest::{DIRECT, FOLDED, FileFacts, Manifest, PartitionEnd};
use super::pace::{Disk, Pace};
use super::{Error, MANIFEST, Report, at, damaged, rows, verify};
use crate::data_dir::EmptyDir;
use crate::embedded::lsm::Fill;
use crate::embedded::{EmbeddedLog, LogConfig, LsmConfig, LsmStore};
use crate::port::clock::Clock;

/// Restores a backup into a data folder that is empty or does not exist, and that nobody uses.
pub fn restore(
    backup: &Path,
    data: &Path,
    clock: Arc<dyn Clock>,
    report: Report<'_>,
) -> Result<Manifest, Error> {
    let manifest = verify(backup, &mut *report)?;
    let empty = EmptyDir::claim(data)?;
    let built = build(backup, &manifest, &empty.building(), clock, report);
    match built {
        Ok(()) => empty.show()?,
        Err(error) => {
            if let Err(left) = empty.give_up() {
                tracing::warn!(%left, "part of a broken restore is left");
            }
            return Err(error);
        }
    }
    Ok(manifest)
}

fn build(
    backup: &Path,
    manifest: &Manifest,
    dir: &Path,
    clock: Arc<dyn Clock>,
    report: Report<'_>,
) -> Result<(), Error> {
    let disk = Disk::of(dir, None)?;
    let total = manifest.bytes();
    // The pairs become tables, whose order and filters take about a tenth more.
    let log = LogConfig::default();
    disk.must_hold(total + total / 10 + log.journal.segment_bytes)?;
    let mut pace = Pace::new(report, Some(disk), None, total);
    for part in ["keys", "log", "store"] {
        make_dir(&dir.join(part))?;
    }
    pace.begin("files")?;
    let plain = |file: &&FileFacts| file.path != FOLDED && file.path != DIRECT;
    for file in manifest.files.iter().filter(plain) {
        copy(backup, file, dir, &mut pace)?;
    }
    pace.begin("tables")?;
    let of = |name: &str| {
        let file = manifest.files.iter().find(|file| file.path == name);
        file.ok_or_else(|| damaged(&backup.join(MANIFEST), format!("it lists no {name}")))
    };
    let store = dir.join("store");
    LsmStore::build(&store, LsmConfig::default(), |into| {
        pour(backup, of(FOLDED)?, into.folded, &mut pace)?;
        pour(backup, of(DIRECT)?, into.direct, &mut pace)
    })?;
    pace.begin("trying it")?;
    open(dir, manifest, clock, log)?;
    sync_tree(dir)
}

fn copy(backup: &Path, file: &FileFacts, dir: &Path, pace: &mut Pace<'_>) -> Result<(), Error> {
    let mut out = Output::create(&dir.join(&file.path), pace)?;
    Input::open(backup, file)?.each(|part| out.put(part))?;
    out.finish(&file.path)?;
    Ok(())
}

/// Puts the pairs of a file into an empty keyspace.
fn pour(backup: &Path, file: &FileFacts, into: Fill<'_>, pace: &mut Pace<'_>) -> Result<(), Error> {
    let input = Input::open(backup, file)?;
    let path = input.path().to_path_buf();
    let mut pairs =
        rows::Reader::new(BufReader::new(input)).map_err(|error| wrong(&path, error))?;
    into.fill(|| {
        let pair = pairs.next().map_err(|error| wrong(&path, error))?;
        if let Some((key, value)) = &pair {
            pace.step(u64::try_from(key.len() + value.len()).unwrap_or(u64::MAX))?;
        }
        Ok(pair)
    })
}

/// Opens what was built as a start does: store and log must fit each other, and the log must have every
/// record that the manifest tells of.
fn open(
    dir: &Path,
    manifest: &Manifest,
    clock: Arc<dyn Clock>,
    log: LogConfig,
) -> Result<(), Error> {
    let unfit = |error: &dyn std::fmt::Display| Error::Unfit(error.to_string());
    let store = LsmStore::open(&dir.join("store"), LsmConfig::default());
    let store = store.map_err(|error| unfit(&error))?;
    let log = EmbeddedLog::open(&dir.join("log"), store, clock, log);
    let log = log.map_err(|error| unfit(&error))?;
    let moment = log.moment()?.ok_or(Error::Busy)?;
    for PartitionEnd { topic, partition, end } in &manifest.ends {
        let place = |(name, number, _): &&(&str, u32, u64)| name == topic && number == partition;
        let found = moment.ends.iter().find(place).map_or(0, |(_, _, end)| *end);
        if found != *end {
            let what = format!("{topic}/{partition} ends at {found}, and ended at {end}");
            return Err(Error::Unfit(what));
        }
    }
    let pieces = &moment.journal.pieces;
    for (piece, next) in pieces.iter().zip(pieces.iter().skip(1).map(Some).chain([None])) {
        piece.check(next, |_| ControlFlow::Continue(())).map_err(|error| unfit(&error))?;
    }
    Ok(())
}

/// Makes every file and every name durable.
fn sync_tree(dir: &Path) -> Result<(), Error> {
    for entry in fs::read_dir(dir).map_err(at(dir))? {
        let path = entry.map_err(at(dir))?.path();
        if path.is_dir() {
            sync_tree(&path)?;
        } else {
            fs::File::open(&path).and_then(|file| file.sync_all()).map_err(at(&path))?;
        }
    }
    sync_dir(dir)
}
