//! How fast a backup may go, how full it may make a disk, and whether anybody still wants it.

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::statvfs;

use super::{Error, Progress, Report, at};

/// Bytes between two reports, and between two looks at the disk.
const STEP: u64 = 256 << 10;
const LOOK: u64 = 8 << 20;
/// What stays free on a disk that a server writes to: a full disk stops sends.
const KEPT: u64 = 1 << 30;
/// And at most this part of a small disk.
const KEPT_PART: u64 = 20;

/// The disk that is written to.
pub(super) struct Disk {
    folder: PathBuf,
    kept: u64,
}

impl Disk {
    /// The disk of `folder`. If `server` lies on it too, some of it is left free.
    pub(super) fn of(folder: &Path, server: Option<&Path>) -> Result<Self, Error> {
        let device = |path: &Path| fs::metadata(path).map(|facts| facts.dev()).map_err(at(path));
        let shared = match server {
            Some(server) => device(server)? == device(folder)?,
            None => false,
        };
        let stat = statvfs(folder).map_err(|error| at(folder)(error.into()))?;
        let all = stat.f_blocks.saturating_mul(stat.f_frsize);
        let kept = if shared { KEPT.min(all / KEPT_PART) } else { 0 };
        Ok(Self { folder: folder.to_path_buf(), kept })
    }

    /// Refuses what does not fit.
    pub(super) fn must_hold(&self, needed: u64) -> Result<(), Error> {
        let stat = statvfs(&self.folder).map_err(|error| at(&self.folder)(error.into()))?;
        let free = stat.f_bavail.saturating_mul(stat.f_frsize);
        if needed.saturating_add(self.kept) <= free {
            return Ok(());
        }
        let (folder, kept) = (self.folder.clone(), self.kept);
        Err(Error::NoRoom { folder, free, needed, kept })
    }
}

/// Counts what is written.
pub(super) struct Pace<'r> {
    report: Report<'r>,
    disk: Option<Disk>,
    /// Bytes a second; none: as fast as it goes.
    limit: Option<u64>,
    started: Instant,
    now: Progress,
    told: u64,
    looked: u64,
}

impl<'r> Pace<'r> {
    pub(super) fn new(
        report: Report<'r>,
        disk: Option<Disk>,
        limit: Option<u64>,
        total: u64,
    ) -> Self {
        let now = Progress { step: "", done: 0, total };
        Self { report, disk, limit, started: Instant::now(), now, told: 0, looked: 0 }
    }

    /// What comes now.
    pub(super) fn begin(&mut self, step: &'static str) -> Result<(), Error> {
        self.now.step = step;
        self.tell()
    }

    /// Before so many bytes are written.
    pub(super) fn step(&mut self, bytes: u64) -> Result<(), Error> {
        self.now.done += bytes;
        self.now.total = self.now.total.max(self.now.done);
        if self.now.done - self.told < STEP {
            return Ok(());
        }
        self.told = self.now.done;
        if let Some(disk) = self.disk.as_ref().filter(|_| self.now.done - self.looked >= LOOK) {
            self.looked = self.now.done;
            // Others fill disks too: looked at again while it is written.
            disk.must_hold(LOOK)?;
        }
        self.tell()?;
        if let Some(limit) = self.limit {
            let due = Duration::from_secs_f64(self.now.done as f64 / limit.max(1) as f64);
            std::thread::sleep(due.saturating_sub(self.started.elapsed()));
        }
        Ok(())
    }

    fn tell(&mut self) -> Result<(), Error> {
        match (self.report)(self.now) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Cancelled),
        }
    }
}
