//! The JSON of reactions.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::table::Counts;
use crate::id::{MessageId, UserId};
use crate::time::Timestamp;
use crate::user::view::Public;

/// Payload of `message.reaction`: one was added or taken back, and what stands now.
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reacted<'a> {
    /// The message.
    pub message_id: MessageId,
    /// Whose reaction.
    pub user_id: UserId,
    /// The emoji.
    #[serde(borrow)]
    pub emoji: Cow<'a, str>,
    /// Added, or taken back.
    pub added: bool,
    /// How often each emoji stands on the message now.
    pub counts: Counts,
    /// Who reacted, as of then.
    #[serde(borrow)]
    pub user: Public<'a>,
}

/// A reaction in a REST answer.
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reaction<'a> {
    /// Its id: derived from message, user and emoji.
    pub id: MessageId,
    /// The message.
    pub message_id: MessageId,
    /// Whose.
    pub user_id: UserId,
    /// The emoji.
    #[serde(borrow)]
    pub emoji: Cow<'a, str>,
    /// When.
    pub created_at: Timestamp,
    /// The same.
    pub updated_at: Timestamp,
    /// Null.
    pub deleted_at: Option<Timestamp>,
    /// Public view of the user; null if he is gone.
    #[serde(borrow)]
    pub user: Option<Public<'a>>,
}
