//! Commands on reactions.

use serde::{Deserialize, Serialize};

use crate::message::command::Target;
use crate::user::view::Snapshot;

/// React to a message, or do so no more. Any member.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct React {
    /// The message.
    #[serde(flatten)]
    pub target: Target,
    /// The emoji, 1 to 50 characters.
    pub emoji: String,
    /// From now on, or no more.
    pub added: bool,
    /// Who reacts, as others see him now.
    pub user: Snapshot,
}
