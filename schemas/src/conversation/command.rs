//! Commands on conversations, as ingest puts them on `chat.commands`.

use serde::{Deserialize, Serialize};

use super::head::Kind;
use crate::id::ConversationId;
use crate::user::view::Snapshot;

/// Open a conversation. Opening one that exists answers with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Create {
    /// Its id: for a direct conversation the hash of the pair; also the record's key.
    pub conversation_id: ConversationId,
    /// Direct, later group and channel.
    pub kind: Kind,
    /// Everyone in it, the creator first.
    pub members: Vec<Snapshot>,
}
