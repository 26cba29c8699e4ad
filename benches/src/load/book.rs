//! What a run's clients asked for and saw, in a few bytes each, until it is judged.
//!
//! A history of full entries takes some 350 bytes an operation, and a saturated server makes tens of
//! thousands a second. What went as expected is kept as numbers here, and made into entries piece by
//! piece when it is judged; whatever was not as expected is kept as it was seen.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use schemas::{Rev, Seq};
use uuid::Uuid;

use super::world::World;
use crate::history::{Entry, Form, Live, Op, Outcome, Recorder, Seen, SocketId, body_of};
use crate::target::Event;

/// Sends of a run, at most: some 350 MB of record. Beyond that a run ends.
pub const SENDS: Number = 4_000_000;
/// Events of watched sockets, at most: some 350 MB of record. Beyond that sockets are watched no more.
pub const EVENTS: usize = 4_000_000;
/// Digits of a number, wherever it stands.
pub const DIGITS: usize = 10;

/// A message of a run, counted from 0.
pub type Number = u32;

/// A send that is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Ask {
    /// Place of the conversation.
    pub room: u32,
    /// Place of the sender.
    pub user: u32,
    /// The socket; none: a request of its own.
    pub socket: Option<SocketId>,
}

/// A send.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent {
    pub(super) ask: Ask,
    /// The so many-th of its conversation, counted from 0.
    pub(super) place: u32,
    pub(super) start: u64,
    /// 0: no answer.
    pub(super) end: u64,
    pub(super) id: Uuid,
    pub(super) seq: Seq,
    pub(super) rev: Rev,
    pub(super) body: u64,
}

/// A message that came over a watched socket, as it was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Got {
    pub(super) number: Number,
    pub(super) socket: SocketId,
    pub(super) at: u64,
    pub(super) id: Uuid,
    pub(super) seq: Seq,
    pub(super) rev: Rev,
    pub(super) bytes: u64,
    pub(super) resumed: bool,
}

/// The record of a run.
#[derive(Debug)]
pub struct Book {
    tag: Arc<str>,
    pub(super) recorder: Recorder,
    pub(super) sends: Mutex<Vec<Sent>>,
    /// How many there are in each conversation.
    counts: Mutex<HashMap<u32, u32>>,
    /// Answers that are not the plain ack of what was asked for.
    pub(super) odd: Mutex<HashMap<Number, Outcome<Seen>>>,
    pub(super) events: Mutex<Vec<Got>>,
}

impl Book {
    /// Empty; the tag tells the client ids of runs apart.
    pub fn new(tag: &str) -> Self {
        Self {
            tag: Arc::from(tag),
            recorder: Recorder::default(),
            sends: Mutex::default(),
            counts: Mutex::default(),
            odd: Mutex::default(),
            events: Mutex::default(),
        }
    }

    /// Everything else that happened goes here.
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// The client's own id of a message.
    pub fn client(&self, number: Number) -> String {
        format!("{}-{number:0DIGITS$}", self.tag)
    }

    /// The text of a message: as long as what people write, and like no other.
    pub fn content(number: Number) -> String {
        const LENGTH: usize = crate::scenarios::CONTENT_BYTES;
        let mut text = format!("{number:0DIGITS$} ");
        let filler = "The quick brown fox jumps over the lazy dog. ".chars().cycle();
        text.extend(filler.take(LENGTH - text.len()));
        text
    }

    /// A send leaves now; none: the book is full.
    pub fn begin(&self, ask: Ask) -> Option<Number> {
        let start = self.recorder.now();
        let mut sends = self.sends.lock();
        let number = Number::try_from(sends.len()).ok().filter(|number| *number < SENDS)?;
        let body = body_of(&Self::content(number));
        let mut counts = self.counts.lock();
        let count = counts.entry(ask.room).or_default();
        let place = *count;
        *count += 1;
        drop(counts);
        sends.push(Sent { ask, place, start, end: 0, id: Uuid::nil(), seq: 0, rev: 0, body });
        Some(number)
    }

    /// How many sends there are.
    pub fn len(&self) -> usize {
        self.sends.lock().len()
    }

    /// Whether nothing was sent.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What was asked for, and the so many-th of its conversation it is.
    pub(super) fn asked(&self, number: Number) -> Option<(Ask, u32)> {
        let sends = self.sends.lock();
        let sent = sends.get(number as usize)?;
        Some((sent.ask, sent.place))
    }

    /// Sends of which nobody knows what became of them.
    pub fn unknown(&self) -> u64 {
        let (sends, odd) = (self.sends.lock(), self.odd.lock());
        let open = sends.iter().filter(|sent| sent.end == 0).count();
        open as u64 + odd.values().filter(|o| matches!(o, Outcome::Unknown(_))).count() as u64
    }

