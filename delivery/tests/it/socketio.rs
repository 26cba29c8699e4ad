//! Socket.IO on the same sessions, routes and queues as `/ws`: what clients ask, what they are told, and
//! how it ends. The stock clients are driven by `tests/socketio`.

pub(crate) mod client;
mod crowd;
mod ends;
mod goodbyes;
mod handshake;
mod late;
mod quoted;
mod told;

use serde_json::{Value, json};

use crate::harness::{conversation, server};
use client::Client;

/// What acceptance was asked, in order.
fn asked(inbound: &crate::fakes::FakeInbound) -> Vec<Value> {
    inbound.accepted.lock().iter().map(|text| serde_json::from_str(text).unwrap()).collect()
}

#[tokio::test]
async fn every_event_reaches_acceptance_and_is_answered_in_its_form() {
    let server = server().await;
    let mut client = Client::enter(&server, "1/11").await;
    let of = conversation(5).to_string();

    let message = json!({"userId": "x", "message": {"conversationId": of, "content": "hi", "messageType": "text"}});
    let answer = client.ask("message:send", &message.to_string()).await;
    let sent = json!({"conversationId": of, "content": "hi", "type": "text"});
    assert_eq!(answer, json!({"success": true, "data": sent}));

    let reaction = json!({"userId": "x", "messageId": "m", "reaction": {"emoji": "+"}});
    let answer = client.ask("message:react", &reaction.to_string()).await;
    assert_eq!(answer, json!({"success": true, "data": {"messageId": "m", "emoji": "+"}}));

    let answer = client.ask("message:read", r#"{"userId":"x","messageId":"m"}"#).await;
    assert_eq!(answer, json!({"success": true, "data": {"messageId": "m"}}));

    let screen = json!({"conversationId": of}).to_string();
    let answer = client.ask("conversation:join", &screen).await;
    assert_eq!(answer, json!({"success": true, "conversationId": of}));
    let answer = client.ask("conversation:leave", &screen).await;
    assert_eq!(answer["success"], true);

    for (event, on) in [("typing:start", true), ("typing:stop", false)] {
        assert_eq!(client.ask(event, &screen).await, json!({"success": true}));
        let typing = json!({"conversationId": of, "isTyping": on});
        assert_eq!(asked(&server.inbound).pop(), Some(typing));
    }
    let offer = json!({"callId": "k", "targetUserId": "t", "offer": {"sdp": 1}});
    assert_eq!(client.ask("call:offer", &offer.to_string()).await, json!({"success": true}));
    assert_eq!(asked(&server.inbound).pop(), Some(offer));
    assert_eq!(client.ask("heartbeat", "null").await, json!({"success": true}));
    assert_eq!(client.ask("activity:ping", "{}").await, json!({"success": true}));
    let answer = client.ask("presence:update", r#"{"status":"away","customStatus":"x"}"#).await;
    assert_eq!(answer, json!({"success": true}));
}

#[tokio::test]
async fn who_subscribes_gets_a_batch_and_how_many_he_watches() {
    let server = server().await;
    let mut client = Client::enter(&server, "1/11").await;
    let users = json!({"userIds": [crate::harness::user(2), crate::harness::user(3)]}).to_string();
    client.send(&format!(r#"27["presence:subscribe",{users}]"#)).await;
    let (name, batch) = client.event().await;
    assert_eq!(name, "presence:batch");
    assert_eq!(batch.as_array().map(Vec::len), Some(2));
    assert_eq!(batch[0]["status"], "offline");
    assert_eq!(client.ack("37").await, json!({"success": true, "subscribedCount": 2}));
    let answer = client.ask("presence:unsubscribe", &users).await;
    assert_eq!(answer, json!({"success": true, "unsubscribedCount": 2}));
}

#[tokio::test]
async fn a_mistake_is_answered_or_is_an_exception_and_what_is_unknown_is_nothing() {
    let server = server().await;
    let mut client = Client::enter_both(&server, "1/11").await;
    let answer = client.ask("message:forge", "{}").await;
    assert_eq!(
        (answer["success"].clone(), answer["code"].clone()),
        (json!(false), json!("unsupported"))
    );
    assert!(answer["error"].is_string());
    let answer = client.ask("conversation:join", r#"{"conversationId":"x"}"#).await;
    assert_eq!(answer["code"], "malformed_id");

    client.send(r#"2["message:forge",{}]"#).await;
    client.send(r#"2["conversation:join",{}]"#).await;
    let (name, data) = client.event().await;
    assert_eq!(
        (name.as_str(), &data["status"], &data["code"]),
        ("exception", &json!("error"), &json!("validation_failed"))
    );
    assert!(data["message"].is_string());

    client.send(r#"2/presence,7["message:send",{}]"#).await;
    let answer = client.ack("3/presence,7").await;
    assert_eq!(answer["code"], "unsupported");
    assert!(answer.get("success").is_none(), "{answer}");

    client.send(r#"51-7["message:send",{"message":{"_placeholder":true,"num":0}}]"#).await;
    client.send_binary(b"abc").await;
    assert_eq!(client.ack("37").await["code"], "unsupported");
    let data = r#"{"conversationId":"c","content":"x","metadata":{"_placeholder":true,"num":0}}"#;
    client.send(&format!(r#"51-["message:send",{data}]"#)).await;
    client.send_binary(b"abc").await;
    let (name, data) = client.event().await;
    assert_eq!((name.as_str(), &data["code"]), ("exception", &json!("unsupported")));
    client.send(r#"51-["message:forge",{"_placeholder":true,"num":0}]"#).await;
    client.send_binary(b"abc").await;
    assert!(client.names().await.is_empty(), "the socket goes on");
}

#[tokio::test]
async fn requests_are_accepted_in_order_and_what_is_refused_late_is_told() {
    let server = server().await;
    let mut client = Client::enter(&server, "1/11").await;
    for number in 0..40 {
        let data = json!({"message": {"conversationId": "c", "content": number.to_string()}});
        client.send(&format!(r#"2{number}["message:send",{data}]"#)).await;
    }
    for number in 0..40 {
        let answer = client.ack(&format!("3{number}")).await;
        assert_eq!(answer["data"]["content"], number.to_string());
    }
    let order: Vec<_> =
        asked(&server.inbound).into_iter().map(|sent| sent["content"].clone()).collect();
    assert_eq!(order, (0..40).map(|n| json!(n.to_string())).collect::<Vec<_>>());
    let late = client.ask("call:leave", r#"{"callId":"k"}"#).await;
    assert_eq!(late, json!({"success": false, "error": "not a member", "code": "not_member"}));
}

#[tokio::test]
async fn beyond_the_rate_namespaces_are_refused_in_their_form_and_left_all_the_same() {
    let frames = delivery::Frames { burst: 4, per_minute: 1 };
    let config = delivery::Config { frames: Some(frames), ..delivery::Config::default() };
    let server = crate::harness::server_with(config).await;
    let mut client = Client::enter(&server, "1/11").await;
    for _ in 0..4 {
        client.ask("heartbeat", "{}").await;
    }
    client.send(r#"0/presence,{"token":"1/11"}"#).await;
    let refused = client.packet().await;
    let json = refused.strip_prefix("4/presence,").unwrap_or_else(|| panic!("{refused}"));
    let json: Value = serde_json::from_str(json).unwrap();
    assert_eq!(json["data"]["code"], "rate_limited");
    client.send(r#"0/nowhere,{"token":"1/11"}"#).await;
    assert!(client.packet().await.starts_with("4/nowhere,"));
    // Nobody waits for an answer to these.
    client.send(r#"0{"token":"1/11"}"#).await;
    client.send("37[]").await;
    client.send(r#"2/presence,8["heartbeat"]"#).await;
    assert_eq!(client.ask("heartbeat", "{}").await["code"], "rate_limited");
    client.send("1").await;
    let end = client.hear().await;
    assert!(matches!(end, client::Heard::Close(_) | client::Heard::Gone), "{end:?}");
    crate::harness::wait_for("it has left", || server.sockets() == 0).await;
}

#[tokio::test]
async fn too_many_events_are_refused_and_a_flood_ends_the_connection() {
    let frames = delivery::Frames { burst: 3, per_minute: 1 };
    let config = delivery::Config { frames: Some(frames), ..delivery::Config::default() };
    let server = crate::harness::server_with(config).await;
    let mut client = Client::enter(&server, "1/11").await;
    for _ in 0..3 {
        client.ask("heartbeat", "{}").await;
    }
    let answer = client.ask("heartbeat", "{}").await;
    assert_eq!(answer["code"], "rate_limited");
    assert!(answer["retryAfterMs"].as_u64().unwrap() > 0);
    for _ in 0..200 {
        client.send(r#"2["heartbeat"]"#).await;
    }
    let close = loop {
        match client.hear().await {
            client::Heard::Packet(_) => {}
            client::Heard::Close(code) => break code,
            client::Heard::Gone => panic!("no code"),
        }
    };
    assert_eq!(close, 4429);
}
