//! The JSON of a user: public (nested everywhere, never more) and own (`users/me`).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::head::Head;
use crate::id::UserId;
use crate::time::Timestamp;

/// A user as a command carries him: what others see of him now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// The user.
    pub id: UserId,
    /// Username.
    pub username: String,
    /// First name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    /// Last name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    /// Picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar_url: Option<String>,
}

impl Snapshot {
    /// Of a user's head.
    pub fn of(id: UserId, head: &Head) -> Self {
        let profile = &head.profile;
        Self {
            id,
            username: profile.username.clone(),
            first_name: profile.first_name.clone(),
            last_name: profile.last_name.clone(),
            avatar_url: profile.avatar_url.clone(),
        }
    }
}

/// A user as others see him.
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema), schemars(rename = "User"))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Public<'a> {
    /// The user.
    pub id: UserId,
    /// Username.
    #[serde(borrow)]
    pub username: Cow<'a, str>,
    /// First name.
    #[serde(borrow)]
    pub first_name: Option<Cow<'a, str>>,
    /// Last name.
    #[serde(borrow)]
    pub last_name: Option<Cow<'a, str>>,
    /// Picture.
    #[serde(borrow)]
    pub avatar_url: Option<Cow<'a, str>>,
    /// About himself.
    #[serde(borrow)]
    pub bio: Option<Cow<'a, str>>,
    /// Status line.
    #[serde(borrow)]
    pub status: Option<Cow<'a, str>>,
    /// Whether he has a socket; null where nobody asked.
    pub is_online: Option<bool>,
    /// When he was last seen; null where nobody asked or he hides it.
    pub last_seen: Option<Timestamp>,
    /// online, away, `do_not_disturb`, offline; null where nobody asked.
    #[serde(borrow)]
    pub presence_status: Option<Cow<'a, str>>,
}

impl<'a> Public<'a> {
    /// Of a snapshot, as events carry it.
    pub fn of(user: &'a Snapshot) -> Self {
        fn borrowed(text: Option<&String>) -> Option<Cow<'_, str>> {
            text.map(|t| Cow::Borrowed(t.as_str()))
        }
        Self {
            id: user.id,
            username: Cow::Borrowed(&user.username),
            first_name: borrowed(user.first_name.as_ref()),
            last_name: borrowed(user.last_name.as_ref()),
            avatar_url: borrowed(user.avatar_url.as_ref()),
            bio: None,
            status: None,
            is_online: None,
            last_seen: None,
            presence_status: None,
        }
    }

    /// Of a user's head, as REST answers carry it; presence is the viewer's to see, and put in by who
    /// knows him.
    pub fn of_head(id: UserId, head: &'a Head) -> Self {
        fn borrowed(text: Option<&String>) -> Option<Cow<'_, str>> {
            text.map(|t| Cow::Borrowed(t.as_str()))
        }
        let profile = &head.profile;
        Self {
            id,
            username: Cow::Borrowed(&profile.username),
            first_name: borrowed(profile.first_name.as_ref()),
            last_name: borrowed(profile.last_name.as_ref()),
            avatar_url: borrowed(profile.avatar_url.as_ref()),
            bio: borrowed(profile.bio.as_ref()),
            status: borrowed(profile.status.as_ref()),
            is_online: None,
            last_seen: None,
            presence_status: None,
        }
    }
}

/// A user as he sees himself. Fields that Parlance has no use for are null, as clients expect them.
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema), schemars(rename = "OwnProfile"))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the predecessor's field names say it")]
pub struct Own {
    pub id: UserId,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub deleted_at: Option<Timestamp>,
    pub username: String,
    pub email: String,
    pub phone: Option<String>,
    pub first_name: Option<String>,
    pub last_name: Option<String>,
    pub avatar_url: Option<String>,
    pub bio: Option<String>,
    pub status: Option<String>,
    pub is_verified: bool,
    pub is_online: bool,
    pub last_seen: Option<Timestamp>,
    pub presence_status: String,
    pub mfa_enabled: bool,
    pub oauth_provider: Option<String>,
    pub oauth_provider_id: Option<String>,
    pub subscription_tier: String,
    pub subscription_expires_at: Option<Timestamp>,
    pub stripe_customer_id: Option<String>,
    pub stripe_subscription_id: Option<String>,
}

impl Own {
    /// Of a user's head.
    pub fn of(id: UserId, head: &Head) -> Self {
        let profile = head.profile.clone();
        Self {
            id,
            created_at: head.created_at,
            updated_at: head.updated_at,
            deleted_at: head.deleted_at,
            username: profile.username,
            email: profile.email,
            phone: profile.phone,
            first_name: profile.first_name,
            last_name: profile.last_name,
            avatar_url: profile.avatar_url,
            bio: profile.bio,
            status: profile.status,
            is_verified: false,
            is_online: false,
            last_seen: None,
            presence_status: "offline".to_owned(),
            mfa_enabled: false,
            oauth_provider: None,
            oauth_provider_id: None,
            subscription_tier: "free".to_owned(),
            subscription_expires_at: None,
            stripe_customer_id: None,
            stripe_subscription_id: None,
        }
    }
}
