//! As much as goes: users in pairs, each sending the next message when the last one is acknowledged.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use tokio::sync::Barrier;
use tokio::task::JoinHandle;
use tokio::time::{sleep, sleep_until};

use super::course::{Course, Measurement, WITNESSED, needs, unacked, undelivered};
use super::figures::{Figures, Unit};
use super::setup::{Stage, costs};
use super::{Bench, Measured, tell};
use crate::history::Outcome;
use crate::lean::{Conn, Reader, Writer, find, mask_free, open};
use crate::load::book::{Ask, Book, DIGITS, Number};
use crate::load::{CREATED, Clock, Gauges, Part, Refused, Run, Seat, Window};
use crate::remote::{Answer, written};
use crate::task::spawn;

/// Time before measuring: caches warm, files grow.
const WARM: Duration = Duration::from_secs(3);
/// Pause of a client that was refused.
const REFUSED: Duration = Duration::from_millis(50);
/// Users whose sockets are watched, at most.
const WATCHED: usize = 64;

/// By which way messages are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// Frames on a socket that also gets all events.
    Sockets,
    /// Requests on a connection that is kept.
    Rest,
}

/// Runs it with so many users.
pub async fn run(bench: &Bench, over: Over, users: usize) -> anyhow::Result<Measured> {
    let name = over.name();
    let stage = Stage::set(bench, name).await?;
    let gauges = Arc::new(Gauges::default());
    let run = Run::new(stage.pairs(users, &gauges).await?, "s", gauges);
    let authority = stage.authority();
    let reading = async || stage.reading().await;
    let driven = drive(&run, over, bench.seconds, |_| authority.clone(), reading).await?;
    let mut measured = Measured::new(format!("{name}, {} users", run.world.users.len()));
    driven.told(&run, &mut measured);
    costs(&driven.before, &driven.after, driven.messages, &mut measured);
    if over == Over::Sockets {
        measured.add("events received per second", driven.events as f64 / driven.seconds());
    }
    driven.end(&run);
    stage.strike().await?;
    Ok(measured)
}

/// The scenario: so many users by one way, one message each in flight.
pub async fn measure(course: &Course<'_>, over: Over, users: usize) -> anyhow::Result<Measurement> {
    let stage = course.stage;
    let run =
        Run::new(stage.pairs(users, &course.gauges).await?, &course.tag, course.gauges.clone());
    let at = |number| match over {
        Over::Sockets => stage.remote.socket_authority(number).to_owned(),
        Over::Rest => stage.remote.authority(number).to_owned(),
    };
    let reading = async || stage.reading().await;
    let driven = drive(&run, over, course.length.as_secs(), at, reading).await?;
    let mut figures = Figures::default();
    figures.add("rate", "acknowledged messages", driven.rate(), Unit::PerSecond);
    figures.latency("ack", "sent → ack", &run.gauges.acks);
    if over == Over::Sockets {
        figures.latency("recv", "sent → received", &run.gauges.received);
        let events = driven.events as f64 / driven.seconds();
        figures.add("events", "messages that the others' sockets got", events, Unit::PerSecond);
        undelivered(&run, &mut figures);
    }
    unacked(&run, &mut figures);
    let (from, to) = (&driven.before, &driven.after);
    figures.costs(from, to, driven.seconds(), ("message", driven.messages));
    let way = if over == Over::Sockets { "sockets" } else { "REST" };
    let users = run.world.users.len();
    let title =
        format!("{users} users over {way}, CLOSED loop, one message each in flight: {users}");
    let (needs, tasks) = (needs(&run), driven.clients);
    // Of so many sockets a part is watched, and each is told what two people send: a half of that.
    let share = run.gauges.acks.count() * WATCHED.min(users) as u64 / users.max(1) as u64;
    let witnessed = if over == Over::Sockets { share.clamp(1, WITNESSED) } else { 0 };
    Ok(Measurement { run, title, figures, needs, witnessed, tasks })
}

/// What came of it, with readings at the begin and the end of what was measured.
#[derive(Debug)]
pub struct Driven<R> {
    /// At the begin.
    pub before: R,
    /// At the end.
    pub after: R,
    /// Between them.
    pub lasted: Duration,
    /// Messages that were acknowledged meanwhile.
    pub messages: u64,
    /// Messages that somebody else's socket got meanwhile.
    pub events: u64,
    /// Clients, which listen still.
    pub clients: Vec<JoinHandle<anyhow::Result<()>>>,
}

