//! The JSON of typing.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::{ConversationId, UserId};
use crate::time::Timestamp;
use crate::user::view::Public;

/// Payload of the frame `typing`.
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Typing<'a> {
    /// Who.
    pub user_id: UserId,
    /// His name.
    #[serde(borrow)]
    pub username: Cow<'a, str>,
    /// Whether he types, or does so no more.
    pub is_typing: bool,
    /// When it ends by itself, unless he goes on; null when it has ended.
    pub until: Option<Timestamp>,
}

/// Somebody who types, in a list.
#[cfg_attr(
    feature = "json-schema",
    derive(schemars::JsonSchema),
    schemars(rename = "TypingIndicator")
)]
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Indicator<'a> {
    /// The same as long as he types.
    pub id: Uuid,
    /// Who.
    pub user_id: UserId,
    /// Where.
    pub conversation_id: ConversationId,
    /// When he began.
    pub started_at: Timestamp,
    /// When it ends by itself, unless he goes on.
    pub expires_at: Timestamp,
    /// True: who types no more is not in the list.
    pub is_typing: bool,
    /// Who, as others see him.
    pub user: Public<'a>,
}
