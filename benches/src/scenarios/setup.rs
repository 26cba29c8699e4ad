//! What a scenario runs against: a fresh server that nobody else uses, or a deployment that runs already.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::{Bench, Measured};
use crate::load::probe::{Probe, Process, Reading, Source};
use crate::load::{Gauges, World, conversations, pairs, users};
use crate::remote::Remote;
use crate::server::{Server, raise_file_limit};

/// See the module.
#[derive(Debug)]
pub struct Stage {
    /// None: it is not ours.
    server: Option<Server>,
    /// Where requests and sockets go.
    pub remote: Remote,
    /// What the system uses.
    pub probe: Probe,
}

impl Stage {
    pub(super) async fn set(bench: &Bench, name: &str) -> anyhow::Result<Self> {
        Self::own(&bench.binary, &bench.folder.join(name), "load").await
    }

    /// Starts a server of one's own over a folder that is emptied before; users of a tag.
    pub async fn own(binary: &Path, folder: &Path, tag: &str) -> anyhow::Result<Self> {
        raise_file_limit()?;
        if folder.exists() {
            std::fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
        }
        let mut server = Server::prepare(binary, folder, 1)?;
        server.start().await?;
        let remote = Remote::new(server.nodes(), tag);
        let pid = server.pid().context("a server that has started")?;
        let process = Process { name: "server".to_owned(), source: Source::Pid(pid) };
        let probe = Probe::of(vec![process], vec![server.metrics_url()]);
        Ok(Self { server: Some(server), remote, probe })
    }

    /// A deployment that runs already.
    pub fn running(remote: Remote, probe: Probe) -> anyhow::Result<Self> {
        raise_file_limit()?;
        Ok(Self { server: None, remote, probe })
    }

    /// Where requests go.
    pub fn authority(&self) -> String {
        self.remote.authority(0).to_owned()
    }

    /// So many users in pairs, each with its conversation.
    pub async fn pairs(&self, count: usize, gauges: &Gauges) -> anyhow::Result<World> {
        let users = users(&self.remote, count.max(2) / 2 * 2, gauges).await?;
        let members = pairs(users.len());
        conversations(&self.remote, users, members, gauges).await
    }

    /// Everything that was used up to now.
    pub async fn reading(&self) -> anyhow::Result<Reading> {
        self.probe.reading().await
    }

    /// Where a server of one's own keeps its output.
    pub fn log(&self) -> Option<PathBuf> {
        self.server.as_ref().map(Server::log)
    }

    /// Stops a server of one's own, which must do so in good order, and forgets its data.
    pub async fn strike(mut self) -> anyhow::Result<()> {
        self.stop().await?;
        self.forget()
    }

    /// Stops a server of one's own, which must do so in good order. Its data and log stay.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        match &mut self.server {
            Some(server) => server.stop().await,
            None => Ok(()),
        }
    }

    /// Takes away what a server of one's own left.
    pub fn forget(self) -> anyhow::Result<()> {
        let Some(server) = self.server else { return Ok(()) };
        let log = server.log();
        let Some(folder) = log.parent() else { bail!("a log in a folder") };
        std::fs::remove_dir_all(folder).with_context(|| folder.display().to_string())
    }
}

/// Adds what each message cost.
pub(super) fn costs(before: &Reading, now: &Reading, messages: u64, measured: &mut Measured) {
    let count = messages.max(1) as f64;
    let micros = |a: Duration, b: Duration| b.saturating_sub(a).as_secs_f64() * 1e6 / count;
    measured.add("server CPU, µs per message", micros(before.cpu(), now.cpu()));
    measured.add("generator CPU, µs per message", micros(before.own.cpu, now.own.cpu));
    let grown = now.metrics.since(&before.metrics);
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
    measured.add("server resident, MiB", now.resident_bytes() as f64 / f64::from(1 << 20));
}
