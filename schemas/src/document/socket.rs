//! What is said on `/ws` as an AsyncAPI 3.0 document. Data that REST or a topic has too is described
//! there: this document refers to `openapi.json` and to the files of `chat.events`.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::events;
use crate::error::Code;
use crate::limits;
use crate::receipt::view::Receipt;

/// A request that a client may send.
struct Request {
    kind: &'static str,
    about: &'static str,
    data: Value,
    answer: Value,
}

/// A frame that the server sends by itself.
struct Frame {
    kind: &'static str,
    about: &'static str,
    numbered: Numbered,
    data: Option<Value>,
}

/// How a reader knows that he missed nothing.
enum Numbered {
    /// By `rev` within the conversation.
    ByRev,
    /// By `feed` within the user's feed.
    ByFeed,
    /// By what follows it: of a conversation, without a number.
    ByNext,
    /// It answers a request.
    ByRequest,
    /// He need not.
    Not,
}

/// A schema of the REST document.
fn rest(name: &str) -> Value {
    json!({ "$ref": format!("./openapi.json#/components/schemas/{name}") })
}

/// A conversation without what depends on its viewer.
fn conversation() -> Value {
    json!({ "$ref": "./chat.events/chat.member.added.schema.json#/$defs/Conversation" })
}

/// The schema of a type, whole.
fn inline<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize().with(|s| {
        s.inline_subschemas = true;
        s.meta_schema = None;
    });
    settings.into_generator().into_root_schema_for::<T>().into()
}

fn id() -> Value {
    json!({ "type": "string", "format": "uuid" })
}

fn number() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

fn object(properties: Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required })
}

/// A request's data: what it does not know is refused.
fn asked(properties: Value, required: &[&str]) -> Value {
    let mut object = object(properties, required);
    object["additionalProperties"] = false.into();
    object
}

fn whoami() -> Value {
    let properties = json!({
        "userId": id(),
        "sessionId": id(),
        "serverTime": { "type": "string", "format": "date-time" },
        "recovered": { "type": "boolean", "description": "Whether the cursors were honoured." },
    });
    object(properties, &["userId", "sessionId", "serverTime"])
}

fn cursors() -> Value {
    let properties = json!({
        "conversations": { "type": "object", "additionalProperties": number(), "description": "The last `rev` of each conversation." },
        "feed": { "type": "integer", "minimum": 0, "description": "The last `feed`." },
    });
    object(properties, &[])
}

fn time() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

fn of_message() -> Value {
    asked(json!({ "messageId": id() }), &["messageId"])
}

fn requests() -> Vec<Request> {
    let request = |kind, about, data, answer| Request { kind, about, data, answer };
    let reaction = || {
        asked(json!({ "messageId": id(), "emoji": { "type": "string" } }), &["messageId", "emoji"])
    };
    vec![
        request(
            "auth",
            "Says who it is, within 10 s; later: that the session was refreshed. With cursors a sync follows.",
            asked(json!({ "token": { "type": "string" }, "cursors": cursors() }), &["token"]),
            whoami(),
        ),
        request(
            "ping",
            "Asks for a sign of life.",
            json!({}),
            object(json!({ "at": time() }), &["at"]),
        ),
        request(
            "sync",
            "Asks for what was missed; `sync.done` is its answer.",
            cursors(),
            Value::Null,
        ),
        request("message.send", "Sends a message.", rest("SendMessage"), rest("MessageShown")),
        request(
            "message.edit",
            "Replaces the text of a message; its sender.",
            asked(
                json!({ "messageId": id(), "content": { "type": "string" } }),
                &["messageId", "content"],
            ),
            rest("MessageShown"),
        ),
        request("message.delete", "Takes a message back; its sender.", of_message(), rest("Said")),
        request("message.react", "Reacts to a message.", reaction(), rest("Reaction")),
        request("message.unreact", "Takes a reaction back.", reaction(), rest("Said")),
        request(
            "message.read",
            "Everything up to the message was read.",
            of_message(),
            rest("ReadOrSaid"),
        ),
        request(
            "conversation.read",
            "The conversation was read, up to the message or whole.",
            asked(
                json!({ "conversationId": id(), "messageId": { "type": ["string", "null"], "format": "uuid" } }),
                &["conversationId"],
            ),
            rest("Said"),
        ),
        request(
            "delivered",
            "The device has received everything up to these messages.",
            asked(json!({ "conversations": seqs() }), &["conversations"]),
            object(json!({}), &[]),
        ),
    ]
}

