//! What the pool publishes of a user: on the board of his partition, and to the nodes.

use serde::{Deserialize, Serialize};

use super::table::LastSeen;
use super::{DeviceKind, Status};
use crate::id::UserId;
use crate::time::Timestamp;
use crate::user::head::{Audience, Head, Preference, Privacy};

/// One of a user's devices.
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Device {
    /// Its name.
    pub device_id: String,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: DeviceKind,
    /// When he last did something on it, as of when it was told of.
    pub last_active: Timestamp,
}

/// The presence of a user, the same for every reader, and who may see it. What a viewer sees is
/// [`super::view::show`]'s to say: an entry is never sent to a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Whose.
    pub user_id: UserId,
    /// Grows with every entry of his: of two the larger is the newer.
    pub version: i64,
    /// What he is.
    pub status: Status,
    /// What he would be if he had decided nothing, where that is something else: whoever reads that he has
    /// changed his mind knows what he is by now. On the board alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub otherwise: Option<Status>,
    /// What he says of himself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_status: Option<String>,
    /// Until when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_status_expires_at: Option<Timestamp>,
    /// When he was last here; of one who is here, when he last did something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_seen_at: Option<Timestamp>,
    /// Since when he is what he is.
    pub since: Timestamp,
    /// His devices: for himself alone, and on the board alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub devices: Vec<Device>,
    /// Whether others may see whether he is here: a setting of his.
    pub online: bool,
    /// Who may see when he was last here.
    pub last_seen: Audience,
    /// Others saw him until now and do not any more, as he has decided: told even to whom nobody has
    /// pushed anything of him, as they may have read it. In what is published alone, never on the board.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hides: bool,
    /// He has decided something and is what was published of him before, which may have been read otherwise
    /// meanwhile: told to those alone who may have. In what is published alone, never on the board.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
    /// When this entry was made.
    pub at: Timestamp,
}

impl Entry {
    /// Of a user who is not here: by his head, and by when he was last seen. For readers who find nothing
    /// on the board.
    pub fn away(user: UserId, head: &Head, seen: Option<&LastSeen>) -> Self {
        let at = seen.map(|seen| seen.at);
        let mut entry = Self {
            user_id: user,
            version: seen.map_or(0, |seen| seen.version),
            status: Status::Offline,
            otherwise: None,
            custom_status: None,
            custom_status_expires_at: None,
            last_seen_at: at,
            since: at.unwrap_or(head.created_at),
            devices: Vec::new(),
            online: true,
            last_seen: Audience::Everyone,
            hides: false,
            again: false,
            at: at.unwrap_or(head.created_at),
        };
        entry.decided(&head.presence, &head.privacy);
        entry
    }

    /// Takes over what the head says: what he has decided, and who may see it.
    pub fn decided(&mut self, presence: &Preference, privacy: &Privacy) {
        self.custom_status.clone_from(&presence.custom_status);
        self.custom_status_expires_at = presence.custom_until;
        self.online = privacy.online;
        self.last_seen = privacy.last_seen;
    }

    /// Makes of him what he has decided by now: the pool hears of it later than he does.
    pub fn overrule(&mut self, head: &Head) {
        let undecided = self.undecided();
        let status = Status::effective(head.presence.status, std::iter::once(undecided));
        if status != self.status {
            self.since = self.since.max(head.last_at);
            self.at = self.at.max(head.last_at);
        }
        if status.is_here() && !self.status.is_here() {
            // What he did while he hid.
            let active = self.devices.iter().map(|device| device.last_active).max();
            self.last_seen_at = active.or(self.last_seen_at);
        }
        self.is(status, undecided);
    }

    /// Whether it has what this head says.
    pub fn agrees(&self, head: &Head, now: Timestamp) -> bool {
        let said = head.presence.at(now);
        let status = Status::effective(said.status, std::iter::once(self.undecided()));
        let text = said.custom_status.as_deref().map(|text| (text, said.custom_until));
        (self.status, self.online, self.last_seen)
            == (status, head.privacy.online, head.privacy.last_seen)
            && self.custom(now) == text
    }

    fn undecided(&self) -> Status {
        self.otherwise.unwrap_or(self.status)
    }

    /// What he is, and what he would be if he had decided nothing.
    pub fn is(&mut self, status: Status, undecided: Status) {
        self.status = status;
        self.otherwise = (status != undecided).then_some(undecided);
    }

    /// Whether a reader of `other` sees, or may come to see, anything else: everything but the times of
    /// this entry itself, the devices and the last activity.
    pub fn differs(&self, other: &Self) -> bool {
        let seen = |entry: &Self| {
            // Of one who is here it moves all the time, and is worth no push.
            let gone = entry.last_seen_at.filter(|_| entry.status == Status::Offline);
            (entry.status, gone, entry.online, entry.last_seen, entry.custom_status_expires_at)
        };
        seen(self) != seen(other) || self.custom_status != other.custom_status
    }

    /// What he says of himself at `now`, and until when.
    pub fn custom(&self, now: Timestamp) -> Option<(&str, Option<Timestamp>)> {
        let until = self.custom_status_expires_at;
        let text = self.custom_status.as_deref().filter(|_| until.is_none_or(|until| until > now));
        text.map(|text| (text, until))
    }
}
