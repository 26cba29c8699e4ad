//! `parlance bench`: one command that loads, measures and judges, and ends with a status.
//!
//! Each scenario runs against a server of its own, or against a deployment that runs already; figures are
//! compared with objectives ([`slo`]), what was acknowledged is judged by the checker, and both come to
//! one verdict ([`verdict`]). Never a pass: a run whose generator was the bottleneck.

mod arguments;
mod live;
mod machine;
mod scenario;
mod scratch;
mod slo;
mod tell;
mod verdict;

pub use arguments::Arguments;
pub use verdict::Verdict;

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

use self::live::Live;
use self::machine::Machine;
use self::scenario::{Part, Scenario};
use self::scratch::Scratch;
use self::slo::Slo;
use self::tell::Outcome;
use self::verdict::Bounds;
use crate::checker::State;
use crate::load::probe::{Probe, Process, Source};
use crate::load::{Gauges, judge};
use crate::remote::Remote;
use crate::scenarios::course::{Course, Measurement};
use crate::scenarios::figures::{Figures, Unit};
use crate::scenarios::setup::Stage;

/// Seconds that are measured of one scenario, and of each in a tour.
const SECONDS: u64 = 15;
const TOUR_SECONDS: u64 = 6;
/// How long "too many requests" is asked again: longer, and it is limits that are measured.
const PATIENCE: Duration = Duration::from_secs(3);

/// Runs it: the status that the process ends with. The binary is what a server is started from.
pub fn run(arguments: &Arguments, binary: &Path) -> Verdict {
    let began = Instant::now();
    let outcome = check(arguments).and_then(|()| {
        // One thread reads: the other cores are the server's.
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let verdict = runtime.block_on(async {
            let (mut end, mut gone) =
                (signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
            // Whatever was begun ends with the future: the server, and the folder.
            tokio::select! {
                verdict = tour(arguments, binary, began) => verdict,
                _ = tokio::signal::ctrl_c() => bail!("interrupted"),
                _ = end.recv() => bail!("asked to end"),
                _ = gone.recv() => bail!("the terminal is gone"),
            }
        });
        runtime.shutdown_timeout(Duration::from_secs(1));
        verdict
    });
    outcome.unwrap_or_else(|error| {
        complain(&error);
        Verdict::Error
    })
}

/// What can be refused before anything is begun.
fn check(arguments: &Arguments) -> anyhow::Result<()> {
    let parts = arguments.scenario.parts(arguments.over);
    for slo in &arguments.slo {
        let about = |part: &Part| {
            slo.scenario.as_deref().is_none_or(|name| name == part.name())
                && part.has(&slo.figure, arguments)
        };
        if !parts.iter().any(about) {
            let known: Vec<String> = parts.first().map(|part| part.figures()).unwrap_or_default();
            let what = if parts.len() == 1 { known.join(" ") } else { "see --help".to_owned() };
            bail!("--slo {slo}: no scenario that is run has such a figure ({what})");
        }
    }
    if let Some(rate) = arguments.rate
        && !(rate.is_finite() && rate >= 1.0)
    {
        bail!("--rate {rate}: at least one message a second");
    }
    if arguments.senders >= arguments.members {
        bail!(
            "--senders {} of --members {}: fewer send than there are",
            arguments.senders,
            arguments.members
        );
    }
    Ok(())
}

/// Everything that was asked for, one after the other.
async fn tour(arguments: &Arguments, binary: &Path, began: Instant) -> anyhow::Result<Verdict> {
    let mut scratch = match arguments.url {
        Some(_) => None,
        None => Some(Scratch::make(arguments.folder.as_deref())?),
    };
    let seed = arguments.seed.unwrap_or_else(|| rand::random::<u64>() >> 12);
    let folder = scratch.as_ref().map(Scratch::path);
    let machine = Machine::look(folder)?;
    let told = Told { json: arguments.json };
    told.machine(&machine, seed)?;
    let (mut verdicts, mut compared) = (Vec::new(), Vec::new());
    for part in arguments.scenario.parts(arguments.over) {
        let task = Task { arguments, binary, began, seed, machine: &machine, folder, part };
        let verdict = match task.run(&told).await {
            Ok(outcome) => {
                told.outcome(&outcome);
                compared.extend(outcome.slos.into_iter().map(|met| met.slo));
                outcome.verdict
            }
            Err(error) => {
                told.failed(part.tag(), &advised(error));
                Verdict::Error
            }
        };
        verdicts.push(verdict);
    }
    for slo in slo::passed_over(&arguments.slo, &compared) {
        complain(&anyhow::anyhow!("--slo {slo}: nothing was compared with it"));
        verdicts.push(Verdict::Error);
    }
    let verdict = verdict::worst(verdicts);
    if verdict != Verdict::Pass
        && let Some(scratch) = &mut scratch
    {
        scratch.keep();
        told.kept(scratch.path());
    }
    told.end(verdict, began.elapsed());
    Ok(verdict)
}

/// What to do about an error that a deployment's limits make.
fn advised(error: anyhow::Error) -> anyhow::Error {
    let text = format!("{error:#}");
    if text.contains("rate_limited") {
        error.context(
            "the deployment limits its rates (429): raise the section [limits] of its configuration, \
             for it is its limits that would be measured",
        )
    } else if text.contains("unreachable") {
        error.context("nobody listens there")
    } else {
        error
    }
}

/// One scenario.
struct Task<'a> {
    arguments: &'a Arguments,
    binary: &'a Path,
    began: Instant,
    seed: u64,
    machine: &'a Machine,
    folder: Option<&'a Path>,
    part: Part,
}

