//! The queue before the committer: one order for all calls, a bound for each budget.
//!
//! A call takes its place while it holds the lock, so the order of the queue is the order of calls.
//! A full ingest budget refuses at once. A full worker budget makes the caller wait *here*, in the
//! call: its place must be taken before it returns, and its records must stay although its future may
//! be dropped, so nothing else would bound the queue. The committer needs no runtime thread, so the
//! wait ends with the next sync. It must never shed a worker's append (HAZARDS 21).

use std::collections::VecDeque;
use std::time::Instant;

use parking_lot::{Condvar, Mutex};
use schemas::Position;
use tokio::sync::oneshot;

use crate::embedded::channel::{Status, size_of};
use crate::port::log::{Append, Budget, Error};

/// Bound of one budget.
#[derive(Clone, Copy, Debug)]
pub struct QueueLimits {
    /// Records that wait.
    pub records: usize,
    /// Their bytes.
    pub bytes: usize,
}

/// One call of `append`.
pub(super) struct Request {
    pub(super) records: Vec<Append>,
    pub(super) answer: oneshot::Sender<Result<Vec<Position>, Error>>,
    pub(super) budget: Budget,
    pub(super) since: Instant,
    bytes: usize,
}

#[derive(Default)]
struct Used {
    records: usize,
    bytes: usize,
}

impl Used {
    fn has_room(&self, limits: QueueLimits, request: &Request) -> bool {
        // A call larger than the whole budget passes alone: it could never pass otherwise.
        self.records == 0
            || (self.records + request.records.len() <= limits.records
                && self.bytes + request.bytes <= limits.bytes)
    }
}

#[derive(Default)]
struct State {
    requests: VecDeque<Request>,
    ingest: Used,
    worker: Used,
    status: Status,
}

impl State {
    fn used(&mut self, budget: Budget) -> &mut Used {
        match budget {
            Budget::Ingest => &mut self.ingest,
            Budget::Worker => &mut self.worker,
        }
    }
}

pub(super) struct Queue {
    state: Mutex<State>,
    work: Condvar,
    room: Condvar,
    ingest: QueueLimits,
    worker: QueueLimits,
}

impl Queue {
    pub(super) fn new(ingest: QueueLimits, worker: QueueLimits) -> Self {
        let (state, work, room) = Default::default();
        Self { state, work, room, ingest, worker }
    }

    /// Takes the next place; the answer comes when the records are durable or will never be.
    pub(super) fn push(
        &self,
        budget: Budget,
        records: Vec<Append>,
    ) -> Result<oneshot::Receiver<Result<Vec<Position>, Error>>, Error> {
        let bytes = records.iter().map(|r| size_of(&r.key, &r.headers, &r.value)).sum();
        let (answer, outcome) = oneshot::channel();
        let request = Request { records, answer, budget, since: Instant::now(), bytes };
        let mut state = self.state.lock();
        let limits = match budget {
            Budget::Ingest => self.ingest,
            Budget::Worker => self.worker,
        };
        loop {
            state.status.check()?;
            if state.used(budget).has_room(limits, &request) {
                break;
            }
            if budget == Budget::Ingest {
                return Err(Error::Overloaded);
            }
            self.room.wait(&mut state);
        }
        let used = state.used(budget);
        used.records += request.records.len();
        used.bytes += bytes;
        let idle = state.requests.is_empty();
        state.requests.push_back(request);
        drop(state);
        if idle {
            self.work.notify_one();
        }
        Ok(outcome)
    }

    /// Waits for calls and takes as many as fit `bytes`; none: closed and drained, or failed.
    pub(super) fn take(&self, bytes: usize) -> Option<Vec<Request>> {
        let mut state = self.state.lock();
        while state.requests.is_empty() {
            if state.status != Status::Open {
                return None;
            }
            self.work.wait(&mut state);
        }
        let mut group = Vec::new();
        let mut taken = 0;
        while let Some(request) = state.requests.pop_front() {
            if taken > 0 && taken + request.bytes > bytes {
                state.requests.push_front(request);
                break;
            }
            taken += request.bytes;
            let used = state.used(request.budget);
            used.records -= request.records.len();
            used.bytes -= request.bytes;
            group.push(request);
        }
        drop(state);
        self.room.notify_all();
        Some(group)
    }

    /// Records that wait and their bound, by name of the queue (`telemetry::label::QUEUE`).
    pub(super) fn depths(&self) -> [(&'static str, usize, usize); 2] {
        let state = self.state.lock();
        [
            ("journal_ingest", state.ingest.records, self.ingest.records),
            ("journal_worker", state.worker.records, self.worker.records),
        ]
    }

    /// Refuses every later call; what is queued is still taken, unless the journal has failed.
    pub(super) fn stop(&self, status: Status) {
        let mut state = self.state.lock();
        if let Status::Failed(why) = &status {
            for request in std::mem::take(&mut state.requests) {
                // Nothing of these was written; a caller that went away has no use for its answer.
                drop(request.answer.send(Err(Error::Failed(why.clone()))));
            }
        }
        if state.status == Status::Open {
            state.status = status;
        }
        drop(state);
        self.work.notify_all();
        self.room.notify_all();
    }
}
