//! Frames on their way to one socket: bounded, in order, without a task of its own.
//!
//! Invariant: at most [`limits::SOCKET_QUEUE_BYTES`] wait. A frame too many drops them all for one
//! `resync` frame, and what comes until that frame is taken is dropped too: the client syncs after
//! it has read it, and everything dropped was stored before (G-11), so nothing is lost (G-17).
//! It never waits and never blocks whoever pushes.
//!
//! While the client catches up, its [`Gates`] hold back what would overtake the missed part. What they
//! hold counts as queued; with the queue they are dropped, and the sync that they are for is over.

use std::collections::VecDeque;
use std::sync::LazyLock;

use schemas::{ConversationId, Rev, limits};
use tokio::time::Instant;

use super::gates::{Gates, Live, Opened, Part, Passage, Turn};
use crate::frame::Frame;
use crate::protocol::close::Close;
use crate::protocol::json::RESYNC;

/// What a frame costs beside its bytes, so that tiny frames are bounded too.
const SLOT: usize = 64;
/// Slots an empty queue may keep.
const KEEP_SLOTS: usize = 16;

/// What a frame that waits costs.
pub(super) fn cost(frame: &Frame) -> usize {
    frame.len() + SLOT
}

/// The one frame that all who lost theirs get.
fn resync_frame() -> Frame {
    static RESYNC_FRAME: LazyLock<Frame> = LazyLock::new(|| RESYNC.into());
    RESYNC_FRAME.clone()
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    frames: VecDeque<(Live, Frame)>,
    /// What they cost.
    bytes: usize,
    gates: Option<Box<Gates>>,
    /// The last sync that was begun.
    turn: Turn,
    /// Number of the last delivery pushed: a user who is in an audience twice gets it once.
    mark: u64,
    /// Whether the socket's task knows that there is something to take, and since when.
    signalled: Option<Instant>,
    /// What was dropped since somebody looked.
    lost: Lost,
    /// Whether the frame in the queue is the resync.
    resync: bool,
    /// Since when a resync has been on its way.
    overflowed: Option<Instant>,
    end: Option<Close>,
}

/// What a client that does not read has lost, and reads back by a sync.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lost {
    /// Frames.
    pub(crate) frames: u64,
    /// How often it was told to resync.
    pub(crate) resyncs: u64,
}

/// What became of a push.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// Queued, and the socket's task must be woken.
    Wake,
    /// Queued; the task has been told before.
    Queued,
    /// Not queued: it was pushed before, or the client will sync.
    Dropped,
}

/// What the socket's task finds.
#[derive(Debug)]
pub(crate) enum Next {
    /// A frame to write.
    Frame(Frame),
    /// Nothing: sleep until woken. Since when what was taken before has been waiting.
    Empty(Option<Instant>),
    /// Close the socket.
    Close(Close),
}

impl Queue {
    /// Queues a frame of delivery `mark`; 0: of none.
    pub(crate) fn push(&mut self, live: Live, frame: &Frame, mark: u64) -> Pushed {
        if self.resync || self.end.is_some() || (mark != 0 && mark == self.mark) {
            self.lost.frames += u64::from(self.resync);
            return Pushed::Dropped;
        }
        self.mark = mark;
        let passage = self.gates.as_mut().map_or(Passage::Open, |gates| gates.pass(live, frame));
        let held = self.gates.as_ref().map_or(0, |gates| gates.bytes());
        let cost = if passage == Passage::Open { cost(frame) } else { 0 };
        if self.bytes + held + cost > limits::SOCKET_QUEUE_BYTES {
            return self.resync();
        }
        match passage {
            Passage::Known => Pushed::Dropped,
            Passage::Held => Pushed::Queued,
            Passage::Open => {
                self.bytes += cost;
                self.frames.push_back((live, frame.clone()));
                self.signal()
            }
        }
    }

    /// A sync begins: what is queued behind its gates waits too.
    pub(crate) fn close_gates(
        &mut self,
        conversations: impl IntoIterator<Item = ConversationId>,
        feed: bool,
    ) {
        self.turn = Turn(self.turn.0.wrapping_add(1));
        let gates = self.gates.get_or_insert_default();
        gates.close(conversations, feed);
        self.bytes = 0;
        self.frames.retain(|(live, frame)| {
            let open = gates.pass(*live, frame) == Passage::Open;
            self.bytes += if open { cost(frame) } else { 0 };
            open
        });
    }

