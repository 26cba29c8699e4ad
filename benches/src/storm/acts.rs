//! How each thing is broken and mended. Every act ends with the broken part serving again, and with
//! one entry in the history per thing broken: from the strike to that moment, with the sends that
//! were in flight, and whether it happened at all.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::time::{Instant, sleep};

use super::schedule::{Act, Step};
use super::{Storm, ready, rows};
use crate::cluster::{Cluster, Engine, Engines, Member, Role};
use crate::history::{Audit, Class, Entry, Exit, Fault, Look, Op, Outcome, Recorder};
use crate::workload::{NEMESIS, in_flight, retryable};

/// Between two steps of scaling: a session and a hand-over.
const SETTLE: Duration = Duration::from_secs(5);
/// How long a zombie is watched after it went on.
const WATCHED: Duration = Duration::from_secs(4);

/// Breaks and mends.
pub(super) struct Breaker {
    cluster: Arc<Cluster>,
    engines: Option<Engines>,
    recorder: Arc<Recorder>,
    /// What processes are restarted with.
    binary: PathBuf,
    prepare: bool,
}

/// How long the sockets of an engine that has ended may still be there.
const ENDS: Duration = Duration::from_secs(5);
/// Nothing has failed for so long, more than clients wait before they try again: what was broken is
/// healed.
const QUIET: u64 = 5_000_000_000;
/// Longest wait for that.
const HEALED: Duration = Duration::from_mins(1);

/// A strike under way.
struct Strike {
    began: u64,
    fault: Fault,
}

impl Breaker {
    pub(super) fn new(
        storm: &Storm,
        cluster: Arc<Cluster>,
        engines: Option<Engines>,
        recorder: Arc<Recorder>,
    ) -> Self {
        let prepare = storm.previous.is_some() && engines.is_some();
        Self { cluster, engines, recorder, binary: storm.binary.clone(), prepare }
    }

    pub(super) async fn step(&mut self, step: &Step) -> anyhow::Result<()> {
        match step.act {
            Act::Kill(role) => {
                let member = self.pick(role, step.pick)?;
                self.kill(&member).await
            }
            Act::Zombie(pause) => {
                let member = self.pick(Role::Persist, step.pick)?;
                self.zombie(&member, pause).await
            }
            Act::KillEngine(engine) => self.outage(engine, "kill", Duration::ZERO).await,
            Act::Outage(engine, away) => self.outage(engine, "stop", away).await,
            Act::Scale => self.scale().await,
            Act::Rolling => self.rolling().await,
        }
    }

    /// Waits until what was broken troubles nobody any more, so that the next thing meets a whole system.
    pub(super) async fn calm(&self, step: &Step) {
        sleep(step.calm).await;
        let until = Instant::now() + HEALED;
        while Instant::now() < until
            && !self.recorder.peek(|entries| quiet(entries, &self.recorder))
        {
            sleep(Duration::from_millis(200)).await;
        }
    }

    fn pick(&self, role: Role, pick: usize) -> anyhow::Result<Arc<Member>> {
        let of: Vec<_> = self.cluster.of(role).filter(|member| member.is_wanted()).collect();
        let member = of.get(pick % of.len().max(1)).context("a process of this role")?;
        Ok(Arc::clone(member))
    }

    async fn strike(&self, kind: String, class: Class) -> Strike {
        let in_flight = in_flight(&self.recorder).await;
        let fault = Fault { kind, in_flight, class, ..Fault::default() };
        Strike { began: self.recorder.now(), fault }
    }

    fn struck(&self, strike: Strike) {
        self.recorder.lasted(NEMESIS, 0, strike.began, Op::Fault(strike.fault));
    }

    async fn kill(&self, member: &Member) -> anyhow::Result<()> {
        scrape(&self.cluster, member, &self.recorder).await;
        let mut strike = self.strike(format!("kill -9 {}", member.name), Class::Kill).await;
        if let Err(error) = member.kill() {
            strike.fault.missed = Some(error.to_string());
        }
        strike.fault.mending = Some(self.recorder.now());
        ready(&self.cluster, member).await?;
        self.struck(strike);
        Ok(())
    }

    async fn zombie(&self, member: &Member, pause: Duration) -> anyhow::Result<()> {
        let pid = member.pid();
        let kind = format!("pause {} {pause:?}", member.name);
        let mut strike = self.strike(kind, Class::Zombie).await;
        let folded = rows::folded(&self.cluster, member).await;
        member.pause()?;
        let until = Instant::now() + pause;
        // Rows as the successor left them, while the zombie can not touch them.
        sleep(pause / 2).await;
        // By the binary of its process: one that is newer wants tables that come with the rolling restart.
        let binary = member.binary();
        let before = rows::read(&self.cluster, &binary).await;
        tokio::time::sleep_until(until).await;
        if !pid.is_some_and(is_stopped) {
            strike.fault.missed = Some("it was not stopped any more".to_owned());
        } else if folded == 0 {
            strike.fault.missed = Some("it had folded nothing: it owned nothing".to_owned());
        }
        strike.fault.mending = Some(self.recorder.now());
        member.resume()?;
        sleep(WATCHED).await;
        ready(&self.cluster, member).await?;
        self.struck(strike);
        let after = rows::read(&self.cluster, &binary).await;
        let audit = rows::compare(&member.name, before?, &after?);
        self.recorder.note(NEMESIS, 0, Op::Audit(audit));
        Ok(())
    }