/// Every user of the pairs sends as fast as acks come; `authority` says where, by number of the user.
pub async fn drive<R>(
    run: &Arc<Run>,
    over: Over,
    seconds: u64,
    authority: impl Fn(usize) -> String,
    reading: impl AsyncFn() -> anyhow::Result<R>,
) -> anyhow::Result<Driven<R>> {
    run.gauges.phase("warming up");
    let from = Instant::now() + WARM;
    let window = Window { from, until: from + Duration::from_secs(seconds) };
    let users = (0_u32..)
        .zip(&run.world.rooms)
        .flat_map(|(place, room)| room.members.iter().map(move |user| (*user, place)));
    let every = run.world.users.len().div_ceil(WATCHED).max(1);
    let met: Vec<_> =
        run.world.rooms.iter().map(|room| Arc::new(Barrier::new(room.members.len()))).collect();
    let mut clients = Vec::new();
    for (number, (user, room)) in users.enumerate() {
        let client = Client {
            run: run.clone(),
            window,
            user,
            room,
            at: authority(number),
            met: met.get(room as usize).context("a conversation in the list")?.clone(),
        };
        let watched = number % every == 0;
        clients.push(match over {
            Over::Sockets => spawn(async move { client.over_sockets(watched).await }),
            Over::Rest => spawn(async move { client.over_rest().await }),
        });
    }
    sleep_until(window.from.into()).await;
    let (before, began) = (reading().await?, Instant::now());
    run.gauges.phase("measuring");
    sleep_until(window.until.into()).await;
    let (after, lasted) = (reading().await?, began.elapsed());
    run.gauges.phase("waiting for the last messages");
    run.settle().await;
    let mut listening = Vec::new();
    for client in clients {
        if client.is_finished() {
            client.await??;
        } else {
            listening.push(client);
        }
    }
    let (messages, events) = (run.gauges.acks.count(), run.gauges.received.count());
    Ok(Driven { before, after, lasted, messages, events, clients: listening })
}

impl<R> Driven<R> {
    fn seconds(&self) -> f64 {
        self.lasted.as_secs_f64().max(1e-3)
    }

    /// Acknowledged messages a second.
    pub fn rate(&self) -> f64 {
        self.messages as f64 / self.seconds()
    }

    /// Ends the clients.
    pub(super) fn end(self, run: &Run) {
        run.end();
        self.clients.iter().for_each(JoinHandle::abort);
    }

    /// The rate and the latency of acks at it.
    pub(super) fn told(&self, run: &Run, measured: &mut Measured) {
        measured.add("durable messages per second", self.rate());
        tell(&run.gauges.acks, "ack", measured);
    }
}

impl Over {
    fn name(self) -> &'static str {
        match self {
            Self::Sockets => "saturate-ws",
            Self::Rest => "saturate-rest",
        }
    }
}

/// A request with places for a running number, which are found once.
struct Template {
    bytes: Vec<u8>,
    places: Vec<usize>,
}

impl Template {
    /// `text` holds `mark` wherever the number belongs.
    fn new(bytes: Vec<u8>, mark: &[u8]) -> Self {
        let mut places = Vec::new();
        let mut from = 0;
        while let Some(place) = bytes.get(from..).and_then(|rest| find(rest, mark)) {
            places.push(from + place);
            from += place + mark.len();
        }
        Self { bytes, places }
    }

    /// The request with this number, which is told as it stands there.
    fn numbered(&mut self, number: u32) -> (&[u8], [u8; DIGITS]) {
        let mut digits = [b'0'; DIGITS];
        let mut rest = number;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or(0);
            rest /= 10;
        }
        for place in &self.places {
            if let Some(hole) = self.bytes.get_mut(*place..place + DIGITS) {
                hole.copy_from_slice(&digits);
            }
        }
        (&self.bytes, digits)
    }
}

/// Stands for the number until it is known.
const MARK: &str = "##########";

/// The text of a message with the mark in the place of its number.
fn content() -> String {
    let text = Book::content(0);
    format!("{MARK}{}", text.get(DIGITS..).unwrap_or_default())
}

/// The client's own id with the mark in it.
fn client(run: &Run) -> String {
    run.book.client(0).replace(&"0".repeat(DIGITS), MARK)
}

/// One user who sends.
struct Client {
    run: Arc<Run>,
    window: Window,
    user: u32,
    room: u32,
    at: String,
    /// Passed when every member of the conversation has a socket: what is sent before is owed to nobody.
    met: Arc<Barrier>,
}

impl Client {
    fn ask(&self, seat: Option<Seat>) -> Ask {
        Ask { room: self.room, user: self.user, socket: seat.map(|seat| seat.socket) }
    }

    fn goes_on(&self) -> bool {
        Instant::now() < self.window.until && !self.run.is_over()
    }

    /// A client whose connection ends counts as cut, and what it had in flight as unknown.
    fn cut(&self, last: Option<Number>) {
        let Some(number) = last else { return };
        let outcome = Outcome::Unknown("cut".to_owned());
        Clock::Sent(self.window).settled(&self.run, number, outcome, Instant::now());
    }

