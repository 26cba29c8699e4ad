//! A block between the two of a direct conversation. It may come before anybody has opened it: then a
//! head stands there that is nobody's, so that a later opening meets the block.

use schemas::conversation::change::Change;
use schemas::conversation::command::Block;
use schemas::conversation::effect::Effect;
use schemas::conversation::head::{Head, Kind, Members, Routing, Settings};
use schemas::conversation::view::Updated;
use schemas::envelope::ConversationCommand;
use schemas::{Code, ConversationId};

use super::state::Conversation;
use super::{Outcome, Verdict, changed, json, refused};
use crate::fold::Item;

pub(super) fn decide(
    state: &Conversation,
    key: ConversationId,
    item: &Item<ConversationCommand>,
    block: &Block,
) -> Verdict {
    if item.meta.actor != block.by || key != ConversationId::direct(block.by, block.other) {
        return refused(Code::Forbidden, "only one of the two blocks the other");
    }
    let mut by = state.head.as_ref().map_or_else(Members::default, |head| head.blocked_by.clone());
    if by.0.contains(&block.by) == block.blocked {
        return Ok(Outcome::Before(None));
    }
    if block.blocked {
        by.0.push(block.by);
        by.0.sort_unstable();
    } else {
        by.0.retain(|user| *user != block.by);
    }
    let (_, at) = state.next(item.appended_at);
    // Who has blocked whom is no part of what members are shown.
    let payload = Updated {
        id: key,
        kind: Kind::Direct,
        name: None,
        description: None,
        avatar_url: None,
        updated_at: at,
    };
    let payload = json(&payload);
    let unopened = state.head.is_none().then_some(block.other);
    Ok(changed(Effect::Blocked { unopened, by }, payload))
}

pub(super) fn evolve(state: &mut Conversation, change: &Change) {
    let Effect::Blocked { by, .. } = &change.effect else { return };
    let Some(first) = by.0.first().copied() else {
        if let Some(head) = &mut state.head {
            head.blocked_by = Members::default();
        }
        return;
    };
    let head = state.head.get_or_insert_with(|| Head {
        v: 1,
        kind: Kind::Direct,
        created_by: first,
        created_at: change.at,
        seq: 0,
        rev: change.rev,
        n: 0,
        last_at: change.at,
        member_count: 0,
        members: Members::default(),
        routing: Routing::Member,
        applied: change.position,
        preview: None,
        settings: Settings::default(),
        owner: None,
        admins: Members::default(),
        blocked_by: Members::default(),
        unopened: true,
        pins: 0,
        deleted_at: None,
    });
    head.blocked_by = by.clone();
}
