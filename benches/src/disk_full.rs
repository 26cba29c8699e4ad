//! A full disk: a server over a small file system that is filled under load, and emptied again.
//!
//! While it is full writes are refused or the process ends, nothing is acknowledged that is not kept,
//! and operators are told, by readiness and in the log. Once there is space again (and after a
//! restart, if need be) everything that was acknowledged is there. A mount needs rights that not
//! every machine gives: without them nothing is shown, and that is said loudly.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use parking_lot::Mutex;
use tokio::time::{Instant, sleep};

use crate::checker::{Guarantee, Needs, State, judge};
use crate::cluster::{Cluster, Layout, Member, START, Supervisor};
use crate::history::{Class, Fault, Op, Recorder, write};
use crate::prove::Say;
use crate::workload::{NEMESIS, Pace, Plan, in_flight, run_while};

/// Size of the file system, MiB: room for some thousand messages and the engines' own files.
const SIZE_MIB: u64 = 256;
/// Load before and after.
const CALM: Duration = Duration::from_secs(5);
/// Longest time until nothing is acknowledged any more.
const FULL: Duration = Duration::from_mins(1);
/// How long it stays full.
const STAYS: Duration = Duration::from_secs(5);
/// How long the process may take to serve again by itself; then it is restarted.
const RETURNS: Duration = Duration::from_secs(10);
/// Sends a second.
const RATE: f64 = 150.0;
/// Words of a log line that tells what is wrong.
const TELLING: [&str; 3] = ["No space left", "disk is full", "StorageFull"];

/// What was seen while the disk was full.
#[derive(Debug, Default)]
struct Seen {
    /// The process ended by itself.
    ended: bool,
    /// Readiness said no.
    unready: bool,
    /// Nothing was acknowledged any more.
    silent: bool,
    /// It needed a restart once there was space.
    restarted: bool,
}

/// Runs it; whether everything held. None: it can not be run on this machine.
pub async fn run(
    binary: &Path,
    folder: &Path,
    seed: u64,
    say: Say<'_>,
) -> anyhow::Result<Option<bool>> {
    crate::server::raise_file_limit()?;
    let cluster = Cluster::prepare(binary, folder, &Layout::together(), None, "full")?;
    let member = cluster.members().first().context("one process")?.clone();
    let Some(mount) = Mount::make(&folder.canonicalize()?.join(format!("{}.data", member.name)))?
    else {
        return Ok(None);
    };
    let cluster = Arc::new(cluster);
    let recorder = Arc::new(Recorder::default());
    let supervisor = Supervisor::begin(cluster.clone(), recorder.clone());
    cluster.ready().await?;
    let remote = Arc::new(cluster.remote(&format!("f{:x}", seed & 0xffff_ffff)));
    let seen = Arc::new(Mutex::new(Seen::default()));
    let filler = mount.0.join("filler");
    let faults = {
        let (cluster, member, recorder) = (cluster.clone(), member.clone(), recorder.clone());
        let seen = seen.clone();
        async move { fill(&cluster, &member, &recorder, &filler, &seen).await }
    };
    let ran = run_while(remote, &plan(seed), recorder.clone(), faults).await;
    let told = std::fs::read_to_string(member.log()).unwrap_or_default();
    let line = told.lines().find(|line| TELLING.iter().any(|word| line.contains(word)));
    drop(supervisor);
    drop(cluster);
    let history = recorder.take();
    let report = judge(&history, &needs());
    say(&report.table());
    write(&folder.join("history.jsonl"), &history)?;
    ran.context("the load")?;
    let seen = std::mem::take(&mut *seen.lock());
    say(&format!(
        "while full: acks stopped: {}, process ended: {}, not ready: {}; afterwards restarted: {}\n\
         in the log: {}",
        seen.silent,
        seen.ended,
        seen.unready,
        seen.restarted,
        line.unwrap_or("NOTHING")
    ));
    let told = line.is_some() && (seen.unready || seen.ended);
    Ok(Some(report.state == State::Pass && seen.silent && told))
}