    async fn outage(&self, engine: Engine, verb: &str, away: Duration) -> anyhow::Result<()> {
        let engines = self.engines.as_ref().context("no engines")?;
        let class = match engine {
            Engine::Kafka => Class::Broker,
            Engine::Cql => Class::Store,
            Engine::Redis => Class::Registry,
        };
        let kind = if away.is_zero() {
            format!("{verb} -9 {}", engine.name())
        } else {
            format!("{verb} {} {away:?}", engine.name())
        };
        let mut strike = self.strike(kind, class).await;
        engines.tell(verb, engine).await?;
        // A process whose end is seen may have threads that are still ending.
        let until = Instant::now() + ENDS;
        while engines.listens(engine) && Instant::now() < until {
            sleep(Duration::from_millis(5)).await;
        }
        if engines.listens(engine) {
            strike.fault.missed = Some("it still listens".to_owned());
        }
        strike.fault.gone = Some(self.recorder.now());
        sleep(away).await;
        strike.fault.mending = Some(self.recorder.now());
        engines.tell("start", engine).await?;
        engines.tell("wait", engine).await?;
        self.struck(strike);
        Ok(())
    }

    /// 2 → 1 → 3 → 1 → 2.
    async fn scale(&self) -> anyhow::Result<()> {
        let all: Vec<Arc<Member>> = self.cluster.of(Role::Persist).cloned().collect();
        let [_, second, third] = all.as_slice() else { anyhow::bail!("three that can fold") };
        self.take(&[second], "scale persist 2 to 1").await?;
        self.add(&[second, third], "scale persist 1 to 3").await?;
        self.take(&[second, third], "scale persist 3 to 1").await?;
        self.add(&[second], "scale persist 1 to 2").await
    }

    async fn take(&self, members: &[&Arc<Member>], kind: &str) -> anyhow::Result<()> {
        let mut strike = self.strike(kind.to_owned(), Class::Scale).await;
        for member in members {
            scrape(&self.cluster, member, &self.recorder).await;
            let exit = member.terminate().await?;
            if exit.code != Some(0) {
                strike.fault.missed = Some(format!("{} ended with {exit:?}", member.name));
            }
        }
        strike.fault.mending = Some(self.recorder.now());
        self.struck(strike);
        sleep(SETTLE).await;
        Ok(())
    }

    async fn add(&self, members: &[&Arc<Member>], kind: &str) -> anyhow::Result<()> {
        let strike = self.strike(kind.to_owned(), Class::Scale).await;
        for member in members {
            member.want(true);
        }
        for member in members {
            ready(&self.cluster, member).await?;
        }
        self.struck(strike);
        sleep(SETTLE).await;
        Ok(())
    }

    /// One after the other, each only when the one before it serves again: workers first, then delivery, then
    /// ingest, as docs/OPERATIONS.md asks for. A worker of the version before would fold what it does not know of
    /// a newer command otherwise than the refold at the end does.
    async fn rolling(&self) -> anyhow::Result<()> {
        if self.prepare {
            // What an upgrade begins with: tables and topics first, then processes.
            super::prepared(&self.cluster, &self.binary)?;
        }
        let mut members: Vec<_> = self.cluster.members().iter().collect();
        members.sort_by_key(|member| member.role.turn());
        for member in members {
            member.set_binary(&self.binary);
            if !member.is_wanted() {
                continue;
            }
            scrape(&self.cluster, member, &self.recorder).await;
            let mut strike = self.strike(format!("restart {}", member.name), Class::Rolling).await;
            strike.fault.sockets = self.cluster.socket_node(member);
            let exit: Exit = member.terminate().await?;
            strike.fault.exit = Some(exit);
            strike.fault.mending = Some(self.recorder.now());
            member.want(true);
            ready(&self.cluster, member).await?;
            self.struck(strike);
        }
        Ok(())
    }
}

/// Whether sends have been acknowledged lately, and none has failed.
fn quiet(entries: &[Entry], recorder: &Recorder) -> bool {
    let since = recorder.now().saturating_sub(QUIET);
    let lately = entries.iter().rev().take_while(|entry| entry.end > since);
    let mut acked = false;
    for entry in lately {
        let Op::Send(attempt) = &entry.op else { continue };
        match &attempt.outcome {
            Outcome::Ok(_) => acked = true,
            Outcome::Fail(code) if !retryable(code) => {}
            Outcome::Unknown(why) if why == "abandoned" => {}
            Outcome::Fail(_) | Outcome::Unknown(_) => return false,
        }
    }
    acked
}

/// Whether Linux says that a process is stopped.
fn is_stopped(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
}

/// The counters of every process that runs.
pub(super) async fn scrape_all(cluster: &Cluster, recorder: &Recorder) {
    for member in cluster.members().iter().filter(|member| member.is_wanted()) {
        scrape(cluster, member, recorder).await;
    }
}

/// Counters that must be 0, into the history (G-29): what a process counted is gone with it.
async fn scrape(cluster: &Cluster, member: &Member, recorder: &Recorder) {
    let Ok(text) = member.metrics(cluster.rest()).await else { return };
    let watched = ["parlance_invariant_violations_total", "parlance_dead_letters_total"];
    let broken = text
        .lines()
        .filter(|line| watched.iter().any(|name| line.starts_with(name)))
        .filter(|line| line.rsplit_once(' ').is_some_and(|(_, value)| value != "0"))
        .map(str::to_owned)
        .collect();
    let audit = Audit { look: Look::Counters, part: member.name.clone(), checked: 1, broken };
    recorder.note(NEMESIS, 0, Op::Audit(audit));
}
