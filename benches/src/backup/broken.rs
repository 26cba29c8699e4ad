//! Backups that do not come to their end, while people write.

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use tokio::time::{Instant, sleep};

use super::{Stage, text};
use crate::cluster::START;
use crate::history::{Fault, Op};
use crate::workload::{NEMESIS, in_flight};

/// So slow that there is time to break it, MiB a second.
const SLOWLY: &str = "--limit=1";
/// Slow enough that another can be tried meanwhile.
const GENTLY: &str = "--limit=4";
/// Longest time until a server notices that nobody waits for a backup any more.
const GIVEN_UP: Duration = Duration::from_secs(10);

/// No backup, and no restore of it.
async fn is_none(stage: &Stage, to: &Path) -> anyhow::Result<()> {
    ensure!(!to.join("MANIFEST").exists(), "{} has a manifest", to.display());
    let other = stage.parlance.with_data(stage.folder.join("never"));
    other.must_not(&["restore", &text(to)], "no MANIFEST").await?;
    ensure!(!other.data().exists(), "a half backup was restored");
    Ok(())
}

/// The command is killed: the server goes on, and the next backup is made.
pub(super) async fn command_is_killed(stage: &Stage) -> anyhow::Result<()> {
    let to = stage.folder.join("command-killed");
    let mut command = stage.parlance.start(&["backup", SLOWLY, &text(&to)])?;
    stage.writes_to(&to, &mut command).await?;
    ensure!(command.runs()?, "the backup has ended before it could be killed");
    drop(command);
    is_none(stage, &to).await?;
    // The server gives it up, and takes away what it wrote.
    let deadline = Instant::now() + GIVEN_UP;
    while to.exists() {
        ensure!(Instant::now() < deadline, "{} is left", to.display());
        sleep(Duration::from_millis(5)).await;
    }
    stage.member.ready(stage.cluster.rest(), START).await
}

/// The server is killed: the command says so, and what was written is no backup.
pub(super) async fn server_is_killed(stage: &Stage) -> anyhow::Result<()> {
    let to = stage.folder.join("server-killed");
    let mut command = stage.parlance.start(&["backup", SLOWLY, &text(&to)])?;
    stage.writes_to(&to, &mut command).await?;
    let (began, in_flight) = (stage.recorder.now(), in_flight(&stage.recorder).await);
    stage.member.kill()?;
    let output = command.ended().await?;
    ensure!(!output.status.success(), "a backup of a killed server succeeded");
    is_none(stage, &to).await?;
    stage.member.ready(stage.cluster.rest(), START).await?;
    let kind = "kill -9 during a backup".to_owned();
    let fault = Fault { kind, in_flight, ..Fault::default() };
    stage.recorder.lasted(NEMESIS, 0, began, Op::Fault(fault));
    Ok(())
}

/// The server is stopped: it takes away what it wrote before it ends, and the command says why.
pub(super) async fn server_is_stopped(stage: &Stage) -> anyhow::Result<()> {
    let to = stage.folder.join("server-stopped");
    let mut command = stage.parlance.start(&["backup", SLOWLY, &text(&to)])?;
    stage.writes_to(&to, &mut command).await?;
    let (began, in_flight) = (stage.recorder.now(), in_flight(&stage.recorder).await);
    let exit = stage.member.terminate().await?;
    ensure!(exit.code == Some(0), "it ended with {:?} after {} ms", exit.code, exit.ms);
    ensure!(!to.exists(), "{} is left by a server that was stopped", to.display());
    let output = command.ended().await?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(!output.status.success(), "a backup of a stopped server succeeded");
    ensure!(said.contains("stopping"), "the command does not say why: {said}");
    stage.member.want(true);
    stage.member.ready(stage.cluster.rest(), START).await?;
    let kind = "a stop during a backup".to_owned();
    let fault = Fault { kind, in_flight, ..Fault::default() };
    stage.recorder.lasted(NEMESIS, 0, began, Op::Fault(fault));
    Ok(())
}

/// Two at a time: the second is refused, and the first is whole.
pub(super) async fn second_is_refused(stage: &Stage) -> anyhow::Result<()> {
    let (first, second) = (stage.folder.join("first"), stage.folder.join("second"));
    let mut command = stage.parlance.start(&["backup", GENTLY, &text(&first)])?;
    stage.writes_to(&first, &mut command).await?;
    stage.parlance.must_not(&["backup", &text(&second)], "is being made").await?;
    ensure!(!second.exists(), "a refused backup left something");
    let output = command.ended().await?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    ensure!(output.status.success(), "the first of two: {said}");
    stage.parlance.must(&["backup", "--verify", &text(&first)]).await?;
    stage.parlance.must_not(&["backup", &text(&first)], "not empty").await
}
