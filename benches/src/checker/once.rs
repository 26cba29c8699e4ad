//! G-04: one client id, one message: whoever asks again gets the first one.

use std::collections::HashMap;

use schemas::Seq;
use uuid::Uuid;

use super::deeds::{self, Deeds};
use super::index::{ClientKey, Index, Sight};
use super::verdict::{Guarantee, Kind, Verdict};

/// The first sight of a client id.
struct First {
    line: usize,
    id: Uuid,
    seq: Seq,
}

pub(super) fn check(index: &Index<'_>, deeds: &Deeds<'_>) -> Verdict {
    let mut verdict = Verdict::new(Guarantee::OneEffect);
    let retried = index.clients.values().filter(|attempts| attempts.len() > 1).count();
    verdict.checked = u64::try_from(retried).unwrap_or(u64::MAX);

    let mut firsts: HashMap<ClientKey<'_>, First> = HashMap::new();
    let mut told: HashMap<ClientKey<'_>, Vec<(Uuid, Seq)>> = HashMap::new();
    for sight in index.acks().chain(index.readings()) {
        let Sight { line, conversation, seen, .. } = sight;
        let Some(client) = seen.client.as_deref() else { continue };
        let key = (seen.sender, conversation, client);
        let first = firsts.entry(key).or_insert(First { line, id: seen.id, seq: seen.seq });
        if (first.id, first.seq) == (seen.id, seen.seq) {
            continue;
        }
        // One duplicate is seen by many: it counts once.
        let known = told.entry(key).or_default();
        if known.contains(&(seen.id, seen.seq)) {
            continue;
        }
        known.push((seen.id, seen.seq));
        let kind = if first.id == seen.id { Kind::InconsistentAck } else { Kind::Duplicate };
        verdict.found(kind, &[first.line, line], || {
            format!(
                "{client} is {} with seq {} and, in {}, {} with seq {}",
                first.id,
                first.seq,
                sight.source.name(),
                seen.id,
                seen.seq
            )
        });
    }
    deeds::once(deeds, &mut verdict);
    verdict
}
