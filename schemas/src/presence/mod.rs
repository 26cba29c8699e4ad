//! Presence: who is here, on which devices, and what others may see of it.
//!
//! Three kinds of facts, each with a home of its own (ADR 9). What *devices* do is told by the delivery
//! nodes on `chat.presence` ([`record`]). What a user has *decided* (a status, a text until Friday) is in
//! his head (`user::head`). What comes of both is an [`entry`], which the pool `presence` publishes: it is
//! the same for everybody, and [`view::show`] alone decides what of it a viewer sees. Bytes that are
//! shared by viewers never hold an answer to "may he see it".

pub mod entry;
pub mod record;
pub mod table;
pub mod view;

use serde::{Deserialize, Serialize};

use crate::limits;

/// Whether somebody is here.
#[cfg_attr(
    feature = "json-schema",
    derive(schemars::JsonSchema),
    schemars(rename = "PresenceStatus")
)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Here, and active.
    Online,
    /// Here, and idle, or so he says.
    Away,
    /// Here, and not to be disturbed.
    DoNotDisturb,
    /// Not here, or so he says.
    #[default]
    Offline,
}

impl Status {
    /// Its name on the wire.
    pub fn text(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Away => "away",
            Self::DoNotDisturb => "do_not_disturb",
            Self::Offline => "offline",
        }
    }

    /// The status of this name.
    pub fn read(text: &str) -> Option<Self> {
        [Self::Online, Self::Away, Self::DoNotDisturb, Self::Offline]
            .into_iter()
            .find(|status| status.text() == text)
    }

    /// Whether it is one of those who are here.
    pub fn is_here(self) -> bool {
        self != Self::Offline
    }

    /// How much somebody is there: that it is more is told at once, that it is less may be held up.
    pub fn presence(self) -> u8 {
        match self {
            Self::Offline => 0,
            Self::Away => 1,
            Self::DoNotDisturb => 2,
            Self::Online => 3,
        }
    }

    /// What a user is, by what he has decided and by what his devices are. No device: offline, whatever
    /// he has decided. Else his decision stands, if it is not `online`; else the one that disturbs least:
    /// do not disturb if any device says so, online if any is active, away.
    pub fn effective(preference: Option<Self>, devices: impl Iterator<Item = Self>) -> Self {
        let mut found = Self::Offline;
        for device in devices {
            found = match (found, device) {
                (_, Self::DoNotDisturb) | (Self::DoNotDisturb, _) => Self::DoNotDisturb,
                (_, Self::Online) | (Self::Online, _) => Self::Online,
                (_, Self::Away) | (Self::Away, _) => Self::Away,
                (Self::Offline, Self::Offline) => Self::Offline,
            };
        }
        match preference {
            Some(preference) if found.is_here() && preference != Self::Online => preference,
            _ => found,
        }
    }
}

/// What a device is.
#[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceKind {
    /// A browser.
    #[default]
    Web,
    /// A telephone or tablet.
    Mobile,
    /// A program on a computer.
    Desktop,
}

impl DeviceKind {
    /// Its name on the wire.
    pub fn text(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Mobile => "mobile",
            Self::Desktop => "desktop",
        }
    }

    /// The kind of this name.
    pub fn read(text: &str) -> Option<Self> {
        [Self::Web, Self::Mobile, Self::Desktop].into_iter().find(|kind| kind.text() == text)
    }

    /// What a `User-Agent` says it is: a guess, for clients that do not say.
    pub fn of_agent(agent: &str) -> Self {
        let agent = agent.to_ascii_lowercase();
        let any = |words: &[&str]| words.iter().any(|word| agent.contains(word));
        if any(&["mobile", "android", "iphone", "ipad", "okhttp", "cfnetwork", "dart"]) {
            Self::Mobile
        } else if any(&["electron", "tauri"]) {
            Self::Desktop
        } else {
            Self::Web
        }
    }
}

/// Whether this can be the name of a device that a client chose.
pub fn is_device_id(id: &str) -> bool {
    let length = id.chars().count();
    (1..=limits::DEVICE_ID_CHARS).contains(&length) && !id.chars().any(char::is_control)
}

/// The board of the ephemeral store that holds the entries of a partition of `chat.presence`.
pub fn board(partition: u32) -> String {
    format!("presence:{partition}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_what_he_decided_if_he_is_here_and_else_what_his_devices_say() {
        use Status::{Away, DoNotDisturb, Offline, Online};
        let of =
            |preference, devices: &[Status]| Status::effective(preference, devices.iter().copied());
        let cases: [(Option<Status>, &[Status], Status); 13] = [
            (None, &[], Offline),
            (Some(DoNotDisturb), &[], Offline),
            (None, &[Online], Online),
            (None, &[Away], Away),
            (None, &[Away, Online], Online),
            (None, &[Away, Offline], Away),
            (None, &[Offline], Offline),
            (None, &[Online, DoNotDisturb, Away], DoNotDisturb),
            (Some(Online), &[DoNotDisturb], DoNotDisturb),
            (Some(Away), &[Online, DoNotDisturb], Away),
            (Some(DoNotDisturb), &[Away], DoNotDisturb),
            (Some(Offline), &[Online], Offline),
            (Some(Away), &[Offline], Offline),
        ];
        for (preference, devices, expected) in cases {
            assert_eq!(of(preference, devices), expected, "{preference:?} {devices:?}");
            let turned: Vec<Status> = devices.iter().rev().copied().collect();
            assert_eq!(of(preference, &turned), expected, "{preference:?} {turned:?}");
        }
    }

    #[test]
    fn names_read_back_and_are_those_of_the_json() {
        for status in [Status::Online, Status::Away, Status::DoNotDisturb, Status::Offline] {
            assert_eq!(Status::read(status.text()), Some(status));
            assert_eq!(serde_json::to_value(status).unwrap(), status.text());
        }
        assert_eq!(Status::read("busy"), None);
    }

    #[test]
    fn a_client_that_does_not_say_what_it_is_is_guessed() {
        let kind = DeviceKind::of_agent;
        assert_eq!(kind("Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0"), DeviceKind::Web);
        assert_eq!(kind("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0) Safari"), DeviceKind::Mobile);
        assert_eq!(kind("okhttp/4.12"), DeviceKind::Mobile);
        assert_eq!(kind("Mozilla/5.0 Chrome/128 Electron/32.0 Safari"), DeviceKind::Desktop);
        assert_eq!(kind(""), DeviceKind::Web);
    }
}
