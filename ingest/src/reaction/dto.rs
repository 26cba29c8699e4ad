//! Requests about reactions.

#[cfg(test)]
use crate::document::text::EMOJI;
use schemas::{ApiError, limits};
use serde::Deserialize;

use crate::extract::Text;

/// A reaction to a message.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "React"))]
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct React<'a> {
    /// The emoji.
    #[serde(borrow)]
    #[cfg_attr(test, schemars(required, length(min = 1, max = limits::EMOJI_CHARS), regex(pattern = EMOJI)))]
    emoji: Option<Text<'a>>,
}

impl React<'_> {
    pub(super) fn check(&self) -> Result<&str, ApiError> {
        check(self.emoji.as_deref().unwrap_or_default())
    }
}

/// An emoji is any short text that can be seen.
pub(crate) fn check(emoji: &str) -> Result<&str, ApiError> {
    let fits = (1..=limits::EMOJI_CHARS).contains(&emoji.chars().count());
    if fits && !emoji.trim().is_empty() && !emoji.chars().any(char::is_control) {
        Ok(emoji)
    } else {
        let why = "emoji must have 1 to 50 characters, some visible and none a control character";
        Err(ApiError::invalid(vec![why.to_owned()]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emoji_is_a_short_visible_text() {
        let family = "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}";
        for good in ["\u{1F44D}", family, ":thumbsup:", "a b", &"\u{1F44D}".repeat(50)] {
            assert_eq!(check(good), Ok(good));
        }
        for bad in ["", " ", "\u{3000}", "\n", "a\u{0}", "\u{7f}x", &"\u{1F44D}".repeat(51)] {
            assert!(check(bad).is_err(), "{bad:?}");
        }
    }
}
