//! What must hold of every change before anything of it is written (G-29): revs and seqs count on by
//! one, and a later change is of a later record. A decision that breaks it is a defect: its record
//! becomes a dead letter, and the conversation goes on as if it had not come.

use schemas::Rev;

use super::step::Error;
use super::{Change as _, Fold, Item};

/// Takes a change that was just decided into the state, if it is the next one.
pub(super) fn decided<F: Fold>(
    state: &mut F::State,
    key: F::Key,
    item: &Item<F::Command>,
    change: &F::Change,
) -> Result<(), Error> {
    let rev = F::applied(state).map_or(0, |(rev, _)| rev) + 1;
    let seq = F::seq(state) + i64::from(F::is_message(change));
    F::evolve(state, change);
    let id = if change.rev() != rev || F::applied(state) != Some((rev, item.position)) {
        "G-06"
    } else if F::seq(state) != seq {
        "G-05"
    } else {
        return Ok(());
    };
    let what = format!("{key:?} at rev {}: rev {rev} and seq {seq} were next", change.rev());
    Err(Error::Broken { id, offset: Some(item.position.offset), what })
}

/// Takes a change that was journaled and is to be number `next` into the state.
pub(super) fn adopted<F: Fold>(
    state: &mut F::State,
    key: F::Key,
    next: Rev,
    change: &F::Change,
) -> Result<(), Error> {
    let broken = |id, what: &str| {
        Err(Error::Broken { id, offset: None, what: format!("change {next} of {key:?} {what}") })
    };
    if change.rev() != next {
        return broken("G-06", "is missing");
    }
    let before = F::applied(state).map(|(_, position)| position.stamp());
    if before.is_some_and(|before| change.position().stamp() <= before) {
        return broken("G-08", "is of an older record than the one before");
    }
    F::evolve(state, change);
    Ok(())
}
