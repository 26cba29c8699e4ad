//! Messages: send, edit, take back.

pub(super) mod delete;
pub(super) mod edit;
pub(super) mod send;

use schemas::conversation::change::Change;
use schemas::message::command::Target;
use schemas::message::placed::{Carrier, Kind, Placed};
use schemas::message::table::MessageBySeq;
use schemas::message::view::Message as View;
use schemas::table::Get;
use schemas::{ApiError, Code, ConversationId, limits};

use super::state::{Conversation, Message};
use crate::fold::Item;

/// Rows for a decision about a message.
pub(super) fn needs(key: ConversationId, target: &Target) -> Vec<Get> {
    vec![MessageBySeq::get(key, target.seq)]
}

/// The view that a row keeps.
pub(super) fn view(message: &Message) -> Result<View<'_>, ApiError> {
    serde_json::from_slice(&message.body)
        .map_err(|_| ApiError::new(Code::Internal, "the stored message can not be read"))
}

/// `placed` with one more change that carries its content; refused where there are too many.
pub(super) fn carried<C>(
    state: &Conversation,
    item: &Item<C>,
    placed: &Placed,
    kind: Kind,
) -> Result<Placed, ApiError> {
    if placed.revs.len() >= limits::MESSAGE_REVISIONS {
        let why = "the message was edited and pinned as often as a message may be";
        return Err(ApiError::new(Code::Conflict, why));
    }
    let mut placed = placed.clone();
    let (rev, _) = state.next(item.appended_at);
    placed.revs.push(Carrier { rev, stamp: item.position.stamp(), command: item.meta.id, kind });
    Ok(placed)
}

/// Takes over what a change made of a message.
pub(super) fn replace(state: &mut Conversation, placed: &Placed, change: &Change) {
    let message = Message { placed: placed.clone(), body: change.frame.payload() };
    state.messages.insert(placed.seq, Some(message));
}
