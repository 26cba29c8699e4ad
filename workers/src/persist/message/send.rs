//! Sending a message.

use bytes::Bytes;
use schemas::conversation::change::{Change, preview_of};
use schemas::conversation::effect::Effect;
use schemas::conversation::head::Kind;
use schemas::envelope::ConversationCommand;
use schemas::member::Role;
use schemas::member::table::SentMark;
use schemas::message::command::{Send, Target};
use schemas::message::placed::{self, Carrier, Placed};
use schemas::message::table::{IdIndex, MessageBySeq, Reply};
use schemas::message::view::Message as View;
use schemas::table::{Get, Write};
use schemas::{Code, ConversationId};

use super::super::state::{Conversation, Entry};
use super::super::{Outcome, Verdict, changed, refused};
use crate::fold::Item;

pub(in super::super) fn needs(
    key: ConversationId,
    item: &Item<ConversationCommand>,
    send: &Send,
) -> Vec<Get> {
    let mut needs = Vec::with_capacity(3);
    // A fresh id of the server's own was never used, unless the record is a dead letter's.
    if send.retryable || item.meta.once.is_some() {
        needs.push(IdIndex::get(send.message_id));
    }
    needs.extend(send.reply_to.map(|reply| MessageBySeq::get(key, reply.seq)));
    needs
}

pub(in super::super) fn decide(
    state: &Conversation,
    key: ConversationId,
    item: &Item<ConversationCommand>,
    send: &Send,
) -> Verdict {
    let body_hash = send.body_hash();
    // Before membership: a retry answers with the first outcome even after leaving (G-04).
    if let Some(Some(entry)) = state.index.get(&send.message_id) {
        if entry.body_hash.as_ref() == body_hash {
            return Ok(Outcome::Before(Some(entry.seq)));
        }
        return refused(Code::IdempotencyMismatch, "this client id was used for another message");
    }
    let actor = item.meta.actor;
    let (head, member) = state.speaker(actor)?;
    if send.sender.id != actor || send.conversation_id != key {
        return refused(Code::Forbidden, "the sender is not the caller");
    }
    if head.kind == Kind::Channel && member.role < Role::Moderator {
        return refused(Code::Forbidden, "only its moderators write in a channel");
    }
    if let Some(reply) = send.reply_to {
        let target = Target { conversation_id: key, message_id: reply.id, seq: reply.seq };
        state.standing(&target)?;
    }
    let (rev, at) = state.next(item.appended_at);
    let (seq, n) = (head.seq + 1, head.n + 1);
    let view = View::sent(send, seq, rev, at);
    let mut sender = member.clone();
    sender.sent_seq = seq;
    sender.sent_n = n;
    let effect = Effect::Message {
        message: send.message_id,
        seq,
        n,
        body_hash,
        sender,
        reply: send.reply_to.map(|reply| reply.seq),
        preview: Some(preview_of(&view)),
    };
    Ok(changed(effect, view.encode()))
}

pub(in super::super) fn evolve(state: &mut Conversation, change: &Change) {
    let Effect::Message { message, seq, n, body_hash, preview, .. } = &change.effect else {
        return;
    };
    if let Some(head) = &mut state.head {
        head.seq = *seq;
        head.n = *n;
        head.preview.clone_from(preview);
    }
    if let Some(entry) = state.index.get_mut(message) {
        let body_hash = Bytes::copy_from_slice(body_hash);
        *entry = Some(Entry { seq: *seq, rev: change.rev, body_hash });
    }
    if state.messages.contains_key(seq)
        && let Some(placed) = placed(change)
    {
        super::replace(state, &placed, change);
    }
}

/// The row of a message that was just sent, but its view.
fn placed(change: &Change) -> Option<Placed> {
    let Effect::Message { message, seq, n, sender, .. } = &change.effect else { return None };
    Some(Placed {
        message: *message,
        seq: *seq,
        sender: sender.user,
        n: *n,
        revs: vec![Carrier {
            rev: change.rev,
            stamp: change.position.stamp(),
            command: change.command,
            kind: placed::Kind::Created,
        }],
        pinned: None,
        deleted: false,
    })
}

pub(in super::super) fn rows(change: &Change) -> Vec<Write> {
    let Effect::Message { message, seq, body_hash, sender, reply, .. } = &change.effect else {
        return Vec::new();
    };
    let Some(placed) = placed(change) else { return Vec::new() };
    let stamp = change.position.stamp();
    let index = IdIndex {
        message: *message,
        conversation: change.conversation,
        seq: *seq,
        rev: change.rev,
        position: stamp.0,
        body_hash: Bytes::copy_from_slice(body_hash),
    };
    let mut rows = vec![
        Write::insert(&placed.row(change.conversation, change.frame.payload()), stamp),
        Write::insert(&index, stamp),
        Write::replace(&SentMark::of(sender), stamp),
    ];
    rows.extend(reply.map(|root| {
        let row = Reply { conversation: change.conversation, root, seq: *seq, message: *message };
        Write::insert(&row, stamp)
    }));
    rows
}
