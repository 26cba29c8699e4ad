//! What is said on `/ws` as an AsyncAPI 3.0 document. Data that REST or a topic has too is described
//! there: this document refers to `openapi.json` and to the files of `chat.events`.

mod presence;
mod typing;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::events;
use super::object::Object;
use crate::error::Code;
use crate::limits;
use crate::receipt::view::Receipt;

/// A request that a client may send.
struct Request {
    kind: &'static str,
    about: &'static str,
    data: Option<Value>,
    answer: Answer,
}

impl Request {
    /// The name of its message: its type, unless a frame of the same type has it.
    fn name(&self) -> String {
        match self.kind {
            "typing" => "typing.request".to_owned(),
            kind => kind.to_owned(),
        }
    }
}

/// What a request is answered with.
enum Answer {
    /// `{"id":…,"ok":true,"data":…}`.
    Data(Value),
    /// The frame of this type.
    Frame(&'static str),
}

/// A frame that is no answer.
struct Frame {
    kind: &'static str,
    about: &'static str,
    numbered: Numbered,
    data: Option<Value>,
}

/// How a reader knows that he missed nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Numbered {
    /// By `rev` within the conversation.
    ByRev,
    /// By `feed` within the user's feed.
    ByFeed,
    /// By the next one: it is about a conversation and has no number.
    ByNext,
    /// By the next one of the same user: only the last one counts.
    ByUser,
    /// It is a part of the answer to a request.
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

fn time() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

fn text() -> Value {
    json!({ "type": "string" })
}

/// A number for each of at most so many conversations.
fn numbers(most: usize) -> Value {
    json!({ "type": "object", "maxProperties": most, "additionalProperties": number() })
}

fn whoami() -> Value {
    Object::new()
        .must("userId", id())
        .must("sessionId", id())
        .must("serverTime", time())
        .may("recovered", json!({ "type": "boolean", "description": "Whether a sync follows." }))
        .said()
}

fn cursors() -> Object {
    Object::new().may("conversations", numbers(limits::SYNC_CURSORS)).may("feed", number())
}

fn error() -> Value {
    let codes: Vec<&str> = Code::ALL.iter().map(|code| code.text()).collect();
    Object::new()
        .must("code", json!({ "enum": codes }))
        .must("message", text())
        .may("details", json!({ "type": "array", "items": text() }))
        .may("retryAfterMs", number())
        .said()
}

fn requests() -> Vec<Request> {
    let request = |kind, about, data: Object, answer| Request {
        kind,
        about,
        data: Some(data.asked()),
        answer: Answer::Data(answer),
    };
    let of_message = || Object::new().must("messageId", id());
    let said = || rest("Said");
    vec![
        request(
            "auth",
            "Says who it is, within 10 s; later: that the session was refreshed. With cursors a sync follows.",
            Object::new()
                .must("token", text())
                .may("cursors", cursors().asked())
                .may("device", presence::device()),
            whoami(),
        ),
        Request {
            kind: "ping",
            about: "Asks for a sign of life.",
            data: None,
            answer: Answer::Data(Object::new().must("at", time()).said()),
        },
        Request {
            kind: "sync",
            about: "Asks for what was missed.",
            data: Some(cursors().asked()),
            answer: Answer::Frame("sync.done"),
        },
        Request {
            kind: "message.send",
            about: "Sends a message.",
            data: Some(rest("SendMessage")),
            answer: Answer::Data(rest("MessageShown")),
        },
        request(
            "message.edit",
            "Replaces the text of a message; its sender.",
            of_message().must("content", text()),
            rest("MessageShown"),
        ),
        request("message.delete", "Takes a message back; its sender.", of_message(), said()),
        request(
            "message.react",
            "Reacts to a message.",
            of_message().must("emoji", text()),
            rest("Reaction"),
        ),
        request(
            "message.unreact",
            "Takes a reaction back.",
            of_message().must("emoji", text()),
            said(),
        ),
        request(
            "message.read",
            "Everything up to the message was read.",
            of_message(),
            rest("ReadOrSaid"),
        ),
        request(
            "conversation.read",
            "The conversation was read, up to the message or whole.",
            Object::new().must("conversationId", id()).may("messageId", id()),
            said(),
        ),
        request(
            "delivered",
            "The device has received everything up to the message with this number.",
            Object::new().must("conversations", numbers(limits::DELIVERED_CONVERSATIONS)),
            Object::new().said(),
        ),
    ]
    .into_iter()
    .chain(presence::requests())
    .chain([typing::request()])
    .collect()
}

fn frames() -> Vec<Frame> {
    let frame = |kind, about, numbered, data| Frame { kind, about, numbered, data };
    let membership = || Object::new().must("conversationId", id()).must("rev", number());
    let blocked = Object::new().must("userId", id()).must("blocked", json!({ "type": "boolean" }));
    let updated = Object::new()
        .may("user", rest("User"))
        .may("settings", json!({ "type": "object" }))
        .may("presence", presence::preference())
        .may("conversation", json!({ "type": "object" }))
        .may("blocked", blocked.said());
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
            Some(membership().may("conversation", conversation()).said()),
        ),
        frame(
            "conversation.removed",
            "The user is a member of a conversation no more.",
            Numbered::ByFeed,
            Some(membership().said()),
        ),
        frame(
            "user.updated",
            "The user has changed something of his own: what, by its name.",
            Numbered::ByFeed,
            Some(updated.said()),
        ),
        frame(
            "receipt",
            "Somebody has received or read more.",
            Numbered::ByNext,
            Some(inline::<Receipt>()),
        ),
    ];
    all.push(presence::frame());
    all.push(typing::frame());
    all.extend(parts_of_a_sync());
    all.extend(events().into_iter().filter_map(|(kind, _)| {
        let data = json!({ "$ref": format!("./chat.events/{kind}.schema.json") });
        let kind = kind.strip_prefix("chat.")?;
        Some(frame(kind, about(kind), Numbered::ByRev, Some(data)))
    }));
    all
}

