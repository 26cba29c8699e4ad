//! A message as an answer shows it: the view that the fold made, byte for byte, and behind its last
//! field what only a reader asks for: `reactions`, `reactionCounts`, `replyTo`. Towards its own sender
//! `status` says how far the others have come.
//!
//! Stored bytes are spliced. Only a view whose status changes is taken apart and put together again,
//! field by field, each as it was written.

use std::borrow::Cow;
use std::collections::HashMap;

use bytes::Bytes;
use schemas::message::table::MessageBySeq;
use schemas::message::view::Message;
use schemas::reaction::table::Reaction as ReactionRow;
use schemas::reaction::view::Reaction;
use schemas::receipt::table::ReadMarker;
use schemas::user::head::Head as UserHead;
use schemas::user::view::Public;
use schemas::{MessageId, Seq, UserId};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::error::Failure;
use crate::extract::Fields;

/// What a message has that nobody reacted to and that answers none.
const NOTHING: &[u8] = br#","reactions":[],"reactionCounts":{},"replyTo":null}"#;

/// What answers show of messages beside their rows.
#[derive(Debug, Default)]
pub(crate) struct Extras {
    /// Whose messages carry a status.
    pub(super) viewer: Option<UserId>,
    /// How far the others have come.
    pub(super) marks: Marks,
    /// Reactions by message.
    pub(super) reactions: HashMap<Seq, Reactions>,
    /// Who reacted.
    pub(super) users: HashMap<UserId, UserHead>,
    /// Messages that are answered, by the number of the answer.
    pub(super) quoted: HashMap<Seq, MessageBySeq>,
}

/// Reactions on a message.
#[derive(Debug)]
pub(super) struct Reactions {
    /// JSON object: emoji → count.
    pub(super) counts: Bytes,
    /// The newest.
    pub(super) newest: Vec<ReactionRow>,
}

/// How far at least one of the others has received and read a conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) delivered: Seq,
    pub(super) read: Seq,
}

impl Marks {
    /// Of the others' markers. What one has read who hides it is only delivered.
    pub(super) fn of<'a>(others: impl IntoIterator<Item = &'a ReadMarker>) -> Self {
        let mut marks = Self::default();
        for marker in others {
            if marker.private != Some(true) {
                marks.read = marks.read.max(marker.read_seq);
            }
            marks.delivered = marks.delivered.max(marker.delivered_seq).max(marker.read_seq);
        }
        marks
    }

    /// Of a message of the viewer's own; none: as it is stored.
    fn status(self, seq: Seq) -> Option<&'static str> {
        if seq <= self.read {
            Some(r#""read""#)
        } else if seq <= self.delivered {
            Some(r#""delivered""#)
        } else {
            None
        }
    }
}

impl Extras {
    /// Writes a message.
    pub(crate) fn write(&self, row: &MessageBySeq, out: &mut Vec<u8>) {
        let body = self.body(row);
        let Some(open) = body.strip_suffix(b"}") else {
            out.extend_from_slice(&body);
            return;
        };
        out.extend_from_slice(open);
        let (reactions, quoted) = (self.reactions.get(&row.seq), self.quoted.get(&row.seq));
        if reactions.is_none() && quoted.is_none() {
            out.extend_from_slice(NOTHING);
            return;
        }
        out.extend_from_slice(br#","reactions":"#);
        match reactions {
            None => out.extend_from_slice(br#"[],"reactionCounts":{}"#),
            Some(Reactions { counts, newest }) => {
                let newest: Vec<_> =
                    newest.iter().map(|reaction| self.reaction(row.message, reaction)).collect();
                serde_json::to_writer(&mut *out, &newest).expect("a view serialises");
                out.extend_from_slice(br#","reactionCounts":"#);
                out.extend_from_slice(counts);
            }
        }
        out.extend_from_slice(br#","replyTo":"#);
        match quoted {
            None => out.extend_from_slice(b"null"),
            Some(quoted) => out.extend_from_slice(&self.body(quoted)),
        }
        out.push(b'}');
    }

    /// A message on its own.
    pub(crate) fn one(&self, row: &MessageBySeq) -> Bytes {
        let mut out = Vec::with_capacity(row.body.len() + 256);
        self.write(row, &mut out);
        out.into()
    }

    /// The stored view, with the status that its sender sees.
    fn body<'a>(&self, row: &'a MessageBySeq) -> Cow<'a, [u8]> {
        let own = self.viewer == Some(row.sender);
        let status = own.then(|| self.marks.status(row.seq)).flatten();
        let changed = status.and_then(|status| with_status(&row.body, status));
        changed.map_or(Cow::Borrowed(&row.body), Cow::Owned)
    }

    pub(crate) fn reaction<'a>(
        &'a self,
        message: MessageId,
        reaction: &'a ReactionRow,
    ) -> Reaction<'a> {
        Reaction {
            id: MessageId::reaction(message, reaction.user, &reaction.emoji),
            message_id: message,
            user_id: reaction.user,
            emoji: Cow::Borrowed(&reaction.emoji),
            created_at: reaction.created_at,
            updated_at: reaction.created_at,
            deleted_at: None,
            user: self.user(reaction.user),
        }
    }

    /// Whoever is still here.
    pub(crate) fn user(&self, user: UserId) -> Option<Public<'_>> {
        let head = self.users.get(&user).filter(|head| head.deleted_at.is_none());
        head.map(|head| Public::of_head(user, head))
    }
}

/// A stored view, taken apart.
pub(crate) fn view(row: &MessageBySeq) -> Result<Message<'_>, Failure> {
    serde_json::from_slice(&row.body)
        .map_err(|error| Failure::internal(format!("a stored view can not be read: {error}")))
}

/// The number of a message, from its view.
pub(super) fn seq_of(view: &[u8]) -> Result<Seq, Failure> {
    #[derive(Deserialize)]
    struct Numbered {
        seq: Seq,
    }
    serde_json::from_slice::<Numbered>(view)
        .map(|numbered| numbered.seq)
        .map_err(|error| Failure::internal(format!("a view can not be read: {error}")))
}

/// Whether a view, or what is shown of it, is of this message: its first field says so.
pub(super) fn is(shown: &[u8], message: MessageId) -> bool {
    let mut text = [0; 36];
    let id = message.0.hyphenated().encode_lower(&mut text).as_bytes();
    let rest = shown.strip_prefix(br#"{"id":""#).and_then(|rest| rest.strip_prefix(id));
    rest.is_some_and(|rest| rest.starts_with(b"\""))
}

/// A view that was just made: nobody has reacted to it yet, and it answers nothing.
pub(crate) fn fresh(view: &[u8]) -> Bytes {
    let open = view.strip_suffix(b"}").unwrap_or(view);
    let mut out = Vec::with_capacity(open.len() + NOTHING.len());
    out.extend_from_slice(open);
    out.extend_from_slice(NOTHING);
    out.into()
}

/// The same object with another `status`; none if it is no object.
fn with_status(body: &[u8], status: &str) -> Option<Vec<u8>> {
    let fields: Fields<'_> = serde_json::from_slice(body).ok()?;
    let mut out = Vec::with_capacity(body.len() + 16);
    for (at, (name, value)) in fields.0.iter().enumerate() {
        out.push(if at == 0 { b'{' } else { b',' });
        serde_json::to_writer(&mut out, name).expect("a string serialises");
        out.push(b':');
        let value = if name == "status" { status } else { RawValue::get(value) };
        out.extend_from_slice(value.as_bytes());
    }
    out.push(b'}');
    (out.len() > 2).then_some(out)
}

#[cfg(test)]
#[path = "shown_tests.rs"]
mod tests;
