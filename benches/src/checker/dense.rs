//! G-05: messages of a conversation are numbered 1..n, its changes without a gap.

use super::index::Index;
use super::verdict::{Guarantee, Kind, Verdict};
use crate::history::Form;

pub(super) fn check(index: &Index<'_>) -> Verdict {
    let mut verdict = Verdict::new(Guarantee::DenseOrder);
    seqs(index, &mut verdict);
    revs(index, &mut verdict);
    verdict
}

fn seqs(index: &Index<'_>, verdict: &mut Verdict) {
    for conversation in index.fulls.keys() {
        for (line, messages) in index.full(*conversation) {
            let (mut last_seq, mut last_rev) = (0, 0);
            for seen in messages {
                verdict.checked += 1;
                if seen.seq > last_seq + 1 {
                    verdict.found(Kind::Gap, &[line], || {
                        format!("{conversation} has seq {last_seq} and then {}", seen.seq)
                    });
                } else if seen.seq <= last_seq {
                    verdict.found(Kind::Repeat, &[line], || {
                        format!("{conversation} has seq {} after {last_seq}", seen.seq)
                    });
                }
                last_seq = seen.seq;
                // Of what was changed it is the number of the change.
                if seen.form != Form::Sent {
                    continue;
                }
                if seen.rev <= last_rev {
                    verdict.found(Kind::Repeat, &[line], || {
                        format!("{conversation} has rev {} after {last_rev}", seen.rev)
                    });
                }
                last_rev = seen.rev;
            }
        }
    }
}

/// Every rev between those that were seen was seen by somebody: a full read shows the messages, and
/// what is not a message was pushed.
fn revs(index: &Index<'_>, verdict: &mut Verdict) {
    for (conversation, revs) in index.revs() {
        let mut last = None;
        for (rev, (line, seq)) in revs {
            if let Some(last) = last
                && rev != last + 1
            {
                verdict.found(Kind::Gap, &[line], || {
                    format!("{conversation} has rev {last} and then {rev}")
                });
            }
            last = Some(rev);
            if seq.is_some_and(|seq| seq > rev) {
                verdict.found(Kind::Gap, &[line], || {
                    format!("{conversation} has more messages than changes at rev {rev}")
                });
            }
        }
    }
}
