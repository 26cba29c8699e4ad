//! The JSON of receipts.

use serde::{Deserialize, Serialize};

use super::Kind;
use crate::id::{MessageId, Seq, UserId};
use crate::time::Timestamp;

/// Payload of the frame `receipt`.
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Receipt {
    /// Whose.
    pub user_id: UserId,
    /// Received or read.
    pub kind: Kind,
    /// Everything up to this message.
    pub seq: Seq,
    /// The message, where the client named it.
    pub message_id: Option<MessageId>,
    /// When.
    pub at: Timestamp,
}
