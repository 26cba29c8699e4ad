//! Requests about conversations.

use schemas::conversation::head::{Kind, Settings as Set};
use schemas::patch::Patch;
use schemas::user::command::ConversationSettings;
use schemas::{ApiError, ConversationId, UserId, limits};
use serde::Deserialize;
use serde_json::value::RawValue;

#[cfg(test)]
use super::document::either;
#[cfg(test)]
use crate::document::text::{EMOJI, PROSE, URL};
use crate::extract::{Text, id_of};
use crate::user::dto::{is_stray, url};

/// A conversation to be opened.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "OpenConversation", extend("anyOf" = either())))]
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Create<'a> {
    /// What it is to be.
    #[serde(borrow, rename = "type")]
    #[cfg_attr(test, schemars(with = "Kind", required))]
    kind: Option<Text<'a>>,
    /// The others: of a direct conversation one.
    #[serde(borrow)]
    #[cfg_attr(test, schemars(with = "Vec<UserId>", required, length(min = 1, max = limits::MEMBERS_PER_COMMAND), extend("uniqueItems" = true)))]
    participant_ids: Option<Vec<Text<'a>>>,
    /// Name; of a group or channel required, of a direct conversation of no use.
    #[serde(borrow, default)]
    #[cfg_attr(test, schemars(with = "Option<String>", length(max = limits::CONVERSATION_NAME_CHARS), regex(pattern = EMOJI)))]
    name: Patch<Text<'a>>,
    /// Description.
    #[serde(borrow, default)]
    #[cfg_attr(test, schemars(with = "Option<String>", length(max = limits::DESCRIPTION_CHARS), regex(pattern = PROSE)))]
    description: Patch<Text<'a>>,
    /// Picture, an http or https URL.
    #[serde(borrow, default)]
    #[cfg_attr(test, schemars(with = "Option<String>", length(max = limits::URL_CHARS), regex(pattern = URL)))]
    avatar_url: Patch<Text<'a>>,
}

/// A conversation that may be opened, as far as the request tells.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Opening {
    pub(super) kind: Kind,
    /// Without the caller.
    pub(super) others: Vec<UserId>,
    pub(super) settings: Set,
}

impl Create<'_> {
    pub(super) fn check(self, caller: UserId) -> Result<Opening, ApiError> {
        let Some(kind) = self.kind.as_deref().and_then(Kind::read) else {
            let why = "type must be one of direct, group, channel".to_owned();
            return Err(ApiError::invalid(vec![why]));
        };
        let others = users_of("participantIds", self.participant_ids.as_deref())?;
        let mut wrong = Vec::new();
        if others.contains(&caller) {
            wrong.push("participantIds must name others, not the caller".to_owned());
        }
        if kind == Kind::Direct && others.len() != 1 {
            wrong.push("a direct conversation needs exactly one other participant".to_owned());
        }
        let named = Naming {
            name: name(self.name, &mut wrong),
            description: description(self.description, &mut wrong),
            avatar_url: url(self.avatar_url, "avatarUrl", &mut wrong),
        };
        if kind != Kind::Direct && named.name.value().is_none() && wrong.is_empty() {
            wrong.push("name is required".to_owned());
        }
        if !wrong.is_empty() {
            return Err(ApiError::invalid(wrong));
        }
        let settings = match kind {
            Kind::Direct => Set::default(),
            Kind::Group | Kind::Channel => Set {
                name: named.name.value().cloned(),
                description: named.description.value().cloned(),
                avatar_url: named.avatar_url.value().cloned(),
            },
        };
        Ok(Opening { kind, others, settings })
    }
}

/// Ids of users in a request: one or more, each once, no more than a command takes.
pub(crate) fn users_of(field: &str, ids: Option<&[Text<'_>]>) -> Result<Vec<UserId>, ApiError> {
    let ids = ids.unwrap_or_default();
    let most = limits::MEMBERS_PER_COMMAND;
    if ids.is_empty() || ids.len() > most {
        return Err(ApiError::invalid(vec![format!("{field} must have 1 to {most} ids")]));
    }
    let ids: Vec<UserId> =
        ids.iter().map(|id| id_of(format_args!("each {field}"), id)).collect::<Result<_, _>>()?;
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    sorted.dedup();
    if sorted.len() != ids.len() {
        return Err(ApiError::invalid(vec![format!("{field} must not name anybody twice")]));
    }
    Ok(ids)
}

/// What owner and admins set, as a request changes it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Naming {
    pub(super) name: Patch<String>,
    pub(super) description: Patch<String>,
    pub(super) avatar_url: Patch<String>,
}

