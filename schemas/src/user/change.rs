//! Changes of a user, journaled like those of a conversation. Every change is an entry of his feed
//! and has its number.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::head::{Preference, Privacy, Profile};
use super::table::{Block, ConversationSettings, UserChange as Row};
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
    /// He is no more.
    #[serde(rename = "conversation.removed")]
    ConversationRemoved {
        /// The conversation.
        conversation: ConversationId,
        /// The change that removed him.
        rev: Rev,
    },
    /// He has changed his profile.
    #[serde(rename = "user.updated")]
    Updated {
        /// The profile now.
        profile: Profile,
        /// When he registered, for the rows that a search finds him by.
        since: Timestamp,
        /// Words of his names that a search finds him by no more.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        forgotten: Vec<String>,
    },
    /// He has deleted the account.
    #[serde(rename = "user.deleted")]
    Deleted {
        /// What is left of the profile.
        profile: Profile,
        /// Words of his names that a search finds him by no more.
        forgotten: Vec<String>,
    },
    /// He has changed settings.
    #[serde(rename = "user.settings")]
    Settings {
        /// All that differ from their defaults.
        settings: serde_json::Map<String, serde_json::Value>,
        /// Those that others meet.
        privacy: Privacy,
    },
    /// He wants to be seen otherwise.
    #[serde(rename = "user.presence")]
    Presence {
        /// How, from now on.
        presence: Preference,
    },
    /// He has set something about a conversation.
    #[serde(rename = "user.conversation")]
    Conversation {
        /// All he has set about it.
        row: ConversationSettings,
    },
    /// He has blocked somebody.
    #[serde(rename = "user.blocked")]
    Blocked {
        /// Whom, and why.
        row: Block,
    },
    /// He blocks somebody no more.
    #[serde(rename = "user.unblocked")]
    Unblocked {
        /// Whom.
        other: UserId,
    },
}

impl Effect {
    /// The frame type.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::ConversationAdded { .. } => "conversation.added",
            Self::ConversationRemoved { .. } => "conversation.removed",
            _ => "user.updated",
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
