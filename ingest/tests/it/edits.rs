//! Editing and deleting one's own messages, and what is left of them.

use http::Method;
use serde_json::{Value, json};

use crate::world::{Answer, User, World, request};

async fn edit(world: &World, user: &User, message: &str, content: &str) -> Answer {
    let path = format!("/messages/{message}");
    world.call(Method::PATCH, &path, Some(user), Some(json!({"content": content}))).await
}

async fn delete(world: &World, user: &User, message: &str) -> Answer {
    world.call(Method::DELETE, &format!("/messages/{message}"), Some(user), None).await
}

async fn keyed(
    world: &World,
    method: Method,
    path: &str,
    user: &User,
    body: Option<Value>,
) -> Answer {
    world.raw(1, request(method, path, Some(user), body, &[("idempotency-key", "k")])).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_replaces_the_text_everywhere_and_its_history_keeps_what_it_was() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.direct(&alice, &bob).await;
    let body = json!({"conversationId": id, "content": "one", "metadata": {"a": [1.0]}});
    let message = world.post("/messages", &alice, body).await.id();
    let path = format!("/messages/{message}");

    let put = world.call(Method::PUT, &path, Some(&alice), Some(json!({"content": "two"}))).await;
    let edited = put.ok(200);
    assert_eq!((&edited["content"], &edited["isEdited"]), (&json!("two"), &json!(true)));
    assert_eq!(edited["metadata"], json!({"a": [1.0]}));
    let third = edit(&world, &alice, &message, "three").await;
    // The same text again changes nothing.
    assert_eq!(edit(&world, &alice, &message, "three").await.ok(200), third.ok(200));

    let read = world.call_at(1, Method::GET, &path, Some(&bob), None).await;
    assert_eq!(read.ok(200), third.ok(200));
    let list = world.get("/conversations", &bob).await;
    assert_eq!(list.ok(200)["items"][0]["lastMessage"]["content"], "three");

    let history = world.get(&format!("{path}/edit-history"), &bob).await;
    let history = history.ok(200);
    assert_eq!(history["messageId"], message.as_str());
    assert_eq!(history["currentContent"], "three");
    assert_eq!(history["editCount"], 2);
    let former: Vec<_> = history["history"].as_array().unwrap().iter().collect();
    assert_eq!(former.len(), 2);
    assert_eq!((&former[0]["content"], &former[1]["content"]), (&json!("two"), &json!("one")));
    assert_eq!(former[0]["metadata"], json!({"a": [1.0]}));
    assert!(former.iter().all(|one| one["messageId"] == message.as_str()));
    assert!(former.iter().all(|one| one["editedAt"].is_string() && one["createdAt"].is_string()));
    assert_ne!(former[0]["id"], former[1]["id"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_its_sender_edits_or_deletes_a_message() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let eve = world.user("eve").await;
    let id = world.direct(&alice, &bob).await;
    let message = world.send(&alice, &id, "mine").await.id();
    edit(&world, &bob, &message, "yours").await.refused(403, "forbidden");
    delete(&world, &bob, &message).await.refused(403, "forbidden");
    let absent = uuid::Uuid::from_u128(9).to_string();
    for message in [&message, &absent] {
        edit(&world, &eve, message, "yours").await.refused(404, "not_found");
        delete(&world, &eve, message).await.refused(404, "not_found");
    }
    edit(&world, &alice, "x", "y").await.refused(400, "malformed_id");
    let read = world.get(&format!("/messages/{message}"), &bob).await;
    assert_eq!(read.ok(200)["content"], "mine");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_needs_a_text() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.direct(&alice, &bob).await;
    let message = world.send(&alice, &id, "x").await.id();
    let path = format!("/messages/{message}");
    for (body, code) in [
        (json!({}), "validation_failed"),
        (json!({"content": 5}), "validation_failed"),
        (json!({"content": ""}), "empty_message"),
        (json!({"content": " \n"}), "empty_message"),
        (json!({"content": "x".repeat(10_001)}), "validation_failed"),
        (json!({"content": "y", "metadata": {}}), "unknown_field"),
        (json!([]), "validation_failed"),
    ] {
        let answer = world.call(Method::PUT, &path, Some(&alice), Some(body)).await;
        answer.refused(400, code);
    }
    edit(&world, &alice, &message, &"ä".repeat(10_000)).await.ok(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_of_a_deleted_message_but_its_place() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.direct(&alice, &bob).await;
    let body = json!({
        "conversationId": id, "content": "secret", "metadata": {"hidden": "secret"},
    });
    let message = world.post("/messages", &alice, body).await.id();
    edit(&world, &alice, &message, "secret too").await.ok(200);
    let react = json!({"emoji": "\u{1F44D}"});
    world.post(&format!("/messages/{message}/reactions"), &bob, react.clone()).await.ok(200);
    world.post(&format!("/messages/{message}/pin"), &bob, json!({})).await.ok(200);
    let answer = json!({"conversationId": id, "content": "answer", "replyToId": message});
    let answer = world.post("/messages", &bob, answer).await;
    assert_eq!(answer.ok(201)["replyTo"]["content"], "secret too");

    assert!(delete(&world, &alice, &message).await.ok(200)["message"].is_string());
    let one = world.get(&format!("/messages/{message}"), &bob).await;
    let placeholder = one.ok(200);
    assert_eq!((&placeholder["isDeleted"], &placeholder["content"]), (&json!(true), &json!("")));
    assert_eq!(placeholder["metadata"], Value::Null);
    assert_eq!(
        (&placeholder["reactions"], &placeholder["reactionCounts"]),
        (&json!([]), &json!({}))
    );
    assert!(placeholder["deletedAt"].is_string());
    assert_eq!(placeholder["seq"], 1);
    let paths = [
        format!("/messages/{message}"),
        format!("/messages/{}", answer.id()),
        format!("/messages?conversationId={id}"),
        format!("/conversations/{id}/messages"),
        format!("/messages/{message}/edit-history"),
        format!("/messages/conversations/{id}/pinned"),
        format!("/messages/{message}/thread"),
        format!("/conversations/{id}"),
        "/conversations".to_owned(),
    ];
    for path in paths {
        for user in [&alice, &bob] {
            let answer = world.get(&path, user).await;
            answer.ok(200);
            assert!(!answer.body.to_string().contains("secret"), "{path}: {}", answer.body);
        }
    }
    let history = world.get(&format!("/messages/{message}/edit-history"), &bob).await;
    let data = history.ok(200);
    assert_eq!((&data["editCount"], &data["history"]), (&json!(0), &json!([])));
    assert_eq!(data["currentContent"], "");
    let shown = world.get(&format!("/messages/{}", answer.id()), &bob).await;
    assert_eq!(shown.ok(200)["replyTo"]["isDeleted"], true);

    edit(&world, &alice, &message, "back").await.refused(400, "message_deleted");
    let reactions = format!("/messages/{message}/reactions");
    world.post(&reactions, &bob, react).await.refused(400, "message_deleted");
    let pin = world.post(&format!("/messages/{message}/pin"), &bob, json!({})).await;
    pin.refused(400, "message_deleted");
    let reply = json!({"conversationId": id, "content": "to nothing", "replyToId": message});
    world.post("/messages", &bob, reply).await.refused(400, "message_deleted");
    let forward = json!({"conversationIds": [id]});
    let forward = world.post(&format!("/messages/{message}/forward"), &bob, forward).await;
    forward.refused(400, "message_deleted");
    delete(&world, &alice, &message).await.ok(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_that_names_itself_has_one_effect() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.direct(&alice, &bob).await;
    let message = world.send(&alice, &id, "one").await.id();
    let path = format!("/messages/{message}");
    let body = || Some(json!({"content": "two"}));
    let first = keyed(&world, Method::PUT, &path, &alice, body()).await;
    edit(&world, &alice, &message, "three").await.ok(200);
    // A retry that comes late does not bring the older text back.
    let again = keyed(&world, Method::PUT, &path, &alice, body()).await;
    assert_eq!(again.ok(200)["content"], "three");
    assert_eq!(first.ok(200)["content"], "two");
    let other = Some(json!({"content": "other"}));
    keyed(&world, Method::PUT, &path, &alice, other).await.refused(409, "idempotency_mismatch");
    keyed(&world, Method::DELETE, &path, &alice, None).await.refused(409, "idempotency_mismatch");
    // The name of a request is no message.
    let once = schemas::MessageId::once(
        alice.id.parse().unwrap(),
        id.parse::<schemas::ConversationId>().unwrap().0,
        "k",
    );
    world.get(&format!("/messages/{once}"), &alice).await.refused(404, "not_found");
    edit(&world, &alice, &once.to_string(), "x").await.refused(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn between_two_who_block_each_other_messages_are_only_taken_back() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.direct(&alice, &bob).await;
    let (mine, theirs) =
        (world.send(&alice, &id, "mine").await.id(), world.send(&bob, &id, "theirs").await.id());
    let reactions = format!("/messages/{theirs}/reactions");
    world.post(&reactions, &alice, json!({"emoji": "x"})).await.ok(200);
    world.post(&format!("/users/{}/block", alice.id), &bob, json!({})).await.ok(200);

    edit(&world, &alice, &mine, "more").await.refused(403, "blocked");
    world.post(&reactions, &alice, json!({"emoji": "y"})).await.refused(403, "blocked");
    world.post(&format!("/messages/{mine}/pin"), &alice, json!({})).await.refused(403, "blocked");
    let answer = json!({"conversationId": id, "content": "x", "replyToId": theirs});
    world.post("/messages", &alice, answer).await.refused(403, "blocked");
    world.delete(&format!("{reactions}/x"), &alice).await.ok(200);
    delete(&world, &alice, &mine).await.ok(200);
    world.get(&format!("/messages/{theirs}"), &alice).await.ok(200);
    // Nor does one of them learn what the other one reads.
    world.post(&format!("/messages/{theirs}/read"), &alice, json!({})).await.ok(200);
    let reads = world.get(&format!("/messages/{theirs}/reads"), &bob).await;
    assert_eq!(reads.ok(200)["reads"], json!([]));
}
