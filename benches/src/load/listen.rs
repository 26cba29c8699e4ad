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
use super::ledger::Got;
use super::schedule::Times;
use super::spread::Spread;
use crate::history::{CUT, Op, Outcome, Seen, SocketId};
use crate::lean::{PONG, Reader, Writer, find, number, text_after};
use crate::remote::{answer, hear};
use crate::target::{Event, Heard};

/// A socket that takes nothing for so long is given up.
const TAKEN: Duration = Duration::from_secs(10);

/// How often a pen that somebody else holds is asked for.
const AGAIN: Duration = Duration::from_millis(1);

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
        self.ledger.seat(user);
        Seat { socket, user, watched }
    }

    /// A socket ended. Whoever watched it knows that it is owed nothing any more.
    pub fn unseat(&self, seat: Seat) {
        if !self.is_over() {
            self.gauges.cut.fetch_add(1, Ordering::Relaxed);
        }
        self.ledger.end(seat.user);
        self.blind(seat);
    }

    /// A watched socket got an event; whether there was room for it.
    pub(crate) fn heard(&self, seat: Seat, event: Event) -> Kept {
        self.reach(seat.user, event.rev);
        self.book.heard(&self.world, seat.socket, event)
    }

    /// A socket is no witness any more; whether it was one.
    pub fn blind(&self, seat: Seat) -> bool {
        let watched = self.watching.lock().remove(&seat.socket).is_some();
        if watched {
            self.book.recorder().note(seat.user, 0, Op::SocketClose(seat.socket, Some(CUT)));
        }
        watched
    }

    /// A socket goes on, and can not be a witness.
    pub(crate) fn blinded(&self, seat: Seat) {
        if self.blind(seat) {
            self.gauges.blinded.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A message came to a user's socket: its sender's, if it is the first of it.
    pub(crate) fn came(&self, user: u32, number: Number) -> Came {
        let Some((ask, place)) = self.book.asked(number) else { return Came::Astray };
        match self.ledger.got(user, ask.room, place) {
            Got::First => Came::From(ask.user),
            Got::Again => Came::Again,
            Got::Astray => Came::Astray,
        }
    }

    /// Notes what a socket is told beside answers. One that can not be watched on is no witness from here
    /// on, and that is counted.
    pub(crate) fn look(&self, seat: &mut Seat, frame: &[u8]) {
        if !frame.starts_with(CREATED) && find(frame, b"\"type\":\"resync\"").is_some() {
            self.gauges.resynced.fetch_add(1, Ordering::Relaxed);
            self.ledger.end(seat.user);
            self.blind(*seat);
            seat.watched = false;
        }
        if !seat.watched || !frame.starts_with(b"{\"type\":") {
            return;
        }
        let seen = watch(self, *seat, frame);
        if seen == Watched::Unreadable {
            self.unreadable(frame);
        }
        if seen != Watched::Noted {
            self.blinded(*seat);
            seat.watched = false;
        }
    }
}

/// How frames of new messages begin.
pub(crate) const CREATED: &[u8] = b"{\"type\":\"message.created\"";

/// A message that came to a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Came {
    /// For the first time, from this user.
    From(u32),
    /// Once more.
    Again,
    /// To somebody whose it is not.
    Astray,
}

/// What came of a frame on a watched socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Watched {
    Noted,
    Full,
    Unreadable,
}

/// Reads a socket to its end, whatever ends it: then it is no witness any more.
pub async fn listen(
    run: Arc<Run>,
    mut seat: Seat,
    mut reader: Reader,
    mut pen: Pen,
    clock: Clock,
) -> anyhow::Result<()> {
    // The error is the end that was waited for: it is counted, and nobody else has use for it.
    drop(read(&run, &mut seat, &mut reader, &mut pen, &clock).await);
    run.unseat(seat);
    Ok(())
}

