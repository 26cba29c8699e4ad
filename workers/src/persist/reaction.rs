//! Reactions: an emoji of a member on a message, at most once.

use schemas::conversation::change::Change;
use schemas::conversation::effect::Effect;
use schemas::envelope::ConversationCommand;
use schemas::message::table::MessageBySeq;
use schemas::reaction::command::React;
use schemas::reaction::table::{Reaction, ReactionByUser, ReactionCount};
use schemas::reaction::view::Reacted;
use schemas::table::{Get, Write};
use schemas::user::view::Public;
use schemas::{Code, ConversationId, UserId, limits};

use super::state::Conversation;
use super::{Outcome, Verdict, changed, json, refused};
use crate::fold::Item;

pub(super) fn needs(key: ConversationId, actor: UserId, react: &React) -> Vec<Get> {
    let seq = react.target.seq;
    vec![
        MessageBySeq::get(key, seq),
        ReactionByUser::get(key, seq, actor, &react.emoji),
        ReactionCount::get(key, seq),
    ]
}

pub(super) fn decide(
    state: &Conversation,
    item: &Item<ConversationCommand>,
    react: &React,
) -> Verdict {
    let actor = item.meta.actor;
    if react.added {
        state.speaker(actor)?;
    } else {
        state.actor(actor)?;
    }
    let seq = state.standing(&react.target)?.placed.seq;
    if react.user.id != actor {
        return refused(Code::Forbidden, "the reaction is not the caller's");
    }
    let own = (seq, actor, react.emoji.clone());
    let stands = state.reactions.get(&own).copied().flatten();
    let mut counts = state.counts.get(&seq).cloned().unwrap_or_default();
    match (react.added, stands) {
        (true, Some(_)) => return Ok(Outcome::Before(Some(seq))),
        (false, None) => return refused(Code::NotFound, "there is no such reaction of yours"),
        (true, None) => {
            let others = counts.len();
            let count = counts.entry(react.emoji.clone()).or_insert(0);
            if *count == 0 && others >= limits::REACTION_EMOJI {
                return refused(Code::Conflict, "a message carries at most 30 different emoji");
            }
            *count += 1;
        }
        (false, Some(_)) => {
            let left = counts.get(&react.emoji).copied().unwrap_or(0) - 1;
            if left > 0 {
                counts.insert(react.emoji.clone(), left);
            } else {
                counts.remove(&react.emoji);
            }
        }
    }
    let payload = Reacted {
        message_id: react.target.message_id,
        user_id: actor,
        emoji: react.emoji.as_str().into(),
        added: react.added,
        counts: counts.clone(),
        user: Public::of(&react.user),
    };
    let payload = json(&payload);
    let effect =
        Effect::Reaction { seq, user: actor, emoji: react.emoji.clone(), removed: stands, counts };
    Ok(changed(effect, payload))
}

pub(super) fn evolve(state: &mut Conversation, change: &Change) {
    let Effect::Reaction { seq, user, emoji, removed, counts } = &change.effect else { return };
    let stands = removed.is_none().then_some(change.rev);
    state.reactions.insert((*seq, *user, emoji.clone()), stands);
    state.counts.insert(*seq, counts.clone());
}

pub(super) fn rows(change: &Change) -> Vec<Write> {
    let Effect::Reaction { seq, user, emoji, removed, counts } = &change.effect else {
        return Vec::new();
    };
    let (conversation, stamp) = (change.conversation, change.position.stamp());
    let reaction = Reaction {
        conversation,
        seq: *seq,
        rev: removed.unwrap_or(change.rev),
        user: *user,
        emoji: emoji.clone(),
        created_at: change.at,
    };
    let by_user = ReactionByUser {
        conversation,
        seq: *seq,
        user: *user,
        emoji: emoji.clone(),
        rev: change.rev,
    };
    let counts = Write::replace(&ReactionCount::of(conversation, *seq, counts), stamp);
    if removed.is_some() {
        vec![Write::delete(&reaction, stamp), Write::delete(&by_user, stamp), counts]
    } else {
        vec![Write::insert(&reaction, stamp), Write::replace(&by_user, stamp), counts]
    }
}
