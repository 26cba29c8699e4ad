//! What an event of a client asks for. Pure: an event's name and its data in, a request out.
//!
//! The names and fields are the predecessor's; what is asked goes to the same acceptance as a frame of
//! `/ws`, so only what acceptance knows is passed on: other fields are ignored here (PROTOCOL), a
//! `userId` too, for whose socket it is the token says. Values are not decoded: they are checked once,
//! there.

use schemas::{ApiError, Code, ConversationId};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::namespace::Namespace;

/// What an event asks for.
#[derive(Debug)]
pub(super) enum Asked {
    /// A request of this type, with this data.
    Accept(&'static str, Box<RawValue>, Then),
    /// The conversation is not on screen any more.
    Leave(ConversationId),
    /// Nothing: a sign of life.
    Nothing,
}

/// What is done and said when it has been accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// `{success:true}`.
    Done,
    /// `{success:true,data}`.
    Data,
    /// `{success:true}` with the fields of the data.
    Fields,
    /// As [`Self::Fields`]; the conversation is on screen from now on.
    Join(ConversationId),
    /// The presence of others is an event, how many are watched is the answer.
    Batch,
}

/// Events that tell of the device: clients send them without end.
pub(super) const OF_DEVICE: [&str; 2] = ["presence:update", "activity:ping"];

/// Values of an object, as they are; what is absent is left out.
struct Values(String);

impl Values {
    fn new() -> Self {
        Self(String::from("{"))
    }

    fn with(mut self, name: &str, value: Option<&RawValue>) -> Self {
        if let Some(value) = value.map(RawValue::get) {
            let comma = if self.0.len() > 1 { "," } else { "" };
            self.0.push_str(comma);
            self.0.push('"');
            self.0.push_str(name);
            self.0.push_str("\":");
            self.0.push_str(value);
        }
        self
    }

