//! What scenarios make load with: arrivals that are scheduled ahead, clients that cost little, and a
//! record of everything that was asked for and seen, so that the run that was measured is also judged.
//!
//! Invariant: every send is in the [`book`], whatever became of it. What a socket saw is there too where
//! the socket is watched; one that is not watched is counted and timed, and is no witness.
//! Memory is bounded by [`book::SENDS`] and [`book::EVENTS`].

pub mod book;
mod gauges;
mod history;
pub mod judge;
mod ledger;
mod listen;
pub mod open_loop;
pub mod probe;
pub mod schedule;
mod spread;
#[cfg(test)]
mod tests;
mod world;

pub use book::Book;
pub use gauges::{Gauges, Latencies, Part, Second};
pub(crate) use listen::{CREATED, Refused};
pub use listen::{Clock, Pen, Seat, Window, listen};
pub use spread::Spread;
pub use world::{Room, World, conversations, groups, pairs, users};

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use schemas::Rev;

use self::ledger::Ledger;
use crate::history::SocketId;

/// Longest wait for what is still to come behind a load. How long it took is told by latencies; here it is
/// asked only whether it comes.
const SETTLED: Duration = Duration::from_secs(30);
/// Frames that could not be read, of which the begin is kept, and how much of it.
const UNREAD: usize = 3;
const UNREAD_BYTES: usize = 300;
/// How often it is looked.
const LOOK: Duration = Duration::from_millis(20);

/// What all parts of one run share.
#[derive(Debug)]
pub struct Run {
    /// Who, and where. A user of a load is in one conversation.
    pub world: World,
    /// What was asked for and seen.
    pub book: Book,
    /// Figures while it runs.
    pub gauges: Arc<Gauges>,
    /// Set when what ends from now on is meant to.
    over: AtomicBool,
    /// Sockets that are watched, with the place of their user.
    watching: Mutex<HashMap<SocketId, u32>>,
    /// The last change that a user's watched socket has, by place of the user.
    reached: Vec<AtomicI64>,
    /// Who has what.
    ledger: Ledger,
    /// The begin of the first event frames that could not be read.
    unread: Mutex<Vec<String>>,
}

impl Run {
    /// Nothing has happened yet.
    pub fn new(world: World, tag: &str, gauges: Arc<Gauges>) -> Arc<Self> {
        let reached = world.users.iter().map(|_| AtomicI64::new(0)).collect();
        let ledger = Ledger::of(&world);
        Arc::new(Self {
            world,
            book: Book::new(tag),
            gauges,
            over: AtomicBool::new(false),
            watching: Mutex::default(),
            reached,
            ledger,
            unread: Mutex::default(),
        })
    }

    /// From here on an ending socket is no finding.
    pub fn end(&self) {
        self.over.store(true, Ordering::SeqCst);
    }

    /// Whether it has been ended.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::SeqCst)
    }

    /// A user's socket has this change.
    fn reach(&self, user: u32, rev: Rev) {
        if let Some(reached) = self.reached.get(user as usize) {
            reached.fetch_max(rev, Ordering::Relaxed);
        }
    }

    /// How often a receiver's socket lacks a message that was acknowledged: each counts once for each
    /// receiver, however often another one came.
    pub fn undelivered(&self) -> u64 {
        self.ledger.missing()
    }

    /// The begin of the first event frames that could not be read.
    pub fn unread(&self) -> Vec<String> {
        self.unread.lock().clone()
    }

    /// An event frame that can not be read, or that its socket should not get.
    pub(crate) fn unreadable(&self, frame: &[u8]) {
        self.gauges.unreadable.fetch_add(1, Ordering::Relaxed);
        let mut unread = self.unread.lock();
        if unread.len() < UNREAD {
            let text = String::from_utf8_lossy(frame.get(..UNREAD_BYTES).unwrap_or(frame));
            unread.push(text.into_owned());
        }
    }

    /// Waits until every send is answered, and every socket has all that was acknowledged; how many
    /// watched sockets lack something after the longest wait.
    pub async fn settle(&self) -> usize {
        let deadline = Instant::now() + SETTLED;
        while self.gauges.in_flight() > 0 && Instant::now() < deadline {
            tokio::time::sleep(LOOK).await;
        }
        let tops = self.book.tops(self.world.rooms.len());
        let mut due = vec![0; self.world.users.len()];
        for (room, top) in self.world.rooms.iter().zip(tops) {
            for user in &room.members {
                if let Some(due) = due.get_mut(*user as usize) {
                    *due = top;
                }
            }
        }
        loop {
            let behind = self.behind(&due);
            if behind == 0 && self.ledger.awaited() == 0 || Instant::now() > deadline {
                return behind;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    fn behind(&self, due: &[Rev]) -> usize {
        let lacks = |user: &&u32| {
            let (due, reached) = (due.get(**user as usize), self.reached.get(**user as usize));
            due.zip(reached).is_some_and(|(due, reached)| reached.load(Ordering::Relaxed) < *due)
        };
        self.watching.lock().values().filter(lacks).count()
    }
}
