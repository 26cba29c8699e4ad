//! A folder for one run, on the disk that is to be measured: nothing else is in it, and it is taken away
//! again.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// See the module.
#[derive(Debug)]
pub(super) struct Scratch {
    path: PathBuf,
    kept: bool,
}

impl Scratch {
    /// Makes it in this folder, or in the working folder: a folder for temporary files is often in memory,
    /// where a sync costs nothing.
    pub(super) fn make(parent: Option<&Path>) -> anyhow::Result<Self> {
        let parent = match parent {
            Some(parent) => parent.to_path_buf(),
            None => std::env::current_dir().context("the working folder")?,
        };
        std::fs::create_dir_all(&parent).with_context(|| parent.display().to_string())?;
        let path = parent.join(format!(".parlance-bench-{}", std::process::id()));
        // Left by a process of this number that was killed.
        if path.exists() {
            std::fs::remove_dir_all(&path).with_context(|| path.display().to_string())?;
        }
        std::fs::create_dir(&path).with_context(|| {
            format!("{}: give --folder on a disk that may be written to", path.display())
        })?;
        Ok(Self { path, kept: false })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves it there: somebody will want to look.
    pub(super) fn keep(&mut self) {
        self.kept = true;
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.kept {
            // Nothing depends on it any more.
            drop(std::fs::remove_dir_all(&self.path));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_with_its_owner_unless_it_is_to_be_kept() {
        let parent = tempfile::tempdir().unwrap();
        let scratch = Scratch::make(Some(parent.path())).unwrap();
        let path = scratch.path().to_path_buf();
        std::fs::write(path.join("x"), "x").unwrap();
        drop(scratch);
        assert!(!path.exists() && parent.path().exists());
        let mut scratch = Scratch::make(Some(parent.path())).unwrap();
        scratch.keep();
        drop(scratch);
        assert!(path.exists());
    }
}
