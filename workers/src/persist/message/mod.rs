//! Messages: send, edit, take back.

pub(super) mod delete;
pub(super) mod edit;
pub(super) mod send;

use schemas::conversation::change::Change as Changed;
use schemas::conversation::table::Change;
use schemas::message::command::Target;
use schemas::message::placed::{Carrier, Kind, Placed};
use schemas::message::table::{IdIndex, MessageBySeq};
use schemas::message::view::Message as View;
use schemas::table::Get;
use schemas::{ApiError, Code, ConversationId, limits};

use super::state::{Conversation, Message};
use crate::fold::Item;

/// Rows for a decision about a message.
pub(super) fn needs(state: &Conversation, key: ConversationId, target: &Target) -> Vec<Get> {
    let mut needs = vec![MessageBySeq::get(key, target.seq)];
    // A row of an earlier version does not say which change sent it: its index entry does, and that
    // change names its command.
    if state.message(target).is_ok_and(|message| message.is_unlisted()) {
        needs.push(IdIndex::get(target.message_id));
        let entry = state.index.get(&target.message_id).and_then(Option::as_ref);
        needs.extend(entry.map(|entry| Change::at(key, entry.rev)));
    }
    needs
}

/// The view that a row keeps.
pub(super) fn view(message: &Message) -> Result<View<'_>, ApiError> {
    serde_json::from_slice(&message.body)
        .map_err(|_| ApiError::new(Code::Internal, "the stored message can not be read"))
}

/// `placed` with one more change that carries its content; refused where there are too many of its
/// kind. Edits and pins have budgets of their own, and unpinning is never refused: nobody can use up
/// what is another's, and what is pinned can be unpinned.
pub(super) fn carried<C>(
    state: &Conversation,
    item: &Item<C>,
    placed: &Placed,
    kind: Kind,
) -> Result<Placed, ApiError> {
    let same = placed.revs.iter().filter(|carrier| carrier.kind == kind).count();
    let unpins = kind == Kind::Shown && placed.pinned.is_some();
    if same >= limits::MESSAGE_REVISIONS && !unpins {
        let why = "the message was edited, or pinned, as often as a message may be";
        return Err(ApiError::new(Code::Conflict, why));
    }
    let mut placed = placed.clone();
    let (rev, _) = state.next(item.appended_at);
    placed.revs.push(Carrier { rev, stamp: item.position.stamp(), command: item.meta.id, kind });
    Ok(placed)
}

/// Takes over what a change made of a message.
pub(super) fn replace(state: &mut Conversation, placed: &Placed, change: &Changed) {
    let message = Message { placed: placed.clone(), body: change.frame.payload() };
    state.messages.insert(placed.seq, Some(message));
}
