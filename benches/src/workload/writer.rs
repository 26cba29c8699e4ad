//! One process that sends: does the steps of its plan and sees each message through to an outcome, as
//! a client with an outbox does. In a closed loop a step waits for the one before it; in an open one
//! it begins when it is due, whatever became of the others.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::hub::Hub;
use super::pace::{Pace, Schedule};
use super::plan::{Act, Fate, Step};
use super::setup::retryable;
use crate::history::{Attempt, Gotten, Loss, Op, Outcome, Process, Seen, Via, Why};
use crate::target::{Message, Sender as _, Target};
use crate::task::spawn;

/// How long a client goes on retrying.
const PATIENCE: Duration = Duration::from_mins(1);
/// Wait before a second try; it doubles with each, up to the plan's longest.
const AGAIN: Duration = Duration::from_millis(10);
/// Steps of one open-loop writer that may be under way: as an outbox has an end, beyond it the writer
/// waits.
const UNDER_WAY: usize = 32;
/// Messages a client remembers in order to send one again, late.
const MEMORY: usize = 256;
/// One code point more than a message may have.
const TOO_LONG: usize = schemas::limits::CONTENT_CHARS + 1;

/// A writer.
pub(super) struct Writer<T: Target> {
    hub: Arc<Hub<T>>,
    process: Process,
    number: usize,
    made: AtomicU64,
    /// What was sent before, by whom, and whether it was acknowledged.
    past: Mutex<VecDeque<(usize, Message, bool)>>,
}

/// By which way an attempt goes.
#[derive(Clone, Copy)]
struct Way {
    rest: bool,
    node: usize,
    socket: usize,
}

/// How an attempt ended, and on which node.
struct Answer {
    node: usize,
    outcome: Outcome<Seen>,
}

impl<T: Target> Writer<T> {
    pub(super) fn new(hub: Arc<Hub<T>>, process: Process, number: usize) -> Self {
        Self { hub, process, number, made: AtomicU64::new(0), past: Mutex::default() }
    }

    /// Works until the schedule is used up.
    pub(super) async fn run(self, schedule: Arc<Schedule>) {
        let mut rng = self.hub.plan.rng("writer", self.number);
        let writer = Arc::new(self);
        let room = Arc::new(Semaphore::new(UNDER_WAY));
        while schedule.next().await.is_some() {
            let step = writer.hub.plan.step(&mut rng);
            if writer.hub.plan.pace == Pace::Closed {
                writer.step(&step).await;
                continue;
            }
            let Ok(place) = room.clone().acquire_owned().await else { return };
            let writer = writer.clone();
            spawn(async move {
                writer.step(&step).await;
                drop(place);
            });
        }
        // Whatever is under way ends before the run does.
        drop(room.acquire_many(u32::try_from(UNDER_WAY).unwrap_or(u32::MAX)).await);
    }

    async fn step(&self, step: &Step) {
        match step.act {
            Act::Single => self.single(step).await,
            Act::Pipeline(depth) => self.pipeline(step, depth).await,
            Act::Late(pick) => self.late(step, pick).await,
            Act::Refused(kind) => self.refused(step, kind).await,
        }
    }

    fn members(&self, step: &Step) -> Option<(Uuid, usize)> {
        let conversation = self.hub.conversations.get(step.conversation)?;
        let [first, second] = conversation.members;
        Some((conversation.id, if step.second { second } else { first }))
    }

    fn message(&self, conversation: Uuid, user: usize, padding: usize) -> Option<Message> {
        let sender = self.hub.users.get(user)?.id;
        let made = self.made.fetch_add(1, Ordering::Relaxed) + 1;
        let client = format!("{:x}-{}-{made}", self.hub.plan.seed, self.number);
        let content = format!("{client} {}", ".".repeat(padding));
        Some(Message::new(conversation, sender, &client, content))
    }

    async fn single(&self, step: &Step) {
        let Some((conversation, user)) = self.members(step) else { return };
        let Some(message) = self.message(conversation, user, step.padding) else { return };
        let way = Way { rest: step.rest, node: step.node, socket: step.socket };
        let first = self.attempt(user, &message, way, step.fate).await;
        self.see_through(step, user, message, first).await;
    }

    async fn pipeline(&self, step: &Step, depth: usize) {
        let Some((conversation, user)) = self.members(step) else { return };
        let messages: Vec<Message> =
            (0..depth).filter_map(|_| self.message(conversation, user, step.padding)).collect();
        let way = Way { rest: false, node: step.node, socket: step.socket };
        let attempts: Vec<_> =
            messages.iter().map(|message| self.attempt(user, message, way, Fate::Kept)).collect();
        // Polled in this order, they take their places in this order.
        let firsts = join_all(attempts).await;
        for (message, first) in messages.into_iter().zip(firsts) {
            let alone = Step { fate: Fate::Kept, ..*step };
            self.see_through(&alone, user, message, first).await;
        }
    }

    async fn late(&self, step: &Step, pick: u64) {
        let chosen = {
            let past = self.past.lock();
            let count = u64::try_from(past.len()).unwrap_or(u64::MAX).max(1);
            past.get(usize::try_from(pick % count).unwrap_or(0)).cloned()
        };
        let Some((user, message, _)) = chosen else { return };
        let way = Way { rest: step.rest, node: step.node, socket: step.socket };
        // Whatever comes stands in the history; nothing depends on it.
        self.attempt(user, &message, way, step.fate).await;
    }

