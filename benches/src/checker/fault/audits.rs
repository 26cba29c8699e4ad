//! What the harness looked at from the operator's side: counters (G-29), and the tables folded anew
//! (G-09).

use crate::checker::index::Index;
use crate::checker::verdict::{Guarantee, Kind, Verdict};
use crate::history::Look;

pub(super) fn counters(index: &Index<'_>) -> Verdict {
    audited(index, Guarantee::CountersAtZero, Look::Counters, Kind::BrokenInvariant)
}

pub(super) fn refold(index: &Index<'_>) -> Verdict {
    audited(index, Guarantee::DeterministicFold, Look::Refold, Kind::DifferentFold)
}

fn audited(index: &Index<'_>, guarantee: Guarantee, look: Look, kind: Kind) -> Verdict {
    let mut verdict = Verdict::new(guarantee);
    for audit in index.audits.iter().filter(|audit| audit.what.look == look) {
        verdict.checked += audit.what.checked;
        for broken in &audit.what.broken {
            verdict.found(kind, &[audit.line], || format!("{}: {broken}", audit.what.part));
        }
    }
    verdict
}
