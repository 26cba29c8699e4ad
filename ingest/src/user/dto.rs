//! Requests about users.

use schemas::patch::Patch;
use schemas::user::command::{Block, Update};
use schemas::user::settings;
use schemas::{ApiError, Code, UserId, limits};
use serde::Deserialize;
use serde_json::{Map, Value};

#[cfg(test)]
use crate::document::text::{EMOJI, PHONE, PROSE, URL};
use crate::extract::{DETAILS_MAX, Text};
use crate::session::dto::password_fits;

/// Characters of a telephone number.
const PHONE_CHARS: std::ops::RangeInclusive<usize> = 10..=20;
/// The fewest digits of one.
const PHONE_DIGITS: usize = 6;

/// What one tells about oneself.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ProfileChange"))]
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Profile<'a> {
    /// First name; null: none.
    #[serde(borrow, default)]
    #[cfg_attr(test, schemars(with = "Option<String>", length(max = limits::NAME_CHARS), regex(pattern = EMOJI)))]
    first_name: Patch<Text<'a>>,
    /// Last name; null: none.
    #[serde(borrow, default)]
    #[cfg_attr(test, schemars(with = "Option<String>", length(max = limits::NAME_CHARS), regex(pattern = EMOJI)))]
    last_name: Patch<Text<'a>>,
    /// About oneself; null: nothing.
    #[serde(borrow, default)]
    #[cfg_attr(test, schemars(with = "Option<String>", length(max = limits::BIO_CHARS), regex(pattern = PROSE)))]
    bio: Patch<Text<'a>>,
    /// Status line; null: none.
    #[serde(borrow, default)]
    #[cfg_attr(test, schemars(with = "Option<String>", length(max = limits::STATUS_CHARS), regex(pattern = PROSE)))]
    status: Patch<Text<'a>>,
    /// Picture, an http or https URL; null: none.
    #[serde(borrow, default)]
    #[cfg_attr(test, schemars(with = "Option<String>", length(max = limits::URL_CHARS), regex(pattern = URL)))]
    avatar_url: Patch<Text<'a>>,
    /// Telephone number, nobody else's; null: none.
    #[serde(borrow, default)]
    #[cfg_attr(test, schemars(with = "Option<String>", length(min = 10, max = 20), regex(pattern = PHONE)))]
    phone: Patch<Text<'a>>,
}

impl Profile<'_> {
    /// The change, every mistake named.
    pub(super) fn check(self) -> Result<Update, ApiError> {
        let mut wrong = Vec::new();
        let update = Update {
            first_name: name(self.first_name, "firstName", &mut wrong),
            last_name: name(self.last_name, "lastName", &mut wrong),
            bio: prose(self.bio, "bio", limits::BIO_CHARS, &mut wrong),
            status: prose(self.status, "status", limits::STATUS_CHARS, &mut wrong),
            avatar_url: url(self.avatar_url, "avatarUrl", &mut wrong),
            phone: phone(self.phone, &mut wrong),
        };
        if wrong.is_empty() { Ok(update) } else { Err(ApiError::invalid(wrong)) }
    }
}

fn name(text: Patch<Text<'_>>, field: &str, wrong: &mut Vec<String>) -> Patch<String> {
    let name = text.map(|text| text.trim().to_owned());
    if let Some(name) = name.value()
        && (name.is_empty()
            || name.chars().count() > limits::NAME_CHARS
            || name.chars().any(char::is_control))
    {
        wrong.push(format!("{field} must have 1 to {} characters", limits::NAME_CHARS));
    }
    name
}

/// A control character that no line of text has.
pub(crate) fn is_stray(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\r' | '\t')
}

/// A text that may have lines; a blank one is none.
pub(crate) fn prose(
    text: Patch<Text<'_>>,
    field: &str,
    most: usize,
    wrong: &mut Vec<String>,
) -> Patch<String> {
    match text {
        Patch::Value(text) if text.trim().is_empty() => Patch::Null,
        Patch::Value(text) if text.chars().count() > most => {
            wrong.push(format!("{field} must have at most {most} characters"));
            Patch::Absent
        }
        Patch::Value(text) if text.chars().any(is_stray) => {
            wrong.push(format!("{field} must have no control characters but those of lines"));
            Patch::Absent
        }
        other => other.map(|text| text.0.into_owned()),
    }
}

/// A picture that any client can load, and nothing that it would run.
pub(crate) fn url(text: Patch<Text<'_>>, field: &str, wrong: &mut Vec<String>) -> Patch<String> {
    if let Some(text) = text.value()
        && !is_url(text)
    {
        wrong.push(format!(
            "{field} must be an http or https URL of at most {} characters",
            limits::URL_CHARS
        ));
    }
    text.map(|text| text.0.into_owned())
}

