//! The whole run, from registration to the full read.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use futures_util::future::join_all;
use rand::Rng as _;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::hub::Hub;
use super::pace::Schedule;
use super::plan::Plan;
use super::writer::Writer;
use super::{finale, observer, reader, setup};
use crate::history::{Fault, Op, Recorder};
use crate::target::{Nemesis, Target};
use crate::task::spawn;

/// Longest wait for a send in flight before a fault is made all the same.
const CATCH: Duration = Duration::from_secs(2);

/// Runs a plan against a target; the history is in the recorder.
pub async fn run<T: Target, N: Nemesis>(
    target: Arc<T>,
    plan: &Plan,
    nemesis: N,
    recorder: Arc<Recorder>,
) -> anyhow::Result<()> {
    let users = setup::users(&target, plan).await?;
    let conversations = setup::conversations(&target, &recorder, plan, &users).await?;
    let hub = Arc::new(Hub::new(target, recorder, plan.clone(), users, conversations));
    let mut processes = 1..;
    let mut process = move || processes.next().unwrap_or(u32::MAX);

    let (stop, stopped) = watch::channel(false);
    let mut observers = Vec::new();
    for user in 0..plan.users {
        for place in 0..plan.sockets {
            let watching = observer::run(hub.clone(), process(), (user, place), stopped.clone());
            observers.push(spawn(watching));
        }
    }
    finale::opened(&hub).await.context("sockets before the run")?;

    let (stop_readers, readers_stopped) = watch::channel(false);
    let readers: Vec<_> = (0..plan.readers)
        .map(|n| spawn(reader::run(hub.clone(), process(), n, readers_stopped.clone())))
        .collect();
    let tickets = u64::try_from(plan.sends).unwrap_or(u64::MAX);
    let schedule = Arc::new(Schedule::new(plan.pace, tickets));
    let faults = spawn(break_things(hub.clone(), nemesis, schedule.clone(), process()));
    let writers = (0..plan.writers)
        .map(|n| spawn(Writer::new(hub.clone(), process(), n).run(schedule.clone())));
    for writer in join_all(writers).await {
        writer.context("a writer panicked")?;
    }
    faults.await.context("the nemesis panicked")??;
    stop_readers.send_replace(true);
    join_all(readers).await;

    finale::settle(&hub).await.context("sockets after the run")?;
    finale::read_all(&hub, process()).await;
    stop.send_replace(true);
    join_all(observers).await;
    Ok(())
}

/// Faults at random points of the schedule, each while a send is in flight.
async fn break_things<T: Target, N: Nemesis>(
    hub: Arc<Hub<T>>,
    mut nemesis: N,
    schedule: Arc<Schedule>,
    process: u32,
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
        let deadline = Instant::now() + CATCH;
        while hub.recorder.in_flight() == 0 && Instant::now() < deadline {
            sleep(Duration::from_micros(200)).await;
        }
        let fault = Fault { kind: nemesis.kind().to_owned(), in_flight: hub.recorder.in_flight() };
        hub.recorder.note(process, 0, Op::Fault(fault));
        nemesis.strike().await.context("breaking the system")?;
        nemesis.heal().await.context("healing the system")?;
    }
    Ok(())
}

fn done(schedule: &Schedule) -> f64 {
    let (done, all) = schedule.progress();
    done as f64 / all.max(1) as f64
}
