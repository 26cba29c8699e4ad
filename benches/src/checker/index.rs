//! A history arranged for the checks: one pass, nothing judged.

use std::collections::{BTreeMap, HashMap};

use schemas::{Rev, Seq};
use uuid::Uuid;

use crate::history::{
    Act, Attempt, Audit, Entry, Fault, Gotten, Live, Members, Op, Opened, Outcome, Page, Probe,
    Process, Resume, Seen, SocketId, Unread,
};

/// One thing of a kind, and the entry it comes from.
#[derive(Debug)]
pub(super) struct At<'h, T> {
    pub(super) line: usize,
    pub(super) entry: &'h Entry,
    pub(super) what: &'h T,
}

// Derived they would ask the same of `T`.
impl<T> Clone for At<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for At<'_, T> {}

/// Whoever sends the same three again means the same message.
pub(super) type ClientKey<'h> = (Uuid, Uuid, &'h str);

/// What one connection saw.
#[derive(Debug, Default)]
pub(super) struct Socket<'h> {
    pub(super) opened: Option<u64>,
    pub(super) user: Option<Uuid>,
    pub(super) node: usize,
    /// Whoever holds it: one client over all its reconnects.
    pub(super) process: Process,
    pub(super) closed: Option<Closed>,
    /// Events with a number each.
    pub(super) events: BTreeMap<Uuid, Vec<At<'h, Live>>>,
    /// Messages that a stock client was told of.
    pub(super) told: BTreeMap<Uuid, Vec<At<'h, Live>>>,
    /// Whether it is a stock client's.
    pub(super) stock: bool,
    /// How it came back, if it brought cursors.
    pub(super) resume: Option<At<'h, Resume>>,
}

/// The end of a connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closed {
    pub(super) line: usize,
    pub(super) at: u64,
    /// Of the server's close frame, if one came.
    pub(super) code: Option<u16>,
}

/// The whole history.
#[derive(Debug, Default)]
pub(super) struct Index<'h> {
    pub(super) creates: Vec<At<'h, Opened>>,
    pub(super) sends: Vec<At<'h, Attempt>>,
    /// Attempts by client id, as places in `sends`.
    pub(super) clients: HashMap<ClientKey<'h>, Vec<usize>>,
    pub(super) pages: Vec<At<'h, Page>>,
    pub(super) fulls: BTreeMap<Uuid, Vec<At<'h, Page>>>,
    pub(super) gets: Vec<At<'h, Gotten>>,
    pub(super) sockets: BTreeMap<SocketId, Socket<'h>>,
    pub(super) faults: Vec<At<'h, Fault>>,
    pub(super) audits: Vec<At<'h, Audit>>,
    pub(super) acts: Vec<At<'h, Act>>,
    pub(super) unreads: Vec<At<'h, Unread>>,
    pub(super) members: Vec<At<'h, Members>>,
    pub(super) probes: Vec<At<'h, Probe>>,
    /// Who is in a conversation from the beginning to the end.
    pub(super) stay: HashMap<Uuid, Vec<Uuid>>,
}

/// Where something was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Ack,
    Page,
    Full,
    Get,
    Live,
}

impl Source {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Ack => "an ack",
            Self::Page => "a page",
            Self::Full => "a full read",
            Self::Get => "a read by id",
            Self::Live => "a live event",
        }
    }
}

/// A message as it was seen somewhere.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sight<'h> {
    pub(super) line: usize,
    pub(super) conversation: Uuid,
    pub(super) source: Source,
    pub(super) seen: &'h Seen,
    /// When it was asked for, or came.
    pub(super) start: u64,
}

impl<'h> Socket<'h> {
    /// All that came, with a number or without, by conversation.
    pub(super) fn all(&self) -> impl Iterator<Item = (&Uuid, &Vec<At<'h, Live>>)> {
        self.events.iter().chain(&self.told)
    }
}

impl<'h> Index<'h> {
    pub(super) fn of(entries: &'h [Entry]) -> Self {
        let mut index = Self::default();
        for (line, entry) in entries.iter().enumerate() {
            index.add(line, entry);
        }
        // Entries come in the order of completion; what follows from order needs that of invocation.
        index.sends.sort_by_key(|send| send.entry.start);
        index.acts.sort_by_key(|act| act.entry.start);
        for (place, send) in index.sends.iter().enumerate() {
            let request = &send.what.request;
            let key = (request.sender, request.conversation, request.client.as_ref());
            index.clients.entry(key).or_default().push(place);
        }
        index
    }

    fn add(&mut self, line: usize, entry: &'h Entry) {
        match &entry.op {
            Op::Create(what) => {
                if let Some(conversation) = what.outcome.ok() {
                    self.stay.entry(*conversation).or_insert_with(|| what.members().collect());
                }
                self.creates.push(At { line, entry, what });
            }
            Op::Send(what) => self.sends.push(At { line, entry, what }),
            Op::Page(what) => self.pages.push(At { line, entry, what }),
            Op::Full(what) => {
                self.fulls.entry(what.conversation).or_default().push(At { line, entry, what });
            }
            Op::Get(what) => self.gets.push(At { line, entry, what }),
            Op::SocketOpen(socket, user) | Op::StockOpen(socket, user) => {
                let socket = self.sockets.entry(*socket).or_default();
                socket.stock = matches!(entry.op, Op::StockOpen(..));
                socket.opened = Some(entry.end);
                socket.user = Some(*user);
                (socket.node, socket.process) = (entry.node, entry.process);
            }
            Op::SocketClose(socket, code) => {
                let closed = Closed { line, at: entry.end, code: *code };
                self.sockets.entry(*socket).or_default().closed = Some(closed);
            }
            Op::Live(what) => {
                let socket = self.sockets.entry(what.socket).or_default();
                let all = if socket.stock { &mut socket.told } else { &mut socket.events };
                let events = all.entry(what.conversation).or_default();
                events.push(At { line, entry, what });
            }
            Op::Resume(what) => {
                let socket = self.sockets.entry(what.socket).or_default();
                socket.resume = Some(At { line, entry, what });
            }
            Op::Act(what) => self.acts.push(At { line, entry, what }),
            Op::Unread(what) => self.unreads.push(At { line, entry, what }),
            Op::Members(what) => self.members.push(At { line, entry, what }),
            Op::Probe(what) => self.probes.push(At { line, entry, what }),
            Op::Fault(what) => self.faults.push(At { line, entry, what }),
            Op::Audit(what) => self.audits.push(At { line, entry, what }),
        }
    }

