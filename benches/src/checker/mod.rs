//! Verdicts on a history: pure functions, one module per guarantee, linear but for a few sorts.
//!
//! No search is needed: (conversation, seq) names one message, so the total order is observable,
//! and every anomaly is two observations that can not both be right (as in Jepsen's checker for
//! logs, whose names of anomalies are used). A verdict names its witnesses by line of the history.
//!
//! A run that proves little says so: too few acknowledged operations, no fault that hit anything or
//! a guarantee that was hardly exercised make the run void, which is not a pass.

mod deeds;
mod dense;
mod durable;
mod fault;
mod fresh;
mod gone;
mod hygiene;
mod index;
mod journal;
mod once;
mod order;
mod push;
mod recovery;
mod refusal;
mod report;
mod resume;
mod unread;
mod verdict;
mod wall;

pub use hygiene::{Counts, Hygiene, Needs};
pub use recovery::{Recovery, recoveries};
pub use report::Report;
pub use verdict::{Guarantee, Kind, State, Verdict, Witness};

use crate::history::Entry;
use deeds::Deeds;
use index::Index;

/// Judges a history.
pub fn judge(entries: &[Entry], needs: &Needs) -> Report {
    let index = Index::of(entries);
    let deeds = Deeds::of(&index);
    let mut verdicts = vec![
        durable::check(&index, &deeds),
        refusal::check(&index, &deeds),
        once::check(&index, &deeds),
        dense::check(&index),
        order::check(&index),
        push::check(&index),
        fresh::check(&index),
    ];
    // Each where its operations are, or where a run says that they must be.
    let people = [
        (Guarantee::GapFreeResume, resume::check(&index, &deeds.journal)),
        (Guarantee::ExactUnread, unread::check(&index)),
        (Guarantee::RemovalIsAWall, wall::check(&index, &deeds)),
        (Guarantee::DeletedIsGone, gone::check(&index)),
    ];
    verdicts.extend(people.into_iter().filter_map(|(guarantee, verdict)| {
        let asked = needs.checks.contains_key(&guarantee);
        verdict.or_else(|| asked.then(|| Verdict::new(guarantee)))
    }));
    verdicts.extend(fault::clocks(&index, &verdicts));
    verdicts.extend(fault::check(&index, needs));
    verdicts.sort_by_key(|verdict| verdict.guarantee);
    let hygiene = hygiene::take(&index);
    Report::new(verdicts, hygiene, needs)
}
