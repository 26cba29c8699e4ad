//! Reactions and pins.

use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};

use crate::world::{Answer, User, World, request};

const THUMB: &str = "\u{1F44D}";
const HEART: &str = "\u{2764}\u{FE0F}";

async fn react(world: &World, node: usize, user: &User, message: &str, emoji: &str) -> Answer {
    let path = format!("/messages/{message}/reactions");
    world.call_at(node, Method::POST, &path, Some(user), Some(json!({"emoji": emoji}))).await
}

fn encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |path, byte| format!("{path}%{byte:02X}"))
}

async fn unreact(world: &World, user: &User, message: &str, emoji: &str) -> Answer {
    let path = format!("/messages/{message}/reactions/{}", encoded(emoji));
    world.call(Method::DELETE, &path, Some(user), None).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reactions_are_shown_with_their_message() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.direct(&alice, &bob).await;
    let message = world.send(&alice, &id, "x").await.id();
    world.send(&alice, &id, "y").await.ok(201);
    let thumb = react(&world, 0, &bob, &message, THUMB).await;
    let data = thumb.ok(200);
    assert_eq!(data["messageId"], message.as_str());
    assert_eq!((&data["userId"], &data["emoji"]), (&json!(bob.id), &json!(THUMB)));
    assert_eq!(data["user"]["username"], "bob");
    assert!(data["user"].get("email").is_none());
    assert!(data["createdAt"].is_string() && data["id"].is_string());
    world.clock.advance_ms(5);
    react(&world, 1, &alice, &message, THUMB).await.ok(200);
    react(&world, 0, &alice, &message, HEART).await.ok(200);

    let page = world.get(&format!("/conversations/{id}/messages"), &bob).await;
    let messages = &page.ok(200)["messages"];
    assert_eq!(messages[0]["reactionCounts"], json!({THUMB: 2, HEART: 1}));
    let shown = messages[0]["reactions"].as_array().unwrap();
    assert_eq!(shown.len(), 3);
    assert_eq!((&shown[0]["emoji"], &shown[0]["userId"]), (&json!(HEART), &json!(alice.id)));
    assert_eq!(&shown[2], data, "the newest first; the same as it was answered");
    assert_eq!(
        (&messages[1]["reactions"], &messages[1]["reactionCounts"]),
        (&json!([]), &json!({}))
    );
    let one = world.get(&format!("/messages/{message}"), &bob).await;
    assert_eq!(one.ok(200), &messages[0]);

    assert!(unreact(&world, &alice, &message, THUMB).await.ok(200)["message"].is_string());
    unreact(&world, &alice, &message, THUMB).await.refused(404, "not_found");
    unreact(&world, &bob, &message, HEART).await.refused(404, "not_found");
    let one = world.get(&format!("/messages/{message}"), &bob).await;
    assert_eq!(one.ok(200)["reactionCounts"], json!({THUMB: 1, HEART: 1}));
    for (user, emoji) in [(&bob, THUMB), (&alice, HEART)] {
        unreact(&world, user, &message, emoji).await.ok(200);
    }
    let one = world.get(&format!("/messages/{message}"), &bob).await;
    assert_eq!(
        (&one.ok(200)["reactions"], &one.ok(200)["reactionCounts"]),
        (&json!([]), &json!({}))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_reactions_at_once_are_one_reaction() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.direct(&alice, &bob).await;
    let message = world.send(&alice, &id, "x").await.id();
    let tries = join_all((0..8).map(|n| react(&world, n % 2, &bob, &message, THUMB))).await;
    for answer in &tries {
        assert_eq!(answer.ok(200), tries[0].ok(200));
    }
    let one = world.get(&format!("/messages/{message}"), &bob).await;
    assert_eq!(one.ok(200)["reactionCounts"], json!({THUMB: 1}));
    assert_eq!(one.ok(200)["reactions"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reaction_is_a_short_visible_text_of_a_member() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let eve = world.user("eve").await;
    let id = world.direct(&alice, &bob).await;
    let message = world.send(&alice, &id, "x").await.id();
    let path = format!("/messages/{message}/reactions");
    for body in [
        json!({}),
        json!({"emoji": ""}),
        json!({"emoji": " "}),
        json!({"emoji": "a\n"}),
        json!({"emoji": "x".repeat(51)}),
        json!({"emoji": 5}),
        json!({"emoji": null}),
    ] {
        world.post(&path, &alice, body).await.refused(400, "validation_failed");
    }
    let foreign = json!({"emoji": "x", "userId": bob.id});
    world.post(&path, &alice, foreign).await.refused(400, "unknown_field");
    unreact(&world, &alice, &message, &"x".repeat(51)).await.refused(400, "validation_failed");
    world.delete(&format!("{path}/%FF"), &alice).await.refused(400, "validation_failed");
    react(&world, 0, &alice, "x", THUMB).await.refused(400, "malformed_id");
    unreact(&world, &alice, "x", THUMB).await.refused(400, "malformed_id");
    react(&world, 0, &alice, &message, "a/b c").await.ok(200);
    unreact(&world, &alice, &message, "a/b c").await.ok(200);
    let absent = uuid::Uuid::from_u128(9).to_string();
    for message in [&message, &absent] {
        react(&world, 0, &eve, message, THUMB).await.refused(404, "not_found");
        unreact(&world, &eve, message, THUMB).await.refused(404, "not_found");
    }
    for n in 0..30 {
        react(&world, 0, &alice, &message, &n.to_string()).await.ok(200);
    }
    react(&world, 0, &bob, &message, "one more").await.refused(409, "conflict");
    react(&world, 0, &bob, &message, "7").await.ok(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reaction_that_names_itself_does_not_come_back() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.direct(&alice, &bob).await;
    let message = world.send(&alice, &id, "x").await.id();
    let path = format!("/messages/{message}/reactions");
    let keyed = async || {
        let body = Some(json!({"emoji": THUMB}));
        let headers = [("idempotency-key", "k")];
        world.raw(1, request(Method::POST, &path, Some(&bob), body, &headers)).await
    };
    let first = keyed().await;
    unreact(&world, &bob, &message, THUMB).await.ok(200);
    assert_eq!(keyed().await.ok(200)["id"], first.ok(200)["id"]);
    let one = world.get(&format!("/messages/{message}"), &bob).await;
    assert_eq!(one.ok(200)["reactions"], json!([]));
}

async fn pinned(world: &World, user: &User, conversation: &str) -> Vec<Value> {
    let answer = world.get(&format!("/messages/conversations/{conversation}/pinned"), user).await;
    let data = answer.ok(200);
    assert_eq!(data["conversationId"], conversation);
    let pins = data["pinnedMessages"].as_array().unwrap().clone();
    assert_eq!(data["count"], pins.len());
    pins
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pins_are_listed_newest_first_with_their_messages() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.direct(&alice, &bob).await;
    let first = world.send(&alice, &id, "first").await.id();
    let second = world.send(&alice, &id, "second").await.id();
    let pin = world.post(&format!("/messages/{second}/pin"), &bob, json!({})).await;
    let data = pin.ok(200);
    assert_eq!((&data["messageId"], &data["pinnedById"]), (&json!(second), &json!(bob.id)));
    assert_eq!(data["pinnedBy"]["username"], "bob");
    assert_eq!(
        (&data["message"]["content"], &data["message"]["isPinned"]),
        (&json!("second"), &json!(true))
    );
    assert!(data["pinnedAt"].is_string());
    let path = format!("/messages/conversations/{id}/pin/{first}");
    world.post(&path, &alice, json!({})).await.ok(200);
    react(&world, 0, &bob, &second, THUMB).await.ok(200);

    let pins = pinned(&world, &bob, &id).await;
    assert_eq!((&pins[0]["messageId"], &pins[1]["messageId"]), (&json!(first), &json!(second)));
    assert_eq!(pins[1]["message"]["reactionCounts"], json!({THUMB: 1}));
    let page = world.get(&format!("/messages?conversationId={id}"), &bob).await;
    assert_eq!(page.ok(200)["messages"][0]["isPinned"], true);

    let delete = async |path: String| world.call(Method::DELETE, &path, Some(&alice), None).await;
    delete(path.clone()).await.ok(200);
    delete(path).await.refused(404, "not_found");
    delete(format!("/messages/{second}/pin")).await.ok(200);
    assert!(pinned(&world, &bob, &id).await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_pins_at_once_are_one_pin_of_whoever_was_first() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.direct(&alice, &bob).await;
    let message = world.send(&alice, &id, "x").await.id();
    let path = format!("/messages/{message}/pin");
    let tries = (0..6).map(|n| {
        let user = if n % 2 == 0 { &alice } else { &bob };
        world.call_at(n % 2, Method::POST, &path, Some(user), None)
    });
    let tries = join_all(tries).await;
    let pins = pinned(&world, &alice, &id).await;
    assert_eq!(pins.len(), 1);
    for answer in tries {
        assert_eq!(answer.ok(200)["pinnedById"], pins[0]["pinnedById"]);
        assert_eq!(answer.ok(200)["pinnedAt"], pins[0]["pinnedAt"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pins_are_the_members_own_matter() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let eve = world.user("eve").await;
    let id = world.direct(&alice, &bob).await;
    let other = world.direct(&alice, &eve).await;
    let message = world.send(&alice, &id, "x").await.id();
    let absent = uuid::Uuid::from_u128(9).to_string();
    let list =
        async |id: &str| world.get(&format!("/messages/conversations/{id}/pinned"), &eve).await;
    list(&id).await.refused(403, "not_member");
    assert_eq!(list(&id).await.body["message"], list(&absent).await.body["message"]);
    for path in [
        format!("/messages/{message}/pin"),
        format!("/messages/{absent}/pin"),
        format!("/messages/conversations/{id}/pin/{message}"),
        format!("/messages/conversations/{other}/pin/{message}"),
    ] {
        world.post(&path, &eve, json!({})).await.refused(404, "not_found");
        world.call(Method::DELETE, &path, Some(&eve), None).await.refused(404, "not_found");
    }
    // A member of both does not pin across.
    let across = format!("/messages/conversations/{other}/pin/{message}");
    world.post(&across, &alice, json!({})).await.refused(404, "not_found");
    world.post("/messages/x/pin", &alice, json!({})).await.refused(400, "malformed_id");
    let bad = format!("/messages/conversations/{id}/pin/x");
    world.post(&bad, &alice, json!({})).await.refused(400, "malformed_id");
}
