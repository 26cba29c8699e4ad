//! Changes of a user, journaled like those of a conversation. Every change is an entry of his feed
//! and has its number.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::head::Profile;
use super::table::UserChange as Row;
use crate::frame::EventFrame;
use crate::id::{CommandId, ConversationId, Rev, UserId};
use crate::message::table::bucket;
use crate::position::{Position, Stamp};
use crate::table::Decode;
use crate::time::Timestamp;

/// One change.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The user.
    pub user: UserId,
    /// Its number.
    pub rev: Rev,
    /// Position of the command behind it.
    pub position: Position,
    /// The command.
    pub command: CommandId,
    /// Record time.
    pub at: Timestamp,
    /// The feed frame.
    pub frame: EventFrame,
    /// What is changed.
    pub effect: Effect,
}

/// What a change does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Effect {
    /// The user was made.
    #[serde(rename = "user.created")]
    Created {
        /// His profile.
        profile: Profile,
    },
    /// He is in a conversation.
    #[serde(rename = "conversation.added")]
    ConversationAdded {
        /// The conversation.
        conversation: ConversationId,
        /// The change that added him.
        rev: Rev,
    },
}

impl Effect {
    /// The frame type.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Created { .. } => "user.updated",
            Self::ConversationAdded { .. } => "conversation.added",
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Wire {
    v: u32,
    at: Timestamp,
    partition: u32,
    epoch: u32,
    effect: Effect,
}

impl Change {
    /// The journal's row.
    pub fn row(&self) -> Row {
        let wire = Wire {
            v: 1,
            at: self.at,
            partition: self.position.partition,
            epoch: self.position.epoch,
            effect: self.effect.clone(),
        };
        Row {
            user: self.user,
            bucket: bucket(self.rev),
            rev: self.rev,
            position: self.position.stamp().0,
            command: self.command,
            event: self.frame.frame.clone(),
            effect: Bytes::from(serde_json::to_vec(&wire).expect("plain data serialises")),
        }
    }

    /// The change of a journal row.
    pub fn read(row: Row) -> Result<Self, Decode> {
        let fail = |column| Decode { table: "user_changes", column };
        let wire: Wire = serde_json::from_slice(&row.effect).map_err(|_| fail("effect"))?;
        Ok(Self {
            user: row.user,
            rev: row.rev,
            position: Position {
                epoch: wire.epoch,
                partition: wire.partition,
                offset: Stamp(row.position).offset(),
            },
            command: row.command,
            at: wire.at,
            frame: EventFrame::read(row.event).ok_or_else(|| fail("event"))?,
            effect: wire.effect,
        })
    }
}
