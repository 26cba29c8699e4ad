//! Requests and answers of `/auth`.

#[cfg(test)]
use crate::document::text::NO_CONTROL;
use schemas::user::view::Own;
use schemas::{ApiError, limits};
use serde::{Deserialize, Serialize};

use crate::extract::Text;

/// An account to be made.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Register<'a> {
    /// Nobody else's, whatever its case.
    #[serde(borrow)]
    #[cfg_attr(test, schemars(required, length(min = limits::USERNAME_MIN, max = limits::USERNAME_MAX), regex(pattern = "^[A-Za-z0-9_-]*$")))]
    username: Option<Text<'a>>,
    /// Nobody else's.
    #[serde(borrow)]
    #[cfg_attr(test, schemars(required, email, length(max = limits::EMAIL_CHARS)))]
    email: Option<Text<'a>>,
    /// Any characters; common ones, and those close to the name, are refused.
    #[serde(borrow)]
    #[cfg_attr(test, schemars(required, length(min = limits::PASSWORD_MIN, max = limits::PASSWORD_MAX)))]
    password: Option<Text<'a>>,
    /// First name.
    #[serde(borrow)]
    #[cfg_attr(test, schemars(length(max = limits::NAME_CHARS), regex(pattern = NO_CONTROL)))]
    first_name: Option<Text<'a>>,
    /// Last name.
    #[serde(borrow)]
    #[cfg_attr(test, schemars(length(max = limits::NAME_CHARS), regex(pattern = NO_CONTROL)))]
    last_name: Option<Text<'a>>,
}

/// Who signs in.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Login<'a> {
    /// Username or e-mail address.
    #[serde(borrow)]
    #[cfg_attr(test, schemars(required, length(max = limits::EMAIL_CHARS)))]
    identifier: Option<Text<'a>>,
    /// Password.
    #[serde(borrow)]
    #[cfg_attr(test, schemars(required, length(max = limits::PASSWORD_MAX)))]
    password: Option<Text<'a>>,
    /// Sent by clients that know of a second factor; there is none yet.
    #[serde(borrow, rename = "mfaCode")]
    _mfa_code: Option<Text<'a>>,
}

/// A refresh.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Refresh<'a> {
    /// Of the session.
    #[serde(borrow)]
    #[cfg_attr(test, schemars(required))]
    pub(super) refresh_token: Option<Text<'a>>,
}

/// The end of a session.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Logout<'a> {
    /// Of the session; without it, that of the bearer ends.
    #[serde(borrow)]
    pub(super) refresh_token: Option<Text<'a>>,
}

/// A registration that keeps the rules. No `Debug`: it holds a password.
pub(super) struct Registration {
    pub(super) username: String,
    pub(super) email: String,
    pub(super) password: String,
    pub(super) first_name: Option<String>,
    pub(super) last_name: Option<String>,
}

/// Tokens of a session.
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tokens {
    #[serde(skip_serializing_if = "Option::is_none")]
    /// Who has signed in; not there after a refresh.
    pub(super) user: Option<Own>,
    /// For the header `Authorization`.
    pub(super) access_token: String,
    /// Good for one refresh.
    pub(super) refresh_token: String,
    /// Life of the access token.
    pub(super) expires_in: &'static str,
}

/// Life of an access token as answers tell it ([`limits::ACCESS_TOKEN_MS`]).
pub(super) const EXPIRES_IN: &str = "15m";

