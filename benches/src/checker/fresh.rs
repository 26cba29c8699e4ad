//! G-13: a read that begins after an ack shows it, on any node. Pages are held to the same: the
//! newest page shows whatever had been acknowledged, or read by anybody, before it was asked for.

use std::collections::{BTreeMap, HashMap};

use schemas::{Rev, Seq};
use uuid::Uuid;

use super::index::{Index, Source};
use super::verdict::{Guarantee, Kind, Verdict};
use crate::history::{Form, Outcome, What, Why};

pub(super) fn check(index: &Index<'_>) -> Verdict {
    let mut verdict = Verdict::new(Guarantee::ReadYourWrites);
    by_id(index, &mut verdict);
    newest_pages(index, &mut verdict);
    changes(index, &mut verdict);
    verdict
}

fn by_id(index: &Index<'_>, verdict: &mut Verdict) {
    for get in index.gets.iter().filter(|get| get.what.why == Why::AfterAck) {
        let expected = &get.what.expected;
        match &get.what.outcome {
            Outcome::Ok(found) if found.follows(expected) => verdict.checked += 1,
            Outcome::Ok(found) => verdict.found(Kind::StaleRead, &[get.line], || {
                format!("acked as {expected:?}, read as {found:?}")
            }),
            Outcome::Fail(code) => verdict.found(Kind::StaleRead, &[get.line], || {
                format!("{} with seq {} was acked and reads as {code}", expected.id, expected.seq)
            }),
            Outcome::Unknown(_) => {}
        }
    }
}

/// What was edited or deleted reads so from the ack on.
fn changes(index: &Index<'_>, verdict: &mut Verdict) {
    let mut acked: HashMap<Uuid, Vec<(u64, Rev, Form, usize)>> = HashMap::new();
    for act in &index.acts {
        let Some(seen) = act.what.outcome.ok() else { continue };
        let (message, rev, form) = match (&act.what.what, seen) {
            (What::Delete { message, .. }, _) => (*message, 0, Form::Deleted),
            (What::Edit { message, .. }, Some(seen)) => (*message, seen.rev, Form::Edited),
            _ => continue,
        };
        acked.entry(message).or_default().push((act.entry.end, rev, form, act.line));
    }
    for sight in index.readings().filter(|sight| sight.source != Source::Live) {
        let seen = sight.seen;
        for (end, rev, form, line) in acked.get(&seen.id).into_iter().flatten() {
            if *end >= sight.start {
                continue;
            }
            verdict.checked += 1;
            if seen.rev < *rev || seen.form < *form {
                verdict.found(Kind::StaleRead, &[*line, sight.line], || {
                    format!("{} was {form:?} and is read afterwards as {seen:?}", seen.id)
                });
            }
        }
    }
}

/// The largest seq known at a time, by conversation: (time, seq, line), growing in both.
type Known = BTreeMap<Uuid, Vec<(u64, Seq, usize)>>;

fn newest_pages(index: &Index<'_>, verdict: &mut Verdict) {
    let known = known(index);
    for page in index.pages.iter().filter(|page| page.what.before.is_none()) {
        let Some(messages) = page.what.outcome.ok() else { continue };
        let top = messages.last().map_or(0, |seen| seen.seq);
        let facts = known.get(&page.what.conversation).map_or(&[][..], Vec::as_slice);
        let before = facts.partition_point(|(at, ..)| *at < page.entry.start);
        let fact = before.checked_sub(1).and_then(|last| facts.get(last));
        if let Some((_, seq, line)) = fact
            && *seq > top
        {
            verdict.found(Kind::StaleRead, &[*line, page.line], || {
                format!(
                    "{} had seq {seq}, and a page asked for afterwards on node {} ends at {top}",
                    page.what.conversation, page.entry.node
                )
            });
        }
    }
}

fn known(index: &Index<'_>) -> Known {
    let mut known = Known::new();
    for send in &index.sends {
        if let Some(seen) = send.what.outcome.ok() {
            let fact = (send.entry.end, seen.seq, send.line);
            known.entry(send.what.request.conversation).or_default().push(fact);
        }
    }
    for page in &index.pages {
        if let Some(seen) = page.what.outcome.ok().and_then(|messages| messages.last()) {
            let fact = (page.entry.end, seen.seq, page.line);
            known.entry(page.what.conversation).or_default().push(fact);
        }
    }
    for facts in known.values_mut() {
        facts.sort_unstable();
        let mut top = (0, 0);
        for fact in facts {
            if fact.1 > top.0 {
                top = (fact.1, fact.2);
            }
            (fact.1, fact.2) = top;
        }
    }
    known
}
