//! G-09 on the real engines: the folded tables are hashed, thrown away, folded again from the log's
//! first record on, and hashed again.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::time::{Instant, sleep};

use super::ready;
use crate::cluster::{Cluster, Role};
use crate::history::{Audit, Look, Op, Recorder};
use crate::prove::Say;
use crate::workload::NEMESIS;

/// Longest replay.
const REPLAYED: Duration = Duration::from_mins(5);
/// Between two looks.
const LOOK: Duration = Duration::from_secs(5);

/// Leaves everything stopped.
pub(super) async fn run(
    cluster: &Arc<Cluster>,
    binary: &Path,
    recorder: &Recorder,
    say: Say<'_>,
) -> anyhow::Result<()> {
    for member in cluster.members().iter().filter(|member| member.is_wanted()) {
        let exit = member.terminate().await?;
        anyhow::ensure!(exit.code == Some(0), "{} ended with {exit:?}", member.name);
    }
    if cluster.of(Role::Persist).next().is_none() {
        // Embedded engines belong to one process: `prove` folds those again.
        return Ok(());
    }
    let before = cluster.run(binary, &["store", "hash"])?;
    cluster.run(binary, &["store", "refold"]).context("forgetting what is folded")?;
    let between = cluster.run(binary, &["store", "hash"])?;
    let left = rows(&between);
    anyhow::ensure!(left == 0, "{left} rows are left of what was to be forgotten");
    let began = Instant::now();
    let folding = [Role::Persist, Role::Feed];
    // One of each folds what two or three did before: other batches, the same tables.
    for member in folding.iter().filter_map(|role| cluster.of(*role).next()) {
        member.want(true);
        ready(cluster, member).await?;
    }
    let mut after = String::new();
    while began.elapsed() < REPLAYED {
        sleep(LOOK).await;
        after = cluster.run(binary, &["store", "hash"])?;
        if after == before {
            break;
        }
    }
    let rows = rows(&before);
    say(&format!(
        "G-09 refold: {} tables, {rows} rows, folded again in {:.0?}",
        before.lines().count(),
        began.elapsed()
    ));
    let broken = before
        .lines()
        .filter(|line| !after.lines().any(|other| other == *line))
        .map(|line| {
            let table = line.split(' ').next().unwrap_or_default();
            let is = after.lines().find(|other| other.starts_with(&format!("{table} ")));
            format!("{line} became {}", is.unwrap_or("nothing"))
        })
        .collect();
    let part = "the folded tables".to_owned();
    let audit = Audit { look: Look::Refold, part, checked: rows, broken };
    recorder.note(NEMESIS, 0, Op::Audit(audit));
    for member in folding.iter().filter_map(|role| cluster.of(*role).next()) {
        member.terminate().await?;
    }
    Ok(())
}

/// Of all tables, in lines of `name rows sha256`.
fn rows(hashes: &str) -> u64 {
    hashes.lines().filter_map(|line| line.split(' ').nth(1)?.parse::<u64>().ok()).sum()
}
