//! G-01: whatever was acknowledged is in every full read, as it was acknowledged or as a later change
//! has left it.

use std::collections::{BTreeMap, HashMap};

use uuid::Uuid;

use super::deeds::{self, Deeds};
use super::index::Index;
use super::verdict::{Guarantee, Kind, Verdict};
use crate::history::{Form, Outcome, Seen};

pub(super) fn check(index: &Index<'_>, deeds: &Deeds<'_>) -> Verdict {
    let mut verdict = Verdict::new(Guarantee::DurableAck);
    conversations(index, &mut verdict);
    let mut acked: BTreeMap<Uuid, Vec<(usize, &Seen)>> = BTreeMap::new();
    for ack in index.acks() {
        verdict.checked += 1;
        acked.entry(ack.conversation).or_default().push((ack.line, ack.seen));
        // A retry shows the message as it is by then.
        if ack.seen.form == Form::Sent {
            as_asked(index, ack.line, ack.seen, ack.conversation, &mut verdict);
        }
    }
    for ack in index.act_acks() {
        acked.entry(ack.conversation).or_default().push((ack.line, ack.seen));
    }
    deeds::durable(index, deeds, &mut verdict);
    for (conversation, acks) in acked {
        for (read, messages) in index.full(conversation) {
            let by_id: HashMap<Uuid, &Seen> = messages.iter().map(|seen| (seen.id, seen)).collect();
            for (line, ack) in &acks {
                compare(*line, ack, read, by_id.get(&ack.id).copied(), &mut verdict);
            }
        }
    }
    verdict
}

/// An ack names the content that was asked for.
fn as_asked(index: &Index<'_>, line: usize, ack: &Seen, conversation: Uuid, verdict: &mut Verdict) {
    let Some(client) = ack.client.as_deref() else { return };
    let attempts = index.clients.get(&(ack.sender, conversation, client)).into_iter().flatten();
    let asked = attempts
        .filter_map(|place| index.sends.get(*place))
        .any(|send| send.line == line && send.what.request.body == ack.body);
    if !asked {
        verdict.found(Kind::MutatedWrite, &[line], || {
            format!("the ack of {client} names another client id or content than was sent")
        });
    }
}

fn compare(line: usize, ack: &Seen, read: usize, found: Option<&Seen>, verdict: &mut Verdict) {
    match found {
        None => verdict.found(Kind::LostWrite, &[line, read], || {
            format!("{} was acked with seq {} and is in no full read", ack.id, ack.seq)
        }),
        Some(found) if !found.follows(ack) => {
            verdict.found(Kind::MutatedWrite, &[line, read], || {
                format!("{} was acked as {ack:?} and is read as {found:?}", ack.id)
            });
        }
        Some(_) => {}
    }
}

fn conversations(index: &Index<'_>, verdict: &mut Verdict) {
    for create in &index.creates {
        let Outcome::Ok(conversation) = create.what.outcome else { continue };
        for read in index.fulls.get(&conversation).into_iter().flatten() {
            if let Outcome::Fail(code) = &read.what.outcome {
                verdict.found(Kind::LostWrite, &[create.line, read.line], || {
                    format!("{conversation} was opened and answers {code} to its member")
                });
            }
        }
    }
}
