//! The JSON of changes of membership.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::conversation::view::Participant;
use crate::id::UserId;

/// Payload of `member.added`. The first one of a conversation carries its view.
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Added<'a> {
    /// Who was added.
    #[serde(borrow)]
    pub members: Vec<Participant<'a>>,
    /// By whom.
    pub actor_id: UserId,
    /// The conversation as of then.
    #[serde(borrow)]
    #[cfg_attr(
        feature = "json-schema",
        schemars(with = "Option<crate::conversation::view::Conversation<'static>>")
    )]
    pub conversation: Cow<'a, RawValue>,
}

/// Payload of `member.removed` and `member.changed`.
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Changed {
    /// Who was removed, or has another role.
    pub members: Vec<Affected>,
    /// By whom: himself, if he left.
    pub actor_id: UserId,
    /// Members now.
    pub member_count: i64,
}

/// A member to whom something happened.
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Affected {
    /// Id of the membership: the user's.
    pub id: UserId,
    /// The user.
    pub user_id: UserId,
    /// His role now; of one who was removed: the last.
    pub role: String,
}
