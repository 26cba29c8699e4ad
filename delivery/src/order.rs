//! The order of events on this node: each rev of a conversation is pushed once, in order, whatever
//! duplicates, reorders or holes the topic has (HAZARDS 10 and 22, G-06).
//!
//! A *lane* per conversation knows the last rev that was pushed. At or below it: drop. The next:
//! push. A jump opens a gap: the missing changes are fetched once for the node, and what comes
//! meanwhile waits. Pure: it says what to do, `hub` does it.
//!
//! Bounds: [`LANES`] lanes (the least recently used are forgotten, which costs at most a duplicate
//! that clients ignore), [`GAPS`] open gaps, [`WAITING`] events and bytes in one. Beyond a bound the
//! answer is a resync, never silence.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;
use schemas::{ConversationId, Rev};

use crate::transport::Payload;

/// Conversations remembered, in each of two generations.
const LANES: usize = 65_536;
/// Gaps open at once.
const GAPS: usize = 1_024;
/// Events that wait in one gap, and revs that are fetched for one.
const WAITING: usize = 256;
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
    /// Packed members.
    pub(crate) audience: Bytes,
    /// The frame.
    pub(crate) frame: Payload,
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
    Drop,
    /// It waits; look whether others need not wait any more ([`Order::ready`]).
    Hold,
    /// It waits until these are here.
    Fetch(Fetch),
    /// Too much is missing: tell this audience to resync.
    Resync(Bytes),
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
    last: Rev,
    /// Epoch of the registry at the last push.
    at: u64,
    gap: Option<Box<Gap>>,
}

#[derive(Debug, Default)]
struct Gap {
    ticket: u64,
    waiting: BTreeMap<Rev, (Bytes, Payload)>,
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
        covered: impl FnOnce(u64) -> bool,
    ) -> Verdict {
        let (gaps, ticket) = (self.gaps, self.tickets);
        let Some(lane) = self.lane(event.conversation) else {
            let lane = Lane { last: event.rev, at: epoch, gap: None };
            self.remember(event.conversation, lane);
            return Verdict::Push(event);
        };
        if event.rev <= lane.last {
            return Verdict::Drop;
        }
        let missing = event.rev - lane.last - 1;
        let wide = usize::try_from(missing).map_or(true, |missing| missing > WAITING);
        if let Some(gap) = &mut lane.gap {
            let audience = event.audience.clone();
            if gap.hold(event) && !wide {
                return Verdict::Hold;
            }
            lane.skip();
            self.gaps -= 1;
            return Verdict::Resync(audience);
        }
        if missing == 0 || !covered(lane.at) {
            lane.last = event.rev;
            lane.at = epoch;
            return Verdict::Push(event);
        }
        if gaps >= GAPS || wide {
            lane.last = event.rev;
            lane.at = epoch;
            return Verdict::Resync(event.audience);
        }
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
            let (audience, frame) = first.remove();
            gap.bytes -= frame.len();
            if rev > lane.last {
                lane.last = rev;
                lane.at = epoch;
                ready = Some(Event { conversation, rev, audience, frame });
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
    pub(crate) fn fetched(&mut self, fetch: &Fetch, rows: Vec<(Rev, Payload)>) {
        let Some(gap) = self.gap(fetch) else { return };
        // Those who are to get what comes after the hole: whoever left meanwhile gets none of it.
        let Some((audience, _)) = gap.waiting.values().next().cloned() else { return };
        for (rev, frame) in rows {
            if fetch.after < rev && rev < fetch.before {
                let event = Event {
                    conversation: fetch.conversation,
                    rev,
                    audience: audience.clone(),
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
        let Some((&before, (audience, _))) = gap.waiting.last_key_value() else {
            return Settled::Closed;
        };
        let audience = audience.clone();
        let Some(lane) = self.lane(fetch.conversation) else { return Settled::Closed };
        let tries = if lane.last > fetch.after { 1 } else { fetch.tries + 1 };
        if tries >= TRIES {
            lane.skip();
            self.gaps -= 1;
            return Settled::Resync(audience);
        }
        Settled::Again(Fetch { after: lane.last, before, tries, ..*fetch })
    }

    /// Nobody of a conversation is here.
    pub(crate) fn forget(&mut self, conversation: ConversationId) {
        let lane = self.young.remove(&conversation).or_else(|| self.old.remove(&conversation));
        if lane.is_some_and(|lane| lane.gap.is_some()) {
            self.gaps -= 1;
        }
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

impl Lane {
    /// Gives up what is missing and what waits.
    fn skip(&mut self) {
        if let Some(gap) = self.gap.take()
            && let Some((&last, _)) = gap.waiting.last_key_value()
        {
            self.last = self.last.max(last);
        }
    }
}

impl Gap {
    /// Lets an event wait; false if there is no room.
    fn hold(&mut self, event: Event) -> bool {
        let size = event.frame.len();
        if let Some((_, frame)) = self.waiting.insert(event.rev, (event.audience, event.frame)) {
            self.bytes -= frame.len();
        }
        self.bytes += size;
        self.waiting.len() <= WAITING && self.bytes <= WAITING_BYTES
    }
}

#[cfg(test)]
mod tests;