fn name(text: Patch<Text<'_>>, wrong: &mut Vec<String>) -> Patch<String> {
    let name = text.map(|text| text.trim().to_owned());
    let most = limits::CONVERSATION_NAME_CHARS;
    if let Some(name) = name.value()
        && (name.is_empty() || name.chars().count() > most || name.chars().any(char::is_control))
    {
        wrong.push(format!("name must have 1 to {most} characters"));
    }
    name
}

fn description(text: Patch<Text<'_>>, wrong: &mut Vec<String>) -> Patch<String> {
    let most = limits::DESCRIPTION_CHARS;
    match text {
        Patch::Value(text) if text.trim().is_empty() => Patch::Null,
        Patch::Value(text) if text.chars().count() > most || text.chars().any(is_stray) => {
            wrong.push(format!("description must have at most {most} characters"));
            Patch::Absent
        }
        other => other.map(|text| text.0.into_owned()),
    }
}

/// What a member may change: for all, by role; for himself.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ConversationChange"))]
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Change<'a> {
    /// Name. Owner and admins.
    #[serde(borrow, default)]
    #[cfg_attr(test, schemars(with = "String", length(max = limits::CONVERSATION_NAME_CHARS), regex(pattern = EMOJI)))]
    name: Patch<Text<'a>>,
    /// Description; null: none. Owner and admins.
    #[serde(borrow, default)]
    #[cfg_attr(test, schemars(with = "Option<String>", length(max = limits::DESCRIPTION_CHARS), regex(pattern = PROSE)))]
    description: Patch<Text<'a>>,
    /// Picture; null: none. Owner and admins.
    #[serde(borrow, default)]
    #[cfg_attr(test, schemars(with = "Option<String>", length(max = limits::URL_CHARS), regex(pattern = URL)))]
    avatar_url: Patch<Text<'a>>,
    /// No notifications, for the caller.
    is_muted: Option<bool>,
    /// Out of the caller's list.
    is_archived: Option<bool>,
    /// On top of the caller's list.
    is_pinned: Option<bool>,
}

impl Change<'_> {
    /// What is changed for all, and what for the caller; none of either if the request has nothing of it.
    pub(super) fn check(
        self,
        conversation_id: ConversationId,
    ) -> Result<(Option<Naming>, Option<ConversationSettings>), ApiError> {
        let mut wrong = Vec::new();
        let naming = Naming {
            name: name(self.name, &mut wrong),
            description: description(self.description, &mut wrong),
            avatar_url: url(self.avatar_url, "avatarUrl", &mut wrong),
        };
        if naming.name == Patch::Null {
            wrong.push("name must not be null".to_owned());
        }
        if !wrong.is_empty() {
            return Err(ApiError::invalid(wrong));
        }
        let own = ConversationSettings {
            conversation_id,
            is_muted: self.is_muted,
            is_archived: self.is_archived,
            is_pinned: self.is_pinned,
            notification_settings: Patch::Absent,
        };
        Ok((Some(naming).filter(|n| *n != Naming::default()), says(own)))
    }
}

/// Left out is not null.
#[cfg(test)]
fn no_default(schema: &mut schemars::Schema) {
    schema.remove("default");
}

/// What a member sets for himself.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ConversationSettings"))]
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Preferences<'a> {
    /// No notifications.
    is_muted: Option<bool>,
    /// Out of the list.
    is_archived: Option<bool>,
    /// On top of the list.
    is_pinned: Option<bool>,
    /// An object of the client's own; null: none.
    #[serde(borrow, default)]
    #[cfg_attr(test, schemars(with = "Option<serde_json::Map<String, serde_json::Value>>", transform = no_default))]
    notification_settings: Patch<&'a RawValue>,
}

impl Preferences<'_> {
    /// The change; none if there is nothing in it.
    pub(super) fn check(
        &self,
        conversation_id: ConversationId,
    ) -> Result<Option<ConversationSettings>, ApiError> {
        let most = limits::NOTIFICATION_SETTINGS_BYTES;
        let object = |json: &RawValue| {
            let fits = json.get().len() <= most;
            let map: Option<serde_json::Map<String, serde_json::Value>> =
                serde_json::from_str(json.get()).ok().filter(|_| fits);
            map.map(serde_json::Value::Object)
        };
        let notification_settings = match self.notification_settings {
            Patch::Absent => Patch::Absent,
            Patch::Null => Patch::Null,
            Patch::Value(json) => Patch::Value(object(json).ok_or_else(|| {
                let why = format!("notificationSettings must be an object of at most {most} bytes");
                ApiError::invalid(vec![why])
            })?),
        };
        Ok(says(ConversationSettings {
            conversation_id,
            is_muted: self.is_muted,
            is_archived: self.is_archived,
            is_pinned: self.is_pinned,
            notification_settings,
        }))
    }
}

