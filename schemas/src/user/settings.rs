//! A user's settings: name, default, what is allowed. What differs from its default is stored.

use serde_json::{Map, Value, json};

use super::head::{Audience, Privacy};

/// What a setting may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// true or false.
    Boolean,
    /// everyone, contacts, nobody.
    Audience,
    /// One of these texts.
    OneOf(&'static [&'static str]),
    /// A text of at most so many characters.
    Text(usize),
    /// The same, or null.
    TextOrNull(usize),
    /// A whole number from the first to the second.
    Number(i64, i64),
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Name of the field.
    pub name: &'static str,
    /// What it may be.
    pub allowed: Allowed,
    /// Its default, as JSON.
    pub default: &'static str,
}

const fn setting(name: &'static str, allowed: Allowed, default: &'static str) -> Setting {
    Setting { name, allowed, default }
}

const fn on(name: &'static str) -> Setting {
    setting(name, Allowed::Boolean, "true")
}

const fn off(name: &'static str) -> Setting {
    setting(name, Allowed::Boolean, "false")
}

const fn everyone(name: &'static str) -> Setting {
    setting(name, Allowed::Audience, "\"everyone\"")
}

/// Every setting.
pub const ALL: [Setting; 28] = [
    everyone("profileVisibility"),
    everyone("lastSeenVisibility"),
    everyone("readReceiptsVisibility"),
    on("showOnlineStatus"),
    on("allowGroupInvites"),
    everyone("whoCanMessage"),
    on("pushNotificationsEnabled"),
    on("emailNotificationsEnabled"),
    on("messageNotifications"),
    on("groupNotifications"),
    on("mentionNotifications"),
    on("reactionNotifications"),
    on("callNotifications"),
    on("notificationSound"),
    setting("notificationTone", Allowed::Text(50), "\"default\""),
    setting("theme", Allowed::OneOf(&["light", "dark", "auto"]), "\"auto\""),
    setting("language", Allowed::Text(10), "\"en\""),
    setting("timezone", Allowed::Text(50), "\"UTC\""),
    on("autoDownloadImages"),
    off("autoDownloadVideos"),
    off("autoDownloadDocuments"),
    on("sendOnEnter"),
    on("showTypingIndicator"),
    off("archiveChats"),
    setting("messageTextSize", Allowed::Number(10, 24), "14"),
    off("twoStepVerification"),
    off("blockedContactNotifications"),
    off("aiAssistantEnabled"),
];

/// Those of the assistant that the predecessor had beside the first.
pub const ASSISTANT: [Setting; 3] = [
    off("aiMessageSuggestions"),
    off("aiTranslationEnabled"),
    setting("aiTranslationTargetLang", Allowed::TextOrNull(10), "null"),
];

/// Every setting there is.
pub fn all() -> impl Iterator<Item = &'static Setting> {
    ALL.iter().chain(&ASSISTANT)
}

impl Setting {
    /// Its default.
    pub fn default_value(&self) -> Value {
        serde_json::from_str(self.default).unwrap_or(Value::Null)
    }

    /// Whether it may have this value; else why not.
    pub fn check(&self, value: &Value) -> Result<(), String> {
        let name = self.name;
        let within = |most: usize| value.as_str().is_some_and(|text| text.chars().count() <= most);
        let fits = match self.allowed {
            Allowed::Boolean => value.is_boolean(),
            Allowed::Audience => value.as_str().is_some_and(|text| Audience::read(text).is_some()),
            Allowed::OneOf(texts) => value.as_str().is_some_and(|text| texts.contains(&text)),
            Allowed::Text(most) => within(most),
            Allowed::TextOrNull(most) => value.is_null() || within(most),
            Allowed::Number(least, most) => {
                // 12.0 is a whole number too; printed, it is one.
                let number =
                    value.as_f64().and_then(|number| number.to_string().parse::<i64>().ok());
                number.is_some_and(|number| (least..=most).contains(&number))
            }
        };
        if fits {
            return Ok(());
        }
        Err(match self.allowed {
            Allowed::Boolean => format!("{name} must be true or false"),
            Allowed::Audience => format!("{name} must be one of everyone, contacts, nobody"),
            Allowed::OneOf(texts) => format!("{name} must be one of {}", texts.join(", ")),
            Allowed::Text(most) | Allowed::TextOrNull(most) => {
                format!("{name} must be a text of at most {most} characters")
            }
            Allowed::Number(least, most) => {
                format!("{name} must be a whole number from {least} to {most}")
            }
        })
    }
}

