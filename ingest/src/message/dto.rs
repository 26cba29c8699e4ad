//! The request to send a message, and the rules it keeps before it gets a place in the log.

use schemas::message::view::TYPES;
use schemas::{ApiError, Code, ConversationId, limits};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::extract::{Text, id_of};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Request<'a> {
    #[serde(borrow)]
    conversation_id: Option<Text<'a>>,
    #[serde(borrow)]
    content: Option<Text<'a>>,
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    message_type: Option<Text<'a>>,
    #[serde(borrow)]
    client_message_id: Option<Text<'a>>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
    #[serde(borrow)]
    reply_to_id: Option<Text<'a>>,
}

/// A request that keeps the rules.
#[derive(Debug)]
pub(super) struct Checked<'a> {
    pub(super) conversation: ConversationId,
    pub(super) content: &'a str,
    pub(super) kind: &'a str,
    pub(super) client_id: Option<&'a str>,
    pub(super) metadata: Option<&'a RawValue>,
}

impl Request<'_> {
    pub(super) fn check(&self) -> Result<Checked<'_>, ApiError> {
        let conversation = match self.conversation_id.as_deref() {
            Some(id) => id_of("conversationId", id)?,
            None => return Err(invalid("conversationId is required")),
        };
        if self.reply_to_id.is_some() {
            return Err(ApiError::new(
                Code::Unsupported,
                "this server does not serve replies yet: leave out replyToId",
            ));
        }
        let content = self.content.as_deref().unwrap_or_default();
        // Bytes bound code points from above; only a long text is counted.
        if content.len() > limits::CONTENT_CHARS && content.chars().count() > limits::CONTENT_CHARS
        {
            return Err(invalid("content must have at most 10000 characters"));
        }
        let metadata = self.metadata.filter(|raw| raw.get() != "null");
        if let Some(raw) = metadata {
            check_metadata(raw.get())?;
        }
        if content.trim().is_empty() && metadata.is_none_or(|raw| is_empty_object(raw.get())) {
            return Err(ApiError::new(Code::EmptyMessage, "a message needs content or metadata"));
        }
        Ok(Checked {
            conversation,
            content,
            kind: self.kind()?,
            client_id: self.client_id()?,
            metadata,
        })
    }

    fn kind(&self) -> Result<&str, ApiError> {
        let kind = match (self.kind.as_deref(), self.message_type.as_deref()) {
            (Some(a), Some(b)) if a != b => {
                return Err(invalid("type and messageType are one field: give one value"));
            }
            (a, b) => a.or(b).unwrap_or("text"),
        };
        if TYPES.contains(&kind) {
            Ok(kind)
        } else {
            Err(invalid(format!("type must be one of {}", TYPES.join(", "))))
        }
    }

    fn client_id(&self) -> Result<Option<&str>, ApiError> {
        let Some(id) = self.client_message_id.as_deref() else { return Ok(None) };
        let bound = 1..=limits::CLIENT_ID_CHARS;
        if bound.contains(&id.chars().count()) && !id.chars().any(char::is_control) {
            Ok(Some(id))
        } else {
            Err(invalid("clientMessageId must have 1 to 128 characters"))
        }
    }
}

fn invalid(why: impl Into<String>) -> ApiError {
    ApiError::invalid(vec![why.into()])
}

/// An object, of bounded size and depth: whoever reads it later may recurse.
fn check_metadata(json: &str) -> Result<(), ApiError> {
    if !json.starts_with('{') {
        return Err(invalid("metadata must be an object"));
    }
    if json.len() > limits::METADATA_BYTES {
        return Err(invalid("metadata must have at most 16384 bytes"));
    }
    if depth(json) > limits::METADATA_DEPTH {
        return Err(invalid("metadata must be nested at most 32 deep"));
    }
    Ok(())
}

/// Whether an object of valid JSON has no field.
fn is_empty_object(json: &str) -> bool {
    json.trim_start_matches('{').trim_start().starts_with('}')
}

