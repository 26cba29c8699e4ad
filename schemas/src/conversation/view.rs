//! The JSON of a conversation. What depends on the viewer (`unreadCount`, his settings) is added by
//! the route that answers him; events and feed entries carry the rest.

use serde::{Deserialize, Serialize};

use super::head::{Head, Kind, Preview};
use crate::id::{ConversationId, MessageId, Rev, Seq, UserId};
use crate::member::Membership;
use crate::time::Timestamp;
use crate::user::view::Public;

/// A conversation as its members see it.
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Conversation<'a> {
    /// The conversation.
    pub id: ConversationId,
    /// Direct, group or channel.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Name; null for a direct one.
    pub name: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Picture.
    pub avatar_url: Option<String>,
    /// Who opened it.
    pub created_by_id: UserId,
    /// Whether it is a group.
    pub is_group: bool,
    /// Whether it is a channel.
    pub is_channel: bool,
    /// Free-form object.
    pub metadata: Option<serde_json::Value>,
    /// Number of the last change.
    pub rev: Rev,
    /// Number of the last message.
    pub seq: Seq,
    /// The last message.
    pub last_message_id: Option<MessageId>,
    /// When it was sent.
    pub last_message_at: Option<Timestamp>,
    /// The last message, its text cut at 200 code points.
    pub last_message: Option<Preview>,
    /// Members.
    pub member_count: i64,
    /// The first 100 members.
    #[serde(borrow)]
    pub participants: Vec<Participant<'a>>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
}

/// Payload of `conversation.updated`: what owner and admins set, as it is now.
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Updated {
    /// The conversation.
    pub id: ConversationId,
    /// Direct, group or channel.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Name; null for a direct one.
    pub name: Option<String>,
    /// Description.
    pub description: Option<String>,
    /// Picture.
    pub avatar_url: Option<String>,
    /// When.
    pub updated_at: Timestamp,
}

/// Payload of `conversation.deleted`.
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deleted {
    /// The conversation.
    pub id: ConversationId,
    /// By whom: its owner, or the last member who left.
    pub actor_id: UserId,
}

/// A member in a conversation's view.
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Participant<'a> {
    /// Id of the membership: the user's, as a member is addressed by it.
    pub id: UserId,
    /// The user.
    pub user_id: UserId,
    /// Role.
    pub role: String,
    /// Since when.
    pub joined_at: Timestamp,
    /// Public view.
    #[serde(borrow)]
    pub user: Public<'a>,
}

/// What the viewer has set and read.
#[cfg_attr(
    feature = "json-schema",
    derive(schemars::JsonSchema),
    schemars(rename = "OwnParticipant")
)]
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Own {
    /// Role.
    pub role: String,
    /// Countable messages behind his marker.
    pub unread_count: i64,
    /// Muted.
    pub is_muted: bool,
    /// Archived.
    pub is_archived: bool,
    /// Pinned.
    pub is_pinned: bool,
    /// The last message read.
    pub last_read_message_id: Option<MessageId>,
    /// When.
    pub last_read_at: Option<Timestamp>,
    /// What he has set about notifications.
    pub notification_settings: Option<serde_json::Value>,
}

impl<'a> Conversation<'a> {
    /// The view of a head and its members.
    pub fn of(id: ConversationId, head: &Head, participants: Vec<Participant<'a>>) -> Self {
        let last = head.preview.as_ref();
        Self {
            id,
            kind: head.kind,
            name: head.settings.name.clone(),
            description: head.settings.description.clone(),
            avatar_url: head.settings.avatar_url.clone(),
            created_by_id: head.created_by,
            is_group: head.kind == Kind::Group,
            is_channel: head.kind == Kind::Channel,
            metadata: None,
            rev: head.rev,
            seq: head.seq,
            last_message_id: last.map(|m| m.id),
            last_message_at: last.map(|m| m.created_at),
            last_message: head.preview.clone(),
            member_count: head.member_count,
            participants,
            created_at: head.created_at,
            updated_at: head.last_at,
            deleted_at: head.deleted_at,
        }
    }
}

impl<'a> Participant<'a> {
    /// A member with his public view.
    pub fn of(membership: &Membership, user: Public<'a>) -> Self {
        Self {
            id: membership.user,
            user_id: membership.user,
            role: membership.role.text().to_owned(),
            joined_at: membership.joined_at,
            user,
        }
    }
}