    async fn over_sockets(self, watched: bool) -> anyhow::Result<()> {
        let run = &self.run;
        let who = run.world.user(self.user).context("a user in the list")?;
        let to = run.world.room(self.room).context("a conversation in the list")?.id;
        let (mut writer, mut reader) = open(&self.at, &who.token).await?;
        let seat = run.seat(self.user, watched);
        self.met.wait().await;
        let frame = format!(
            r#"{{"id":"{MARK}","type":"message.send","data":{{"conversationId":"{to}","clientMessageId":"{}","type":"text","content":"{}"}}}}"#,
            client(run),
            content(),
        );
        let mut template = Template::new(mask_free(frame.as_bytes()), MARK.as_bytes());
        let mut line = Line { run, seat, clock: Clock::Sent(self.window) };
        let mut open = None;
        let talk = async {
            while self.goes_on() {
                let Some(number) = run.book.begin(self.ask(Some(seat))) else { break };
                let (frame, id) = template.numbered(number);
                run.gauges.sent(None, Part::Around);
                open = Some(number);
                writer.write(frame).await?;
                let refused = line.answer(&mut reader, &mut writer, &id).await?;
                open = None;
                if refused == Refused::Yes {
                    sleep(REFUSED).await;
                }
            }
            // The other one's last messages are still to come.
            loop {
                line.take(&mut reader, &mut writer).await?;
            }
        };
        // The error is how it ended; it is counted, and everybody else goes on.
        let ended: anyhow::Result<std::convert::Infallible> = talk.await;
        drop(ended);
        self.cut(open);
        run.unseat(seat);
        Ok(())
    }

    async fn over_rest(self) -> anyhow::Result<()> {
        let run = &self.run;
        let who = run.world.user(self.user).context("a user in the list")?;
        let to = run.world.room(self.room).context("a conversation in the list")?.id;
        let mut conn = Conn::open(&self.at).await?;
        let body = format!(
            r#"{{"conversationId":"{to}","content":"{}","clientMessageId":"{}"}}"#,
            content(),
            client(run),
        );
        let request = format!(
            "POST /api/v1/messages HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            self.at,
            who.token,
            body.len(),
        );
        let mut template = Template::new(request.into_bytes(), MARK.as_bytes());
        let (mut answer, clock) = (Vec::new(), Clock::Sent(self.window));
        while self.goes_on() {
            let Some(number) = run.book.begin(self.ask(None)) else { break };
            let (request, _) = template.numbered(number);
            run.gauges.sent(None, Part::Around);
            let Ok(status) = conn.ask(request, &mut answer).await else {
                self.cut(Some(number));
                run.gauges.cut.fetch_add(1, Ordering::Relaxed);
                break;
            };
            let answer = Answer { status, body: Bytes::copy_from_slice(&answer) };
            let outcome = written(&answer);
            if clock.settled(run, number, outcome, Instant::now()) == Refused::Yes {
                sleep(REFUSED).await;
            }
        }
        Ok(())
    }
}

/// What one socket is told.
struct Line<'r> {
    run: &'r Run,
    seat: Seat,
    clock: Clock,
}

impl Line<'_> {
    /// Reads on until this request is answered.
    async fn answer(
        &mut self,
        reader: &mut Reader,
        writer: &mut Writer,
        id: &[u8; DIGITS],
    ) -> anyhow::Result<Refused> {
        loop {
            match self.take(reader, writer).await? {
                None => {}
                Some((answered, refused)) if answered == *id => return Ok(refused),
                Some((answered, _)) => {
                    self.run.unreadable(&answered);
                    bail!("an answer to nothing");
                }
            }
        }
    }

    /// Takes one frame; of an answer, the number and whether it is a refusal.
    async fn take(
        &mut self,
        reader: &mut Reader,
        writer: &mut Writer,
    ) -> anyhow::Result<Option<([u8; DIGITS], Refused)>> {
        let frame = reader.next().await?;
        let now = Instant::now();
        let mut answered = None;
        if let Some(rest) = frame.strip_prefix(b"{\"id\":\"") {
            let id = rest.first_chunk::<DIGITS>().copied().context("an answer's number")?;
            answered = Some((id, self.clock.answered(self.run, frame, now)));
        } else {
            if frame.starts_with(CREATED) {
                self.clock.received(self.run, self.seat.user, frame, now);
            }
            self.run.look(&mut self.seat, frame);
        }
        if reader.pinged() {
            writer.pong(reader).await?;
        }
        Ok(answered)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_counts_in_every_place() {
        let mut template = Template::new(format!("a{MARK}b{MARK}").into_bytes(), MARK.as_bytes());
        template.numbered(1);
        let (bytes, number) = template.numbered(2);
        assert_eq!(bytes, b"a0000000002b0000000002");
        assert_eq!(&number, b"0000000002");
    }
}
