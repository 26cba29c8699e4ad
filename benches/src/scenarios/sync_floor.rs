//! What the disk can do: append and fdatasync, nothing else. A durable message can not be faster
//! than one of these, but many can share one.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::Measured;

/// Bytes of a record: a command with a message of the measured length.
const RECORD: usize = 640;
/// Time per group size.
const TIME: Duration = Duration::from_secs(2);
/// The same where it is only to be told what kind of disk it is.
const SHORT: Duration = Duration::from_secs(1);
/// Records that share a sync.
const GROUPS: [usize; 3] = [1, 64, 512];

/// Measures in this folder.
pub fn run(folder: &Path) -> anyhow::Result<Measured> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let path = folder.join("sync-floor");
    let mut measured = Measured::new("sync floor, one writer");
    for group in GROUPS {
        let syncs = appended(&path, group, TIME)?;
        let plural = if group == 1 { "" } else { "s" };
        measured.add(format!("syncs per second, {group} record{plural} each"), syncs);
        if group > 1 {
            measured.add(format!("records per second, {group} each"), syncs * group as f64);
        }
    }
    std::fs::remove_file(&path)?;
    Ok(measured)
}

/// A short look: syncs a second of one record each, and records a second in syncs of 64.
pub fn short(folder: &Path) -> anyhow::Result<(f64, f64)> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let path = folder.join("sync-floor");
    let (one, many) = (appended(&path, 1, SHORT)?, appended(&path, 64, SHORT)?);
    std::fs::remove_file(&path)?;
    Ok((one, many * 64.0))
}

fn appended(path: &Path, group: usize, time: Duration) -> anyhow::Result<f64> {
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).open(path)?;
    let bytes = vec![b'x'; RECORD * group];
    let (began, mut syncs) = (Instant::now(), 0_u32);
    while began.elapsed() < time {
        file.write_all(&bytes)?;
        file.sync_data()?;
        syncs += 1;
    }
    Ok(f64::from(syncs) / began.elapsed().as_secs_f64())
}
