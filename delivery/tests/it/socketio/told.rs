//! What sockets are told, and which of them.

use bytes::Bytes;
use schemas::outbound::Outbound;
use schemas::{ConversationId, Rev, UserId, event};
use serde_json::{Value, json};

use super::client::{Client, Poller};
use crate::harness::{Client as Ws, conversation, server, user, wait_for};

fn frame(kind: &str, talk: u128, rev: Rev, data: &Value) -> Bytes {
    let id: ConversationId = conversation(talk);
    let at = "2026-01-01T00:00:00.000Z";
    Bytes::from(format!(
        r#"{{"type":"{kind}","conversationId":"{id}","rev":{rev},"seq":{rev},"at":"{at}","data":{data}}}"#
    ))
}

pub(super) fn sent(
    kind: &str,
    (talk, rev): (u128, Rev),
    audience: &[u128],
    data: &Value,
) -> Outbound {
    crate::harness::sized(talk, rev, audience, frame(kind, talk, rev, data))
}

/// A message of user 2.
pub(super) fn message(talk: u128, rev: Rev, audience: &[u128]) -> Outbound {
    let data = json!({"id": user(900), "senderId": user(2), "content": "hello"});
    sent("message.created", (talk, rev), audience, &data)
}

fn notice(kind: &str, talk: u128, audience: &[u128], data: &Value) -> Outbound {
    let members: Vec<UserId> = audience.iter().map(|&number| user(number)).collect();
    Outbound::Notice { audience: event::pack(&members), frame: frame(kind, talk, 0, data) }
}