    fn end(mut self) -> Box<RawValue> {
        self.0.push('}');
        RawValue::from_string(self.0).expect("JSON values in an object are JSON")
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Send<'a> {
    #[serde(borrow)]
    message: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Sent<'a> {
    #[serde(borrow)]
    conversation_id: Option<&'a RawValue>,
    #[serde(borrow)]
    client_message_id: Option<&'a RawValue>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    #[serde(borrow)]
    message_type: Option<&'a RawValue>,
    #[serde(borrow)]
    reply_to_id: Option<&'a RawValue>,
    #[serde(borrow)]
    metadata: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct OfMessage<'a> {
    #[serde(borrow)]
    message_id: Option<&'a RawValue>,
    #[serde(borrow)]
    emoji: Option<&'a RawValue>,
    reaction: Option<Emoji<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Emoji<'a> {
    #[serde(borrow)]
    emoji: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct OfConversation<'a> {
    #[serde(borrow)]
    conversation_id: Option<&'a RawValue>,
    #[serde(borrow)]
    is_typing: Option<&'a RawValue>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Presence<'a> {
    #[serde(borrow)]
    status: Option<&'a RawValue>,
    /// Null says something: that there is none any more.
    #[serde(borrow, deserialize_with = "with_null")]
    custom_status: Option<&'a RawValue>,
    #[serde(borrow, deserialize_with = "with_null")]
    custom_status_expires_at: Option<&'a RawValue>,
    #[serde(borrow)]
    user_ids: Option<&'a RawValue>,
}

/// A value that may be null; by itself serde takes null for nothing.
fn with_null<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Signal<'a> {
    #[serde(borrow)]
    call_id: Option<&'a RawValue>,
    #[serde(borrow)]
    target_user_id: Option<&'a RawValue>,
    #[serde(borrow)]
    offer: Option<&'a RawValue>,
    #[serde(borrow)]
    answer: Option<&'a RawValue>,
    #[serde(borrow)]
    candidate: Option<&'a RawValue>,
    #[serde(borrow)]
    media_type: Option<&'a RawValue>,
    #[serde(borrow)]
    enabled: Option<&'a RawValue>,
}

/// Reads what an event asks for.
pub(super) fn read(
    namespace: Namespace,
    event: &str,
    data: Option<&RawValue>,
) -> Result<Asked, ApiError> {
    match event {
        "heartbeat" => Ok(Asked::Nothing),
        "activity:ping" => Ok(Asked::Accept("activity", Values::new().end(), Then::Done)),
        "conversation:join" | "conversation:leave" => on_screen(event, data),
        "typing:start" | "typing:stop" => typing(event == "typing:start", data),
        "presence:update" | "presence:subscribe" | "presence:unsubscribe" => presence(event, data),
        _ if namespace == Namespace::Presence => Err(unsupported()),
        "message:send" => send(data),
        "message:react" => react(data),
        "message:read" => {
            let of: OfMessage<'_> = object(data)?;
            let values = Values::new().with("messageId", of.message_id);
            Ok(Asked::Accept("message.read", values.end(), Then::Data))
        }
        _ => call(event, data),
    }
}

fn unsupported() -> ApiError {
    ApiError::new(Code::Unsupported, "this event is not supported")
}

/// The fields of an object; of nothing if there is none.
fn object<'a, T: Deserialize<'a> + Default>(data: Option<&'a RawValue>) -> Result<T, ApiError> {
    let Some(data) = data.map(RawValue::get).filter(|data| *data != "null") else {
        return Ok(T::default());
    };
    // Any list of fields would do for serde.
    let read = if data.starts_with('{') { serde_json::from_str(data).ok() } else { None };
    read.ok_or_else(|| {
        ApiError::new(Code::ValidationFailed, "the data of an event is an object, its fields once")
    })
}

fn send(data: Option<&RawValue>) -> Result<Asked, ApiError> {
    let Send { message } = object(data)?;
    // Without the inner object, the fields stand beside it.
    let of: Sent<'_> = object(message.or(data))?;
    let values = Values::new()
        .with("conversationId", of.conversation_id)
        .with("clientMessageId", of.client_message_id)
        .with("content", of.content)
        .with("type", of.kind.or(of.message_type))
        .with("replyToId", of.reply_to_id)
        .with("metadata", of.metadata);
    Ok(Asked::Accept("message.send", values.end(), Then::Data))
}

fn react(data: Option<&RawValue>) -> Result<Asked, ApiError> {
    let of: OfMessage<'_> = object(data)?;
    let emoji = of.reaction.and_then(|reaction| reaction.emoji).or(of.emoji);
    let values = Values::new().with("messageId", of.message_id).with("emoji", emoji);
    Ok(Asked::Accept("message.react", values.end(), Then::Data))
}

fn on_screen(event: &str, data: Option<&RawValue>) -> Result<Asked, ApiError> {
    let of: OfConversation<'_> = object(data)?;
    let raw = of
        .conversation_id
        .ok_or_else(|| ApiError::new(Code::ValidationFailed, "conversationId is required"))?;
    let id: ConversationId = serde_json::from_str(raw.get())
        .map_err(|_| ApiError::new(Code::MalformedId, "conversationId is not a UUID"))?;
    if event == "conversation:leave" {
        return Ok(Asked::Leave(id));
    }
    let values = Values::new().with("conversationId", Some(raw));
    Ok(Asked::Accept("conversation.join", values.end(), Then::Join(id)))
}

fn typing(starts: bool, data: Option<&RawValue>) -> Result<Asked, ApiError> {
    let of: OfConversation<'_> = object(data)?;
    let on = starts && of.is_typing.is_none_or(|raw| raw.get() != "false");
    let is_typing: Box<RawValue> = serde_json::value::to_raw_value(&on).expect("a bool is JSON");
    let values =
        Values::new().with("conversationId", of.conversation_id).with("isTyping", Some(&is_typing));
    Ok(Asked::Accept("typing", values.end(), Then::Done))
}

fn presence(event: &str, data: Option<&RawValue>) -> Result<Asked, ApiError> {
    let of: Presence<'_> = object(data)?;
    let users = Values::new().with("userIds", of.user_ids);
    Ok(match event {
        "presence:subscribe" => Asked::Accept("presence.subscribe", users.end(), Then::Batch),
        "presence:unsubscribe" => Asked::Accept("presence.unsubscribe", users.end(), Then::Fields),
        _ => {
            let values = Values::new()
                .with("status", of.status)
                .with("customStatus", of.custom_status)
                .with("customStatusExpiresAt", of.custom_status_expires_at);
            Asked::Accept("presence.update", values.end(), Then::Done)
        }
    })
}

fn call(event: &str, data: Option<&RawValue>) -> Result<Asked, ApiError> {
    let kind = match event {
        "call:join" => "call.join",
        "call:leave" => "call.leave",
        "call:offer" => "call.offer",
        "call:answer" => "call.answer",
        "call:ice-candidate" => "call.ice-candidate",
        "call:media:toggle" => "call.media.toggle",
        "call:screen:start" => "call.screen.start",
        "call:screen:stop" => "call.screen.stop",
        _ => return Err(unsupported()),
    };
    let of: Signal<'_> = object(data)?;
    let values = Values::new().with("callId", of.call_id);
    let to = |values: Values| values.with("targetUserId", of.target_user_id);
    let values = match kind {
        "call.offer" => to(values).with("offer", of.offer),
        "call.answer" => to(values).with("answer", of.answer),
        "call.ice-candidate" => to(values).with("candidate", of.candidate),
        "call.media.toggle" => values.with("mediaType", of.media_type).with("enabled", of.enabled),
        _ => values,
    };
    Ok(Asked::Accept(kind, values.end(), Then::Done))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ID: &str = "00000000-0000-0000-0000-000000000007";

    fn ask(namespace: Namespace, event: &str, data: &str) -> Result<Asked, ApiError> {
        let data = RawValue::from_string(data.to_owned()).unwrap();
        read(namespace, event, Some(&data))
    }

    fn accepted(event: &str, data: &str) -> (&'static str, String, Then) {
        match ask(Namespace::Root, event, data).unwrap() {
            Asked::Accept(kind, data, then) => (kind, data.get().to_owned(), then),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_message_is_passed_on_as_it_is_without_what_nobody_asked_for() {
        let (kind, data, then) = accepted(
            "message:send",
            r#"{"userId":"x","message":{"conversationId":"c","content":"a\u0020b","messageType":"text","replyToId":null,"metadata":{"a":[1]},"other":1}}"#,
        );
        assert_eq!((kind, then), ("message.send", Then::Data));
        assert_eq!(
            data,
            r#"{"conversationId":"c","content":"a\u0020b","type":"text","metadata":{"a":[1]}}"#
        );
        let (_, data, _) = accepted("message:send", r#"{"conversationId":"c","content":"x"}"#);
        assert_eq!(data, r#"{"conversationId":"c","content":"x"}"#);
    }

    #[test]
    fn reactions_reads_typing_and_presence_become_requests() {
        let (kind, data, _) =
            accepted("message:react", r#"{"userId":1,"messageId":"m","reaction":{"emoji":"x"}}"#);
        assert_eq!((kind, &data[..]), ("message.react", r#"{"messageId":"m","emoji":"x"}"#));
        let (kind, data, _) = accepted("message:read", r#"{"userId":1,"messageId":"m"}"#);
        assert_eq!((kind, &data[..]), ("message.read", r#"{"messageId":"m"}"#));
        for (event, data, on) in [
            ("typing:start", r#"{"conversationId":"c"}"#, true),
            ("typing:start", r#"{"conversationId":"c","isTyping":false}"#, false),
            ("typing:stop", r#"{"conversationId":"c","isTyping":true}"#, false),
        ] {
            let said = accepted(event, data).1;
            assert_eq!(said, format!(r#"{{"conversationId":"c","isTyping":{on}}}"#));
        }
        let (kind, data, _) =
            accepted("presence:update", r#"{"userId":1,"status":"away","customStatus":null}"#);
        assert_eq!(kind, "presence.update");
        assert_eq!(data, r#"{"status":"away","customStatus":null}"#);
        let (kind, data, then) = accepted("presence:subscribe", r#"{"userIds":["a"]}"#);
        assert_eq!((kind, then), ("presence.subscribe", Then::Batch));
        assert_eq!(data, r#"{"userIds":["a"]}"#);
        let (kind, data, _) =
            accepted("call:offer", r#"{"callId":"k","targetUserId":"t","offer":{},"x":1}"#);
        assert_eq!(
            (kind, &data[..]),
            ("call.offer", r#"{"callId":"k","targetUserId":"t","offer":{}}"#)
        );
    }

    #[test]
    fn a_conversation_comes_on_screen_when_that_is_accepted_and_leaves_at_once() {
        let data = format!(r#"{{"conversationId":"{ID}"}}"#);
        let (kind, _, then) = accepted("conversation:join", &data);
        assert_eq!((kind, then), ("conversation.join", Then::Join(ID.parse().unwrap())));
        let left = ask(Namespace::Presence, "conversation:leave", &data).unwrap();
        assert!(matches!(left, Asked::Leave(id) if id.to_string() == ID));
        let error = ask(Namespace::Root, "conversation:join", r#"{"conversationId":"x"}"#);
        assert_eq!(error.unwrap_err().code, Code::MalformedId);
        let error = read(Namespace::Root, "conversation:join", None);
        assert_eq!(error.unwrap_err().code, Code::ValidationFailed);
    }

    proptest! {
        /// Whatever comes is a request with an object for data, or is refused.
        #[test]
        fn no_event_is_too_much(
            event in "(message:(send|react|read)|typing:start|presence:(update|subscribe)|call:offer)",
            field in "(userId|message|conversationId|messageId|reaction|status|customStatus|userIds|callId)",
            value in r#"(null|true|-1|"é\\u0000"|\[1\]|\{"content":"x","emoji":\[\]\}|\{"conversationId":null\})"#,
        ) {
            let data = format!(r#"{{"{field}":{value}}}"#);
            if let Ok(Asked::Accept(_, data, _)) = ask(Namespace::Root, &event, &data) {
                let read: serde_json::Value = serde_json::from_str(data.get()).unwrap();
                prop_assert!(read.is_object());
            }
        }
    }

    #[test]
    fn what_a_namespace_does_not_have_is_unsupported_and_what_is_no_object_invalid() {
        for (namespace, event) in [
            (Namespace::Presence, "message:send"),
            (Namespace::Root, "message:forge"),
            (Namespace::Root, "constructor"),
        ] {
            assert_eq!(ask(namespace, event, "{}").unwrap_err().code, Code::Unsupported);
        }
        for data in ["7", "[]", r#""x""#, r#"{"message":7}"#, r#"{"message":{},"message":{}}"#] {
            let error = ask(Namespace::Root, "message:send", data).unwrap_err();
            assert_eq!(error.code, Code::ValidationFailed, "{data}");
        }
        assert!(matches!(read(Namespace::Root, "heartbeat", None), Ok(Asked::Nothing)));
    }
}
