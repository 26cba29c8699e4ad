//! Changes of a conversation: what the fold decides and the journal keeps. A change carries the
//! after-image of every row it touches but the head, so that it can be applied again without
//! loading anything (HAZARDS 2).

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::effect::Effect;
use super::head::Preview;
use super::table::Change as Row;
use crate::envelope::Once;
use crate::frame::EventFrame;
use crate::id::{CommandId, ConversationId, Rev};
use crate::limits::PREVIEW_CHARS;
use crate::message;
use crate::position::{Position, Stamp};
use crate::table::Decode;
use crate::time::Timestamp;

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The conversation.
    pub conversation: ConversationId,
    /// Its number.
    pub rev: Rev,
    /// Position of the command behind it.
    pub position: Position,
    /// The command.
    pub command: CommandId,
    /// Record time.
    pub at: Timestamp,
    /// The client's name for the request, so that a repetition is known.
    pub once: Option<Once>,
    /// The frame that clients get, with the payload inside.
    pub frame: EventFrame,
    /// What is changed.
    pub effect: Effect,
}

#[derive(Serialize, Deserialize)]
struct Wire<'a> {
    v: u32,
    at: Timestamp,
    partition: u32,
    epoch: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    once: Option<Once>,
    #[serde(borrow)]
    effect: std::borrow::Cow<'a, Effect>,
}

impl Change {
    /// The journal's row.
    pub fn row(&self) -> Row {
        let wire = Wire {
            v: 1,
            at: self.at,
            partition: self.position.partition,
            epoch: self.position.epoch,
            once: self.once,
            effect: std::borrow::Cow::Borrowed(&self.effect),
        };
        Row {
            conversation: self.conversation,
            bucket: message::table::bucket(self.rev),
            rev: self.rev,
            position: self.position.stamp().0,
            command: self.command,
            event: self.frame.frame.clone(),
            effect: Bytes::from(serde_json::to_vec(&wire).expect("plain data serialises")),
        }
    }

    /// The change of a journal row.
    pub fn read(row: Row) -> Result<Self, Decode> {
        let fail = |column| Decode { table: "changes", column };
        let wire: Wire<'_> = serde_json::from_slice(&row.effect).map_err(|_| fail("effect"))?;
        let frame = EventFrame::read(row.event).ok_or_else(|| fail("event"))?;
        let mut effect = wire.effect.into_owned();
        if let Effect::Message { preview, .. } | Effect::Edited { preview, .. } = &mut effect {
            let payload = frame.payload();
            let view: message::view::Message<'_> =
                serde_json::from_slice(&payload).map_err(|_| fail("event"))?;
            *preview = Some(preview_of(&view));
        }
        Ok(Self {
            conversation: row.conversation,
            rev: row.rev,
            position: Position {
                epoch: wire.epoch,
                partition: wire.partition,
                offset: Stamp(row.position).offset(),
            },
            command: row.command,
            at: wire.at,
            once: wire.once,
            frame,
            effect,
        })
    }
}

/// The preview of a message.
pub fn preview_of(view: &message::view::Message<'_>) -> Preview {
    Preview {
        id: view.id,
        seq: view.seq,
        sender_id: view.sender_id,
        kind: view.kind.clone().into_owned(),
        content: cut(&view.content, PREVIEW_CHARS).to_owned(),
        created_at: view.created_at,
        is_deleted: view.is_deleted,
    }
}

/// The first `chars` code points.
fn cut(text: &str, chars: usize) -> &str {
    if text.len() <= chars {
        return text;
    }
    let end = text.char_indices().nth(chars).map_or(text.len(), |(at, _)| at);
    text.get(..end).unwrap_or(text)
}
