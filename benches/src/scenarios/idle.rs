//! What an idle connection costs: resident memory with and without sockets, each of another user.

use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::setup::Stage;
use super::{Bench, Measured};
use crate::lean::open;

/// Time for memory to settle.
const SETTLE: Duration = Duration::from_secs(5);
/// Sockets opened at a time.
const AT_ONCE: usize = 64;

/// Runs it with so many sockets.
pub async fn run(bench: &Bench, sockets: usize) -> anyhow::Result<Measured> {
    let stage = Stage::set(bench, "idle").await?;
    let users = stage.users(sockets).await?;
    tokio::time::sleep(SETTLE).await;
    let before = stage.server.usage()?;

    let authority = stage.authority();
    let began = Instant::now();
    let open = |user: crate::target::User| {
        let authority = authority.clone();
        async move { open(&authority, &user.token).await }
    };
    let open: Vec<_> =
        stream::iter(users.into_iter().map(open)).buffered(AT_ONCE).try_collect().await?;
    let took = began.elapsed();
    tokio::time::sleep(SETTLE).await;
    let after = stage.server.usage()?;
    let count = stage.server.metrics().await?.get("parlance_sockets");

    let grown = after.resident_bytes.saturating_sub(before.resident_bytes);
    let mut measured = Measured::new(format!("idle, {sockets} sockets"));
    measured.add("open sockets as the server counts", count);
    measured.add("resident bytes per connection", grown as f64 / open.len().max(1) as f64);
    measured.add("authenticated connects per second", open.len() as f64 / took.as_secs_f64());
    let cpu = after.cpu.saturating_sub(before.cpu).as_secs_f64();
    measured.add("server CPU, µs per connect", cpu * 1e6 / open.len().max(1) as f64);
    drop(open);
    stage.strike().await?;
    Ok(measured)
}
