//! Everybody is cut off at once and comes back: sockets with cursors, in small groups in which somebody
//! goes on writing. Timed until each has caught up; what he missed is judged: each change once and in
//! order, with no seam to what is live (G-12).
//!
//! Clients come back as clients are told to: a random part of a time that doubles with each try ("full
//! jitter"), counted from the moment at which there is a network again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};
use tokio::sync::{Semaphore, watch};
use tokio::time::{sleep, timeout};

use super::course::{Course, Measurement, needs, open_loop, witnessed};
use super::figures::{Figures, Unit};
use crate::checker::Guarantee;
use crate::history::{Cursors, Op, Resume};
use crate::lean::{Reader, Writer, find, resume};
use crate::load::book::Kept;
use crate::load::open_loop::Load;
use crate::load::{Latencies, Run, Seat, conversations, groups, users};
use crate::remote::hear;
use crate::target::Heard;
use crate::task::spawn;

/// Members of a group that are cut off; one more writes and is not.
const MEMBERS: usize = 10;
/// Sockets opened at a time before the load begins.
const AT_ONCE: usize = 64;
/// The first try comes within this time, and the longest that one waits.
const BASE: Duration = Duration::from_secs(1);
const CAP: Duration = Duration::from_secs(30);
/// Longest wait until everybody is back.
const BACK: Duration = Duration::from_mins(1);
/// Longest time of one try.
const TRY: Duration = Duration::from_secs(15);
/// How often it is looked.
const LOOK: Duration = Duration::from_millis(20);

/// How large it is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Sockets that are cut.
    pub sockets: usize,
    /// Messages a second over all groups.
    pub rate: f64,
    /// How long there is no network.
    pub away: Duration,
}

/// What comes of those who come back.
#[derive(Debug, Default)]
struct Tally {
    open: AtomicUsize,
    back: AtomicUsize,
    /// From the cut.
    caught_up: Latencies,
    /// From the try that succeeded.
    resumed: Latencies,
    missed: AtomicU64,
    failed: AtomicU64,
    resets: AtomicU64,
}

/// What all who are cut off share.
struct Herd {
    run: Arc<Run>,
    tally: Tally,
    /// When the cut was; none: not yet.
    cut: watch::Receiver<Option<Instant>>,
    away: Duration,
    first: Semaphore,
}

