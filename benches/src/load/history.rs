//! Entries from what the book keeps: a few conversations at a time, so that a long run is judged in the
//! memory of a short one. Guarantees are about one conversation each, so nothing is lost by it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use uuid::Uuid;

use super::Run;
use super::book::{Book, Got, Number, Sent};
use crate::history::{
    Attempt, Entry, Live, Op, Opened, Outcome, Request, Seen, SocketId, Tells, Via,
};

/// Entries of a piece, unless one conversation alone has more.
const PIECE: usize = 200_000;

/// A run, ready to be judged.
pub(super) struct Pieces<'r> {
    run: &'r Run,
    /// Numbers by conversation.
    sends: Vec<Vec<Number>>,
    /// Places of events by conversation.
    events: Vec<Vec<usize>>,
    /// What was noted in full and is about one conversation.
    noted: HashMap<Uuid, Vec<Entry>>,
    /// What is about sockets, by user.
    sockets: HashMap<Uuid, Vec<Entry>>,
}

/// Conversations of one piece, as places.
pub(super) type Range = std::ops::Range<usize>;

impl<'r> Pieces<'r> {
    pub(super) fn of(run: &'r Run) -> Self {
        let rooms = run.world.rooms.len();
        let (mut sends, mut events) = (vec![Vec::new(); rooms], vec![Vec::new(); rooms]);
        let all = run.book.sends.lock();
        for (number, sent) in (0..).zip(all.iter()) {
            if let Some(of) = sends.get_mut(sent.ask.room as usize) {
                of.push(number);
            }
        }
        for (place, got) in run.book.events.lock().iter().enumerate() {
            let room = all.get(got.number as usize).map(|sent| sent.ask.room as usize);
            if let Some(of) = room.and_then(|room| events.get_mut(room)) {
                of.push(place);
            }
        }
        drop(all);
        let mut pieces =
            Self { run, sends, events, noted: HashMap::new(), sockets: HashMap::new() };
        let mut owners: HashMap<SocketId, Uuid> = HashMap::new();
        for entry in run.book.noted() {
            if let Op::SocketOpen(socket, user) = entry.op {
                owners.insert(socket, user);
            }
            match about(&entry.op) {
                About::Conversation(id) => pieces.noted.entry(id).or_default().push(entry),
                About::Socket(socket) => {
                    let owner = owners.get(&socket).copied().unwrap_or_default();
                    pieces.sockets.entry(owner).or_default().push(entry);
                }
            }
        }
        pieces
    }

    /// Which conversations are judged together.
    pub(super) fn ranges(&self) -> Vec<Range> {
        let (mut ranges, mut from, mut size) = (Vec::new(), 0, 0);
        for (place, (sends, events)) in self.sends.iter().zip(&self.events).enumerate() {
            // Each message is read at least once.
            let own = sends.len() * 2 + events.len();
            if place > from && size + own > PIECE {
                ranges.push(from..place);
                (from, size) = (place, 0);
            }
            size += own;
        }
        if from < self.sends.len() {
            ranges.push(from..self.sends.len());
        }
        ranges
    }

    /// The entries of some conversations, in the order of completion.
    pub(super) fn entries(&mut self, range: Range) -> Vec<Entry> {
        let (world, book) = (&self.run.world, &self.run.book);
        let mut entries = Vec::new();
        let mut members = HashSet::new();
        for place in range {
            let Some(room) = world.rooms.get(place) else { continue };
            let users = room.members.iter().filter_map(|user| world.user(*user));
            let ids: Vec<Uuid> = users.map(|user| user.id).collect();
            members.extend(ids.iter().copied());
            if let [by, with, others @ ..] = ids.as_slice() {
                let (by, with, others) = (*by, *with, others.to_vec());
                let opened = Opened { by, with, others, outcome: Outcome::Ok(room.id) };
                entries.push(Entry {
                    process: 0,
                    node: 0,
                    start: 0,
                    end: 0,
                    op: Op::Create(opened),
                });
            }
            entries.extend(self.noted.remove(&room.id).unwrap_or_default());
            let (sends, events) = (self.sends.get(place), self.events.get(place));
            let sent = |number: &Number| self.sent(room.id, *number);
            entries.extend(sends.into_iter().flatten().filter_map(sent));
            let got = |place: &usize| book.events.lock().get(*place).copied();
            let events = events.into_iter().flatten().filter_map(got);
            entries.extend(events.filter_map(|got| self.live(room.id, got)));
        }
        let sockets = members.iter().filter_map(|user| self.sockets.get(user)).flatten();
        entries.extend(sockets.cloned());
        // Of what happened at one time, a socket's opening and events keep their order.
        entries.sort_by_key(|entry| entry.end);
        entries
    }