pub(crate) fn is_url(text: &str) -> bool {
    let uri = text.parse::<http::Uri>().ok();
    let uri = uri.filter(|uri| matches!(uri.scheme_str(), Some("http" | "https")));
    let sound = |authority: &http::uri::Authority| {
        let (whole, host) = (authority.as_str(), authority.host());
        // A host, and perhaps a port; nobody's name before them.
        !host.is_empty()
            && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b))
            && (whole == host || (whole.starts_with(host) && authority.port_u16().is_some()))
    };
    text.len() <= limits::URL_CHARS
        && uri.is_some_and(|uri| uri.authority().is_some_and(sound))
        && text.bytes().all(|b| b.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&b))
}

fn phone(text: Patch<Text<'_>>, wrong: &mut Vec<String>) -> Patch<String> {
    let phone = text.map(|text| text.trim().to_owned());
    if let Some(phone) = phone.value() {
        let sound = phone.chars().all(|c| c.is_ascii_digit() || "+ ()-".contains(c));
        let plus = phone.rfind('+').is_none_or(|at| at == 0);
        let digits = phone.chars().filter(char::is_ascii_digit).count();
        if !(sound && plus && digits >= PHONE_DIGITS && PHONE_CHARS.contains(&phone.len())) {
            wrong.push(
                "phone must have 10 to 20 digits, spaces, brackets or hyphens, and may begin with +"
                    .to_owned(),
            );
        }
    }
    phone
}

/// A telephone number as a claim on it is kept: however it is written, it is one number.
pub(crate) fn dialled(phone: &str) -> String {
    phone.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect()
}

/// A password for another one.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "PasswordChange"))]
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Password<'a> {
    /// The one that is valid now.
    #[serde(borrow)]
    #[cfg_attr(test, schemars(required, length(min = 1, max = limits::PASSWORD_MAX)))]
    current_password: Option<Text<'a>>,
    /// Another one, by the rules of registration.
    #[serde(borrow)]
    #[cfg_attr(test, schemars(required, length(min = limits::PASSWORD_MIN, max = limits::PASSWORD_MAX)))]
    new_password: Option<Text<'a>>,
}

impl Password<'_> {
    /// The present and the next password.
    pub(super) fn check(&self) -> Result<(&str, &str), ApiError> {
        let mut wrong = Vec::new();
        let current = self.current_password.as_deref().unwrap_or_default();
        if current.is_empty() || current.len() > 4 * limits::PASSWORD_MAX {
            wrong.push("currentPassword is required".to_owned());
        }
        let next = self.new_password.as_deref().unwrap_or_default();
        if !password_fits(next) {
            wrong.push("newPassword must have 8 to 128 characters".to_owned());
        }
        if wrong.is_empty() { Ok((current, next)) } else { Err(ApiError::invalid(wrong)) }
    }
}

/// Checks a change of settings, every mistake named.
pub(super) fn check_settings(change: &Map<String, Value>) -> Result<(), ApiError> {
    let mut unknown = false;
    let mut wrong = Vec::new();
    for (name, value) in change {
        if let Some(setting) = settings::named(name) {
            wrong.extend(setting.check(value).err());
        } else {
            unknown = true;
            let name: String = name.chars().take(100).collect();
            wrong.push(format!("property {name} should not exist"));
        }
    }
    wrong.truncate(DETAILS_MAX);
    match (wrong.is_empty(), unknown) {
        (true, _) => Ok(()),
        (false, true) => Err(ApiError { code: Code::UnknownField, ..ApiError::invalid(wrong) }),
        (false, false) => Err(ApiError::invalid(wrong)),
    }
}

/// Why somebody is blocked.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "BlockUser"))]
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Blocking<'a> {
    /// For oneself.
    #[serde(borrow)]
    #[cfg_attr(test, schemars(length(max = limits::BLOCK_REASON_CHARS), regex(pattern = PROSE)))]
    reason: Option<Text<'a>>,
    /// Whether he is reported too.
    report_submitted: Option<bool>,
    /// For what.
    #[serde(borrow)]
    #[cfg_attr(test, schemars(with = "Option<ReportCategory>"))]
    report_category: Option<Text<'a>>,
}

/// What a user can be reported for.
#[cfg(test)]
#[derive(schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
#[expect(dead_code, reason = "for the document")]
enum ReportCategory {
    Spam,
    Harassment,
    Inappropriate,
    Other,
}

const CATEGORIES: [&str; 4] = ["spam", "harassment", "inappropriate", "other"];

