//! Whoever sees a place sees the same thing there, and what was seen once stays.

use std::collections::{BTreeMap, HashMap, HashSet};

use schemas::{Rev, Seq};
use uuid::Uuid;

use crate::checker::index::{Index, Sight, Source};
use crate::checker::verdict::{Kind, Verdict};
use crate::history::Form;

pub(super) fn check(index: &Index<'_>, verdict: &mut Verdict) {
    let mut places: BTreeMap<(Uuid, Seq), Sight<'_>> = BTreeMap::new();
    // What a message was at each of its changes.
    let mut versions: HashMap<(Uuid, Seq, Rev), Sight<'_>> = HashMap::new();
    let mut told = HashSet::new();
    for sight in index.readings().chain(index.acks()).chain(index.act_acks()) {
        verdict.checked += 1;
        let place = (sight.conversation, sight.seen.seq);
        let first = *places.entry(place).or_insert(sight);
        let version = (sight.conversation, sight.seen.seq, sight.seen.rev);
        let same = *versions.entry(version).or_insert(sight);
        let other = if first.seen.is(sight.seen) { same } else { first };
        if other.seen.agrees(sight.seen) || !told.insert((place, sight.seen.id, sight.seen.rev)) {
            continue;
        }
        verdict.found(Kind::InconsistentOffsets, &[other.line, sight.line], || {
            format!(
                "{} has {:?} in {} and {:?} in {}",
                sight.conversation,
                other.seen,
                other.source.name(),
                sight.seen,
                sight.source.name()
            )
        });
    }
    bytes(index, verdict);
    vanished(index, &places, verdict);
    full_reads_end_alike(index, verdict);
}

/// An event is the same bytes for everybody, live and told again: but those of a message that was deleted
/// meanwhile carry its placeholder.
fn bytes(index: &Index<'_>, verdict: &mut Verdict) {
    let mut firsts: HashMap<(Uuid, Rev, bool), (u64, usize)> = HashMap::new();
    for event in index.sockets.values().flat_map(|socket| socket.events.values().flatten()) {
        let live = event.what;
        if live.tells.bytes == 0 {
            continue;
        }
        verdict.checked += 1;
        let gone = live.message.as_ref().is_some_and(|seen| seen.form == Form::Deleted);
        let place = (live.conversation, live.rev, gone);
        let (bytes, line) = *firsts.entry(place).or_insert((live.tells.bytes, event.line));
        if bytes != live.tells.bytes {
            verdict.found(Kind::InconsistentOffsets, &[line, event.line], || {
                format!("rev {} of {} is not the same bytes twice", live.rev, live.conversation)
            });
        }
    }
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
