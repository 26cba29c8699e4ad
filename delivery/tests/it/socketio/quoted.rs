//! What events show beside their frames: the message that is answered, whoever pinned.

use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use schemas::message::table::{IdIndex, MessageBySeq, bucket};
use schemas::outbound::Outbound;
use schemas::user::table::UserHead;
use schemas::{MessageId, Position, Rev, Seq};
use serde_json::{Value, json};
use tokio::time::Instant;
use uuid::Uuid;

use super::client::{Client, Poller};
use super::told::{message, sent};
use crate::harness::{Server, conversation, server, unless_stalled, user};

/// How long a store that does not answer is waited for.
const QUOTE: Duration = Duration::from_secs(1);
/// What makes a read slow that is not: those that follow may go without.
const STALL: Duration = Duration::from_millis(50);

fn id(number: u128) -> MessageId {
    MessageId(Uuid::from_u128(number))
}

fn of(talk: u128) -> MessageId {
    id(695 + talk)
}

/// The one message of a conversation that is answered here lies in the tables as the fold would leave it.
fn stored(server: &Server, talk: u128, seq: Seq, deleted: bool) -> Value {
    let text = if deleted { "" } else { "the \"answered\" one" };
    stored_as(server, (talk, seq), text, deleted)
}

fn stored_as(server: &Server, (talk, seq): (u128, Seq), text: &str, deleted: bool) -> Value {
    let view = json!({
        "id": of(talk), "conversationId": conversation(talk), "seq": seq, "content": text,
        "isDeleted": deleted, "status": "sent", "sender": {"id": user(3), "username": "carol"},
    });
    let row = MessageBySeq {
        conversation: conversation(talk),
        bucket: bucket(seq),
        seq,
        message: of(talk),
        sender: user(3),
        n: seq,
        body: Bytes::from(view.to_string()),
        revs: None,
        deleted: deleted.then_some(true),
        pinned: None,
    };
    let index = IdIndex {
        message: of(talk),
        conversation: conversation(talk),
        seq,
        rev: seq,
        position: 1,
        body_hash: Bytes::new(),
    };
    let stamp = |offset| Position { epoch: 1, partition: 0, offset }.stamp();
    server.store.put(&row, stamp(if deleted { 2 } else { 1 }));
    server.store.put(&index, stamp(1));
    view
}

/// User 2 answers message 700.
fn answer(kind: &str, rev: Rev, audience: &[u128]) -> Outbound {
    let data = json!({"id": id(900), "senderId": user(2), "content": "yes", "replyToId": id(700)});
    sent(kind, (5, rev), audience, &data)
}

#[tokio::test]
async fn an_answer_shows_what_it_quotes_read_once_for_all_and_ws_has_the_frame() {
    let server = server().await;
    let quoted = stored(&server, 5, 4, false);
    let mut all = [
        Client::enter(&server, "1/11").await,
        Client::enter_both(&server, "1/12").await,
        Client::enter(&server, "2/21").await,
    ];
    let poller = Poller::enter(&server, "1/13").await;
    let mut ws = server.enter(1, 14).await;
    server.deliver(vec![answer("message.created", 1, &[1, 2]), message(5, 2, &[1, 2])]);
    for client in &mut all {
        let (name, data) = client.event().await;
        assert_eq!((name.as_str(), &data["replyTo"]), ("message:new", &quoted));
        let (_, data) = client.event().await;
        assert_eq!((&data["content"], &data["replyTo"]), (&json!("hello"), &Value::Null));
    }
    assert!(poller.until("42[\"message:new\"").await.contains("the \\\"answered\\\" one"));
    let frame = ws.frame().await;
    assert_eq!(frame["data"]["replyToId"], json!(id(700)));
    assert!(frame["data"].get("replyTo").is_none(), "{frame}");
    assert_eq!(server.store.placed.load(Ordering::SeqCst), 1);
    server.deliver(vec![answer("message.updated", 3, &[1])]);
    assert_eq!(all[0].event().await.1["replyTo"], quoted);
}

#[tokio::test]
async fn of_a_deleted_message_and_of_one_that_lies_elsewhere_nothing_is_told() {
    let server = server().await;
    let mut client = Client::enter(&server, "1/11").await;
    stored(&server, 5, 4, false);
    let placeholder = stored(&server, 5, 4, true);
    server.deliver(vec![answer("message.created", 1, &[1])]);
    let (_, data) = client.event().await;
    assert_eq!(data["replyTo"], placeholder);
    assert_eq!(
        (&data["replyTo"]["content"], &data["replyTo"]["isDeleted"]),
        (&json!(""), &json!(true))
    );
    stored(&server, 6, 4, false);
    let data = json!({"id": id(901), "senderId": user(2), "content": "x", "replyToId": id(701)});
    server.deliver(vec![sent("message.created", (5, 2), &[1], &data)]);
    let (_, data) = client.event().await;
    assert_eq!(data["replyTo"], Value::Null, "it lies elsewhere");
}

