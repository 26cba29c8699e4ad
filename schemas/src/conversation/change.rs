//! Changes of a conversation: what the fold decides and the journal keeps. A change carries the
//! after-image of every row it touches but the head, so that it can be applied again without
//! loading anything (HAZARDS 2).

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::head::{Kind, Preview};
use super::table::Change as Row;
use crate::frame::EventFrame;
use crate::id::{CommandId, ConversationId, MessageId, Rev, Seq, UserId};
use crate::limits::PREVIEW_CHARS;
use crate::member::Membership;
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
    /// The frame that clients get, with the payload inside.
    pub frame: EventFrame,
    /// What is changed.
    pub effect: Effect,
}

/// What a change does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Effect {
    /// The conversation was opened.
    #[serde(rename = "conversation.created")]
    Created {
        /// Direct, group, channel.
        kind: Kind,
        /// Who opened it.
        created_by: UserId,
        /// Everyone in it.
        members: Vec<Membership>,
    },
    /// A message was sent.
    #[serde(rename = "message.created")]
    Message {
        /// The message.
        message: MessageId,
        /// Its number.
        seq: Seq,
        /// Countable messages with this one.
        n: i64,
        /// Hash of the request.
        #[serde(with = "hex16")]
        body_hash: [u8; 16],
        /// The sender's membership, with the moved marker.
        sender: Membership,
        /// For the head. Not journaled: it is in the payload.
        #[serde(skip)]
        preview: Option<Preview>,
    },
}

impl Effect {
    /// The frame type.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Created { .. } => "member.added",
            Self::Message { .. } => "message.created",
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Wire<'a> {
    v: u32,
    at: Timestamp,
    partition: u32,
    epoch: u32,
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
        if let Effect::Message { preview, .. } = &mut effect {
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

mod hex16 {
    use serde::{Deserialize, Deserializer, Serializer};
    use uuid::Uuid;

    pub(super) fn serialize<S: Serializer>(bytes: &[u8; 16], s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&Uuid::from_bytes(*bytes).simple())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<[u8; 16], D::Error> {
        Uuid::deserialize(d).map(|id| *id.as_bytes())
    }
}
