//! The black-box proofs: what Parlance guarantees, shown on the real binary with two nodes in one
//! process on the embedded engines.
//!
//! One storm with kill -9 gives one history, from which the checker reads G-01, 03, 04, 05, 06, 11, 12,
//! 13, 14, 15 and 27; sockets that do not read must cost nobody else anything (G-17); hostile input must
//! be refused and leave no trace; and folding the log anew must give the same tables (G-09). What fails stays on disk: the history, the server's log and its data.

mod refold;
mod slow;
mod storm;

use std::path::PathBuf;

use anyhow::Context as _;

use crate::hostile;
use crate::remote::Remote;
use crate::server::Server;

/// What is to be proven, and how long it may take.
#[derive(Clone, Debug)]
pub struct Prove {
    /// The server's binary.
    pub binary: PathBuf,
    /// Everything random follows from it.
    pub seed: u64,
    /// A tenth of everything.
    pub short: bool,
    /// Where data, log and history go.
    pub folder: PathBuf,
}

/// Where progress is told.
pub type Say<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// Proves everything; whether it all held.
pub async fn run(prove: &Prove, say: Say<'_>) -> anyhow::Result<bool> {
    crate::server::raise_file_limit()?;
    let mut server = Server::prepare(&prove.binary, &prove.folder, 2)?;
    say(&format!("seed {}, data and logs in {}", prove.seed, prove.folder.display()));
    server.start().await?;
    let remote = Remote::new(server.nodes(), &format!("s{:x}", prove.seed & 0xffff_ffff));

    let (storm, mut server) = storm::run(prove, remote.clone(), server, say).await?;
    let slow = slow::run(&remote.afresh(), &server, prove.short, say).await?;
    let hostile = hostile::run(&remote.afresh(), async || server.metrics().await, say).await?;
    let counters = invariants(&server, say).await?;
    server.stop().await.context("stopping the server")?;
    let refold = refold::run(&mut server, say).await?;

    let good = storm && slow && hostile && counters && refold;
    say(if good { "\nproven" } else { "\nNOT PROVEN" });
    if good {
        // Only what a failure would need is worth its space.
        std::fs::remove_dir_all(&prove.folder)
            .with_context(|| prove.folder.display().to_string())?;
    }
    Ok(good)
}

/// The server's own account (G-29): invariants that did not hold, and records it gave up.
async fn invariants(server: &Server, say: Say<'_>) -> anyhow::Result<bool> {
    let metrics = server.metrics().await?;
    let broken = metrics.get("parlance_invariant_violations_total");
    let letters = metrics.get("parlance_dead_letters_total");
    say(&format!(
        "\ncounters since the last kill: {broken} invariants broken, {letters} dead letters"
    ));
    Ok(broken == 0.0 && letters == 0.0)
}
