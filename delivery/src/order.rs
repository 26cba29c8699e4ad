//! The order of events on this node: each rev of a conversation is pushed once, in order, whatever
//! duplicates, reorders or holes the topic has (HAZARDS 10 and 22, G-06).
//!
//! A *lane* per conversation knows the last rev that was pushed. At or below it: drop. The next:
//! push. A jump opens a gap: the missing changes are fetched once for the node, and what comes
//! meanwhile waits. Pure: it says what to do, `hub` does it.
//!
//! A lane also knows up to where somebody here has synced: he must not miss what follows, though
//! nothing was pushed to him yet. It does not stand for what was pushed: others here wait for that.
//!
//! Bounds: [`LANES`] lanes (the least recently used are forgotten, which costs at most a duplicate
//! that clients ignore), [`GAPS`] open gaps, [`WAITING`] events and bytes in one. Beyond a bound the
//! answer is a resync, never silence.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use schemas::{ConversationId, Rev};

use crate::frame::Frame;

/// Conversations remembered, in each of two generations.
const LANES: usize = 65_536;
/// Gaps open at once.
pub(crate) const GAPS: usize = 1_024;
/// Events that wait in one gap, and revs that are fetched for one.
pub(crate) const WAITING: usize = 256;
/// Bytes that wait in one gap.
const WAITING_BYTES: usize = 1_048_576;
/// Fetches in a row that bring nothing before a gap is given up.
const TRIES: u32 = 4;

/// An event on its way to its audience.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// The conversation.
    pub(crate) conversation: ConversationId,
    /// Number of the change.
    pub(crate) rev: Rev,
    /// Packed members; empty: those of the conversation that are here.
    pub(crate) audience: Bytes,
    /// Packed: who is no member any more with it.
    pub(crate) left: Bytes,
    /// Whether the conversation is routed as a whole from the next event on.
    pub(crate) flip: bool,
    /// The frame.
    pub(crate) frame: Frame,
}

/// A change that was fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Missed {
    /// Its number.
    pub(crate) rev: Rev,
    /// The frame.
    pub(crate) frame: Frame,
    /// Packed: who is no member any more with it.
    pub(crate) left: Bytes,
    /// Packed: who it is for, if it is the last change that is routed by member.
    pub(crate) flipped: Option<Bytes>,
}

/// Changes to fetch: those with `after < rev < before`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fetch {
    /// The conversation.
    pub(crate) conversation: ConversationId,
    /// The last rev that was pushed.
    pub(crate) after: Rev,
    /// One that waits, and need not be fetched.
    pub(crate) before: Rev,
    /// How often this was fetched in vain.
    pub(crate) tries: u32,
    ticket: u64,
}

/// What to do with an event.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Push it.
    Push(Event),
    /// It was pushed before.
    Drop(Event),
    /// Under this rev other bytes were pushed before (G-08): drop it, and say so.
    Other(Event),
    /// It waits; look whether others need not wait any more ([`Order::ready`]).
    Hold,
    /// It waits until these are here.
    Fetch(Fetch),
    /// Too much is missing: tell its audience to resync.
    Resync(Event),
}

/// What to do after a fetch, once everything ready was pushed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Settled {
    /// Nothing more is missing.
    Closed,
    /// Something is still missing.
    Again(Fetch),
    /// It can not be had: tell this audience to resync.
    Resync(Bytes),
}

#[derive(Debug)]
struct Lane {
    /// The last rev pushed; 0: none yet.
    last: Rev,
    /// Epoch of the registry at the last push.
    at: u64,
    /// Checksum of what was pushed last, if it came by the topic: what is fetched may have been redacted.
    print: Option<u32>,
    /// Somebody here has synced up to this.
    known: Rev,
    /// Epoch of the registry at that moment.
    known_at: u64,
    gap: Option<Box<Gap>>,
}

