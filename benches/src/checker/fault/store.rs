//! G-21: with the store away nobody is told a falsehood, and once it is back what has gathered is
//! worked off at twice the speed at which it comes in: within as much time as it took to gather. That nothing is lost or skipped is for G-01,
//! G-05 and G-06 to say, over the same history.

use super::SECOND;
use super::{Demands, Window};
use crate::checker::index::Index;
use crate::checker::verdict::{Guarantee, Kind, Verdict};
use crate::history::{Class, Outcome};

/// A cold engine and clients that wait before they try again need this much in any case.
const AT_LEAST: u64 = 20 * SECOND;

pub(super) fn check(index: &Index<'_>, demands: &Demands) -> Verdict {
    let mut verdict = Verdict::new(Guarantee::StoreAway);
    for window in Window::all(index, |class| class == Class::Store) {
        reads(index, &window, &mut verdict);
        let Some(caught_up) = CatchUp::of(demands, &window) else { continue };
        verdict.checked += caught_up.waiting;
        if caught_up.took > AT_LEAST.max(window.to - window.from) {
            let stuck = caught_up.took > 3 * AT_LEAST.max(window.to - window.from);
            let kind = if stuck { Kind::Stuck } else { Kind::SlowCatchUp };
            verdict.found(kind, &[window.line], || {
                format!(
                    "{}: {} writes that waited took {:.1} s behind an outage of {:.1} s",
                    window.fault.kind,
                    caught_up.waiting,
                    caught_up.took as f64 / SECOND as f64,
                    (window.to - window.from) as f64 / SECOND as f64
                )
            });
        }
    }
    verdict
}

/// A read while the store is away can not be answered, and never with "there is no such thing".
fn reads(index: &Index<'_>, window: &Window<'_>, verdict: &mut Verdict) {
    for page in index.pages.iter().filter(|page| window.broken_at(page.entry.start)) {
        verdict.checked += 1;
        if let Outcome::Fail(code) = &page.what.outcome {
            verdict.found(Kind::FalseAnswer, &[window.line, page.line], || {
                format!("a page was answered with {code} while the store was away")
            });
        }
    }
    for get in index.gets.iter().filter(|get| window.broken_at(get.entry.start)) {
        verdict.checked += 1;
        if let Outcome::Fail(code) = &get.what.outcome {
            verdict.found(Kind::FalseAnswer, &[window.line, get.line], || {
                format!("a message read as {code} while the store was away")
            });
        }
    }
}

/// How what had gathered during an outage was worked off.
#[derive(Clone, Copy, Debug)]
pub(in crate::checker) struct CatchUp {
    /// Writes that waited when the engine was back.
    pub(in crate::checker) waiting: u64,
    /// Until the last of them was answered.
    pub(in crate::checker) took: u64,
    /// Writes that were acknowledged meanwhile, and those that come in as much time usually.
    acked: u64,
    usual: f64,
}

impl CatchUp {
    pub(in crate::checker) fn of(demands: &Demands, window: &Window<'_>) -> Option<Self> {
        let back = window.to;
        let waited: Vec<u64> = demands.open_at(back).map(|demand| demand.to).collect();
        let until = waited.iter().copied().max()?;
        let within = |at: u64| (back..=until).contains(&at);
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let acked = demands.0.iter().filter(|demand| demand.acked && within(demand.to)).count();
        let (waiting, took) = (count(waited.len()), until - back);
        let usual = demands.rate() * took as f64 / SECOND as f64;
        Some(Self { waiting, took, acked: count(acked), usual })
    }

    /// Answers for every demand that usually comes in that time.
    pub(in crate::checker) fn ratio(&self) -> f64 {
        self.acked as f64 / self.usual.max(1.0)
    }
}