/// How deep valid JSON is nested.
fn depth(json: &str) -> usize {
    let (mut now, mut most) = (0_usize, 0);
    let (mut in_string, mut escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                now += 1;
                most = most.max(now);
            }
            b'}' | b']' => now = now.saturating_sub(1),
            _ => {}
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::extract::read_json;

    fn code(changes: &Value) -> Result<(), Code> {
        let mut body = json!({
            "conversationId": "0190f3b0-7d5e-7c3a-9d1e-3a2b1c4d5e6f", "content": "hi",
        });
        for (name, value) in changes.as_object().unwrap() {
            body[name] = value.clone();
        }
        let text = body.to_string();
        let request: Request<'_> = read_json(text.as_bytes()).map_err(|e| e.code)?;
        request.check().map(drop).map_err(|e| e.code)
    }

    #[test]
    fn a_plain_message_is_text() {
        let json = r#"{"conversationId":"0190f3b0-7d5e-7c3a-9d1e-3a2b1c4d5e6f","content":"hi"}"#;
        let request: Request<'_> = read_json(json.as_bytes()).unwrap();
        let checked = request.check().unwrap();
        assert_eq!((checked.content, checked.kind, checked.client_id), ("hi", "text", None));
    }

    #[test]
    fn every_rule_has_its_code() {
        assert_eq!(code(&json!({})), Ok(()));
        assert_eq!(code(&json!({"conversationId": null})), Err(Code::ValidationFailed));
        assert_eq!(code(&json!({"conversationId": "x"})), Err(Code::MalformedId));
        assert_eq!(code(&json!({"content": ""})), Err(Code::EmptyMessage));
        assert_eq!(code(&json!({"content": " \n"})), Err(Code::EmptyMessage));
        assert_eq!(code(&json!({"content": null, "metadata": {"a": 1}})), Ok(()));
        assert_eq!(code(&json!({"content": null, "metadata": {}})), Err(Code::EmptyMessage));
        assert_eq!(code(&json!({"metadata": {}})), Ok(()));
        assert_eq!(code(&json!({"content": 5})), Err(Code::ValidationFailed));
        assert_eq!(code(&json!({"content": "ä".repeat(10_000)})), Ok(()));
        assert_eq!(code(&json!({"content": "ä".repeat(10_001)})), Err(Code::ValidationFailed));
        assert_eq!(code(&json!({"type": "system"})), Err(Code::ValidationFailed));
        assert_eq!(code(&json!({"type": "image", "messageType": "image"})), Ok(()));
        assert_eq!(
            code(&json!({"type": "image", "messageType": "text"})),
            Err(Code::ValidationFailed)
        );
        assert_eq!(code(&json!({"clientMessageId": ""})), Err(Code::ValidationFailed));
        assert_eq!(code(&json!({"clientMessageId": "x".repeat(128)})), Ok(()));
        assert_eq!(code(&json!({"clientMessageId": "x".repeat(129)})), Err(Code::ValidationFailed));
        assert_eq!(code(&json!({"metadata": []})), Err(Code::ValidationFailed));
        assert_eq!(
            code(&json!({"metadata": {"a": "x".repeat(16_384)}})),
            Err(Code::ValidationFailed)
        );
        assert_eq!(
            code(&json!({"replyToId": "0190f3b0-7d5e-7c3a-9d1e-3a2b1c4d5e6f"})),
            Err(Code::Unsupported)
        );
        assert_eq!(code(&json!({"senderId": "x"})), Err(Code::UnknownField));
        assert_eq!(code(&json!({"parentMessageId": "x"})), Err(Code::UnknownField));
    }

    #[test]
    fn an_object_without_fields_is_empty_however_it_is_written() {
        for empty in ["{}", "{ }", "{\n\t}"] {
            assert!(is_empty_object(empty), "{empty}");
        }
        for full in [r#"{"a":{}}"#, r#"{ "": null }"#, r#"{"}":1}"#] {
            assert!(!is_empty_object(full), "{full}");
        }
    }

    #[test]
    fn depth_is_counted_outside_of_strings() {
        assert_eq!(depth(r#"{"a":"[[[\"[["}"#), 1);
        assert_eq!(depth(r#"{"a":[[{}]]}"#), 4);
        let deep = |n: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(n), "]".repeat(n));
        assert!(check_metadata(&deep(31)).is_ok());
        assert!(check_metadata(&deep(32)).is_err());
    }
}
