//! What was read: markers and counts.

use http::Method;
use serde_json::{Value, json};

use crate::world::{User, World};

async fn unread(world: &World, id: &str, user: &User) -> i64 {
    let path = format!("/conversations/{id}");
    let view = world.call_at(1, Method::GET, &path, Some(user), None).await;
    let count = view.ok(200)["unreadCount"].as_i64().unwrap();
    let audit = world.get(&format!("{path}/unread"), user).await;
    assert_eq!(
        (&audit.ok(200)["unreadCount"], &audit.ok(200)["counted"]),
        (&json!(count), &json!(count))
    );
    count
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_moves_the_marker_and_never_back() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.direct(&alice, &bob).await;
    let mut messages = Vec::new();
    for n in 0..5 {
        messages.push(world.send(&alice, &id, &n.to_string()).await.id());
    }
    let path = format!("/conversations/{id}/read");
    let read = async |body: Value| world.post(&path, &bob, body).await.ok(200).clone();
    assert_eq!(unread(&world, &id, &bob).await, 5);
    read(json!({"messageId": messages[2]})).await;
    assert_eq!(unread(&world, &id, &bob).await, 2);
    read(json!({"messageId": messages[0]})).await;
    assert_eq!(unread(&world, &id, &bob).await, 2, "an earlier one changes nothing");
    read(json!({})).await;
    assert_eq!(unread(&world, &id, &bob).await, 0);
    let own = world.get(&format!("/conversations/{id}"), &bob).await;
    let own = own.ok(200)["userParticipant"].clone();
    assert_eq!(own["lastReadMessageId"], json!(messages[4]));
    world.send(&alice, &id, "new").await.ok(201);
    assert_eq!(unread(&world, &id, &bob).await, 1);
    // His own message tells that he has read what stands before it.
    world.send(&bob, &id, "answer").await.ok(201);
    assert_eq!((unread(&world, &id, &bob).await, unread(&world, &id, &alice).await), (0, 1));
    let empty = world.direct(&alice, &world.user("carol").await).await;
    world.post(&format!("/conversations/{empty}/read"), &alice, json!({})).await.ok(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_read_nothing_and_messages_of_elsewhere_are_no_place_here() {
    let world = World::new().await;
    let (alice, bob, eve) =
        (world.user("alice").await, world.user("bob").await, world.user("eve").await);
    let id = world.direct(&alice, &bob).await;
    world.send(&alice, &id, "x").await.ok(201);
    let notes = world.get("/conversations/self", &alice).await.id();
    let elsewhere = world.send(&alice, &notes, "note").await.id();
    let path = format!("/conversations/{id}/read");
    world.post(&path, &eve, json!({})).await.refused(404, "not_found");
    world.get(&format!("/conversations/{id}/unread"), &eve).await.refused(404, "not_found");
    let elsewhere_id = elsewhere.clone();
    for message in [elsewhere, uuid::Uuid::from_u128(7).to_string()] {
        world.post(&path, &bob, json!({ "messageId": message })).await.refused(404, "not_found");
    }
    world.post(&path, &bob, json!({"messageId": "x"})).await.refused(400, "malformed_id");
    // Nor are they when everything was read already; a request's name is no message either.
    world.post(&path, &bob, json!({})).await.ok(200);
    let group = world.group(&alice, &[&bob]).await;
    let renamed = format!("/conversations/{group}");
    world.named("n", Method::PUT, &renamed, &alice, json!({"name": "N"})).await.ok(200);
    let request = schemas::MessageId::once(alice.id.parse().unwrap(), group.parse().unwrap(), "n");
    for (at, message) in [(&id, elsewhere_id), (&group, request.to_string())] {
        let path = format!("/conversations/{at}/read");
        world.post(&path, &bob, json!({ "messageId": message })).await.refused(404, "not_found");
    }
    world.post(&path, &bob, json!({"seq": 1})).await.refused(400, "unknown_field");
    world.send(&alice, &id, "y").await.ok(201);
    assert_eq!(unread(&world, &id, &bob).await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_audit_counts_over_the_borders_of_buckets() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.direct(&alice, &bob).await;
    let sends = |from: i64, to: i64| {
        futures_util::future::join_all((from..to).map(|_| world.send(&alice, &id, "x")))
    };
    for n in 0..11 {
        for answer in sends(n * 100, (n + 1) * 100).await {
            answer.ok(201);
        }
    }
    assert_eq!(unread(&world, &id, &bob).await, 1_100);
    let page = world.get(&format!("/conversations/{id}/messages?after=1022&limit=1"), &bob).await;
    let message = page.ok(200)["messages"][0]["id"].clone();
    world
        .post(&format!("/conversations/{id}/read"), &bob, json!({"messageId": message}))
        .await
        .ok(200);
    assert_eq!(unread(&world, &id, &bob).await, 77);
    assert_eq!(world.platform.metrics.unread_audit_mismatch.get(), 0);
}