    /// The last sync that was begun.
    pub(crate) fn turn(&self) -> Turn {
        self.turn
    }

    /// The sync that goes on: its gates stand.
    pub(crate) fn syncing(&self) -> Option<Turn> {
        self.gates.as_ref().is_some_and(|gates| gates.running()).then_some(self.turn)
    }

    /// A part is out up to `upto`: what waited for it is queued. `late`: the node may still push what
    /// is in it. The error: changes up to this one are missing in between.
    pub(crate) fn settle(
        &mut self,
        turn: Turn,
        part: Part,
        upto: Rev,
        late: bool,
    ) -> Result<Pushed, Rev> {
        let Some(gates) = self.gates.as_mut().filter(|_| turn == self.turn) else {
            return Ok(Pushed::Dropped);
        };
        match gates.settle(part, upto, late) {
            Opened::Hole(upto) => Err(upto),
            Opened::Open(leaving) => Ok(self.release(leaving)),
        }
    }

    /// Does something to the gates, after which some of what waited is queued.
    pub(crate) fn with_gates(
        &mut self,
        turn: Turn,
        act: impl FnOnce(&mut Gates) -> Vec<(Live, Frame)>,
    ) -> Pushed {
        let Some(gates) = self.gates.as_mut().filter(|_| turn == self.turn) else {
            return Pushed::Dropped;
        };
        let leaving = act(gates);
        if gates.is_idle() {
            self.gates = None;
        }
        self.release(leaving)
    }

    /// Events up to this one are out, and may still come.
    pub(crate) fn floor(&mut self, conversation: ConversationId, upto: Rev) {
        self.gates.get_or_insert_default().floor(conversation, upto);
    }

    /// A ping is due: a while after a sync, what late events would be known by is forgotten.
    pub(crate) fn ping(&mut self) {
        if self.gates.as_mut().is_some_and(|gates| gates.ping()) {
            self.gates = None;
        }
    }

    fn release(&mut self, leaving: Vec<(Live, Frame)>) -> Pushed {
        if leaving.is_empty() {
            return Pushed::Dropped;
        }
        self.bytes += leaving.iter().map(|(_, frame)| cost(frame)).sum::<usize>();
        self.frames.extend(leaving);
        self.signal()
    }

    /// Drops everything for one resync frame.
    pub(crate) fn resync(&mut self) -> Pushed {
        if self.resync || self.end.is_some() {
            return Pushed::Dropped;
        }
        self.lost.frames += u64::try_from(self.frames.len()).unwrap_or(0);
        self.lost.resyncs += 1;
        let resync = resync_frame();
        self.bytes = cost(&resync);
        self.frames = VecDeque::from([(Live::Notice, resync)]);
        self.gates = None;
        self.resync = true;
        self.overflowed.get_or_insert_with(Instant::now);
        self.signal()
    }

    /// Drops everything and closes the socket. The first reason stands.
    pub(crate) fn close(&mut self, close: Close) -> Pushed {
        if self.end.is_some() {
            return Pushed::Dropped;
        }
        self.end = Some(close);
        self.frames = VecDeque::new();
        self.bytes = 0;
        self.gates = None;
        self.signal()
    }

    fn signal(&mut self) -> Pushed {
        if self.signalled.is_some() {
            return Pushed::Queued;
        }
        self.signalled = Some(Instant::now());
        Pushed::Wake
    }

    /// Takes what comes next.
    pub(crate) fn next(&mut self) -> Next {
        if let Some(close) = self.end {
            return Next::Close(close);
        }
        let Some((_, frame)) = self.frames.pop_front() else {
            let since = self.signalled.take();
            if self.frames.capacity() > KEEP_SLOTS {
                self.frames = VecDeque::new();
            }
            return Next::Empty(since);
        };
        self.bytes -= cost(&frame);
        self.resync = false;
        Next::Frame(frame)
    }

    /// Everything taken so far has left the process; whether there is something to take.
    pub(crate) fn flushed(&mut self) -> bool {
        if !self.resync {
            self.overflowed = None;
        }
        self.signalled.is_some()
    }

    /// What waits, bytes, and what was lost since the last look.
    pub(crate) fn look(&mut self) -> (usize, Lost) {
        let held = self.gates.as_ref().map_or(0, |gates| gates.bytes());
        (self.bytes + held, std::mem::take(&mut self.lost))
    }

