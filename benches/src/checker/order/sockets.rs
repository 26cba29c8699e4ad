//! Every socket gets every change of its conversations exactly once and in order, from the moment it
//! is open until it is cut: the unit is the connection, as a client without a cursor sees it.

use uuid::Uuid;

use super::owed::{Got, due};
use crate::checker::index::{At, Index};
use crate::checker::verdict::{Kind, Verdict};
use crate::history::{Live, SocketId};

pub(super) fn check(index: &Index<'_>, verdict: &mut Verdict) {
    let due = due(index, |seen| seen.rev);
    for (id, socket) in index.sockets.iter().filter(|(_, socket)| !socket.stock) {
        for (conversation, events) in &socket.events {
            let told =
                socket.resume.is_some_and(|resume| resume.what.reset.contains_key(conversation));
            // Guests miss what happens while they are no members; that what was told can not be told one
            // by one is said.
            let stays = socket.user.is_none_or(|user| index.stays(user, *conversation));
            in_order(*id, *conversation, events, stays && !told, verdict);
        }
        let Some((opened, user)) = socket.opened.zip(socket.user) else { continue };
        for (conversation, members, revs) in &due {
            let Some(owed) = revs.since(opened).filter(|_| members.contains(&user)) else {
                continue;
            };
            let events = socket.events.get(conversation).map_or(&[][..], Vec::as_slice);
            let numbers: Vec<_> = events.iter().map(|event| (event.what.rev, event.line)).collect();
            let got = Got {
                who: format!("socket {id}"),
                unit: "rev",
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
    let mut last: Option<&At<'_, Live>> = None;
    for event in events {
        let rev = event.what.rev;
        if let Some(before) = last
            && rev != before.what.rev + 1
            && (whole || rev <= before.what.rev)
        {
            let seen = events.iter().take_while(|e| e.line != event.line);
            let kind = if rev > before.what.rev {
                Kind::Skip
            } else if seen.into_iter().any(|e| e.what.rev == rev) {
                Kind::DuplicateDelivery
            } else {
                Kind::InternalNonmonotonic
            };
            verdict.found(kind, &[before.line, event.line], || {
                format!("socket {id} got rev {} of {conversation} and then {rev}", before.what.rev)
            });
        }
        if last.is_none_or(|before| rev > before.what.rev) {
            last = Some(event);
        }
    }
}
