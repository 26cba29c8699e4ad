//! A fresh server with users in pairs.

use std::time::Duration;

use anyhow::{Context as _, bail};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use uuid::Uuid;

use super::Bench;
use crate::history::Outcome;
use crate::remote::Remote;
use crate::server::{Metrics, Server, Usage, raise_file_limit, usage};
use crate::target::{Target as _, User};

/// Registrations at a time.
const AT_ONCE: usize = 16;

/// A server that nobody else uses.
pub(super) struct Stage {
    pub(super) server: Server,
    pub(super) remote: Remote,
}

/// Two users and their conversation.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub(super) members: [User; 2],
    pub(super) conversation: Uuid,
}

impl Stage {
    pub(super) async fn set(bench: &Bench, name: &str) -> anyhow::Result<Self> {
        raise_file_limit()?;
        let folder = bench.folder.join(name);
        if folder.exists() {
            std::fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
        }
        let mut server = Server::prepare(&bench.binary, &folder, 1)?;
        server.start().await?;
        let remote = Remote::new(server.nodes(), "load");
        Ok(Self { server, remote })
    }

    pub(super) fn authority(&self) -> String {
        self.remote.authority(0).to_owned()
    }

    pub(super) async fn users(&self, count: usize) -> anyhow::Result<Vec<User>> {
        users(&self.remote, count).await
    }

    pub(super) async fn pairs(&self, users: usize) -> anyhow::Result<Vec<Pair>> {
        pairs(&self.remote, users).await
    }

    pub(super) async fn reading(&self) -> anyhow::Result<Reading> {
        let own = usage(std::process::id())?;
        Ok(Reading { server: self.server.usage()?, own, metrics: self.server.metrics().await? })
    }

    /// Stops the server, which must do so in good order, and forgets its data.
    pub(super) async fn strike(mut self) -> anyhow::Result<()> {
        self.server.stop().await?;
        let folder = self.server.log();
        let folder = folder.parent().context("a log in a folder")?;
        std::fs::remove_dir_all(folder).with_context(|| folder.display().to_string())
    }
}

/// So many users.
pub(super) async fn users(remote: &Remote, count: usize) -> anyhow::Result<Vec<User>> {
    let register = |number| {
        let remote = remote.clone();
        async move { remote.register(number).await }
    };
    stream::iter((0..count).map(register)).buffered(AT_ONCE).try_collect().await
}

/// So many users in pairs, each with its conversation.
pub(super) async fn pairs(remote: &Remote, count: usize) -> anyhow::Result<Vec<Pair>> {
    let users = users(remote, count.max(2)).await?;
    let mut pairs = Vec::new();
    for pair in users.chunks_exact(2) {
        let [one, other] = pair else { continue };
        let conversation = match remote.open(0, one, other).await {
            Outcome::Ok(id) => id,
            other => bail!("opening a conversation: {other:?}"),
        };
        pairs.push(Pair { members: [one.clone(), other.clone()], conversation });
    }
    Ok(pairs)
}

/// What was used and counted up to a moment.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) server: Usage,
    own: Usage,
    metrics: Metrics,
}

impl Reading {
    /// Adds what each message cost since.
    pub(super) fn costs(&self, now: &Self, messages: u64, measured: &mut super::Measured) {
        let count = messages.max(1) as f64;
        let micros = |a: Duration, b: Duration| b.saturating_sub(a).as_secs_f64() * 1e6 / count;
        measured.add("server CPU, µs per message", micros(self.server.cpu, now.server.cpu));
        measured.add("generator CPU, µs per message", micros(self.own.cpu, now.own.cpu));
        let grown = now.metrics.since(&self.metrics);
        let folded = grown.get("parlance_messages_total").max(1.0);
        for (name, metric) in [
            ("wake-ups per message", "parlance_wakeups_total"),
            ("encodes per message", "parlance_view_encodes_total"),
            ("rows written per message", "parlance_rows_written_total"),
            ("LSM inserts per message", "parlance_lsm_inserts_total"),
            ("frames queued per message", "parlance_deliveries_total"),
        ] {
            measured.add(name, grown.get(metric) / folded);
        }
        measured.add("server resident, MiB", now.server.resident_bytes as f64 / f64::from(1 << 20));
    }
}
