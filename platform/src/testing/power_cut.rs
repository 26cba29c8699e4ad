//! Power cuts (G-02): what is left of the embedded engines when the machine stops at any moment.
//!
//! The journal is cut on a disk in memory ([`super::FaultFs`]), the store and a whole data folder by
//! copying files: of each journal the synced bytes, then a random part of the rest, its last block torn
//! or rubbish. A test that fails prints its seed; the seed alone repeats it, up to the timing of threads.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::embedded::{EmbeddedLog, LsmStore};
use crate::memory::Seeded;

mod folder;
mod journal;
mod store;

pub use folder::folder_survives;
pub use journal::journal_survives;
pub use store::store_survives;

/// Bytes that reach a disk together.
const BLOCK: u64 = 4_096;
/// Unsynced bytes of a file that are looked at: the rest of a preallocated file is zeros.
const REST: u64 = 4 << 20;

/// Copies the folder `from` to `to` as a power cut at this moment would leave it. `synced` names the
/// files that were being appended to, with the length that certainly survives; every other file is
/// copied whole, as the engines sync it before they name it. A copy taken while files come and go is
/// taken again.
pub fn cut(from: &Path, to: &Path, synced: &[(PathBuf, u64)], dice: &mut Seeded) -> io::Result<()> {
    loop {
        let before = listing(from)?;
        if to.exists() {
            fs::remove_dir_all(to)?;
        }
        fs::create_dir_all(to)?;
        let copied = copy(from, to, &before, synced, dice);
        // A file that was deleted meanwhile: the state of no single moment.
        match copied {
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            other => other?,
        }
        if listing(from)? == before {
            return Ok(());
        }
    }
}

/// Copies a whole data folder (`store/` and `log/` under `from`) as a power cut would leave it, while
/// both engines run. The store goes first: what it holds was synced in the journal before, so the later
/// copy of the journal can only hold more, as on a real disk. No segment may be deleted meanwhile: the
/// older copy of the store still needs it.
pub fn cut_folder(
    from: &Path,
    to: &Path,
    store: &LsmStore,
    log: &EmbeddedLog,
    dice: &mut Seeded,
) -> io::Result<()> {
    cut(&from.join("store"), &to.join("store"), &store.synced_lengths()?, dice)?;
    let segments = from.join("log");
    let named = |(name, length): (String, u64)| (segments.join(name), length);
    let lengths: Vec<(PathBuf, u64)> = log.synced_lengths().into_iter().map(named).collect();
    cut(&segments, &to.join("log"), &lengths, dice)
}

/// Relative paths of all files; folders end with nothing in them only if they are empty.
fn listing(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut out = Vec::new();
    let mut open = vec![PathBuf::new()];
    while let Some(at) = open.pop() {
        for entry in fs::read_dir(dir.join(&at))? {
            let entry = entry?;
            let path = at.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                open.push(path.clone());
            }
            out.push(path);
        }
    }
    out.sort();
    Ok(out)
}

fn copy(
    from: &Path,
    to: &Path,
    paths: &[PathBuf],
    synced: &[(PathBuf, u64)],
    dice: &mut Seeded,
) -> io::Result<()> {
    for path in paths {
        let source = from.join(path);
        let target = to.join(path);
        if source.is_dir() {
            fs::create_dir_all(target)?;
            continue;
        }
        match synced.iter().find(|(file, _)| *file == source) {
            Some((_, length)) => copy_torn(&source, &target, *length, dice)?,
            None => {
                fs::copy(source, target)?;
            }
        }
    }
    Ok(())
}

/// The first `synced` bytes of a file, then what a cut leaves of the rest.
fn copy_torn(from: &Path, to: &Path, synced: u64, dice: &mut Seeded) -> io::Result<()> {
    let mut input = fs::File::open(from)?;
    let length = input.metadata()?.len();
    let mut output = fs::File::create(to)?;
    io::copy(&mut (&mut input).take(synced), &mut output)?;
    input.seek(SeekFrom::Start(synced))?;
    let mut rest = Vec::new();
    input.take(REST).read_to_end(&mut rest)?;
    let written = rest.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    rest.truncate(written);
    tear(&mut rest, synced, dice);
    output.write_all(&rest)?;
    // The length was synced when the file was made; a file that grew may have either one.
    if dice.one_in(2) {
        output.set_len(length.max(synced + u64::try_from(rest.len()).unwrap_or(0)))?;
    }
    Ok(())
}

/// What reaches the disk of bytes that were written at `at` and not synced.
fn tear(rest: &mut Vec<u8>, at: u64, dice: &mut Seeded) {
    match dice.below(4) {
        // All of it: a kill, and the machine lives on.
        0 => {}
        // In order, up to somewhere; the last block torn or rubbish.
        1 | 2 => {
            let keep = dice.size(rest.len() + 1);
            let block = usize::try_from(BLOCK).unwrap_or(4_096);
            let torn = keep.saturating_sub(dice.size(block));
            if dice.one_in(2) {
                for byte in rest.get_mut(torn..keep).unwrap_or_default() {
                    *byte = dice.number().to_le_bytes()[0];
                }
                rest.truncate(keep);
            } else {
                rest.truncate(torn);
            }
        }
        // Out of order: some blocks never arrived and read as zeros.
        _ => {
            let mut start = 0;
            while start < rest.len() {
                let position = at + u64::try_from(start).unwrap_or(0);
                let step = usize::try_from(BLOCK - position % BLOCK).unwrap_or(1);
                let end = (start + step).min(rest.len());
                if dice.one_in(3) {
                    rest.get_mut(start..end).unwrap_or_default().fill(0);
                }
                start = end;
            }
        }
    }
}
