//! Between the requests of a connection that polls and its task: what came and is not read, what is
//! written and not fetched, each with a bound.
//!
//! A request takes a short lock and never waits for the task, except a POST while more waits to be read
//! than may. A poll that finds something is answered at once; one that finds nothing is kept, one at
//! most, until the task flushes. So neither a task that waits for a poll nor a client that waits for its
//! POST can keep the other from what it waits for: what a POST brings is taken while the task is stuck.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

use super::packet::{In, Outbox, Packet};
use super::{Received, Refusal};
use crate::transport::Socket;

/// Bytes that wait for a poll, beyond which the task waits too.
pub(super) const OUTBOX_BYTES: usize = 65_536;
/// How long a client that says goodbye is given for the poll that it has under way.
const GOODBYE: Duration = Duration::from_millis(50);
/// Closes the connection.
const CLOSE: &str = "1";
/// Answers a poll with nothing.
const NOOP: &str = "6";

/// See the module.
#[derive(Debug)]
pub(super) struct Line {
    /// Bytes that wait to be read, beyond which a POST waits.
    bound: usize,
    state: Mutex<State>,
    /// Something came for the task.
    task: Notify,
    /// The task has read something.
    room: Notify,
    /// A poll came.
    polled: Notify,
}

#[derive(Debug, Default)]
struct State {
    phase: Phase,
    inbox: VecDeque<In>,
    inbox_bytes: usize,
    outbox: Outbox,
    /// Since when the first of that waits.
    waits: Option<Instant>,
    /// Whether the task has more to say: a poll waits until it is through.
    more: bool,
    poll: Option<oneshot::Sender<Answer>>,
    posting: bool,
    socket: Option<Socket>,
    /// Whether the task knows that it is over.
    told: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Polling,
    /// A WebSocket is there that may take over.
    Probing,
    Upgraded,
    /// As this is what the task is told.
    Over(Why),
}

/// How a line ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    Closed,
    TooLarge,
    Broken,
}

impl From<Why> for Received {
    fn from(why: Why) -> Self {
        match why {
            Why::Closed => Self::Closed,
            Why::TooLarge => Self::TooLarge,
            Why::Broken => Self::Broken(None),
        }
    }
}

/// How a poll is answered.
#[derive(Debug)]
pub(super) enum Answer {
    Body(Bytes),
    /// A WebSocket has taken over.
    Late,
    Refused(Refusal),
}

/// What there is for the task.
#[derive(Debug)]
pub(super) enum Came {
    Packet(In),
    /// The WebSocket that takes over, when everything before it is read.
    Socket(Box<Socket>),
    Over(Why),
}

impl State {
    fn poll_waits(&self) -> bool {
        self.poll.as_ref().is_some_and(|poll| !poll.is_closed())
    }

    /// Answers the poll that waits, if one does; what does not reach it waits for the next.
    fn answer(&mut self) {
        if self.outbox.len() == 0 || !self.poll_waits() {
            return;
        }
        if let Some(poll) = self.poll.take()
            && let Err(Answer::Body(body)) = poll.send(Answer::Body(self.outbox.take()))
        {
            self.outbox.restore(body);
        }
    }

    /// Whether requests belong to it.
    fn takes(&self) -> Result<(), Refusal> {
        match self.phase {
            Phase::Polling | Phase::Probing => Ok(()),
            Phase::Upgraded => Err(Refusal::BadRequest),
            Phase::Over(_) => Err(Refusal::UnknownSid),
        }
    }

    /// Ends it. A poll that waits learns so.
    fn end(&mut self, why: Why) {
        if self.poll_waits() {
            self.outbox.push_text(CLOSE);
            self.answer();
        }
        if !matches!(self.phase, Phase::Over(_)) {
            self.phase = Phase::Over(why);
        }
        self.poll = None;
        self.socket = None;
    }

    /// Whether what the task writes goes anywhere. A peer that is gone is no reason to leave what it said
    /// before unread: until the task comes to the end of that, what it writes is thrown away.
    fn writes(&self) -> Result<bool, Why> {
        match self.phase {
            Phase::Over(Why::Closed) if !self.told => Ok(false),
            Phase::Over(why) => Err(why),
            _ => Ok(true),
        }
    }
}

impl Line {
    /// A line on which `bound` bytes may wait to be read.
    pub(super) fn new(bound: usize) -> Arc<Self> {
        Arc::new(Self {
            bound,
            state: Mutex::default(),
            task: Notify::new(),
            room: Notify::new(),
            polled: Notify::new(),
        })
    }