#[tokio::test]
async fn a_store_that_does_not_answer_costs_a_moment_and_the_quote_but_not_the_order() {
    unless_stalled(STALL, async || {
        let server = server().await;
        stored(&server, 5, 4, false);
        let mut client = Client::enter(&server, "1/11").await;
        let mut other = Client::enter(&server, "3/31").await;
        *server.store.places.lock() = Duration::from_mins(1);
        let start = Instant::now();
        server.deliver(vec![
            answer("message.created", 1, &[1]),
            message(5, 2, &[1]),
            answer("message.created", 3, &[1]),
            message(6, 1, &[3]),
        ]);
        assert_eq!(other.event().await.0, "message:new");
        assert!(start.elapsed() < QUOTE, "others do not wait");
        let contents = [client.event().await.1, client.event().await.1, client.event().await.1];
        let shown: Vec<_> =
            contents.iter().map(|data| (&data["content"], data.get("replyTo"))).collect();
        let yes = json!("yes");
        assert_eq!(shown, [(&yes, None), (&json!("hello"), Some(&Value::Null)), (&yes, None)]);
        assert!(start.elapsed() >= QUOTE, "it did wait");
        assert_eq!(
            server.store.placed.load(Ordering::SeqCst),
            1,
            "what follows does not wait again"
        );
    })
    .await;
}

#[tokio::test]
async fn a_slow_store_costs_the_quotes_and_a_small_part_of_the_time() {
    let server = server().await;
    stored(&server, 5, 4, false);
    let mut client = Client::enter(&server, "1/11").await;
    *server.store.places.lock() = Duration::from_millis(300);
    let start = Instant::now();
    server.deliver((1..=40).map(|rev| answer("message.created", rev, &[1])).collect());
    let mut quoted = 0;
    for _ in 0..40 {
        let (name, data) = client.event().await;
        assert_eq!((name.as_str(), &data["content"]), ("message:new", &json!("yes")));
        quoted += u64::from(data.get("replyTo").is_some());
    }
    let reads = u64::try_from(server.store.placed.load(Ordering::SeqCst)).unwrap();
    assert!(quoted <= reads, "{quoted} of {reads}");
    // A few before it is known, and then one in three seconds.
    assert!((1..=3 + start.elapsed().as_secs() / 3).contains(&reads), "{reads}");
}

#[tokio::test]
async fn a_socket_that_does_not_read_keeps_no_quotes_and_they_are_read_again_for_it() {
    unless_stalled(STALL, async || {
        const MANY: usize = 60;
        let server = server().await;
        let long = "x".repeat(50_000);
        let quoted = stored_as(&server, (5, 4), &long, false);
        let idle = Poller::enter(&server, "1/12").await;
        let mut client = Client::enter(&server, "1/11").await;
        // One after another, so that the other queue alone is what could keep them.
        for rev in 1..=60 {
            server.deliver(vec![answer("message.created", rev, &[1])]);
            assert_eq!(client.event().await.1["replyTo"], quoted);
        }
        let before = server.store.placed.load(Ordering::SeqCst);
        let mut came = 0;
        while came < MANY {
            let packets = idle.packets().await;
            let news = packets.iter().filter(|packet| packet.starts_with("42[\"message:new\""));
            came += news.inspect(|packet| assert!(packet.contains(&long))).count();
        }
        let again = server.store.placed.load(Ordering::SeqCst) - before;
        assert!((10..=MANY).contains(&again), "{again}: what the shelf of the node has not");
    })
    .await;
}

#[tokio::test]
async fn a_row_that_can_not_be_read_costs_its_own_frame_alone() {
    let server = server().await;
    let quoted = stored(&server, 5, 4, false);
    let mut client = Client::enter(&server, "1/11").await;
    let stamp = Position { epoch: 1, partition: 0, offset: 1 }.stamp();
    server.store.put(&UserHead { user: user(2), body: Bytes::from_static(b"?") }, stamp);
    let pin = |rev| {
        let data = json!({
            "id": id(700), "isPinned": true, "rev": rev, "seq": 4, "pinRev": rev,
            "pinChangedById": user(2),
        });
        sent("message.updated", (5, rev), &[1], &data)
    };
    // As many as a store that is away would not be asked for.
    server.deliver((1..=5).map(pin).chain([answer("message.created", 6, &[1])]).collect());
    for _ in 1..=5 {
        assert_eq!(client.event().await.0, "message:updated");
        let (name, data) = client.event().await;
        assert_eq!(name, "message:pinned");
        assert_eq!(data["pinnedMessage"]["pinnedBy"], Value::Null);
    }
    assert_eq!(client.event().await.1["replyTo"], quoted);
}

#[tokio::test]
async fn a_pin_shows_who_pinned() {
    let server = server().await;
    let mut world = server.world();
    world.note(2);
    let mut client = Client::enter(&server, "1/11").await;
    let data = json!({
        "id": id(700), "isPinned": true, "rev": 1, "seq": 4, "pinRev": 1, "pinChangedById": user(2),
    });
    server.deliver(vec![sent("message.updated", (5, 1), &[1], &data)]);
    assert_eq!(client.event().await.0, "message:updated");
    let (name, data) = client.event().await;
    let pin = &data["pinnedMessage"];
    assert_eq!(name, "message:pinned");
    assert_eq!(pin["pinnedBy"]["username"], "somebody");
    assert_eq!((&pin["pinnedBy"]["isOnline"], &pin["pinnedById"]), (&Value::Null, &json!(user(2))));
    assert_eq!((&pin["createdAt"], &pin["updatedAt"]), (&pin["pinnedAt"], &pin["pinnedAt"]));
    assert_eq!(pin["pinnedAt"], json!("2026-01-01T00:00:00.000Z"));
    assert_eq!(
        (pin.get("deletedAt"), &pin["message"]["replyTo"]),
        (Some(&Value::Null), &Value::Null)
    );
}
