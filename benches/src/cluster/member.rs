//! One process of a deployment, over all its lives.

use std::fs::{File, OpenOptions};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

use super::Role;
use crate::history::Exit;
use crate::remote::Rest;
use crate::server::{FOREIGN, Usage, usage};

/// Longest wait for the end after SIGTERM before it is killed: more than it is promised.
const STOP: Duration = Duration::from_secs(40);
/// Shortest time between an end and the next start, as supervisors keep it.
const REST: Duration = Duration::from_millis(300);
/// The same for one that ends again and again.
const REST_MAX: Duration = Duration::from_secs(5);

/// A process that ended without being asked.
#[derive(Clone, Debug)]
pub struct OwnExit {
    /// Which.
    pub name: String,
    /// How.
    pub status: ExitStatus,
    /// Its last words.
    pub tail: String,
}

/// One process.
#[derive(Debug)]
pub struct Member {
    /// What it does.
    pub role: Role,
    /// Role and number, from 1.
    pub name: String,
    /// Public addresses.
    pub listen: Vec<SocketAddr>,
    operations: SocketAddr,
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    binary: PathBuf,
    /// More of its environment.
    env: Vec<(String, String)>,
    child: Option<Child>,
    /// Whether it is to run.
    wanted: bool,
    /// Whether its end has been asked for.
    expected: bool,
    /// When it may be started (again), and the rest before the time after that.
    next: Instant,
    rest: Duration,
}

impl Member {
    pub(super) fn new(
        role: Role,
        number: usize,
        (operations, listen): (SocketAddr, Vec<SocketAddr>),
        folder: &Path,
        binary: &Path,
        wanted: bool,
    ) -> Self {
        let state = State {
            binary: binary.to_path_buf(),
            env: Vec::new(),
            child: None,
            wanted,
            expected: false,
            next: Instant::now(),
            rest: REST,
        };
        Self {
            role,
            name: format!("{}-{}", role.name(), number + 1),
            listen,
            operations,
            folder: folder.to_path_buf(),
            state: Mutex::new(state),
        }
    }

    /// The binary that it was started with, or is with its next start.
    pub fn binary(&self) -> PathBuf {
        self.state.lock().binary.clone()
    }

    /// The binary of its next start.
    pub fn set_binary(&self, binary: &Path) {
        self.state.lock().binary = binary.to_path_buf();
    }

    /// Adds to the environment of its next start.
    pub fn set_env(&self, name: &str, value: &str) {
        self.state.lock().env.push((name.to_owned(), value.to_owned()));
    }

    /// Whether it is to run.
    pub fn is_wanted(&self) -> bool {
        self.state.lock().wanted
    }

    /// From now on it is to run, or not to be started again.
    pub fn want(&self, wanted: bool) {
        let mut state = self.state.lock();
        state.wanted = wanted;
        state.next = Instant::now();
    }

