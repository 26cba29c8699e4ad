//! Gates of a socket that catches up: live events of a conversation wait until its missed part is out,
//! and then leave by rev, each once (G-12). Pure; the queue owns it and counts what waits.
//!
//! - *Closed*: the part is not out. Events wait; while the feed's part is not out, those of every
//!   conversation do, for an entry of it may name one that the client has no cursor for. Entries of the
//!   feed wait for the end of the sync: what it says of a membership is older than what they say.
//! - *Floor*: the part is out, up to this rev, and live events up to it may still come: they are dropped.
//!   Kept where the node may push such an event, until the first newer one, for a while, and for at
//!   most [`FLOORS`] conversations: then a late one is a repetition, which clients ignore.

use std::collections::{BTreeMap, HashMap, HashSet};

use schemas::{ConversationId, Rev};

use super::queue::cost;
use crate::frame::Frame;

/// Floors of one socket.
const FLOORS: usize = 256;
/// Pings after which they are forgotten.
const PINGS: u32 = 3;

/// What a live frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Live {
    /// An event of a conversation.
    Event(ConversationId, Rev),
    /// An entry of the feed.
    Entry(Rev),
    /// A frame without a number.
    Notice,
}

/// Which sync of a socket: one that is over, and does not know it yet, opens no gate of the next one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Turn(pub(super) u32);

/// What is caught up with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// The feed.
    Feed,
    /// A conversation.
    Conversation(ConversationId),
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Gates {
    /// Closed: of every conversation.
    all: bool,
    closed: HashSet<ConversationId>,
    feed_closed: bool,
    /// Entries up to this one are out.
    feed_floor: Rev,
    held: BTreeMap<(ConversationId, Rev), Frame>,
    held_feed: BTreeMap<Rev, Frame>,
    /// What these cost.
    bytes: usize,
    floors: HashMap<ConversationId, Rev>,
    /// Whether the sync they are for goes on.
    running: bool,
    /// Pings since the last part was out.
    pings: u32,
}

/// What becomes of a live frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passage {
    /// It may leave.
    Open,
    /// It waits.
    Held,
    /// It is out already.
    Known,
}

/// What waits once a part is out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Opened {
    /// The gate is open. These leave now.
    Open(Vec<(Live, Frame)>),
    /// Changes up to this one are missing before those that wait: they are part of the part.
    Hole(Rev),
}

impl Gates {
    /// Closes those of conversations; of all of them while the feed is to be caught up with.
    pub(crate) fn close(
        &mut self,
        conversations: impl IntoIterator<Item = ConversationId>,
        feed: bool,
    ) {
        self.closed.extend(conversations);
        self.all = feed;
        self.feed_closed = true;
        self.running = true;
        self.pings = 0;
        self.floors.retain(|conversation, _| !self.closed.contains(conversation));
    }

    /// Whether a sync goes on.
    pub(crate) fn running(&self) -> bool {
        self.running
    }

    /// What is held costs so much.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether a live frame may leave; keeps it if it is to wait.
    pub(crate) fn pass(&mut self, live: Live, frame: &Frame) -> Passage {
        let before = match live {
            Live::Event(conversation, rev) => {
                if !self.all && !self.closed.contains(&conversation) {
                    return self.over_floor(conversation, rev);
                }
                self.held.insert((conversation, rev), frame.clone())
            }
            Live::Entry(number) if number <= self.feed_floor => return Passage::Known,
            Live::Entry(number) if self.feed_closed => self.held_feed.insert(number, frame.clone()),
            Live::Entry(_) | Live::Notice => return Passage::Open,
        };
        if before.is_some() {
            return Passage::Known;
        }
        self.bytes += cost(frame);
        Passage::Held
    }

    fn over_floor(&mut self, conversation: ConversationId, rev: Rev) -> Passage {
        match self.floors.get(&conversation) {
            Some(&floor) if rev <= floor => return Passage::Known,
            Some(_) => drop(self.floors.remove(&conversation)),
            None => {}
        }
        Passage::Open
    }

