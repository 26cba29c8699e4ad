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

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use platform::inbound::Outcome;
use platform::telemetry::Metrics;
use schemas::{ApiError, Code, limits};
use tokio::time::{Instant, sleep_until};

use super::handshake::{begin, renew};
use super::rate::{Rate, Verdict};
use super::{Next, Session};
use crate::Delivery;
use crate::protocol::close::{self, Close};
use crate::protocol::json;
use crate::protocol::sync::{self, Cursors};
use crate::sync::{Step, Sync};
use crate::transport::{Gone, Payload, Received, Socket};

/// Bytes handed over between two flushes.
const SLICE: usize = 65_536;
/// Bytes of requests whose answers are out, beyond which no more are read.
const ASKED_BYTES: usize = limits::SOCKET_QUEUE_BYTES;
/// Frames that are not requests, after which the sender is taken for something else.
const BAD_FRAMES: u32 = 5;

/// What is written beside the queue.
enum Out {
    Answer(Payload),
    Ping,
}

/// What acceptance made of a frame.
enum Handled {
    Answer(Payload),
    /// With the bytes of the request.
    Accepted(Box<str>, usize, Outcome),
    /// The client catches up; what it is told first.
    Sync(Option<Payload>, Box<str>, Box<Cursors>),
    Bad(Payload),
}

/// A sync under way.
struct Running {
    id: Box<str>,
    step: BoxFuture<'static, Step>,
    began: Instant,
    /// How it ended; counted when it is dropped.
    outcome: &'static str,
    metrics: Metrics,
}

struct Task<'a> {
    delivery: &'a Arc<Delivery>,
    session: &'a Arc<Session>,
    socket: &'a mut Socket,
    out: VecDeque<Out>,
    /// What requests will be answered, each with the bytes of its request.
    in_flight: FuturesUnordered<BoxFuture<'static, (usize, Payload)>>,
    /// Those bytes in all.
    asked: usize,
    accepting: Option<BoxFuture<'static, Handled>>,
    syncing: Option<Running>,
    rate: Rate,
    heard: Instant,
    bad: u32,
}

/// Serves an authenticated socket until it is to be closed; `first` is written first, then what the
/// sync brings.
pub(super) async fn run(
    delivery: &Arc<Delivery>,
    session: &Arc<Session>,
    socket: &mut Socket,
    first: Payload,
    sync: Option<Box<Sync>>,
) -> Close {
    let now = Instant::now();
    let mut task = Task {
        delivery,
        session,
        socket,
        out: [Out::Answer(first)].into(),
        in_flight: FuturesUnordered::new(),
        asked: 0,
        accepting: None,
        syncing: sync.map(|sync| Running::new(sync, delivery.metrics.clone())),
        rate: Rate::new(delivery.config.frames, now),
        heard: now,
        bad: 0,
    };
    task.serve(now).await
}

impl Running {
    fn new(sync: Box<Sync>, metrics: Metrics) -> Self {
        let (id, began) = (sync.id().into(), Instant::now());
        Self { id, step: sync.begin(), began, outcome: "gone", metrics }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.metrics.syncs.with_label_values(&[self.outcome]).inc();
        self.metrics.sync_seconds.observe(self.began.elapsed().as_secs_f64());
    }
}

