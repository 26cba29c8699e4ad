//! The storm: a deployment of many processes over the real engines, under load, with everything broken
//! that the fault model names, in one run. One history comes out, and the checker reads every
//! verdict from it.
//!
//! What clients do and what breaks when follows from the seed; how it interleaves does not.

mod acts;
mod refold;
mod rows;
mod schedule;
mod skew;

pub use schedule::{Act, Step, draw, only};

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::checker::{Guarantee, Needs, Recovery, Report, State, judge, recoveries};
use crate::cluster::{Cluster, Engines, Layout, Role, START, Supervisor};
use crate::history::{Entry, Recorder, write};
use crate::hostile;
use crate::prove::Say;
use crate::workload::{Back, Pace, Plan, run_while};
use acts::Breaker;

/// Sends that begin each second, whatever became of earlier ones.
const RATE: f64 = 120.0;

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Storm {
    /// The binary.
    pub binary: PathBuf,
    /// The binary of the start; the rolling restart brings the other one.
    pub previous: Option<PathBuf>,
    /// The script that runs the engines; none: one process on the embedded ones.
    pub engines: Option<PathBuf>,
    /// About how long.
    pub length: Duration,
    /// Everything random follows from it.
    pub seed: u64,
    /// Where settings, logs and the history go.
    pub folder: PathBuf,
    /// Prefix of topics, keyspace and keys; empty: one that no other run has.
    pub namespace: String,
    /// Whether some processes live an hour in the future and the past (G-28).
    pub skew: bool,
    /// Whether limits of time are told and do not fail the run: on a machine that is shared, they
    /// say as much of the machine.
    pub times_told: bool,
    /// Whether nothing is broken: what a calm run looks like.
    pub calm: bool,
    /// Only faults whose name has this in it, again and again: a run that proves little.
    pub only: Option<String>,
}

/// Runs it and judges its history; whether everything held.
pub async fn run(storm: &Storm, say: Say<'_>) -> anyhow::Result<bool> {
    crate::server::raise_file_limit()?;
    let engines = match &storm.engines {
        Some(script) => Some(Engines::up(script).await.context("the engines")?),
        None => None,
    };
    let layout = if engines.is_some() { Layout::split(2) } else { Layout::together() };
    let own = || format!("storm{:x}x{:x}", storm.seed & 0xff_ffff, std::process::id());
    let given = Some(storm.namespace.clone()).filter(|namespace| !namespace.is_empty());
    let namespace = given.unwrap_or_else(own);
    let first = storm.previous.as_ref().unwrap_or(&storm.binary);
    let cluster = Cluster::prepare(first, &storm.folder, &layout, engines.as_ref(), &namespace)?;
    let cluster = Arc::new(cluster);
    say(&format!(
        "seed {}, namespace {namespace}, settings, logs and data in {}",
        storm.seed,
        storm.folder.display()
    ));
    let roles: Vec<Role> = layout.running.iter().map(|(role, _)| *role).collect();
    let mut steps = draw(storm.seed, storm.length, &roles, engines.is_some());
    if storm.calm {
        steps.clear();
    }
    if let Some(kind) = &storm.only {
        steps = only(steps, kind, storm.length);
    }
    say(&told(&steps));

    if engines.is_some() {
        prepared(&cluster, first)?;
    }
    let skew = storm.skew && engines.is_some();
    if skew && !skew::set(&cluster, &storm.folder, say)? {
        let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        anyhow::ensure!(!ci, "skewed clocks need a C compiler called cc");
        say("\n!!! SKIPPED: clocks stay right, there is no C compiler called cc !!!\n");
    }
    let recorder = Arc::new(Recorder::default());
    let supervisor = Supervisor::begin(cluster.clone(), recorder.clone());
    let began = Instant::now();
    cluster.ready().await.context("the first start")?;
    say(&format!("{} processes are ready after {:.1?}", cluster.members().len(), began.elapsed()));

    let mut remote = cluster.remote(&format!("s{:x}", storm.seed & 0xffff_ffff));
    if skew {
        remote = remote.signing_in_at(skew::AHEAD);
    }
    let mut breaker = Breaker::new(storm, cluster.clone(), engines, recorder.clone());
    let length = storm.length;
    let faults = async move {
        if steps.is_empty() {
            tokio::time::sleep(length).await;
        }
        for step in steps {
            breaker.step(&step).await.with_context(|| step.act.to_string())?;
            breaker.calm(&step).await;
        }
        Ok(())
    };
    let target = Arc::new(remote.clone());
    let ran = run_while(target, &plan(storm), recorder.clone(), faults).await;
    let hostile = match &ran {
        Ok(()) => hostile::run(&remote.afresh(), async || cluster.metrics().await, say).await,
        Err(_) => Ok(true),
    };
    acts::scrape_all(&cluster, &recorder).await;
    if skew {
        skew::note(&cluster, &recorder).await;
    }
    let ended = match &ran {
        Ok(()) => refold::run(&cluster, &storm.binary, &recorder, say).await,
        Err(_) => Ok(()),
    };
    for exit in supervisor.exits() {
        say(&format!("{} ended by itself with {}:\n{}", exit.name, exit.status, exit.tail));
    }
    drop(supervisor);
    let history = recorder.take();
    say(&format!("storm: {} entries in {:.0?}", history.len(), began.elapsed()));
    let report = told_all(storm, &history, say)?;
    ran.context("the storm")?;
    let refused = hostile.context("hostile input")?;
    ended.context("after the storm")?;
    let held = report.state == State::Pass || storm.times_told && late_at_worst(&report, say);
    Ok(held && refused)
}

