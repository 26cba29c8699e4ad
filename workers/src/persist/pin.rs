//! Pinning a message for all members.

use schemas::conversation::change::Change;
use schemas::conversation::effect::Effect;
use schemas::envelope::ConversationCommand;
use schemas::message::command::Pin;
use schemas::message::placed::Kind;
use schemas::pin::table::PinnedMessage;
use schemas::table::Write;
use schemas::{Code, limits};

use super::state::Conversation;
use super::{Outcome, Verdict, changed, message, refused};
use crate::fold::Item;

pub(super) fn decide(state: &Conversation, item: &Item<ConversationCommand>, pin: &Pin) -> Verdict {
    let (head, _) = state.speaker(item.meta.actor)?;
    let stands = state.standing(&pin.target)?;
    let unpinned = match (pin.pinned, stands.placed.pinned) {
        (true, Some(_)) => return Ok(Outcome::Before(Some(stands.placed.seq))),
        (false, None) => return refused(Code::NotFound, "the message is not pinned"),
        (true, None) if head.pins >= limits::PINS => {
            return refused(Code::Conflict, "a conversation has at most 100 pinned messages");
        }
        (_, pinned) => pinned,
    };
    let (rev, at) = state.next(item.appended_at);
    let mut placed = message::carried(state, item, &stands.placed, Kind::Shown)?;
    placed.pinned = pin.pinned.then_some(rev);
    let by = pin.signed.then_some(item.meta.actor);
    let view = message::view(stands)?.pinned(pin.pinned, by, rev, at);
    let effect = Effect::Pinned { placed, by: item.meta.actor, unpinned };
    Ok(changed(effect, view.encode()))
}

pub(super) fn evolve(state: &mut Conversation, change: &Change) {
    let Effect::Pinned { placed, .. } = &change.effect else { return };
    if let Some(head) = &mut state.head {
        head.pins += if placed.pinned.is_some() { 1 } else { -1 };
    }
    message::replace(state, placed, change);
}

pub(super) fn rows(change: &Change) -> Vec<Write> {
    let Effect::Pinned { placed, by, unpinned } = &change.effect else { return Vec::new() };
    let stamp = change.position.stamp();
    let pin = PinnedMessage {
        conversation: change.conversation,
        rev: unpinned.unwrap_or(change.rev),
        message: placed.message,
        seq: placed.seq,
        user: *by,
        pinned_at: change.at,
    };
    vec![
        Write::replace(&placed.row(change.conversation, change.frame.payload()), stamp),
        if unpinned.is_some() { Write::delete(&pin, stamp) } else { Write::insert(&pin, stamp) },
    ]
}
