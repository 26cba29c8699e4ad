//! A deployment of one or two processes of each role over the real engines: latency at a steady rate,
//! the rate at which it ends, and what a message costs in each role. Engines are told apart: they are
//! not ours, and on this machine they share its cores.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use super::saturate::Over;
use super::{Bench, Measured, direct, saturate};
use crate::cluster::{Cluster, Engine, Engines, Layout, Supervisor};
use crate::history::Recorder;
use crate::load::{Gauges, Run, World, conversations, pairs, users};
use crate::server::{raise_file_limit, usage};

/// Users that send as fast as they can.
const USERS: usize = 256;

/// Rest behind the warm-up: the store has yet to write and merge what it was given.
const SETTLE: Duration = Duration::from_secs(15);

/// What to measure on.
#[derive(Clone, Debug)]
pub struct Deployment {
    /// The script that runs the engines.
    pub engines: PathBuf,
    /// Processes of each role.
    pub each: usize,
    /// Messages a second of the open loop.
    pub rate: f64,
    /// Seconds that all users send before anything is measured: the engines compile themselves while they
    /// run, and for a minute cost several times of what they cost afterwards.
    pub warm_up: u64,
}

/// CPU time by role and engine.
type Spent = BTreeMap<String, Duration>;

/// Runs it; one result for the steady rate, and one for each way of going as fast as it goes.
pub async fn run(bench: &Bench, deployment: &Deployment) -> anyhow::Result<Vec<Measured>> {
    raise_file_limit()?;
    let engines = Engines::up(&deployment.engines).await.context("the engines")?;
    let folder = bench.folder.join("cluster");
    let layout = Layout { spare: Vec::new(), ..Layout::split(deployment.each) };
    let namespace = format!("load{:x}", std::process::id());
    let cluster = Cluster::prepare(&bench.binary, &folder, &layout, Some(&engines), &namespace)?;
    let cluster = Arc::new(cluster);
    cluster.run(&bench.binary, &["migrate"])?;
    cluster.run(&bench.binary, &["topics", "apply"])?;
    let supervisor = Supervisor::begin(cluster.clone(), Arc::new(Recorder::default()));
    cluster.ready().await?;

    let remote = cluster.remote("load");
    let gauges = Gauges::default();
    let members = users(&remote, USERS, &gauges).await?;
    let world = conversations(&remote, members, pairs(USERS), &gauges).await?;
    // What each part of it counts and records is its own.
    let parts = std::cell::Cell::new(0);
    let part = |world: &World| {
        parts.set(parts.get() + 1);
        Run::new(world.clone(), &format!("c{}", parts.get()), Arc::new(Gauges::default()))
    };
    let sockets = |number: usize| remote.socket_authority(number).to_owned();
    let requests = |number: usize| remote.authority(number).to_owned();
    let reading = async || spent(&cluster, &engines).await;
    let mut all = Vec::new();

    if deployment.warm_up > 0 {
        let half = deployment.warm_up / 2;
        let (one, other) = (part(&world), part(&world));
        saturate::drive(&one, Over::Sockets, half, sockets, reading).await?.end(&one);
        saturate::drive(&other, Over::Rest, half, requests, reading).await?.end(&other);
        tokio::time::sleep(SETTLE).await;
    }
    let few: Vec<_> = world.rooms.iter().take(direct::PAIRS).cloned().collect();
    let few = part(&World { rooms: few, ..world.clone() });
    let plan = direct::plan(deployment.rate, bench.seconds);
    let driven = direct::steady(&few, &plan, sockets, reading).await?;
    let each = deployment.each;
    let name = format!("{each} of each role, {:.0} messages/s over sockets", deployment.rate);
    let mut measured = Measured::new(name);
    direct::told(&few, &driven, &mut measured);
    costs(&driven.before, &driven.after, driven.messages, &mut measured);
    all.push(measured);

    for (over, what) in [(Over::Sockets, "sockets"), (Over::Rest, "REST")] {
        let authority = |number| match over {
            Over::Sockets => sockets(number),
            Over::Rest => requests(number),
        };
        let run = part(&world);
        let driven = saturate::drive(&run, over, bench.seconds, authority, reading).await?;
        let mut measured =
            Measured::new(format!("{each} of each role, {USERS} users over {what}, closed loop"));
        driven.told(&run, &mut measured);
        costs(&driven.before, &driven.after, driven.messages, &mut measured);
        driven.end(&run);
        all.push(measured);
    }
    let exits = supervisor.exits().len();
    if let Some(last) = all.last_mut() {
        last.add("processes that ended by themselves", exits as f64);
    }
    for member in cluster.members() {
        member.terminate().await?;
    }
    driven.end(&few);
    Ok(all)
}

async fn spent(cluster: &Cluster, engines: &Engines) -> anyhow::Result<Spent> {
    let mut spent = Spent::new();
    for member in cluster.members() {
        *spent.entry(member.role.name().to_owned()).or_default() += member.usage()?.cpu;
    }
    for (engine, pid) in engines.pids().await? {
        spent.insert(engine_name(engine), usage(pid)?.cpu);
    }
    spent.insert(GENERATOR.to_owned(), usage(std::process::id())?.cpu);
    Ok(spent)
}

/// The load's own share of the machine.
const GENERATOR: &str = "generator";

fn engine_name(engine: Engine) -> String {
    format!("engine {}", engine.name())
}

fn costs(before: &Spent, after: &Spent, messages: u64, measured: &mut Measured) {
    let mut ours = 0.0;
    let mut figures = Vec::new();
    for (name, now) in after {
        let then = before.get(name).copied().unwrap_or_default();
        let micros = now.saturating_sub(then).as_secs_f64() * 1e6 / messages.max(1) as f64;
        if name != GENERATOR && !name.starts_with("engine ") {
            ours += micros;
        }
        figures.push((format!("CPU of {name}, µs per message"), micros));
    }
    measured.add("CPU of our processes, µs per message", ours);
    measured.figures.extend(figures);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn engines_and_the_generator_are_not_our_cost() {
        let of = |list: &[(&str, u64)]| -> Spent {
            let spent =
                list.iter().map(|(name, ms)| ((*name).to_owned(), Duration::from_millis(*ms)));
            spent.collect()
        };
        let before = of(&[("ingest", 10), ("engine kafka", 5), (GENERATOR, 0)]);
        let after = of(&[("ingest", 30), ("persist", 10), ("engine kafka", 95), (GENERATOR, 50)]);
        let mut measured = Measured::new("x");
        costs(&before, &after, 100, &mut measured);
        assert_eq!(measured.get("CPU of our processes, µs per message"), Some(300.0));
        assert_eq!(measured.get("CPU of engine kafka, µs per message"), Some(900.0));
    }
}
