//! One socket of a run: what it is told is timed, and noted where the socket is watched.

use std::io::{ErrorKind, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::Run;
use super::book::{Kept, Number};
use super::gauges::Part;
use super::schedule::Times;
use super::spread::Spread;
use crate::history::{CUT, Op, Outcome, Seen, SocketId};
use crate::lean::{PONG, Reader, Writer, find, number, text_after};
use crate::remote::{answer, hear};
use crate::target::{Event, Heard};

/// A socket that takes nothing for so long is given up.
const TAKEN: Duration = Duration::from_secs(10);

/// A socket and whose it is.
#[derive(Clone, Copy, Debug)]
pub struct Seat {
    /// Its number in the history.
    pub socket: SocketId,
    /// Place of its user.
    pub user: u32,
    /// Whether what it is told goes into the history.
    pub watched: bool,
}

/// The writing half.
#[derive(Debug)]
pub enum Pen {
    /// The reading task's own.
    Own(Writer),
    /// Shared with a thread that keeps its own time.
    Shared(Arc<Mutex<TcpStream>>),
}

/// What messages are timed against.
#[derive(Clone, Debug)]
pub enum Clock {
    /// When each was due: an open loop. Where there are groups, also how it spreads in them.
    Due(Arc<Times>, Option<Arc<Spread>>),
    /// When each was sent: a closed loop, which measures in a window.
    Sent(Window),
}

/// What a closed loop measures.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// From here on.
    pub from: Instant,
    /// Until then.
    pub until: Instant,
}

impl Window {
    /// Whether a moment is in it.
    pub fn part(&self, at: Instant) -> Part {
        Part::measured(self.from <= at && at < self.until)
    }
}

impl Run {
    /// A socket is open from now on.
    pub fn seat(&self, user: u32, watched: bool) -> Seat {
        let socket = self.book.recorder().socket();
        if watched && let Some(who) = self.world.user(user) {
            self.book.recorder().note(user, 0, Op::SocketOpen(socket, who.id));
            self.watching.lock().insert(socket, user);
        }
        Seat { socket, user, watched }
    }

    /// A socket ended. Whoever watched it knows that it is owed nothing any more.
    pub fn unseat(&self, seat: Seat) {
        if !self.is_over() {
            self.gauges.cut.fetch_add(1, Ordering::Relaxed);
        }
        self.blind(seat);
    }

    /// A watched socket got an event; whether there was room for it.
    pub(crate) fn heard(&self, seat: Seat, event: Event) -> Kept {
        self.reach(seat.user, event.rev);
        self.book.heard(&self.world, seat.socket, event)
    }

    /// A socket is no witness any more.
    pub fn blind(&self, seat: Seat) {
        if self.watching.lock().remove(&seat.socket).is_some() {
            self.book.recorder().note(seat.user, 0, Op::SocketClose(seat.socket, Some(CUT)));
        }
    }
}

/// Reads a socket to its end.
pub async fn listen(
    run: Arc<Run>,
    mut seat: Seat,
    mut reader: Reader,
    mut pen: Pen,
    clock: Clock,
) -> anyhow::Result<()> {
    loop {
        let Ok(frame) = reader.next().await else {
            run.unseat(seat);
            return Ok(());
        };
        let now = Instant::now();
        if frame.starts_with(b"{\"type\":\"message.created\"") {
            clock.received(&run, seat.user, frame, now);
        } else if frame.starts_with(b"{\"id\":\"") {
            clock.answered(&run, frame, now);
        } else if find(frame, b"\"type\":\"resync\"").is_some() {
            run.gauges.resynced.fetch_add(1, Ordering::Relaxed);
            run.blind(seat);
            seat.watched = false;
        }
        if seat.watched && frame.starts_with(b"{\"type\":") && !watch(&run, seat, frame) {
            run.blind(seat);
            seat.watched = false;
        }
        if reader.pinged() {
            pen.pong(&mut reader).await?;
        }
    }
}

/// The number in a message's text.
fn numbered(frame: &[u8]) -> Option<Number> {
    let number = number(text_after(frame, b"\"content\":\"")?)?;
    Number::try_from(number).ok()
}

/// Notes what a watched socket is told; whether it can be watched on.
pub(crate) fn watch(run: &Run, seat: Seat, frame: &[u8]) -> bool {
    let who = run.world.user(seat.user);
    let text = std::str::from_utf8(frame).ok();
    let Some(heard) = text.zip(who).and_then(|(text, who)| hear(text, who.id)) else {
        return false;
    };
    heard.into_iter().all(|heard| match heard {
        Heard::Event(event) => run.heard(seat, event) == Kept::Yes,
        Heard::Reset(..) | Heard::Done(_) => true,
    })
}

impl Clock {
    /// Since when a message counts, and whether it is measured.
    fn age(&self, run: &Run, number: Number, now: Instant) -> Option<(Duration, Part)> {
        match self {
            Self::Due(times, _) => {
                let late = now.saturating_duration_since(times.due(number)?);
                Some((late, Part::measured(times.measured(number))))
            }
            Self::Sent(window) => Some((run.book.age(number)?, window.part(now))),
        }
    }

    /// The sender's own copy is not timed.
    pub(crate) fn received(&self, run: &Run, user: u32, frame: &[u8], now: Instant) {
        let Some(number) = numbered(frame) else { return };
        if run.book.sender(number).is_none_or(|sender| sender == user) {
            return;
        }
        let Some((latency, part)) = self.age(run, number, now) else { return };
        run.gauges.received(latency, part);
        if let Self::Due(_, Some(spread)) = self
            && part == Part::Measured
        {
            spread.got(number, latency);
        }
    }

    /// An answer to a send; whether it is a refusal.
    pub(crate) fn answered(&self, run: &Run, frame: &[u8], now: Instant) -> Refused {
        let answer = std::str::from_utf8(frame).ok().and_then(answer);
        let Some((number, outcome)) = answer else { return Refused::No };
        self.settled(run, number, outcome, now)
    }

    /// The same for an outcome that is known.
    pub(crate) fn settled(
        &self,
        run: &Run,
        number: Number,
        outcome: Outcome<Seen>,
        now: Instant,
    ) -> Refused {
        let good = matches!(outcome, Outcome::Ok(_));
        match self.age(run, number, now).filter(|_| good) {
            Some((latency, part)) => run.gauges.acked(latency, part),
            None => run.gauges.refused(),
        }
        run.book.answered(&run.world, number, outcome);
        if good { Refused::No } else { Refused::Yes }
    }
}

/// Whether a send was answered with something else than an ack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    Yes,
    No,
}

impl Pen {
    /// Answers the pings that the reader met.
    async fn pong(&mut self, reader: &mut Reader) -> anyhow::Result<()> {
        match self {
            Self::Own(writer) => writer.pong(reader).await,
            Self::Shared(stream) => {
                for _ in 0..reader.take_pings() {
                    write_all(&mut stream.lock(), &PONG)?;
                }
                Ok(())
            }
        }
    }
}

/// The other half is read by the runtime, so the socket does not block.
pub(super) fn write_all(line: &mut TcpStream, mut bytes: &[u8]) -> anyhow::Result<()> {
    let mut waits: Option<Instant> = None;
    while !bytes.is_empty() {
        match line.write(bytes) {
            Ok(0) => anyhow::bail!("the connection ended"),
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let since = *waits.get_or_insert_with(Instant::now);
                anyhow::ensure!(since.elapsed() < TAKEN, "nothing was taken for {TAKEN:?}");
                std::thread::yield_now();
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