    /// A part is out up to `upto`. `late`: the node may still push what is in it.
    pub(crate) fn settle(&mut self, part: Part, upto: Rev, late: bool) -> Opened {
        let waiting = self.waiting(part).filter(|rev| *rev > upto);
        let mut next = upto + 1;
        for rev in waiting {
            if rev != next {
                return Opened::Hole(rev - 1);
            }
            next += 1;
        }
        let mut leaving = self.open(part);
        leaving.retain(|(live, _)| match live {
            Live::Event(_, rev) | Live::Entry(rev) => *rev > upto,
            Live::Notice => true,
        });
        match part {
            Part::Feed => self.feed_floor = next - 1,
            // What waited above it was pushed after all that could come late.
            Part::Conversation(conversation) => {
                if late && leaving.is_empty() {
                    self.floor(conversation, upto);
                }
            }
        }
        Opened::Open(leaving)
    }

    /// Events up to this one are out, and may still come.
    pub(crate) fn floor(&mut self, conversation: ConversationId, upto: Rev) {
        self.pings = 0;
        if self.floors.len() < FLOORS {
            self.floors.insert(conversation, upto);
        }
    }

    /// Opens the gate of a part; everything that waited, by rev.
    pub(crate) fn open(&mut self, part: Part) -> Vec<(Live, Frame)> {
        let revs: Vec<Rev> = self.waiting(part).collect();
        match part {
            Part::Feed => self.feed_closed = false,
            Part::Conversation(conversation) => drop(self.closed.remove(&conversation)),
        }
        let take = |rev| match part {
            Part::Feed => Some((Live::Entry(rev), self.held_feed.remove(&rev)?)),
            Part::Conversation(id) => Some((Live::Event(id, rev), self.held.remove(&(id, rev))?)),
        };
        let leaving: Vec<_> = revs.into_iter().filter_map(take).collect();
        self.bytes -= leaving.iter().map(|(_, frame)| cost(frame)).sum::<usize>();
        leaving
    }

    /// From now on only these conversations are closed; what waits in others leaves.
    pub(crate) fn narrow(
        &mut self,
        conversations: impl IntoIterator<Item = ConversationId>,
    ) -> Vec<(Live, Frame)> {
        self.all = false;
        self.closed = conversations.into_iter().collect();
        let mut open: Vec<_> = self.held.keys().map(|(conversation, _)| *conversation).collect();
        open.dedup();
        open.retain(|conversation| !self.closed.contains(conversation));
        open.into_iter().flat_map(|id| self.open(Part::Conversation(id))).collect()
    }

    /// The sync is over; everything that still waits, entries first, then by conversation and rev.
    pub(crate) fn finish(&mut self) -> Vec<(Live, Frame)> {
        self.running = false;
        let mut leaving = self.open(Part::Feed);
        leaving.extend(self.narrow([]));
        leaving
    }

    /// A ping is due: whether what late events would be known by is old enough to be forgotten.
    pub(crate) fn ping(&mut self) -> bool {
        self.pings += 1;
        !self.running && self.pings >= PINGS
    }

    /// Whether there is nothing left to do.
    pub(crate) fn is_idle(&self) -> bool {
        !self.running && self.floors.is_empty() && self.feed_floor == 0
    }