    /// The answer to a poll, when there is one.
    pub(super) async fn poll(self: &Arc<Self>) -> Answer {
        let answer = {
            let mut state = self.state.lock();
            match state.phase {
                Phase::Over(_) => return Answer::Refused(Refusal::UnknownSid),
                Phase::Upgraded => return Answer::Late,
                Phase::Polling | Phase::Probing => {}
            }
            if state.poll_waits() {
                // Nobody could say which of the two gets what.
                state.end(Why::Broken);
                self.task.notify_one();
                return Answer::Refused(Refusal::BadRequest);
            }
            if state.outbox.len() > 0 && !state.more {
                let body = state.outbox.take();
                self.task.notify_one();
                return Answer::Body(body);
            }
            let (poll, answer) = oneshot::channel();
            state.poll = Some(poll);
            answer
        };
        self.polled.notify_one();
        let mut given_up = GivenUp(Some(self));
        let answered = answer.await;
        given_up.0 = None;
        answered.unwrap_or_else(|_| self.unanswered())
    }

    /// Why a poll was let go.
    fn unanswered(&self) -> Answer {
        match self.state.lock().phase {
            Phase::Upgraded => Answer::Late,
            _ => Answer::Refused(Refusal::BadRequest),
        }
    }

    /// Whether a POST may come: one at a time, or nobody could say which came first.
    pub(super) fn post(self: &Arc<Self>) -> Result<Posting, Refusal> {
        let mut state = self.state.lock();
        state.takes()?;
        if state.posting {
            state.end(Why::Broken);
            self.task.notify_one();
            return Err(Refusal::BadRequest);
        }
        state.posting = true;
        drop(state);
        Ok(Posting { line: self.clone(), done: false })
    }

    /// Takes what a POST has brought.
    async fn take(&self, packets: Vec<In>, until: Instant) -> Result<(), Refusal> {
        while !self.has_room()? {
            if timeout_at(until, self.room.notified()).await.is_err() {
                return Err(Refusal::BadRequest);
            }
        }
        let leaves = packets.contains(&In::Close);
        if leaves {
            // Its poll may be on the way, and is to be answered.
            drop(timeout(GOODBYE, self.poll_comes()).await);
        }
        let mut state = self.state.lock();
        state.takes()?;
        state.inbox_bytes += packets.iter().map(In::len).sum::<usize>();
        state.inbox.extend(packets);
        if leaves {
            state.outbox.push_text(NOOP);
            state.answer();
            state.end(Why::Closed);
        }
        self.task.notify_one();
        Ok(())
    }

    async fn poll_comes(&self) {
        while !self.state.lock().poll_waits() {
            self.polled.notified().await;
        }
    }

    fn has_room(&self) -> Result<bool, Refusal> {
        let state = self.state.lock();
        state.takes()?;
        Ok(state.inbox_bytes < self.bound)
    }

    /// Ends it.
    pub(super) fn end(&self, why: Why) {
        self.state.lock().end(why);
        self.task.notify_one();
        self.room.notify_one();
    }

    /// A request did not do what it should: that is the end, unless a WebSocket has taken over, from when
    /// on nothing hangs by requests.
    fn end_by_request(&self, why: Why) {
        if self.state.lock().phase != Phase::Upgraded {
            self.end(why);
        }
    }

    /// A WebSocket came: whether it may try to take over.
    pub(super) fn probe(&self) -> bool {
        let mut state = self.state.lock();
        let may = state.phase == Phase::Polling;
        if may {
            state.phase = Phase::Probing;
        }
        may
    }

    /// Answers the poll that waits with nothing: the client changes over, and polls no more after it.
    pub(super) fn nudge(&self) {
        let mut state = self.state.lock();
        if state.poll_waits() {
            state.outbox.push_text(NOOP);
            state.answer();
        }
    }

    /// The WebSocket takes over; not if the line has ended: then it is given back.
    pub(super) fn upgrade(&self, socket: Socket) -> Result<(), Box<Socket>> {
        let mut state = self.state.lock();
        if !matches!(state.phase, Phase::Probing) {
            return Err(Box::new(socket));
        }
        state.phase = Phase::Upgraded;
        state.poll = None;
        state.socket = Some(socket);
        self.task.notify_one();
        Ok(())
    }

    /// The WebSocket does not take over.
    pub(super) fn unprobe(&self) {
        let mut state = self.state.lock();
        if matches!(state.phase, Phase::Probing) {
            state.phase = Phase::Polling;
        }
    }