impl Task<'_> {
    async fn run(&self, told: &Told) -> anyhow::Result<Outcome> {
        // Users and client ids of one deployment must not meet those of an earlier run.
        let tag = format!("b{:x}", rand::random::<u32>());
        let mut stage = self.stage(&tag).await?;
        let gauges = Arc::new(Gauges::default());
        let live = Live::begin(self.part.tag(), self.began, &gauges, &stage.probe, told.samples());
        let seconds = self.arguments.seconds.unwrap_or(match self.arguments.scenario {
            Scenario::All => TOUR_SECONDS,
            _ => SECONDS,
        });
        let length = Duration::from_secs(seconds);
        let (seed, arrivals) = (self.seed, self.arguments.arrivals.into());
        let course = Course { stage: &stage, gauges, tag, seed, length, arrivals };
        let measured = self.part.run(&course, self.arguments).await?;
        let mut outcome = self.judge(measured, &stage.remote).await?;
        drop(live);
        // The verdict stands, whatever comes now: this can only make it worse.
        let ended = match stage.stop().await {
            Ok(()) if outcome.verdict == Verdict::Pass => stage.forget(),
            ended => ended,
        };
        if let Err(error) = ended {
            outcome.why.push(format!("the server at its end: {error:#}"));
            outcome.verdict = outcome.verdict.max(Verdict::Error);
        }
        Ok(outcome)
    }

    async fn stage(&self, tag: &str) -> anyhow::Result<Stage> {
        let Some(url) = &self.arguments.url else {
            let folder = self.folder.context("a folder for a server of one's own")?;
            return Stage::own(self.binary, &folder.join(self.part.tag()), tag).await;
        };
        let sockets = self.arguments.socket_url.as_ref().unwrap_or(url);
        let remote = Remote::split(vec![url.0.clone()], vec![sockets.0.clone()], tag);
        let named = &self.arguments.metrics;
        let metrics = named.iter().map(|named| (named, Ok(Source::Metrics(named.what.clone()))));
        let pids = self.arguments.pid.iter().map(|named| {
            let pid = named.what.parse().with_context(|| format!("--pid {}", named.what));
            (named, pid.map(Source::Pid))
        });
        let processes = metrics
            .chain(pids)
            .map(|(named, source)| Ok(Process { name: named.name.clone(), source: source? }))
            .collect::<anyhow::Result<Vec<_>>>()?;
        let counters = named.iter().map(|named| named.what.clone()).collect();
        Stage::running(remote.patient(PATIENCE), Probe::of(processes, counters))
    }

    async fn judge(&self, measured: Measurement, remote: &Remote) -> anyhow::Result<Outcome> {
        let Measurement { run, title, mut figures, needs, witnessed, tasks } = measured;
        let gauges = run.gauges.clone();
        let count =
            |count: &std::sync::atomic::AtomicU64| count.load(std::sync::atomic::Ordering::SeqCst);
        figures.count("cut", "sockets that ended by themselves", count(&gauges.cut));
        figures.count(
            "resynced",
            "sockets whose queue the server dropped",
            count(&gauges.resynced),
        );
        let doubled = count(&gauges.doubled);
        figures.count("doubled", "messages that a socket got once more", doubled);
        let unreadable = count(&gauges.unreadable);
        let words = "frames that could not be read, or were another's";
        figures.count("unreadable", words, unreadable);
        let blinded = count(&gauges.blinded);
        figures.count("blinded", "sockets that ceased to be witnesses and went on", blinded);
        let seen = run.book.got() as u64;
        figures.count("witnessed", "events that are witnesses to the checker", seen);
        self.floor(&mut figures);
        let kept = format!("parlance-bench-{}-{}", std::process::id(), self.part.tag());
        let kept = self.folder.unwrap_or_else(|| Path::new(".")).join(kept);
        let mut judged = judge::run(&run, remote, &kept, &needs).await?;
        run.end();
        for task in &tasks {
            task.abort();
        }

        let bounds = Bounds { lag_ms: self.arguments.max_lag, busy: self.arguments.max_busy };
        let mut why = verdict::bottleneck(&figures, bounds);
        if figures.get("recv.p50").is_some() && gauges.received.count() == 0 {
            why.push("no socket got a message".to_owned());
        }
        let codes = run.book.codes();
        if let Some(limited) = codes.get("rate_limited") {
            why.push(format!(
                "{limited} sends were refused with 429 rate_limited: raise the section [limits] of the \
                 deployment, it is its limits that were measured"
            ));
        }
        if seen < witnessed {
            why.push(format!("watched sockets were told {seen} events, {witnessed} are needed"));
        }
        why.extend(judged.void.iter().cloned());
        if unreadable > 0 {
            // The checker can not read them either: that is what is wrong with them.
            judged.state = State::Fail;
        }
        let (slos, wrong) = slo::compare(&self.slos(&figures), &figures);
        let mut verdict = verdict::decide(judged.state, &why, &slos);
        if !wrong.is_empty() {
            verdict = verdict.max(Verdict::Error);
        }
        why.extend(wrong.iter().map(ToString::to_string));
        why.extend(
            run.unread().iter().map(|frame| format!("a frame that nobody can read: {frame}")),
        );
        let others = codes.iter().filter(|(code, _)| *code != "rate_limited");
        why.extend(others.map(|(code, count)| format!("{count} sends were answered with {code}")));
        let (scenario, after) = (self.part.tag(), self.began.elapsed());
        Ok(Outcome { scenario, title, figures, judged, slos, why, verdict, after })
    }

    /// Figures beside what the disk can do.
    fn floor(&self, figures: &mut Figures) {
        let Some(syncs) = self.machine.syncs_per_second else { return };
        match (self.part, figures.get("rate"), figures.get("ack.p50")) {
            (Part::Saturate(_), Some(rate), _) => {
                let words = "messages for each bare sync that the disk could do meanwhile";
                figures.add("sync.ratio", words, rate / syncs, Unit::Times);
            }
            (_, _, Some(ack)) => {
                let words = "ack.p50 in bare syncs of one record";
                figures.add("sync.ratio", words, ack * syncs / 1e3, Unit::Times);
            }
            _ => {}
        }
    }

    fn slos(&self, figures: &Figures) -> Vec<Slo> {
        let defaults =
            if self.arguments.no_default_slos { Vec::new() } else { self.part.defaults() };
        let known: Vec<String> = figures.0.iter().map(|figure| figure.key.clone()).collect();
        slo::choose(self.part.name(), &self.arguments.slo, &defaults, &known)
    }
}

