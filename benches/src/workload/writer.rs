//! One process that sends: does the steps of its plan and sees each message through to an outcome, as
//! a client with an outbox does. In a closed loop a step waits for the one before it; in an open one
//! it begins when it is due, whatever became of the others.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::join_all;
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use uuid::Uuid;

use super::hand::{AGAIN, Answer, Hand, PATIENCE, Way};
use super::hub::Hub;
use super::pace::{Pace, Schedule};
use super::plan::{Act, Change, EMOJI, Fate, Step};
use super::setup::retryable;
use crate::history::{Outcome, Process, Seen, What, body_of};
use crate::target::{Deed, Message, Target};
use crate::task::spawn;

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
    hand: Hand<T>,
    number: usize,
    made: AtomicU64,
    /// What was sent before.
    past: Mutex<VecDeque<Past>>,
}

/// Something that was sent.
#[derive(Clone)]
struct Past {
    user: usize,
    /// Number of the conversation.
    conversation: usize,
    message: Message,
    /// As it was acknowledged, if it was.
    acked: Option<Seen>,
}

impl<T: Target> Writer<T> {
    pub(super) fn new(hub: Arc<Hub<T>>, process: Process, number: usize) -> Self {
        let hand = Hand { hub: hub.clone(), process };
        Self { hub, hand, number, made: AtomicU64::new(0), past: Mutex::default() }
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
            Act::Change(change, pick) => self.change(step, change, pick).await,
        }
    }

    fn members(&self, step: &Step) -> Option<(Uuid, usize)> {
        let conversation = self.hub.conversations.get(step.conversation)?;
        Some((conversation.id, conversation.member(step.member)?))
    }

    fn name(&self) -> String {
        let made = self.made.fetch_add(1, Ordering::Relaxed) + 1;
        format!("{:x}-{}-{made}", self.hub.plan.seed, self.number)
    }

    fn message(&self, conversation: Uuid, user: usize, padding: usize) -> Option<Message> {
        let sender = self.hub.users.get(user)?.id;
        let client = self.name();
        let content = format!("{client} {}", ".".repeat(padding));
        Some(Message::new(conversation, sender, &client, content))
    }

    async fn single(&self, step: &Step) {
        let Some((conversation, user)) = self.members(step) else { return };
        let Some(message) = self.message(conversation, user, step.padding) else { return };
        let way = Way { rest: step.rest, node: step.node, socket: step.socket };
        let first = self.hand.send(user, &message, way, step.fate).await;
        self.see_through(step, user, message, first).await;
    }

    async fn pipeline(&self, step: &Step, depth: usize) {
        let Some((conversation, user)) = self.members(step) else { return };
        let messages: Vec<Message> =
            (0..depth).filter_map(|_| self.message(conversation, user, step.padding)).collect();
        let way = Way { rest: false, node: step.node, socket: step.socket };
        let attempts: Vec<_> =
            messages.iter().map(|message| self.hand.send(user, message, way, Fate::Kept)).collect();
        // Polled in this order, they take their places in this order.
        let firsts = join_all(attempts).await;
        for (message, first) in messages.into_iter().zip(firsts) {
            let alone = Step { fate: Fate::Kept, ..*step };
            self.see_through(&alone, user, message, first).await;
        }
    }

    /// One that was sent before, by a number.
    fn past(&self, pick: u64, of: impl Fn(&Past) -> bool) -> Option<Past> {
        let past = self.past.lock();
        let count = u64::try_from(past.len()).unwrap_or(u64::MAX).max(1);
        let first = usize::try_from(pick % count).unwrap_or(0);
        past.iter().cycle().skip(first).take(past.len()).find(|past| of(past)).cloned()
    }

    async fn late(&self, step: &Step, pick: u64) {
        let Some(Past { user, message, .. }) = self.past(pick, |_| true) else { return };
        let way = Way { rest: step.rest, node: step.node, socket: step.socket };
        // Whatever comes stands in the history; nothing depends on it.
        self.hand.send(user, &message, way, step.fate).await;
    }

    /// Something becomes of a message that was acknowledged.
    async fn change(&self, step: &Step, change: Change, pick: u64) {
        let Some(past) = self.past(pick, |past| past.acked.is_some()) else { return };
        let Some(seen) = past.acked else { return };
        let Some(conversation) = self.hub.conversations.get(past.conversation) else { return };
        let key = self.name();
        let (message, seq) = (seen.id, seen.seq);
        let content = format!("{key} edited {}", ".".repeat(step.padding));
        let what = match change {
            Change::Edit => What::Edit { message, seq, body: body_of(&content) },
            Change::Delete => What::Delete { message, seq },
            Change::React(emoji, added) => {
                let emoji = EMOJI.get(emoji).copied().unwrap_or("x").into();
                What::React { message, seq, emoji, added }
            }
            Change::Read => What::Read { message, seq },
        };
        let user = match change {
            Change::Edit | Change::Delete => past.user,
            Change::React(..) | Change::Read => {
                conversation.member(step.member).unwrap_or(past.user)
            }
        };
        let content = content.into();
        let deed = Deed { conversation: conversation.id, key: key.into(), what, content };
        let way = Way { rest: step.rest, node: step.node, socket: step.socket };
        let fate = step.fate;
        let outcome = if step.give_up {
            self.hand.act(user, &deed, way, fate).await.outcome
        } else {
            self.hand.act_through(user, &deed, way, fate).await
        };
        if let Outcome::Ok(Some(seen)) = outcome
            && step.read_back
        {
            self.hand.read_back(user, step.node + 1, conversation.id, &seen).await;
        }
    }

    async fn refused(&self, step: &Step, kind: usize) {
        let Some((conversation, user)) = self.members(step) else { return };
        let stranger = || {
            let conversation = self.hub.conversations.get(step.conversation)?;
            let inside = |place: &usize| {
                conversation.members.contains(place) || conversation.guests.contains(place)
            };
            (0..self.hub.users.len()).find(|place| !inside(place))
        };
        let user = if kind == 0 { stranger().unwrap_or(user) } else { user };
        let Some(mut message) = self.message(conversation, user, step.padding) else { return };
        let mut sender = user;
        match kind {
            0 => {}
            1 => message = same_id(&message, String::new()),
            2 => {
                let acked = self.past.lock().iter().rev().find(|p| p.acked.is_some()).cloned();
                let Some(past) = acked else { return };
                sender = past.user;
                message = same_id(&past.message, format!("{} changed", past.message.content));
            }
            _ => message = same_id(&message, "x".repeat(TOO_LONG)),
        }
        let way = Way { rest: step.rest, node: step.node, socket: step.socket };
        self.hand.send(sender, &message, way, step.fate).await;
    }

    /// Retries on other nodes until there is an outcome, or as long as this client bothers.
    async fn see_through(&self, step: &Step, user: usize, m: Message, first: Answer<Seen>) {
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
                Outcome::Fail(_) | Outcome::Unknown(_) => self.hand.pause(&mut wait).await,
            }
            if Instant::now() > until {
                break;
            }
            lost = false;
            let way = Way { rest: step.rest_again, node: node + 1, socket: step.socket + 1 };
            Answer { node, outcome } = self.hand.send(user, &m, way, Fate::Kept).await;
        }
        if let Outcome::Ok(seen) = &outcome
            && step.read_back
        {
            self.hand.read_back(user, node + 1, m.request.conversation, seen).await;
        }
        let mut past = self.past.lock();
        let (conversation, acked) = (step.conversation, outcome.ok().cloned());
        past.push_back(Past { user, conversation, message: m, acked });
        if past.len() > MEMORY {
            past.pop_front();
        }
    }
}

fn same_id(message: &Message, content: String) -> Message {
    let request = &message.request;
    Message::new(request.conversation, request.sender, &request.client, content)
}
