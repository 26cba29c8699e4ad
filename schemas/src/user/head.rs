//! The head of a user: profile, number of the last feed entry, applied position.

use serde::{Deserialize, Serialize};

use crate::id::Rev;
use crate::position::Position;
use crate::presence::Status;
use crate::time::Timestamp;

/// What a user tells about himself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Profile {
    /// Unique, without regard to case.
    pub username: String,
    /// Seen by himself alone.
    pub email: String,
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// Picture.
    #[serde(default)]
    pub avatar_url: Option<String>,
    /// About himself.
    #[serde(default)]
    pub bio: Option<String>,
    /// Status line.
    #[serde(default)]
    pub status: Option<String>,
    /// Telephone number; unique, seen by himself alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
}

/// Who may see or do something.
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Audience {
    /// Everyone.
    #[default]
    Everyone,
    /// Whom he has a direct conversation with.
    Contacts,
    /// Nobody.
    Nobody,
}

impl Audience {
    /// The audience of a text.
    pub fn read(text: &str) -> Option<Self> {
        match text {
            "everyone" => Some(Self::Everyone),
            "contacts" => Some(Self::Contacts),
            "nobody" => Some(Self::Nobody),
            _ => None,
        }
    }
}

/// Those of a user's settings that others meet: kept in the head, which is read anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Privacy {
    /// Who may see his profile.
    pub profile: Audience,
    /// Who may see when he was last seen.
    pub last_seen: Audience,
    /// Who may see what he has read.
    pub read_receipts: Audience,
    /// Who may open a direct conversation with him.
    pub messages: Audience,
    /// Whether his contacts and others see that he is online.
    pub online: bool,
    /// Whether others may add him to groups.
    pub group_invites: bool,
}

impl Default for Privacy {
    fn default() -> Self {
        Self {
            profile: Audience::Everyone,
            last_seen: Audience::Everyone,
            read_receipts: Audience::Everyone,
            messages: Audience::Everyone,
            online: true,
            group_invites: true,
        }
    }
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What a user has decided about his presence; kept until he decides anew.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Preference {
    /// What he is while he is here; none: what his devices say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    /// What he says of himself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_status: Option<String>,
    /// Until when: readers take it as gone from then on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_until: Option<Timestamp>,
}

/// State of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Head {
    /// Version of this form.
    pub v: u32,
    /// Profile.
    pub profile: Profile,
    /// When he registered.
    pub created_at: Timestamp,
    /// When the profile last changed.
    pub updated_at: Timestamp,
    /// Number of the last change; feed entries share the numbers.
    pub rev: Rev,
    /// Record time of the last change.
    pub last_at: Timestamp,
    /// Position of the command behind the last change.
    pub applied: Position,
    /// What others may see and do.
    #[serde(default, skip_serializing_if = "is_default")]
    pub privacy: Privacy,
    /// What he has decided about his presence.
    #[serde(default, skip_serializing_if = "is_default")]
    pub presence: Preference,
    /// When he deleted the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted_at: Option<Timestamp>,
}