/// The scenario.
pub async fn measure(course: &Course<'_>, size: Size) -> anyhow::Result<Measurement> {
    let Size { sockets, rate, away } = size;
    ensure!(sockets >= MEMBERS, "at least {MEMBERS} sockets");
    let stage = course.stage;
    let count = sockets / MEMBERS;
    let everybody = users(&stage.remote, count * (MEMBERS + 1), &course.gauges).await?;
    let rooms = groups(count, MEMBERS + 1);
    let world = conversations(&stage.remote, everybody, rooms, &course.gauges).await?;
    let run = Run::new(world, &course.tag, course.gauges.clone());
    let sockets = count * MEMBERS;
    run.gauges.phase(&format!("opening {sockets} sockets"));

    let at = |number: usize| stage.remote.socket_authority(number).to_owned();
    let (signal, cut) = watch::channel(None);
    let first = Semaphore::new(AT_ONCE);
    let herd = Arc::new(Herd { run: run.clone(), tally: Tally::default(), cut, away, first });
    let mut load = Load::of(&run);
    let mut tasks = Vec::new();
    for (number, room) in (0_u32..).zip(&run.world.rooms) {
        let Some((writer, others)) = room.members.split_first() else { continue };
        load.sender(&at(*writer as usize), *writer, &[number], true).await?;
        for user in others {
            let member = Member {
                herd: herd.clone(),
                user: *user,
                room: number,
                at: at(*user as usize),
                cursor: 0,
                half: None,
                rng: StdRng::seed_from_u64(course.seed ^ u64::from(*user)),
            };
            tasks.push(spawn(member.live()));
        }
    }
    let open = until(&herd.tally.open, sockets).await;
    ensure!(open == sockets, "{open} of {sockets} sockets open after {BACK:?}");

    let plan = course.plan(rate);
    let cut = async {
        sleep(plan.warm + plan.length / 3).await;
        run.gauges.phase(&format!("{sockets} sockets are cut"));
        signal.send_replace(Some(Instant::now()));
    };
    let (driven, ()) = tokio::join!(load.drive(&plan, None, async || stage.reading().await), cut);
    let driven = driven?;
    let back = until(&herd.tally.back, sockets).await;
    run.gauges.phase("waiting for the last messages");
    let behind = run.settle().await;

    let tally = &herd.tally;
    let mut figures = Figures::default();
    figures.count("sockets", "sockets that were cut and came back", back as u64);
    figures.latency("caughtup", "cut → caught up", &tally.caught_up);
    figures.latency("resume", "dialled → caught up", &tally.resumed);
    figures.count(
        "missed",
        "changes that were told afterwards",
        tally.missed.load(Ordering::SeqCst),
    );
    figures.count(
        "resets",
        "conversations of which not all could be told",
        tally.resets.load(Ordering::SeqCst),
    );
    figures.count("failed", "tries that did not lead back", tally.failed.load(Ordering::SeqCst));
    figures.count("absent", "sockets that did not come back", (sockets - back) as u64);
    figures.count("behind", "sockets that lack something in the end", behind as u64);
    open_loop(&run, &driven, &mut figures);
    let (from, to) = (&driven.before, &driven.after);
    figures.costs(from, to, driven.lasted.as_secs_f64(), ("message", driven.messages));
    let cpu = to.cpu().saturating_sub(from.cpu()).as_secs_f64();
    let words = "server CPU while this was measured, per socket that came back";
    figures.add("cpu.reconnect", words, cpu * 1e6 / sockets as f64, Unit::CpuMicros);
    let title = format!(
        "{sockets} sockets in {count} groups cut at once, {} ms without network, full jitter up to {} s, \
         {rate} messages/s meanwhile, open loop, {}",
        away.as_millis(),
        BASE.as_secs(),
        course.gaps()
    );
    let mut needs = needs(&run);
    // Each comes with a cursor twice: at the begin and behind the cut.
    needs.push((Guarantee::GapFreeResume, 2 * sockets as u64));
    tasks.extend(driven.readers);
    let witnessed = witnessed(&run);
    Ok(Measurement { run, title, figures, needs, witnessed, tasks })
}

/// Waits until so many are counted, or for the longest time; how many there are.
async fn until(counted: &AtomicUsize, all: usize) -> usize {
    let deadline = Instant::now() + BACK;
    loop {
        let now = counted.load(Ordering::SeqCst);
        if now >= all || Instant::now() > deadline {
            return now.min(all);
        }
        sleep(LOOK).await;
    }
}

/// Longest wait before a try, counted from 0: what full jitter takes a random part of.
fn span(tries: u32) -> Duration {
    BASE.saturating_mul(2_u32.saturating_pow(tries)).min(CAP)
}

/// One who is cut off and comes back.
struct Member {
    herd: Arc<Herd>,
    user: u32,
    room: u32,
    at: String,
    /// The last change that he has.
    cursor: i64,
    rng: StdRng,
    /// A socket that has not caught up yet.
    half: Option<Seat>,
}

/// An open socket.
type Open = (Seat, Writer, Reader);

impl Member {
    async fn live(mut self) -> anyhow::Result<()> {
        let herd = self.herd.clone();
        let mut cut = herd.cut.clone();
        let first = herd.first.acquire().await?;
        let mut open = self.come(0).await?.0;
        herd.tally.open.fetch_add(1, Ordering::SeqCst);
        herd.run.gauges.step();
        drop(first);
        let when = tokio::select! {
            // A socket that ends by itself is counted; its user comes back with the others.
            () = self.listen(&mut open) => None,
            when = cut.wait_for(Option::is_some) => *when?,
        };
        let when = match when {
            Some(when) => when,
            None => (*cut.wait_for(Option::is_some).await?).context("the time of the cut")?,
        };
        herd.run.blind(open.0);
        drop(open);
        sleep(herd.away).await;
        let mut tries = 0;
        let mut open = loop {
            let wait = self.rng.random_range(Duration::ZERO..span(tries));
            sleep(wait).await;
            let began = Instant::now();
            if let Ok(Ok((open, told))) = timeout(TRY, self.come(self.cursor)).await {
                herd.tally.resumed.record(began.elapsed());
                herd.tally.caught_up.record(when.elapsed());
                herd.tally.missed.fetch_add(told, Ordering::SeqCst);
                break open;
            }
            if let Some(seat) = self.half.take() {
                herd.run.blind(seat);
            }
            herd.tally.failed.fetch_add(1, Ordering::SeqCst);
            tries += 1;
        };
        herd.tally.back.fetch_add(1, Ordering::SeqCst);
        self.listen(&mut open).await;
        Ok(())
    }