impl Blocking<'_> {
    /// The block.
    pub(super) fn check(&self, other: UserId) -> Result<Block, ApiError> {
        let mut wrong = Vec::new();
        let reason = self.reason.as_deref().filter(|reason| !reason.trim().is_empty());
        let most = limits::BLOCK_REASON_CHARS;
        if reason.is_some_and(|r| r.chars().count() > most || r.chars().any(is_stray)) {
            wrong.push(format!("reason must have at most {most} characters"));
        }
        let category = self.report_category.as_deref();
        if category.is_some_and(|category| !CATEGORIES.contains(&category)) {
            wrong.push(format!("reportCategory must be one of {}", CATEGORIES.join(", ")));
        }
        if !wrong.is_empty() {
            return Err(ApiError::invalid(wrong));
        }
        let report = match (self.report_submitted, category) {
            (Some(false), _) | (None, None) => None,
            (Some(true), None) => Some("other"),
            (_, category) => category,
        };
        Ok(Block { other, reason: reason.map(str::to_owned), report: report.map(str::to_owned) })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::extract::read_json;

    fn profile(json: &Value) -> Result<Update, ApiError> {
        read_json::<Profile<'_>>(json.to_string().as_bytes())?.check()
    }

    #[test]
    fn a_field_is_left_set_or_cleared() {
        let update = profile(&json!({"firstName": " Al ", "bio": null, "status": "  "})).unwrap();
        assert_eq!(update.first_name, Patch::Value("Al".to_owned()));
        assert_eq!((update.bio, update.status), (Patch::Null, Patch::Null));
        assert_eq!((update.last_name, update.phone), (Patch::Absent, Patch::Absent));
    }

    #[test]
    fn every_mistake_is_named() {
        let error = profile(&json!({
            "firstName": "", "lastName": "x".repeat(101), "bio": "x".repeat(501),
            "status": "x".repeat(101), "avatarUrl": "javascript:alert(1)", "phone": "123",
        }))
        .unwrap_err();
        assert_eq!(error.details.len(), 6, "{:?}", error.details);
        assert_eq!(profile(&json!({"email": "a@b.co"})).unwrap_err().code, Code::UnknownField);
        assert_eq!(profile(&json!({"bio": 5})).unwrap_err().code, Code::ValidationFailed);
    }

    #[test]
    fn pictures_are_urls_of_the_web() {
        for good in ["https://example.org/a.png?x=1#y", "http://localhost:3000/a"] {
            assert!(is_url(good), "{good}");
        }
        for bad in [
            "",
            "x",
            "/a.png",
            "//example.org/a",
            "ftp://example.org/a",
            "data:image/png;base64,AA",
            "https://",
            "http://host:80*",
            "http://host:x",
            "https://me@example.org/a",
            "https://example.org/\"onerror=",
            &format!("https://example.org/{}", "a".repeat(2_048)),
        ] {
            assert!(!is_url(bad), "{bad}");
        }
    }

    #[test]
    fn a_number_is_one_number_however_it_is_written() {
        let phone = |text: &str| profile(&json!({ "phone": text })).map(|update| update.phone);
        for good in ["+49 30 1234567", "(030) 1234-567", "0301234567"] {
            assert_eq!(phone(good), Ok(Patch::Value(good.to_owned())));
        }
        for bad in
            ["030+1234567", "call me now", "----------", "123456789", "1".repeat(21).as_str()]
        {
            assert!(phone(bad).is_err(), "{bad}");
        }
        assert_eq!(dialled("+49 (30) 123-4567"), dialled("+49301234567"));
    }

    #[test]
    fn settings_are_known_and_fit() {
        let check = |json: Value| check_settings(json.as_object().unwrap()).map_err(|e| e.code);
        assert_eq!(check(json!({"theme": "dark", "sendOnEnter": false})), Ok(()));
        assert_eq!(check(json!({"theme": "blue"})), Err(Code::ValidationFailed));
        assert_eq!(check(json!({"theme": "blue", "role": 1})), Err(Code::UnknownField));
    }

    #[test]
    fn a_report_has_a_category() {
        let other = UserId(Uuid::from_u128(1));
        let block =
            |json: Value| read_json::<Blocking<'_>>(json.to_string().as_bytes())?.check(other);
        assert_eq!(block(json!({})).unwrap().report, None);
        let report = |json| block(json).unwrap().report;
        assert_eq!(report(json!({"reportSubmitted": true})).as_deref(), Some("other"));
        assert_eq!(report(json!({"reportCategory": "spam"})).as_deref(), Some("spam"));
        assert_eq!(report(json!({"reportSubmitted": false, "reportCategory": "spam"})), None);
        assert!(block(json!({"reportCategory": "x"})).is_err());
        assert!(block(json!({"reason": "x".repeat(501)})).is_err());
    }
}