/// The setting of this name.
pub fn named(name: &str) -> Option<&'static Setting> {
    all().find(|setting| setting.name == name)
}

/// All settings, with the defaults of those that are not stored.
pub fn whole(stored: &Map<String, Value>) -> Map<String, Value> {
    all()
        .map(|setting| {
            let value = stored.get(setting.name).cloned();
            (setting.name.to_owned(), value.unwrap_or_else(|| setting.default_value()))
        })
        .collect()
}

/// `stored` after a change: what is at its default is not kept.
pub fn changed(stored: &Map<String, Value>, change: &Map<String, Value>) -> Map<String, Value> {
    let mut now = stored.clone();
    for (name, value) in change {
        match named(name) {
            Some(setting) if setting.default_value() != *value => {
                now.insert(name.clone(), value.clone());
            }
            _ => {
                now.remove(name);
            }
        }
    }
    now
}

/// Those that others meet.
pub fn privacy(stored: &Map<String, Value>) -> Privacy {
    let audience = |name| {
        stored.get(name).and_then(Value::as_str).and_then(Audience::read).unwrap_or_default()
    };
    let flag = |name| stored.get(name) != Some(&json!(false));
    Privacy {
        profile: audience("profileVisibility"),
        last_seen: audience("lastSeenVisibility"),
        read_receipts: audience("readReceiptsVisibility"),
        messages: audience("whoCanMessage"),
        online: flag("showOnlineStatus"),
        group_invites: flag("allowGroupInvites"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_allowed_and_names_are_unique() {
        let mut names: Vec<_> = all().map(|setting| setting.name).collect();
        for setting in all() {
            assert_eq!(setting.check(&setting.default_value()), Ok(()), "{}", setting.name);
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len() + ASSISTANT.len());
    }

    #[test]
    fn a_whole_number_is_one_however_it_is_written() {
        let size = named("messageTextSize").unwrap();
        assert_eq!(size.check(&json!(12.0)), Ok(()));
        for bad in [json!(12.5), json!(25), json!(1e30), json!("12"), json!(null)] {
            assert!(size.check(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_at_its_default_is_not_kept() {
        let map = |value: Value| value.as_object().cloned().unwrap();
        let none = Map::new();
        let one = changed(&none, &map(json!({"theme": "dark", "sendOnEnter": true})));
        assert_eq!(one, map(json!({"theme": "dark"})));
        assert_eq!(changed(&one, &map(json!({"theme": "auto"}))), none);
        assert_eq!(whole(&one).get("theme"), Some(&json!("dark")));
        assert_eq!(whole(&one).get("messageTextSize"), Some(&json!(14)));
        let private = map(json!({"whoCanMessage": "nobody", "allowGroupInvites": false}));
        assert_eq!(privacy(&private).messages, Audience::Nobody);
        assert!(!privacy(&private).group_invites && privacy(&private).online);
        assert_eq!(privacy(&none), Privacy::default());
    }

    #[test]
    fn values_are_checked() {
        let check = |name, value: Value| named(name).unwrap().check(&value).is_ok();
        assert!(check("messageTextSize", json!(24)) && !check("messageTextSize", json!(25)));
        assert!(!check("messageTextSize", json!(14.5)) && !check("theme", json!("blue")));
        assert!(check("aiTranslationTargetLang", json!(null)) && !check("language", json!(null)));
        assert!(named("role").is_none());
    }
}
