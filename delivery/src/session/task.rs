//! The life of an authenticated socket: one task that reads, asks acceptance, and writes.
//!
//! - Requests are given to acceptance one after another, in the order they came; their outcomes
//!   come in any order. While [`limits::SOCKET_IN_FLIGHT`] of them are out, or requests of
//!   [`ASKED_BYTES`] in all, nothing is read, so that a client that does not wait is slowed by its
//!   own socket. Answers do not go through the session's queue; they are bounded by this, for an
//!   answer is about as long as its request, and because nothing is read while one is to be written.
//! - Everything that is ready is handed over before one flush. A write is cut into slices, so that
//!   a socket that is always behind still gets to close, and each slice has a deadline (G-17).
//! - One sync at a time is driven step by step: each when what the one before has brought is written, so
//!   that it reads no faster than its client. Meanwhile everything else goes on.
//! - One timer: a ping is due, the peer has been silent for too long, or its session is over: the
//!   latter by the wall clock, which may jump, so it is looked at each time.
//!
//! It must never hold a lock across an await, and never write an event that did not come through
//! the session's queue or its sync.

use std::collections::VecDeque;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use schemas::{ApiError, Code, limits};
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep_until};

use super::handshake::begin;
use super::rate::{Rate, Verdict};
use super::running::{Running, stepped};
use super::wire::{Handed, Handled, Heard, Receipt, Wire};
use super::{Next, Session};
use crate::Delivery;
use crate::protocol::close::{self, Close};
use crate::protocol::json;
use crate::protocol::sync::Cursors;
use crate::sync::{Step, Sync};
use crate::transport::{Gone, Payload};

/// Bytes handed over between two flushes.
const SLICE: usize = 65_536;
/// Bytes of requests whose answers are out, beyond which no more are read.
const ASKED_BYTES: usize = limits::SOCKET_QUEUE_BYTES;
/// Frames that are not requests, after which the sender is taken for something else.
const BAD_FRAMES: u32 = 5;

/// What is written beside the queue.
enum Out<A> {
    Answer(A),
    Ping,
}

/// What requests will be answered, if they are, each with the bytes of its request.
type InFlight<A> = FuturesUnordered<BoxFuture<'static, (usize, Option<A>)>>;

type Accepting<A> = Option<BoxFuture<'static, Handled<A>>>;

struct Task<'a, W: Wire> {
    delivery: &'a Arc<Delivery>,
    session: &'a Arc<Session>,
    wire: &'a mut W,
    out: VecDeque<Out<W::Answer>>,
    in_flight: InFlight<W::Answer>,
    /// Bytes of the requests in flight.
    asked: usize,
    accepting: Accepting<W::Answer>,
    syncing: Option<Running>,
    rate: Rate,
    heard: Instant,
    /// When a ping is due.
    ping: Instant,
    bad: u32,
}

/// Serves an authenticated socket until it is to be closed; `first` is written first, then what the
/// sync brings.
pub(crate) fn run<'a, W: Wire>(
    delivery: &'a Arc<Delivery>,
    session: &'a Arc<Session>,
    wire: &'a mut W,
    first: W::Answer,
    sync: Option<Box<Sync>>,
) -> impl Future<Output = Close> + Send + 'a {
    let now = Instant::now();
    let ping = delivery.config.timing.ping;
    // Spread, so that sockets that came together do not ping together for ever.
    let spread = u32::try_from(session.number % 16).unwrap_or(0);
    let mut task = Task {
        delivery,
        session,
        wire,
        out: [Out::Answer(first)].into(),
        in_flight: FuturesUnordered::new(),
        asked: 0,
        accepting: None,
        syncing: sync.map(|sync| Running::new(sync, delivery.metrics.clone())),
        rate: Rate::new(delivery.config.frames, now),
        heard: now,
        ping: now + ping - ping * spread / 64,
        bad: 0,
    };
    // Not the whole an `async fn`: what it is given would be kept beside the task for as long as it lives.
    async move {
        let close = task.serve(now).await;
        if !matches!(close, close::SILENT | close::SLOW) {
            task.session.device.ends_cleanly();
        }
        close
    }
}

