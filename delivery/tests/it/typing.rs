//! Who types, as sockets hear it: a beginning, an end, and nobody whom it is not for.

use std::time::{Duration, Instant};

use platform::port::clock::{Clock, SystemClock};
use schemas::event;
use schemas::outbound::Outbound;
use schemas::typing::{self, view};

use crate::harness::{Client, Server, conversation, server, user, wait_for};

/// `typer` types in the conversation, for so long yet, or does so no more.
pub(crate) fn told(typer: u128, left: Option<i64>, audience: &[u128]) -> Outbound {
    let now = SystemClock.now();
    let until = left.map(|left| now.plus_ms(left));
    let view = view::Typing {
        user_id: user(typer),
        username: format!("user {typer}").into(),
        is_typing: until.is_some(),
        until,
    };
    let members: Vec<_> = audience.iter().map(|member| user(*member)).collect();
    Outbound::Typing {
        conversation: conversation(5),
        user: user(typer),
        until,
        audience: event::pack(&members),
        except: bytes::Bytes::new(),
        frame: typing::frame_of(conversation(5), now, &view),
    }
}

/// What a socket hears before the answer to a ping: who types, or does so no more.
async fn heard(client: &mut Client) -> Vec<(String, bool)> {
    client.request("mark", "ping", "null").await;
    let mut heard = Vec::new();
    loop {
        let frame = client.frame().await;
        if frame["id"] == "mark" {
            return heard;
        }
        assert_eq!(frame["type"], "typing");
        assert_eq!(frame["conversationId"], conversation(5).to_string());
        assert_eq!(frame["data"]["until"].is_string(), frame["data"]["isTyping"] == true);
        let name = frame["data"]["username"].as_str().unwrap().to_owned();
        heard.push((name, frame["data"]["isTyping"].as_bool().unwrap()));
    }
}

fn begins(typer: u128) -> (String, bool) {
    (format!("user {typer}"), true)
}

fn ends(typer: u128) -> (String, bool) {
    (format!("user {typer}"), false)
}

async fn room() -> (Server, [Client; 4]) {
    let server = server().await;
    // Two sockets of the typer, one of another member, one of a stranger.
    let clients = [
        server.enter(1, 11).await,
        server.enter(1, 12).await,
        server.enter(2, 21).await,
        server.enter(3, 31).await,
    ];
    (server, clients)
}

#[tokio::test]
async fn others_hear_a_beginning_and_an_end_once_and_he_himself_does_not() {
    let (server, [mut own, mut other_own, mut member, mut stranger]) = room().await;
    server.deliver(vec![told(1, Some(10_000), &[2, 1]), told(1, Some(10_000), &[2, 1])]);
    server.deliver(vec![told(1, Some(10_000), &[1, 2])]);
    assert_eq!(heard(&mut member).await, [begins(1)]);
    server.deliver(vec![told(1, None, &[1, 2]), told(1, None, &[1, 2])]);
    assert_eq!(heard(&mut member).await, [ends(1)]);
    server.deliver(vec![told(1, Some(10_000), &[1, 2]), told(2, Some(10_000), &[1, 2])]);
    assert_eq!(heard(&mut member).await, [begins(1)]);
    for client in [&mut own, &mut other_own] {
        assert_eq!(heard(client).await, [begins(2)]);
    }
    assert_eq!(heard(&mut stranger).await, []);
}

#[tokio::test]
async fn an_end_that_nobody_tells_comes_by_itself() {
    let (server, [_own, _other_own, mut member, _stranger]) = room().await;
    let began = Instant::now();
    server.deliver(vec![told(1, Some(200), &[1, 2]), told(2, Some(100), &[1, 2])]);
    server.deliver(vec![told(1, Some(400), &[1, 2])]);
    assert_eq!(member.frame().await["data"]["isTyping"], true);
    let end = member.frame().await;
    assert_eq!(end["data"]["isTyping"], false);
    assert_eq!(end["data"]["userId"], user(1).to_string());
    assert!(began.elapsed() >= Duration::from_millis(390), "{:?}", began.elapsed());
}

#[tokio::test]
async fn signalling_of_calls_is_not_for_these_sockets() {
    let (server, [_own, _other_own, mut member, _stranger]) = room().await;
    let notice = |kind: &str| Outbound::Notice {
        audience: event::pack(&[user(2)]),
        frame: schemas::frame::notice(kind, SystemClock.now(), b"{}"),
    };
    server.deliver(vec![notice("call.offer.received"), notice("presence")]);
    assert_eq!(member.frame().await["type"], "presence");
}

#[tokio::test]
async fn acceptance_hears_from_the_feed_that_a_user_here_hides_that_he_types() {
    let (server, [_own, _other_own, mut member, _stranger]) = room().await;
    let entry = |who, number, data: &[u8]| Outbound::Feed {
        user: user(who),
        number,
        membership: None,
        frame: schemas::frame::feed("user.updated", number, SystemClock.now(), data).frame,
    };
    let off = br#"{"settings":{"theme":"dark","showTypingIndicator":false}}"#;
    server.deliver(vec![
        entry(2, 1, br#"{"settings":{"showTypingIndicator":true}}"#),
        entry(2, 2, br#"{"profile":{"bio":"\"showTypingIndicator\":false"}}"#),
        entry(3, 1, off),
        entry(3, 1, off),
        entry(77, 1, off),
    ]);
    assert_eq!(member.frame().await["type"], "user.updated");
    wait_for("it is told", || !server.inbound.hides.lock().is_empty()).await;
    assert_eq!(*server.inbound.hides.lock(), [user(3)]);
}
