//! The end of an account.

use http::Method;
use serde_json::json;

use crate::world::{PASSWORD, World, form};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_account_is_nobodys_everywhere() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let elsewhere = world.login("alice").await;
    let id = world.direct(&alice, &bob).await;
    world.send(&alice, &id, "so long").await.ok(201);
    world.put("/users/me", &alice, json!({"phone": "+49 30 123456"})).await.ok(200);
    world.delete("/users/me", &alice).await.ok(200);

    for (node, user) in [(0, &alice), (1, &elsewhere)] {
        crate::sessions::dies(&world, node, user).await.refused(401, "session_ended");
    }
    let login = json!({"identifier": "alice", "password": PASSWORD});
    let login = world.call(Method::POST, "/auth/login", None, Some(login)).await;
    login.refused(401, "invalid_credentials");
    world.get(&format!("/users/{}", alice.id), &bob).await.refused(404, "not_found");
    let found = world.get("/users/search?query=ali", &bob).await;
    assert_eq!(
        (&found.ok(200)["users"], &found.ok(200)["pagination"]["total"]),
        (&json!([]), &json!(0))
    );
    for path in ["/conversations", "/users/search?query=alice@example.org"] {
        let text = world.get(path, &bob).await.ok(200).to_string();
        assert!(!text.contains("\"alice\"") && !text.contains("First\",\"id\":\"alice"), "{text}");
    }
    let open = json!({"type": "direct", "participantIds": [alice.id]});
    world.post("/conversations", &bob, open).await.refused(400, "validation_failed");
    world
        .post(&format!("/users/{}/block", alice.id), &bob, json!({}))
        .await
        .refused(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn names_of_a_deleted_account_can_be_taken_again() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    world.put("/users/me", &alice, json!({"phone": "+49 30 123456"})).await.ok(200);
    let again = world.call(Method::POST, "/auth/register", None, Some(form("alice"))).await;
    again.refused(409, "username_taken");
    world.delete("/users/me", &alice).await.ok(200);
    let new = world.user("alice").await;
    assert_ne!(new.id, alice.id);
    world.put("/users/me", &new, json!({"phone": "+49 30 123456"})).await.ok(200);
    let bob = world.user("bob").await;
    let found = world.get("/users/search?query=alice", &bob).await;
    assert_eq!(found.ok(200)["users"][0]["id"], json!(new.id));
    assert_eq!(found.ok(200)["pagination"]["total"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_is_deleted_from_everywhere_at_once_is_deleted() {
    let world = World::new().await;
    let alice = world.user("alice").await;
    let tries =
        (0..6).map(|n| world.call_at(n % 2, Method::DELETE, "/users/me", Some(&alice), None));
    for answer in futures_util::future::join_all(tries).await {
        assert!([200, 401].contains(&answer.status.as_u16()), "{}", answer.body);
    }
    crate::sessions::dies(&world, 0, &alice).await.refused(401, "session_ended");
    world.user("alice").await;
}