impl Register<'_> {
    /// Every rule at once, so that a form can show every mistake.
    pub(super) fn check(self) -> Result<Registration, ApiError> {
        let mut wrong = Vec::new();
        let text = |value: Option<Text<'_>>| value.map(|t| t.0.into_owned()).unwrap_or_default();
        let username = text(self.username);
        let sound = username.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if !sound || !(limits::USERNAME_MIN..=limits::USERNAME_MAX).contains(&username.len()) {
            wrong.push("username must have 3 to 50 letters, digits, _ or -".to_owned());
        }
        let email = text(self.email).trim().to_owned();
        if !is_email(&email) {
            wrong.push("email must be an e-mail address".to_owned());
        }
        let password = text(self.password);
        if !password_fits(&password) {
            wrong.push("password must have 8 to 128 characters".to_owned());
        }
        let mut name = |value: Option<Text<'_>>, field: &str| {
            let value = value.map(|t| t.trim().to_owned()).filter(|t| !t.is_empty())?;
            if value.chars().count() > limits::NAME_CHARS || value.chars().any(char::is_control) {
                wrong.push(format!("{field} must have at most 100 characters"));
            }
            Some(value)
        };
        let first_name = name(self.first_name, "firstName");
        let last_name = name(self.last_name, "lastName");
        if wrong.is_empty() {
            Ok(Registration { username, email, password, first_name, last_name })
        } else {
            Err(ApiError::invalid(wrong))
        }
    }
}

impl Login<'_> {
    /// Identifier and password, both bounded, so that no work is done on what can not be right.
    pub(super) fn check(&self) -> Result<(&str, &str), ApiError> {
        let (Some(identifier), Some(password)) = (&self.identifier, &self.password) else {
            let missing = [(&self.identifier, "identifier"), (&self.password, "password")];
            let missing = missing.into_iter().filter(|(value, _)| value.is_none());
            return Err(ApiError::invalid(
                missing.map(|(_, name)| format!("{name} is required")).collect(),
            ));
        };
        // As long as the longest that registration takes, in bytes.
        if identifier.len() > limits::EMAIL_CHARS || password.len() > 4 * limits::PASSWORD_MAX {
            return Err(ApiError::invalid(vec!["identifier or password is too long".to_owned()]));
        }
        Ok((identifier.trim(), password))
    }
}

/// Whether a new password has a length that it may have.
pub(crate) fn password_fits(password: &str) -> bool {
    (limits::PASSWORD_MIN..=limits::PASSWORD_MAX).contains(&password.chars().count())
}

/// A plausible address: what a typing mistake breaks. Whether it is someone's, only a mail tells.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let local_sound = !local.is_empty()
        && local.len() <= 64
        && local
            .chars()
            .all(|c| !c.is_control() && !c.is_whitespace() && !"<>()[]\\,;:\"@".contains(c));
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    text.len() <= limits::EMAIL_CHARS
        && local_sound
        && domain.contains('.')
        && domain.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::extract::read_json;

    fn check(json: &str) -> Result<Registration, ApiError> {
        read_json::<Register<'_>>(json.as_bytes())?.check()
    }

    #[test]
    fn a_registration_names_every_mistake() {
        let error = check(r#"{"username":"a b","email":"x","password":"short"}"#).err().unwrap();
        assert_eq!(error.details.len(), 3, "{:?}", error.details);
        let error = check("{}").err().unwrap();
        assert_eq!(error.details.len(), 3);
        let long = "n".repeat(101);
        let error = check(&format!(
            r#"{{"username":"abc","email":"a@b.co","password":"12345678","firstName":"{long}"}}"#
        ));
        assert_eq!(error.err().unwrap().details.len(), 1);
    }

    #[test]
    fn names_are_optional_and_trimmed() {
        let made = check(
            r#"{"username":"Al-ice_1","email":" A@b.co ","password":"12345678","firstName":" Al "}"#,
        )
        .ok()
        .unwrap();
        assert_eq!(made.email, "A@b.co");
        assert_eq!((made.first_name.as_deref(), made.last_name), (Some("Al"), None));
    }

    #[test]
    fn addresses_are_checked_for_shape() {
        for good in ["a@b.co", "first.last+tag@sub.example.org", "jürgen@example.de"] {
            assert!(is_email(good), "{good}");
        }
        for bad in [
            "",
            "@",
            "a@",
            "@b.co",
            "a@b",
            "a b@c.de",
            "a@b..co",
            "a@-b.co",
            "a@b.co.",
            "a@@b.co",
            "a\n@b.co",
            "a@b_c.de",
            &format!("{}@b.co", "a".repeat(65)),
        ] {
            assert!(!is_email(bad), "{bad}");
        }
    }
}
