//! Requests about presence.

use schemas::patch::Patch;
use schemas::presence::Status;
use schemas::user::command::Presence;
use schemas::{ApiError, Timestamp, UserId, limits};
use serde::Deserialize;

#[cfg(test)]
use crate::document::text::PROSE;
use crate::extract::{Text, id_of};
use crate::user::dto::prose;

/// What one decides about one's own presence.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "PresenceChange"))]
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Change<'a> {
    /// What one is while one is here, whatever one's devices do; `online` or null: what they do.
    #[serde(borrow, default)]
    #[cfg_attr(test, schemars(with = "Option<Status>"))]
    status: Patch<Text<'a>>,
    /// What one says beside it; null: nothing.
    #[serde(borrow, default)]
    #[cfg_attr(test, schemars(with = "Option<String>", length(max = limits::CUSTOM_STATUS_CHARS), regex(pattern = PROSE)))]
    custom_status: Patch<Text<'a>>,
    /// When one says so no more, a time to come; null: never. Another text without it has no end.
    #[serde(borrow, default)]
    #[cfg_attr(test, schemars(with = "Option<Timestamp>"))]
    custom_status_expires_at: Patch<Text<'a>>,
}

impl Change<'_> {
    /// The change, every mistake named.
    pub(crate) fn check(self, now: Timestamp) -> Result<Presence, ApiError> {
        let mut wrong = Vec::new();
        let change = Presence {
            status: status(self.status, &mut wrong),
            custom_status: prose(
                self.custom_status,
                "customStatus",
                limits::CUSTOM_STATUS_CHARS,
                &mut wrong,
            ),
            custom_until: until(self.custom_status_expires_at, now, &mut wrong),
        };
        if wrong.is_empty() { Ok(change) } else { Err(ApiError::invalid(wrong)) }
    }
}

fn status(text: Patch<Text<'_>>, wrong: &mut Vec<String>) -> Patch<Status> {
    match text {
        Patch::Absent => Patch::Absent,
        Patch::Null => Patch::Null,
        Patch::Value(text) => match Status::read(&text) {
            // What devices do: the same as no decision.
            Some(Status::Online) => Patch::Null,
            Some(status) => Patch::Value(status),
            None => {
                let why = "status must be one of online, away, do_not_disturb, offline";
                wrong.push(why.to_owned());
                Patch::Absent
            }
        },
    }
}

fn until(text: Patch<Text<'_>>, now: Timestamp, wrong: &mut Vec<String>) -> Patch<Timestamp> {
    let text = match text {
        Patch::Absent => return Patch::Absent,
        Patch::Null => return Patch::Null,
        Patch::Value(text) => text,
    };
    let until = Timestamp::parse(&text).filter(|until| *until > now);
    if until.is_none() {
        wrong.push("customStatusExpiresAt must be a time to come (RFC 3339)".to_owned());
    }
    until.map_or(Patch::Absent, Patch::Value)
}

/// Whose presence is asked for.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "PresenceAsked"))]
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Asked<'a> {
    /// The users.
    #[serde(borrow)]
    #[cfg_attr(test, schemars(with = "Vec<UserId>", required, length(min = 1, max = limits::PRESENCE_SUBSCRIPTIONS)))]
    user_ids: Option<Vec<Text<'a>>>,
}

impl Asked<'_> {
    pub(super) fn check(&self) -> Result<Vec<UserId>, ApiError> {
        ids(self.user_ids.iter().flatten().map(|id| &**id))
    }
}

/// The same as a parameter, with commas between.
pub(super) fn listed(text: Option<&str>) -> Result<Vec<UserId>, ApiError> {
    ids(text.into_iter().flat_map(|text| text.split(',')))
}

/// Each once, in the order in which they were named.
fn ids<'a>(texts: impl Iterator<Item = &'a str>) -> Result<Vec<UserId>, ApiError> {
    let most = limits::PRESENCE_SUBSCRIPTIONS;
    let texts: Vec<&str> = texts.take(most + 1).collect();
    if texts.is_empty() || texts.len() > most {
        return Err(ApiError::invalid(vec![format!("userIds must have 1 to {most} ids")]));
    }
    let mut users = Vec::with_capacity(texts.len());
    for text in texts {
        let user = id_of("each userIds", text)?;
        if !users.contains(&user) {
            users.push(user);
        }
    }
    Ok(users)
}
