//! G-20: with the registry away every message still reaches every socket of its members, and soon.

use std::collections::HashMap;

use uuid::Uuid;

use super::SECOND;
use super::Window;
use crate::checker::index::Index;
use crate::checker::verdict::{Guarantee, Kind, Verdict};
use crate::history::{Class, SocketId};

/// From the ack to each socket.
const PUSHED_IN: u64 = 10 * SECOND;
/// Time after the return in which routes are still being learned again.
const AFTER: u64 = 30 * SECOND;

pub(super) fn check(index: &Index<'_>) -> Verdict {
    let mut verdict = Verdict::new(Guarantee::RegistryAway);
    let windows = Window::all(index, |class| class == Class::Registry);
    if windows.is_empty() {
        return verdict;
    }
    // What else is broken at the time may delay a push: that is its own guarantee's matter.
    let lasting = |class| matches!(class, Class::Registry | Class::OwnExit | Class::Skew);
    let others = Window::all(index, |class| !lasting(class));
    let pushed = pushed(index);
    for places in index.clients.values() {
        let attempts: Vec<_> = places.iter().filter_map(|place| index.sends.get(*place)).collect();
        let Some(first) = attempts.first() else { continue };
        let acked = attempts.iter().filter_map(|send| Some((send, send.what.outcome.ok()?)));
        let Some((ack, seen)) = acked.min_by_key(|(send, _)| send.entry.end) else { continue };
        let at = ack.entry.end;
        let due = at + PUSHED_IN;
        let inside = |window: &Window<'_>| (window.from..window.to + AFTER).contains(&at);
        let Some(window) = windows.iter().find(|window| inside(window)) else { continue };
        if others.iter().any(|other| other.touches(first.entry.start, due, PUSHED_IN)) {
            continue;
        }
        let conversation = ack.what.request.conversation;
        for user in index.stay.get(&conversation).into_iter().flatten() {
            let started = first.entry.start;
            for (id, socket) in index.sockets.iter().filter(|(_, s)| s.user == Some(*user)) {
                let open = socket.opened.is_some_and(|opened| opened < started)
                    && socket.closed.is_none_or(|closed| closed.at > due);
                if !open {
                    continue;
                }
                verdict.checked += 1;
                match pushed.get(&(*id, seen.id)) {
                    Some(got) if *got <= due => {}
                    Some(got) => verdict.found(Kind::LatePush, &[window.line, ack.line], || {
                        let late = (got - at) as f64 / SECOND as f64;
                        format!("socket {id} got {} {late:.1} s after its ack", seen.id)
                    }),
                    None => verdict.found(Kind::Unseen, &[window.line, ack.line], || {
                        format!("socket {id} never got {}", seen.id)
                    }),
                }
            }
        }
    }
    verdict
}

fn pushed(index: &Index<'_>) -> HashMap<(SocketId, Uuid), u64> {
    let mut pushed = HashMap::new();
    for (id, socket) in &index.sockets {
        for event in socket.all().flat_map(|(_, events)| events) {
            if let Some(message) = &event.what.message {
                pushed.entry((*id, message.id)).or_insert(event.entry.end);
            }
        }
    }
    pushed
}
