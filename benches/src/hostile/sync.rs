//! Frames that change messages, and cursors: of strangers, of former members, of nobody.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message as Wire;
use uuid::Uuid;

use super::Findings;
use super::cast::Cast;
use super::frames::{PATIENCE, Reaction, authenticated, react, refusal};
use crate::remote::Connection;

/// What is not there.
const ABSENT: Uuid = Uuid::from_u128(47);

pub(super) async fn ask(cast: &Cast<'_>, findings: &mut Findings) {
    requests(cast, findings).await;
    cursors(cast, findings).await;
    strangers(cast, findings).await;
}

fn frame(kind: &str, data: &Value) -> String {
    json!({"id": "7", "type": kind, "data": data}).to_string()
}

async fn requests(cast: &Cast<'_>, findings: &mut Findings) {
    let mut cases = Vec::new();
    for message in [cast.foreign_message, cast.former_message, ABSENT] {
        let of = |more: Value| {
            let mut data = json!({ "messageId": message });
            if let (Some(data), Value::Object(more)) = (data.as_object_mut(), more) {
                data.extend(more);
            }
            data
        };
        cases.extend([
            ("message.edit", of(json!({"content": "mine"}))),
            ("message.delete", of(json!({}))),
            ("message.react", of(json!({"emoji": "x"}))),
            ("message.unreact", of(json!({"emoji": "x"}))),
            ("message.read", of(json!({}))),
        ]);
    }
    for conversation in [cast.foreign, cast.former, ABSENT] {
        cases.push(("conversation.read", json!({ "conversationId": conversation })));
    }
    let (own, bobs, gone) = (cast.own_message, cast.bobs_message, cast.gone_message);
    cases.extend([
        ("message.edit", json!({"messageId": bobs, "content": "mine"})),
        ("message.edit", json!({"messageId": gone, "content": "back"})),
        ("message.edit", json!({"messageId": own, "content": "x".repeat(10_001)})),
        ("message.edit", json!({"messageId": own})),
        ("message.edit", json!({"messageId": "x", "content": "mine"})),
        ("message.edit", json!({"messageId": own, "content": "x", "userId": cast.bob.id})),
        ("message.delete", json!({"messageId": bobs})),
        ("message.delete", json!({})),
        ("message.react", json!({"messageId": gone, "emoji": "x"})),
        ("message.react", json!({"messageId": own, "emoji": ""})),
        ("message.react", json!({"messageId": own, "emoji": 7})),
        ("message.unreact", json!({"messageId": own, "emoji": "nothing"})),
        ("message.read", json!({"messageId": []})),
        ("conversation.read", json!({"conversationId": "x"})),
        (
            "conversation.read",
            json!({"conversationId": cast.own, "messageId": cast.foreign_message}),
        ),
        ("delivered", json!({"conversations": {"x": 1}})),
        ("delivered", json!({"conversations": {cast.own.to_string(): -1}})),
        ("delivered", json!({"conversations": {cast.own.to_string(): "1"}})),
        ("delivered", json!({"conversations": []})),
        ("delivered", json!({})),
    ]);
    for (kind, data) in cases {
        let what = format!("frame {kind} {data}").chars().take(120).collect::<String>();
        refused(cast, findings, (&what, &frame(kind, &data))).await;
    }
}

/// Cursors that are none.
async fn cursors(cast: &Cast<'_>, findings: &mut Findings) {
    let own = cast.own.to_string();
    let many: serde_json::Map<String, Value> =
        (0..2_001).map(|n| (Uuid::from_u128(0xf000 + n).to_string(), json!(1))).collect();
    let cases = [
        ("no object", json!([])),
        ("a text", json!("x")),
        ("an unknown field", json!({"conversation": {}})),
        ("a list", json!({"conversations": []})),
        ("an id that is none", json!({"conversations": {"x": 1}})),
        ("a negative rev", json!({"conversations": {own.clone(): -1}})),
        ("half a rev", json!({"conversations": {own.clone(): 1.5}})),
        ("a rev in words", json!({"conversations": {own: "1"}})),
        ("a negative feed", json!({"feed": -1})),
        ("a feed in words", json!({"feed": "1"})),
        ("too many", json!({ "conversations": many })),
    ];
    for (what, data) in cases {
        refused(cast, findings, (&format!("sync with {what}"), &frame("sync", &data))).await;
    }
}

async fn refused(cast: &Cast<'_>, findings: &mut Findings, (what, text): (&str, &str)) {
    let Ok(mut socket) = authenticated(cast).await else {
        findings.wrong(what, "no socket");
        return;
    };
    findings.asked += 1;
    match react(&mut socket, Wire::text(text.to_owned()), "7").await {
        Reaction::Refused(code) if refusal(&code) => {}
        other => findings.wrong(what, &format!("{other:?}")),
    }
    let ping = Wire::text(r#"{"id":"8","type":"ping"}"#);
    if !matches!(react(&mut socket, ping, "8").await, Reaction::Granted(_)) {
        findings.wrong(what, "the socket did not stay");
    }
}

/// Of a conversation that is not one's own a cursor brings what one that is not there brings: nothing.
async fn strangers(cast: &Cast<'_>, findings: &mut Findings) {
    let nothing = told(cast, ABSENT).await;
    for conversation in [cast.foreign, cast.former] {
        for cursor in [0, 1] {
            findings.asked += 1;
            let what = format!("sync of {conversation} from {cursor}");
            match (told_from(cast, conversation, cursor).await, &nothing) {
                (Some(told), Some(nothing)) if told == *nothing => {}
                (told, _) => findings.wrong(&what, &format!("{told:?} instead of {nothing:?}")),
            }
        }
    }
}

async fn told(cast: &Cast<'_>, conversation: Uuid) -> Option<Vec<String>> {
    told_from(cast, conversation, 1).await
}

/// The frames of a sync, with the conversation's id taken out.
async fn told_from(cast: &Cast<'_>, conversation: Uuid, cursor: i64) -> Option<Vec<String>> {
    let mut socket: Connection = authenticated(cast).await.ok()?;
    let data = json!({"conversations": {conversation.to_string(): cursor}});
    socket.send(Wire::text(frame("sync", &data))).await.ok()?;
    let mut frames = Vec::new();
    loop {
        let message = timeout(PATIENCE, socket.next()).await.ok()??.ok()?;
        let Wire::Text(text) = message else { continue };
        let frame: Value = serde_json::from_str(&text).ok()?;
        if frame.get("id").and_then(Value::as_str) != Some("7") {
            continue;
        }
        frames.push(text.replace(&conversation.to_string(), "it"));
        if frame.get("ok").is_some() {
            return Some(frames);
        }
    }
}
