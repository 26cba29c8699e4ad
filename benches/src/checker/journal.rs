//! What happened in each conversation, change by change, as far as anybody was told: put together from
//! all sockets, live and resumed. Nothing is judged here.

use std::collections::{BTreeMap, HashMap};

use schemas::{Rev, Seq};
use uuid::Uuid;

use super::index::Index;
use crate::history::{Form, Live};

/// One change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Change<'h> {
    pub(super) line: usize,
    pub(super) live: &'h Live,
}

impl<'h> Change<'h> {
    pub(super) fn kind(&self) -> &'h str {
        self.live.kind.as_ref()
    }

    /// Whether the placeholder of a message is in the place of its content.
    fn is_blanked(&self) -> bool {
        let gone = self.live.message.as_ref().is_some_and(|seen| seen.form == Form::Deleted);
        gone && self.kind() != "message.deleted"
    }
}

/// What an act makes of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Effect {
    /// A message has this text.
    Edited(Uuid, u64),
    /// A message is gone.
    Deleted(Uuid),
    /// A reaction of a user to a message was added, or taken back.
    Reacted { message: Uuid, user: Uuid, emoji: u64, added: bool },
    /// A user is a member.
    Added(Uuid),
    /// A user is none any more.
    Removed(Uuid),
}

/// All changes of the conversations that were opened in this history.
#[derive(Debug, Default)]
pub(super) struct Journal<'h> {
    pub(super) by_conversation: BTreeMap<Uuid, BTreeMap<Rev, Change<'h>>>,
    /// The number of the last change that anybody knows.
    pub(super) top: HashMap<Uuid, Rev>,
}

impl<'h> Journal<'h> {
    pub(super) fn of(index: &Index<'h>) -> Self {
        let mut journal = Self::default();
        for socket in index.sockets.values() {
            for (conversation, events) in &socket.events {
                if !index.stay.contains_key(conversation) {
                    continue;
                }
                let known = journal.by_conversation.entry(*conversation).or_default();
                for event in events {
                    let change = Change { line: event.line, live: event.what };
                    let place = known.entry(event.what.rev).or_insert(change);
                    // Whoever was told in time knows more.
                    if place.is_blanked() && !change.is_blanked() {
                        *place = change;
                    }
                }
            }
        }
        for (conversation, revs) in index.revs() {
            if let Some((rev, _)) = revs.last_key_value() {
                journal.top.insert(conversation, *rev);
            }
        }
        journal
    }

    /// The changes of a conversation, if each of them is known.
    pub(super) fn whole(&self, conversation: Uuid) -> Option<&BTreeMap<Rev, Change<'h>>> {
        let known = self.by_conversation.get(&conversation)?;
        let top = self.top.get(&conversation)?;
        let all = i64::try_from(known.len()).ok()?;
        (known.contains_key(&1) && known.contains_key(top) && all == *top).then_some(known)
    }

    /// What the changes of a conversation have made of it, in their order; of a change whose text is
    /// blanked it is not known which text it gave.
    pub(super) fn effects(&self, conversation: Uuid) -> Vec<(Rev, usize, Effect)> {
        let mut effects = Vec::new();
        let mut bodies: HashMap<Seq, u64> = HashMap::new();
        for (rev, change) in self.by_conversation.get(&conversation).into_iter().flatten() {
            let mut push = |effect| effects.push((*rev, change.line, effect));
            let tells = &change.live.tells;
            match (change.kind(), &change.live.message, &tells.reaction) {
                ("message.created", Some(seen), _) if !change.is_blanked() => {
                    bodies.insert(seen.seq, seen.body);
                }
                // With the same text it is shown again: pinned, or no more.
                ("message.updated", Some(seen), _)
                    if !change.is_blanked()
                        && bodies.insert(seen.seq, seen.body) != Some(seen.body) =>
                {
                    push(Effect::Edited(seen.id, seen.body));
                }
                ("message.deleted", Some(seen), _) => push(Effect::Deleted(seen.id)),
                ("message.reaction", _, Some(reaction)) => push(Effect::Reacted {
                    message: reaction.message,
                    user: reaction.user,
                    emoji: crate::history::body_of(&reaction.emoji),
                    added: reaction.added,
                }),
                // The first one begins the conversation.
                ("member.added", ..) if *rev > 1 => {
                    tells.members.iter().for_each(|user| push(Effect::Added(*user)));
                }
                ("member.removed", ..) => {
                    tells.members.iter().for_each(|user| push(Effect::Removed(*user)));
                }
                _ => {}
            }
        }
        effects
    }
}