async fn fill(
    cluster: &Cluster,
    member: &Member,
    recorder: &Recorder,
    filler: &Path,
    seen: &Mutex<Seen>,
) -> anyhow::Result<()> {
    sleep(CALM).await;
    let in_flight = in_flight(recorder).await;
    let began = recorder.now();
    // Full for others, too: what is freed meanwhile is taken again.
    let deadline = Instant::now() + FULL;
    let mut quiet = (acked(recorder), Instant::now());
    while quiet.1.elapsed() < STAYS && Instant::now() < deadline {
        fill_up(filler)?;
        sleep(Duration::from_millis(100)).await;
        let acked = acked(recorder);
        if acked != quiet.0 {
            quiet = (acked, Instant::now());
        }
        let ready = member.ready(cluster.rest(), Duration::ZERO).await.is_ok();
        let mut seen = seen.lock();
        seen.unready |= !ready && member.pid().is_some();
        seen.ended |= member.pid().is_none();
    }
    seen.lock().silent = quiet.1.elapsed() >= STAYS;
    let mending = Some(recorder.now());
    std::fs::remove_file(filler)?;
    if member.ready(cluster.rest(), RETURNS).await.is_err() || !serves(recorder).await {
        seen.lock().restarted = true;
        // It may end by itself at this very moment.
        drop(member.terminate().await);
        member.want(true);
    }
    member.ready(cluster.rest(), START).await?;
    let kind = "disk full".to_owned();
    let fault = Fault { kind, in_flight, class: Class::Store, mending, ..Fault::default() };
    recorder.lasted(NEMESIS, 0, began, Op::Fault(fault));
    sleep(CALM).await;
    Ok(())
}

/// Acks so far.
fn acked(recorder: &Recorder) -> usize {
    let ok = |op: &Op| matches!(op, Op::Send(attempt) if attempt.outcome.ok().is_some());
    recorder.peek(|entries| entries.iter().filter(|entry| ok(&entry.op)).count())
}

/// Whether acks come again by themselves.
async fn serves(recorder: &Recorder) -> bool {
    let before = acked(recorder);
    let deadline = Instant::now() + RETURNS;
    while Instant::now() < deadline {
        if acked(recorder) > before + 10 {
            return true;
        }
        sleep(Duration::from_millis(100)).await;
    }
    false
}

/// Takes all space that there is.
fn fill_up(filler: &Path) -> anyhow::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(filler)?;
    for chunk in [1 << 20, 4 << 10] {
        let zeros = vec![0_u8; chunk];
        loop {
            match file.write(&zeros) {
                Ok(count) if count > 0 => {}
                Ok(_) => break,
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => return Err(error).context("filling the disk"),
            }
        }
    }
    Ok(())
}

fn plan(seed: u64) -> Plan {
    Plan {
        users: 12,
        conversations: 30,
        writers: 8,
        sends: usize::MAX,
        pace: Pace::Open(RATE),
        faults: 0,
        given_up: 0.0,
        again_max: Duration::from_secs(1),
        reader_pause: Duration::from_millis(100),
        ..Plan::small(seed)
    }
}

fn needs() -> Needs {
    let checks = [
        (Guarantee::DurableAck, 1_000),
        (Guarantee::OneEffect, 100),
        (Guarantee::DenseOrder, 1_000),
        (Guarantee::OneOrder, 1_000),
    ];
    // Most of what is tried while the disk is full can not succeed.
    Needs { ok_share: 0.2, checks: checks.into_iter().collect(), ..Needs::default() }
}

/// A small file system of its own.
struct Mount(PathBuf);

impl Mount {
    /// None: this machine does not let us.
    fn make(at: &Path) -> anyhow::Result<Option<Self>> {
        std::fs::create_dir_all(at)?;
        let size = format!("size={SIZE_MIB}m");
        let done = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(at)
            .output()
            .context("mount")?;
        if !done.status.success() {
            return Ok(None);
        }
        let mount = Self(at.to_path_buf());
        // What says yes and does nothing would fill the machine's own disk.
        let kept = std::fs::read_to_string("/proc/self/mounts")?;
        let here = format!(" {} tmpfs ", at.display());
        ensure!(kept.contains(&here), "{} is not mounted", at.display());
        drop(File::create(at.join("probe")).and_then(|_| std::fs::remove_file(at.join("probe"))));
        Ok(Some(mount))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // Lazily: a process that was killed just now may hold it for a moment.
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}