    /// The complete full reads of a conversation.
    pub(super) fn full(&self, conversation: Uuid) -> impl Iterator<Item = (usize, &'h [Seen])> {
        self.fulls.get(&conversation).into_iter().flatten().filter_map(|read| {
            let messages = read.what.outcome.ok()?;
            Some((read.line, messages.as_slice()))
        })
    }

    /// Whether a user is in a conversation from the beginning to the end; a user's feed is his own.
    pub(super) fn stays(&self, user: Uuid, conversation: Uuid) -> bool {
        user == conversation
            || self.stay.get(&conversation).is_some_and(|members| members.contains(&user))
    }

    /// When the first attempt under a client id was invoked.
    pub(super) fn first_tried(&self, conversation: Uuid, seen: &Seen) -> Option<u64> {
        let key = (seen.sender, conversation, seen.client.as_deref()?);
        let first = *self.clients.get(&key)?.first()?;
        Some(self.sends.get(first)?.entry.start)
    }

    /// Every sight of a message that is not an ack, whoever had it.
    pub(super) fn readings(&self) -> impl Iterator<Item = Sight<'h>> {
        let pages = self.pages.iter().map(|page| (Source::Page, page));
        let fulls = self.fulls.values().flatten().map(|page| (Source::Full, page));
        let paged = pages.chain(fulls).flat_map(|(source, page)| {
            let (line, conversation) = (page.line, page.what.conversation);
            let start = page.entry.start;
            let messages = page.what.outcome.ok().into_iter().flatten();
            messages.map(move |seen| Sight { line, conversation, source, seen, start })
        });
        let gets = self.gets.iter().filter_map(|get| {
            let conversation = get.what.conversation;
            let seen = get.what.outcome.ok()?;
            let (line, start) = (get.line, get.entry.start);
            Some(Sight { line, conversation, source: Source::Get, seen, start })
        });
        paged.chain(gets).chain(self.live_messages())
    }

    fn live_messages(&self) -> impl Iterator<Item = Sight<'h>> {
        let events = self.sockets.values().flat_map(Socket::all).flat_map(|(_, events)| events);
        events.filter_map(|event| {
            let conversation = event.what.conversation;
            let seen = event.what.message.as_ref()?;
            let (line, start) = (event.line, event.entry.start);
            Some(Sight { line, conversation, source: Source::Live, seen, start })
        })
    }

    /// Every ack of a send.
    pub(super) fn acks(&self) -> impl Iterator<Item = Sight<'h>> {
        self.sends.iter().filter_map(|send| {
            let conversation = send.what.request.conversation;
            let seen = send.what.outcome.ok()?;
            let (line, start) = (send.line, send.entry.start);
            Some(Sight { line, conversation, source: Source::Ack, seen, start })
        })
    }

    /// Every ack of something else that shows the message.
    pub(super) fn act_acks(&self) -> impl Iterator<Item = Sight<'h>> {
        self.acts.iter().filter_map(|act| {
            let seen = act.what.outcome.ok()?.as_ref()?;
            let (line, start, conversation) = (act.line, act.entry.start, act.what.conversation);
            Some(Sight { line, conversation, source: Source::Ack, seen, start })
        })
    }

    /// Revs known of each conversation, with what was seen there.
    pub(super) fn revs(&self) -> BTreeMap<Uuid, BTreeMap<Rev, (usize, Option<Seq>)>> {
        let mut revs: BTreeMap<Uuid, BTreeMap<Rev, (usize, Option<Seq>)>> = BTreeMap::new();
        for (conversation, reads) in &self.fulls {
            let known = revs.entry(*conversation).or_default();
            for read in reads {
                for seen in read.what.outcome.ok().into_iter().flatten() {
                    known.entry(seen.rev).or_insert((read.line, Some(seen.seq)));
                }
            }
        }
        for socket in self.sockets.values() {
            for (conversation, events) in &socket.events {
                // A feed begins where its user's first socket does.
                if !self.stay.contains_key(conversation) {
                    continue;
                }
                let known = revs.entry(*conversation).or_default();
                for event in events {
                    let seq = event.what.message.as_ref().map(|seen| seen.seq);
                    known.entry(event.what.rev).or_insert((event.line, seq));
                }
            }
        }
        revs
    }

    /// Conversations that were written to and never read whole: nothing is proven about them.
    pub(super) fn unread(&self) -> usize {
        let mut written: Vec<Uuid> = self
            .sends
            .iter()
            .filter(|send| !matches!(send.what.outcome, Outcome::Fail(_)))
            .map(|send| send.what.request.conversation)
            .collect();
        written.sort_unstable();
        written.dedup();
        written.retain(|conversation| self.full(*conversation).next().is_none());
        written.len()
    }
}
