//! The head of a user: profile, number of the last feed entry, applied position.

use serde::{Deserialize, Serialize};

use crate::id::Rev;
use crate::position::Position;
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
}
