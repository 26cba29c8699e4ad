//! Verdicts on a history: pure functions, one module per guarantee, linear but for a few sorts.
//!
//! No search is needed: (conversation, seq) names one message, so the total order is observable,
//! and every anomaly is two observations that can not both be right (as in Jepsen's checker for
//! logs, whose names of anomalies are used). A verdict names its witnesses by line of the history.
//!
//! A run that proves little says so: too few acknowledged operations, no fault that hit anything or
//! a guarantee that was hardly exercised make the run void, which is not a pass.

mod dense;
mod durable;
mod fault;
mod fresh;
mod hygiene;
mod index;
mod once;
mod order;
mod push;
mod recovery;
mod refusal;
mod report;
mod verdict;

pub use hygiene::{Counts, Hygiene, Needs};
pub use recovery::{Recovery, recoveries};
pub use report::Report;
pub use verdict::{Guarantee, Kind, State, Verdict, Witness};

use crate::history::Entry;
use index::Index;

/// Judges a history.
pub fn judge(entries: &[Entry], needs: &Needs) -> Report {
    let index = Index::of(entries);
    let mut verdicts = vec![
        durable::check(&index),
        refusal::check(&index),
        once::check(&index),
        dense::check(&index),
        order::check(&index),
        push::check(&index),
        fresh::check(&index),
    ];
    // G-12 (resume) and G-15 (removal) come here with their own modules once clients can resume from
    // cursors and be removed: their evidence are operations that a history does not have yet.
    verdicts.extend(fault::clocks(&index, &verdicts));
    verdicts.extend(fault::check(&index, needs));
    verdicts.sort_by_key(|verdict| verdict.guarantee);
    let hygiene = hygiene::take(&index);
    Report::new(verdicts, hygiene, needs)
}
