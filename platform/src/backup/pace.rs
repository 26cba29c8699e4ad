//! How fast a backup may go, how full it may make a disk and memory, and whether anybody still wants it.

use std::fs;
use std::ops::ControlFlow;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::statvfs;

use super::{Error, Progress, Report, at};
use crate::embedded::lsm::Held;

/// Bytes between two reports, and between two looks at the disk.
const STEP: u64 = 256 << 10;
const LOOK: u64 = 8 << 20;
/// Longest time between two reports while it waits.
const NAP: Duration = Duration::from_millis(100);
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

/// What may be kept in memory meanwhile.
pub(super) struct Bound {
    pub(super) held: Held,
    pub(super) may: u64,
}

impl Bound {
    fn check(&self) -> Result<(), Error> {
        let (held, may) = (self.held.bytes(), self.may);
        if held > may { Err(Error::Outrun { held, may }) } else { Ok(()) }
    }
}

/// A rate, kept with a credit: who was held up may go faster for a moment, and never by more than what he
/// could have had in a second.
struct Rate {
    /// Bytes a second.
    limit: f64,
    /// Bytes that may go at once; below zero: what must be waited for.
    credit: f64,
    at: Instant,
}

impl Rate {
    fn new(limit: u64, at: Instant) -> Self {
        Self { limit: limit.max(1) as f64, credit: 0.0, at }
    }

    /// Spends so many bytes; how long to wait now.
    fn spend(&mut self, bytes: u64, now: Instant) -> Duration {
        let earned = now.saturating_duration_since(self.at).as_secs_f64() * self.limit;
        self.at = now;
        self.credit = (self.credit + earned).min(self.limit) - bytes as f64;
        Duration::from_secs_f64((-self.credit / self.limit).max(0.0))
    }
}

/// Counts what is written.
pub(super) struct Pace<'r> {
    report: Report<'r>,
    disk: Option<Disk>,
    /// None: as fast as it goes.
    rate: Option<Rate>,
    memory: Option<Bound>,
    now: Progress,
    /// Bytes read and written since the last report.
    untold: u64,
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
        let rate = limit.map(|limit| Rate::new(limit, Instant::now()));
        Self { report, disk, rate, memory: None, now, untold: 0, looked: 0 }
    }

    /// Ends with an error, from now on, when more is kept in memory than this.
    pub(super) fn keep_within(&mut self, memory: Option<Bound>) {
        self.memory = memory;
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
        if let Some(disk) = self.disk.as_ref().filter(|_| self.now.done - self.looked >= LOOK) {
            self.looked = self.now.done;
            // Others fill disks too: looked at again while it is written.
            disk.must_hold(LOOK)?;
        }
        self.read(bytes)
    }

    /// When so many bytes were read that are not written next: they take their time too.
    pub(super) fn read(&mut self, bytes: u64) -> Result<(), Error> {
        self.untold += bytes;
        if self.untold < STEP {
            return Ok(());
        }
        let spent = std::mem::take(&mut self.untold);
        self.tell()?;
        let Some(rate) = &mut self.rate else { return Ok(()) };
        let mut due = rate.spend(spent, Instant::now());
        // In small parts: who stops waits for no large value.
        while !due.is_zero() {
            let nap = due.min(NAP);
            std::thread::sleep(nap);
            due -= nap;
            self.tell()?;
        }
        Ok(())
    }

    fn tell(&mut self) -> Result<(), Error> {
        if let Some(memory) = &self.memory {
            memory.check()?;
        }
        match (self.report)(self.now) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Cancelled),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_is_made_up_for_by_one_second_at_most() {
        let start = Instant::now();
        let mut rate = Rate::new(1_000, start);
        assert_eq!(rate.spend(500, start), Duration::from_millis(500));
        // What was waited for is not waited for again.
        let later = start + Duration::from_millis(500);
        assert_eq!(rate.spend(250, later), Duration::from_millis(250));
        // An hour of nothing: one second's worth is free, and no more.
        let much_later = start + Duration::from_hours(1);
        assert_eq!(rate.spend(1_000, much_later), Duration::ZERO);
        assert_eq!(rate.spend(1_000, much_later), Duration::from_secs(1));
    }
}
