//! What an idle connection costs: resident memory with and without sockets, each of another user.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::course::{Course, Measurement, needs, unacked, undelivered, witnessed};
use super::figures::{Figures, Unit};
use super::setup::Stage;
use super::{Bench, Measured};
use crate::lean::open;
use crate::load::book::{Ask, Book};
use crate::load::{Clock, Gauges, Latencies, Pen, Run, Window, listen, users};
use crate::target::{Message, Target as _};
use crate::task::spawn;

/// Time for memory to settle.
const SETTLE: Duration = Duration::from_secs(5);
/// Sockets opened at a time.
const AT_ONCE: usize = 64;

/// Runs it with so many sockets.
pub async fn run(bench: &Bench, sockets: usize) -> anyhow::Result<Measured> {
    let stage = Stage::set(bench, "idle").await?;
    let users = users(&stage.remote, sockets, &Gauges::default()).await?;
    tokio::time::sleep(SETTLE).await;
    let before = stage.reading().await?;

    let authority = stage.authority();
    let began = Instant::now();
    let open = |user: crate::target::User| {
        let authority = authority.clone();
        async move { open(&authority, &user.token).await }
    };
    let open: Vec<_> =
        stream::iter(users.into_iter().map(open)).buffered(AT_ONCE).try_collect().await?;
    let took = began.elapsed();
    tokio::time::sleep(SETTLE).await;
    let after = stage.reading().await?;
    let count = after.metrics.get("parlance_sockets");

    let grown = after.resident_bytes().saturating_sub(before.resident_bytes());
    let mut measured = Measured::new(format!("idle, {sockets} sockets"));
    measured.add("open sockets as the server counts", count);
    measured.add("resident bytes per connection", grown as f64 / open.len().max(1) as f64);
    measured.add("authenticated connects per second", open.len() as f64 / took.as_secs_f64());
    let cpu = after.cpu().saturating_sub(before.cpu()).as_secs_f64();
    measured.add("server CPU, µs per connect", cpu * 1e6 / open.len().max(1) as f64);
    drop(open);
    stage.strike().await?;
    Ok(measured)
}

/// Messages that are sent at a time.
const SENDERS: usize = 16;

/// The scenario: so many sockets, each of another user, that are quiet; then one message to each, so that
/// it is shown that they live.
pub async fn measure(course: &Course<'_>, sockets: usize) -> anyhow::Result<Measurement> {
    let stage = course.stage;
    let run =
        Run::new(stage.pairs(sockets, &course.gauges).await?, &course.tag, course.gauges.clone());
    let sockets = run.world.users.len();
    run.gauges.phase("letting memory settle");
    tokio::time::sleep(SETTLE).await;
    let before = stage.reading().await?;

    run.gauges.phase(&format!("opening {sockets} sockets"));
    let (began, took_each) = (Instant::now(), Arc::new(Latencies::default()));
    let dial = |(number, user): (u32, &crate::target::User)| {
        let at = stage.remote.socket_authority(number as usize).to_owned();
        let (token, run, took_each) = (user.token.clone(), run.clone(), took_each.clone());
        async move {
            let began = Instant::now();
            let (writer, reader) = open(&at, &token).await?;
            took_each.record(began.elapsed());
            run.gauges.step();
            anyhow::Ok((run.seat(number, true), writer, reader))
        }
    };
    let opened: Vec<_> = stream::iter((0_u32..).zip(&run.world.users).map(dial))
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    let took = began.elapsed();
    let connected = stage.reading().await?;
    let window = Window { from: Instant::now(), until: Instant::now() + Duration::from_hours(1) };
    let mut tasks = Vec::new();
    for (seat, writer, reader) in opened {
        let (run, clock) = (run.clone(), Clock::Sent(window));
        tasks.push(spawn(listen(run, seat, reader, Pen::Own(writer), clock)));
    }
    run.gauges.phase("idle");
    tokio::time::sleep(course.length.max(SETTLE)).await;
    let after = stage.reading().await?;
    let quiet = (began + took).elapsed().as_secs_f64();

    run.gauges.phase("one message to each");
    let clock = Clock::Sent(window);
    stream::iter(0..run.world.rooms.len())
        .for_each_concurrent(SENDERS, |room| write(stage, &run, &clock, room))
        .await;
    run.settle().await;

    let mut figures = Figures::default();
    let count = sockets.max(1) as f64;
    let grown = after.resident_bytes().saturating_sub(before.resident_bytes()) as f64;
    figures.count("sockets", "open, authenticated sockets", sockets as u64);
    figures.add("connection.bytes", "resident memory per connection", grown / count, Unit::Bytes);
    figures.add("connects", "authenticated connects", count / took.as_secs_f64(), Unit::PerSecond);
    figures.latency("connect", "dialled → authenticated", &took_each);
    let spent = connected.cpu().saturating_sub(before.cpu()).as_secs_f64() * 1e6;
    figures.add("cpu.connect", "server CPU per connect", spent / count, Unit::CpuMicros);
    let idle = after.cpu().saturating_sub(connected.cpu()).as_secs_f64() * 1e6;
    let words = "server CPU per connection and second, idle";
    figures.add("cpu.idle", words, idle / count / quiet.max(1.0), Unit::CpuMicros);
    figures.latency("recv", "sent → received, after the silence", &run.gauges.received);
    let rss = after.resident_bytes() as f64;
    figures.add("rss.all", "resident memory of the server", rss, Unit::Bytes);
    unacked(&run, &mut figures);
    undelivered(&run, &mut figures);
    let title = format!(
        "{sockets} sockets of as many users, quiet for {quiet:.0} s, then one message to each"
    );
    let (needs, witnessed) = (needs(&run), witnessed(&run));
    Ok(Measurement { run, title, figures, needs, witnessed, tasks })
}

/// One message to this conversation.
async fn write(stage: &Stage, run: &Run, clock: &Clock, place: usize) {
    let Some(room) = run.world.rooms.get(place) else { return };
    let Some(user) = room.members.first().copied() else { return };
    let Some(who) = run.world.user(user) else { return };
    let ask = Ask { room: u32::try_from(place).unwrap_or(u32::MAX), user, socket: None };
    let Some(number) = run.book.begin(ask) else { return };
    run.gauges.sent(None, crate::load::Part::Around);
    let message = Message::new(room.id, who.id, &run.book.client(number), Book::content(number));
    let outcome = stage.remote.send(place, who, &message).await;
    clock.settled(run, number, outcome, Instant::now());
    run.gauges.step();
}
