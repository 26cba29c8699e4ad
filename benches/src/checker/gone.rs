//! G-27: 5 s after its deletion was acknowledged no path shows what a message said.
//!
//! A push that was on its way when the message was deleted comes as late as the stage that holds it: for
//! the session of a fan-out that was killed, if that is it. The deletion follows it on the same socket. So
//! late it is a limit of time that was missed; three times as late it is a leak.

use std::collections::HashMap;

use uuid::Uuid;

use super::fault::SECOND;
use super::index::{Index, Source};
use super::verdict::{Guarantee, Kind, Verdict};
use crate::history::{Form, Outcome, Probing, What};

/// Time until it is gone everywhere.
const GONE_IN: u64 = 5 * SECOND;

pub(super) fn check(index: &Index<'_>) -> Option<Verdict> {
    let deleted = deleted(index);
    if deleted.is_empty() {
        return None;
    }
    let mut verdict = Verdict::new(Guarantee::DeletedIsGone);
    for sight in index.readings() {
        let Some((at, line)) = deleted.get(&sight.seen.id) else { continue };
        if sight.start <= *at {
            continue;
        }
        verdict.checked += 1;
        if sight.seen.form != Form::Deleted && sight.start > at + GONE_IN {
            let held_up = sight.source == Source::Live && sight.start <= at + 3 * GONE_IN;
            let kind = if held_up { Kind::LatePush } else { Kind::Leak };
            verdict.found(kind, &[*line, sight.line], || {
                format!("{} was deleted, and {} shows it", sight.seen.id, sight.source.name())
            });
        }
    }
    for probe in &index.probes {
        let Probing::Gone { message } = &probe.what.probing else { continue };
        let Some((at, line)) = deleted.get(message) else { continue };
        let Outcome::Ok(shown) = probe.what.outcome else { continue };
        verdict.checked += 1;
        if shown && probe.entry.start > at + GONE_IN {
            verdict.found(Kind::Leak, &[*line, probe.line], || {
                format!("the text of {message} was deleted, and is shown by {}", probe.what.path)
            });
        }
    }
    Some(verdict)
}

/// When the deletion of a message was first acknowledged.
fn deleted(index: &Index<'_>) -> HashMap<Uuid, (u64, usize)> {
    let mut deleted: HashMap<Uuid, (u64, usize)> = HashMap::new();
    for act in &index.acts {
        let What::Delete { message, .. } = act.what.what else { continue };
        if act.what.outcome.ok().is_some() {
            let first = deleted.entry(message).or_insert((act.entry.end, act.line));
            *first = (*first).min((act.entry.end, act.line));
        }
    }
    deleted
}
