//! Strings of requests: the patterns that more than one of them keeps.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::extract::Text;

/// No control character (`char::is_control`).
pub(crate) const NO_CONTROL: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$";

/// More than white space (`str::trim`).
pub(crate) const NOT_BLANK: &str =
    "[^\\u0009-\\u000d \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";

/// Both: something to see, and no control character.
pub(crate) const EMOJI: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]*[^\\u0000-\\u0020\\u007f-\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000][^\\u0000-\\u001f\\u007f-\\u009f]*$";

/// No control character but those of lines (`user::dto`).
pub(crate) const PROSE: &str = "^[^\\u0000-\\u0008\\u000b\\u000c\\u000e-\\u001f\\u007f-\\u009f]*$";

/// A picture's (`user::dto::is_url`): as a browser writes one.
pub(crate) const URL: &str =
    "^https?://[A-Za-z0-9.-]+(:[0-9]{1,4})?(/[A-Za-z0-9._~!$&'()*+,;=:@%/-]*)?$";

/// A telephone number (`user::dto`): six digits or more, a plus only before them.
pub(crate) const PHONE: &str = "^\\+?[ ()-]*([0-9][ ()-]*){6,}$";

impl JsonSchema for Text<'_> {
    fn schema_name() -> Cow<'static, str> {
        "Text".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        String::json_schema(generator)
    }
}