/// Whether all that is wrong is that something took too long.
fn late_at_worst(report: &Report, say: Say<'_>) -> bool {
    let late =
        report.void.is_empty() && report.anomalies().iter().all(|(_, kind, _)| kind.is_time());
    if late {
        say("!!! limits of time were not met on this machine: told, not failed !!!");
    }
    late
}

/// Judges, and keeps what a failure needs.
fn told_all(storm: &Storm, history: &[Entry], say: Say<'_>) -> anyhow::Result<Report> {
    let report = judge(history, &needs(storm));
    let recoveries = recoveries(history);
    say(&Recovery::table(&recoveries));
    say(&report.table());
    let markdown = storm.folder.join("storm.md");
    std::fs::write(&markdown, Recovery::markdown(&recoveries))
        .with_context(|| markdown.display().to_string())?;
    let path = storm.folder.join("history.jsonl");
    write(&path, history)?;
    say(&format!("history in {}, recovery times in {}", path.display(), markdown.display()));
    Ok(report)
}

/// Keyspace, tables and topics.
fn prepared(cluster: &Cluster, binary: &std::path::Path) -> anyhow::Result<()> {
    cluster.run(binary, &["migrate"])?;
    cluster.run(binary, &["topics", "apply"])?;
    Ok(())
}

fn plan(storm: &Storm) -> Plan {
    // A binary of before may have no Socket.IO.
    let stock = usize::from(storm.previous.is_none());
    Plan {
        users: 40,
        conversations: 120,
        groups: 12,
        group_size: 5,
        sockets: 2 + stock,
        stock,
        cut_after: 400,
        changes: 0.15,
        wardens: 6,
        races: usize::MAX,
        erasers: 1,
        erasures: usize::MAX,
        walkers: 2,
        walk: usize::MAX,
        people_pause: Duration::from_secs(3),
        writers: 16,
        readers: 2,
        sends: usize::MAX,
        pace: Pace::Open(RATE),
        faults: 0,
        again_max: Duration::from_secs(4),
        reader_pause: Duration::from_millis(150),
        back: Back::Resumes,
        dropped: 0.1,
        abandoned: 0.03,
        given_up: 0.0,
        refused: 0.03,
        late: 0.03,
        pipelined: 0.04,
        rest: 0.5,
        get_after_ack: 0.25,
        get_on_push: 0.04,
        ..Plan::small(storm.seed)
    }
}

fn needs(storm: &Storm) -> Needs {
    let seconds = storm.length.as_secs();
    let mut checks: BTreeMap<Guarantee, u64> = BTreeMap::from([
        (Guarantee::DurableAck, seconds * 50),
        (Guarantee::OneEffect, seconds * 5),
        (Guarantee::DenseOrder, seconds * 50),
        (Guarantee::OneOrder, seconds * 200),
        (Guarantee::PersistBeforePush, seconds * 5),
        (Guarantee::ReadYourWrites, seconds * 10),
        (Guarantee::GapFreeResume, seconds / 2),
        (Guarantee::ExactUnread, seconds),
        (Guarantee::RemovalIsAWall, seconds / 6),
        (Guarantee::DeletedIsGone, seconds),
        (Guarantee::BoundedStall, seconds * 10),
        (Guarantee::CountersAtZero, 2),
    ]);
    if storm.calm {
        return Needs { faults: 0, checks, ..Needs::default() };
    }
    checks.insert(Guarantee::RollingRestart, seconds);
    if storm.engines.is_some() {
        checks.insert(Guarantee::FencedZombie, seconds * 50);
        checks.insert(Guarantee::DeterministicFold, 1_000);
        checks.insert(Guarantee::BrokerAway, 100);
        checks.insert(Guarantee::RegistryAway, 1_000);
        checks.insert(Guarantee::StoreAway, 100);
    }
    let faults = if storm.engines.is_some() { 16 } else { 2 };
    Needs { faults, checks, ..Needs::default() }
}

fn told(steps: &[Step]) -> String {
    let mut at = Duration::ZERO;
    let mut lines = vec!["the storm, about:".to_owned()];
    for step in steps {
        lines.push(format!("  {:>4} s  {}", at.as_secs(), step.act));
        at += step.about();
    }
    lines.join("\n")
}

/// Waits for a member as long as a start may take.
async fn ready(cluster: &Cluster, member: &crate::cluster::Member) -> anyhow::Result<()> {
    member.ready(cluster.rest(), START).await
}