#[derive(Debug, Default)]
struct Gap {
    ticket: u64,
    waiting: BTreeMap<Rev, Event>,
    bytes: usize,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Order {
    /// Lanes used since the last rotation, and those before: an LRU in two generations.
    young: HashMap<ConversationId, Lane>,
    old: HashMap<ConversationId, Lane>,
    gaps: usize,
    tickets: u64,
}

impl Order {
    /// Decides on an event. `epoch`: the registry's present one. `covered(at)`: whether anybody of
    /// its audience has been here since that epoch; if nobody has, those here caught up after the
    /// lane stood still, and its hole is none of theirs.
    pub(crate) fn admit(
        &mut self,
        event: Event,
        epoch: u64,
        covered: impl Fn(u64) -> bool,
    ) -> Verdict {
        let (gaps, ticket) = (self.gaps, self.tickets);
        let Some(lane) = self.lane(event.conversation) else {
            let print = Some(print(&event));
            let lane = Lane { last: event.rev, at: epoch, print, known: 0, known_at: 0, gap: None };
            self.remember(event.conversation, lane);
            return Verdict::Push(event);
        };
        if event.rev <= lane.last {
            let same = event.rev < lane.last || lane.print.is_none_or(|last| last == print(&event));
            return if same { Verdict::Drop(event) } else { Verdict::Other(event) };
        }
        if let Some(gap) = &mut lane.gap {
            if gap.hold(event.clone()) && !is_wide(event.rev - lane.last) {
                return Verdict::Hold;
            }
            lane.skip();
            self.gaps -= 1;
            return Verdict::Resync(event);
        }
        let base = lane.base(event.rev, covered);
        if event.rev == base + 1 {
            lane.reach(event.rev, epoch, Some(print(&event)));
            return Verdict::Push(event);
        }
        if gaps >= GAPS || is_wide(event.rev - base) {
            lane.reach(event.rev, epoch, None);
            return Verdict::Resync(event);
        }
        (lane.last, lane.print) = (base, None);
        let fetch = Fetch {
            conversation: event.conversation,
            after: lane.last,
            before: event.rev,
            tries: 0,
            ticket,
        };
        let mut gap = Box::new(Gap { ticket, ..Gap::default() });
        gap.hold(event);
        lane.gap = Some(gap);
        self.gaps += 1;
        self.tickets += 1;
        Verdict::Fetch(fetch)
    }

    /// The next event of a conversation that need not wait any more. Call until there is none.
    pub(crate) fn ready(&mut self, conversation: ConversationId, epoch: u64) -> Option<Event> {
        let lane = self.lane(conversation)?;
        let gap = lane.gap.as_mut()?;
        let mut ready = None;
        while let Some(first) = gap.waiting.first_entry() {
            let rev = *first.key();
            if rev > lane.last + 1 {
                break;
            }
            let event = first.remove();
            gap.bytes -= event.frame.len();
            if rev > lane.last {
                (lane.last, lane.at, lane.print) = (rev, epoch, None);
                ready = Some(event);
                break;
            }
        }
        if gap.waiting.is_empty() {
            lane.gap = None;
            self.gaps -= 1;
        }
        ready
    }

    /// Takes what was fetched. Then push what is [`Self::ready`], then [`Self::settle`].
    pub(crate) fn fetched(&mut self, fetch: &Fetch, rows: Vec<Missed>) {
        let Some(gap) = self.gap(fetch) else { return };
        // Those who are to get what comes after the hole: whoever left meanwhile gets none of it.
        let Some(mut audience) = gap.waiting.values().next().map(|event| event.audience.clone())
        else {
            return;
        };
        for Missed { rev, frame, left, flipped } in rows.into_iter().rev() {
            if let Some(flipped) = &flipped {
                // Up to this one it was routed by member.
                audience = flipped.clone();
            }
            if fetch.after < rev && rev < fetch.before && !gap.waiting.contains_key(&rev) {
                let event = Event {
                    conversation: fetch.conversation,
                    rev,
                    audience: audience.clone(),
                    left,
                    flip: flipped.is_some(),
                    frame,
                };
                // What is fetched is bounded by the width of the gap.
                gap.hold(event);
            }
        }
    }

    /// What is left to do after a fetch.
    pub(crate) fn settle(&mut self, fetch: &Fetch) -> Settled {
        let Some(gap) = self.gap(fetch) else { return Settled::Closed };
        let Some((&before, event)) = gap.waiting.last_key_value() else {
            return Settled::Closed;
        };
        let audience = event.audience.clone();
        let Some(lane) = self.lane(fetch.conversation) else { return Settled::Closed };
        let tries = if lane.last > fetch.after { 1 } else { fetch.tries + 1 };
        if tries >= TRIES {
            lane.skip();
            self.gaps -= 1;
            return Settled::Resync(audience);
        }
        Settled::Again(Fetch { after: lane.last, before, tries, ..*fetch })
    }

