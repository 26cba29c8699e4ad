//! A mass reconnect and what presence makes of it: everybody comes, everybody drops and is back at once,
//! everybody goes and comes back. On two servers, of which one has four times as many users: what each costs may
//! not grow with their number.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use anyhow::ensure;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::setup::Stage;
use super::{Bench, Measured};
use crate::lean::{find, open, stock};
use crate::load::Gauges;
use crate::load::probe::Reading;
use crate::target::User;
use crate::task::spawn;

/// How much more each user may cost among four times as many.
const GROWS: f64 = 1.5;
/// What a machine and its rounding add to a figure that is next to nothing.
const FLOOR: f64 = 0.25;
/// Sockets opened at a time.
const DIALS: usize = 128;
/// Nothing has come for so long: it has settled. Where somebody may be gone, more than the wait before that is said.
const QUIET: Duration = Duration::from_secs(7);
const QUIET_WHERE_ALL_CAME: Duration = Duration::from_secs(2);
/// Longest wait for that.
const SETTLED: Duration = Duration::from_mins(3);

const PUBLISHED: &str = "parlance_presence_transitions_total";
/// What is counted, with the server's name of it.
const COUNTED: [(&str, &str); 5] = [
    ("transitions published", PUBLISHED),
    ("records of nodes", r#"parlance_records_total{pool="presence"}"#),
    ("wake-ups of the pool", r#"parlance_wakeups_total{stage="presence"}"#),
    ("wake-ups by outbound records", r#"parlance_wakeups_total{stage="deliver"}"#),
    ("flaps damped", "parlance_presence_flaps_damped_total"),
];

/// What a phase cost.
#[derive(Debug, Default)]
struct Phase {
    /// By name, each user's part.
    each: BTreeMap<&'static str, f64>,
    /// Seconds until nothing came any more.
    settled: f64,
}

/// Everybody, with open sockets.
struct Crowd {
    stage: Stage,
    users: Vec<User>,
    open: Vec<JoinHandle<()>>,
    /// Changes of presence that sockets were told of.
    pushed: Arc<AtomicU64>,
}

/// Runs it with a quarter of so many users, then with all.
pub async fn run(bench: &Bench, users: usize) -> anyhow::Result<Measured> {
    let users = users.max(16) / 8 * 8;
    // At the same time: most of it is waiting.
    let (few, many) = tokio::try_join!(crowd(bench, users / 4), crowd(bench, users))?;
    let mut measured = Measured::new(format!("presence: {} users beside {users}", users / 4));
    for (count, phases) in [(users / 4, &few), (users, &many)] {
        for (name, phase) in phases {
            for (what, each) in &phase.each {
                measured.add(format!("{count}, {name}: {what} per user"), *each);
            }
            measured.add(format!("{count}, {name}: settled after, s"), phase.settled);
        }
    }
    let mut grown = Vec::new();
    for (phase, costs) in &many {
        for (name, each) in &costs.each {
            let before = few.get(phase).and_then(|costs| costs.each.get(name)).copied();
            if *each > before.unwrap_or_default() * GROWS + FLOOR {
                grown.push(format!("{phase}, {name}: {before:?} and {each:.2} per user"));
            }
        }
    }
    ensure!(grown.is_empty(), "more than O(users):\n{}\n{}", grown.join("\n"), measured.lines());
    Ok(measured)
}

async fn crowd(bench: &Bench, count: usize) -> anyhow::Result<BTreeMap<&'static str, Phase>> {
    let stage = Stage::set(bench, &format!("presence-{count}")).await?;
    let world = stage.pairs(count, &Gauges::default()).await?;
    let pushed = Arc::default();
    let mut crowd = Crowd { stage, users: world.users, open: Vec::new(), pushed };
    let mut phases = BTreeMap::new();
    for name in ["1 come", "2 drop, back at once", "3 go", "4 come back"] {
        let phase = crowd.phase(name).await?;
        phases.insert(name, phase);
    }
    crowd.drop_all();
    crowd.stage.strike().await?;
    Ok(phases)
}

impl Crowd {
    async fn phase(&mut self, name: &str) -> anyhow::Result<Phase> {
        let before = self.stage.reading().await?;
        let pushes = self.pushed.load(Ordering::Relaxed);
        let began = Instant::now();
        match name {
            "3 go" => self.drop_all(),
            "2 drop, back at once" => {
                self.drop_all();
                self.come().await?;
            }
            _ => self.come().await?,
        }
        let quiet = if name.contains("come") { QUIET_WHERE_ALL_CAME } else { QUIET };
        let (after, settled) = self.settle(began, quiet).await?;
        let count = self.users.len() as f64;
        let grown = after.metrics.since(&before.metrics);
        let counted = COUNTED.map(|(what, metric)| (what, grown.get(metric) / count));
        let mut each: BTreeMap<_, _> = counted.into_iter().collect();
        let pushes = self.pushed.load(Ordering::Relaxed) - pushes;
        each.insert("pushes", pushes as f64 / count);
        let cpu = after.cpu().saturating_sub(before.cpu()).as_secs_f64();
        each.insert("server CPU, ms", cpu * 1e3 / count);
        Ok(Phase { each, settled })
    }

    fn drop_all(&mut self) {
        for socket in self.open.drain(..) {
            socket.abort();
        }
    }

    /// Everybody at once; every second one by Socket.IO.
    async fn come(&mut self) -> anyhow::Result<()> {
        let authority = self.stage.remote.socket_authority(0).to_owned();
        let dial = |(place, user): (usize, &User)| {
            let (authority, token) = (authority.clone(), user.token.clone());
            async move {
                match place % 2 {
                    0 => open(&authority, &token).await,
                    _ => stock(&authority, &token).await,
                }
            }
        };
        let dials = self.users.iter().enumerate().map(dial);
        let opened: Vec<_> = stream::iter(dials).buffer_unordered(DIALS).try_collect().await?;
        for (mut writer, mut reader) in opened {
            let pushed = self.pushed.clone();
            self.open.push(spawn(async move {
                loop {
                    let Ok(text) = reader.next().await else { return };
                    let is_push = find(text, br#""type":"presence""#).is_some()
                        || find(text, br#"["presence:update""#).is_some();
                    pushed.fetch_add(u64::from(is_push), Ordering::Relaxed);
                    if reader.pinged() && writer.pong(&mut reader).await.is_err() {
                        return;
                    }
                }
            }));
        }
        Ok(())
    }

    /// Waits until nothing is published and pushed any more; how it was then, and how long it took.
    async fn settle(&self, began: Instant, quiet: Duration) -> anyhow::Result<(Reading, f64)> {
        let mut last = (Instant::now(), self.stage.reading().await?, 0);
        let deadline = began + SETTLED;
        loop {
            sleep(Duration::from_millis(250)).await;
            let reading = self.stage.reading().await?;
            let pushed = self.pushed.load(Ordering::Relaxed);
            let published = |reading: &Reading| reading.metrics.get(PUBLISHED);
            if pushed != last.2 || published(&reading) > published(&last.1) {
                last = (Instant::now(), reading, pushed);
            } else if last.0.elapsed() > quiet {
                return Ok((reading, (last.0 - began).as_secs_f64()));
            }
            ensure!(Instant::now() < deadline, "it does not settle within {SETTLED:?}");
        }
    }
}
