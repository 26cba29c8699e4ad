//! A server of one's own: `parlance` as a child process on free ports over a folder.
//!
//! It dies with its owner, and what it printed stays in a file. Killing it is SIGKILL: nothing of
//! it gets to run any more.

mod config;
mod metrics;
mod usage;

pub use config::{Addresses, config, limits};
pub use metrics::Metrics;
pub use usage::{Usage, raise_file_limit, thread_cpu, usage};

use std::fs::{File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

use crate::remote::Rest;

/// Longest start, recovery included.
const START: Duration = Duration::from_mins(2);
/// Longest stop.
const STOP: Duration = Duration::from_secs(30);
/// Settings of the machine that must not reach the server.
pub(crate) const FOREIGN: [&str; 7] = [
    "PORT",
    "CORS_ORIGIN",
    "JWT_SECRET",
    "THROTTLE_LIMIT",
    "THROTTLE_TTL",
    "PARLANCE_CONFIG",
    "RUST_LOG",
];

/// A server that runs or can be started.
#[derive(Debug)]
pub struct Server {
    binary: PathBuf,
    folder: PathBuf,
    addresses: Addresses,
    child: Option<Child>,
    rest: Rest,
}

impl Server {
    /// Prepares a server of so many nodes over a folder; nothing runs yet.
    pub fn prepare(binary: &Path, folder: &Path, nodes: usize) -> anyhow::Result<Self> {
        ensure!(binary.is_file(), "{} is not a file", binary.display());
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let addresses = Addresses::free(nodes)?;
        let file = folder.join("parlance.toml");
        std::fs::write(&file, config(&addresses, &folder.join("data")))
            .with_context(|| file.display().to_string())?;
        let (binary, folder) = (binary.to_path_buf(), folder.to_path_buf());
        Ok(Self { binary, folder, addresses, child: None, rest: Rest::new() })
    }

    /// `host:port` of every node.
    pub fn nodes(&self) -> Vec<String> {
        self.addresses.nodes.iter().map(ToString::to_string).collect()
    }

    /// Where its output goes.
    pub fn log(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    /// Process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Starts it and waits until it is ready.
    pub async fn start(&mut self) -> anyhow::Result<()> {
        ensure!(self.child.is_none(), "it runs already");
        let log = OpenOptions::new().create(true).append(true).open(self.log())?;
        let child = self
            .command(&["all"])?
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {}", self.binary.display()))?;
        self.child = Some(child);
        let url = format!("http://{}/readyz", self.addresses.operations);
        let deadline = Instant::now() + START;
        loop {
            if self.rest.get(&url, None).await.status == 200 {
                return Ok(());
            }
            if let Some(status) = self.child.as_mut().and_then(|child| child.try_wait().ok()?) {
                self.child = None;
                bail!("the server ended with {status}:\n{}", self.tail());
            }
            ensure!(Instant::now() < deadline, "not ready in {START:?}:\n{}", self.tail());
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// SIGKILL.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        let mut child = self.child.take().context("it does not run")?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// SIGTERM; it must end by itself, with status 0.
    pub async fn stop(&mut self) -> anyhow::Result<()> {
        let mut child = self.child.take().context("it does not run")?;
        let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
        kill_process(pid.context("a process id")?, Signal::TERM)?;
        let deadline = Instant::now() + STOP;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if Instant::now() > deadline {
                child.kill()?;
                child.wait()?;
                bail!("it did not stop in {STOP:?}:\n{}", self.tail());
            }
            sleep(Duration::from_millis(20)).await;
        };
        ensure!(status.success(), "it stopped with {status}:\n{}", self.tail());
        Ok(())
    }

    /// Runs another command of the binary over the same folder, while no server runs.
    pub fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        ensure!(self.child.is_none(), "the server runs");
        let output = self.command(arguments)?.stderr(Stdio::piped()).output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{arguments:?}: {}\n{text}{errors}", output.status);
        Ok(text)
    }

    /// Where it tells what it counts.
    pub fn metrics_url(&self) -> String {
        format!("http://{}/metrics", self.addresses.operations)
    }

    /// What it counts.
    pub async fn metrics(&self) -> anyhow::Result<Metrics> {
        let url = self.metrics_url();
        let answer = self.rest.get(&url, None).await;
        ensure!(answer.status == 200, "{url}: {answer}");
        Ok(Metrics::parse(&String::from_utf8_lossy(&answer.body)))
    }

    /// What it has used.
    pub fn usage(&self) -> anyhow::Result<Usage> {
        usage(self.pid().context("it does not run")?)
    }

    fn command(&self, arguments: &[&str]) -> anyhow::Result<Command> {
        let mut command = Command::new(&self.binary);
        command
            .args(arguments)
            .arg("--config")
            .arg(self.folder.join("parlance.toml"))
            .current_dir(&self.folder)
            .stdin(File::open("/dev/null")?);
        for name in FOREIGN {
            command.env_remove(name);
        }
        let own = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with("PARLANCE_");
        for (name, _) in std::env::vars_os().filter(|(name, _)| own(name)) {
            command.env_remove(name);
        }
        Ok(command)
    }

    fn tail(&self) -> String {
        let text = std::fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines
            .iter()
            .skip(lines.len().saturating_sub(30))
            .fold(String::new(), |all, line| all + line + "\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself; either way it is gone.
            drop(child.kill());
            drop(child.wait());
        }
    }
}