    /// Somebody here has synced up to `rev`: what follows is not to be missed by him. Whether what
    /// comes up to it may still be pushed, to others or for the first time.
    pub(crate) fn learn(
        &mut self,
        conversation: ConversationId,
        rev: Rev,
        epoch: u64,
        covered: impl Fn(u64) -> bool,
    ) -> bool {
        let Some(lane) = self.lane(conversation) else {
            let lane = Lane { last: 0, at: 0, print: None, known: rev, known_at: epoch, gap: None };
            self.remember(conversation, lane);
            return true;
        };
        // Whoever synced before him may lack more, if he is still here.
        let older = lane.known > lane.last && covered(lane.known_at);
        lane.known = if older { lane.known.min(rev) } else { rev };
        lane.known_at = epoch;
        lane.last < rev
    }

    /// The last rev pushed; none: nothing is known of the conversation.
    pub(crate) fn last(&mut self, conversation: ConversationId) -> Option<Rev> {
        self.lane(conversation).map(|lane| lane.last)
    }

    /// Nobody who gets the event at hand is here. What waits stays: it may be for others, who have
    /// become members since.
    pub(crate) fn forget(&mut self, conversation: ConversationId) {
        if self.lane(conversation).is_some_and(|lane| lane.gap.is_none()) {
            self.young.remove(&conversation);
        }
    }

    /// Gaps that are open.
    pub(crate) fn gaps(&self) -> usize {
        self.gaps
    }

    /// Everything is unknown from now on.
    pub(crate) fn clear(&mut self) {
        *self = Self { tickets: self.tickets, ..Self::default() };
    }

    fn gap(&mut self, fetch: &Fetch) -> Option<&mut Gap> {
        let gap = self.lane(fetch.conversation)?.gap.as_deref_mut()?;
        (gap.ticket == fetch.ticket).then_some(gap)
    }

    fn lane(&mut self, conversation: ConversationId) -> Option<&mut Lane> {
        if !self.young.contains_key(&conversation) {
            let lane = self.old.remove(&conversation)?;
            self.remember(conversation, lane);
        }
        self.young.get_mut(&conversation)
    }

    fn remember(&mut self, conversation: ConversationId, lane: Lane) {
        if self.young.len() >= LANES {
            let forgotten = std::mem::replace(&mut self.old, std::mem::take(&mut self.young));
            // Somebody waits for these.
            self.young.extend(forgotten.into_iter().filter(|(_, lane)| lane.gap.is_some()));
        }
        self.young.insert(conversation, lane);
    }
}

/// A checksum of its bytes.
fn print(event: &Event) -> u32 {
    crc32fast::hash(event.frame.text().as_bytes())
}

/// Whether a jump is too wide to be filled.
fn is_wide(jump: Rev) -> bool {
    usize::try_from(jump - 1).map_or(true, |missing| missing > WAITING)
}

impl Lane {
    /// From where on everything up to `rev` is owed to somebody here.
    fn base(&self, rev: Rev, covered: impl Fn(u64) -> bool) -> Rev {
        if rev == self.last + 1 || (self.last > 0 && covered(self.at)) {
            return self.last;
        }
        let synced = self.known > 0 && self.known >= self.last && self.known < rev;
        if synced && covered(self.known_at) { self.known } else { rev - 1 }
    }

    /// Everything up to `rev` is pushed.
    fn reach(&mut self, rev: Rev, epoch: u64, print: Option<u32>) {
        (self.last, self.at, self.print) = (rev, epoch, print);
    }

    /// Gives up what is missing and what waits.
    fn skip(&mut self) {
        if let Some(gap) = self.gap.take()
            && let Some((&last, _)) = gap.waiting.last_key_value()
        {
            self.last = self.last.max(last);
            self.print = None;
        }
    }
}

impl Gap {
    /// Lets an event wait; false if there is no room.
    fn hold(&mut self, event: Event) -> bool {
        self.bytes += event.frame.len();
        if let Some(before) = self.waiting.insert(event.rev, event) {
            self.bytes -= before.frame.len();
        }
        self.waiting.len() <= WAITING && self.bytes <= WAITING_BYTES
    }
}

#[cfg(test)]
mod tests;
