//! Sending a message.

use bytes::Bytes;
use schemas::conversation::change::{Change, Effect, preview_of};
use schemas::envelope::ConversationCommand;
use schemas::frame;
use schemas::member::table::MembershipByUser;
use schemas::message::command::Send;
use schemas::message::table::{IdIndex, MessageBySeq, bucket};
use schemas::message::view::Message;
use schemas::outbound::Before;
use schemas::table::{Get, Write};
use schemas::{ApiError, Code, ConversationId, UserId};

use super::state::{Conversation, not_member};
use crate::fold::{Decision, Item};

pub(super) fn needs(key: ConversationId, actor: UserId, send: &Send) -> Vec<Get> {
    let mut needs = vec![MembershipByUser::get(actor, key)];
    // A fresh id of the server's own was never used.
    if send.retryable {
        needs.push(IdIndex::get(send.message_id));
    }
    needs
}

pub(super) fn decide(
    state: &Conversation,
    key: ConversationId,
    item: &Item<ConversationCommand>,
    send: &Send,
) -> Decision<Change> {
    let body_hash = send.body_hash();
    // Before membership: a retry answers with the first outcome even after leaving (G-04).
    if let Some(Some(entry)) = state.index.get(&send.message_id) {
        return if entry.body_hash.as_ref() == body_hash {
            Decision::Before(Before { conversation: key, seq: Some(entry.seq) })
        } else {
            Decision::Rejected(ApiError::new(
                Code::IdempotencyMismatch,
                "this client id was used for another message",
            ))
        };
    }
    let actor = item.meta.actor;
    let (Some(head), Some(member)) = (&state.head, state.member(actor)) else {
        return Decision::Rejected(not_member(key));
    };
    if send.sender.id != actor || send.conversation_id != key {
        return Decision::Rejected(ApiError::new(Code::Forbidden, "the sender is not the caller"));
    }
    let (rev, at) = state.next(item.appended_at);
    let (seq, n) = (head.seq + 1, head.n + 1);
    let view = Message::sent(send, seq, rev, at);
    let mut sender = member.clone();
    sender.sent_seq = seq;
    sender.sent_n = n;
    let effect = Effect::Message {
        message: send.message_id,
        seq,
        n,
        body_hash,
        sender,
        preview: Some(preview_of(&view)),
    };
    Decision::Change(Box::new(Change {
        conversation: key,
        rev,
        position: item.position,
        command: item.meta.id,
        at,
        frame: frame::event(effect.kind(), key, rev, Some(seq), at, &view.encode()),
        effect,
    }))
}

pub(super) fn evolve(state: &mut Conversation, change: &Change) {
    let Effect::Message { message, seq, n, body_hash, sender, preview } = &change.effect else {
        return;
    };
    if let Some(head) = &mut state.head {
        head.seq = *seq;
        head.n = *n;
        head.preview.clone_from(preview);
    }
    state.members.insert(sender.user, Some(sender.clone()));
    if let Some(entry) = state.index.get_mut(message) {
        *entry =
            Some(super::state::Entry { seq: *seq, body_hash: Bytes::copy_from_slice(body_hash) });
    }
}

pub(super) fn rows(change: &Change) -> Vec<Write> {
    let Effect::Message { message, seq, n, body_hash, sender, .. } = &change.effect else {
        return Vec::new();
    };
    let stamp = change.position.stamp();
    let row = MessageBySeq {
        conversation: change.conversation,
        bucket: bucket(*seq),
        seq: *seq,
        message: *message,
        sender: sender.user,
        n: *n,
        body: change.frame.payload(),
    };
    let index = IdIndex {
        message: *message,
        conversation: change.conversation,
        seq: *seq,
        rev: change.rev,
        position: stamp.0,
        body_hash: Bytes::copy_from_slice(body_hash),
    };
    vec![
        Write::insert(&row, stamp),
        Write::insert(&index, stamp),
        Write::replace(&MembershipByUser::of(sender), stamp),
    ]
}
