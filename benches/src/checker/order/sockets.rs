//! Every socket gets every change of its conversations exactly once and in order, from the moment it
//! is open until it is cut: the unit is the connection, as a client without a cursor sees it.

use std::collections::BTreeMap;

use schemas::Rev;
use uuid::Uuid;

use crate::checker::index::{At, Index, Socket};
use crate::checker::verdict::{Kind, Verdict};
use crate::history::{Live, SocketId};

pub(super) fn check(index: &Index<'_>, verdict: &mut Verdict) {
    let due = due(index);
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
            if members.contains(&user) {
                complete(*id, socket, *conversation, revs.since(opened), verdict);
            }
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

/// What a socket that was open since a time must have got.
struct Owed {
    first: Rev,
    last: Rev,
}

/// Changes of a conversation by the time of their first attempt.
struct Revs {
    /// (start, smallest rev from here on), by start.
    starts: Vec<(u64, Rev)>,
    top: Rev,
}

impl Revs {
    fn since(&self, opened: u64) -> Option<Owed> {
        let from = self.starts.partition_point(|(start, _)| *start < opened);
        self.starts.get(from).map(|(_, first)| Owed { first: *first, last: self.top })
    }
}

/// By conversation: those who stay in it, and the changes that stand in the end and are surely younger
/// than their first attempt.
fn due<'h>(index: &'h Index<'_>) -> Vec<(Uuid, &'h [Uuid], Revs)> {
    let stay: BTreeMap<Uuid, &[Uuid]> =
        index.stay.iter().map(|(id, members)| (*id, members.as_slice())).collect();
    let mut due = Vec::new();
    for (conversation, members) in stay {
        let Some((_, messages)) = index.full(conversation).next() else { continue };
        let mut starts: Vec<(u64, Rev)> = messages
            .iter()
            .filter_map(|seen| Some((index.first_tried(conversation, seen)?, seen.rev)))
            .collect();
        starts.sort_unstable();
        let mut smallest = Rev::MAX;
        for (_, rev) in starts.iter_mut().rev() {
            smallest = smallest.min(*rev);
            *rev = smallest;
        }
        let top = messages.iter().map(|seen| seen.rev).max().unwrap_or_default();
        due.push((conversation, members, Revs { starts, top }));
    }
    due
}

fn complete(
    id: SocketId,
    socket: &Socket<'_>,
    conversation: Uuid,
    owed: Option<Owed>,
    verdict: &mut Verdict,
) {
    let Some(owed) = owed else { return };
    let events = socket.events.get(&conversation).map_or(&[][..], Vec::as_slice);
    let first = events.iter().min_by_key(|event| event.what.rev);
    let last = events.iter().max_by_key(|event| event.what.rev);
    if let Some(first) = first
        && first.what.rev > owed.first
    {
        verdict.found(Kind::Skip, &[first.line], || {
            format!(
                "socket {id} was open before rev {} of {conversation} was asked for and began at {}",
                owed.first, first.what.rev
            )
        });
    }
    // A socket that was cut is owed nothing behind the cut.
    if socket.closed.is_none() && last.is_none_or(|last| last.what.rev < owed.last) {
        let lines: Vec<usize> = last.map(|last| last.line).into_iter().collect();
        verdict.found(Kind::Unseen, &lines, || {
            format!(
                "socket {id} stayed open and never got rev {} of {conversation}, its last was {}",
                owed.last,
                last.map_or(0, |last| last.what.rev)
            )
        });
    }
}
