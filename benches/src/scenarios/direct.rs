//! Send → receive at a steady rate, between two people each: an open loop over sockets.

use std::sync::Arc;
use std::time::Duration;

use super::course::{Course, Measurement, needs, open_loop, undelivered, witnessed};
use super::figures::Figures;
use super::setup::{Stage, costs};
use super::{Bench, Measured, tell};
use crate::load::open_loop::{Driven, Load};
use crate::load::schedule::{Arrivals, Plan};
use crate::load::{Gauges, Run};

/// Time before measuring.
pub(super) const WARM: Duration = Duration::from_secs(2);
/// Conversations that the messages go round.
pub const PAIRS: usize = 50;
/// Events that are noted for the checker, about.
const NOTED: f64 = 2_000_000.0;

/// Runs it at so many messages a second.
pub async fn run(bench: &Bench, rate: f64) -> anyhow::Result<Measured> {
    let stage = Stage::set(bench, "direct").await?;
    let gauges = Arc::new(Gauges::default());
    let run = Run::new(stage.pairs(PAIRS * 2, &gauges).await?, "d", gauges);
    let authority = stage.authority();
    let plan = plan(rate, bench.seconds);
    let driven = steady(&run, &plan, |_| authority.clone(), async || stage.reading().await).await?;
    let mut measured = Measured::new(format!("direct, {rate:.0} messages/s over sockets"));
    told(&run, &driven, &mut measured);
    costs(&driven.before, &driven.after, driven.messages, &mut measured);
    driven.end(&run);
    stage.strike().await?;
    Ok(measured)
}

/// The scenario: so many pairs, so many messages a second over all of them.
pub async fn measure(course: &Course<'_>, pairs: usize, rate: f64) -> anyhow::Result<Measurement> {
    let stage = course.stage;
    let world = stage.pairs(pairs * 2, &course.gauges).await?;
    let run = Run::new(world, &course.tag, course.gauges.clone());
    let (plan, at) = (course.plan(rate), |number| stage.remote.socket_authority(number).to_owned());
    let driven = steady(&run, &plan, at, async || stage.reading().await).await?;
    let mut figures = Figures::default();
    figures.latency("recv", "due → received", &run.gauges.received);
    open_loop(&run, &driven, &mut figures);
    undelivered(&run, &mut figures);
    let (from, to) = (&driven.before, &driven.after);
    figures.costs(from, to, driven.lasted.as_secs_f64(), ("message", driven.messages));
    let title =
        format!("{pairs} pairs over sockets, open loop, {rate} messages/s, {}", course.gaps());
    let (needs, witnessed, tasks) = (needs(&run), witnessed(&run), driven.readers);
    Ok(Measurement { run, title, figures, needs, witnessed, tasks })
}

/// Even gaps, as figures of this project always had them.
pub(super) fn plan(rate: f64, seconds: u64) -> Plan {
    let length = Duration::from_secs(seconds);
    Plan { rate, warm: WARM, length, arrivals: Arrivals::Uniform, seed: 1 }
}

/// Everybody's first pair sends to its second; `authority` says where, by number of the socket.
pub(super) async fn steady<R>(
    run: &Arc<Run>,
    plan: &Plan,
    authority: impl Fn(usize) -> String,
    reading: impl AsyncFn() -> anyhow::Result<R>,
) -> anyhow::Result<Driven<R>> {
    run.gauges.phase("opening sockets");
    let mut load = Load::of(run);
    let watched = watched(plan.rate * (plan.warm + plan.length).as_secs_f64() * 2.0);
    let mut receivers = Vec::new();
    for (number, room) in (0_u32..).zip(&run.world.rooms) {
        let [from, to] = room.members.as_slice() else { continue };
        let watch = watched(number);
        load.sender(&authority(number as usize), *from, &[number], watch).await?;
        receivers.push((*to, watch));
    }
    load.receivers(|number| authority(number + 1), &receivers).await?;
    load.drive(plan, None, reading).await
}

/// Which sockets are watched, by number, where so many events are expected on all of them.
pub(super) fn watched(expected: f64) -> impl Fn(u32) -> bool {
    let each = (expected / NOTED).max(1.0);
    let before = move |number: f64| (number / each).ceil();
    // Every n-th, as evenly as whole numbers allow.
    move |number| before(f64::from(number) + 1.0) > before(f64::from(number))
}

/// Latencies and what did not come.
pub(super) fn told<R>(run: &Run, driven: &Driven<R>, measured: &mut Measured) {
    tell(&run.gauges.received, "send → receive", measured);
    tell(&run.gauges.acks, "send → ack", measured);
    let missing = |got: u64| driven.messages.saturating_sub(got) as f64;
    measured.add("not received", missing(run.gauges.received.count()));
    measured.add("not acknowledged", missing(run.gauges.acks.count()));
    measured.add("latest send behind its time, ms", run.gauges.lag.ms(1.0));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_watched_that_the_record_has_room() {
        for (expected, share) in [(10.0, 1.0), (2e6, 1.0), (4e6, 0.5), (7e6, 2.0 / 7.0)] {
            let watched = watched(expected);
            let count = (0..7_000).filter(|number| watched(*number)).count();
            assert!((count as f64 / 7_000.0 - share).abs() < 0.01, "{expected}: {count}");
            assert!(watched(0));
        }
    }
}
