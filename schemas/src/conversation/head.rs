//! The head of a conversation: one small row (about 1 KB, at most 8) from which every decision starts, and the
//! fence of its owner. Its stamp is that of the last change.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::event;
use crate::id::{MessageId, Rev, Seq, UserId};
use crate::position::Position;
use crate::time::Timestamp;

/// What a conversation is.
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Of two people, or of one with himself.
    Direct,
    /// Of up to 10,000, who all write.
    Group,
    /// Of up to 10,000, in which only its owner, admins and moderators write.
    Channel,
}

impl Kind {
    /// As clients write it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Group => "group",
            Self::Channel => "channel",
        }
    }

    /// The kind of a text.
    pub fn read(text: &str) -> Option<Self> {
        [Self::Direct, Self::Group, Self::Channel].into_iter().find(|kind| kind.text() == text)
    }
}

/// How events find their members. Flips only from member to conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Routing {
    /// By the members listed in the head (at most 64).
    Member,
    /// By the conversation.
    Conversation,
}

/// Packed member ids, kept while there are at most 64.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Members(pub Vec<UserId>);

impl Members {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Members {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64_STANDARD_NO_PAD.encode(event::pack(&self.0)))
    }
}

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = BASE64_STANDARD_NO_PAD.decode(text).map_err(serde::de::Error::custom)?;
        Ok(Self(event::unpack(&bytes).collect()))
    }
}

/// The last message, for lists.
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    /// The message.
    pub id: MessageId,
    /// Its number.
    pub seq: Seq,
    /// Its sender.
    pub sender_id: UserId,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The first 200 code points of its text.
    pub content: String,
    /// When it was sent.
    pub created_at: Timestamp,
    /// Whether it was deleted since; then its text is empty.
    #[serde(default, skip_serializing_if = "is_default")]
    pub is_deleted: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// State of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// Version of this form.
    pub v: u32,
    /// Direct, group, channel.
    pub kind: Kind,
    /// Who opened it.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// Number of the last message.
    pub seq: Seq,
    /// Number of the last change.
    pub rev: Rev,
    /// Countable messages.
    pub n: i64,
    /// Record time of the last change: the fold's clock never goes back.
    pub last_at: Timestamp,
    /// Members.
    pub member_count: i64,
    /// Their ids while there are at most 64.
    pub members: Members,
    /// How events are routed.
    pub routing: Routing,
    /// Position of the command behind the last change.
    pub applied: Position,
    /// The last message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<Preview>,
    /// Name, description, picture.
    #[serde(default, skip_serializing_if = "is_default")]
    pub settings: Settings,
    /// Who owns it; none for a direct one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserId>,
    /// Some of its admins, at most [`crate::limits::HEAD_ADMINS`]: the first one follows an owner who
    /// leaves.
    #[serde(default, skip_serializing_if = "Members::is_empty")]
    pub admins: Members,
    /// Direct ones: who of the two has blocked the other.
    #[serde(default, skip_serializing_if = "Members::is_empty")]
    pub blocked_by: Members,
    /// Direct ones: number of the last change of each of the two that told of a block or its end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocks_told: Vec<(UserId, Rev)>,
    /// A block was here before anybody opened it: it is nobody's yet.
    #[serde(default, skip_serializing_if = "is_default")]
    pub unopened: bool,
    /// Pinned messages.
    #[serde(default, skip_serializing_if = "is_default")]
    pub pins: i64,
    /// When it was deleted: from then on it is nobody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
}

impl Head {
    /// Whether anybody can be in it: it was opened and not deleted.
    pub fn is_open(&self) -> bool {
        !self.unopened && self.deleted_at.is_none()
    }
}

/// What owner and admins set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Settings {
    /// Name; none for a direct one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar_url: Option<String>,
}
