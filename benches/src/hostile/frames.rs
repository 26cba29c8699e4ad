//! Sockets: frames that are no requests, requests that must be refused, bad ways in.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message as Wire;
use uuid::Uuid;

use super::Findings;
use super::bodies::{Valid, wrong};
use super::cast::Cast;
use super::code_of;
use crate::remote::{Connection, dial};

/// Longest wait for a reaction.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// What came of a frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reaction {
    /// An answer to the request.
    Granted(String),
    /// An error frame with this code.
    Refused(String),
    /// A close frame with this code; 1005: without one.
    Closed(u16),
    /// The connection ended.
    Cut,
    Silence,
}

pub(super) async fn ask(cast: &Cast<'_>, findings: &mut Findings) {
    requests(cast, findings).await;
    not_requests(cast, findings).await;
    ways_in(cast, findings).await;
}

/// Requests that are refused one by one; the socket stays.
async fn requests(cast: &Cast<'_>, findings: &mut Findings) {
    let send = |data: Value| json!({"id": "7", "type": "message.send", "data": data}).to_string();
    let (own, foreign, absent) = (cast.own, cast.foreign, Uuid::from_u128(47));
    let long = "x".repeat(10_001);
    let mut cases = vec![
        ("an unknown type", json!({"id": "7", "type": "nonsense", "data": {}}).to_string()),
        ("no data", json!({"id": "7", "type": "message.send"}).to_string()),
        ("data = null", json!({"id": "7", "type": "message.send", "data": null}).to_string()),
        ("data = []", json!({"id": "7", "type": "message.send", "data": []}).to_string()),
        ("an unknown field", json!({"id": "7", "type": "ping", "extra": 1}).to_string()),
        ("type = 7", json!({"id": "7", "type": 7}).to_string()),
        ("no type", json!({"id": "7"}).to_string()),
        ("auth once more", json!({"id": "7", "type": "auth", "data": {"token": "x"}}).to_string()),
        ("a foreign conversation", send(json!({"conversationId": foreign, "content": "x"}))),
        ("no such conversation", send(json!({"conversationId": absent, "content": "x"}))),
        ("empty content", send(json!({"conversationId": own, "content": ""}))),
        ("long content", send(json!({"conversationId": own, "content": long}))),
    ];
    let valid = json!({
        "conversationId": own, "content": "hostile", "clientMessageId": "hostile", "type": "text",
    });
    let bodies = wrong(&Valid::new(valid, &["conversationId"]));
    let frames = bodies.iter().filter_map(|(what, body)| {
        let data: Value = serde_json::from_slice(body).ok()?;
        // The largest ones are frames that are too large, which is another case.
        (body.len() < 100_000).then(|| (what.as_str(), send(data)))
    });
    cases.extend(frames);

    for (what, frame) in cases {
        let what = format!("frame with {what}");
        let Ok(mut socket) = authenticated(cast).await else {
            findings.wrong(&what, "no socket");
            continue;
        };
        findings.asked += 1;
        match react(&mut socket, Wire::text(frame), "7").await {
            Reaction::Refused(code) if refusal(&code) => {}
            other => findings.wrong(&what, &format!("{other:?}")),
        }
        let ping = Wire::text(r#"{"id":"8","type":"ping"}"#);
        if !matches!(react(&mut socket, ping, "8").await, Reaction::Granted(_)) {
            findings.wrong(&what, "the socket did not stay");
        }
    }
}

/// Frames that are answered with an error or end the socket.
async fn not_requests(cast: &Cast<'_>, findings: &mut Findings) {
    let large = 200 << 10;
    let text = |text: &str| Wire::text(text.to_owned());
    let cases = [
        ("words", text("hello"), None),
        ("an array", text("[]"), None),
        ("a number", text("7"), None),
        ("nothing", text(""), None),
        ("a cut object", text(r#"{"id":"7","#), None),
        ("no id", text(r#"{"type":"ping"}"#), None),
        ("a number as id", text(r#"{"id":7,"type":"ping"}"#), None),
        ("an empty id", text(r#"{"id":"","type":"ping"}"#), None),
        ("a long id", Wire::text(format!(r#"{{"id":"{}","type":"ping"}}"#, "x".repeat(65))), None),
        ("deep arrays", Wire::text("[".repeat(50_000)), None),
        ("bytes", Wire::binary(vec![0xff; 8]), Some(4400)),
        ("too much text", Wire::text("x".repeat(large)), Some(4413)),
        ("too many bytes", Wire::binary(vec![0; large]), Some(4413)),
    ];
    for (what, frame, close) in cases {
        let what = format!("frame of {what}");
        let Ok(mut socket) = authenticated(cast).await else {
            findings.wrong(&what, "no socket");
            continue;
        };
        findings.asked += 1;
        let good = match react(&mut socket, frame, "").await {
            Reaction::Refused(code) => close.is_none() && refusal(&code),
            Reaction::Closed(code) => {
                close.map_or_else(|| (4400..4500).contains(&code), |c| c == code)
            }
            _ => false,
        };
        if !good {
            findings.wrong(&what, "neither refused nor closed as the protocol says");
        }
    }
}

/// Sockets that must not come to be.
async fn ways_in(cast: &Cast<'_>, findings: &mut Findings) {
    let auth = |token: &str| json!({"id": "0", "type": "auth", "data": {"token": token}});
    let send = json!({
        "id": "7", "type": "message.send", "data": {"conversationId": cast.own, "content": "x"},
    });
    let cases = [
        ("a bad token", auth("x")),
        ("an empty token", auth("")),
        ("a refresh token", auth(&cast.refresh)),
        ("a token of another type", json!({"id": "0", "type": "auth", "data": {"token": 7}})),
        ("no token", json!({"id": "0", "type": "auth", "data": {}})),
        ("a request before auth", send),
    ];
    for (what, frame) in cases {
        let what = format!("socket with {what}");
        findings.asked += 1;
        let Ok(mut socket) = dial(cast.remote.socket_authority(0)).await else {
            findings.wrong(&what, "no socket");
            continue;
        };
        let good = match react(&mut socket, Wire::text(frame.to_string()), "").await {
            Reaction::Refused(code) => refusal(&code),
            Reaction::Closed(code) => (4400..4500).contains(&code),
            _ => false,
        };
        if !good {
            findings.wrong(&what, "neither refused nor closed as the protocol says");
        }
    }
    // No upgrade, and no protocol that is spoken here.
    let plain = format!("http://{}/ws", cast.remote.socket_authority(0));
    let answer = cast.remote.rest().get(&plain, None).await;
    findings.asked += 1;
    if !(400..500).contains(&answer.status) {
        findings.wrong("GET /ws without an upgrade", &answer.to_string());
    }
}

pub(super) fn refusal(code: &str) -> bool {
    code_of(code).is_some_and(|code| (400..500).contains(&code.status()))
}

pub(super) async fn authenticated(cast: &Cast<'_>) -> anyhow::Result<Connection> {
    let mut socket = dial(cast.remote.socket_authority(0)).await?;
    let auth = json!({"id": "0", "type": "auth", "data": {"token": &*cast.alice.token}});
    match react(&mut socket, Wire::text(auth.to_string()), "0").await {
        Reaction::Granted(_) => Ok(socket),
        other => anyhow::bail!("auth: {other:?}"),
    }
}

/// Sends a frame and waits for the answer to `id`, an error that names none, or the end.
pub(super) async fn react(socket: &mut Connection, frame: Wire, id: &str) -> Reaction {
    // If the server has closed already, reading tells why.
    drop(socket.send(frame).await);
    loop {
        let text = match timeout(PATIENCE, socket.next()).await {
            Err(_) => return Reaction::Silence,
            Ok(None | Some(Err(_))) => return Reaction::Cut,
            Ok(Some(Ok(Wire::Close(close)))) => {
                return Reaction::Closed(close.map_or(1005, |close| close.code.into()));
            }
            Ok(Some(Ok(Wire::Text(text)))) => text,
            Ok(Some(Ok(_))) => continue,
        };
        let frame: Value = serde_json::from_str(&text).unwrap_or_default();
        let named = frame.get("id").and_then(Value::as_str);
        match frame.get("ok").and_then(Value::as_bool) {
            Some(true) if named == Some(id) => return Reaction::Granted(text.to_string()),
            Some(false) if named == Some(id) || id.is_empty() || named.is_none() => {
                let code = frame.pointer("/error/code").and_then(Value::as_str);
                return Reaction::Refused(code.unwrap_or_default().to_owned());
            }
            _ => {}
        }
    }
}
