//! Replacing the text of a message; the former one goes to its history.

use schemas::Code;
use schemas::conversation::change::{Change, preview_of};
use schemas::conversation::effect::Effect;
use schemas::envelope::ConversationCommand;
use schemas::message::command::Edit;
use schemas::message::placed::Kind;
use schemas::message::table::MessageEdit;
use schemas::table::Write;

use super::super::state::Conversation;
use super::super::{Outcome, Verdict, changed, refused};
use crate::fold::Item;

pub(in super::super) fn decide(
    state: &Conversation,
    item: &Item<ConversationCommand>,
    edit: &Edit,
) -> Verdict {
    state.speaker(item.meta.actor)?;
    let message = state.standing(&edit.target)?;
    if message.placed.sender != item.meta.actor {
        return refused(Code::Forbidden, "only its sender edits a message");
    }
    let view = super::view(message)?;
    if view.content == edit.content {
        return Ok(Outcome::Before(Some(message.placed.seq)));
    }
    let placed = super::carried(state, item, &message.placed, Kind::Edited)?;
    let (rev, at) = state.next(item.appended_at);
    let before = view.content.clone().into_owned();
    let view = view.edited(&edit.content, rev, at);
    let preview = Some(preview_of(&view));
    Ok(changed(Effect::Edited { placed, before, preview }, view.encode()))
}

pub(in super::super) fn evolve(state: &mut Conversation, change: &Change) {
    let Effect::Edited { placed, preview, .. } = &change.effect else { return };
    if let Some(head) = &mut state.head
        && head.preview.as_ref().is_some_and(|last| last.id == placed.message)
    {
        head.preview.clone_from(preview);
    }
    super::replace(state, placed, change);
}

pub(in super::super) fn rows(change: &Change) -> Vec<Write> {
    let Effect::Edited { placed, before, .. } = &change.effect else { return Vec::new() };
    let stamp = change.position.stamp();
    let former = MessageEdit {
        conversation: change.conversation,
        seq: placed.seq,
        rev: change.rev,
        content: before.clone(),
        edited_at: change.at,
    };
    vec![
        Write::replace(&placed.row(change.conversation, change.frame.payload()), stamp),
        Write::insert(&former, stamp),
    ]
}
