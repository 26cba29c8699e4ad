//! G-01, G-03 and G-04 for every write that is not a send: what was acknowledged is in the journal, what
//! is in the journal was asked for and not refused, and no request has two effects.
//!
//! Answers to these writes show no number. So requests and changes are counted against each other, by
//! what they make: a text of a message, its end, a reaction of a user to it, a membership.

use std::collections::BTreeMap;

use schemas::Rev;
use uuid::Uuid;

use super::index::{At, Index};
use super::journal::{Effect, Journal};
use super::verdict::{Kind, Verdict};
use crate::history::{Act, Outcome, UNREACHABLE, What, body_of};

/// Everything that was asked for under one name.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) line: usize,
    /// When it was first asked for, and when nobody asked for it any more.
    pub(super) start: u64,
    pub(super) end: u64,
    /// When it was first acknowledged.
    pub(super) acked: Option<u64>,
    /// Whether it may have had an effect.
    pub(super) possible: bool,
    /// Attempts.
    pub(super) tries: u64,
}

/// A change that made something.
type Made = (Rev, usize);

/// Requests and changes of one thing.
#[derive(Debug, Default)]
pub(super) struct Matter {
    /// In the order in which they were first asked for.
    pub(super) requests: Vec<Request>,
    pub(super) made: Vec<Made>,
}

/// Requests and changes, by conversation and by what they make.
#[derive(Debug, Default)]
pub(super) struct Deeds<'h> {
    pub(super) matters: BTreeMap<(Uuid, Effect), Matter>,
    pub(super) journal: Journal<'h>,
}

/// What an act makes; none: nothing that a change tells.
fn effect(act: &Act) -> Option<Effect> {
    Some(match &act.what {
        What::Edit { message, body, .. } => Effect::Edited(*message, *body),
        What::Delete { message, .. } => Effect::Deleted(*message),
        What::React { message, emoji, added, .. } => Effect::Reacted {
            message: *message,
            user: act.by,
            emoji: body_of(emoji),
            added: *added,
        },
        What::Add { user } => Effect::Added(*user),
        What::Remove { user } | What::Leave { user } => Effect::Removed(*user),
        What::Pin { .. } | What::Read { .. } | What::Role { .. } => return None,
    })
}

impl<'h> Deeds<'h> {
    pub(super) fn of(index: &Index<'h>) -> Self {
        let mut deeds = Self { journal: Journal::of(index), ..Self::default() };
        let mut named: BTreeMap<(Uuid, Uuid, &str, Effect), Request> = BTreeMap::new();
        for act in &index.acts {
            let Some(effect) = effect(act.what) else { continue };
            let name = (act.what.conversation, act.what.by, act.what.key.as_ref(), effect);
            let request = named.entry(name).or_insert_with(|| Request::first(act));
            request.note(act);
        }
        for ((conversation, _, _, effect), request) in named {
            let matter = deeds.matters.entry((conversation, effect)).or_default();
            matter.requests.push(request);
        }
        for matter in deeds.matters.values_mut() {
            matter.requests.sort_by_key(|request| request.start);
        }
        for conversation in index.stay.keys() {
            for (rev, line, effect) in deeds.journal.effects(*conversation) {
                let matter = deeds.matters.entry((*conversation, effect)).or_default();
                matter.made.push((rev, line));
            }
        }
        deeds
    }

    /// Requests and changes of one thing.
    pub(super) fn matter(&self, conversation: Uuid, effect: &Effect) -> Option<&Matter> {
        self.matters.get(&(conversation, effect.clone()))
    }
}

impl Request {
    fn first(act: &At<'_, Act>) -> Self {
        Self {
            line: act.line,
            start: act.entry.start,
            end: act.entry.end,
            acked: None,
            possible: false,
            tries: 0,
        }
    }

    fn note(&mut self, act: &At<'_, Act>) {
        self.end = self.end.max(act.entry.end);
        self.tries += 1;
        match &act.what.outcome {
            Outcome::Ok(_) => {
                let at = act.entry.end;
                self.acked = Some(self.acked.map_or(at, |first| first.min(at)));
                self.possible = true;
            }
            Outcome::Fail(_) => {}
            Outcome::Unknown(_) => self.possible = true,
        }
    }
}

/// Of what was acknowledged, each thing was made; and where nothing came after it, it stands.
pub(super) fn durable(index: &Index<'_>, deeds: &Deeds<'_>, verdict: &mut Verdict) {
    for ((conversation, effect), matter) in &deeds.matters {
        if deeds.journal.whole(*conversation).is_none() {
            continue;
        }
        let Some(request) = matter.requests.iter().find(|request| request.acked.is_some()) else {
            continue;
        };
        verdict.checked += 1;
        if matter.made.is_empty() && !hidden(deeds, *conversation, effect) {
            verdict.found(Kind::LostWrite, &[request.line], || {
                format!("{effect:?} was acked in {conversation} and is no change of it")
            });
        }
        stands(deeds, *conversation, effect, verdict);
    }
    members(index, deeds, verdict);
}

