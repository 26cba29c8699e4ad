//! The whole run, from registration to the full read.

use std::ops::RangeFrom;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::future::join_all;
use rand::Rng as _;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::hub::Hub;
use super::pace::Schedule;
use super::plan::{Back, Plan};
use super::writer::Writer;
use super::{again, eraser, finale, observer, reader, setup, walker, warden};
use crate::history::{Fault, Op, Recorder};
use crate::target::{Nemesis, Target};
use crate::task::spawn;

/// Longest wait for a send in flight before a fault is made all the same.
const CATCH: Duration = Duration::from_secs(2);
/// Number of whoever breaks things.
pub const NEMESIS: u32 = 0;

/// Runs a plan against a target; the history is in the recorder.
pub async fn run<T: Target, N: Nemesis>(
    target: Arc<T>,
    plan: &Plan,
    nemesis: N,
    recorder: Arc<Recorder>,
) -> anyhow::Result<()> {
    let mut stage = Stage::set(target, plan, recorder).await?;
    let faults = spawn(break_things(stage.hub.clone(), nemesis, stage.schedule.clone()));
    stage.written().await?;
    faults.await.context("the nemesis panicked")??;
    stage.strike().await
}

/// Runs a plan for as long as the faults take, whatever it says of their number; the schedule ends
/// with them.
pub async fn run_while<T: Target>(
    target: Arc<T>,
    plan: &Plan,
    recorder: Arc<Recorder>,
    faults: impl Future<Output = anyhow::Result<()>> + Send + 'static,
) -> anyhow::Result<()> {
    let mut stage = Stage::set(target, plan, recorder).await?;
    let schedule = stage.schedule.clone();
    let faults = spawn(async move {
        let outcome = faults.await;
        schedule.end();
        outcome
    });
    stage.written().await?;
    faults.await.context("the faults' task panicked")??;
    stage.strike().await
}

/// The same; then `between` puts another state of the system into its place, where the same people
/// send again what they sent before, and read everything once more.
pub async fn run_then_again<T: Target>(
    target: Arc<T>,
    plan: &Plan,
    recorder: Arc<Recorder>,
    faults: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    between: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let mut stage = Stage::set(target, plan, recorder).await?;
    let schedule = stage.schedule.clone();
    let faults = spawn(async move {
        let outcome = faults.await;
        schedule.end();
        outcome
    });
    stage.written().await?;
    faults.await.context("the faults' task panicked")??;
    stage.strike().await?;
    between.await?;
    let process = stage.process();
    again::all(&stage.hub, process).await;
    stage.read().await;
    Ok(())
}

/// A run whose clients are at work.
struct Stage<T: Target> {
    hub: Arc<Hub<T>>,
    schedule: Arc<Schedule>,
    writers: Vec<JoinHandle<()>>,
    readers: Vec<JoinHandle<()>>,
    observers: Vec<JoinHandle<()>>,
    stop_readers: watch::Sender<bool>,
    stop_observers: watch::Sender<bool>,
    processes: RangeFrom<u32>,
}

