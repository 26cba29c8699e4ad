//! Entries about conversations that a user is in from now on, or no more. Each names the change behind
//! it, so that a record that persist emitted again makes no second entry (HAZARDS 26).

use schemas::user::change::Effect;
use schemas::user::command::{ConversationAdded, ConversationRemoved};
use schemas::{ConversationId, Rev};
use serde::Serialize;
use serde_json::value::RawValue;

use super::state::User;
use super::{Outcome, changed, standing};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    conversation_id: ConversationId,
    rev: Rev,
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation: Option<&'a RawValue>,
}

impl Entry<'_> {
    fn json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("plain data serialises")
    }
}

/// Whether the change has made an entry, or the user is not there to have one.
fn is_old(state: &User, conversation: ConversationId, rev: Rev) -> bool {
    let source = state.sources.get(&conversation).copied().flatten();
    source.is_some_and(|last| last >= rev) || standing(state).is_err()
}

pub(super) fn added(state: &User, added: &ConversationAdded) -> Outcome {
    let (conversation, rev) = (added.conversation_id, added.rev);
    if is_old(state, conversation, rev) {
        return Outcome::Nothing;
    }
    let entry =
        Entry { conversation_id: conversation, rev, conversation: Some(&added.conversation) };
    changed(Effect::ConversationAdded { conversation, rev }, entry.json())
}

pub(super) fn removed(state: &User, removed: &ConversationRemoved) -> Outcome {
    let (conversation, rev) = (removed.conversation_id, removed.rev);
    if is_old(state, conversation, rev) {
        return Outcome::Nothing;
    }
    let entry = Entry { conversation_id: conversation, rev, conversation: None };
    changed(Effect::ConversationRemoved { conversation, rev }, entry.json())
}
