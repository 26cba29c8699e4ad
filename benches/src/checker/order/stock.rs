//! Every socket of a stock client gets every new message of its conversations exactly once and in order,
//! from the moment it is open until it is cut; and no change of a message before an earlier one. It is told
//! no numbers of other changes, so that its unit is the message, and not the change.

use uuid::Uuid;

use super::owed::{Got, due};
use crate::checker::index::{At, Index};
use crate::checker::verdict::{Kind, Verdict};
use crate::history::{Live, SocketId};

/// The event by which a stock client is told of a new message.
const NEW: &str = "message:new";

pub(super) fn check(index: &Index<'_>, verdict: &mut Verdict) {
    let stock: Vec<_> = index.sockets.iter().filter(|(_, socket)| socket.stock).collect();
    if stock.is_empty() {
        return;
    }
    let due = due(index, |seen| seen.seq);
    for (id, socket) in stock {
        for (conversation, events) in &socket.told {
            let stays = socket.user.is_none_or(|user| index.stays(user, *conversation));
            in_order(*id, *conversation, events, stays, verdict);
        }
        let Some((opened, user)) = socket.opened.zip(socket.user) else { continue };
        for (conversation, members, seqs) in &due {
            let Some(owed) = seqs.since(opened).filter(|_| members.contains(&user)) else {
                continue;
            };
            let events = socket.told.get(conversation).map_or(&[][..], Vec::as_slice);
            let new = events.iter().filter(|event| event.what.kind.as_ref() == NEW);
            let numbers: Vec<_> = new
                .filter_map(|event| Some((event.what.message.as_ref()?.seq, event.line)))
                .collect();
            verdict.checked += 1;
            let got = Got {
                who: format!("stock socket {id}"),
                unit: "seq",
                conversation: *conversation,
                numbers: &numbers,
                open: socket.closed.is_none(),
            };
            got.complete(owed, verdict);
        }
    }
}

fn in_order(
    id: SocketId,
    conversation: Uuid,
    events: &[At<'_, Live>],
    whole: bool,
    verdict: &mut Verdict,
) {
    let (mut last, mut rev) = (None, 0);
    for event in events {
        let Some(seen) = &event.what.message else { continue };
        verdict.checked += 1;
        if seen.rev <= rev {
            verdict.found(Kind::InternalNonmonotonic, &[event.line], || {
                format!("stock socket {id} got rev {rev} of {conversation} and then {}", seen.rev)
            });
        }
        rev = rev.max(seen.rev);
        if event.what.kind.as_ref() != NEW {
            continue;
        }
        let Some((before, line)) = last.replace((seen.seq, event.line)) else { continue };
        let kind = match seen.seq - before {
            1 => continue,
            0 => Kind::DuplicateDelivery,
            step if step < 0 => Kind::InternalNonmonotonic,
            _ if whole => Kind::Skip,
            _ => continue,
        };
        verdict.found(kind, &[line, event.line], || {
            format!("stock socket {id} got seq {before} of {conversation} and then {}", seen.seq)
        });
    }
}
