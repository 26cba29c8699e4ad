//! One wrong byte, anywhere in a backup: it is found before anything is restored.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::command::Parlance;
use super::text;

/// Bytes turned in each file.
const EACH: usize = 3;
/// What is said of it. Less would be in the folder's name.
const FOUND: &str = "the backup is damaged";

/// How many were turned.
pub(super) async fn every_wrong_byte_is_found(
    parlance: &Parlance,
    backup: &Path,
    seed: u64,
) -> anyhow::Result<usize> {
    let mut dice = StdRng::seed_from_u64(seed);
    let other = parlance.with_data(backup.with_extension("other"));
    let mut turned = 0;
    for file in files(backup)? {
        for _ in 0..EACH {
            let length = std::fs::metadata(&file)?.len();
            let (at, bits) = (dice.random_range(0..length), dice.random_range(1..=255));
            turn(&file, at, bits)?;
            let told = || format!("byte {at} of {}, turned by {bits:#x}", file.display());
            let damaged = other.must_not(&["restore", &text(backup)], FOUND).await;
            turn(&file, at, bits)?;
            damaged.with_context(told)?;
            ensure!(!other.data().exists(), "{}: something was restored", told());
            turned += 1;
        }
    }
    parlance.must(&["backup", "--verify", &text(backup)]).await?;
    Ok(turned)
}

/// Once more, and it is as before.
fn turn(file: &Path, at: u64, bits: u8) -> anyhow::Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(file)?;
    let mut byte = [0];
    file.read_exact_at(&mut byte, at)?;
    file.write_all_at(&[byte[0] ^ bits], at)?;
    Ok(())
}

fn files(dir: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() { found.extend(files(&path)?) } else { found.push(path) }
    }
    found.sort();
    Ok(found)
}
