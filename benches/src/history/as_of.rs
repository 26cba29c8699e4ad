//! A history of a system that was put back to an earlier state.
//!
//! What was acknowledged before the state was taken must still be so. What was written between that and
//! the return may be there or not: nobody knows. What was read meanwhile says nothing about what is now.

use std::collections::BTreeMap;

use super::entry::{CUT, Entry, Op, Outcome, SocketId};

/// The history as it can be judged, if the system was put back at `back` to a state that was taken at
/// `taken` or later.
pub fn as_of(entries: Vec<Entry>, taken: u64, back: u64) -> Vec<Entry> {
    let mut kept = Vec::with_capacity(entries.len());
    let mut open: BTreeMap<SocketId, Entry> = BTreeMap::new();
    let mut after = Vec::new();
    for mut entry in entries {
        if entry.start >= back {
            after.push(entry);
        } else if entry.end < taken {
            match &entry.op {
                Op::SocketOpen(id, _) | Op::StockOpen(id, _) => {
                    drop(open.insert(*id, entry.clone()));
                }
                Op::SocketClose(id, _) => drop(open.remove(id)),
                _ => {}
            }
            kept.push(entry);
        } else if forget(&mut entry.op) {
            kept.push(entry);
        }
    }
    // Nobody listened any more from then on.
    for (id, opened) in open {
        let op = Op::SocketClose(id, Some(CUT));
        kept.push(Entry { start: taken, end: taken, op, ..opened });
    }
    kept.extend(after);
    kept
}

/// Makes what is no longer certain unknown; false: nothing is left of it.
fn forget(op: &mut Op) -> bool {
    let why = || "put back".to_owned();
    match op {
        Op::Send(attempt) => attempt.outcome = Outcome::Unknown(why()),
        Op::Act(act) => act.outcome = Outcome::Unknown(why()),
        Op::Create(opened) => opened.outcome = Outcome::Unknown(why()),
        Op::Fault(_) | Op::Audit(_) => {}
        Op::Page(_)
        | Op::Full(_)
        | Op::Get(_)
        | Op::SocketOpen(..)
        | Op::StockOpen(..)
        | Op::SocketClose(..)
        | Op::Live(_)
        | Op::Resume(_)
        | Op::Unread(_)
        | Op::Members(_)
        | Op::Probe(_) => return false,
    }
    true
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::entry::{Attempt, Request, Via};
    use super::*;

    fn entry(start: u64, end: u64, op: Op) -> Entry {
        Entry { process: 1, node: 0, start, end, op }
    }

    fn send(start: u64, end: u64) -> Entry {
        let (conversation, sender) = (Uuid::nil(), Uuid::nil());
        let request = Request { conversation, sender, client: "a".into(), body: 1 };
        let outcome = Outcome::Fail("said no".to_owned());
        entry(start, end, Op::Send(Attempt { request, via: Via::Rest, outcome, loss: None }))
    }

    #[test]
    fn what_ended_before_stands_what_was_written_then_is_unknown_what_was_read_then_is_gone() {
        let socket = |at, id| entry(at, at, Op::SocketOpen(id, Uuid::nil()));
        let close = |at, id| entry(at, at, Op::SocketClose(id, None));
        let all = vec![
            socket(1, 7),
            send(2, 9),
            send(8, 12),
            socket(13, 8),
            close(14, 7),
            send(15, 16),
            close(17, 8),
            send(20, 21),
        ];
        let found = as_of(all, 10, 20);
        let unknown = |entry: &Entry| match &entry.op {
            Op::Send(attempt) => matches!(attempt.outcome, Outcome::Unknown(_)),
            _ => false,
        };
        let shape: Vec<_> = found.iter().map(|e| (e.start, e.end, unknown(e))).collect();
        let expected = [
            (1, 1, false),
            (2, 9, false),
            (8, 12, true),
            (15, 16, true),
            (10, 10, false),
            (20, 21, false),
        ];
        assert_eq!(shape, expected);
        assert!(matches!(found[4].op, Op::SocketClose(7, Some(CUT))));
    }
}
