//! Groups and channels: opened, named, deleted.

use http::Method;
use serde_json::{Value, json};

use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_has_an_owner_members_and_what_was_set() {
    let world = World::new().await;
    let (alice, bob, carol) =
        (world.user("alice").await, world.user("bob").await, world.user("carol").await);
    let body = json!({
        "type": "group", "name": " Garden ", "description": "Plants", "avatarUrl": null,
        "participantIds": [bob.id, carol.id],
    });
    let made = world.post("/conversations", &alice, body).await;
    let view = made.ok(201);
    assert_eq!((&view["name"], &view["description"]), (&json!("Garden"), &json!("Plants")));
    assert_eq!((&view["isGroup"], &view["isChannel"]), (&json!(true), &json!(false)));
    assert_eq!((&view["memberCount"], &view["createdById"]), (&json!(3), &json!(alice.id)));
    assert_eq!(view["userParticipant"]["role"], "owner");
    let mut roles: Vec<_> = view["participants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (p["user"]["username"].as_str().unwrap(), p["role"].as_str().unwrap()))
        .collect();
    roles.sort_unstable();
    assert_eq!(roles, [("alice", "owner"), ("bob", "member"), ("carol", "member")]);
    let id = made.id();
    for user in [&bob, &carol] {
        let path = format!("/conversations/{id}");
        let seen = world.call_at(1, Method::GET, &path, Some(user), None).await;
        assert_eq!(seen.ok(200)["userParticipant"]["role"], "member");
    }
    world.send(&bob, &id, "hello all").await.ok(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_not_be_a_group_is_refused_and_nothing_is_made() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let nobody = uuid::Uuid::from_u128(7).to_string();
    for (body, code) in [
        (json!({"type": "group", "participantIds": [bob.id]}), "validation_failed"),
        (json!({"type": "group", "name": " ", "participantIds": [bob.id]}), "validation_failed"),
        (json!({"type": "channel", "participantIds": [bob.id]}), "validation_failed"),
        (json!({"type": "group", "name": "g", "participantIds": []}), "validation_failed"),
        (json!({"type": "group", "name": "g", "participantIds": [alice.id]}), "validation_failed"),
        (
            json!({"type": "group", "name": "g", "participantIds": [bob.id, bob.id]}),
            "validation_failed",
        ),
        (
            json!({"type": "group", "name": "g", "participantIds": [bob.id, nobody]}),
            "validation_failed",
        ),
        (json!({"type": "group", "name": "g", "participantIds": ["5"]}), "malformed_id"),
        (
            json!({"type": "group", "name": "x".repeat(256), "participantIds": [bob.id]}),
            "validation_failed",
        ),
        (
            json!({"type": "group", "name": "g", "participantIds": [bob.id], "avatarUrl": "x"}),
            "validation_failed",
        ),
        (
            json!({"type": "group", "name": "g", "participantIds": [bob.id], "ownerId": bob.id}),
            "unknown_field",
        ),
    ] {
        world.post("/conversations", &alice, body).await.refused(400, code);
    }
    assert_eq!(world.get("/conversations", &alice).await.ok(200)["total"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_names_itself_is_made_once() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let body = json!({"type": "group", "name": "g", "participantIds": [bob.id]});
    let open = async |user, key: &str, body: &Value| {
        world.named(key, Method::POST, "/conversations", user, body.clone()).await
    };
    let tries = (0..4).map(|_| open(&alice, "g-1", &body));
    let answers = futures_util::future::join_all(tries).await;
    let id = answers[0].id();
    assert!(answers.iter().all(|answer| answer.ok(201)["id"] == json!(id)));
    let mut other = body.clone();
    other["name"] = json!("h");
    open(&alice, "g-1", &other).await.refused(409, "idempotency_mismatch");
    assert_ne!(open(&alice, "g-2", &body).await.id(), id);
    // It is the same one after it has changed, too.
    world.put(&format!("/conversations/{id}"), &alice, json!({"name": "now"})).await.ok(200);
    let again = open(&alice, "g-1", &body).await;
    assert_eq!((again.id(), &again.ok(201)["name"]), (id.clone(), &json!("now")));
    // And when the other one could not be added any more.
    world.post(&format!("/users/{}/block", alice.id), &bob, json!({})).await.ok(200);
    assert_eq!(open(&alice, "g-1", &body).await.id(), id);
    assert_eq!(world.get("/conversations", &alice).await.ok(200)["total"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn owner_and_admins_rename_and_nobody_else() {
    let world = World::new().await;
    let (alice, bob, eve) =
        (world.user("alice").await, world.user("bob").await, world.user("eve").await);
    let id = world.group(&alice, &[&bob]).await;
    let path = format!("/conversations/{id}");
    let body = json!({"name": "Orchard", "description": "Trees", "avatarUrl": "https://x.org/a"});
    let view = world.put(&path, &alice, body.clone()).await;
    assert_eq!(
        (&view.ok(200)["name"], &view.ok(200)["avatarUrl"]),
        (&json!("Orchard"), &json!("https://x.org/a"))
    );
    let view = world.patch(&path, &alice, json!({"description": null})).await;
    assert_eq!(
        (&view.ok(200)["description"], &view.ok(200)["name"]),
        (&Value::Null, &json!("Orchard"))
    );
    world.put(&path, &bob, body.clone()).await.refused(403, "forbidden");
    world.put(&path, &alice, json!({"name": null})).await.refused(400, "validation_failed");
    world.put(&path, &alice, json!({"type": "channel"})).await.refused(400, "unknown_field");
    world.put(&path, &alice, json!({"ownerId": bob.id})).await.refused(400, "unknown_field");
    let foreign = world.put(&path, &eve, body.clone()).await;
    foreign.refused(403, "not_member");
    let absent = format!("/conversations/{}", uuid::Uuid::from_u128(7));
    assert_eq!(
        world.put(&absent, &eve, body.clone()).await.body["message"],
        foreign.body["message"]
    );
    let direct = world.direct(&alice, &bob).await;
    let named = world.put(&format!("/conversations/{direct}"), &alice, body).await;
    named.refused(400, "validation_failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_for_oneself_needs_no_role_and_is_seen_by_nobody_else() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.group(&alice, &[&bob]).await;
    let path = format!("/conversations/{id}");
    let view = world.patch(&path, &bob, json!({"isPinned": true, "isMuted": true})).await;
    let own = &view.ok(200)["userParticipant"];
    assert_eq!(
        (&own["isPinned"], &own["isMuted"], &own["isArchived"]),
        (&json!(true), &json!(true), &json!(false))
    );
    let own = world.get(&path, &alice).await.ok(200)["userParticipant"].clone();
    assert_eq!((&own["isPinned"], &own["isMuted"]), (&json!(false), &json!(false)));
    let eve = world.user("eve").await;
    world.patch(&path, &eve, json!({"isPinned": true})).await.refused(403, "not_member");
    // Both at once: nothing is set where the one is refused.
    let both = json!({"name": "mine", "isArchived": true});
    world.patch(&path, &bob, both).await.refused(403, "forbidden");
    let own = world.get(&path, &bob).await.ok(200)["userParticipant"].clone();
    assert_eq!(own["isArchived"], false);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_of_a_conversation_are_the_members_own_and_hold_no_role() {
    let world = World::new().await;
    let (alice, bob, eve) =
        (world.user("alice").await, world.user("bob").await, world.user("eve").await);
    let id = world.group(&alice, &[&bob]).await;
    let path = format!("/conversations/{id}/settings");
    let body = json!({"isMuted": true, "notificationSettings": {"sound": false, "preview": true}});
    world.put(&path, &bob, body).await.ok(200);
    let own = world.get(&format!("/conversations/{id}"), &bob).await;
    let own = own.ok(200)["userParticipant"].clone();
    assert_eq!(own["notificationSettings"], json!({"sound": false, "preview": true}));
    world.patch(&path, &bob, json!({"notificationSettings": null})).await.ok(200);
    let own = world.get(&format!("/conversations/{id}"), &bob).await;
    let own = own.ok(200)["userParticipant"].clone();
    assert_eq!((&own["notificationSettings"], &own["isMuted"]), (&Value::Null, &json!(true)));
    // D4: nobody makes himself an owner.
    world.put(&path, &bob, json!({"role": "owner"})).await.refused(400, "unknown_field");
    assert_eq!(own["role"], "member");
    let large = json!({"notificationSettings": {"x": "x".repeat(2_048)}});
    world.put(&path, &bob, large).await.refused(400, "validation_failed");
    world.put(&path, &bob, json!({"isMuted": "false"})).await.refused(400, "validation_failed");
    world.put(&path, &eve, json!({"isMuted": true})).await.refused(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_the_owner_deletes_and_then_it_is_nobodys() {
    let world = World::new().await;
    let (alice, bob, eve) =
        (world.user("alice").await, world.user("bob").await, world.user("eve").await);
    let id = world.group(&alice, &[&bob]).await;
    world.send(&bob, &id, "hi").await.ok(201);
    let path = format!("/conversations/{id}");
    world.delete(&path, &bob).await.refused(403, "forbidden");
    world.delete(&path, &eve).await.refused(403, "not_member");
    let direct = world.direct(&alice, &bob).await;
    world.delete(&format!("/conversations/{direct}"), &alice).await.refused(403, "forbidden");
    world.named("d", Method::DELETE, &path, &alice, json!({})).await.ok(200);
    world.named("d", Method::DELETE, &path, &alice, json!({})).await.ok(200);
    for user in [&alice, &bob] {
        world.get(&path, user).await.refused(404, "not_found");
        world.get(&format!("{path}/participants"), user).await.refused(404, "not_found");
        world.put(&path, user, json!({"name": "x"})).await.refused(403, "not_member");
        world.send(user, &id, "still there?").await.refused(403, "not_member");
        assert_eq!(world.get("/conversations", user).await.ok(200)["total"], 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_channel_only_who_runs_it_writes() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let body = json!({"type": "channel", "name": "News", "participantIds": [bob.id]});
    let made = world.post("/conversations", &alice, body).await;
    assert_eq!(made.ok(201)["isChannel"], true);
    world.send(&alice, &made.id(), "news").await.ok(201);
    world.send(&bob, &made.id(), "spam").await.refused(403, "forbidden");
    let page = world.get(&format!("/conversations/{}/messages", made.id()), &bob).await;
    assert_eq!(page.ok(200)["messages"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_left_is_not_kept_asking_for_what_he_has_done() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let opening = json!({"type": "group", "name": "G", "participantIds": [bob.id]});
    let open = || world.named("o", Method::POST, "/conversations", &alice, opening.clone());
    let path = format!("/conversations/{}", open().await.id());
    let rename = || world.named("r", Method::PATCH, &path, &alice, json!({"name": "H"}));
    rename().await.ok(200);
    world.post(&format!("{path}/leave"), &alice, json!({})).await.ok(200);
    open().await.refused(404, "not_found");
    rename().await.refused(404, "not_found");
}