fn parts_of_a_sync() -> [Frame; 4] {
    let part =
        |kind, about, data| Frame { kind, about, numbered: Numbered::ByRequest, data: Some(data) };
    let list = |items: Value| json!({ "type": "array", "items": items });
    let receipt = Object::new()
        .must("conversationId", id())
        .must("userId", id())
        .must("kind", json!({ "enum": ["delivered", "read"] }))
        .must("seq", number())
        .must("at", json!({ "type": ["string", "null"], "format": "date-time" }));
    let reset = Object::new()
        .must("recovered", json!({ "const": false }))
        .may("conversationId", id())
        .may("removed", json!({ "const": true }))
        .may("rev", number())
        .may("seq", number())
        .may("conversation", conversation())
        .may("feed", number());
    [
        part(
            "sync.changes",
            "Missed frames of a conversation or of the feed, as they were pushed.",
            list(json!({ "type": "object" })),
        ),
        part("sync.reset", "A cursor is too old: what it is about, as it is now.", reset.said()),
        part("sync.receipts", "How far members have come.", list(receipt.said())),
        part(
            "sync.done",
            "The sync is over: where the client stands now.",
            Object::new().must("cursors", cursors().said()).said(),
        ),
    ]
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
    let channel = || json!({ "$ref": "#/channels/ws" });
    for request in requests() {
        let (kind, about) = (request.kind, request.about);
        let asked = request.name();
        messages.insert(asked.clone(), asks(&request));
        let answered = match request.answer {
            Answer::Frame(name) => name.to_owned(),
            Answer::Data(data) => {
                let name = format!("{kind}.answer");
                messages.insert(name.clone(), answers(&name, data));
                name
            }
        };
        let operation = json!({
            "action": "receive",
            "channel": channel(),
            "summary": about,
            "messages": [at(&asked)],
            "reply": { "channel": channel(), "messages": [at(&answered), at("refused")] },
        });
        operations.insert(kind.to_owned(), operation);
    }
    messages.insert("refused".to_owned(), refused());
    let mut pushed = Vec::new();
    for frame in frames() {
        pushed.push(at(frame.kind));
        messages.insert(frame.kind.to_owned(), says(frame));
    }
    let push = json!({
        "action": "send",
        "channel": channel(),
        "summary": "What the server sends by itself.",
        "messages": pushed,
    });
    operations.insert("push".to_owned(), push);
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

fn asks(request: &Request) -> Value {
    let payload =
        Object::new().must("id", request_id()).must("type", json!({ "const": request.kind }));
    let payload = match &request.data {
        Some(data) => payload.must("data", data.clone()),
        None => payload.may("data", json!({})),
    };
    json!({ "name": request.name(), "summary": request.about, "payload": payload.asked() })
}

fn answers(name: &str, data: Value) -> Value {
    let payload = Object::new()
        .must("id", request_id())
        .must("ok", json!({ "const": true }))
        .must("data", data);
    json!({ "name": name, "payload": payload.said() })
}

fn refused() -> Value {
    let id =
        json!({ "type": ["string", "null"], "description": "Null where it could not be read." });
    let payload =
        Object::new().must("id", id).must("ok", json!({ "const": false })).must("error", error());
    json!({ "name": "refused", "summary": "A request was refused.", "payload": payload.said() })
}

fn says(frame: Frame) -> Value {
    let Frame { kind, about, numbered, data } = frame;
    let payload = Object::new().must("type", json!({ "const": kind }));
    let payload = match numbered {
        Numbered::ByRev => payload
            .must("at", time())
            .must("conversationId", id())
            .must("rev", number())
            .may("seq", number()),
        Numbered::ByFeed => payload.must("at", time()).must("feed", number()),
        Numbered::ByNext => payload.must("at", time()).must("conversationId", id()),
        Numbered::ByUser => payload.must("at", time()),
        Numbered::ByRequest => payload.must("id", request_id()),
        Numbered::Not => payload,
    };
    let payload = match (kind, data) {
        // What it brings is of one of the two.
        ("sync.changes", Some(data)) => {
            payload.may("conversationId", id()).may("feed", number()).must("data", data)
        }
        // One that failed brings an error instead of data.
        ("sync.done", Some(data)) => {
            payload.must("ok", json!({ "type": "boolean" })).may("data", data).may("error", error())
        }
        (_, Some(data)) => payload.must("data", data),
        (_, None) => payload,
    };
    json!({ "name": kind, "summary": about, "payload": payload.said() })
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

    #[test]
    fn no_message_takes_the_place_of_another() {
        let mut names: Vec<String> = requests().iter().map(Request::name).collect();
        names.extend(frames().iter().map(|frame| frame.kind.to_owned()));
        let said = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), said);
    }
}