impl<T: Target> Stage<T> {
    async fn set(target: Arc<T>, plan: &Plan, recorder: Arc<Recorder>) -> anyhow::Result<Self> {
        let users = setup::users(&target, plan).await?;
        let conversations = setup::conversations(&target, &recorder, plan, &users).await?;
        let hub = Arc::new(Hub::new(target, recorder, plan.clone(), users, conversations));
        let mut processes = NEMESIS + 1..;
        let mut process = || processes.next().unwrap_or(u32::MAX);

        let (stop_observers, stopped) = watch::channel(false);
        let mut observers = Vec::new();
        for user in 0..plan.users {
            for place in 0..plan.sockets {
                let watching =
                    observer::run(hub.clone(), process(), (user, place), stopped.clone());
                observers.push(spawn(watching));
            }
        }
        finale::opened(&hub).await.context("sockets before the run")?;

        let (stop_readers, stopped) = watch::channel(false);
        let readers = (0..plan.readers)
            .map(|n| spawn(reader::run(hub.clone(), process(), n, stopped.clone())))
            .collect();
        let tickets = u64::try_from(plan.sends).unwrap_or(u64::MAX);
        let schedule = Arc::new(Schedule::new(plan.pace, tickets));
        let mut writers: Vec<_> = (0..plan.writers)
            .map(|n| spawn(Writer::new(hub.clone(), process(), n).run(schedule.clone())))
            .collect();
        for n in 0..plan.wardens.min(plan.groups) {
            writers.push(spawn(warden::run(hub.clone(), process(), n, schedule.clone())));
        }
        for n in 0..plan.erasers {
            writers.push(spawn(eraser::run(hub.clone(), process(), n, schedule.clone())));
        }
        for n in 0..plan.walkers {
            writers.push(spawn(walker::run(hub.clone(), process(), n, schedule.clone())));
        }
        Ok(Self {
            hub,
            schedule,
            writers,
            readers,
            observers,
            stop_readers,
            stop_observers,
            processes,
        })
    }

    /// Waits until everything is written.
    async fn written(&mut self) -> anyhow::Result<()> {
        for writer in join_all(std::mem::take(&mut self.writers)).await {
            writer.context("a writer panicked")?;
        }
        Ok(())
    }

    fn process(&mut self) -> u32 {
        self.processes.next().unwrap_or(u32::MAX)
    }

    /// The last act: sockets settle, then everything is read whole.
    async fn strike(&mut self) -> anyhow::Result<()> {
        self.stop_readers.send_replace(true);
        join_all(std::mem::take(&mut self.readers)).await;
        finale::settle(&self.hub).await.context("sockets after the run")?;
        self.read().await;
        self.stop_observers.send_replace(true);
        join_all(std::mem::take(&mut self.observers)).await;
        Ok(())
    }

    /// Reads everything whole.
    async fn read(&mut self) {
        let processes = [self.process(), self.process(), self.process()];
        let [read, resumed, counted] = processes;
        finale::read_all(&self.hub, read).await;
        if self.hub.plan.back == Back::Resumes {
            finale::resume_all(&self.hub, resumed).await;
            finale::count_all(&self.hub, counted).await;
        }
    }
}

/// Faults at random points of the schedule, each while a send is in flight.
async fn break_things<T: Target, N: Nemesis>(
    hub: Arc<Hub<T>>,
    mut nemesis: N,
    schedule: Arc<Schedule>,
) -> anyhow::Result<()> {
    let mut rng = hub.plan.rng("nemesis", 0);
    let faults = hub.plan.faults;
    let mut points: Vec<f64> = (0..faults)
        .map(|fault| (fault as f64 + rng.random::<f64>()) / faults as f64 * 0.94 + 0.03)
        .collect();
    points.sort_by(f64::total_cmp);
    for point in points {
        while done(&schedule) < point {
            sleep(Duration::from_millis(2)).await;
        }
        sleep(Duration::from_micros(rng.random_range(0..20_000))).await;
        in_flight(&hub.recorder).await;
        let (kind, in_flight) = (nemesis.kind().to_owned(), hub.recorder.in_flight());
        let began = hub.recorder.now();
        nemesis.strike().await.context("breaking the system")?;
        let mending = Some(hub.recorder.now());
        nemesis.heal().await.context("healing the system")?;
        let fault = Fault { kind, in_flight, mending, ..Fault::default() };
        hub.recorder.lasted(NEMESIS, 0, began, Op::Fault(fault));
    }
    Ok(())
}

/// Waits until a send is in flight, but not for ever; how many are.
pub async fn in_flight(recorder: &Recorder) -> u32 {
    let deadline = Instant::now() + CATCH;
    while recorder.in_flight() == 0 && Instant::now() < deadline {
        sleep(Duration::from_micros(200)).await;
    }
    recorder.in_flight()
}

fn done(schedule: &Schedule) -> f64 {
    let (done, all) = schedule.progress();
    done as f64 / all.max(1) as f64
}