#[tokio::test]
async fn a_message_comes_to_every_socket_once_joined_or_not_and_is_the_same_bytes() {
    let server = server().await;
    let mut joined = Client::enter_both(&server, "1/11").await;
    let mut other = Client::enter(&server, "1/12").await;
    let mut ws: Ws = server.enter(1, 13).await;
    let screen = json!({"conversationId": conversation(5)}).to_string();
    assert_eq!(joined.ask("conversation:join", &screen).await["success"], true);
    server.deliver(vec![message(5, 1, &[1]), message(5, 1, &[1]), message(5, 2, &[1])]);
    for client in [&mut joined, &mut other] {
        assert_eq!(client.names().await, ["message:new", "message:new"]);
    }
    let text = ws.text().await;
    let data = text.split_once(r#","data":"#).unwrap().1.strip_suffix('}').unwrap();
    server.deliver(vec![message(6, 1, &[1])]);
    let packet = other.packet().await;
    let view = data.strip_suffix('}').unwrap();
    assert_eq!(packet, format!(r#"2["message:new",{view},"replyTo":null}}]"#));
}

#[tokio::test]
async fn changes_of_messages_and_conversations_have_their_names_once() {
    let server = server().await;
    let mut client = Client::enter_both(&server, "1/11").await;
    let reaction = |added| json!({"messageId": user(900), "userId": user(2), "emoji": "+", "added": added, "counts": {}, "user": null});
    let members = json!({"members": [{"userId": user(3)}], "actorId": user(2)});
    let all = [
        ("message.updated", json!({"id": user(900), "isPinned": false})),
        ("message.deleted", json!({"id": user(900)})),
        ("message.reaction", reaction(true)),
        ("message.reaction", reaction(false)),
        ("conversation.updated", json!({"type": "group"})),
        ("member.added", members.clone()),
        ("member.removed", members),
    ];
    let batch = all.iter().zip(1..).map(|((kind, data), rev)| sent(kind, (5, rev), &[1], data));
    server.deliver(batch.collect());
    let receipt = json!({"userId": user(2), "kind": "read", "seq": 1, "messageId": user(900), "at": "2026-01-01T00:00:00.000Z"});
    server.deliver(vec![notice("receipt", 5, &[1], &receipt)]);
    assert_eq!(
        client.names().await,
        [
            "message:updated",
            "message:deleted",
            "message:reaction",
            "message:reaction:added",
            "message:reaction:removed",
            "conversation:updated",
            "group:updated",
            "conversation:participant_added",
            "conversation:updated",
            "conversation:participant_removed",
            "conversation:updated",
            "message:read:receipt",
        ]
    );
}

#[tokio::test]
async fn who_is_added_or_removed_hears_it_once_as_everybody_else() {
    let server = server().await;
    let mut world = server.world();
    world.open(5, &[2], schemas::conversation::head::Routing::Member);
    let (mut named, mut other) =
        (Client::enter(&server, "1/11").await, Client::enter(&server, "2/21").await);
    let members = json!({"members": [{"userId": user(1)}], "actorId": user(2)});
    for (kind, name) in
        [("member.added", "participant_added"), ("member.removed", "participant_removed")]
    {
        let [_, entry] = if kind == "member.added" { world.add(5, 1) } else { world.remove(5, 1) };
        server.deliver(vec![sent(kind, (5, world.rev(5)), &[1, 2], &members), entry]);
        let told = [format!("conversation:{name}"), "conversation:updated".to_owned()];
        for client in [&mut named, &mut other] {
            assert_eq!(client.names().await, told);
        }
    }
}

#[tokio::test]
async fn who_types_is_told_where_the_conversation_is_on_screen_and_calls_only_here() {
    let server = server().await;
    let mut on = Client::enter_both(&server, "1/11").await;
    let mut off = Client::enter(&server, "1/12").await;
    let mut own = Client::enter_both(&server, "2/21").await;
    let mut ws = server.enter(1, 13).await;
    let screen = json!({"conversationId": conversation(5)});
    for client in [&mut on, &mut own] {
        assert_eq!(client.ask("conversation:join", &screen.to_string()).await["success"], true);
        client.send(&format!(r#"2/presence,7["conversation:join",{screen}]"#)).await;
        assert_eq!(client.ack("3/presence,7").await["success"], true);
    }
    server.deliver(vec![crate::typing::told(2, Some(9_000), &[1, 2])]);
    assert_eq!(on.names().await, ["typing:start", "/presence typing:start"]);
    assert_eq!(own.names().await, ["/presence typing:start"]);
    assert!(off.names().await.is_empty());
    assert_eq!(ws.frame().await["type"], "typing");
    server.deliver(vec![notice("call.offer.received", 5, &[1], &json!({"callId": "k"}))]);
    assert_eq!(off.names().await, ["call:offer:received"]);
    assert!(ws.revs().await.is_empty());
}

#[tokio::test]
async fn what_comes_from_a_client_after_a_message_was_written_says_that_it_was_received() {
    let server = server().await;
    let mut client = Client::enter(&server, "1/11").await;
    let mut sender = Client::enter(&server, "2/21").await;
    server.deliver(vec![message(5, 1, &[1, 2]), message(5, 2, &[1, 2])]);
    for client in [&mut client, &mut sender] {
        assert_eq!(client.names().await, ["message:new", "message:new"]);
        client.pong().await;
    }
    let told = format!(r#"{{"conversations":{{"{}":2}}}}"#, conversation(5));
    wait_for("it is told", || !server.inbound.accepted.lock().is_empty()).await;
    drop(sender.names().await);
    assert_eq!(*server.inbound.accepted.lock(), [told], "once, and not of one's own messages");
}

#[tokio::test]
async fn what_waits_for_a_poll_was_not_received() {
    let server = server().await;
    let poller = Poller::enter(&server, "1/11").await;
    server.deliver(vec![message(5, 1, &[1])]);
    wait_for("it is written", || server.metrics.frames_sent.get() > 1).await;
    poller.post(r#"427["heartbeat"]"#).await;
    poller.post(r#"428["call:join",{"callId":"a"}]"#).await;
    wait_for("it is asked", || !server.inbound.accepted.lock().is_empty()).await;
    let asked = std::mem::take(&mut *server.inbound.accepted.lock());
    assert_eq!(asked, [r#"{"callId":"a"}"#], "the message waits here");
    assert!(poller.until("42[\"message:new\"").await.contains("hello"));
    poller.post("3").await;
    let told = format!(r#"{{"conversations":{{"{}":1}}}}"#, conversation(5));
    wait_for("it is told", || *server.inbound.accepted.lock() == [told.as_str()]).await;
}
