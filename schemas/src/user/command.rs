//! Commands on users, on `chat.users`.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::head::Profile;
use crate::id::{ConversationId, Rev, UserId};
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