    async fn refused(&self, step: &Step, kind: usize) {
        let Some((conversation, user)) = self.members(step) else { return };
        let stranger = || {
            let members = self.hub.conversations.get(step.conversation)?.members;
            (0..self.hub.users.len()).find(|place| !members.contains(place))
        };
        let user = if kind == 0 { stranger().unwrap_or(user) } else { user };
        let Some(mut message) = self.message(conversation, user, step.padding) else { return };
        let mut sender = user;
        match kind {
            0 => {}
            1 => message = same_id(&message, String::new()),
            2 => {
                let acked = self.past.lock().iter().rev().find(|(.., acked)| *acked).cloned();
                let Some((user, past, _)) = acked else { return };
                sender = user;
                message = same_id(&past, format!("{} changed", past.content));
            }
            _ => message = same_id(&message, "x".repeat(TOO_LONG)),
        }
        let way = Way { rest: step.rest, node: step.node, socket: step.socket };
        self.attempt(sender, &message, way, step.fate).await;
    }

    /// Retries on other nodes until there is an outcome, or as long as this client bothers.
    async fn see_through(&self, step: &Step, user: usize, m: Message, first: Answer) {
        let until = Instant::now() + PATIENCE;
        let Answer { mut node, mut outcome } = first;
        // An ack that was thrown away: the client knows nothing and asks again.
        let mut lost = matches!(step.fate, Fate::Dropped);
        let mut wait = AGAIN;
        loop {
            match &outcome {
                Outcome::Ok(_) if !lost => break,
                Outcome::Fail(code) if !retryable(code) => break,
                Outcome::Unknown(_) if step.give_up => break,
                Outcome::Ok(_) => {}
                Outcome::Fail(_) | Outcome::Unknown(_) => {
                    // Many that wait for the same thing must not come back at once.
                    let jitter = match self.hub.plan.pace {
                        Pace::Closed => 1.0,
                        Pace::Open(_) => rand::random_range(0.5..1.0),
                    };
                    sleep(wait.mul_f64(jitter)).await;
                    wait = self.hub.plan.again_max.min(wait * 2);
                }
            }
            if Instant::now() > until {
                break;
            }
            lost = false;
            let way = Way { rest: step.rest_again, node: node + 1, socket: step.socket + 1 };
            Answer { node, outcome } = self.attempt(user, &m, way, Fate::Kept).await;
        }
        if let Outcome::Ok(seen) = &outcome
            && step.read_back
        {
            self.read_back(user, node + 1, m.request.conversation, seen).await;
        }
        let mut past = self.past.lock();
        past.push_back((user, m, outcome.ok().is_some()));
        if past.len() > MEMORY {
            past.pop_front();
        }
    }

    async fn attempt(&self, user: usize, m: &Message, way: Way, fate: Fate) -> Answer {
        let abandoned = || Outcome::Unknown("abandoned".to_owned());
        let Some(who) = self.hub.users.get(user) else {
            return Answer { node: way.node, outcome: abandoned() };
        };
        let place = way.socket % self.hub.plan.sockets.max(1);
        let socket = if way.rest { None } else { self.hub.socket(user, place) };
        let (via, node) = match &socket {
            Some(open) => (Via::Socket(open.id), open.node),
            None => (Via::Rest, self.hub.node(way.node)),
        };
        let loss = match fate {
            Fate::Kept => None,
            Fate::Dropped => Some(Loss::Dropped),
            Fate::Abandoned(_) => Some(Loss::Abandoned),
        };
        let attempt = Attempt { request: m.request.clone(), via, outcome: abandoned(), loss };
        let pending = self.hub.recorder.begin(self.process, node, Op::Send(attempt));
        let sent = async {
            match &socket {
                Some(open) => open.sender.send(m).await,
                None => self.hub.target.send(node, who, m).await,
            }
        };
        let outcome = match fate {
            Fate::Abandoned(patience) => timeout(patience, sent).await.ok(),
            Fate::Kept | Fate::Dropped => Some(sent.await),
        };
        if let Some(outcome) = &outcome {
            pending.sent(outcome);
        }
        Answer { node, outcome: outcome.unwrap_or_else(abandoned) }
    }

    async fn read_back(&self, user: usize, node: usize, conversation: Uuid, acked: &Seen) {
        let Some(who) = self.hub.users.get(user) else { return };
        let node = self.hub.node(node);
        let get = Gotten {
            conversation,
            by: who.id,
            why: Why::AfterAck,
            expected: acked.clone(),
            outcome: Outcome::Unknown("abandoned".to_owned()),
        };
        let pending = self.hub.recorder.begin(self.process, node, Op::Get(get));
        let outcome = self.hub.target.get(node, who, acked.id).await;
        pending.done(|op| {
            if let Op::Get(get) = op {
                get.outcome = outcome;
            }
        });
    }
}

fn same_id(message: &Message, content: String) -> Message {
    let request = &message.request;
    Message::new(request.conversation, request.sender, &request.client, content)
}
