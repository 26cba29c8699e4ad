//! Requests about members.

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
#[cfg(test)]
use schemas::limits;
use schemas::member::Role;
use schemas::{ApiError, Code, ConversationId, UserId};
use serde::Deserialize;

use crate::conversation::users_of;
use crate::error::Failure;
use crate::extract::Text;

/// A conversation and one of its members, as a path names them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Named {
    pub(super) conversation: ConversationId,
    pub(super) user: UserId,
}

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let path = Path::<(String, String)>::from_request_parts(parts, state).await.ok();
        let ids = path.and_then(|Path((conversation, user))| {
            Some(Self { conversation: conversation.parse().ok()?, user: user.parse().ok()? })
        });
        ids.ok_or_else(|| Failure::new(Code::MalformedId, "the id is not a UUID"))
    }
}

/// Who is to be added.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "AddParticipants"))]
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Add<'a> {
    /// The users, each once.
    #[serde(borrow)]
    #[cfg_attr(test, schemars(with = "Vec<UserId>", required, length(min = 1, max = limits::MEMBERS_PER_COMMAND), extend("uniqueItems" = true)))]
    user_ids: Option<Vec<Text<'a>>>,
    /// Their role; `member` unless given.
    #[serde(borrow)]
    #[cfg_attr(test, schemars(with = "Option<ParticipantRole>"))]
    role: Option<Text<'a>>,
}

/// Roles below the owner's.
#[cfg(test)]
#[derive(schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "for the document")]
enum ParticipantRole {
    Member,
    Moderator,
    Admin,
}

impl Add<'_> {
    pub(super) fn check(&self) -> Result<(Vec<UserId>, Role), ApiError> {
        let role = match self.role.as_deref() {
            None => Role::Member,
            Some(text) => match Role::read(text) {
                Some(role) if role < Role::Owner => role,
                _ => {
                    let why = "role must be one of member, moderator, admin".to_owned();
                    return Err(ApiError::invalid(vec![why]));
                }
            },
        };
        Ok((users_of("userIds", self.user_ids.as_deref())?, role))
    }
}

/// Another role for a member.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ParticipantChange"))]
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Change<'a> {
    /// The role; `owner` hands it over.
    #[serde(borrow)]
    #[cfg_attr(test, schemars(with = "Role", required))]
    role: Option<Text<'a>>,
}

impl Change<'_> {
    pub(super) fn check(&self) -> Result<Role, ApiError> {
        self.role.as_deref().and_then(Role::read).ok_or_else(|| {
            let why = "role must be one of member, moderator, admin, owner".to_owned();
            ApiError::invalid(vec![why])
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;
    use crate::extract::read_json;

    #[test]
    fn nobody_is_added_as_an_owner() {
        let id = UserId(Uuid::from_u128(1));
        let add = |json: Value| read_json::<Add<'_>>(json.to_string().as_bytes())?.check();
        assert_eq!(add(json!({"userIds": [id]})), Ok((vec![id], Role::Member)));
        assert_eq!(add(json!({"userIds": [id], "role": "admin"})).unwrap().1, Role::Admin);
        for bad in [json!("owner"), json!("king"), json!(5)] {
            assert!(add(json!({"userIds": [id], "role": bad})).is_err(), "{bad}");
        }
        assert!(add(json!({"userIds": []})).is_err());
        assert_eq!(add(json!({"userIds": ["x"]})).unwrap_err().code, Code::MalformedId);
        assert_eq!(add(json!({"user": [id]})).unwrap_err().code, Code::UnknownField);
    }
}