impl<W: Wire> Task<'_, W> {
    async fn serve(&mut self, start: Instant) -> Close {
        let next = match self.look(start) {
            Ok(next) => next,
            Err(close) => return close,
        };
        let mut timer = pin!(sleep_until(next));
        loop {
            self.collect();
            if let Err(close) = self.write().await {
                return close;
            }
            let over = self.wire.over().map(|(at, _)| at);
            if let Some(until) = self.stuck().into_iter().chain(over).min()
                && until < timer.deadline()
            {
                timer.as_mut().reset(until);
            }
            let room = self.has_room();
            // In no fixed order: a sync, requests and live events do not starve each other.
            tokio::select! {
                () = self.session.woken() => {}
                Some(answered) = self.in_flight.next(), if !self.in_flight.is_empty() => {
                    self.answered(answered);
                }
                handled = accepted(&mut self.accepting), if self.accepting.is_some() => {
                    self.accepting = None;
                    if let Err(close) = self.handled(handled) {
                        return Box::pin(self.last_words(close)).await;
                    }
                }
                step = stepped(&mut self.syncing), if self.syncing.is_some() => self.stepped(step),
                () = timer.as_mut() => match self.look(Instant::now()) {
                    Ok(next) => timer.as_mut().reset(next),
                    Err(close) => return close,
                },
                heard = self.wire.recv(), if room => {
                    if let Err(close) = self.received(heard) {
                        return Box::pin(self.last_words(close)).await;
                    }
                    if let Some(next) = self.received_messages(self.heard)
                        && next < timer.deadline()
                    {
                        timer.as_mut().reset(next);
                    }
                }
            }
        }
    }

    /// Does what is due; when to look again.
    fn look(&mut self, now: Instant) -> Result<Instant, Close> {
        let timing = self.delivery.config.timing;
        let dead = self.heard + timing.dead;
        if now >= dead {
            return Err(close::SILENT);
        }
        let left = self.left().ok_or(close::SESSION)?;
        let stuck = self.stuck();
        if stuck.is_some_and(|until| now >= until) {
            return Err(close::SLOW);
        }
        let over = self.wire.over();
        if let Some((_, close)) = over.filter(|(at, _)| now >= *at) {
            return Err(close);
        }
        self.session.begins_to(self.wire.speaks());
        if now >= self.ping {
            self.out.push_back(Out::Ping);
            self.session.ping();
            self.ping = now + timing.ping;
        }
        let mut next = dead.min(self.ping).min(now + left);
        next = stuck.map_or(next, |until| next.min(until));
        next = over.map_or(next, |(at, _)| next.min(at));
        if let Some(at) = self.delivery.hub.presence.look(self.session, self.heard, now) {
            next = next.min(at);
        }
        Ok(self.received_messages(now).map_or(next, |at| next.min(at)))
    }

    /// Tells acceptance what the peer has received; when there is more to tell.
    fn received_messages(&mut self, now: Instant) -> Option<Instant> {
        match self.wire.receipt(now) {
            Receipt::Nothing => None,
            Receipt::At(at) => Some(at),
            Receipt::Now(data) => {
                let told = tell(self.delivery.clone(), self.session.clone(), data);
                self.in_flight.push(told.map(|()| (0, None)).boxed());
                None
            }
        }
    }

    /// Until when the peer may fetch what waits for it (G-17).
    fn stuck(&self) -> Option<Instant> {
        self.wire.stuck().map(|since| since + self.delivery.config.timing.drain)
    }

    /// Time that the user's session still has.
    fn left(&self) -> Option<Duration> {
        self.session.left(self.delivery.clock.now())
    }

    /// Whether another request may be read.
    fn has_room(&self) -> bool {
        self.accepting.is_none()
            && self.in_flight.len() < limits::SOCKET_IN_FLIGHT
            && self.asked < ASKED_BYTES
    }

    /// Takes the outcomes that are there, about a slice of them, so that they leave with one flush.
    fn collect(&mut self) {
        let mut taken = 0;
        while taken < SLICE && !self.in_flight.is_empty() {
            match self.in_flight.next().now_or_never() {
                Some(Some(answered)) => taken += self.answered(answered),
                _ => return,
            }
        }
    }

    /// The size of the answer.
    fn answered(&mut self, (asked, answer): (usize, Option<W::Answer>)) -> usize {
        self.asked -= asked;
        let Some(answer) = answer else { return 0 };
        let size = W::size(&answer);
        self.out.push_back(Out::Answer(answer));
        size
    }

    fn received(&mut self, heard: Heard<W::Request>) -> Result<(), Close> {
        self.heard = Instant::now();
        let metrics = &self.delivery.metrics;
        let request = match heard {
            Heard::Request(request) => {
                let size = u64::try_from(W::asked(&request)).unwrap_or(0);
                metrics.frames_received.inc();
                metrics.frames_received_bytes.inc_by(size);
                Some(request)
            }
            Heard::Control => None,
            Heard::End(close) => return Err(close),
        };
        let repeats = |request| self.wire.repeats(self.session, request);
        let verdict = if request.as_ref().is_some_and(repeats) {
            self.rate.repeat(self.heard, self.delivery.config.repeats)
        } else {
            self.rate.frame(self.heard)
        };
        match (verdict, request) {
            (Verdict::Abuse, _) => Err(close::RATE),
            (_, None) => Ok(()),
            (Verdict::Refuse(wait), Some(request)) if !self.wire.leaves(&request) => {
                metrics.rate_limited.with_label_values(&["frames"]).inc();
                let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
                let error = ApiError::new(Code::RateLimited, "too many frames").retry_after(wait);
                self.out.extend(self.wire.refuse(&request, &error).map(Out::Answer));
                Ok(())
            }
            (Verdict::Pass | Verdict::Refuse(_), Some(request)) => {
                let mut handling = self.wire.handle(self.delivery, self.session, request);
                // Most requests are accepted without waiting: no need to come back for them.
                if let Some(handled) = (&mut handling).now_or_never() {
                    return self.handled(handled);
                }
                self.accepting = Some(handling);
                Ok(())
            }
        }
    }

    /// What a sync has brought is written before its next step.
    fn stepped(&mut self, step: Step) {
        let frame = match step {
            Step::Frame(sync, frame) => {
                if let Some(running) = &mut self.syncing {
                    running.step = sync.begin();
                }
                frame
            }
            Step::Last(frame, outcome, turn) => {
                if let Some(mut running) = self.syncing.take() {
                    running.outcome = outcome;
                }
                self.say(frame);
                // Behind it: what still waits is not to be taken for what was missing.
                return self.session.finish_sync(turn);
            }
        };
        self.say(frame);
    }

    fn sync(&mut self, id: &str, cursors: Cursors) {
        if let Some(running) = &self.syncing {
            if self.session.syncing().is_some() {
                let error = ApiError::new(Code::Conflict, "a sync is under way on this socket");
                self.say(json::refused(Some(id), &error));
                return;
            }
            // Its client was told to resync, and does.
            let overtaken = Sync::overtaken(&running.id);
            self.say(overtaken);
            if let Some(running) = &mut self.syncing {
                running.outcome = crate::sync::OVERTAKEN;
            }
        }
        self.session.close_gates(cursors.conversations.keys().copied(), cursors.feed.is_some());
        let sync = begin(self.delivery, self.session, id.to_owned(), cursors);
        self.syncing = Some(Running::new(sync, self.delivery.metrics.clone()));
    }

    fn say(&mut self, text: Payload) {
        self.out.push_back(Out::Answer(text.into()));
    }

    fn handled(&mut self, handled: Handled<W::Answer>) -> Result<(), Close> {
        match handled {
            Handled::Answer(answer) => self.out.extend(answer.map(Out::Answer)),
            Handled::Accepted(asked, answer) => {
                self.asked += asked;
                let (began, seconds) =
                    (self.heard, self.delivery.metrics.socket_request_seconds.clone());
                let answer = answer.map(move |answer| {
                    seconds.observe(began.elapsed().as_secs_f64());
                    (asked, answer)
                });
                self.in_flight.push(answer.boxed());
            }
            Handled::Sync(first, id, cursors) => {
                self.out.extend(first.map(Out::Answer));
                self.sync(&id, *cursors);
            }
            Handled::Bad(answer) => {
                self.out.push_back(Out::Answer(answer));
                self.bad += 1;
                if self.bad >= BAD_FRAMES {
                    return Err(close::BAD_FRAME);
                }
            }
            Handled::End(answer, close) => {
                self.out.extend(answer.map(Out::Answer));
                return Err(close);
            }
        }
        Ok(())
    }

    /// Writes the answers that are ready before a close.
    async fn last_words(&mut self, close: Close) -> Close {
        match close {
            close::NORMAL => close,
            _ => self.write().await.err().unwrap_or(close),
        }
    }

    /// Writes everything that is ready.
    async fn write(&mut self) -> Result<(), Close> {
        loop {
            let deadline = self.session.deadline(Instant::now(), self.delivery.config.timing.drain);
            let more = {
                let mut slice = pin!(slice(self.wire, self.session, &mut self.out, self.delivery));
                tokio::select! {
                    biased;
                    wrote = &mut slice => match wrote {
                        Ok(next) => next?,
                        Err(Gone) => return Err(close::NORMAL),
                    },
                    close = self.session.ended() => return Err(close),
                    () = sleep_until(deadline) => return Err(close::SLOW),
                }
            };
            if !more {
                return Ok(());
            }
        }
    }
}

