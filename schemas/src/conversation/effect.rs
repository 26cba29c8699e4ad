//! What changes of a conversation do, noun by noun, each with the after-image of the rows it touches.

use serde::{Deserialize, Serialize};

use super::head::{Kind, Members, Preview, Settings};
use crate::id::{MessageId, Rev, Seq, UserId};
use crate::member::Membership;
use crate::message::placed::Placed;
use crate::reaction::table::Counts;
use crate::time::Timestamp;

/// What a change does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Effect {
    /// The conversation was opened.
    #[serde(rename = "conversation.created")]
    Created {
        /// Direct, group, channel.
        kind: Kind,
        /// Who opened it.
        created_by: UserId,
        /// Everyone in it.
        members: Vec<Membership>,
        /// Name, description, picture.
        #[serde(default, skip_serializing_if = "is_default")]
        settings: Settings,
        /// Who owns it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        owner: Option<UserId>,
    },
    /// A message was sent.
    #[serde(rename = "message.created")]
    Message {
        /// The message.
        message: MessageId,
        /// Its number.
        seq: Seq,
        /// Countable messages with this one.
        n: i64,
        /// Hash of the request.
        #[serde(with = "hex16")]
        body_hash: [u8; 16],
        /// The sender's membership, with the moved marker.
        sender: Membership,
        /// Number of the message it answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply: Option<Seq>,
        /// For the head. Not journaled: it is in the payload.
        #[serde(skip)]
        preview: Option<Preview>,
    },
    /// The text of a message was replaced.
    #[serde(rename = "message.edited")]
    Edited {
        /// Its row.
        placed: Placed,
        /// The text before.
        before: String,
        /// For the head, if it is the last message. Not journaled: it is in the payload.
        #[serde(skip)]
        preview: Option<Preview>,
    },
    /// A message was taken back.
    #[serde(rename = "message.deleted")]
    Deleted {
        /// Its row as it was: what carries its content is blanked.
        placed: Placed,
        /// When it was sent and under which type, for the head.
        preview: Preview,
    },
    /// A reaction was added or taken back.
    #[serde(rename = "message.reaction")]
    Reaction {
        /// Number of the message.
        seq: Seq,
        /// Whose.
        user: UserId,
        /// The emoji.
        emoji: String,
        /// Added: none. Taken back: the change that added it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        removed: Option<Rev>,
        /// What stands on the message now.
        counts: Counts,
    },
    /// A message was pinned, or is no more.
    #[serde(rename = "message.pinned")]
    Pinned {
        /// Its row now.
        placed: Placed,
        /// By whom.
        by: UserId,
        /// No more: the change that had pinned it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unpinned: Option<Rev>,
    },
    /// Members were added.
    #[serde(rename = "member.added")]
    Added {
        /// Their memberships.
        members: Vec<Membership>,
        /// The conversation as their feeds show it, JSON.
        #[serde(default)]
        view: String,
        /// With them the conversation is routed by conversation: everyone who is in it now, to whom
        /// this one change is still routed by member, and whose memberships say it from now on.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        flipped: Vec<Membership>,
    },
    /// A member was removed, or has left.
    #[serde(rename = "member.removed")]
    Removed {
        /// His membership as it ended.
        member: Membership,
        /// The membership of who owns the conversation now, where that is another one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        successor: Option<Membership>,
    },
    /// Members have other roles.
    #[serde(rename = "member.changed")]
    Roles {
        /// Their memberships.
        members: Vec<Membership>,
    },
    /// Name, description or picture were changed.
    #[serde(rename = "conversation.updated")]
    Updated {
        /// What is set now.
        settings: Settings,
    },
    /// The conversation was deleted.
    #[serde(rename = "conversation.deleted")]
    Closed {
        /// The membership of the last member, if it was deleted by his leaving.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        last: Option<Membership>,
        /// Its members, where the head lists them: their rows go too.
        #[serde(default, skip_serializing_if = "Members::is_empty")]
        members: Members,
    },
    /// Who of a direct conversation has blocked the other.
    #[serde(rename = "conversation.blocked")]
    Blocked {
        /// Who has blocked.
        by: Members,
        /// Number of the last change of each of the two that told of a block or its end.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        told: Vec<(UserId, Rev)>,
    },
    /// What it was is known, its content is not any more: it carried that of a deleted message.
    #[serde(rename = "redacted")]
    Redacted {
        /// When the change happened; kept for whoever reads the journal.
        at: Timestamp,
    },
}

fn is_default(settings: &Settings) -> bool {
    *settings == Settings::default()
}

impl Effect {
    /// The frame type. Of what is redacted the frame itself knows.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Created { .. } | Self::Added { .. } => "member.added",
            Self::Message { .. } => "message.created",
            Self::Edited { .. } | Self::Pinned { .. } | Self::Redacted { .. } => "message.updated",
            Self::Deleted { .. } => "message.deleted",
            Self::Reaction { .. } => "message.reaction",
            Self::Removed { .. } => "member.removed",
            Self::Roles { .. } => "member.changed",
            Self::Updated { .. } | Self::Blocked { .. } => "conversation.updated",
            Self::Closed { .. } => "conversation.deleted",
        }
    }

    /// The number of the message it is about.
    pub fn seq(&self) -> Option<Seq> {
        match self {
            Self::Message { seq, .. } | Self::Reaction { seq, .. } => Some(*seq),
            Self::Edited { placed, .. }
            | Self::Deleted { placed, .. }
            | Self::Pinned { placed, .. } => Some(placed.seq),
            _ => None,
        }
    }

    /// Who is no member any more because of it.
    pub fn left(&self) -> Option<UserId> {
        match self {
            Self::Removed { member, .. } => Some(member.user),
            Self::Closed { last, .. } => last.as_ref().map(|member| member.user),
            _ => None,
        }
    }
}

mod hex16 {
    use serde::{Deserialize, Deserializer, Serializer};
    use uuid::Uuid;

    pub(super) fn serialize<S: Serializer>(bytes: &[u8; 16], s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(&Uuid::from_bytes(*bytes).simple())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<[u8; 16], D::Error> {
        Uuid::deserialize(d).map(|id| *id.as_bytes())
    }
}
