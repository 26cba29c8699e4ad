//! Commands on members of a group or channel.

use serde::{Deserialize, Serialize};

use super::Role;
use crate::id::{ConversationId, UserId};
use crate::user::view::Snapshot;

/// Add members, at most [`crate::limits::MEMBERS_PER_COMMAND`]. Owner and admins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Add {
    /// The conversation; also the record's key.
    pub conversation_id: ConversationId,
    /// Who is added.
    pub members: Vec<Snapshot>,
    /// Their role, below the actor's own.
    pub role: Role,
}

/// Remove a member whose role is below the actor's own.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Remove {
    /// The conversation; also the record's key.
    pub conversation_id: ConversationId,
    /// Who is removed.
    pub user_id: UserId,
}

/// Leave.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Leave {
    /// The conversation; also the record's key.
    pub conversation_id: ConversationId,
    /// Who is to follow an owner who leaves, as ingest saw it; the fold checks it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<UserId>,
}

/// Give a member another role. Owner and admins, below their own; only the owner gives his own away.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SetRole {
    /// The conversation; also the record's key.
    pub conversation_id: ConversationId,
    /// Whose.
    pub user_id: UserId,
    /// The new role.
    pub role: Role,
}