    fn waiting(&self, part: Part) -> impl Iterator<Item = Rev> {
        let (feed, conversation) = match part {
            Part::Feed => (Some(self.held_feed.keys()), None),
            Part::Conversation(id) => {
                (None, Some(self.held.range((id, Rev::MIN)..=(id, Rev::MAX))))
            }
        };
        let held = conversation.into_iter().flatten().map(|((_, rev), _)| *rev);
        feed.into_iter().flatten().copied().chain(held)
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const C: ConversationId = ConversationId(Uuid::from_u128(5));
    const D: ConversationId = ConversationId(Uuid::from_u128(6));

    fn frame(rev: Rev) -> Frame {
        Frame::from(rev.to_string())
    }

    fn push(gates: &mut Gates, conversation: ConversationId, rev: Rev) -> Passage {
        gates.pass(Live::Event(conversation, rev), &frame(rev))
    }

    fn entry(gates: &mut Gates, number: Rev) -> Passage {
        gates.pass(Live::Entry(number), &frame(number))
    }

    fn texts(leaving: &[(Live, Frame)]) -> Vec<&str> {
        leaving.iter().map(|(_, frame)| frame.text()).collect()
    }

    fn settle(gates: &mut Gates, part: Part, upto: Rev, late: bool) -> Vec<String> {
        match gates.settle(part, upto, late) {
            Opened::Open(held) => texts(&held).into_iter().map(str::to_owned).collect(),
            Opened::Hole(rev) => panic!("a hole up to {rev}"),
        }
    }

    #[test]
    fn what_waits_leaves_in_order_and_what_was_in_the_part_does_not() {
        let mut gates = Gates::default();
        gates.close([C], false);
        assert_eq!(push(&mut gates, D, 7), Passage::Open);
        for rev in [12, 10, 11, 9] {
            assert_eq!(push(&mut gates, C, rev), Passage::Held);
        }
        assert_eq!(push(&mut gates, C, 11), Passage::Known);
        assert_eq!(gates.pass(Live::Notice, &frame(0)), Passage::Open);
        assert_eq!(settle(&mut gates, Part::Conversation(C), 10, true), ["11", "12"]);
        assert_eq!(gates.bytes(), 0);
        assert_eq!(push(&mut gates, C, 13), Passage::Open);
    }

    #[test]
    fn what_is_missing_before_what_waits_belongs_to_the_part() {
        let (mut gates, part) = (Gates::default(), Part::Conversation(C));
        gates.close([C], false);
        push(&mut gates, C, 12);
        push(&mut gates, C, 15);
        assert_eq!(gates.settle(part, 10, true), Opened::Hole(11));
        assert_eq!(gates.settle(part, 11, true), Opened::Hole(14));
        assert_eq!(push(&mut gates, C, 16), Passage::Held);
        assert_eq!(settle(&mut gates, part, 14, true), ["15", "16"]);
    }

    #[test]
    fn a_late_one_is_dropped_until_a_newer_one_comes() {
        let mut gates = Gates::default();
        gates.close([C, D], false);
        assert!(settle(&mut gates, Part::Conversation(C), 10, true).is_empty());
        assert_eq!(push(&mut gates, C, 9), Passage::Known);
        assert_eq!(push(&mut gates, C, 10), Passage::Known);
        assert_eq!(push(&mut gates, C, 11), Passage::Open);
        assert!(gates.floors.is_empty());
        assert!(settle(&mut gates, Part::Conversation(D), 10, false).is_empty());
        assert!(gates.floors.is_empty() && gates.finish().is_empty() && gates.is_idle());
    }

    #[test]
    fn while_the_feed_is_behind_everything_waits() {
        let mut gates = Gates::default();
        gates.close([C], true);
        assert_eq!(push(&mut gates, D, 7), Passage::Held);
        assert_eq!(push(&mut gates, C, 7), Passage::Held);
        assert_eq!(entry(&mut gates, 5), Passage::Held);
        assert_eq!(entry(&mut gates, 7), Passage::Held);
        assert_eq!(gates.settle(Part::Feed, 4, true), Opened::Hole(6));
        assert_eq!(settle(&mut gates, Part::Feed, 6, true), ["7"]);
        assert_eq!(entry(&mut gates, 7), Passage::Known);
        assert_eq!(entry(&mut gates, 8), Passage::Open);
        assert_eq!(texts(&gates.narrow([C])), ["7"]);
        assert_eq!(push(&mut gates, D, 8), Passage::Open);
        assert_eq!(push(&mut gates, C, 8), Passage::Held);
        assert_eq!(texts(&gates.finish()), ["7", "8"]);
        assert!(!gates.running() && gates.bytes() == 0);
    }
}
