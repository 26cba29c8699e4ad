//! Members: who belongs to a conversation, since when, in which role, and how far his own sending
//! has moved his marker.

pub mod command;
pub mod table;
pub mod view;

use serde::{Deserialize, Serialize};

use crate::id::{ConversationId, Seq, UserId};
use crate::time::Timestamp;

/// Role in a conversation.
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Reads and writes.
    Member,
    /// Also writes in channels.
    Moderator,
    /// Also manages members.
    Admin,
    /// Also manages admins.
    Owner,
}

impl Role {
    /// As clients write it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::Moderator => "moderator",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    /// The role of a stored text.
    pub fn read(text: &str) -> Option<Self> {
        [Self::Member, Self::Moderator, Self::Admin, Self::Owner]
            .into_iter()
            .find(|role| role.text() == text)
    }
}

/// A user in a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Membership {
    /// The conversation.
    pub conversation: ConversationId,
    /// The user.
    pub user: UserId,
    /// Role.
    pub role: Role,
    /// Since when.
    pub joined_at: Timestamp,
    /// The first message he sees.
    pub visible_from: Seq,
    /// The last message he sees; none while he is a member.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visible_to: Option<Seq>,
    /// Number of the newest message when he joined: what came before is not unread. In changes of
    /// messages: of his last message, as sending moves his own marker ([`table::SentMark`]).
    pub sent_seq: Seq,
    /// Countable messages up to it.
    pub sent_n: i64,
    /// Whether the conversation's events are routed by conversation, so that a node must know who of
    /// its users is in it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub by_conversation: bool,
}

impl Membership {
    /// One that has ended, for the deletion of its rows.
    pub fn gone(conversation: ConversationId, user: UserId) -> Self {
        Self {
            conversation,
            user,
            role: Role::Member,
            joined_at: Timestamp::default(),
            visible_from: 1,
            visible_to: Some(0),
            sent_seq: 0,
            sent_n: 0,
            by_conversation: false,
        }
    }

    /// Whether he is a member now.
    pub fn is_current(&self) -> bool {
        self.visible_to.is_none()
    }
}
