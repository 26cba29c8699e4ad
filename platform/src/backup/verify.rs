//! Checks a backup: every file that its manifest names is there, to the byte.

use std::path::Path;

use super::file::Input;
use super::manifest::{DIRECT, FOLDED, Manifest};
use super::pace::Pace;
use super::{Error, MANIFEST, Report, damaged};

/// Reads all of a backup; answers what it is, if it is whole.
pub fn verify(folder: &Path, report: Report<'_>) -> Result<Manifest, Error> {
    let manifest = Manifest::read(folder)?;
    for needed in ["FORMAT", FOLDED, DIRECT, "log/"] {
        if !manifest.files.iter().any(|file| file.path.starts_with(needed)) {
            return Err(damaged(&folder.join(MANIFEST), format!("it lists no {needed}")));
        }
    }
    let mut pace = Pace::new(report, None, None, manifest.bytes());
    pace.begin("checking")?;
    for file in &manifest.files {
        Input::open(folder, file)?
            .each(|part| pace.step(u64::try_from(part.len()).unwrap_or(u64::MAX)))?;
    }
    Ok(manifest)
}
