//! G-09: the folded tables follow from the log alone. They are hashed, thrown away, folded again
//! from the first record on, in batches of another making, and hashed again.

use std::time::Instant;

use super::Say;
use crate::server::Server;

/// Starts from a stopped server and leaves it stopped.
pub(super) async fn run(server: &mut Server, say: Say<'_>) -> anyhow::Result<bool> {
    let before = server.run(&["store", "hash"])?;
    server.run(&["store", "refold"])?;
    let began = Instant::now();
    server.start().await?;
    let took = began.elapsed();
    server.stop().await?;
    let after = server.run(&["store", "hash"])?;

    let rows: u64 = before.lines().filter_map(rows).sum();
    let equal = before == after;
    let verdict = if equal { "equal" } else { "FAIL" };
    say(&format!(
        "\nG-09 refold: {} tables, {rows} rows, folded again in {took:.1?}: {verdict}",
        before.lines().count()
    ));
    if !equal {
        say(&format!("before\n{before}after\n{after}"));
    }
    Ok(equal && rows > 0)
}

/// `name rows sha256`.
fn rows(line: &str) -> Option<u64> {
    line.split(' ').nth(1)?.parse().ok()
}
