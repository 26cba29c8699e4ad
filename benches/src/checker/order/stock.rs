//! Every socket of a stock client gets every new message of its conversations exactly once and in order,
//! from the moment it is open until it is cut; and no change of a message before an earlier one. It is told
//! no numbers of other changes, so that its unit is the message, and not the change.

use std::collections::BTreeMap;

use schemas::Seq;
use uuid::Uuid;

use crate::checker::index::{At, Index, Socket};
use crate::checker::verdict::{Kind, Verdict};
use crate::history::{Live, SocketId};

/// The event by which a stock client is told of a new message.
const NEW: &str = "message:new";

pub(super) fn check(index: &Index<'_>, verdict: &mut Verdict) {
    let stock: Vec<_> = index.sockets.iter().filter(|(_, socket)| socket.stock).collect();
    if stock.is_empty() {
        return;
    }
    let due = due(index);
    for (id, socket) in stock {
        for (conversation, events) in &socket.told {
            let stays = socket.user.is_none_or(|user| index.stays(user, *conversation));
            in_order(*id, *conversation, events, stays, verdict);
        }
        let Some((opened, user)) = socket.opened.zip(socket.user) else { continue };
        for (conversation, members, seqs) in &due {
            if members.contains(&user)
                && let Some(owed) = seqs.since(opened)
            {
                complete(*id, socket, *conversation, owed, verdict);
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

/// Messages of a conversation by the time of their first attempt: (start, smallest seq from here on).
struct Seqs {
    starts: Vec<(u64, Seq)>,
    top: Seq,
}

impl Seqs {
    /// The first and the last that a socket that was open since a time must have got.
    fn since(&self, opened: u64) -> Option<(Seq, Seq)> {
        let from = self.starts.partition_point(|(start, _)| *start < opened);
        self.starts.get(from).map(|(_, first)| (*first, self.top))
    }
}

/// By conversation that was read whole: those who stay in it, and its messages.
fn due<'h>(index: &'h Index<'_>) -> Vec<(Uuid, &'h [Uuid], Seqs)> {
    let stay: BTreeMap<Uuid, &[Uuid]> =
        index.stay.iter().map(|(id, members)| (*id, members.as_slice())).collect();
    let mut due = Vec::new();
    for (conversation, members) in stay {
        let Some((_, messages)) = index.full(conversation).next() else { continue };
        let mut starts: Vec<(u64, Seq)> = messages
            .iter()
            .filter_map(|seen| Some((index.first_tried(conversation, seen)?, seen.seq)))
            .collect();
        starts.sort_unstable();
        let mut smallest = Seq::MAX;
        for (_, seq) in starts.iter_mut().rev() {
            smallest = smallest.min(*seq);
            *seq = smallest;
        }
        let top = messages.iter().map(|seen| seen.seq).max().unwrap_or_default();
        due.push((conversation, members, Seqs { starts, top }));
    }
    due
}

fn complete(
    id: SocketId,
    socket: &Socket<'_>,
    conversation: Uuid,
    (first_owed, last_owed): (Seq, Seq),
    verdict: &mut Verdict,
) {
    let events = socket.told.get(&conversation).map_or(&[][..], Vec::as_slice);
    let new = events.iter().filter(|event| event.what.kind.as_ref() == NEW);
    let seqs =
        || new.clone().filter_map(|event| Some((event.what.message.as_ref()?.seq, event.line)));
    verdict.checked += 1;
    if let Some((first, line)) = seqs().min()
        && first > first_owed
    {
        verdict.found(Kind::Skip, &[line], || {
            format!(
                "stock socket {id} was open before seq {first_owed} of {conversation} was asked for and began at {first}"
            )
        });
    }
    // A socket that was cut is owed nothing behind the cut.
    let last = seqs().max();
    if socket.closed.is_none() && last.is_none_or(|(last, _)| last < last_owed) {
        let lines: Vec<usize> = last.map(|(_, line)| line).into_iter().collect();
        verdict.found(Kind::Unseen, &lines, || {
            format!(
                "stock socket {id} stayed open and never got seq {last_owed} of {conversation}, its last was {}",
                last.map_or(0, |(last, _)| last)
            )
        });
    }
}
