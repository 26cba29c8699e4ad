//! Answers to messages: what is quoted, and threads.

use http::Method;
use serde_json::{Value, json};

use crate::world::{Answer, User, World};

async fn reply(world: &World, user: &User, conversation: &str, to: &str, content: &str) -> Answer {
    let body = json!({"conversationId": conversation, "content": content, "replyToId": to});
    world.post("/messages", user, body).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_shows_the_message_that_it_answers() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.direct(&alice, &bob).await;
    let first = world.send(&alice, &id, "question").await.id();
    let second = reply(&world, &bob, &id, &first, "answer").await;
    let data = second.ok(201);
    assert_eq!(data["replyToId"], first.as_str());
    assert_eq!(data["replyTo"]["id"], first.as_str());
    assert_eq!(data["replyTo"]["content"], "question");
    assert_eq!(data["replyTo"]["sender"]["username"], "alice");
    assert!(data["replyTo"].get("replyTo").is_none(), "one level");
    let third = reply(&world, &alice, &id, &second.id(), "thanks").await;
    assert_eq!(third.ok(201)["replyTo"]["content"], "answer");
    assert!(third.ok(201)["replyTo"].get("replyTo").is_none());

    let page = world.get(&format!("/conversations/{id}/messages"), &bob).await;
    let messages = page.ok(200)["messages"].as_array().unwrap();
    let quoted: Vec<_> = messages.iter().map(|m| m["replyTo"]["content"].clone()).collect();
    assert_eq!(quoted, [Value::Null, json!("question"), json!("answer")]);
    let one = world.get(&format!("/messages/{}", second.id()), &alice).await;
    assert_eq!(one.ok(200)["replyTo"]["id"], first.as_str());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_a_message_of_the_same_conversation_is_answered() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let eve = world.user("eve").await;
    let id = world.direct(&alice, &bob).await;
    let other = world.direct(&alice, &eve).await;
    let message = world.send(&alice, &id, "here").await.id();
    reply(&world, &alice, &other, &message, "x").await.refused(404, "not_found");
    reply(&world, &eve, &other, &message, "x").await.refused(404, "not_found");
    let absent = uuid::Uuid::from_u128(9).to_string();
    reply(&world, &alice, &id, &absent, "x").await.refused(404, "not_found");
    reply(&world, &alice, &id, "x", "x").await.refused(400, "malformed_id");
    let page = world.get(&format!("/messages?conversationId={other}"), &alice).await;
    assert_eq!(page.ok(200)["messages"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_of_an_answer_is_the_same_message() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.direct(&alice, &bob).await;
    let first = world.send(&alice, &id, "question").await.id();
    let body = json!({
        "conversationId": id, "content": "a", "replyToId": first, "clientMessageId": "c",
    });
    let sent = world.post("/messages", &bob, body.clone()).await;
    let again = world.call_at(1, Method::POST, "/messages", Some(&bob), Some(body.clone())).await;
    assert_eq!(again.ok(201), sent.ok(201));
    let mut other = body.clone();
    other["replyToId"] = Value::Null;
    world.post("/messages", &bob, other).await.refused(409, "idempotency_mismatch");
    // Also when what it answers is gone.
    world.call(Method::DELETE, &format!("/messages/{first}"), Some(&alice), None).await.ok(200);
    let again = world.post("/messages", &bob, body).await;
    assert_eq!(again.ok(201)["id"], sent.ok(201)["id"]);
    assert_eq!(again.ok(201)["replyTo"]["isDeleted"], true);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thread_has_the_answers_in_order_page_by_page() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let eve = world.user("eve").await;
    let id = world.direct(&alice, &bob).await;
    let root = world.send(&alice, &id, "root").await.id();
    for n in 1..=5 {
        world.send(&alice, &id, "between").await.ok(201);
        reply(&world, &bob, &id, &root, &n.to_string()).await.ok(201);
    }
    let thread = async |query: &str| {
        let answer = world.get(&format!("/messages/{root}/thread?{query}"), &alice).await;
        let data = answer.ok(200).clone();
        let messages = data["messages"].as_array().unwrap().iter();
        let contents: Vec<_> =
            messages.map(|m| m["content"].as_str().unwrap().to_owned()).collect();
        (contents, data)
    };
    let (all, data) = thread("").await;
    assert_eq!(all, ["1", "2", "3", "4", "5"]);
    assert_eq!(data["pagination"], json!({"page": 1, "limit": 50, "total": 5, "totalPages": 1}));
    assert_eq!((&data["hasMore"], &data["nextAfter"]), (&json!(false), &Value::Null));
    assert_eq!(data["messages"][0]["replyTo"]["id"], root.as_str());

    let (first, data) = thread("limit=2").await;
    assert_eq!((first, &data["hasMore"]), (vec!["1".to_owned(), "2".to_owned()], &json!(true)));
    let (second, data) = thread(&format!("limit=2&after={}", data["nextAfter"])).await;
    assert_eq!(second, ["3", "4"]);
    let (third, data) = thread(&format!("limit=2&after={}", data["nextAfter"])).await;
    assert_eq!((third, &data["nextAfter"]), (vec!["5".to_owned()], &Value::Null));
    assert_eq!(thread("limit=2&page=3").await.0, ["5"]);
    assert_eq!(thread("limit=2&page=4").await.0, Vec::<String>::new());

    let (foreign, absent) = (
        world.get(&format!("/messages/{root}/thread"), &eve).await,
        world.get(&format!("/messages/{}/thread", uuid::Uuid::from_u128(9)), &eve).await,
    );
    foreign.refused(404, "not_found");
    assert_eq!(foreign.body["message"], absent.body["message"]);
    world
        .get(&format!("/messages/{root}/thread?after=-1"), &alice)
        .await
        .refused(400, "validation_failed");
}
