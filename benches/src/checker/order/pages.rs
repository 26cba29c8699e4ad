//! Inside a page numbers grow by one; a page before a number ends right there.

use crate::checker::index::Index;
use crate::checker::verdict::{Kind, Verdict};

pub(super) fn check(index: &Index<'_>, verdict: &mut Verdict) {
    for page in &index.pages {
        let Some(messages) = page.what.outcome.ok() else { continue };
        let conversation = page.what.conversation;
        for (left, right) in messages.iter().zip(messages.iter().skip(1)) {
            if right.seq == left.seq + 1 {
                continue;
            }
            let back = right.seq <= left.seq;
            let kind = if back { Kind::InternalNonmonotonic } else { Kind::Skip };
            verdict.found(kind, &[page.line], || {
                format!("a page of {conversation} has seq {} and then {}", left.seq, right.seq)
            });
        }
        let Some(before) = page.what.before else { continue };
        let end = messages.last().map_or(0, |seen| seen.seq);
        if end != before - 1 {
            verdict.found(Kind::Skip, &[page.line], || {
                format!("the page of {conversation} before seq {before} ends at {end}")
            });
        }
    }
}
