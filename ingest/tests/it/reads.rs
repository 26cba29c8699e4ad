//! What was received and read, as senders see it.

use std::time::Duration;

use http::Method;
use ingest::Ingest;
use platform::inbound::Inbound;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::world::{Answer, User, World};

async fn read(world: &World, user: &User, message: &str) -> Answer {
    world.call(Method::POST, &format!("/messages/{message}/read"), Some(user), None).await
}

async fn reads(world: &World, user: &User, message: &str) -> Value {
    let answer = world.get(&format!("/messages/{message}/reads"), user).await;
    let data = answer.ok(200);
    assert_eq!(data["messageId"], message);
    assert_eq!(data["readCount"], data["reads"].as_array().unwrap().len());
    data["reads"].clone()
}

async fn statuses(world: &World, user: &User, conversation: &str) -> Vec<String> {
    let page = world.get(&format!("/messages?conversationId={conversation}"), user).await;
    let messages = page.ok(200)["messages"].as_array().unwrap().iter();
    messages.map(|message| message["status"].as_str().unwrap().to_owned()).collect()
}

async fn delivered(node: &Ingest, user: &User, data: &Value) -> Result<Value, schemas::ApiError> {
    let who = node.authenticate(&user.token)?;
    let raw: Box<RawValue> = serde_json::value::to_raw_value(data).unwrap();
    let outcome = node.accept(&who, "delivered", Some(&raw)).await?.await?;
    Ok(serde_json::from_slice(&outcome).unwrap())
}

