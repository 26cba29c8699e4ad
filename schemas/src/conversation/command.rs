//! Commands on conversations, as ingest puts them on `chat.commands`.

use serde::{Deserialize, Serialize};

use super::head::{Kind, Settings};
use crate::id::{ConversationId, Rev, UserId};
use crate::patch::Patch;
use crate::user::view::Snapshot;

/// Open a conversation. Opening one that exists answers with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Create {
    /// Its id: for a direct conversation the hash of the pair; also the record's key.
    pub conversation_id: ConversationId,
    /// Direct, group, channel.
    pub kind: Kind,
    /// Everyone in it, the creator first.
    pub members: Vec<Snapshot>,
    /// Name, description, picture; none of them for a direct one.
    #[serde(default, skip_serializing_if = "is_default")]
    pub settings: Settings,
}

fn is_default(settings: &Settings) -> bool {
    *settings == Settings::default()
}

/// Change name, description, picture. Owner and admins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Update {
    /// The conversation; also the record's key.
    pub conversation_id: ConversationId,
    /// New name.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub name: Patch<String>,
    /// New description.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub description: Patch<String>,
    /// New picture.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub avatar_url: Patch<String>,
}

/// Delete the conversation for everybody. Its owner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delete {
    /// The conversation; also the record's key.
    pub conversation_id: ConversationId,
}

/// One of the two of a direct conversation has blocked the other, or does so no more. Sent by `feed`,
/// whose fold has the block; here it stops messages, old conversation or one to come alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Block {
    /// The direct conversation of the two; also the record's key.
    pub conversation_id: ConversationId,
    /// Who has blocked.
    pub by: UserId,
    /// Whom.
    pub other: UserId,
    /// Whether he has, or does so no more.
    pub blocked: bool,
    /// Number of the change of his that tells it: an earlier one that comes later, told again, is
    /// nothing.
    #[serde(default)]
    pub rev: Rev,
}