    /// How long ago a message left.
    pub fn age(&self, number: Number) -> Option<Duration> {
        let start = self.sends.lock().get(number as usize)?.start;
        Some(Duration::from_nanos(self.recorder.now().saturating_sub(start)))
    }

    /// The largest `rev` that was acknowledged, by place of the conversation.
    pub fn tops(&self, rooms: usize) -> Vec<Rev> {
        let mut tops = vec![0; rooms];
        for sent in self.sends.lock().iter() {
            if let Some(top) = tops.get_mut(sent.ask.room as usize) {
                *top = sent.rev.max(*top);
            }
        }
        tops
    }

    /// Messages that watched sockets got.
    pub fn got(&self) -> usize {
        self.events.lock().len()
    }

    /// A send was answered.
    pub fn answered(&self, world: &World, number: Number, outcome: Outcome<Seen>) {
        let end = self.recorder.now();
        let mut sends = self.sends.lock();
        let Some(sent) = sends.get_mut(number as usize) else { return };
        sent.end = end;
        match outcome {
            Outcome::Ok(seen) if self.plain(world, number, sent, &seen) => {
                (sent.id, sent.seq, sent.rev) = (seen.id, seen.seq, seen.rev);
            }
            other => drop(self.odd.lock().insert(number, other)),
        }
    }

    /// A watched socket got an event; whether the book still had room for it.
    pub fn heard(&self, world: &World, socket: SocketId, event: Event) -> Kept {
        let at = self.recorder.now();
        let number = event.message.as_ref().and_then(|seen| self.number(seen.client.as_deref()?));
        if let (Some(number), Some(seen)) = (number, event.message.as_ref())
            && let Some(sent) = self.sends.lock().get(number as usize).copied()
            && self.plain(world, number, &sent, seen)
            && world.room(sent.ask.room).is_some_and(|room| room.id == event.conversation)
            && seen.rev == event.rev
            && &*event.kind == "message.created"
        {
            let (bytes, resumed) = (event.tells.bytes, event.tells.resumed);
            let (id, seq, rev) = (seen.id, seen.seq, seen.rev);
            let mut events = self.events.lock();
            if events.len() >= EVENTS {
                return Kept::Full;
            }
            events.push(Got { number, socket, at, id, seq, rev, bytes, resumed });
            return Kept::Yes;
        }
        let Event { conversation, kind, rev, message, tells } = event;
        let live = Live { socket, conversation, kind, rev, message, tells };
        self.recorder.note(0, 0, Op::Live(live));
        Kept::Yes
    }

    /// How sends ended otherwise than by a plain ack, by code.
    pub fn codes(&self) -> BTreeMap<String, u64> {
        let mut codes = BTreeMap::new();
        for outcome in self.odd.lock().values() {
            let code = match outcome {
                Outcome::Ok(_) => "another message",
                Outcome::Fail(code) | Outcome::Unknown(code) => code,
            };
            *codes.entry(code.to_owned()).or_default() += 1;
        }
        codes
    }

    /// The number in a client id of this run.
    pub fn number(&self, client: &str) -> Option<Number> {
        let digits = client.strip_prefix(&*self.tag)?.strip_prefix('-')?;
        let whole = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse().ok().filter(|_| whole)
    }

    /// Whether a message is what this send asked for.
    fn plain(&self, world: &World, number: Number, sent: &Sent, seen: &Seen) -> bool {
        let same = seen.client.as_deref().and_then(|client| self.number(client)) == Some(number);
        let sender = world.user(sent.ask.user).is_some_and(|user| user.id == seen.sender);
        same && sender && seen.body == sent.body && seen.form == Form::Sent
    }

    /// A message as it was seen, from what is kept of it.
    pub(super) fn seen(
        &self,
        world: &World,
        number: Number,
        (id, seq, rev): Place,
    ) -> Option<Seen> {
        let sent = *self.sends.lock().get(number as usize)?;
        let sender = world.user(sent.ask.user)?.id;
        let client = Some(Arc::from(self.client(number)));
        Some(Seen { id, seq, rev, client, sender, body: sent.body, form: Form::Sent })
    }

    /// Everything that was noted in full, leaving none.
    pub(super) fn noted(&self) -> Vec<Entry> {
        self.recorder.take()
    }
}

/// Where a message stands.
pub(super) type Place = (Uuid, Seq, Rev);

/// Whether an event found its place in the book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It did.
    Yes,
    /// There is no more room: the socket is no witness from here on.
    Full,
}
