//! Clocks that are an hour off, to either side, on one process that accepts and one that folds (G-28).
//!
//! Only the calendar is wrong: time that is measured stays as it is. A token lives by the clock of
//! whoever looks at it, so clients sign in where the clock is ahead; that much is the skew's own
//! effect. Whether a process believes the wrong clock is asked, not assumed.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::Context as _;

use crate::cluster::{Cluster, Member, Role};
use crate::history::{Class, Fault, Op, Recorder};
use crate::prove::Say;
use crate::workload::NEMESIS;

/// Who is off, and by how many seconds.
const SKEWS: [(Role, i64); 2] = [(Role::Ingest, 3_600), (Role::Persist, -3_600)];
/// What a reading may be off by itself: two processes are asked one after the other.
const SLACK: i64 = 120;
const DAY: i64 = 86_400;

/// Number of the node at which clients sign in.
pub(super) const AHEAD: usize = 0;

/// The first of each role, with its skew.
fn chosen(cluster: &Cluster) -> Vec<(Arc<Member>, i64)> {
    let first = |(role, by)| Some((cluster.of(role).next()?.clone(), by));
    SKEWS.into_iter().filter_map(first).collect()
}

/// Sets the clocks of processes that are not started yet. False: this machine can not.
pub(super) fn set(cluster: &Cluster, folder: &Path, say: Say<'_>) -> anyhow::Result<bool> {
    let Some(library) = library(folder)? else { return Ok(false) };
    for (member, by) in chosen(cluster) {
        member.set_env("LD_PRELOAD", &library.display().to_string());
        member.set_env("CLOCK_OFF_BY", &by.to_string());
        say(&format!("the clock of {} is off by {by} s", member.name));
    }
    Ok(true)
}

/// What shifts a clock, made by the C compiler that Rust links with anyway.
fn library(folder: &Path) -> anyhow::Result<Option<PathBuf>> {
    let folder = folder.canonicalize()?;
    let (source, library) = (folder.join("clock.c"), folder.join("clock.so"));
    std::fs::write(&source, include_str!("clock.c"))?;
    let mut command = Command::new("cc");
    command.args(["-O1", "-shared", "-fPIC", "-o"]).arg(&library).arg(&source).arg("-ldl");
    let made = command.status().is_ok_and(|status| status.success());
    Ok(made.then_some(library))
}

/// Notes for how long the clocks were wrong, and whether they were.
pub(super) async fn note(cluster: &Cluster, recorder: &Recorder) {
    for (member, by) in chosen(cluster) {
        let missed = off(cluster, &member).await.map_or_else(
            |error| Some(format!("{error:#}")),
            |off| ((off - by).abs() > SLACK).then(|| format!("it is off by {off} s")),
        );
        let kind = format!("clock of {} {by:+} s", member.name);
        let fault = Fault { kind, class: Class::Skew, missed, ..Fault::default() };
        recorder.lasted(NEMESIS, 0, 0, Op::Fault(fault));
    }
}

/// How far a process is ahead of another of its role.
async fn off(cluster: &Cluster, member: &Member) -> anyhow::Result<i64> {
    let other = cluster.of(member.role).find(|other| other.name != member.name);
    let other = other.context("nobody to compare with")?;
    let (mine, its) = (member.clock(cluster.rest()).await?, other.clock(cluster.rest()).await?);
    Ok((mine - its + DAY / 2).rem_euclid(DAY) - DAY / 2)
}
