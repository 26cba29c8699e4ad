//! Requests about messages, and the rules they keep before they get a place in the log.

#[cfg(test)]
use super::document::{files, kinds, something};
#[cfg(test)]
use crate::document::text::{NO_CONTROL, NOT_BLANK};
use schemas::message::view::TYPES;
use schemas::{ApiError, Code, ConversationId, MessageId, limits};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::metadata;
use crate::extract::{Text, id_of};

/// A message to be sent. It has content or metadata.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "SendMessage", extend("anyOf" = something())))]
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Request<'a> {
    /// Where to.
    #[serde(borrow)]
    #[cfg_attr(test, schemars(with = "ConversationId"))]
    conversation_id: Option<Text<'a>>,
    /// Text.
    #[serde(borrow)]
    #[cfg_attr(test, schemars(length(max = limits::CONTENT_CHARS)))]
    content: Option<Text<'a>>,
    /// What it is; text if not given.
    #[serde(borrow, rename = "type")]
    #[cfg_attr(test, schemars(extend("enum" = kinds())))]
    kind: Option<Text<'a>>,
    /// The same; give one of the two.
    #[serde(borrow)]
    #[cfg_attr(test, schemars(extend("enum" = kinds())))]
    message_type: Option<Text<'a>>,
    /// Makes the request safe to repeat: the same one is the same message.
    #[serde(borrow)]
    #[cfg_attr(test, schemars(length(min = 1, max = limits::CLIENT_ID_CHARS), regex(pattern = NO_CONTROL)))]
    client_message_id: Option<Text<'a>>,
    /// Free-form, at most 16 KiB and 32 levels.
    #[serde(borrow)]
    #[cfg_attr(test, schemars(with = "Option<serde_json::Map<String, serde_json::Value>>", extend("properties" = files())))]
    metadata: Option<&'a RawValue>,
    /// The message answered.
    #[serde(borrow)]
    #[cfg_attr(test, schemars(with = "Option<MessageId>"))]
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
    pub(super) reply_to: Option<MessageId>,
}

impl Request<'_> {
    pub(super) fn check(&self) -> Result<Checked<'_>, ApiError> {
        let conversation = match self.conversation_id.as_deref() {
            Some(id) => id_of("conversationId", id)?,
            None => return Err(invalid("conversationId is required")),
        };
        let content = self.content.as_deref().unwrap_or_default();
        check_content(content)?;
        let metadata = self.metadata.filter(|raw| raw.get() != "null");
        if let Some(raw) = metadata {
            metadata::check(raw)?;
        }
        if content.trim().is_empty() && metadata.is_none_or(metadata::is_empty) {
            return Err(ApiError::new(Code::EmptyMessage, "a message needs content or metadata"));
        }
        Ok(Checked {
            conversation,
            content,
            kind: self.kind()?,
            client_id: self.client_id()?,
            metadata,
            reply_to: self.reply_to_id.as_deref().map(|id| id_of("replyToId", id)).transpose()?,
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

pub(super) fn invalid(why: impl Into<String>) -> ApiError {
    ApiError::invalid(vec![why.into()])
}

fn check_content(content: &str) -> Result<(), ApiError> {
    // Bytes bound code points from above; only a long text is counted.
    if content.len() > limits::CONTENT_CHARS && content.chars().count() > limits::CONTENT_CHARS {
        return Err(invalid("content must have at most 10000 characters"));
    }
    Ok(())
}

/// A new text for a message.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "EditMessage"))]
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Edit<'a> {
    /// The text.
    #[serde(borrow)]
    #[cfg_attr(test, schemars(required, length(min = 1, max = limits::CONTENT_CHARS), regex(pattern = NOT_BLANK)))]
    pub(crate) content: Option<Text<'a>>,
}

impl Edit<'_> {
    pub(super) fn check(&self) -> Result<&str, ApiError> {
        match self.content.as_deref() {
            None => Err(invalid("content is required")),
            Some(content) => {
                check_content(content)?;
                if content.trim().is_empty() {
                    return Err(ApiError::new(Code::EmptyMessage, "a message needs a text"));
                }
                Ok(content)
            }
        }
    }
}

/// Where to forward a message.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ForwardMessage"))]
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(crate) struct Forward<'a> {
    /// Conversations, each once.
    #[serde(borrow)]
    #[cfg_attr(test, schemars(with = "Vec<ConversationId>", required, length(min = 1, max = limits::FORWARD_TARGETS), extend("uniqueItems" = true)))]
    conversation_ids: Option<Vec<Text<'a>>>,
}

impl Forward<'_> {
    pub(super) fn check(&self) -> Result<Vec<ConversationId>, ApiError> {
        let ids = self.conversation_ids.as_deref().unwrap_or_default();
        if !(1..=limits::FORWARD_TARGETS).contains(&ids.len()) {
            return Err(invalid("conversationIds must have 1 to 20 ids"));
        }
        let ids: Vec<ConversationId> =
            ids.iter().map(|id| id_of("each conversationIds", id)).collect::<Result<_, _>>()?;
        let mut sorted = ids.clone();
        sorted.sort_unstable();
        if sorted.windows(2).any(|pair| pair.first() == pair.last()) {
            return Err(invalid("conversationIds must name each conversation once"));
        }
        Ok(ids)
    }
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
        assert_eq!(code(&json!({"replyToId": "0190f3b0-7d5e-7c3a-9d1e-3a2b1c4d5e6f"})), Ok(()));
        assert_eq!(code(&json!({"replyToId": null})), Ok(()));
        assert_eq!(code(&json!({"replyToId": "x"})), Err(Code::MalformedId));
        assert_eq!(code(&json!({"senderId": "x"})), Err(Code::UnknownField));
        assert_eq!(code(&json!({"parentMessageId": "x"})), Err(Code::UnknownField));
    }

    #[test]
    fn an_edit_has_a_text_and_a_forward_up_to_twenty_conversations() {
        let edit = |json: &Value| {
            let text = json.to_string();
            let request: Edit<'_> = read_json(text.as_bytes()).map_err(|e| e.code)?;
            request.check().map(str::to_owned).map_err(|e| e.code)
        };
        assert_eq!(edit(&json!({"content": " x "})), Ok(" x ".to_owned()));
        assert_eq!(edit(&json!({})), Err(Code::ValidationFailed));
        assert_eq!(edit(&json!({"content": ""})), Err(Code::EmptyMessage));
        assert_eq!(edit(&json!({"content": "\t "})), Err(Code::EmptyMessage));
        assert_eq!(edit(&json!({"content": "x".repeat(10_001)})), Err(Code::ValidationFailed));
        assert_eq!(edit(&json!({"content": "x", "metadata": {}})), Err(Code::UnknownField));

        let forward = |ids: Value| {
            let text = json!({"conversationIds": ids}).to_string();
            let request: Forward<'_> = read_json(text.as_bytes()).map_err(|e| e.code)?;
            request.check().map(|ids| ids.len()).map_err(|e| e.code)
        };
        let id = |n: u128| uuid::Uuid::from_u128(n);
        assert_eq!(forward((0..20).map(id).map(|id| json!(id)).collect()), Ok(20));
        assert_eq!(
            forward((0..21).map(id).map(|id| json!(id)).collect()),
            Err(Code::ValidationFailed)
        );
        assert_eq!(forward(json!([])), Err(Code::ValidationFailed));
        assert_eq!(forward(Value::Null), Err(Code::ValidationFailed));
        assert_eq!(forward(json!([id(1), id(2), id(1)])), Err(Code::ValidationFailed));
        assert_eq!(forward(json!(["x"])), Err(Code::MalformedId));
    }
}