/// By conversation the number of a message.
fn seqs() -> Value {
    json!({ "type": "object", "maxProperties": limits::DELIVERED_CONVERSATIONS, "additionalProperties": number() })
}

/// A sync in parts.
fn synced() -> Vec<Frame> {
    let part =
        |kind, about, data| Frame { kind, about, numbered: Numbered::ByRequest, data: Some(data) };
    let receipt = object(
        json!({
            "conversationId": id(),
            "userId": id(),
            "kind": { "enum": ["delivered", "read"] },
            "seq": number(),
            "at": { "type": ["string", "null"], "format": "date-time" },
        }),
        &["conversationId", "userId", "kind", "seq", "at"],
    );
    let reset = object(
        json!({
            "conversationId": id(),
            "feed": number(),
            "recovered": { "const": false },
            "removed": { "const": true, "description": "The conversation is not the user's." },
            "rev": number(),
            "seq": number(),
            "conversation": conversation(),
        }),
        &["recovered"],
    );
    vec![
        part(
            "sync.changes",
            "Missed frames of a conversation or of the feed, as they were pushed.",
            json!({ "type": "array", "items": { "type": "object" } }),
        ),
        part("sync.reset", "A cursor is too old: what it is about, as it is now.", reset),
        part(
            "sync.receipts",
            "How far members have come.",
            json!({ "type": "array", "items": receipt }),
        ),
        part(
            "sync.done",
            "The sync is over: where the client stands now.",
            object(json!({ "cursors": cursors() }), &["cursors"]),
        ),
    ]
}

fn frames() -> Vec<Frame> {
    let frame = |kind, about, numbered, data| Frame { kind, about, numbered, data };
    let membership = |mut properties: Value| {
        properties["conversationId"] = id();
        properties["rev"] = number();
        Some(object(properties, &["conversationId", "rev"]))
    };
    let updated = json!({
        "user": rest("User"),
        "settings": { "type": "object" },
        "conversation": { "type": "object" },
        "blocked": object(json!({ "userId": id(), "blocked": { "type": "boolean" } }), &["userId", "blocked"]),
    });
    let mut all = vec![
        frame("welcome", "Answers a handshake that said who it is.", Numbered::Not, Some(whoami())),
        frame(
            "resync",
            "The queue was dropped: read again what is on screen.",
            Numbered::Not,
            None,
        ),
        frame(
            "conversation.added",
            "The user is a member of a conversation from now on.",
            Numbered::ByFeed,
            membership(json!({ "conversation": conversation() })),
        ),
        frame(
            "conversation.removed",
            "The user is a member of a conversation no more.",
            Numbered::ByFeed,
            membership(json!({})),
        ),
        frame(
            "user.updated",
            "The user has changed something of his own: what, by its name.",
            Numbered::ByFeed,
            Some(object(updated, &[])),
        ),
        frame(
            "receipt",
            "Somebody has received or read more.",
            Numbered::ByNext,
            Some(inline::<Receipt>()),
        ),
    ];
    all.extend(synced());
    all.extend(events().into_iter().filter_map(|(kind, _)| {
        let data = json!({ "$ref": format!("./chat.events/{kind}.schema.json") });
        let kind = kind.strip_prefix("chat.")?;
        Some(frame(kind, about(kind), Numbered::ByRev, Some(data)))
    }));
    all
}

/// What an event says.
fn about(kind: &str) -> &'static str {
    match kind {
        "conversation.deleted" => "The conversation was deleted.",
        "conversation.updated" => "Name, description or picture have changed.",
        "member.added" => "Members were added; with `rev` 1 the conversation begins.",
        "member.changed" => "A member has another role.",
        "member.removed" => "Members have left or were removed.",
        "message.created" => "A message was sent.",
        "message.deleted" => "A message was taken back: its placeholder.",
        "message.reaction" => "Somebody reacted to a message, or does so no more.",
        "message.updated" => "A message was edited, pinned or unpinned.",
        _ => "",
    }
}

