//! Settings have the effect that they name (D28).

use serde_json::{Value, json};

use crate::world::{User, World};

async fn set(world: &World, user: &User, settings: Value) {
    world.put("/users/me/settings", user, settings).await.ok(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_profile_is_seen_by_whom_it_is_for() {
    let world = World::new().await;
    let (alice, bob, carol) =
        (world.user("alice").await, world.user("bob").await, world.user("carol").await);
    world.direct(&alice, &bob).await;
    let sees = async |viewer: &User| {
        let seen = world.get(&format!("/users/{}", alice.id), viewer).await.status == 200;
        let found = world.get("/users/search?query=alice", viewer).await;
        assert_eq!(found.ok(200)["users"].as_array().unwrap().len() == 1, seen);
        assert_eq!(found.ok(200)["pagination"]["total"] == 1, seen);
        seen
    };
    assert!(sees(&bob).await && sees(&carol).await);
    set(&world, &alice, json!({"profileVisibility": "contacts"})).await;
    assert!(sees(&bob).await && !sees(&carol).await);
    set(&world, &alice, json!({"profileVisibility": "nobody"})).await;
    assert!(!sees(&bob).await && !sees(&carol).await);
    world.get(&format!("/users/{}", alice.id), &alice).await.ok(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_takes_messages_from_contacts_or_nobody_is_not_written_to_by_strangers() {
    let world = World::new().await;
    let (alice, bob, carol) =
        (world.user("alice").await, world.user("bob").await, world.user("carol").await);
    let id = world.direct(&alice, &bob).await;
    let open = async |user: &User| {
        let body = json!({"type": "direct", "participantIds": [alice.id]});
        world.post("/conversations", user, body).await
    };
    for audience in ["contacts", "nobody"] {
        set(&world, &alice, json!({ "whoCanMessage": audience })).await;
        open(&carol).await.refused(403, "forbidden");
        // Whom she has a conversation with already goes on as before.
        assert_eq!(open(&bob).await.id(), id);
        world.send(&bob, &id, "hi").await.ok(201);
    }
    let body = json!({"type": "direct", "participantIds": [carol.id]});
    world.post("/conversations", &alice, body).await.ok(201);
    open(&carol).await.ok(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_added_to_groups_against_his_will() {
    let world = World::new().await;
    let (alice, bob, carol) =
        (world.user("alice").await, world.user("bob").await, world.user("carol").await);
    let id = world.group(&alice, &[&carol]).await;
    let refused = async || {
        let body = json!({"type": "group", "name": "g", "participantIds": [bob.id, carol.id]});
        let made = world.post("/conversations", &alice, body).await;
        made.refused(403, "forbidden");
        let body = json!({"userIds": [bob.id]});
        let added = world.post(&format!("/conversations/{id}/participants"), &alice, body).await;
        added.refused(403, "forbidden");
        let text = format!("{}{}", made.body, added.body);
        assert!(text.contains(&bob.id) && !text.contains("bob"), "by id alone");
        (made.body["message"].clone(), added.body["message"].clone())
    };
    set(&world, &bob, json!({"allowGroupInvites": false})).await;
    let by_setting = refused().await;
    set(&world, &bob, json!({"allowGroupInvites": true})).await;
    world.post(&format!("/users/{}/block", alice.id), &bob, json!({})).await.ok(200);
    assert_eq!(refused().await, by_setting, "a block can not be told from a setting");
    world.delete(&format!("/users/{}/block", alice.id), &bob).await.ok(200);
    let body = json!({"userIds": [bob.id]});
    world.post(&format!("/conversations/{id}/participants"), &alice, body).await.ok(200);
}
