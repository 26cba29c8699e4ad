//! G-22: processes that are asked to end drain in time, tell their sockets to come back, and no client
//! loses anything by it: every request succeeds, at the latest when it is tried again, and every
//! message is seen, over a socket or by reading what was missed.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use schemas::Seq;
use uuid::Uuid;

use super::SECOND;
use super::window::Demand;
use super::{Demands, Window};
use crate::checker::index::Index;
use crate::checker::verdict::{Guarantee, Kind, Verdict};
use crate::history::{CUT, Class, Outcome, Process};

/// Longest drain, ms.
const DRAINED_IN: u64 = 20_000;
/// A restart ends some time before what it has caused.
const AFTER: u64 = 5 * SECOND;
/// How long a client tries before its failure is the server's.
const PATIENT: u64 = 10 * SECOND;
/// Codes of refusals that the workload provokes on purpose.
const PROVOKED: [&str; 5] =
    ["not_member", "validation_failed", "empty_message", "idempotency_mismatch", "too_large"];

pub(super) fn check(index: &Index<'_>, demands: &Demands) -> Verdict {
    let mut verdict = Verdict::new(Guarantee::RollingRestart);
    let windows = Window::all(index, |class| class == Class::Rolling);
    for window in &windows {
        drained(window, &mut verdict);
        closed(index, window, &mut verdict);
    }
    let within = |from, to| windows.iter().any(|window| window.touches(from, to, AFTER));
    for demand in demands.0.iter().filter(|demand| within(demand.from, demand.to)) {
        healed(index, demand, &mut verdict);
    }
    refusals(index, &windows, &mut verdict);
    missed(index, &mut verdict);
    verdict
}

fn drained(window: &Window<'_>, verdict: &mut Verdict) {
    verdict.checked += 1;
    let good = window.fault.exit.is_some_and(|exit| exit.code == Some(0) && exit.ms <= DRAINED_IN);
    if !good {
        verdict.found(Kind::SlowDrain, &[window.line], || {
            format!("{}: it ended with {:?}", window.fault.kind, window.fault.exit)
        });
    }
}

/// The sockets of the node that ended.
fn closed(index: &Index<'_>, window: &Window<'_>, verdict: &mut Verdict) {
    let Some(node) = window.fault.sockets else { return };
    for (id, socket) in index.sockets.iter().filter(|(_, socket)| socket.node == node) {
        let Some(closed) = socket.closed else { continue };
        let own = closed.code == Some(CUT);
        if socket.opened.is_none() || own || !(window.from..window.to).contains(&closed.at) {
            continue;
        }
        verdict.checked += 1;
        if !closed.code.is_some_and(|code| matches!(code, 1001 | 1012 | 1013 | 4500..=4599)) {
            verdict.found(Kind::BadClose, &[window.line, closed.line], || {
                format!("{}: socket {id} was closed with {:?}", window.fault.kind, closed.code)
            });
        }
    }
}

fn healed(index: &Index<'_>, demand: &Demand, verdict: &mut Verdict) {
    verdict.checked += 1;
    // A client that did not try again for a while says nothing about what a retry would have done.
    if demand.acked || demand.to - demand.from < PATIENT {
        return;
    }
    let Some(first) = index.sends.iter().find(|send| send.line == demand.line) else { return };
    let request = &first.what.request;
    let key = (request.sender, request.conversation, request.client.as_ref());
    let same = index.clients.get(&key).into_iter().flatten();
    let mut outcomes = same
        .filter_map(|place| index.sends.get(*place))
        .filter(|send| send.what.request.body == request.body)
        .map(|send| &send.what.outcome);
    // Acknowledged at another time, or refused for a reason that the workload gave.
    let settled = outcomes.any(|outcome| match outcome {
        Outcome::Ok(_) => true,
        Outcome::Fail(code) => PROVOKED.contains(&code.as_str()),
        Outcome::Unknown(_) => false,
    });
    if !settled {
        verdict.found(Kind::Unhealed, &[demand.line], || {
            format!("no try of {} was acknowledged", request.client)
        });
    }
}

/// A refusal for good that nobody asked for: a retry would not heal it.
fn refusals(index: &Index<'_>, windows: &[Window<'_>], verdict: &mut Verdict) {
    for send in &index.sends {
        let Outcome::Fail(code) = &send.what.outcome else { continue };
        let request = &send.what.request;
        let at = send.entry.end;
        if !windows.iter().any(|window| window.touches(at, at, AFTER)) {
            continue;
        }
        let is_member = index.stays(request.sender, request.conversation);
        let wrong = match code.as_str() {
            "not_member" => is_member,
            code => !PROVOKED.contains(&code) && !crate::workload::retryable(code),
        };
        if wrong {
            verdict.found(Kind::Unserved, &[send.line], || format!("a send was refused: {code}"));
        }
    }
}

/// What each client saw of each conversation, over all its sockets and catch-ups, against what
/// stands in the end. Only clients that stay are held to it.
fn missed(index: &Index<'_>, verdict: &mut Verdict) {
    type Saw = BTreeMap<Uuid, BTreeSet<Seq>>;
    let mut clients: HashMap<Process, (Uuid, u64, bool, Saw)> = HashMap::new();
    for socket in index.sockets.values() {
        let Some((user, opened)) = socket.user.zip(socket.opened) else { continue };
        let client =
            clients.entry(socket.process).or_insert_with(|| (user, opened, false, Saw::new()));
        client.1 = client.1.min(opened);
        client.2 |= socket.closed.is_none();
        for (conversation, events) in socket.all() {
            let seqs = events.iter().filter_map(|event| Some(event.what.message.as_ref()?.seq));
            client.3.entry(*conversation).or_default().extend(seqs);
        }
    }
    for page in &index.pages {
        let Some(client) = clients.get_mut(&page.entry.process) else { continue };
        let seqs = page.what.outcome.ok().into_iter().flatten().map(|seen| seen.seq);
        client.3.entry(page.what.conversation).or_default().extend(seqs);
    }
    // Without catch-up a client that reconnects misses what the plan lets it miss.
    let reads = index.pages.iter().any(|page| clients.contains_key(&page.entry.process));
    let resumes = index.sockets.values().any(|socket| socket.resume.is_some());
    if !reads && !resumes {
        return;
    }
    for (conversation, members) in &index.stay {
        let Some((line, messages)) = index.full(*conversation).next() else { continue };
        for (user, opened, stays, saw) in clients.values() {
            if !stays || !members.contains(user) {
                continue;
            }
            let saw = saw.get(conversation);
            for seen in messages {
                let owed = index.first_tried(*conversation, seen).is_some_and(|at| at > *opened);
                if owed && saw.is_none_or(|saw| !saw.contains(&seen.seq)) {
                    verdict.found(Kind::Missed, &[line], || {
                        format!("a client of {user} never saw seq {} of {conversation}", seen.seq)
                    });
                }
            }
            verdict.checked += 1;
        }
    }
}
