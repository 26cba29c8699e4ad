//! G-15: let R be the number of a removal. From its ack on no command of the removed user is applied, no
//! event above R reaches his sockets, and every read answers him as it answers a stranger; until he is
//! added again.

use std::collections::HashMap;

use schemas::Rev;
use uuid::Uuid;

use super::deeds::{Deeds, Matter, Request};
use super::index::Index;
use super::journal::Effect;
use super::verdict::{Guarantee, Kind, Verdict};
use crate::history::{Outcome, Probing};

/// A time in which somebody was no member.
#[derive(Clone, Debug)]
struct Absence {
    conversation: Uuid,
    user: Uuid,
    /// The removal.
    removed: Rev,
    request: Request,
    /// When it was acknowledged.
    acked: u64,
    /// The change that added him again, and when that was first asked for.
    added: Rev,
    again: u64,
}

pub(super) fn check(index: &Index<'_>, deeds: &Deeds<'_>) -> Option<Verdict> {
    let absences = absences(deeds);
    if absences.is_empty() {
        return None;
    }
    let mut verdict = Verdict::new(Guarantee::RemovalIsAWall);
    let strangers = strangers(index);
    for absence in &absences {
        raced(index, absence, &mut verdict);
        applied(deeds, absence, &mut verdict);
        pushed(index, absence, &mut verdict);
        read(index, absence, &strangers, &mut verdict);
        sent(index, absence, &mut verdict);
    }
    Some(verdict)
}

/// The times in which guests were away: the first request to remove one made the first change that did,
/// and so on, as nobody asks for the next thing before the last one is answered.
fn absences(deeds: &Deeds<'_>) -> Vec<Absence> {
    let mut absences = Vec::new();
    for ((conversation, effect), matter) in &deeds.matters {
        let Effect::Removed(user) = effect else { continue };
        let none = Matter::default();
        let adds = deeds.matter(*conversation, &Effect::Added(*user)).unwrap_or(&none);
        let possible = |matter: &Matter| -> Vec<Request> {
            matter.requests.iter().filter(|request| request.possible).cloned().collect()
        };
        let (removals, additions) = (possible(matter), possible(adds));
        if removals.len() != matter.made.len() || additions.len() != adds.made.len() {
            // Some had no effect, or it is not known which: G-01 and G-04 say whether that is right.
            continue;
        }
        for (request, (removed, _)) in removals.into_iter().zip(&matter.made) {
            let Some(acked) = request.acked else { continue };
            let next = adds.made.iter().zip(&additions).find(|((rev, _), _)| rev > removed);
            let (added, again) =
                next.map_or((Rev::MAX, u64::MAX), |((rev, _), addition)| (*rev, addition.start));
            absences.push(Absence {
                conversation: *conversation,
                user: *user,
                removed: *removed,
                request,
                acked,
                added,
                again,
            });
        }
    }
    absences
}

/// Whether anything of his was under way when he was removed: else it proves little.
fn raced(index: &Index<'_>, absence: &Absence, verdict: &mut Verdict) {
    let from = index.sends.partition_point(|send| {
        send.entry.start < absence.request.start.saturating_sub(super::fault::SECOND)
    });
    let meanwhile = index.sends.get(from..).unwrap_or_default();
    let meanwhile = meanwhile.iter().take_while(|send| send.entry.start < absence.acked);
    let hit = meanwhile
        .filter(|send| send.entry.end > absence.request.start)
        .filter(|send| send.what.request.conversation == absence.conversation)
        .any(|send| send.what.request.sender == absence.user);
    verdict.checked += u64::from(hit);
}

fn applied(deeds: &Deeds<'_>, absence: &Absence, verdict: &mut Verdict) {
    let Some(changes) = deeds.journal.by_conversation.get(&absence.conversation) else { return };
    let (after, before) = (absence.removed + 1, absence.added.max(absence.removed + 1));
    for (rev, change) in changes.range(after..before) {
        let sender = change.live.message.as_ref().filter(|_| change.kind() == "message.created");
        let own = sender.is_some_and(|seen| seen.sender == absence.user)
            || change.live.tells.reaction.as_ref().is_some_and(|r| r.user == absence.user);
        if own {
            verdict.found(Kind::ThroughTheWall, &[absence.request.line, change.line], || {
                format!(
                    "{} was removed from {} by rev {} and made rev {rev}",
                    absence.user, absence.conversation, absence.removed
                )
            });
        }
    }
}

fn pushed(index: &Index<'_>, absence: &Absence, verdict: &mut Verdict) {
    for (id, socket) in index.sockets.iter().filter(|(_, s)| s.user == Some(absence.user)) {
        let here = socket.all().filter(|(conversation, _)| **conversation == absence.conversation);
        for event in here.flat_map(|(_, events)| events) {
            let rev = event.what.rev;
            let behind = rev > absence.removed && rev < absence.added;
            if behind && event.entry.start < absence.again {
                verdict.found(Kind::ThroughTheWall, &[absence.request.line, event.line], || {
                    format!(
                        "{} was removed from {} by rev {}, and his socket {id} got rev {rev}",
                        absence.user, absence.conversation, absence.removed
                    )
                });
            }
        }
    }
}

/// What strangers are told by each path: codes.
fn strangers<'h>(index: &Index<'h>) -> HashMap<&'h str, &'h str> {
    let mut told = HashMap::new();
    for probe in &index.probes {
        if let (Probing::Wall, Outcome::Fail(code)) = (&probe.what.probing, &probe.what.outcome)
            && !index.stay.contains_key(&probe.what.conversation)
        {
            told.insert(probe.what.path.as_ref(), code.as_str());
        }
    }
    told
}

fn read(
    index: &Index<'_>,
    absence: &Absence,
    strangers: &HashMap<&str, &str>,
    verdict: &mut Verdict,
) {
    for probe in &index.probes {
        let of = (probe.what.conversation, probe.what.by) == (absence.conversation, absence.user);
        let inside = probe.entry.start > absence.acked && probe.entry.end < absence.again;
        if !of || !inside || probe.what.probing != Probing::Wall {
            continue;
        }
        let path = probe.what.path.as_ref();
        let lines = [absence.request.line, probe.line];
        match &probe.what.outcome {
            Outcome::Ok(_) => verdict.found(Kind::ThroughTheWall, &lines, || {
                format!(
                    "{} was removed from {} and reads {path}",
                    absence.user, absence.conversation
                )
            }),
            Outcome::Fail(code) => {
                if let Some(other) = strangers.get(path).filter(|other| **other != code.as_str()) {
                    verdict.found(Kind::ThroughTheWall, &lines, || {
                        format!("{path} tells one who was removed {code}, and a stranger {other}")
                    });
                }
            }
            Outcome::Unknown(_) => {}
        }
    }
}

/// Nothing that he sends is acknowledged, unless it is a message of before.
fn sent(index: &Index<'_>, absence: &Absence, verdict: &mut Verdict) {
    let from = index.sends.partition_point(|send| send.entry.start <= absence.acked);
    let later = index.sends.get(from..).unwrap_or_default();
    for send in later.iter().take_while(|send| send.entry.start < absence.again) {
        let request = &send.what.request;
        if request.sender != absence.user || request.conversation != absence.conversation {
            continue;
        }
        if let Outcome::Ok(seen) = &send.what.outcome
            && send.entry.end < absence.again
            && index.first_tried(absence.conversation, seen).is_none_or(|at| at > absence.acked)
        {
            verdict.found(Kind::ThroughTheWall, &[absence.request.line, send.line], || {
                format!("{} was removed and sent seq {}", absence.user, seen.seq)
            });
        }
    }
}
