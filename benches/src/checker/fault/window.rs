//! When something was broken, and what clients wanted meanwhile.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::checker::index::{At, Index};
use crate::history::{Attempt, Class, Fault, Outcome};
use crate::workload::retryable;

/// One second of a history.
pub(in crate::checker) const SECOND: u64 = 1_000_000_000;
/// A client that tries again does so within this time; a longer pause is another demand.
const PERSISTENT: u64 = 5 * SECOND;

/// The time of one fault.
#[derive(Clone, Copy, Debug)]
pub(in crate::checker) struct Window<'h> {
    pub(in crate::checker) line: usize,
    pub(in crate::checker) fault: &'h Fault,
    /// When it was struck.
    pub(in crate::checker) from: u64,
    /// When it was surely broken, and until when: then mending began.
    pub(in crate::checker) gone: u64,
    pub(in crate::checker) mending: u64,
    /// When the part served again.
    pub(in crate::checker) to: u64,
}

impl<'h> Window<'h> {
    /// Those of the faults that happened, of these classes.
    pub(in crate::checker) fn all(index: &Index<'h>, of: impl Fn(Class) -> bool) -> Vec<Self> {
        let real = |fault: &&At<'h, Fault>| fault.what.missed.is_none() && of(fault.what.class);
        let mut windows: Vec<Self> = index.faults.iter().filter(real).map(Self::of).collect();
        windows.sort_by_key(|window| window.from);
        windows
    }

    fn of(fault: &At<'h, Fault>) -> Self {
        let (from, to) = (fault.entry.start, fault.entry.end);
        let mending = fault.what.mending.unwrap_or(to).clamp(from, to);
        let gone = fault.what.gone.unwrap_or(from).clamp(from, mending);
        Self { line: fault.line, fault: fault.what, from, gone, mending, to }
    }

    /// Whether it was surely broken at this time.
    pub(in crate::checker) fn broken_at(&self, at: u64) -> bool {
        (self.gone..self.mending).contains(&at)
    }

    /// Whether two times touch it, or the `grace` after it.
    pub(in crate::checker) fn touches(&self, from: u64, to: u64, grace: u64) -> bool {
        from < self.to + grace && to > self.from
    }
}

/// A client that wants one message sent, without a pause.
#[derive(Clone, Copy, Debug)]
pub(in crate::checker) struct Demand {
    pub(in crate::checker) conversation: Uuid,
    /// Line of its first attempt.
    pub(in crate::checker) line: usize,
    pub(in crate::checker) from: u64,
    /// When it was answered for good, or when the client gave up.
    pub(in crate::checker) to: u64,
    pub(in crate::checker) acked: bool,
}

/// What all clients wanted, in the order of its beginning.
#[derive(Debug, Default)]
pub(in crate::checker) struct Demands(pub(in crate::checker) Vec<Demand>);

impl Demands {
    /// Of a history.
    pub(in crate::checker) fn of(index: &Index<'_>) -> Self {
        let mut all = Vec::new();
        for places in index.clients.values() {
            let sends = places.iter().filter_map(|place| index.sends.get(*place));
            let mut by_body: BTreeMap<u64, Vec<&At<'_, Attempt>>> = BTreeMap::new();
            for send in sends {
                by_body.entry(send.what.request.body).or_default().push(send);
            }
            for attempts in by_body.values() {
                demands(attempts, &mut all);
            }
        }
        all.sort_unstable_by_key(|demand: &Demand| demand.from);
        Self(all)
    }

    /// Times of acks.
    pub(in crate::checker) fn acks(&self) -> Vec<u64> {
        let mut acks: Vec<u64> =
            self.0.iter().filter(|demand| demand.acked).map(|demand| demand.to).collect();
        acks.sort_unstable();
        acks
    }

    /// Acknowledged demands a second, over the whole run.
    pub(in crate::checker) fn rate(&self) -> f64 {
        let Some((first, last)) = self.0.first().zip(self.0.last()) else { return 0.0 };
        let seconds = (last.from - first.from).max(1) as f64 / SECOND as f64;
        self.0.iter().filter(|demand| demand.acked).count() as f64 / seconds
    }

    /// Those that were open at a time.
    pub(in crate::checker) fn open_at(&self, at: u64) -> impl Iterator<Item = &Demand> {
        self.0.iter().take_while(move |demand| demand.from < at).filter(move |d| d.to > at)
    }
}

/// `attempts` of one request in the order of invocation. What comes after its answer is no demand.
fn demands(attempts: &[&At<'_, Attempt>], all: &mut Vec<Demand>) {
    let mut current: Option<Demand> = None;
    for attempt in attempts {
        let (start, end) = (attempt.entry.start, attempt.entry.end);
        let done = match &attempt.what.outcome {
            Outcome::Ok(_) => Some(true),
            Outcome::Fail(code) if !retryable(code) => Some(false),
            Outcome::Fail(_) | Outcome::Unknown(_) => None,
        };
        let fresh = || Demand {
            conversation: attempt.what.request.conversation,
            line: attempt.line,
            from: start,
            to: end,
            acked: false,
        };
        let mut demand = match current.take() {
            Some(open) if start <= open.to.saturating_add(PERSISTENT) => open,
            Some(left) => {
                all.push(left);
                fresh()
            }
            None => fresh(),
        };
        demand.to = demand.to.max(end);
        if let Some(acked) = done {
            demand.to = end;
            demand.acked = acked;
            all.push(demand);
            return;
        }
        current = Some(demand);
    }
    all.extend(current);
}
