//! Whoever sees a place sees the same thing there, and what was seen once stays.

use std::collections::{BTreeMap, HashSet};

use schemas::Seq;
use uuid::Uuid;

use crate::checker::index::{Index, Sight, Source};
use crate::checker::verdict::{Kind, Verdict};

pub(super) fn check(index: &Index<'_>, verdict: &mut Verdict) {
    let mut places: BTreeMap<(Uuid, Seq), Sight<'_>> = BTreeMap::new();
    let mut told = HashSet::new();
    for sight in index.readings().chain(index.acks()) {
        verdict.checked += 1;
        let place = (sight.conversation, sight.seen.seq);
        let first = places.entry(place).or_insert(sight);
        if first.seen == sight.seen || !told.insert((place, sight.seen.id)) {
            continue;
        }
        verdict.found(Kind::InconsistentOffsets, &[first.line, sight.line], || {
            format!(
                "{} has {:?} in {} and {:?} in {}",
                sight.conversation,
                first.seen,
                first.source.name(),
                sight.seen,
                sight.source.name()
            )
        });
    }
    vanished(index, &places, verdict);
    full_reads_end_alike(index, verdict);
}

fn vanished(index: &Index<'_>, places: &BTreeMap<(Uuid, Seq), Sight<'_>>, verdict: &mut Verdict) {
    let mut standing = HashSet::new();
    for conversation in index.fulls.keys() {
        for (_, messages) in index.full(*conversation) {
            standing.extend(messages.iter().map(|seen| (*conversation, seen.seq)));
        }
    }
    for (place, sight) in places {
        let whole = index.full(sight.conversation).next().is_some();
        // Acks are G-01's.
        if whole && sight.source != Source::Ack && !standing.contains(place) {
            verdict.found(Kind::Vanished, &[sight.line], || {
                format!("{} showed {:?}, and no full read does", sight.source.name(), sight.seen)
            });
        }
    }
}

fn full_reads_end_alike(index: &Index<'_>, verdict: &mut Verdict) {
    for conversation in index.fulls.keys() {
        let mut ends = index.full(*conversation).map(|(line, all)| (line, all.len()));
        let Some((first_line, first)) = ends.next() else { continue };
        for (line, length) in ends.filter(|(_, length)| *length != first) {
            verdict.found(Kind::Unseen, &[first_line, line], || {
                format!("{conversation} is read whole with {first} and with {length} messages")
            });
        }
    }
}
