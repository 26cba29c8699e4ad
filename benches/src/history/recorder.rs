//! Takes entries while a run lasts.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Attempt, Entry, Op, Outcome, Process, Seen, SocketId};

/// The history of a run. Shared by all its clients.
#[derive(Debug)]
pub struct Recorder {
    began: Instant,
    /// The last time that was given out.
    last: AtomicU64,
    entries: Mutex<Vec<Entry>>,
    sends_in_flight: AtomicU32,
    sockets: AtomicU32,
}

impl Default for Recorder {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            last: AtomicU64::new(0),
            entries: Mutex::default(),
            sends_in_flight: AtomicU32::new(0),
            sockets: AtomicU32::new(0),
        }
    }
}

impl Recorder {
    /// Nanoseconds since the history began, each later than the one before: where a clock is moved by
    /// hand, much happens at one time, and still in an order.
    pub fn now(&self) -> u64 {
        let now = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let after = |last: u64| Some(now.max(last.saturating_add(1)));
        let last = self.last.fetch_update(Ordering::SeqCst, Ordering::SeqCst, after);
        last.map_or(now, |last| now.max(last.saturating_add(1)))
    }

    /// A number for a new socket.
    pub fn socket(&self) -> SocketId {
        self.sockets.fetch_add(1, Ordering::Relaxed)
    }

    /// Sends that were invoked and have not returned.
    pub fn in_flight(&self) -> u32 {
        self.sends_in_flight.load(Ordering::SeqCst)
    }

    /// Entries so far.
    pub fn len(&self) -> usize {
        self.entries.lock().len()
    }

    /// Looks at all entries so far; they wait as long.
    pub fn peek<T>(&self, look: impl FnOnce(&[Entry]) -> T) -> T {
        look(&self.entries.lock())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Logs something that happened just now.
    pub fn note(&self, process: Process, node: usize, op: Op) {
        let now = self.now();
        self.push(Entry { process, node, start: now, end: now, op });
    }

    /// Logs something that began at `start` and ended just now.
    pub fn lasted(&self, process: Process, node: usize, start: u64, op: Op) {
        self.push(Entry { process, node, start, end: self.now(), op });
    }

    /// An operation begins; it is logged when it is done, or as it stands when it is dropped.
    pub fn begin(&self, process: Process, node: usize, op: Op) -> Pending<'_> {
        if matches!(op, Op::Send(_)) {
            self.sends_in_flight.fetch_add(1, Ordering::SeqCst);
        }
        let entry = Entry { process, node, start: self.now(), end: 0, op };
        Pending { recorder: self, entry: Some(entry) }
    }

    /// All entries so far, leaving none.
    pub fn take(&self) -> Vec<Entry> {
        std::mem::take(&mut self.entries.lock())
    }

    fn push(&self, entry: Entry) {
        self.entries.lock().push(entry);
    }
}

/// An operation that has not returned.
#[derive(Debug)]
#[must_use = "dropped at once it is logged as unknown"]
pub struct Pending<'a> {
    recorder: &'a Recorder,
    entry: Option<Entry>,
}

impl Pending<'_> {
    /// It returned; `settle` writes the outcome into the operation.
    pub fn done(mut self, settle: impl FnOnce(&mut Op)) {
        if let Some(entry) = &mut self.entry {
            settle(&mut entry.op);
        }
    }

    /// A send returned.
    pub fn sent(self, outcome: &Outcome<Seen>) {
        self.done(|op| {
            if let Op::Send(Attempt { outcome: place, .. }) = op {
                *place = outcome.clone();
            }
        });
    }
}

impl Drop for Pending<'_> {
    fn drop(&mut self) {
        if let Some(mut entry) = self.entry.take() {
            entry.end = self.recorder.now();
            if matches!(entry.op, Op::Send(_)) {
                self.recorder.sends_in_flight.fetch_sub(1, Ordering::SeqCst);
            }
            self.recorder.push(entry);
        }
    }
}
