//! The data folder of the embedded engines: whether it can be used, who uses it, how full its disk is,
//! and how old its last backup.

use std::path::Path;

use platform::Clock;
use platform::backup::{self, Last};
use platform::config::Config;
use platform::data_dir::{self, Found};
use platform::port::clock::SystemClock;
use rustix::fs::statvfs;
use schemas::Timestamp;

use super::Finding::{Broken, Doubtful, Good};
use super::{Check, Finding};

/// Room on the disk below which one should act, and below which little is left, bytes.
const ROOM: u64 = 10 << 30;
const LITTLE_ROOM: u64 = 1 << 30;
/// A backup older than this is worth a word.
const DAY_MS: i64 = 86_400_000;
const OLD_MS: i64 = 7 * DAY_MS;
/// A file of the log from further ahead than this was written by another clock.
const AHEAD_MS: i64 = 5_000;

pub(super) fn checks(config: &Config, checks: &mut Vec<Check>) {
    let dir = &config.data.dir;
    let found = data_dir::look(dir);
    let whole = matches!(found, Ok(Found::Whole));
    let folder = match found {
        Ok(found) => folder(dir, &found, data_dir::holder(dir)),
        Err(error) => Broken(
            format!("{}: {error}", dir.display()),
            "give it to the user of this process, or choose another with data.dir".to_owned(),
        ),
    };
    checks.push(Check { what: "data folder", finding: folder });
    checks.push(Check { what: "disk", finding: disk(config) });
    checks.push(Check { what: "clock", finding: clock(dir) });
    if whole {
        let finding = last_backup(backup::last(dir), SystemClock.now());
        checks.push(Check { what: "backup", finding });
    }
}

fn folder(dir: &Path, found: &Found, holder: Option<String>) -> Finding {
    let shown = dir.display();
    match (found, holder) {
        (Found::HalfRestored, None) => Broken(
            format!("{shown} holds a restore that broke off"),
            "remove what is in it, and run `parlance restore` again".to_owned(),
        ),
        (Found::HalfRestored, Some(pid)) => {
            Good(format!("{shown}: process {pid} restores a backup into it"))
        }
        (Found::Foreign(layout), _) => Broken(
            format!("{shown} has the layout {layout:?}, which this version does not know"),
            "use the version that made it, or choose another folder with data.dir".to_owned(),
        ),
        (Found::Nothing, _) => Good(format!("{shown} is not there yet: the first start makes it")),
        (Found::Whole, None) => Good(format!("{shown} is there, and no process has it")),
        (Found::Whole, Some(pid)) => Good(format!("{shown} is in use by process {pid}")),
    }
}

fn disk(config: &Config) -> Finding {
    let dir = &config.data.dir;
    // The folder may not be there yet: then its nearest parent tells.
    let there = dir.ancestors().find(|path| path.is_dir());
    let there = there.unwrap_or_else(|| Path::new("."));
    let shown = dir.display();
    let room = match statvfs(there) {
        Ok(stat) => stat.f_bavail.saturating_mul(stat.f_frsize),
        Err(error) => {
            return Broken(format!("{shown}: {error}"), "choose another with data.dir".to_owned());
        }
    };
    if let Err(error) = can_write(there) {
        return Broken(
            format!("{shown} can not be written: {error}"),
            "give it to the user of this process, or choose another with data.dir".to_owned(),
        );
    }
    judge_room(room, config.journal.max_mib)
}

fn judge_room(room: u64, journal_mib: u64) -> Finding {
    let found = format!("{} MiB free", room >> 20);
    match room {
        room if room < LITTLE_ROOM => {
            Broken(found, "make room: a full disk stops sends".to_owned())
        }
        room if room < ROOM => Doubtful(
            found,
            format!("the journal alone may take {} GiB (journal.max_mib)", journal_mib >> 10),
        ),
        _ => Good(found),
    }
}

fn can_write(folder: &Path) -> std::io::Result<()> {
    let path = folder.join(format!(".parlance-doctor-{}", std::process::id()));
    std::fs::write(&path, b"x")?;
    std::fs::remove_file(&path)
}

/// Messages are ordered by the log alone; but tokens, limits and retention go by the clock.
fn clock(dir: &Path) -> Finding {
    let now = SystemClock.now();
    let ms = |path: &Path| {
        let at = std::fs::metadata(path).ok()?.modified().ok()?;
        let since = at.duration_since(std::time::UNIX_EPOCH).ok()?;
        i64::try_from(since.as_millis()).ok()
    };
    // A folder without a log yet says nothing.
    let files = std::fs::read_dir(dir.join("log")).into_iter().flatten().flatten();
    let newest = files.filter_map(|file| ms(&file.path())).max();
    judge_clock(now, newest.map(Timestamp))
}

fn judge_clock(now: Timestamp, newest: Option<Timestamp>) -> Finding {
    match newest {
        Some(newest) if newest.since(now) > AHEAD_MS => Doubtful(
            format!("it is {now}, but the log was written at {newest}: the clock was put back"),
            "run a time service (chrony, systemd-timesyncd)".to_owned(),
        ),
        _ => Good(now.to_string()),
    }
}

fn last_backup(last: Option<Last>, now: Timestamp) -> Finding {
    let advice = "`parlance backup FOLDER`, on another disk, while the server runs".to_owned();
    let Some(Last { at, folder, bytes }) = last else {
        return Doubtful("none of this folder is known".to_owned(), advice);
    };
    let (folder, mib) = (folder.display(), bytes >> 20);
    let age = now.since(at);
    let days = age / DAY_MS;
    let found = format!("as of {at} ({days} days ago), {mib} MiB, to {folder}");
    if age > OLD_MS { Doubtful(found, advice) } else { Good(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_room_is_doubtful_and_then_broken() {
        assert!(matches!(judge_room(ROOM, 8_192), Good(_)));
        assert!(matches!(judge_room(ROOM - 1, 8_192), Doubtful(..)));
        assert!(matches!(judge_room(LITTLE_ROOM - 1, 8_192), Broken(..)));
    }

    #[test]
    fn a_clock_that_was_put_back_is_told() {
        let now = Timestamp(1_800_000_000_000);
        assert!(matches!(judge_clock(now, None), Good(_)));
        assert!(matches!(judge_clock(now, Some(now.plus_ms(4_000))), Good(_)));
        assert!(matches!(judge_clock(now, Some(now.plus_ms(60_000))), Doubtful(..)));
    }

    #[test]
    fn no_backup_and_an_old_one_are_doubtful() {
        let now = Timestamp(1_800_000_000_000);
        let last = |days: i64| {
            Some(Last { at: now.plus_ms(-days * DAY_MS), folder: "/b".into(), bytes: 1 })
        };
        assert!(matches!(last_backup(None, now), Doubtful(..)));
        assert!(matches!(last_backup(last(6), now), Good(_)));
        assert!(matches!(last_backup(last(8), now), Doubtful(..)));
    }

    #[test]
    fn a_half_restore_is_broken_unless_it_is_being_done() {
        let dir = Path::new("data");
        assert!(matches!(folder(dir, &Found::HalfRestored, None), Broken(..)));
        assert!(matches!(folder(dir, &Found::HalfRestored, Some("7".into())), Good(_)));
        assert!(matches!(folder(dir, &Found::Foreign("x".into()), None), Broken(..)));
        assert!(matches!(folder(dir, &Found::Nothing, None), Good(_)));
    }
}
