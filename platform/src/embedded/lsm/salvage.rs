//! Cuts a torn tail off fjall's newest journal file before fjall opens it.
//!
//! fjall 3 discards an unfinished last batch, but refuses to open when a batch is complete in form and
//! wrong in content. A power cut leaves just that: pages of one write reach the disk in any order,
//! and the missing ones read as zeros. So this module walks the newest journal (`journal/entry.rs` of
//! fjall 3.1: start, items, end with xxh3 of the items and a magic) and truncates it at the first
//! batch that does not verify. Older journals were synced whole before the next was begun, and are
//! left alone: damage there must stop the start. It must never touch a store of another format.

use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3;

const MAGIC: [u8; 4] = [b'F', b'J', b'L', 3];

/// The newest journal file of the database in `dir`.
pub(crate) fn newest_journal(dir: &Path) -> std::io::Result<Option<PathBuf>> {
    let mut newest: Option<(u64, PathBuf)> = None;
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_none_or(|e| e != "jnl") {
            continue;
        }
        let number = path.file_stem().and_then(|s| s.to_str()).and_then(|s| s.parse().ok());
        if let Some(number) = number
            && newest.as_ref().is_none_or(|(other, _)| number > *other)
        {
            newest = Some((number, path));
        }
    }
    Ok(newest.map(|(_, path)| path))
}

/// Truncates the newest journal behind its last whole batch. Answers how many bytes that were not
/// zero were cut: none on a clean tail.
pub(crate) fn salvage(dir: &Path) -> std::io::Result<u64> {
    let version = std::fs::read(dir.join("version")).unwrap_or_default();
    if !version.starts_with(&MAGIC) {
        return Ok(0);
    }
    let Some(path) = newest_journal(dir)? else { return Ok(0) };
    let keep = valid_length(&path, u64::MAX)?;
    let mut file = OpenOptions::new().read(true).write(true).open(&path)?;
    if file.metadata()?.len() == keep {
        return Ok(0);
    }
    // The file is preallocated: on a clean tail only zeros follow. A sample is enough for the message.
    file.seek(SeekFrom::Start(keep))?;
    let mut rest = Vec::new();
    (&file).take(1 << 16).read_to_end(&mut rest)?;
    let torn = rest.iter().filter(|byte| **byte != 0).count();
    file.set_len(keep)?;
    file.sync_all()?;
    Ok(u64::try_from(torn).unwrap_or(u64::MAX))
}

/// Length of the whole batches at the start of a journal whose sequence number is below `before`.
pub(crate) fn valid_length(path: &Path, before: u64) -> std::io::Result<u64> {
    let file = File::open(path)?;
    let left = file.metadata()?.len();
    let mut walk = Walk { input: BufReader::new(file), left, at: 0 };
    let mut valid = 0;
    while let Some(seqno) = walk.batch()? {
        if seqno >= before {
            break;
        }
        valid = walk.at;
    }
    Ok(valid)
}

struct Walk {
    input: BufReader<File>,
    left: u64,
    at: u64,
}

impl Walk {
    /// Fills `out`; false if the file ends before.
    fn fill(&mut self, out: &mut [u8]) -> std::io::Result<bool> {
        let length = u64::try_from(out.len()).unwrap_or(u64::MAX);
        if length > self.left {
            return Ok(false);
        }
        self.input.read_exact(out)?;
        self.left -= length;
        self.at += length;
        Ok(true)
    }

    /// Adds the next `length` bytes to the hash; false if the file ends before.
    fn digest(&mut self, mut length: u64, hash: &mut Xxh3) -> std::io::Result<bool> {
        let mut chunk = [0; 4096];
        while length > 0 {
            let take = usize::try_from(length.min(4096)).unwrap_or(4096);
            let Some(part) = chunk.get_mut(..take) else { return Ok(false) };
            if !self.fill(part)? {
                return Ok(false);
            }
            hash.update(part);
            length -= u64::try_from(take).unwrap_or(length);
        }
        Ok(true)
    }

    /// Sequence number of the next batch, if it is whole.
    fn batch(&mut self) -> std::io::Result<Option<u64>> {
        let mut start = [0; 13];
        if !self.fill(&mut start)? || start[0] != 1 {
            return Ok(None);
        }
        let [_, c0, c1, c2, c3, seqno @ ..] = start;
        let mut hash = Xxh3::new();
        for _ in 0..u32::from_le_bytes([c0, c1, c2, c3]) {
            let mut tag = [0; 1];
            if !self.fill(&mut tag)? {
                return Ok(None);
            }
            hash.update(&tag);
            let whole = match tag[0] {
                2 => self.item(&mut hash)?,
                4 => self.digest(8, &mut hash)?,
                _ => false,
            };
            if !whole {
                return Ok(None);
            }
        }
        let mut end = [0; 13];
        if !self.fill(&mut end)? {
            return Ok(None);
        }
        let [tag, checksum @ .., m0, m1, m2, m3] = end;
        let whole =
            tag == 3 && [m0, m1, m2, m3] == MAGIC && u64::from_le_bytes(checksum) == hash.digest();
        Ok(whole.then(|| u64::from_le_bytes(seqno)))
    }

    fn item(&mut self, hash: &mut Xxh3) -> std::io::Result<bool> {
        let mut head = [0; 20];
        if !self.fill(&mut head)? {
            return Ok(false);
        }
        hash.update(&head);
        let [kind, compression, _, _, _, _, _, _, _, _, k0, k1, v0, v1, v2, v3, d0, d1, d2, d3] =
            head;
        let key = u64::from(u16::from_le_bytes([k0, k1]));
        let value = u64::from(u32::from_le_bytes([v0, v1, v2, v3]));
        let on_disk = u64::from(u32::from_le_bytes([d0, d1, d2, d3]));
        let known = matches!(kind, 0 | 1 | 2 | 4) && compression <= 1;
        if !known || (compression == 0 && value != on_disk) {
            return Ok(false);
        }
        self.digest(key + on_disk, hash)
    }
}