/// Texts of a message that was deleted are not told any more.
fn hidden(deeds: &Deeds<'_>, conversation: Uuid, effect: &Effect) -> bool {
    let Effect::Edited(message, _) = effect else { return false };
    let gone = deeds.matter(conversation, &Effect::Deleted(*message));
    gone.is_some_and(|matter| !matter.made.is_empty())
}

/// What undoes a thing.
fn undone(effect: &Effect) -> Option<Effect> {
    Some(match effect {
        Effect::Reacted { message, user, emoji, added } => {
            Effect::Reacted { message: *message, user: *user, emoji: *emoji, added: !added }
        }
        Effect::Added(user) => Effect::Removed(*user),
        Effect::Removed(user) => Effect::Added(*user),
        Effect::Edited(..) | Effect::Deleted(_) => return None,
    })
}

/// Whether the last that was asked for is this thing, acknowledged, when all others had ended.
fn is_last(deeds: &Deeds<'_>, conversation: Uuid, effect: &Effect) -> Option<Request> {
    let other = deeds.matter(conversation, &undone(effect)?);
    let own = deeds.matter(conversation, effect)?;
    let last = own.requests.iter().rfind(|request| request.acked.is_some())?.clone();
    let mut others = own.requests.iter().chain(other.into_iter().flat_map(|o| &o.requests));
    let after = others
        .any(|request| request.possible && request.line != last.line && request.end >= last.start);
    (!after).then_some(last)
}

fn stands(deeds: &Deeds<'_>, conversation: Uuid, effect: &Effect, verdict: &mut Verdict) {
    let Some(last) = is_last(deeds, conversation, effect) else { return };
    let top = |effect: &Effect| {
        let matter = deeds.matter(conversation, effect);
        matter.and_then(|matter| matter.made.iter().max().copied())
    };
    let (own, other) = (top(effect), undone(effect).and_then(|other| top(&other)));
    verdict.checked += 1;
    if let Some((rev, line)) = other.filter(|other| own.is_none_or(|own| own.0 < other.0)) {
        verdict.found(Kind::LostWrite, &[last.line, line], || {
            format!(
                "{effect:?} was the last that was acked in {conversation}, and rev {rev} undid it"
            )
        });
    }
}

/// Who is in a group in the end.
fn members(index: &Index<'_>, deeds: &Deeds<'_>, verdict: &mut Verdict) {
    for read in &index.members {
        let Some(found) = read.what.outcome.ok() else { continue };
        let conversation = read.what.conversation;
        for user in index.stay.get(&conversation).into_iter().flatten() {
            verdict.checked += 1;
            if !found.contains_key(user) {
                verdict.found(Kind::LostWrite, &[read.line], || {
                    format!("{user} is no member of {conversation} any more")
                });
            }
        }
        for (of, effect) in deeds.matters.keys().filter(|(of, _)| *of == conversation) {
            let (user, inside) = match effect {
                Effect::Added(user) => (user, true),
                Effect::Removed(user) => (user, false),
                _ => continue,
            };
            let Some(last) = is_last(deeds, *of, effect) else { continue };
            verdict.checked += 1;
            if found.contains_key(user) != inside {
                verdict.found(Kind::LostWrite, &[last.line, read.line], || {
                    format!("{effect:?} was acked in {conversation}, and its members say otherwise")
                });
            }
        }
    }
}

/// Nothing is a change that nobody asked for, or whose every attempt was refused.
pub(super) fn refused(index: &Index<'_>, deeds: &Deeds<'_>, verdict: &mut Verdict) {
    let refused = index
        .acts
        .iter()
        .filter(|act| matches!(&act.what.outcome, Outcome::Fail(code) if code != UNREACHABLE));
    verdict.checked += u64::try_from(refused.count()).unwrap_or(u64::MAX);
    for ((conversation, effect), Matter { requests, made }) in &deeds.matters {
        let Some((rev, line)) = made.first() else { continue };
        let mut lines = vec![*line];
        lines.extend(requests.iter().map(|request| request.line));
        if requests.is_empty() {
            verdict.found(Kind::Phantom, &lines, || {
                format!("rev {rev} of {conversation} is {effect:?}, which nobody asked for")
            });
        } else if requests.iter().all(|request| !request.possible) {
            verdict.found(Kind::AbortedRead, &lines, || {
                format!("rev {rev} of {conversation} is {effect:?}, and every attempt was refused")
            });
        }
    }
}

/// No request has two effects.
pub(super) fn once(deeds: &Deeds<'_>, verdict: &mut Verdict) {
    for ((conversation, effect), Matter { requests, made }) in &deeds.matters {
        let retried = requests.iter().filter(|request| request.tries > 1).count();
        verdict.checked += u64::try_from(retried).unwrap_or(u64::MAX);
        let possible = requests.iter().filter(|request| request.possible).count();
        if made.len() > possible.max(1) {
            let lines: Vec<usize> = made.iter().map(|(_, line)| *line).collect();
            verdict.found(Kind::Duplicate, &lines, || {
                format!(
                    "{effect:?} was made {} times in {conversation} by {possible} requests",
                    made.len()
                )
            });
        }
    }
}
