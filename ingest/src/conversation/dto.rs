//! Requests about conversations.

use schemas::{ApiError, Code, UserId};
use serde::Deserialize;

use crate::extract::{Text, id_of};

/// Participants a request may name: a command's bound.
const PARTICIPANTS_MAX: usize = 256;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Create<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    participant_ids: Option<Vec<Text<'a>>>,
    // Fields of groups: known, so that the answer is about the type and not about them.
    #[serde(borrow, rename = "name")]
    _name: Option<Text<'a>>,
    #[serde(borrow, rename = "description")]
    _description: Option<Text<'a>>,
    #[serde(borrow, rename = "avatarUrl")]
    _avatar_url: Option<Text<'a>>,
}

impl Create<'_> {
    /// The one other participant of a direct conversation.
    pub(super) fn check(&self, caller: UserId) -> Result<UserId, ApiError> {
        match self.kind.as_deref() {
            Some("direct") => {}
            Some("group" | "channel") => {
                return Err(ApiError::new(
                    Code::Unsupported,
                    "this server serves direct conversations only, not yet groups and channels",
                ));
            }
            _ => {
                let why = "type must be one of direct, group, channel".to_owned();
                return Err(ApiError::invalid(vec![why]));
            }
        }
        let ids = self.participant_ids.as_deref().unwrap_or_default();
        if ids.len() > PARTICIPANTS_MAX {
            let why = format!("participantIds must have at most {PARTICIPANTS_MAX} ids");
            return Err(ApiError::invalid(vec![why]));
        }
        let ids: Vec<UserId> =
            ids.iter().map(|id| id_of("each participantIds", id)).collect::<Result<_, _>>()?;
        match ids.as_slice() {
            [other] if *other != caller => Ok(*other),
            _ => {
                let why = "a direct conversation needs exactly one other participant".to_owned();
                Err(ApiError::invalid(vec![why]))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::extract::read_json;

    #[test]
    fn a_direct_conversation_needs_one_other() {
        let me = UserId(Uuid::from_u128(1));
        let other = UserId(Uuid::from_u128(2));
        let check = |kind: &str, ids: serde_json::Value| {
            let json = serde_json::json!({"type": kind, "participantIds": ids}).to_string();
            read_json::<Create<'_>>(json.as_bytes())?.check(me)
        };
        assert_eq!(check("direct", serde_json::json!([other])), Ok(other));
        let code = |kind: &str, ids| check(kind, ids).unwrap_err().code;
        assert_eq!(code("direct", serde_json::json!([])), Code::ValidationFailed);
        assert_eq!(code("direct", serde_json::json!([me])), Code::ValidationFailed);
        assert_eq!(code("direct", serde_json::json!([me, other])), Code::ValidationFailed);
        assert_eq!(code("direct", serde_json::json!(["x"])), Code::MalformedId);
        assert_eq!(code("direct", serde_json::json!([5])), Code::ValidationFailed);
        assert_eq!(code("group", serde_json::json!([other])), Code::Unsupported);
        assert_eq!(code("", serde_json::json!([other])), Code::ValidationFailed);
    }
}