    /// What there is for the task, in the order it came.
    pub(super) fn came(&self) -> Option<Came> {
        let mut state = self.state.lock();
        if let Some(packet) = state.inbox.pop_front() {
            state.inbox_bytes -= packet.len();
            if state.inbox.is_empty() {
                // What a long body needed is not kept.
                state.inbox = VecDeque::new();
            }
            self.room.notify_one();
            return Some(Came::Packet(packet));
        }
        if let Some(socket) = state.socket.take() {
            return Some(Came::Socket(Box::new(socket)));
        }
        match state.phase {
            Phase::Over(why) => {
                state.told = true;
                Some(Came::Over(why))
            }
            _ => None,
        }
    }

    /// The WebSocket that takes over, with what is not read yet: for a task that writes.
    pub(super) fn took_over(&self) -> Option<(Box<Socket>, VecDeque<In>)> {
        let mut state = self.state.lock();
        let socket = state.socket.take()?;
        Some((Box::new(socket), std::mem::take(&mut state.inbox)))
    }

    /// Waits until there is something for the task, or a poll has fetched something. Cancel-safe.
    pub(super) async fn woken(&self) {
        self.task.notified().await;
    }

    /// Hands a packet over; `None`: too much waits for a poll already.
    pub(super) fn feed(&self, packet: &Packet) -> Option<Result<(), Why>> {
        let mut state = self.state.lock();
        match state.writes() {
            Ok(true) => {}
            Ok(false) => return Some(Ok(())),
            Err(why) => return Some(Err(why)),
        }
        if state.outbox.len() >= OUTBOX_BYTES {
            state.answer();
            state.more = false;
        }
        if state.outbox.len() >= OUTBOX_BYTES {
            return None;
        }
        if state.outbox.len() == 0 {
            state.waits = Some(Instant::now());
        }
        state.outbox.push(packet);
        state.more = true;
        Some(Ok(()))
    }

    /// Gives what was handed over to the poll that waits, if one does.
    pub(super) fn flush(&self) -> Result<(), Why> {
        let mut state = self.state.lock();
        if state.writes()? {
            state.more = false;
            state.answer();
        }
        Ok(())
    }

    /// Whether everything was fetched. What was written after the end never is.
    pub(super) fn fetched(&self) -> bool {
        let state = self.state.lock();
        state.outbox.len() == 0 && !matches!(state.phase, Phase::Over(_))
    }

    /// Since when something has been waiting for a poll.
    pub(super) fn waits(&self) -> Option<Instant> {
        let state = self.state.lock();
        state.waits.filter(|_| state.outbox.len() > 0 && state.takes().is_ok())
    }

    /// Whether it has ended.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.state.lock().phase, Phase::Over(_))
    }

    /// What no poll has fetched.
    pub(super) fn unfetched(&self) -> Vec<Packet> {
        self.state.lock().outbox.packets()
    }

    /// Says goodbye, to a poll of its own: the stock client looks at the end of a transport before it
    /// looks at what came with it. All of it within `linger`.
    pub(super) async fn goodbye(&self, linger: Duration) {
        let until = Instant::now() + linger;
        if self.gone_out(until).await {
            self.state.lock().outbox.push_text(CLOSE);
            self.gone_out(until).await;
        }
        self.state.lock().told = true;
        self.end(Why::Closed);
    }

    /// Whether polls fetch what waits, by `until`.
    async fn gone_out(&self, until: Instant) -> bool {
        {
            let mut state = self.state.lock();
            state.more = false;
            state.answer();
        }
        while self.state.lock().takes().is_ok() {
            if self.fetched() {
                return true;
            }
            if timeout_at(until, self.woken()).await.is_err() {
                return false;
            }
        }
        false
    }
}

/// A poll whose client went away: so did the connection.
struct GivenUp<'a>(Option<&'a Arc<Line>>);

impl Drop for GivenUp<'_> {
    fn drop(&mut self) {
        if let Some(line) = self.0.take() {
            line.end_by_request(Why::Closed);
        }
    }
}

/// A POST under way. If it ends before it is taken, so does the connection.
#[derive(Debug)]
pub(super) struct Posting {
    line: Arc<Line>,
    done: bool,
}

impl Posting {
    /// Hands over what it brought, by `until`.
    pub(super) async fn take(mut self, packets: Vec<In>, until: Instant) -> Result<(), Refusal> {
        self.line.clone().take(packets, until).await?;
        self.done = true;
        Ok(())
    }

    /// It was not what it should be.
    pub(super) fn refuse(mut self, why: Why) {
        self.done = true;
        self.line.end_by_request(why);
    }
}

impl Drop for Posting {
    fn drop(&mut self) {
        self.line.state.lock().posting = false;
        if !self.done {
            self.line.end_by_request(Why::Closed);
        }
    }
}

#[cfg(test)]
mod tests;