async fn accepted<A>(accepting: &mut Accepting<A>) -> Handled<A> {
    match accepting {
        Some(handling) => handling.await,
        None => std::future::pending().await,
    }
}

/// Tells acceptance what a socket's user has received.
async fn tell(delivery: Arc<Delivery>, session: Arc<Session>, data: Box<RawValue>) {
    let told = match delivery.inbound.accept(&session.who, "delivered", Some(&data)).await {
        Ok(outcome) => outcome.await.map(|_| ()),
        Err(error) => Err(error),
    };
    if let Err(error) = told {
        // Told again with the next message that is received.
        tracing::debug!(code = error.code.text(), "a delivery was not taken down");
    }
}

/// Writes at most about a slice; whether there may be more. What is to be closed is not written to.
async fn slice<W: Wire>(
    wire: &mut W,
    session: &Session,
    out: &mut VecDeque<Out<W::Answer>>,
    delivery: &Delivery,
) -> Result<Result<bool, Close>, Gone> {
    let (mut handed, mut frames, mut since) = (0, 0, None);
    while let Some(next) = out.pop_front() {
        match next {
            Out::Answer(answer) => {
                handed += W::size(&answer);
                frames += 1;
                wire.answer(answer).await?;
            }
            Out::Ping => {
                handed += 1;
                wire.ping().await?;
            }
        }
    }
    while handed < SLICE {
        match session.next() {
            Next::Frame(frame) => {
                let Handed { size, late } = wire.push(&delivery.hub, &frame).await?;
                handed += size;
                frames += u64::from(size > 0);
                // What is handed over leaves, and the peer's time starts anew.
                if late && handed > 0 {
                    break;
                }
            }
            Next::Empty(waiting) => {
                since = waiting;
                break;
            }
            Next::Close(close) => return Ok(Err(close)),
        }
    }
    if handed == 0 {
        return Ok(Ok(false));
    }
    wire.flush().await?;
    let metrics = &delivery.metrics;
    metrics.frames_sent.inc_by(frames);
    metrics.frames_sent_bytes.inc_by(u64::try_from(handed).unwrap_or(0));
    metrics.write_frames.observe(f64::from(u32::try_from(frames).unwrap_or(u32::MAX)));
    if let Some(since) = since {
        metrics.push_seconds.observe(since.elapsed().as_secs_f64());
    }
    // What came during the flush: its wake-up may have been eaten by the wait for a close.
    Ok(Ok(session.flushed()))
}