    /// Process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.state.lock().child.as_ref().map(Child::id)
    }

    /// What it has used in this life.
    pub fn usage(&self) -> anyhow::Result<Usage> {
        usage(self.pid().with_context(|| format!("{} does not run", self.name))?)
    }

    /// SIGKILL; the supervisor starts it again if it is wanted.
    pub fn kill(&self) -> anyhow::Result<()> {
        let mut state = self.state.lock();
        state.expected = true;
        let child = state.child.as_mut().with_context(|| format!("{} does not run", self.name))?;
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// SIGSTOP: it is there and does nothing.
    pub fn pause(&self) -> anyhow::Result<()> {
        self.signal(Signal::STOP)
    }

    /// SIGCONT: it goes on as if nothing had been.
    pub fn resume(&self) -> anyhow::Result<()> {
        self.signal(Signal::CONT)
    }

    /// SIGTERM, and waits for its end. It is not started again until it is wanted.
    pub async fn terminate(&self) -> anyhow::Result<Exit> {
        let began = Instant::now();
        {
            let mut state = self.state.lock();
            (state.wanted, state.expected) = (false, true);
        }
        self.signal(Signal::TERM)?;
        loop {
            let ended = match &mut self.state.lock().child {
                Some(child) => child.try_wait()?,
                None => bail!("somebody else waited for {}", self.name),
            };
            let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
            if let Some(status) = ended {
                self.state.lock().child = None;
                return Ok(Exit { ms, code: status.code() });
            }
            if began.elapsed() > STOP {
                self.kill()?;
                self.state.lock().child = None;
                return Ok(Exit { ms, code: None });
            }
            sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until the process with this role serves; one that is not wanted is an error.
    pub async fn ready(&self, rest: &Rest, limit: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + limit;
        let url = format!("http://{}/readyz", self.operations);
        loop {
            ensure!(self.is_wanted(), "{} is not wanted", self.name);
            if self.pid().is_some() && rest.get(&url, None).await.status == 200 {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "{} is not ready after {limit:?}:\n{}",
                self.name,
                self.tail()
            );
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Its metrics, as text.
    pub async fn metrics(&self, rest: &Rest) -> anyhow::Result<String> {
        let url = format!("http://{}/metrics", self.operations);
        let answer = rest.get(&url, None).await;
        ensure!(answer.status == 200, "{}: {answer}", self.name);
        Ok(String::from_utf8_lossy(&answer.body).into_owned())
    }

    /// What its clock says, in seconds since midnight.
    pub async fn clock(&self, rest: &Rest) -> anyhow::Result<i64> {
        let url = format!("http://{}/healthz", self.operations);
        let date = rest.header(&url, "date").await.with_context(|| url.clone())?;
        let time = date.split(' ').find(|word| word.contains(':'));
        let mut parts = time.with_context(|| date.clone())?.split(':').map(str::parse::<i64>);
        let mut next = || parts.next().context("hours, minutes and seconds");
        Ok((next()?? * 60 + next()??) * 60 + next()??)
    }

    /// The end of its log.
    pub fn tail(&self) -> String {
        let text = std::fs::read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let from = lines.len().saturating_sub(15);
        lines.get(from..).unwrap_or_default().join("\n")
    }

    /// Where its output goes, over all its lives.
    pub fn log(&self) -> PathBuf {
        self.folder.join(format!("{}.log", self.name))
    }

    /// Starts it if it is wanted and does not run; says if it ended without being asked.
    pub(super) fn tend(&self) -> anyhow::Result<Option<OwnExit>> {
        let mut state = self.state.lock();
        let now = Instant::now();
        // Whoever asked for the end by SIGTERM waits for it, too.
        let ours = state.wanted || !state.expected;
        if ours
            && let Some(child) = &mut state.child
            && let Some(status) = child.try_wait()?
        {
            state.child = None;
            state.next = now + state.rest;
            if std::mem::take(&mut state.expected) {
                return Ok(None);
            }
            state.rest = REST_MAX.min(state.rest * 2);
            return Ok(Some(OwnExit { name: self.name.clone(), status, tail: self.tail() }));
        }
        if state.wanted && state.child.is_none() && now >= state.next {
            state.expected = false;
            state.child = Some(self.start(&state)?);
        }
        Ok(None)
    }

    /// Ends it for good, whatever it does.
    pub(super) fn discard(&self) {
        let mut state = self.state.lock();
        state.wanted = false;
        if let Some(mut child) = state.child.take() {
            // It may have ended by itself; either way it is gone.
            drop(child.kill());
            drop(child.wait());
        }
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = self.pid().with_context(|| format!("{} does not run", self.name))?;
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).context("a process id")?;
        Ok(kill_process(pid, signal)?)
    }

    /// Its command, with the pools that the binary has: one of before has fewer.
    fn arguments(&self, binary: &Path) -> Vec<&'static str> {
        let all = self.role.arguments().to_vec();
        if !self.role.is_worker() {
            return all;
        }
        let help = Command::new(binary).args(["worker", "--help"]).output();
        let help = help.map_or_else(
            |_| String::new(),
            |told| String::from_utf8_lossy(&told.stdout).into_owned(),
        );
        let known = |word: &&str| help.is_empty() || help.contains(*word);
        all.into_iter().filter(known).collect()
    }

    fn start(&self, state: &State) -> anyhow::Result<Child> {
        let log = OpenOptions::new().create(true).append(true).open(self.log())?;
        let mut command = Command::new(&state.binary);
        for name in FOREIGN {
            command.env_remove(name);
        }
        let listen: Vec<String> = self.listen.iter().map(|at| format!("\"{at}\"")).collect();
        if !listen.is_empty() {
            command.env("PARLANCE_SERVER__LISTEN", format!("[{}]", listen.join(",")));
        }
        let data = self.folder.join(format!("{}.data", self.name));
        command
            .args(self.arguments(&state.binary))
            .arg("--config")
            .arg(self.folder.join("parlance.toml"))
            .env("PARLANCE_OPERATIONS__LISTEN", self.operations.to_string())
            .env("PARLANCE_DATA__DIR", data)
            .envs(state.env.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.folder)
            .stdin(File::open("/dev/null")?)
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {}", state.binary.display()))
    }
}