impl Task<'_> {
    async fn serve(&mut self, start: Instant) -> Close {
        let timing = self.delivery.config.timing;
        // Spread, so that sockets that came together do not ping together for ever.
        let spread = u32::try_from(self.session.number % 16).unwrap_or(0);
        let ping = start + timing.ping - timing.ping * spread / 64;
        let Some(left) = self.left() else { return close::SESSION };
        let mut timer = pin!(sleep_until(ping.min(start + left)));
        loop {
            self.collect();
            if let Err(close) = self.write().await {
                return close;
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
                        return self.last_words(close).await;
                    }
                }
                step = stepped(&mut self.syncing), if self.syncing.is_some() => self.stepped(step),
                () = timer.as_mut() => {
                    let now = Instant::now();
                    let dead = self.heard + timing.dead;
                    if now >= dead {
                        return close::SILENT;
                    }
                    let Some(left) = self.left() else { return close::SESSION };
                    self.out.push_back(Out::Ping);
                    self.session.ping();
                    timer.as_mut().reset(dead.min(now + timing.ping.min(left)));
                }
                received = self.socket.recv(), if room => {
                    if let Err(close) = self.received(received) {
                        return self.last_words(close).await;
                    }
                }
            }
        }
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
    fn answered(&mut self, (asked, answer): (usize, Payload)) -> usize {
        self.asked -= asked;
        let size = answer.len();
        self.out.push_back(Out::Answer(answer));
        size
    }

    fn received(&mut self, received: Received) -> Result<(), Close> {
        self.heard = Instant::now();
        let metrics = &self.delivery.metrics;
        let text = match received {
            Received::Text(text) => {
                metrics.frames_received.inc();
                metrics.frames_received_bytes.inc_by(u64::try_from(text.len()).unwrap_or(0));
                Some(text)
            }
            Received::Control => None,
            Received::Binary => return Err(close::BINARY),
            Received::TooLarge => return Err(close::TOO_LARGE),
            Received::Broken => return Err(close::BAD_FRAME),
            Received::Closed => return Err(close::NORMAL),
        };
        match (self.rate.frame(self.heard), text) {
            (Verdict::Abuse, _) => Err(close::RATE),
            (_, None) => Ok(()),
            (Verdict::Refuse(wait), Some(text)) => {
                metrics.rate_limited.with_label_values(&["frames"]).inc();
                let wait = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX).max(1);
                let error = ApiError::new(Code::RateLimited, "too many frames").retry_after(wait);
                let id = match json::parse(text.text()) {
                    Ok(request) => Some(request.id.into_owned()),
                    Err(bad) => bad.id,
                };
                self.out.push_back(Out::Answer(json::refused(id.as_deref(), &error)));
                Ok(())
            }
            (Verdict::Pass, Some(text)) => {
                let mut handling =
                    handle(self.delivery.clone(), self.session.clone(), text).boxed();
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
            Step::Last(frame, outcome) => {
                if let Some(mut running) = self.syncing.take() {
                    running.outcome = outcome;
                }
                frame
            }
        };
        self.out.push_back(Out::Answer(frame));
    }

    fn sync(&mut self, id: &str, cursors: Cursors) {
        if let Some(running) = &self.syncing {
            if self.session.syncing() {
                let error = ApiError::new(Code::Conflict, "a sync is under way on this socket");
                self.out.push_back(Out::Answer(json::refused(Some(id), &error)));
                return;
            }
            // Its client was told to resync, and does.
            self.out.push_back(Out::Answer(Sync::overtaken(&running.id)));
            if let Some(running) = &mut self.syncing {
                running.outcome = crate::sync::OVERTAKEN;
            }
        }
        self.session.close_gates(cursors.conversations.keys().copied(), cursors.feed.is_some());
        let sync = begin(self.delivery, self.session, id.to_owned(), cursors);
        self.syncing = Some(Running::new(sync, self.delivery.metrics.clone()));
    }

    fn handled(&mut self, handled: Handled) -> Result<(), Close> {
        match handled {
            Handled::Answer(answer) => self.out.push_back(Out::Answer(answer)),
            Handled::Accepted(id, asked, outcome) => {
                self.asked += asked;
                let (began, seconds) =
                    (self.heard, self.delivery.metrics.socket_request_seconds.clone());
                let answer = outcome.map(move |outcome| {
                    seconds.observe(began.elapsed().as_secs_f64());
                    (asked, answer(&id, outcome))
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
                let metrics = &self.delivery.metrics;
                let mut slice = pin!(slice(self.socket, self.session, &mut self.out, metrics));
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

async fn accepted(accepting: &mut Option<BoxFuture<'static, Handled>>) -> Handled {
    match accepting {
        Some(handling) => handling.await,
        None => std::future::pending().await,
    }
}

async fn stepped(syncing: &mut Option<Running>) -> Step {
    match syncing {
        Some(running) => (&mut running.step).await,
        None => std::future::pending().await,
    }
}

/// Writes at most about a slice; whether there may be more. What is to be closed is not written to.
async fn slice(
    socket: &mut Socket,
    session: &Session,
    out: &mut VecDeque<Out>,
    metrics: &Metrics,
) -> Result<Result<bool, Close>, Gone> {
    let (mut handed, mut frames, mut since) = (0, 0, None);
    while let Some(next) = out.pop_front() {
        match next {
            Out::Answer(answer) => {
                handed += answer.len();
                frames += 1;
                socket.feed(answer).await?;
            }
            Out::Ping => {
                handed += 1;
                socket.ping().await?;
            }
        }
    }
    while handed < SLICE {
        match session.next() {
            Next::Frame(frame) => {
                handed += frame.len();
                frames += 1;
                socket.feed(frame).await?;
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
    socket.flush().await?;
    metrics.frames_sent.inc_by(frames);
    metrics.frames_sent_bytes.inc_by(u64::try_from(handed).unwrap_or(0));
    metrics.write_frames.observe(f64::from(u32::try_from(frames).unwrap_or(u32::MAX)));
    if let Some(since) = since {
        metrics.push_seconds.observe(since.elapsed().as_secs_f64());
    }
    // What came during the flush: its wake-up may have been eaten by the wait for a close.
    Ok(Ok(session.flushed()))
}

/// One frame, from its text to its place in the log.
async fn handle(delivery: Arc<Delivery>, session: Arc<Session>, text: Payload) -> Handled {
    let request = match json::parse(text.text()) {
        Ok(request) => request,
        Err(bad) if bad.hopeless() => return Handled::Bad(bad.answer()),
        Err(bad) => return Handled::Answer(bad.answer()),
    };
    let id = request.id;
    match request.kind.as_ref() {
        "ping" => {
            let data = format!(r#"{{"at":"{}"}}"#, delivery.clock.now());
            Handled::Answer(json::answered(&id, data.as_bytes()))
        }
        "auth" => match renew(&delivery, &session, request.data) {
            Ok((data, None)) => Handled::Answer(json::answered(&id, &data)),
            Ok((data, Some(cursors))) => {
                let first = json::answered(&id, &data);
                Handled::Sync(Some(first), id.into(), Box::new(cursors))
            }
            Err(error) => Handled::Answer(json::refused(Some(&id), &error)),
        },
        "sync" => match sync::cursors(request.data) {
            Ok(cursors) => Handled::Sync(None, id.into(), Box::new(cursors)),
            Err(error) => Handled::Answer(json::refused(Some(&id), &error)),
        },
        kind => match delivery.inbound.accept(&session.who, kind, request.data).await {
            Ok(outcome) => Handled::Accepted(id.into(), text.len(), outcome),
            Err(error) => Handled::Answer(json::refused(Some(&id), &error)),
        },
    }
}

fn answer(id: &str, outcome: Result<Bytes, ApiError>) -> Payload {
    match outcome {
        Ok(data) => json::answered(id, &data),
        Err(error) => json::refused(Some(id), &error),
    }
}