/// A change that says something.
fn says(own: ConversationSettings) -> Option<ConversationSettings> {
    let flags = [own.is_muted, own.is_archived, own.is_pinned];
    let silent = flags.iter().all(Option::is_none) && own.notification_settings.is_absent();
    (!silent).then_some(own)
}

#[cfg(test)]
mod tests {
    use schemas::Code;
    use serde_json::{Value, json};
    use uuid::Uuid;

    use super::*;
    use crate::extract::read_json;

    const ME: UserId = UserId(Uuid::from_u128(1));
    const HERE: ConversationId = ConversationId(Uuid::from_u128(9));

    fn user(n: u128) -> UserId {
        UserId(Uuid::from_u128(n))
    }

    fn open(json: &Value) -> Result<Opening, ApiError> {
        read_json::<Create<'_>>(json.to_string().as_bytes())?.check(ME)
    }

    #[test]
    fn a_direct_conversation_needs_one_other() {
        let check = |kind: &str, ids: Value| open(&json!({"type": kind, "participantIds": ids}));
        assert_eq!(check("direct", json!([user(2)])).unwrap().others, [user(2)]);
        let code = |kind: &str, ids| check(kind, ids).unwrap_err().code;
        assert_eq!(code("direct", json!([])), Code::ValidationFailed);
        assert_eq!(code("direct", json!([ME])), Code::ValidationFailed);
        assert_eq!(code("direct", json!([user(2), user(3)])), Code::ValidationFailed);
        assert_eq!(code("direct", json!(["x"])), Code::MalformedId);
        assert_eq!(code("direct", json!([5])), Code::ValidationFailed);
        assert_eq!(code("", json!([user(2)])), Code::ValidationFailed);
    }

    #[test]
    fn a_group_needs_a_name_and_others_each_once() {
        let group = |name: Value, ids: Value| {
            open(&json!({"type": "group", "name": name, "participantIds": ids}))
        };
        let made = group(json!(" Garden "), json!([user(2), user(3)])).unwrap();
        assert_eq!(made.settings.name.as_deref(), Some("Garden"));
        assert!(group(json!(null), json!([user(2)])).is_err());
        assert!(group(json!("  "), json!([user(2)])).is_err());
        assert!(group(json!("x".repeat(256)), json!([user(2)])).is_err());
        assert!(group(json!("x"), json!([user(2), user(2)])).is_err());
        assert!(group(json!("x"), json!([user(2), ME])).is_err());
        let many = |n: u128| Value::from((2..n + 2).map(|n| json!(user(n))).collect::<Vec<_>>());
        assert_eq!(group(json!("x"), many(256)).unwrap().others.len(), 256);
        assert!(group(json!("x"), many(257)).is_err());
    }

    #[test]
    fn a_change_is_for_all_for_oneself_or_both() {
        let change =
            |json: Value| read_json::<Change<'_>>(json.to_string().as_bytes())?.check(HERE);
        assert_eq!(change(json!({})).unwrap(), (None, None));
        let (naming, own) = change(json!({"description": null, "isPinned": true})).unwrap();
        assert_eq!(naming.unwrap().description, Patch::Null);
        assert_eq!(own.unwrap().is_pinned, Some(true));
        assert_eq!(change(json!({"isMuted": false})).unwrap().0, None);
        assert!(change(json!({"name": null})).is_err());
        assert!(change(json!({"avatarUrl": "x"})).is_err());
    }

    #[test]
    fn settings_know_no_role() {
        let set =
            |json: Value| read_json::<Preferences<'_>>(json.to_string().as_bytes())?.check(HERE);
        assert_eq!(set(json!({"role": "owner"})).unwrap_err().code, Code::UnknownField);
        assert_eq!(set(json!({})), Ok(None));
        let own = set(json!({"notificationSettings": {"sound": false}})).unwrap().unwrap();
        assert_eq!(own.notification_settings, Patch::Value(json!({"sound": false})));
        let own = set(json!({"notificationSettings": null})).unwrap().unwrap();
        assert_eq!(own.notification_settings, Patch::Null);
        for bad in [json!([]), json!("x"), json!({"x": "x".repeat(2_048)})] {
            assert!(set(json!({ "notificationSettings": bad })).is_err());
        }
    }
}
