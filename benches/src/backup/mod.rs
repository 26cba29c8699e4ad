//! A backup under load, and what it is worth.
//!
//! People write to a server while it is backed up, and go on. Then the server is killed, its folder taken
//! away, and the backup restored into its place. There everybody sends again what he had sent before, and
//! everything is read whole. Judged is one history: what was acknowledged before the backup began must
//! be there, once and in order; what came later may be or not (`history::as_of`). Before that, backups
//! are broken off, by a kill of the command and of the server and by its stop; afterwards, bytes of the whole one are
//! turned, and not one of these may be restored.

mod broken;
mod command;
mod damage;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use parking_lot::Mutex;
use tokio::time::sleep;

use self::command::{Parlance, Running};
use crate::checker::{Guarantee, Needs, State, judge};
use crate::cluster::{Cluster, Layout, Member, START, Supervisor};
use crate::history::{Entry, Fault, Op, Outcome, Recorder, as_of, write};
use crate::prove::Say;
use crate::workload::{NEMESIS, Pace, Plan, in_flight, run_then_again};

/// Load before the backups, and after the one that counts.
const CALM: Duration = Duration::from_secs(6);
/// Sends a second.
const RATE: f64 = 150.0;

/// Between what the system was put back.
#[derive(Clone, Copy, Debug, Default)]
struct Cut {
    /// The backup began.
    taken: u64,
    /// It is in place.
    back: u64,
}

/// What all parts of the run need.
struct Stage {
    cluster: Arc<Cluster>,
    member: Arc<Member>,
    recorder: Arc<Recorder>,
    parlance: Parlance,
    folder: PathBuf,
    cut: Mutex<Cut>,
}

/// Runs it; whether everything held.
pub async fn run(binary: &Path, folder: &Path, seed: u64, say: Say<'_>) -> anyhow::Result<bool> {
    crate::server::raise_file_limit()?;
    let cluster = Arc::new(Cluster::prepare(binary, folder, &Layout::together(), None, "backup")?);
    let member = cluster.members().first().context("one process")?.clone();
    let folder = folder.canonicalize()?;
    let data = folder.join(format!("{}.data", member.name));
    let recorder = Arc::new(Recorder::default());
    let supervisor = Supervisor::begin(cluster.clone(), recorder.clone());
    cluster.ready().await?;
    let remote = Arc::new(cluster.remote(&format!("b{:x}", seed & 0xffff_ffff)));
    let stage = Arc::new(Stage {
        parlance: Parlance::new(binary, &folder, &data)?,
        cluster,
        member,
        recorder: recorder.clone(),
        folder: folder.clone(),
        cut: Mutex::default(),
    });
    let (during, after) = (stage.clone(), stage.clone());
    let plan = plan(seed);
    let ran = run_then_again(
        remote,
        &plan,
        recorder.clone(),
        async move { during.back_up().await },
        async { after.put_back(&data).await },
    );
    let ran = ran.await;
    let exits = supervisor.exits();
    drop(supervisor);
    let all = recorder.take();
    write(&folder.join("history.jsonl"), &all)?;
    ran.context("the load")?;
    ensure!(exits.is_empty(), "the server ended by itself: {exits:?}");
    let cut = *stage.cut.lock();
    let (before, later) = writes(&all, cut);
    let report = judge(&as_of(all, cut.taken, cut.back), &needs());
    say(&report.table());
    say(&format!(
        "acknowledged before the backup: {before}; written behind it, and unknown: {later}"
    ));
    let turned = damage::every_wrong_byte_is_found(&stage.parlance, &stage.backup(), seed).await?;
    say(&format!("{turned} turned bytes: each was found, and nothing restored"));
    Ok(report.state == State::Pass)
}

impl Stage {
    fn backup(&self) -> PathBuf {
        self.folder.join("backup")
    }

    /// While people write: backups that break off, then the one that counts.
    async fn back_up(&self) -> anyhow::Result<()> {
        sleep(CALM).await;
        broken::command_is_killed(self).await.context("a killed command")?;
        broken::server_is_killed(self).await.context("a killed server")?;
        broken::server_is_stopped(self).await.context("a stopped server")?;
        broken::second_is_refused(self).await.context("two at a time")?;
        in_flight(&self.recorder).await;
        self.cut.lock().taken = self.recorder.now();
        self.parlance.must(&["backup", &text(&self.backup())]).await?;
        sleep(CALM).await;
        Ok(())
    }

    /// Puts the backup into the server's place.
    async fn put_back(&self, data: &Path) -> anyhow::Result<()> {
        let (began, in_flight) = (self.recorder.now(), 1);
        let backup = text(&self.backup());
        // Who holds the folder keeps it.
        self.parlance.must_not(&["restore", &backup], "in use").await?;
        self.member.want(false);
        self.member.kill()?;
        self.parlance.must_not(&["restore", &backup], "not empty").await?;
        std::fs::rename(data, self.folder.join("before"))?;
        self.parlance.must(&["restore", &backup]).await?;
        self.cut.lock().back = self.recorder.now();
        self.member.want(true);
        self.member.ready(self.cluster.rest(), START).await?;
        let kind = "put back to a backup".to_owned();
        let fault = Fault { kind, in_flight, ..Fault::default() };
        self.recorder.lasted(NEMESIS, 0, began, Op::Fault(fault));
        Ok(())
    }

    /// Waits until a backup writes rows.
    async fn writes_to(&self, to: &Path, command: &mut Running) -> anyhow::Result<()> {
        let rows = to.join("store/folded.pairs");
        let written = || std::fs::metadata(&rows).is_ok_and(|facts| facts.len() > 0);
        while !written() {
            ensure!(command.runs()?, "it has ended before it wrote to {}", rows.display());
            sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// Sends that were acknowledged before, and sends that were invoked behind the cut.
fn writes(entries: &[Entry], cut: Cut) -> (usize, usize) {
    let count = |of: &dyn Fn(&Entry) -> bool| {
        let sends = entries.iter().filter(|entry| match &entry.op {
            Op::Send(attempt) => matches!(attempt.outcome, Outcome::Ok(_)),
            _ => false,
        });
        sends.filter(|entry| of(entry)).count()
    };
    let before = count(&|entry| entry.end < cut.taken);
    let later = count(&|entry| entry.end >= cut.taken && entry.start < cut.back);
    (before, later)
}

fn plan(seed: u64) -> Plan {
    Plan {
        users: 12,
        conversations: 24,
        writers: 8,
        sends: usize::MAX,
        pace: Pace::Open(RATE),
        faults: 0,
        again_max: Duration::from_secs(1),
        reader_pause: Duration::from_millis(100),
        people_pause: Duration::from_millis(100),
        ..Plan::people(seed)
    }
}

fn needs() -> Needs {
    let checks = [
        (Guarantee::DurableAck, 1_000),
        (Guarantee::OneEffect, 200),
        (Guarantee::DenseOrder, 1_000),
        (Guarantee::OneOrder, 1_000),
        (Guarantee::GapFreeResume, 100),
        (Guarantee::ExactUnread, 20),
        (Guarantee::DeletedIsGone, 5),
    ];
    // What was written behind the backup is unknown.
    Needs { ok_share: 0.4, checks: checks.into_iter().collect(), ..Needs::default() }
}