    /// Since when the client should have been told to resync.
    pub(crate) fn overflowed(&self) -> Option<Instant> {
        self.overflowed
    }

    /// Why the socket is to be closed, if it is.
    pub(crate) fn ended(&self) -> Option<Close> {
        self.end
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::protocol::close;

    fn frame(size: usize) -> Frame {
        Frame::from("x".repeat(size))
    }

    fn drain(queue: &mut Queue) -> Vec<usize> {
        let mut sizes = Vec::new();
        while let Next::Frame(frame) = queue.next() {
            sizes.push(frame.len());
        }
        sizes
    }

    #[test]
    fn many_frames_wake_once_and_come_in_order() {
        let mut queue = Queue::default();
        assert_eq!(queue.push(Live::Notice, &frame(1), 1), Pushed::Wake);
        assert_eq!(queue.push(Live::Notice, &frame(2), 2), Pushed::Queued);
        assert_eq!(queue.push(Live::Notice, &frame(2), 2), Pushed::Dropped);
        assert_eq!(queue.push(Live::Notice, &frame(3), 0), Pushed::Queued);
        assert_eq!(queue.push(Live::Notice, &frame(3), 0), Pushed::Queued);
        assert_eq!(drain(&mut queue), [1, 2, 3, 3]);
        assert_eq!(queue.push(Live::Notice, &frame(4), 3), Pushed::Wake);
    }

    #[test]
    fn a_frame_too_many_leaves_one_resync_and_what_follows_it_waits_for_it() {
        let mut queue = Queue::default();
        let big = frame(60_000);
        for mark in 1..=4 {
            assert_ne!(queue.push(Live::Notice, &big, mark), Pushed::Dropped);
        }
        assert!(queue.overflowed().is_none());
        assert_ne!(queue.push(Live::Notice, &big, 5), Pushed::Dropped);
        assert!(queue.overflowed().is_some());
        assert_eq!(queue.push(Live::Notice, &frame(1), 6), Pushed::Dropped);
        assert!(queue.flushed());
        assert!(queue.overflowed().is_some(), "the resync is still here");
        assert_eq!(drain(&mut queue), [RESYNC.len()]);
        assert_ne!(queue.push(Live::Notice, &frame(1), 7), Pushed::Dropped);
        assert!(queue.flushed());
        assert!(queue.overflowed().is_none());
        assert_eq!(queue.bytes, 1 + SLOT);
    }

    #[test]
    fn what_waits_behind_gates_is_queued_when_the_part_is_out_and_counts_before() {
        let (c, d) = (ConversationId(Uuid::from_u128(1)), ConversationId(Uuid::from_u128(2)));
        let mut queue = Queue::default();
        queue.push(Live::Event(c, 3), &frame(3), 1);
        queue.push(Live::Event(d, 4), &frame(4), 2);
        queue.close_gates([c], false);
        let turn = queue.turn();
        assert_eq!(queue.push(Live::Event(c, 4), &frame(5), 3), Pushed::Queued);
        assert_eq!(drain(&mut queue), [4], "what was queued of it waits");
        assert_eq!(queue.bytes, 0);
        assert_eq!(queue.settle(turn, Part::Conversation(c), 1, true), Err(2));
        assert!(queue.settle(turn, Part::Conversation(c), 2, true).is_ok());
        assert_eq!(drain(&mut queue), [3, 5]);
        queue.with_gates(turn, Gates::finish);
        assert!(queue.gates.is_none());

        queue.close_gates([c], false);
        // The one before ends late.
        assert!(queue.settle(turn, Part::Conversation(c), 9, true).is_ok());
        queue.with_gates(turn, Gates::finish);
        assert_eq!(queue.syncing(), Some(queue.turn()));
        for rev in 5..10 {
            queue.push(Live::Event(c, rev), &frame(60_000), 0);
        }
        assert_eq!(queue.syncing(), None, "too much waits: the sync is over");
        assert_eq!(drain(&mut queue), [RESYNC.len()]);
        assert_eq!(queue.bytes, 0);
    }

    #[test]
    fn the_first_close_stands_and_nothing_is_written_after_it() {
        let mut queue = Queue::default();
        queue.push(Live::Notice, &frame(9), 1);
        queue.close(close::SESSION);
        queue.close(close::RESTART);
        assert_eq!(queue.push(Live::Notice, &frame(9), 2), Pushed::Dropped);
        assert!(matches!(queue.next(), Next::Close(close) if close == close::SESSION));
    }
}
