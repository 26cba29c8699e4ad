//! What a viewer sees of a user's presence.

use serde::{Deserialize, Serialize};

use super::Status;
use super::entry::{Device, Entry};
use crate::id::UserId;
use crate::limits;
use crate::time::Timestamp;
use crate::user::head::Audience;

/// What a viewer is to a user.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permission {
    /// One of the two has blocked the other.
    pub blocked: bool,
    /// They have a direct conversation.
    pub contact: bool,
}

/// A user's presence and what the viewer may see of it. A user that does not exist is like one that
/// hides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The user.
    pub user: UserId,
    /// What the viewer is to him.
    pub permission: Permission,
    /// The newest entry.
    pub entry: Option<Entry>,
}

/// Who looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Viewer {
    /// The user himself.
    Himself,
    /// Another.
    Other(Permission),
}

/// Presence as a socket is told of it.
#[cfg_attr(
    feature = "json-schema",
    derive(schemars::JsonSchema),
    schemars(rename = "PresenceShown")
)]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown {
    /// Whose.
    pub user_id: UserId,
    /// What he is, as far as the viewer may see.
    pub status: Status,
    /// What he says of himself.
    pub custom_status: Option<String>,
    /// Until when: from then on the text is gone, without another frame to those who see him offline.
    pub custom_status_expires_at: Option<Timestamp>,
    /// When he was last here; of one who is here, when he last did something.
    pub last_seen_at: Option<Timestamp>,
}

/// Presence as REST gives it.
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Presence {
    /// The user's: each has one presence.
    pub id: UserId,
    /// When he became what he is; null where that is hidden.
    pub created_at: Option<Timestamp>,
    /// When it last changed; null where that is hidden.
    pub updated_at: Option<Timestamp>,
    /// Null.
    pub deleted_at: Option<Timestamp>,
    /// What a socket is told, too.
    #[serde(flatten)]
    pub shown: Shown,
    /// His devices; null for others.
    pub devices: Option<Vec<Device>>,
    /// Whether he is shown as away.
    pub show_as_away: bool,
    /// Since when.
    pub away_at: Option<Timestamp>,
    /// Idle time after which a device is away.
    pub away_timeout_seconds: u64,
}

/// What `viewer` sees of `user` at `now`: the one place that decides it. Blocked, hidden and unknown look
/// alike.
pub fn show(entry: Option<&Entry>, user: UserId, viewer: Viewer, now: Timestamp) -> Presence {
    let mut presence = Presence {
        id: user,
        created_at: None,
        updated_at: None,
        deleted_at: None,
        shown: Shown {
            user_id: user,
            status: Status::Offline,
            custom_status: None,
            custom_status_expires_at: None,
            last_seen_at: None,
        },
        devices: None,
        show_as_away: false,
        away_at: None,
        away_timeout_seconds: limits::AWAY_MS / 1_000,
    };
    let Some(entry) = entry else { return presence };
    let (online, last_seen) = match viewer {
        Viewer::Himself => (true, true),
        Viewer::Other(permission) if permission.blocked => (false, false),
        Viewer::Other(permission) => {
            let admitted = match entry.last_seen {
                Audience::Everyone => true,
                Audience::Contacts => permission.contact,
                Audience::Nobody => false,
            };
            (entry.online, admitted)
        }
    };
    let shown = &mut presence.shown;
    if online {
        shown.status = entry.status;
        if let Some((text, until)) = entry.custom(now) {
            shown.custom_status = Some(text.to_owned());
            shown.custom_status_expires_at = until;
        }
        presence.show_as_away = entry.status == Status::Away;
        presence.away_at = presence.show_as_away.then_some(entry.since);
    }
    // Of one who hides that he is here, a time that goes when he comes and is another one when he has
    // gone would tell just that.
    if online && last_seen {
        shown.last_seen_at = entry.last_seen_at;
        presence.created_at = Some(entry.since);
        // Of one who hides, what he does moves nothing that others see.
        let own = viewer == Viewer::Himself || entry.status.is_here();
        presence.updated_at = Some(if own { entry.at } else { entry.since });
    }
    if viewer == Viewer::Himself {
        presence.devices = Some(entry.devices.clone());
    }
    presence
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::super::DeviceKind;
    use super::*;

    const USER: UserId = UserId(Uuid::from_u128(7));

    fn entry() -> Entry {
        Entry {
            user_id: USER,
            version: 1,
            status: Status::Away,
            custom_status: Some("lunch".to_owned()),
            custom_status_expires_at: Some(Timestamp(100)),
            last_seen_at: Some(Timestamp(40)),
            since: Timestamp(45),
            devices: vec![Device {
                device_id: "d".to_owned(),
                kind: DeviceKind::Web,
                last_active: Timestamp(40),
            }],
            online: true,
            last_seen: Audience::Contacts,
            hides: false,
            again: false,
            otherwise: None,
            at: Timestamp(50),
        }
    }

    fn other(blocked: bool, contact: bool) -> Viewer {
        Viewer::Other(Permission { blocked, contact })
    }

    fn at(entry: &Entry, viewer: Viewer, now: i64) -> Presence {
        show(Some(entry), USER, viewer, Timestamp(now))
    }

    #[test]
    fn a_contact_sees_what_a_stranger_does_not() {
        let contact = at(&entry(), other(false, true), 60);
        assert_eq!(contact.shown.status, Status::Away);
        assert_eq!(contact.shown.custom_status.as_deref(), Some("lunch"));
        assert_eq!(contact.shown.last_seen_at, Some(Timestamp(40)));
        assert_eq!(contact.away_at, Some(Timestamp(45)));
        let stranger = at(&entry(), other(false, false), 60);
        assert_eq!(stranger.shown.status, Status::Away);
        assert_eq!((stranger.shown.last_seen_at, stranger.updated_at), (None, None));
        assert_eq!((contact.devices, stranger.devices), (None, None));
    }

    #[test]
    fn the_user_himself_sees_everything() {
        let hidden = Entry { online: false, last_seen: Audience::Nobody, ..entry() };
        let own = at(&hidden, Viewer::Himself, 60);
        assert_eq!(own.shown.status, Status::Away);
        assert_eq!(own.shown.last_seen_at, Some(Timestamp(40)));
        assert_eq!(own.devices.map(|devices| devices.len()), Some(1));
    }

    #[test]
    fn blocked_hidden_and_unknown_look_alike() {
        let unknown = show(None, USER, other(false, false), Timestamp(60));
        assert_eq!(at(&entry(), other(true, true), 60), unknown);
        let hidden = Entry { online: false, ..entry() };
        assert_eq!(at(&hidden, other(false, true), 60), unknown);
        // Whether he is here or not: nobody sees him come or go.
        let gone = Entry { status: Status::Offline, last_seen_at: Some(Timestamp(58)), ..hidden };
        assert_eq!(at(&gone, other(false, true), 60), unknown);
    }

    #[test]
    fn a_custom_status_ends_by_itself() {
        assert!(at(&entry(), other(false, true), 99).shown.custom_status.is_some());
        let ended = at(&entry(), other(false, true), 100).shown;
        assert_eq!((ended.custom_status, ended.custom_status_expires_at), (None, None));
    }
}
