//! G-11: what reached a socket can be read at that moment, on another node.

use super::index::Index;
use super::verdict::{Guarantee, Kind, Verdict};
use crate::history::{Outcome, Why};

pub(super) fn check(index: &Index<'_>) -> Verdict {
    let mut verdict = Verdict::new(Guarantee::PersistBeforePush);
    for get in index.gets.iter().filter(|get| get.what.why == Why::OnPush) {
        let expected = &get.what.expected;
        match &get.what.outcome {
            Outcome::Ok(found) if found.follows(expected) => verdict.checked += 1,
            Outcome::Ok(found) => verdict.found(Kind::UnreadablePush, &[get.line], || {
                format!("pushed as {expected:?}, read as {found:?}")
            }),
            Outcome::Fail(code) => verdict.found(Kind::UnreadablePush, &[get.line], || {
                format!("{} with seq {} was pushed and reads as {code}", expected.id, expected.seq)
            }),
            Outcome::Unknown(_) => {}
        }
    }
    verdict
}
