//! Forwarding a message to other conversations.

use http::Method;
use serde_json::{Value, json};

use crate::world::{Answer, User, World, request};

async fn forward(world: &World, user: &User, message: &str, to: &[&str]) -> Answer {
    let body = json!({"conversationIds": to});
    world.post(&format!("/messages/{message}/forward"), user, body).await
}

async fn contents(world: &World, user: &User, conversation: &str) -> Vec<String> {
    let page = world.get(&format!("/messages?conversationId={conversation}"), user).await;
    let messages = page.ok(200)["messages"].as_array().unwrap().iter();
    messages.map(|message| message["content"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forwarded_message_says_where_it_comes_from() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let carol = world.user("carol").await;
    let source = world.direct(&alice, &bob).await;
    let (to_carol, notes) = (world.direct(&bob, &carol).await, {
        let answer = world.get("/conversations/self", &bob).await;
        answer.ok(200)["id"].as_str().unwrap().to_owned()
    });
    let files = json!([{"id": "1", "fileName": "a.png", "fileUrl": "https://x.example/a.png"}]);
    let body = json!({
        "conversationId": source, "content": "look", "type": "file",
        "metadata": {"files": files, "size": 1.50},
    });
    let message = world.post("/messages", &alice, body).await.id();

    let answer = forward(&world, &bob, &message, &[&to_carol, &notes]).await;
    let data = answer.ok(200);
    assert!(data["message"].is_string());
    assert_eq!(data["failed"], json!([]));
    let forwarded = data["forwardedMessages"].as_array().unwrap();
    assert_eq!(forwarded.len(), 2);
    for (new, conversation) in forwarded.iter().zip([&to_carol, &notes]) {
        assert_eq!(new["conversationId"], conversation.as_str());
        assert_eq!((&new["content"], &new["type"]), (&json!("look"), &json!("file")));
        assert_eq!(new["senderId"], bob.id.as_str());
        assert_eq!(
            new["metadata"],
            json!({
                "files": files, "size": 1.50, "forwarded": true, "originalMessageId": message,
                "originalSenderId": alice.id, "originalSenderName": "First Last",
            })
        );
    }
    let read =
        world.get(&format!("/messages/{}", forwarded[0]["id"].as_str().unwrap()), &carol).await;
    assert_eq!(read.ok(200), &forwarded[0]);

    // On and on: nothing piles up.
    let on = forwarded[0]["id"].as_str().unwrap();
    let again = forward(&world, &bob, on, &[&source]).await;
    let metadata = &again.ok(200)["forwardedMessages"][0]["metadata"];
    assert_eq!(metadata["originalMessageId"], on);
    assert_eq!(metadata.as_object().unwrap().len(), 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_goes_to_all_conversations_or_to_none() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let (carol, dave) = (world.user("carol").await, world.user("dave").await);
    let source = world.direct(&alice, &bob).await;
    let good = world.direct(&alice, &carol).await;
    let foreign = world.direct(&bob, &dave).await;
    let blocked = world.direct(&alice, &dave).await;
    world.post(&format!("/users/{}/block", alice.id), &dave, json!({})).await.ok(200);
    let message = world.send(&alice, &source, "x").await.id();
    let absent = uuid::Uuid::from_u128(9).to_string();
    forward(&world, &alice, &message, &[&good, &foreign]).await.refused(403, "not_member");
    forward(&world, &alice, &message, &[&good, &absent]).await.refused(403, "not_member");
    forward(&world, &alice, &message, &[&good, &blocked]).await.refused(403, "blocked");
    assert_eq!(contents(&world, &alice, &good).await, Vec::<String>::new());
    forward(&world, &alice, &message, &[&good]).await.ok(200);
    assert_eq!(contents(&world, &carol, &good).await, ["x"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_its_readers_forward_a_message() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let eve = world.user("eve").await;
    let source = world.direct(&alice, &bob).await;
    let target = world.direct(&eve, &bob).await;
    let message = world.send(&alice, &source, "secret").await.id();
    let foreign = forward(&world, &eve, &message, &[&target]).await;
    let absent = forward(&world, &eve, &uuid::Uuid::from_u128(9).to_string(), &[&target]).await;
    foreign.refused(404, "not_found");
    assert_eq!(foreign.body["message"], absent.body["message"]);
    assert!(contents(&world, &eve, &target).await.is_empty());
    let path = format!("/messages/{message}/forward");
    for (body, code) in [
        (json!({}), "validation_failed"),
        (json!({"conversationIds": []}), "validation_failed"),
        (json!({"conversationIds": [source, source]}), "validation_failed"),
        (json!({"conversationIds": ["x"]}), "malformed_id"),
        (json!({"conversationIds": [source], "content": "other"}), "unknown_field"),
    ] {
        world.post(&path, &alice, body).await.refused(400, code);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_forwards_nothing_twice_whatever_happened_since() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let carol = world.user("carol").await;
    let source = world.direct(&alice, &bob).await;
    let (first, second) = (world.direct(&alice, &carol).await, world.direct(&carol, &bob).await);
    let message = world.send(&alice, &source, "x").await.id();
    let other = world.send(&alice, &source, "y").await.id();
    let keyed = async |message: &str, to: &[&str]| {
        let path = format!("/messages/{message}/forward");
        let body = Some(json!({"conversationIds": to}));
        let headers = [("idempotency-key", "k")];
        world.raw(1, request(Method::POST, &path, Some(&bob), body, &headers)).await
    };
    let sent = keyed(&message, &[&second, &source]).await;
    let forwarded = sent.ok(200)["forwardedMessages"].clone();
    assert_eq!(keyed(&message, &[&second, &source]).await.ok(200)["forwardedMessages"], forwarded);
    keyed(&other, &[&second]).await.refused(409, "idempotency_mismatch");
    let path = format!("/messages/{message}");
    let edit = Some(json!({"content": "z"}));
    world.call(Method::PUT, &path, Some(&alice), edit).await.ok(200);
    assert_eq!(keyed(&message, &[&second, &source]).await.ok(200)["forwardedMessages"], forwarded);
    world.call(Method::DELETE, &path, Some(&alice), None).await.ok(200);
    let again = keyed(&message, &[&second, &source]).await;
    assert_eq!(again.ok(200)["forwardedMessages"], forwarded);
    assert_eq!(contents(&world, &carol, &second).await, ["x"]);
    // What was sent stands; what was not is said to be refused.
    let more = keyed(&message, &[&second, &first]).await;
    let more = more.ok(200).clone();
    assert_eq!(more["forwardedMessages"], json!([forwarded[0]]));
    assert_eq!(more["failed"], json!([{"conversationId": first, "code": "message_deleted"}]));
    assert_eq!(
        forwarded
            .as_array()
            .unwrap()
            .iter()
            .filter(|m| m["isDeleted"] == Value::Bool(true))
            .count(),
        0
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_forwarded_before_is_not_refused_for_the_rate_of_the_rest() {
    let world = World::with(|config| {
        config.limits.messages = ingest::config::Rate { burst: 3, per_minute: 1 };
    })
    .await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let source = world.direct(&alice, &bob).await;
    let message = world.send(&alice, &source, "x").await.id();
    let to = [
        world.group(&alice, &[&bob]).await,
        world.group(&alice, &[&bob]).await,
        world.group(&alice, &[&bob]).await,
    ];
    let path = format!("/messages/{message}/forward");
    let some = |n: usize| json!({"conversationIds": to.iter().take(n).collect::<Vec<_>>()});
    world.named("k", Method::POST, &path, &alice, some(1)).await.ok(200);
    // One token for the request, and one message, are left; not for the second.
    let again = world.named("k", Method::POST, &path, &alice, some(3)).await;
    let data = again.ok(200);
    assert_eq!(data["forwardedMessages"].as_array().unwrap().len(), 1);
    let limited =
        |id: &String| json!({"conversationId": id, "code": schemas::Code::RateLimited.text()});
    assert_eq!(data["failed"], json!([limited(&to[1]), limited(&to[2])]));
}
