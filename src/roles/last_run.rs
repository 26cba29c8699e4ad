//! What the data folder remembers of the process that had it last: `last-run.json`.
//!
//! For people only: a start tells what it found. Nothing depends on it, so it is not synced, and a file
//! that is not there or can not be read is no error.

use std::fs;
use std::path::{Path, PathBuf};

use platform::Clock as _;
use platform::port::clock::SystemClock;
use schemas::Timestamp;
use serde::{Deserialize, Serialize};

const NAME: &str = "last-run.json";
/// Version of the file.
const VERSION: u32 = 1;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LastRun {
    v: u32,
    /// The first start on this folder that is known of.
    pub(super) since: Timestamp,
    /// Version of the process.
    pub(super) version: String,
    pub(super) started: Timestamp,
    /// When it ended in order; absent: it did not, or runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) stopped: Option<Timestamp>,
}

/// This process's own entry, to be completed when it ends.
#[derive(Debug)]
pub(super) struct Running {
    path: PathBuf,
    entry: LastRun,
}

/// What the process before left.
pub(super) fn read(dir: &Path) -> Option<LastRun> {
    serde_json::from_slice(&fs::read(dir.join(NAME)).ok()?).ok()
}

/// Writes down that this one runs.
pub(super) fn begin(dir: &Path, before: Option<&LastRun>) -> Running {
    let path = dir.join(NAME);
    let now = SystemClock.now();
    let since = before.map_or(now, |before| before.since);
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let running = Running {
        path,
        entry: LastRun { v: VERSION, since, version, started: now, stopped: None },
    };
    running.write();
    running
}

impl Running {
    /// It ended in order.
    pub(super) fn end(mut self) {
        self.entry.stopped = Some(SystemClock.now());
        self.write();
    }

    fn write(&self) {
        let draft = self.path.with_extension("new");
        let text = serde_json::to_vec(&self.entry).expect("plain data serialises");
        if let Err(error) = fs::write(&draft, text).and_then(|()| fs::rename(&draft, &self.path)) {
            tracing::debug!(%error, path = %self.path.display(), "could not be written");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_finds_whether_the_last_run_ended_in_order() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()), None);
        let since = begin(dir.path(), None).entry.since;
        let killed = read(dir.path()).unwrap();
        assert_eq!((killed.stopped, killed.since), (None, since));
        begin(dir.path(), Some(&killed)).end();
        let ended = read(dir.path()).unwrap();
        assert!(ended.stopped.is_some_and(|at| at >= ended.started) && ended.since == since);
        fs::write(dir.path().join(NAME), "{").unwrap();
        assert_eq!(read(dir.path()), None);
    }
}
