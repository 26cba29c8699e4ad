//! Settings: a user's own, and what he has set about each of his conversations.

use bytes::Bytes;
use schemas::patch::Patch;
use schemas::table::Write;
use schemas::user::change::{Change, Effect};
use schemas::user::command::{ConversationSettings, Settings};
use schemas::user::settings;
use schemas::user::table::{ConversationSettings as Row, UserSettings};
use schemas::{ApiError, ConversationId, UserId};
use serde::Serialize;
use serde_json::{Map, Value};

use super::state::User;
use super::{Outcome, Verdict, changed, standing, updated};

pub(super) fn settings(state: &User, change: &Settings) -> Verdict {
    standing(state)?;
    let wrong: Vec<String> = change
        .settings
        .iter()
        .filter_map(|(name, value)| match settings::named(name) {
            Some(setting) => setting.check(value).err(),
            None => Some(format!("there is no setting {name}")),
        })
        .collect();
    if !wrong.is_empty() {
        return Err(ApiError::invalid(wrong));
    }
    let now = settings::changed(&state.settings, &change.settings);
    if now == state.settings {
        return Ok(Outcome::Before);
    }
    let entry = updated("settings", &settings::whole(&now));
    let privacy = settings::privacy(&now);
    Ok(changed(Effect::Settings { settings: now, privacy }, entry))
}

pub(super) fn rows(change: &Change, settings: &Map<String, Value>) -> Vec<Write> {
    let body = serde_json::to_vec(settings).expect("plain data serialises");
    let row = UserSettings { user: change.user, body: Bytes::from(body), updated_at: change.at };
    vec![Write::replace(&row, change.position.stamp())]
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    conversation_id: ConversationId,
    is_muted: bool,
    is_archived: bool,
    is_pinned: bool,
    notification_settings: Option<&'a Value>,
}

pub(super) fn of_conversation(state: &User, key: UserId, change: &ConversationSettings) -> Verdict {
    standing(state)?;
    let conversation = change.conversation_id;
    let before = state.conversations.get(&conversation).cloned().flatten();
    let before = before.unwrap_or_else(|| Row::none(key, conversation));
    let mut row = before.clone();
    row.is_muted = change.is_muted.unwrap_or(row.is_muted);
    row.is_archived = change.is_archived.unwrap_or(row.is_archived);
    row.is_pinned = change.is_pinned.unwrap_or(row.is_pinned);
    match &change.notification_settings {
        Patch::Absent => {}
        Patch::Null => row.notifications = None,
        Patch::Value(value) => row.notifications = Some(value.to_string()),
    }
    if row == before {
        return Ok(Outcome::Before);
    }
    let notifications: Option<Value> =
        row.notifications.as_deref().and_then(|text| serde_json::from_str(text).ok());
    let entry = Entry {
        conversation_id: conversation,
        is_muted: row.is_muted,
        is_archived: row.is_archived,
        is_pinned: row.is_pinned,
        notification_settings: notifications.as_ref(),
    };
    let entry = updated("conversation", &entry);
    Ok(changed(Effect::Conversation { row }, entry))
}
