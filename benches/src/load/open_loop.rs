//! Messages at a rate, each at the time at which it is due, whatever became of those before it: an open
//! loop. Latency is from that time ([`super::schedule`]).
//!
//! A thread of its own keeps the times: the runtime's timer is as coarse as what is to be measured.

use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use parking_lot::Mutex;
use tokio::task::JoinHandle;

use super::Run;
use super::book::{Ask, Book, Number};
use super::gauges::Part;
use super::listen::{Clock, Pen, Seat, listen, write_all};
use super::schedule::{Plan, Times};
use super::spread::Spread;
use crate::history::{Outcome, SocketId};
use crate::lean::{Reader, mask_free, open, open_apart};
use crate::task::spawn;

/// Time between the plan and its begin: tasks are started in it.
const BEGIN: Duration = Duration::from_millis(200);
/// Sleep ends this long before a message is due; the rest is spun.
const SPIN: Duration = Duration::from_micros(60);
/// Sockets opened at a time.
const AT_ONCE: usize = 64;

/// Who sends where, in turn.
#[derive(Debug)]
struct Line {
    pen: Arc<Mutex<TcpStream>>,
    socket: SocketId,
    user: u32,
    room: u32,
}

/// Open sockets, those of senders and those of receivers.
#[derive(Debug)]
pub struct Load {
    run: Arc<Run>,
    lines: Vec<Line>,
    readers: Vec<(Seat, Reader, Pen)>,
}

/// What came of it, with readings at the begin and the end of what was measured.
#[derive(Debug)]
pub struct Driven<R> {
    /// At the first measured message.
    pub before: R,
    /// At the end.
    pub after: R,
    /// Between them.
    pub lasted: Duration,
    /// Messages that were measured.
    pub messages: u64,
    /// Tasks that read sockets until these end.
    pub readers: Vec<JoinHandle<anyhow::Result<()>>>,
}

impl Load {
    /// No sockets yet.
    pub fn of(run: &Arc<Run>) -> Self {
        Self { run: run.clone(), lines: Vec::new(), readers: Vec::new() }
    }

    /// Opens the socket of one who sends, and maybe to several conversations.
    pub async fn sender(
        &mut self,
        authority: &str,
        user: u32,
        rooms: &[u32],
        watched: bool,
    ) -> anyhow::Result<()> {
        let token = &self.run.world.user(user).context("a user in the list")?.token;
        let (stream, reader) = open_apart(authority, token).await?;
        let pen = Arc::new(Mutex::new(stream));
        let seat = self.run.seat(user, watched);
        for room in rooms {
            let (pen, socket) = (pen.clone(), seat.socket);
            self.lines.push(Line { pen, socket, user, room: *room });
        }
        self.readers.push((seat, reader, Pen::Shared(pen)));
        Ok(())
    }

    /// Opens the sockets of those who only listen: (user, watched) each.
    pub async fn receivers(
        &mut self,
        authority: impl Fn(usize) -> String,
        users: &[(u32, bool)],
    ) -> anyhow::Result<()> {
        use futures_util::{StreamExt as _, TryStreamExt as _, stream};
        let run = &self.run;
        let open = |(number, (user, watched)): (usize, &(u32, bool))| {
            let (at, user, watched) = (authority(number), *user, *watched);
            let token = run.world.user(user).map(|user| user.token.clone());
            async move {
                let token = token.context("a user in the list")?;
                let (writer, reader) = open(&at, &token).await?;
                run.gauges.step();
                anyhow::Ok((run.seat(user, watched), reader, Pen::Own(writer)))
            }
        };
        let opened: Vec<_> = stream::iter(users.iter().enumerate().map(open))
            .buffered(AT_ONCE)
            .try_collect()
            .await?;
        self.readers.extend(opened);
        Ok(())
    }

    /// Sends by this plan.
    pub async fn drive<R>(
        self,
        plan: &Plan,
        spread: Option<Arc<Spread>>,
        reading: impl AsyncFn() -> anyhow::Result<R>,
    ) -> anyhow::Result<Driven<R>> {
        let Self { run, lines, readers } = self;
        let times = Arc::new(plan.draw(Instant::now() + BEGIN)?);
        let clock = Clock::Due(times.clone(), spread);
        let readers: Vec<_> = readers
            .into_iter()
            .map(|(seat, reader, pen)| spawn(listen(run.clone(), seat, reader, pen, clock.clone())))
            .collect();
        run.gauges.phase("warming up");
        let (sent, at) = (run.clone(), times.clone());
        let sender = std::thread::Builder::new()
            .name("sender".to_owned())
            .spawn(move || send(&sent, &lines, &at))
            .context("a thread for the times")?;
        let from = times.began() + plan.warm;
        tokio::time::sleep_until(from.into()).await;
        let before = reading().await?;
        let began = Instant::now();
        run.gauges.phase("measuring");
        tokio::time::sleep_until((from + plan.length).into()).await;
        let after = reading().await?;
        let lasted = began.elapsed();
        let joined = tokio::task::spawn_blocking(move || sender.join()).await?;
        joined.map_err(|_| anyhow::anyhow!("the sender panicked"))?;
        run.gauges.phase("waiting for the last messages");
        run.settle().await;
        Ok(Driven { before, after, lasted, messages: times.count(), readers })
    }
}

impl<R> Driven<R> {
    /// Ends the sockets.
    pub fn end(self, run: &Run) {
        run.end();
        for reader in self.readers {
            reader.abort();
        }
    }
}

/// Sends everything at its time.
fn send(run: &Run, lines: &[Line], times: &Times) {
    let count = lines.len().max(1);
    for number in 0..times.len() {
        let Some(line) = lines.get(number % count) else { return };
        let Ok(number) = Number::try_from(number) else { return };
        let Some(due) = times.due(number) else { return };
        let frame = frame(run, line, number);
        if let Some(wait) = due.checked_duration_since(Instant::now() + SPIN) {
            std::thread::sleep(wait);
        }
        while Instant::now() < due {
            std::hint::spin_loop();
        }
        if run.is_over() {
            return;
        }
        let part = Part::measured(times.measured(number));
        let ask = Ask { room: line.room, user: line.user, socket: Some(line.socket) };
        if run.book.begin(ask) != Some(number) {
            return;
        }
        run.gauges.sent(Some(due.elapsed()), part);
        if write_all(&mut line.pen.lock(), &frame).is_err() {
            run.book.answered(&run.world, number, Outcome::Unknown("cut".to_owned()));
            run.gauges.refused();
        }
    }
}

fn frame(run: &Run, line: &Line, number: Number) -> Vec<u8> {
    let Some(room) = run.world.room(line.room) else { return Vec::new() };
    let (client, content) = (run.book.client(number), Book::content(number));
    let id = room.id;
    mask_free(
        format!(
            r#"{{"id":"{number}","type":"message.send","data":{{"conversationId":"{id}","clientMessageId":"{client}","type":"text","content":"{content}"}}}}"#
        )
        .as_bytes(),
    )
}
