//! What is said of presence.

use serde_json::{Value, json};

use super::{Answer, Frame, Numbered, Object, Request, id, inline, number, time};
use crate::limits;
use crate::presence::view::Shown;
use crate::presence::{DeviceKind, Status};

/// What a client may say of its device: its name is the session's, its type what its `User-Agent` says.
pub(super) fn device() -> Value {
    let name = json!({ "type": "string", "minLength": 1, "maxLength": limits::DEVICE_ID_CHARS });
    Object::new().may("id", name).may("type", inline::<DeviceKind>()).asked()
}

/// What a user has decided, as his own feed tells it.
pub(super) fn preference() -> Value {
    let nullable = |schema: Value| json!({ "anyOf": [schema, { "type": "null" }] });
    Object::new()
        .must("status", nullable(inline::<Status>()))
        .must("customStatus", nullable(json!({ "type": "string" })))
        .must("customStatusExpiresAt", nullable(time()))
        .said()
}

pub(super) fn requests() -> [Request; 4] {
    let request = |kind, about, data: Object, answer| Request {
        kind,
        about,
        data: Some(data.asked()),
        answer: Answer::Data(answer),
    };
    let users = || {
        let most = limits::PRESENCE_SUBSCRIPTIONS;
        let users = json!({ "type": "array", "maxItems": most, "items": id() });
        Object::new().must("userIds", users)
    };
    let nullable = |schema: Value| json!({ "anyOf": [schema, { "type": "null" }] });
    let custom = json!({ "type": "string", "maxLength": limits::CUSTOM_STATUS_CHARS });
    let update = Object::new()
        .may("status", inline::<Status>())
        .may("customStatus", nullable(custom))
        .may("customStatusExpiresAt", nullable(time()));
    let seen = json!({ "type": "array", "items": inline::<Shown>() });
    [
        request(
            "presence.update",
            "What the user is on this device, for as long as the socket is open, and what he says of himself, which is kept.",
            update,
            Object::new().said(),
        ),
        request(
            "presence.subscribe",
            "Asks what users are now, and to be told when that changes, until the socket closes; in all 200 users a socket.",
            users(),
            Object::new().must("presence", seen).must("subscribedCount", number()).said(),
        ),
        request(
            "presence.unsubscribe",
            "Asks to be told no more.",
            users(),
            Object::new().must("unsubscribedCount", number()).said(),
        ),
        request(
            "activity",
            "The user is active on this device: he is not away.",
            Object::new(),
            Object::new().said(),
        ),
    ]
}

/// The frame that tells of somebody's presence.
pub(super) fn frame() -> Frame {
    Frame {
        kind: "presence",
        about: "Somebody whom the user has a direct conversation with, has subscribed to, or is himself, is something else now, or says something else of himself.",
        numbered: Numbered::ByUser,
        data: Some(inline::<Shown>()),
    }
}