    /// Opens a socket with his cursor, and is told what he missed: how much that was.
    async fn come(&mut self, from: i64) -> anyhow::Result<(Open, u64)> {
        let run = self.herd.run.clone();
        let who = run.world.user(self.user).context("a user in the list")?;
        let room = run.world.room(self.room).context("a conversation in the list")?.id;
        let start = run.book.recorder().now();
        let cursors = format!(r#"{{"conversations":{{"{room}":{from}}}}}"#);
        let (mut writer, mut reader) = resume(&self.at, &who.token, &cursors).await?;
        let seat = run.seat(self.user, true);
        self.half = Some(seat);
        let conversations: BTreeMap<_, _> = [(room, from)].into_iter().collect();
        let mut told = Resume {
            socket: seat.socket,
            by: who.id,
            from: Cursors { conversations, feed: None },
            done: None,
            reset: BTreeMap::new(),
        };
        let mut missed = 0;
        let end = loop {
            let Ok(frame) = reader.next().await else { break None };
            let text = std::str::from_utf8(frame)?;
            let Some(all) = hear(text, who.id) else { break None };
            for heard in all {
                match heard {
                    Heard::Event(event) => {
                        missed += u64::from(event.tells.resumed);
                        self.note(&run, seat, event);
                    }
                    Heard::Reset(conversation, rev) => {
                        self.herd.tally.resets.fetch_add(1, Ordering::SeqCst);
                        self.cursor = self.cursor.max(rev);
                        told.reset.insert(conversation, rev);
                    }
                    Heard::Done(cursors) => told.done = Some(cursors),
                }
            }
            if told.done.is_some() {
                break Some(());
            }
            if reader.pinged() {
                writer.pong(&mut reader).await?;
            }
        };
        run.book.recorder().lasted(self.user, 0, start, Op::Resume(told));
        if end.is_none() {
            bail!("the socket ended before it had caught up");
        }
        self.half = None;
        Ok(((seat, writer, reader), missed))
    }

    /// Listens until the socket ends, whatever ends it: then it is no witness any more.
    async fn listen(&mut self, open: &mut Open) {
        let run = self.herd.run.clone();
        // The error is the end that was waited for: it is counted.
        drop(self.read(&run, open).await);
        run.unseat(open.0);
    }

    async fn read(&mut self, run: &Run, (seat, writer, reader): &mut Open) -> anyhow::Result<()> {
        let who = run.world.user(self.user).context("a user in the list")?;
        loop {
            let frame = reader.next().await?;
            let heard = std::str::from_utf8(frame).ok().and_then(|text| hear(text, who.id));
            let Some(heard) = heard else {
                if find(frame, b"\"type\":\"resync\"").is_some() {
                    run.gauges.resynced.fetch_add(1, Ordering::SeqCst);
                } else {
                    run.unreadable(frame);
                }
                bail!("nothing behind this frame is to be trusted");
            };
            for heard in heard {
                if let Heard::Event(event) = heard {
                    self.note(run, *seat, event);
                }
            }
            if reader.pinged() {
                writer.pong(reader).await?;
            }
        }
    }

    fn note(&mut self, run: &Run, seat: Seat, event: crate::target::Event) {
        self.cursor = self.cursor.max(event.rev);
        let number =
            event.message.as_ref().and_then(|seen| run.book.number(seen.client.as_deref()?));
        if let Some(number) = number.filter(|_| &*event.kind == "message.created") {
            // Every one of these sockets is watched: the checker finds what comes twice.
            run.came(self.user, number);
        }
        if run.heard(seat, event) == Kept::Full {
            run.blinded(seat);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_which_a_random_part_is_waited_doubles_up_to_a_bound() {
        let spans: Vec<u64> = (0..7).map(|tries| span(tries).as_secs()).collect();
        assert_eq!(spans, [1, 2, 4, 8, 16, 30, 30]);
        assert_eq!(span(u32::MAX), CAP);
    }
}
