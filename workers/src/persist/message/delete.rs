//! Taking a message back. A placeholder stays; text, metadata and history go, from the rows and from
//! every change that carried them (G-27).

use schemas::conversation::change::{Change, preview_of};
use schemas::conversation::effect::Effect;
use schemas::envelope::ConversationCommand;
use schemas::frame;
use schemas::message::command::Delete;
use schemas::message::placed::{Kind, Placed};
use schemas::message::table::MessageEdit;
use schemas::message::view::Message as View;
use schemas::pin::table::PinnedMessage;
use schemas::reaction::table::{Counts, ReactionCount};
use schemas::table::Write;
use schemas::{Code, Position, Timestamp};

use super::super::state::Conversation;
use super::super::{Outcome, Verdict, changed, refused};
use crate::fold::Item;

pub(in super::super) fn decide(
    state: &Conversation,
    item: &Item<ConversationCommand>,
    delete: &Delete,
) -> Verdict {
    state.actor(item.meta.actor)?;
    let message = state.message(&delete.target)?;
    if message.placed.sender != item.meta.actor {
        return refused(Code::Forbidden, "only its sender deletes a message");
    }
    if message.placed.deleted {
        return Ok(Outcome::Before(Some(message.placed.seq)));
    }
    let (rev, at) = state.next(item.appended_at);
    let view = super::view(message)?.deleted(rev, at);
    let effect = Effect::Deleted { placed: message.placed.clone(), preview: preview_of(&view) };
    Ok(changed(effect, view.encode()))
}

/// The row that is left.
fn left(placed: &Placed) -> Placed {
    Placed { revs: Vec::new(), pinned: None, deleted: true, ..placed.clone() }
}

pub(in super::super) fn evolve(state: &mut Conversation, change: &Change) {
    let Effect::Deleted { placed, preview } = &change.effect else { return };
    if let Some(head) = &mut state.head {
        if head.preview.as_ref().is_some_and(|last| last.id == placed.message) {
            head.preview = Some(preview.clone());
        }
        head.pins -= i64::from(placed.pinned.is_some());
    }
    state.counts.insert(placed.seq, Counts::new());
    super::replace(state, &left(placed), change);
}

pub(in super::super) fn rows(change: &Change) -> Vec<Write> {
    let Effect::Deleted { placed, .. } = &change.effect else { return Vec::new() };
    let (conversation, stamp) = (change.conversation, change.position.stamp());
    let mut rows = vec![
        Write::replace(&left(placed).row(conversation, change.frame.payload()), stamp),
        Write::delete(&ReactionCount::of(conversation, placed.seq, &Counts::new()), stamp),
    ];
    let edits = placed.revs.iter().filter(|carrier| carrier.kind == Kind::Edited);
    rows.extend(edits.map(|carrier| {
        let row = MessageEdit {
            conversation,
            seq: placed.seq,
            rev: carrier.rev,
            content: String::new(),
            edited_at: change.at,
        };
        Write::delete(&row, stamp)
    }));
    rows.extend(placed.pinned.map(|rev| {
        let row = PinnedMessage {
            conversation,
            rev,
            message: placed.message,
            seq: placed.seq,
            user: placed.sender,
            pinned_at: change.at,
        };
        Write::delete(&row, stamp)
    }));
    rows
}

/// The changes that carried its content, with the placeholder in its place: a resume shows no text
/// that was taken back.
pub(in super::super) fn redacts(change: &Change, placed: &Placed) -> Vec<Write> {
    let payload = change.frame.payload();
    let sent_at = serde_json::from_slice::<View<'_>>(&payload)
        .map_or_else(|_| Timestamp::default(), |view| view.created_at);
    placed
        .revs
        .iter()
        .map(|carrier| {
            let (kind, at) = match carrier.kind {
                Kind::Created => ("message.created", sent_at),
                Kind::Edited | Kind::Shown => ("message.updated", change.at),
            };
            let (rev, seq) = (carrier.rev, Some(placed.seq));
            let blank = Change {
                conversation: change.conversation,
                rev,
                position: Position {
                    epoch: carrier.stamp.epoch(),
                    offset: carrier.stamp.offset(),
                    ..change.position
                },
                command: carrier.command,
                at,
                once: None,
                frame: frame::event(kind, change.conversation, rev, seq, at, &payload),
                effect: Effect::Redacted { at },
            };
            Write::replace(&blank.row(), change.position.stamp())
        })
        .collect()
}
