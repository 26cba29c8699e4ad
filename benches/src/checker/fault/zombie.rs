//! G-08: a worker that was away longer than its session changes nothing any more. Clients see that
//! no (conversation, rev) names two changes; operators see that rows stay as they were, stamps
//! included.

use std::collections::HashMap;

use schemas::Rev;
use uuid::Uuid;

use crate::checker::index::Index;
use crate::checker::verdict::{Guarantee, Kind, Verdict};
use crate::history::{Form, Look, Seen};

/// What somebody saw at a rev.
#[derive(Clone, Copy)]
struct Sight<'h> {
    line: usize,
    conversation: Uuid,
    rev: Rev,
    kind: &'h str,
    message: Option<&'h Seen>,
}

pub(super) fn check(index: &Index<'_>) -> Verdict {
    let mut verdict = Verdict::new(Guarantee::FencedZombie);
    revs(index, &mut verdict);
    for audit in index.audits.iter().filter(|audit| audit.what.look == Look::Rows) {
        verdict.checked += audit.what.checked;
        for row in &audit.what.broken {
            verdict
                .found(Kind::ChangedRow, &[audit.line], || format!("{}: {row}", audit.what.part));
        }
    }
    verdict
}

fn revs(index: &Index<'_>, verdict: &mut Verdict) {
    let mut firsts: HashMap<(Uuid, Rev), Sight<'_>> = HashMap::new();
    for sight in live(index).chain(read(index)) {
        let first = *firsts.entry((sight.conversation, sight.rev)).or_insert(sight);
        if first.line == sight.line {
            continue;
        }
        verdict.checked += 1;
        // Of a message that was deleted meanwhile the placeholder is told.
        let gone = |seen: &Seen| seen.form == Form::Deleted;
        let same = first.kind == sight.kind
            && first.message.zip(sight.message).is_none_or(|(first, other)| {
                first == other || first.is(other) && (gone(first) || gone(other))
            });
        if !same {
            verdict.found(Kind::SplitRev, &[first.line, sight.line], || {
                format!(
                    "rev {} of {} is {} {:?} and {} {:?}",
                    sight.rev,
                    sight.conversation,
                    first.kind,
                    first.message,
                    sight.kind,
                    sight.message
                )
            });
        }
    }
}

fn live<'h>(index: &Index<'h>) -> impl Iterator<Item = Sight<'h>> {
    index.sockets.values().flat_map(|socket| socket.events.values().flatten()).map(|event| Sight {
        line: event.line,
        conversation: event.what.conversation,
        rev: event.what.rev,
        kind: event.what.kind.as_ref(),
        message: event.what.message.as_ref(),
    })
}

fn read<'h>(index: &Index<'h>) -> impl Iterator<Item = Sight<'h>> {
    index.fulls.keys().flat_map(|conversation| {
        let conversation = *conversation;
        index.full(conversation).flat_map(move |(line, messages)| {
            // What was changed has the number of the change.
            let sent = messages.iter().filter(|seen| seen.form == Form::Sent);
            sent.map(move |seen| Sight {
                line,
                conversation,
                rev: seen.rev,
                kind: "message.created",
                message: Some(seen),
            })
        })
    })
}
