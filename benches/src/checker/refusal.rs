//! G-03: a refused send has no effect, and nothing comes from nowhere.

use std::collections::HashSet;

use super::deeds::{self, Deeds};
use super::index::Index;
use super::verdict::{Guarantee, Kind, Verdict};
use crate::history::{Form, Outcome, UNREACHABLE};

pub(super) fn check(index: &Index<'_>, deeds: &Deeds<'_>) -> Verdict {
    let mut verdict = Verdict::new(Guarantee::HonestRefusal);
    let refused = index
        .sends
        .iter()
        .filter(|send| matches!(&send.what.outcome, Outcome::Fail(code) if code != UNREACHABLE));
    verdict.checked = u64::try_from(refused.count()).unwrap_or(u64::MAX);

    let mut told = HashSet::new();
    for sight in index.readings().chain(index.acks()) {
        let seen = sight.seen;
        // What has become of a message was asked for by acts.
        if seen.form != Form::Sent || !told.insert((sight.conversation, seen.id, seen.body)) {
            continue;
        }
        let client = seen.client.as_deref().unwrap_or_default();
        let attempts = index.clients.get(&(seen.sender, sight.conversation, client));
        let same: Vec<_> = attempts
            .into_iter()
            .flatten()
            .filter_map(|place| index.sends.get(*place))
            .filter(|send| send.what.request.body == seen.body)
            .collect();
        if same.is_empty() {
            verdict.found(Kind::Phantom, &[sight.line], || {
                format!("{} shows {}, which nobody sent", sight.source.name(), seen.id)
            });
        } else if same.iter().all(|send| matches!(send.what.outcome, Outcome::Fail(_))) {
            let mut lines = vec![sight.line];
            lines.extend(same.iter().map(|send| send.line));
            verdict.found(Kind::AbortedRead, &lines, || {
                format!("{} shows {client}, whose every attempt was refused", sight.source.name())
            });
        }
    }
    deeds::refused(index, deeds, &mut verdict);
    verdict
}