    fn sent(&self, conversation: Uuid, number: Number) -> Option<Entry> {
        let (world, book) = (&self.run.world, &self.run.book);
        let Sent { ask, start, end, id, seq, rev, body, .. } =
            book.sends.lock().get(number as usize).copied()?;
        let odd = book.odd.lock().get(&number).cloned();
        let plain = || book.seen(world, number, (id, seq, rev)).map(Outcome::Ok);
        let (end, outcome) = match (end, odd) {
            (0, _) => (u64::MAX, Outcome::Unknown("no answer".to_owned())),
            (end, Some(odd)) => (end, odd),
            (end, None) => (end, plain()?),
        };
        let sender = world.user(ask.user)?.id;
        let client = Arc::from(book.client(number));
        let request = Request { conversation, sender, client, body };
        let via = ask.socket.map_or(Via::Rest, Via::Socket);
        let op = Op::Send(Attempt { request, via, outcome, loss: None });
        Some(Entry { process: ask.user, node: 0, start, end, op })
    }

    fn live(&self, conversation: Uuid, got: Got) -> Option<Entry> {
        let Got { number, socket, at, id, seq, rev, bytes, resumed } = got;
        let message: Seen = self.run.book.seen(&self.run.world, number, (id, seq, rev))?;
        let tells = Tells { resumed, bytes, ..Tells::default() };
        let kind = Arc::from("message.created");
        let live = Live { socket, conversation, kind, rev, message: Some(message), tells };
        Some(Entry { process: 0, node: 0, start: at, end: at, op: Op::Live(live) })
    }
}

enum About {
    Conversation(Uuid),
    Socket(SocketId),
}

fn about(op: &Op) -> About {
    match op {
        Op::Send(what) => About::Conversation(what.request.conversation),
        Op::Act(what) => About::Conversation(what.conversation),
        Op::Page(what) | Op::Full(what) => About::Conversation(what.conversation),
        Op::Get(what) => About::Conversation(what.conversation),
        Op::Live(what) => About::Conversation(what.conversation),
        Op::Unread(what) => About::Conversation(what.conversation),
        Op::Members(what) => About::Conversation(what.conversation),
        Op::Probe(what) => About::Conversation(what.conversation),
        Op::SocketOpen(socket, _) | Op::StockOpen(socket, _) | Op::SocketClose(socket, _) => {
            About::Socket(*socket)
        }
        Op::Resume(what) => About::Socket(what.socket),
        // The load opens conversations and breaks nothing.
        Op::Create(_) | Op::Fault(_) | Op::Audit(_) => About::Conversation(Uuid::nil()),
    }
}

/// A message of the book to be sent once more, as it was.
pub(super) fn again(run: &Run, number: Number) -> Option<(u32, crate::target::Message)> {
    let sent = run.book.sends.lock().get(number as usize).copied()?;
    let (user, room) = (run.world.user(sent.ask.user)?, run.world.room(sent.ask.room)?);
    let (client, content) = (run.book.client(number), Book::content(number));
    Some((sent.ask.user, crate::target::Message::new(room.id, user.id, &client, content)))
}