/// Where results go.
struct Told {
    json: bool,
}

impl Told {
    fn machine(&self, machine: &Machine, seed: u64) -> anyhow::Result<()> {
        if self.json {
            let mut line = json!({"type": "machine", "seed": seed});
            if let (Value::Object(line), Value::Object(more)) =
                (&mut line, serde_json::to_value(machine)?)
            {
                line.extend(more);
            }
            say(&line.to_string());
        } else {
            say(&format!("{}seed {seed}\n", machine.lines()));
        }
        Ok(())
    }

    fn samples(&self) -> impl Fn(Value) + Send + 'static {
        let json = self.json;
        move |sample| {
            if json {
                say(&sample.to_string());
            }
        }
    }

    fn outcome(&self, outcome: &Outcome) {
        if self.json {
            outcome.json().iter().for_each(|line| say(&line.to_string()));
        } else {
            say(&outcome.lines());
        }
    }

    fn failed(&self, scenario: &str, error: &anyhow::Error) {
        if self.json {
            let line = json!({
                "type": "verdict", "scenario": scenario, "verdict": Verdict::Error.name(),
                "code": Verdict::Error.code(), "why": [format!("{error:#}")],
            });
            say(&line.to_string());
        } else {
            say(&format!("{scenario}: could not be run\n  verdict  error\n"));
        }
        complain(error);
    }

    /// Where data and logs are left for whoever looks for the cause.
    fn kept(&self, folder: &Path) {
        if self.json {
            say(&json!({"type": "kept", "folder": folder}).to_string());
        } else {
            say(&format!("data and log of the server are kept in {}", folder.display()));
        }
    }

    fn end(&self, verdict: Verdict, took: Duration) {
        if self.json {
            let took = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            let (name, code) = (verdict.name().to_lowercase(), verdict.code());
            say(&json!({"type": "end", "verdict": name, "code": code, "tookMs": took}).to_string());
        } else {
            let (name, code) = (verdict.name(), verdict.code());
            say(&format!("{name} in {:.1} s (exit status {code})", took.as_secs_f64()));
        }
    }
}

#[expect(clippy::print_stdout, reason = "a command's output")]
fn say(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "the last word of a command")]
fn complain(error: &anyhow::Error) {
    eprintln!("parlance bench: {error:#}");
}
