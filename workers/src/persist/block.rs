//! A block between the two of a direct conversation. It may come before anybody has opened it: then a
//! head stands there that is nobody's, so that a later opening meets the block.

use schemas::conversation::change::Change;
use schemas::conversation::command::Block;
use schemas::conversation::effect::Effect;
use schemas::conversation::head::{Head, Kind, Members, Routing, Settings};
use schemas::conversation::view::Updated;
use schemas::envelope::ConversationCommand;
use schemas::{Code, ConversationId, UserId};

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
    let mut told = state.head.as_ref().map_or_else(Vec::new, |head| head.blocks_told.clone());
    // Told again by a pool that was suspended, or after a crash: what came after it stands.
    if told.iter().any(|(user, rev)| *user == block.by && *rev >= block.rev && block.rev > 0) {
        return Ok(Outcome::Before(None));
    }
    told.retain(|(user, _)| *user != block.by);
    told.push((block.by, block.rev));
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
    // That something has happened is seen, as every rev is; who has blocked whom is not.
    let payload = Updated {
        id: key,
        kind: Kind::Direct,
        name: None,
        description: None,
        avatar_url: None,
        updated_at: at,
    };
    let payload = json(&payload);
    Ok(changed(Effect::Blocked { by, told }, payload))
}

pub(super) fn evolve(state: &mut Conversation, change: &Change) {
    let Effect::Blocked { by, told } = &change.effect else { return };
    let first = told.first().map_or(UserId(uuid::Uuid::nil()), |(user, _)| *user);
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
        blocks_told: Vec::new(),
        unopened: true,
        pins: 0,
        deleted_at: None,
    });
    head.blocked_by = by.clone();
    head.blocks_told.clone_from(told);
}