async fn read(
    run: &Run,
    seat: &mut Seat,
    reader: &mut Reader,
    pen: &mut Pen,
    clock: &Clock,
) -> anyhow::Result<()> {
    loop {
        let frame = reader.next().await?;
        let now = Instant::now();
        if frame.starts_with(b"{\"id\":\"") {
            clock.answered(run, frame, now);
        } else {
            if frame.starts_with(CREATED) {
                clock.received(run, seat.user, frame, now);
            }
            run.look(seat, frame);
        }
        if reader.pinged() {
            pen.pong(reader).await?;
        }
    }
}

/// The number in a message's text.
fn numbered(frame: &[u8]) -> Option<Number> {
    let number = number(text_after(frame, b"\"content\":\"")?)?;
    Number::try_from(number).ok()
}

/// Notes what a watched socket is told.
fn watch(run: &Run, seat: Seat, frame: &[u8]) -> Watched {
    let who = run.world.user(seat.user);
    let text = std::str::from_utf8(frame).ok();
    let Some(heard) = text.zip(who).and_then(|(text, who)| hear(text, who.id)) else {
        return Watched::Unreadable;
    };
    let noted = heard.into_iter().all(|heard| match heard {
        Heard::Event(event) => run.heard(seat, event) == Kept::Yes,
        Heard::Reset(..) | Heard::Done(_) => true,
    });
    if noted { Watched::Noted } else { Watched::Full }
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

    /// The sender's own copy is not timed, and none is timed twice.
    pub(crate) fn received(&self, run: &Run, user: u32, frame: &[u8], now: Instant) {
        let came = numbered(frame).map(|number| (number, run.came(user, number)));
        let number = match came {
            Some((number, Came::From(sender))) if sender != user => number,
            Some((_, Came::From(_))) => return,
            Some((_, Came::Again)) => {
                run.gauges.doubled.fetch_add(1, Ordering::Relaxed);
                return;
            }
            Some((_, Came::Astray)) | None => {
                run.unreadable(frame);
                return;
            }
        };
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
        if good && let Some((ask, place)) = run.book.asked(number) {
            run.ledger.acked(ask.room, place, ask.user);
        }
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
                    pong(stream).await?;
                }
                Ok(())
            }
        }
    }
}

/// One pong between the messages of a thread that may hold the pen for long: what waits is this socket's
/// task, and never the thread of all of them.
async fn pong(stream: &Mutex<TcpStream>) -> anyhow::Result<()> {
    let since = Instant::now();
    loop {
        if let Some(mut line) = stream.try_lock() {
            match line.write(&PONG) {
                Ok(0) => anyhow::bail!("the connection ended"),
                Ok(count) if count == PONG.len() => return Ok(()),
                // A part of a frame is out: nothing may come between it and its rest.
                Ok(count) => return write_all(&mut line, PONG.get(count..).unwrap_or_default()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error.into()),
            }
        }
        anyhow::ensure!(since.elapsed() < TAKEN, "nothing was taken for {TAKEN:?}");
        tokio::time::sleep(AGAIN).await;
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

#[cfg(test)]
mod tests {
    use std::io::Read as _;
    use std::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_pong_waits_for_the_pen_and_nobody_else_does() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut far = listener.accept().unwrap().0;
        near.set_nonblocking(true).unwrap();
        let pen = Arc::new(Mutex::new(near));
        let ((taken, is_taken), (give, given)) =
            (mpsc::sync_channel(1), mpsc::sync_channel::<()>(1));
        let writing = pen.clone();
        let sender = std::thread::spawn(move || {
            let _held = writing.lock();
            taken.send(()).unwrap();
            given.recv().unwrap();
        });
        is_taken.recv().unwrap();
        let mut ponging = Box::pin(pong(&pen));
        // On the only thread there is, something else goes on while the pen is held.
        tokio::select! {
            biased;
            _ = &mut ponging => panic!("the pen is held"),
            () = tokio::time::sleep(AGAIN * 20) => {}
        }
        give.send(()).unwrap();
        sender.join().unwrap();
        ponging.await.unwrap();
        let mut bytes = [0; PONG.len()];
        far.read_exact(&mut bytes).unwrap();
        assert_eq!(bytes, PONG);
    }
}
