//! Whom a user has blocked. The block is his; the direct conversation of the two learns it by a command
//! of its own, so that its fold needs no fact from elsewhere, and gives the answer.

use schemas::conversation::command::Block as ToConversation;
use schemas::envelope::{self, ConversationCommand, UserCommand};
use schemas::table::Write;
use schemas::topic::COMMANDS;
use schemas::user::change::{Change, Effect};
use schemas::user::command::{Block, Unblock};
use schemas::user::table::Block as Row;
use schemas::{ApiError, Code, ConversationId, InstanceId, UserId};
use serde::Serialize;

use super::state::User;
use super::{Verdict, changed, standing, updated};
use crate::fold::{Emit, Item};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    user_id: UserId,
    blocked: bool,
}

pub(super) fn block(state: &User, key: UserId, item: &Item<UserCommand>, block: &Block) -> Verdict {
    let head = standing(state)?;
    if block.other == key {
        return Err(ApiError::invalid(vec!["nobody blocks himself".to_owned()]));
    }
    if state.blocks.get(&block.other).is_some_and(Option::is_some) {
        return Err(ApiError::new(Code::Conflict, "this user is blocked already"));
    }
    let row = Row {
        user: key,
        other: block.other,
        reason: block.reason.clone(),
        report: block.report.clone(),
        created_at: head.last_at.max(item.appended_at),
    };
    let entry = updated("blocked", &Entry { user_id: block.other, blocked: true });
    Ok(changed(Effect::Blocked { row }, entry))
}

pub(super) fn unblock(state: &User, unblock: &Unblock) -> Verdict {
    standing(state)?;
    let other = unblock.other;
    if state.blocks.get(&other).is_none_or(Option::is_none) {
        return Err(ApiError::new(Code::NotFound, "this user is not blocked"));
    }
    let entry = updated("blocked", &Entry { user_id: other, blocked: false });
    Ok(changed(Effect::Unblocked { other }, entry))
}

pub(super) fn rows_of_unblocked(change: &Change, other: UserId) -> Vec<Write> {
    let row = Row { user: change.user, other, reason: None, report: None, created_at: change.at };
    vec![Write::delete(&row, change.position.stamp())]
}

/// The command to the conversation of the two: the same request, so that its answer is the answer.
pub(super) fn tell(
    change: &Change,
    other: UserId,
    blocked: bool,
    reply_to: Option<InstanceId>,
) -> Emit {
    let conversation = ConversationId::direct(change.user, other);
    let meta = envelope::Meta {
        id: change.command,
        actor: change.user,
        at: change.at,
        reply_to,
        trace: None,
        once: None,
    };
    let command = ConversationCommand::Block(ToConversation {
        conversation_id: conversation,
        by: change.user,
        other,
        blocked,
        rev: change.rev,
    });
    Emit::Record {
        topic: &COMMANDS,
        key: conversation.to_string().into(),
        headers: Vec::new(),
        value: envelope::encode(&meta, &command)
            .expect("a few ids are far below the largest record"),
    }
}
