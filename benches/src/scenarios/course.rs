//! What `parlance bench` gives a scenario, and what it gets back.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::figures::{Figures, Unit};
use super::setup::Stage;
use crate::checker::Guarantee;
use crate::load::open_loop::Driven;
use crate::load::probe::Reading;
use crate::load::schedule::{Arrivals, Plan};
use crate::load::{Gauges, Run};

/// Where and how long a scenario runs.
#[derive(Debug)]
pub struct Course<'a> {
    /// The system.
    pub stage: &'a Stage,
    /// For whoever watches.
    pub gauges: Arc<Gauges>,
    /// Tells runs on one deployment apart: in names of users and in client ids.
    pub tag: String,
    /// Everything random follows from it.
    pub seed: u64,
    /// What is measured.
    pub length: Duration,
    /// Gaps of an open loop.
    pub arrivals: Arrivals,
}

/// What came of it. Sockets are open still: they are witnesses until the run is judged.
#[derive(Debug)]
pub struct Measurement {
    /// What was asked for and seen.
    pub run: Arc<Run>,
    /// What was done, with its numbers, in one line.
    pub title: String,
    /// Figures.
    pub figures: Figures,
    /// How often which guarantee must have been exercised.
    pub needs: Vec<(Guarantee, u64)>,
    /// How many events watched sockets must have been told, or nothing is shown.
    pub witnessed: u64,
    /// Sockets' tasks, to be ended.
    pub tasks: Vec<JoinHandle<anyhow::Result<()>>>,
}

impl Course<'_> {
    /// A rate that is held, behind two seconds that are not measured.
    pub(super) fn plan(&self, rate: f64) -> Plan {
        let (length, arrivals, seed) = (self.length, self.arrivals, self.seed);
        Plan { rate, warm: super::direct::WARM, length, arrivals, seed }
    }

    /// For titles.
    pub(super) fn gaps(&self) -> String {
        format!("{} arrivals, seed {}", self.arrivals.name(), self.seed)
    }
}

/// Figures that every open loop has.
pub(super) fn open_loop(run: &Run, driven: &Driven<Reading>, figures: &mut Figures) {
    let seconds = driven.lasted.as_secs_f64().max(1e-3);
    let acked = run.gauges.acks.count();
    let words = "acknowledged messages of those that were due";
    figures.add("rate", words, acked as f64 / seconds, Unit::PerSecond);
    figures.count(
        "unacked",
        "messages without an ack",
        driven.messages.saturating_sub(acked).max(run.book.unknown()),
    );
    figures.latency("ack", "due → ack", &run.gauges.acks);
    figures.add("lag.p99", "generator late by, p99", run.gauges.lag.ms(0.99), Unit::Ms);
    figures.add("lag.max", "generator late by, max", run.gauges.lag.ms(1.0), Unit::Ms);
}

/// What sockets did not get of what was acknowledged: counted for each message and receiver.
pub(super) fn undelivered(run: &Run, figures: &mut Figures) {
    let words = "acknowledged messages that a receiver's socket did not get";
    figures.count("undelivered", words, run.undelivered());
}

/// Sends of a closed loop of which nobody knows what became of them.
pub(super) fn unacked(run: &Run, figures: &mut Figures) {
    figures.count("unacked", "messages without an answer", run.book.unknown());
}

/// Events that must have been seen where most sockets are watched.
pub(super) fn witnessed(run: &Run) -> u64 {
    run.gauges.acks.count().clamp(1, WITNESSED)
}

/// More events are not asked for.
pub(super) const WITNESSED: u64 = 100;

/// What must have been exercised wherever messages are sent.
pub(super) fn needs(run: &Run) -> Vec<(Guarantee, u64)> {
    let acked = run.gauges.acks.count().max(1);
    vec![
        (Guarantee::DurableAck, acked),
        (Guarantee::DenseOrder, acked),
        (Guarantee::OneOrder, acked),
        (Guarantee::OneEffect, acked.min(100)),
    ]
}