/// The document.
pub fn socket() -> Value {
    let mut messages = Map::new();
    let mut operations = Map::new();
    let at = |name: &str| json!({ "$ref": format!("#/channels/ws/messages/{name}") });
    for Request { kind, about, data, answer } in requests() {
        messages.insert(kind.to_owned(), asks(kind, about, &data));
        let answered = if answer.is_null() {
            "sync.done".to_owned()
        } else {
            let answered = format!("{kind}.answer");
            messages.insert(answered.clone(), answers(kind, &answer));
            answered
        };
        operations.insert(
            kind.to_owned(),
            json!({
                "action": "receive",
                "channel": { "$ref": "#/channels/ws" },
                "summary": about,
                "messages": [at(kind)],
                "reply": { "channel": { "$ref": "#/channels/ws" }, "messages": [at(&answered), at("refused")] },
            }),
        );
    }
    messages.insert("refused".to_owned(), refused());
    let mut sent = Vec::new();
    for frame in frames() {
        sent.push(at(frame.kind));
        messages.insert(frame.kind.to_owned(), says(&frame));
    }
    operations.insert(
        "push".to_owned(),
        json!({ "action": "send", "channel": { "$ref": "#/channels/ws" }, "summary": "What the server sends by itself.", "messages": sent }),
    );
    let listed: Map<String, Value> = messages
        .keys()
        .map(|name| (name.clone(), json!({ "$ref": format!("#/components/messages/{name}") })))
        .collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Sockets of Parlance",
            "version": "1",
            "description": "Subprotocol `parlance.v1`: JSON objects in text frames. How it is spoken: docs/PROTOCOL.md. A reader ignores frames and fields that it does not know.",
            "license": { "name": "Apache-2.0" },
        },
        "defaultContentType": "application/json",
        "channels": {
            "ws": {
                "address": "/ws",
                "description": "A WebSocket. The handshake may carry `Authorization: Bearer`; else the first frame is `auth`.",
                "messages": listed,
                "bindings": { "ws": { "method": "GET", "bindingVersion": "0.1.0" } },
            },
        },
        "operations": operations,
        "components": { "messages": messages },
    })
}

fn request_id() -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": limits::REQUEST_ID_CHARS })
}

fn asks(kind: &str, about: &str, data: &Value) -> Value {
    let empty = data.as_object().is_some_and(Map::is_empty);
    let properties = json!({ "id": request_id(), "type": { "const": kind }, "data": data });
    let required: &[&str] = if empty { &["id", "type"] } else { &["id", "type", "data"] };
    json!({ "name": kind, "summary": about, "payload": asked(properties, required) })
}

fn answers(kind: &str, data: &Value) -> Value {
    let properties = json!({ "id": request_id(), "ok": { "const": true }, "data": data });
    json!({
        "name": format!("{kind}.answer"),
        "payload": object(properties, &["id", "ok", "data"]),
    })
}

fn error() -> Value {
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.text()).collect();
    let properties = json!({
        "code": { "enum": codes },
        "message": { "type": "string", "description": "For people." },
        "details": { "type": "array", "items": { "type": "string" } },
        "retryAfterMs": number(),
    });
    object(properties, &["code", "message"])
}

fn refused() -> Value {
    let properties = json!({
        "id": { "type": ["string", "null"], "description": "Null where it could not be read." },
        "ok": { "const": false },
        "error": error(),
    });
    json!({
        "name": "refused",
        "summary": "A request was refused.",
        "payload": object(properties, &["id", "ok", "error"]),
    })
}

fn says(frame: &Frame) -> Value {
    let Frame { kind, about, numbered, data } = frame;
    let mut properties = json!({ "type": { "const": kind } });
    let more: &[(&str, Value)] = match numbered {
        Numbered::ByRev => &[("at", time()), ("conversationId", id()), ("rev", number())],
        Numbered::ByFeed => &[("at", time()), ("feed", number())],
        Numbered::ByNext => &[("at", time()), ("conversationId", id())],
        Numbered::ByRequest => &[("id", request_id())],
        Numbered::Not => &[],
    };
    let mut required = vec!["type"];
    for (name, schema) in more {
        properties[name] = schema.clone();
        required.push(name);
    }
    match *kind {
        // Of messages, their numbers.
        _ if matches!(numbered, Numbered::ByRev) => properties["seq"] = number(),
        "sync.changes" => {
            properties["conversationId"] = id();
            properties["feed"] = number();
        }
        "sync.done" => {
            properties["ok"] = json!({ "type": "boolean" });
            properties["error"] = error();
            required.push("ok");
        }
        _ => {}
    }
    if let Some(data) = data {
        properties["data"] = data.clone();
        // A sync that failed brings an error instead.
        if *kind != "sync.done" {
            required.push("data");
        }
    }
    json!({ "name": kind, "summary": about, "payload": object(properties, &required) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_says_what_it_means() {
        for Frame { kind, about, .. } in frames() {
            assert!(!about.is_empty(), "{kind}");
        }
    }
}