/// Nobody waits for what was received to be stored.
async fn until(what: &str, done: impl AsyncFn() -> bool) {
    let wait = async {
        while !done().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect(what);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_sees_what_was_received_and_read() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.direct(&alice, &bob).await;
    let mut ids = Vec::new();
    for n in 1..=3 {
        ids.push(world.send(&alice, &id, &n.to_string()).await.id());
    }
    world.send(&bob, &id, "4").await.ok(201);
    assert_eq!(statuses(&world, &alice, &id).await, ["sent"; 4]);

    let node = &world.nodes[0];
    let told = delivered(node, &bob, &json!({"conversations": {&id: 2}})).await.unwrap();
    assert_eq!(told, json!({}));
    until("delivered", async || {
        statuses(&world, &alice, &id).await == ["delivered", "delivered", "sent", "sent"]
    })
    .await;

    world.clock.advance_ms(5);
    let receipt = read(&world, &bob, &ids[0]).await;
    let data = receipt.ok(200);
    assert_eq!((&data["messageId"], &data["userId"]), (&json!(ids[0]), &json!(bob.id)));
    assert_eq!(data["conversationId"], id.as_str());
    assert!(data["readAt"].is_string() && data["id"].is_string());
    assert_eq!(statuses(&world, &alice, &id).await, ["read", "delivered", "sent", "sent"]);
    // What another sees of them is not his to know.
    assert_eq!(statuses(&world, &bob, &id).await, ["sent"; 4]);
    let one = world.get(&format!("/messages/{}", ids[0]), &alice).await;
    assert_eq!(one.ok(200)["status"], "read");
    let quote = json!({"conversationId": id, "content": "5", "replyToId": ids[0]});
    let quote = world.post("/messages", &alice, quote).await;
    assert_eq!(quote.ok(201)["replyTo"]["status"], "read");

    let list = reads(&world, &alice, &ids[0]).await;
    assert_eq!(list[0]["userId"], bob.id.as_str());
    assert_eq!(list[0]["user"]["username"], "bob");
    assert_eq!(list[0]["readAt"], data["readAt"]);
    assert_eq!(list[0]["id"], data["id"]);
    assert_eq!(reads(&world, &alice, &ids[1]).await, json!([]));
    // Read again, or an earlier one: nothing moves.
    assert_eq!(read(&world, &bob, &ids[0]).await.ok(200), data);
    read(&world, &bob, &ids[2]).await.ok(200);
    read(&world, &bob, &ids[1]).await.ok(200);
    assert_eq!(statuses(&world, &alice, &id).await, ["read", "read", "read", "sent", "sent"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_is_no_receipt_of_an_own_message_and_none_by_strangers() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let eve = world.user("eve").await;
    let id = world.direct(&alice, &bob).await;
    let message = world.send(&alice, &id, "x").await.id();
    assert!(read(&world, &alice, &message).await.ok(200)["message"].is_string());
    assert_eq!(reads(&world, &alice, &message).await, json!([]));

    let absent = uuid::Uuid::from_u128(9).to_string();
    let foreign = read(&world, &eve, &message).await;
    foreign.refused(404, "not_found");
    assert_eq!(foreign.body["message"], read(&world, &eve, &absent).await.body["message"]);
    for path in ["reads", "edit-history"] {
        let foreign = world.get(&format!("/messages/{message}/{path}"), &eve).await;
        foreign.refused(403, "not_member");
        let absent = world.get(&format!("/messages/{absent}/{path}"), &eve).await;
        assert_eq!(foreign.body["message"], absent.body["message"]);
    }
    read(&world, &bob, "x").await.refused(400, "malformed_id");
    delivered(&world.nodes[0], &eve, &json!({"conversations": {&id: 1}})).await.unwrap();
    world.nodes[0].flush().await;
    let behind = world.send(&bob, &id, "y").await.id();
    read(&world, &alice, &behind).await.ok(200);
    assert_eq!(statuses(&world, &alice, &id).await, ["sent"; 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_hides_what_he_reads_is_no_reader() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.direct(&alice, &bob).await;
    let before = world.send(&alice, &id, "1").await.id();
    read(&world, &bob, &before).await.ok(200);
    let hide = Some(json!({"readReceiptsVisibility": "nobody"}));
    world.call(Method::PUT, "/users/me/settings", Some(&bob), hide).await.ok(200);
    assert_eq!(reads(&world, &alice, &before).await, json!([]));
    let after = world.send(&alice, &id, "2").await.id();
    read(&world, &bob, &after).await.ok(200);
    assert_eq!(reads(&world, &alice, &after).await, json!([]));
    assert_eq!(statuses(&world, &alice, &id).await, ["delivered", "delivered"]);
    assert_eq!(reads(&world, &bob, &after).await[0]["userId"], bob.id.as_str(), "his own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_of_what_is_received_within_a_second_is_not_lost() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.direct(&alice, &bob).await;
    for _ in 0..4 {
        world.send(&alice, &id, "x").await.ok(201);
    }
    let node = &world.nodes[1];
    for seq in [1, 4, 3] {
        delivered(node, &bob, &json!({"conversations": {&id: seq}})).await.unwrap();
    }
    let count = async |wanted: usize| {
        let all = statuses(&world, &alice, &id).await;
        all.iter().filter(|status| *status == "delivered").count() == wanted
    };
    until("the first at once", async || count(1).await).await;
    node.flush().await;
    until("the largest when the second is over", async || count(4).await).await;
    // Beyond the newest there is nothing to receive.
    node.flush().await;
    delivered(node, &bob, &json!({"conversations": {&id: 1_000}})).await.unwrap();
    world.send(&alice, &id, "x").await.ok(201);
    node.flush().await;
    let behind = world.send(&bob, &id, "y").await.id();
    read(&world, &alice, &behind).await.ok(200);
    assert_eq!(statuses(&world, &alice, &id).await[4..], ["sent"; 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_said_to_be_received_is_read_strictly() {
    use schemas::Code;

    let world = World::new().await;
    let alice = world.user("alice").await;
    let many: serde_json::Map<String, Value> =
        (0..101).map(|n| (uuid::Uuid::from_u128(n).to_string(), json!(1))).collect();
    for (data, code) in [
        (json!({}), Code::ValidationFailed),
        (json!({"conversations": []}), Code::ValidationFailed),
        (json!({"conversations": {"x": 1}}), Code::ValidationFailed),
        (json!({"conversations": {uuid::Uuid::nil().to_string(): -1}}), Code::ValidationFailed),
        (json!({"conversations": {uuid::Uuid::nil().to_string(): "1"}}), Code::ValidationFailed),
        (json!({"conversations": {}, "userId": "x"}), Code::UnknownField),
        (json!({"conversations": many}), Code::ValidationFailed),
    ] {
        let refused = delivered(&world.nodes[0], &alice, &data).await.unwrap_err();
        assert_eq!(refused.code, code, "{data}");
    }
    let absent = json!({"conversations": {uuid::Uuid::nil().to_string(): 1}});
    assert_eq!(delivered(&world.nodes[0], &alice, &absent).await.unwrap(), json!({}));
}
