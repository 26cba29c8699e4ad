//! G-07: no conversation waits longer than 10 s for its next ack, whatever happens to our processes.
//! Only an engine that is away excuses a longer wait.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::SECOND;
use super::window::Demand;
use super::{Demands, Window};
use crate::checker::index::Index;
use crate::checker::verdict::{Guarantee, Kind, Verdict};

/// Session of a worker, its detection and the hand-over.
const LONGEST: u64 = 10 * SECOND;
/// How long an outage of an engine still excuses once it is over.
const GRACE: u64 = 15 * SECOND;

/// A time in which somebody waited and nobody in the conversation was answered.
#[derive(Clone, Copy, Debug)]
pub(in crate::checker) struct Stall {
    pub(in crate::checker) conversation: Uuid,
    pub(in crate::checker) line: usize,
    pub(in crate::checker) from: u64,
    pub(in crate::checker) to: u64,
}

pub(super) fn check(index: &Index<'_>, demands: &Demands) -> Verdict {
    let mut verdict = Verdict::new(Guarantee::BoundedStall);
    let outages = Window::all(index, |class| class.outage());
    for stall in stalls(demands) {
        let Stall { conversation, line, from, to } = stall;
        if outages.iter().any(|outage| outage.touches(from, to, GRACE)) {
            continue;
        }
        verdict.checked += 1;
        if to - from > LONGEST {
            let kind = if to - from > 3 * LONGEST { Kind::Stuck } else { Kind::Stall };
            verdict.found(kind, &[line], || {
                format!(
                    "{conversation} waited {:.1} s, from {:.1} s on",
                    (to - from) as f64 / SECOND as f64,
                    from as f64 / SECOND as f64
                )
            });
        }
    }
    verdict
}

/// The longest wait before each answer of each conversation.
pub(in crate::checker) fn stalls(demands: &Demands) -> Vec<Stall> {
    let mut by_conversation: BTreeMap<Uuid, Vec<Demand>> = BTreeMap::new();
    for demand in &demands.0 {
        by_conversation.entry(demand.conversation).or_default().push(*demand);
    }
    let mut stalls = Vec::new();
    for (conversation, demands) in by_conversation {
        of_one(conversation, &demands, &mut stalls);
    }
    stalls
}

/// `demands` in the order of their beginning. Between two answers, demands that follow each other
/// without a pause are one wait.
fn of_one(conversation: Uuid, demands: &[Demand], stalls: &mut Vec<Stall>) {
    let mut answers: Vec<u64> = demands.iter().filter(|d| d.acked).map(|d| d.to).collect();
    answers.sort_unstable();
    // What nobody ever answered is waited for until its client gives up.
    answers.extend(demands.iter().map(|demand| demand.to).max());
    let mut waiting: Vec<Demand> = Vec::new();
    let mut coming = demands.iter().peekable();
    let mut last = 0;
    for answer in answers {
        while let Some(demand) = coming.next_if(|demand| demand.from < answer) {
            waiting.push(*demand);
        }
        let mut span: Option<Stall> = None;
        for demand in &waiting {
            let (from, to) = (demand.from.max(last), demand.to.min(answer));
            if to <= from {
                continue;
            }
            match &mut span {
                Some(span) if from <= span.to => span.to = span.to.max(to),
                _ => {
                    stalls.extend(span);
                    span = Some(Stall { conversation, line: demand.line, from, to });
                }
            }
        }
        stalls.extend(span);
        waiting.retain(|demand| demand.to > answer);
        last = answer;
    }
}
