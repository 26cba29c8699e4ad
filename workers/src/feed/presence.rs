//! How a user wants to be seen, and what the pool of presence is to look at again: him, when that, his
//! settings or his account change, or what is between him and somebody else. It is told after the rows
//! are written, so that it reads what it was told of; a record that comes twice changes nothing there.

use bytes::Bytes;
use schemas::envelope::{self, PresenceCommand, UserCommand};
use schemas::presence::Status;
use schemas::presence::record::{Decided, Related};
use schemas::topic::PRESENCE;
use schemas::user::change::{Change, Effect};
use schemas::user::command::Presence;
use schemas::user::head::Preference;
use schemas::{ApiError, Timestamp, limits};
use serde::Serialize;

use super::state::User;
use super::{Outcome, Verdict, changed, standing, updated};
use crate::fold::{Emit, Item};

/// As his other sockets learn it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    status: Option<Status>,
    custom_status: Option<&'a str>,
    custom_status_expires_at: Option<Timestamp>,
}

impl<'a> Entry<'a> {
    fn of(presence: &'a Preference) -> Self {
        Self {
            status: presence.status,
            custom_status: presence.custom_status.as_deref(),
            custom_status_expires_at: presence.custom_until,
        }
    }
}

pub(super) fn presence(state: &User, item: &Item<UserCommand>, change: &Presence) -> Verdict {
    let head = standing(state)?;
    let said = change.custom_status.value().map_or(0, |text| text.chars().count());
    if said > limits::CUSTOM_STATUS_CHARS {
        return Err(ApiError::invalid(vec![format!(
            "customStatus must have at most {} characters",
            limits::CUSTOM_STATUS_CHARS
        )]));
    }
    let now = head.last_at.max(item.appended_at);
    let presence = head.presence.after(change, now);
    if presence == head.presence.at(now) {
        return Ok(Outcome::Before);
    }
    let entry = updated("presence", &Entry::of(&presence));
    Ok(changed(Effect::Presence { presence }, entry))
}

/// What the pool of presence is told of a change, if it is to be told.
pub(super) fn tell(change: &Change) -> Option<Emit> {
    let user_id = change.user;
    let command = match &change.effect {
        Effect::Presence { .. } | Effect::Settings { .. } => {
            PresenceCommand::Decided(Decided { user_id, shown: true })
        }
        Effect::Deleted { .. } => PresenceCommand::Decided(Decided { user_id, shown: false }),
        Effect::Blocked { row } => PresenceCommand::Related(Related { user_id, other: row.other }),
        Effect::Unblocked { other } => PresenceCommand::Related(Related { user_id, other: *other }),
        Effect::Created { .. }
        | Effect::Updated { .. }
        | Effect::ConversationAdded { .. }
        | Effect::ConversationRemoved { .. }
        | Effect::Conversation { .. } => return None,
    };
    let meta = envelope::Meta {
        id: change.command,
        actor: user_id,
        at: change.at,
        reply_to: None,
        trace: None,
        once: None,
    };
    Some(Emit::Record {
        topic: &PRESENCE,
        key: Bytes::from(user_id.to_string()),
        headers: Vec::new(),
        value: envelope::encode(&meta, &command).expect("two ids are far below the largest record"),
    })
}
