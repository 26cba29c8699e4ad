//! Frames on their way to one socket: bounded, in order, without a task of its own.
//!
//! Invariant: at most [`limits::SOCKET_QUEUE_BYTES`] wait. A frame too many drops them all for one
//! `resync` frame, and what comes until that frame is taken is dropped too: the client syncs after
//! it has read it, and everything dropped was stored before (G-11), so nothing is lost (G-17).
//! It never waits and never blocks whoever pushes.

use std::collections::VecDeque;

use schemas::limits;
use tokio::time::Instant;

use crate::protocol::close::Close;
use crate::protocol::json::RESYNC;
use crate::transport::Payload;

/// What a frame costs beside its bytes, so that tiny frames are bounded too.
const SLOT: usize = 64;
/// Slots an empty queue may keep.
const KEEP_SLOTS: usize = 16;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    frames: VecDeque<Payload>,
    bytes: usize,
    /// Number of the last delivery pushed: a user who is in an audience twice gets it once.
    mark: u64,
    /// Whether the socket's task knows that there is something to take.
    signalled: bool,
    /// Whether the frame in the queue is the resync.
    resync: bool,
    /// Since when a resync has been on its way.
    overflowed: Option<Instant>,
    end: Option<Close>,
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
    Frame(Payload),
    /// Nothing: sleep until woken.
    Empty,
    /// Close the socket.
    Close(Close),
}

impl Queue {
    /// Queues a frame of delivery `mark`; 0: of none.
    pub(crate) fn push(&mut self, frame: &Payload, mark: u64) -> Pushed {
        if self.resync || self.end.is_some() || (mark != 0 && mark == self.mark) {
            return Pushed::Dropped;
        }
        self.mark = mark;
        let cost = frame.len() + SLOT;
        if self.bytes + cost > limits::SOCKET_QUEUE_BYTES {
            return self.resync();
        }
        self.bytes += cost;
        self.frames.push_back(frame.clone());
        self.signal()
    }

    /// Drops everything for one resync frame.
    pub(crate) fn resync(&mut self) -> Pushed {
        if self.resync || self.end.is_some() {
            return Pushed::Dropped;
        }
        self.frames = VecDeque::from([RESYNC]);
        self.bytes = RESYNC.len() + SLOT;
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
        self.signal()
    }

    fn signal(&mut self) -> Pushed {
        if std::mem::replace(&mut self.signalled, true) { Pushed::Queued } else { Pushed::Wake }
    }

    /// Takes what comes next.
    pub(crate) fn next(&mut self) -> Next {
        if let Some(close) = self.end {
            return Next::Close(close);
        }
        let Some(frame) = self.frames.pop_front() else {
            self.signalled = false;
            if self.frames.capacity() > KEEP_SLOTS {
                self.frames = VecDeque::new();
            }
            return Next::Empty;
        };
        self.bytes -= frame.len() + SLOT;
        self.resync = false;
        Next::Frame(frame)
    }

    /// Everything taken so far has left the process; whether there is something to take.
    pub(crate) fn flushed(&mut self) -> bool {
        if !self.resync {
            self.overflowed = None;
        }
        self.signalled
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
    use super::*;
    use crate::protocol::close;

    fn frame(size: usize) -> Payload {
        Payload::from("x".repeat(size))
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
        assert_eq!(queue.push(&frame(1), 1), Pushed::Wake);
        assert_eq!(queue.push(&frame(2), 2), Pushed::Queued);
        assert_eq!(queue.push(&frame(2), 2), Pushed::Dropped);
        assert_eq!(queue.push(&frame(3), 0), Pushed::Queued);
        assert_eq!(queue.push(&frame(3), 0), Pushed::Queued);
        assert_eq!(drain(&mut queue), [1, 2, 3, 3]);
        assert_eq!(queue.push(&frame(4), 3), Pushed::Wake);
    }

    #[test]
    fn a_frame_too_many_leaves_one_resync_and_what_follows_it_waits_for_it() {
        let mut queue = Queue::default();
        let big = frame(60_000);
        for mark in 1..=4 {
            assert_ne!(queue.push(&big, mark), Pushed::Dropped);
        }
        assert!(queue.overflowed().is_none());
        assert_ne!(queue.push(&big, 5), Pushed::Dropped);
        assert!(queue.overflowed().is_some());
        assert_eq!(queue.push(&frame(1), 6), Pushed::Dropped);
        assert!(queue.flushed());
        assert!(queue.overflowed().is_some(), "the resync is still here");
        assert_eq!(drain(&mut queue), [RESYNC.len()]);
        assert_ne!(queue.push(&frame(1), 7), Pushed::Dropped);
        assert!(queue.flushed());
        assert!(queue.overflowed().is_none());
        assert_eq!(queue.bytes, 1 + SLOT);
    }

    #[test]
    fn the_first_close_stands_and_nothing_is_written_after_it() {
        let mut queue = Queue::default();
        queue.push(&frame(9), 1);
        queue.close(close::SESSION);
        queue.close(close::RESTART);
        assert_eq!(queue.push(&frame(9), 2), Pushed::Dropped);
        assert!(matches!(queue.next(), Next::Close(close) if close == close::SESSION));
    }
}
