//! Commands on users, on `chat.users`.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::head::Profile;
use crate::id::{ConversationId, Rev, UserId};
use crate::patch::Patch;
use crate::presence::Status;
use crate::time::Timestamp;

/// A registration made this user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Create {
    /// The user; also the record's key.
    pub user_id: UserId,
    /// His profile.
    pub profile: Profile,
    /// When the claims on his names may be taken over: a command that the log took later makes no
    /// user. None: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid_until: Option<Timestamp>,
}

/// Changes nothing. Its reply tells that every command of this user that the log took before it is
/// folded, so that who asks can see on the head whether a registration had its effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Void {
    /// The user; also the record's key.
    pub user_id: UserId,
}

/// A conversation has this user as a member from now on. Sent by persist; (conversation, rev) is
/// its source, so that a repeated record makes no second entry (HAZARDS 26).
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConversationAdded {
    /// The user; also the record's key.
    pub user_id: UserId,
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The change that added him.
    pub rev: Rev,
    /// The conversation's view.
    pub conversation: Box<RawValue>,
}

impl PartialEq for ConversationAdded {
    fn eq(&self, other: &Self) -> bool {
        (self.user_id, self.conversation_id, self.rev)
            == (other.user_id, other.conversation_id, other.rev)
    }
}

/// A conversation has this user as a member no more. Sent by persist; source as above.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConversationRemoved {
    /// The user; also the record's key.
    pub user_id: UserId,
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The change that removed him.
    pub rev: Rev,
}

/// The user changes his profile. Names that only one user can have are claimed before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Update {
    /// First name.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub first_name: Patch<String>,
    /// Last name.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub last_name: Patch<String>,
    /// About himself.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub bio: Patch<String>,
    /// Status line.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub status: Patch<String>,
    /// Picture.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub avatar_url: Patch<String>,
    /// Telephone number.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub phone: Patch<String>,
}

/// The user deletes his account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Delete {
    /// The user; also the record's key.
    pub user_id: UserId,
}

/// The user changes some of his settings; ingest has checked each ([`super::settings`]).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// Field → its new value.
    pub settings: serde_json::Map<String, serde_json::Value>,
}

/// What the user sets about one of his conversations.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ConversationSettings {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// No notifications.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_muted: Option<bool>,
    /// Out of the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_archived: Option<bool>,
    /// On top of the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_pinned: Option<bool>,
    /// Free-form object.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub notification_settings: Patch<serde_json::Value>,
}

/// The user blocks another one. Acts on their direct conversation too
/// ([`crate::conversation::command::Block`]), which answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Block {
    /// Whom.
    pub other: UserId,
    /// Why, for himself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What he reports, if he does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<String>,
}

/// The user blocks another one no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unblock {
    /// Whom.
    pub other: UserId,
}

/// The user says how others are to see him, whatever his devices do
/// ([`super::head::Preference::after`] tells what comes of it).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Presence {
    /// His status; null: as his devices are.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub status: Patch<Status>,
    /// What he says beside it; null: nothing.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub custom_status: Patch<String>,
    /// Until when he says so; null: until he says something else.
    #[serde(default, skip_serializing_if = "Patch::is_absent")]
    pub custom_until: Patch<Timestamp>,
}
