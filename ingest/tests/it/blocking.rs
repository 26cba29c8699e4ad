//! Blocks: who is blocked, and what it stops.

use http::Method;
use serde_json::{Value, json};

use crate::world::{User, World};

async fn block(world: &World, who: &User, other: &User) {
    world.post(&format!("/users/{}/block", other.id), who, json!({})).await.ok(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blocked_pair_exchanges_no_messages_old_conversation_or_new() {
    let world = World::new().await;
    let (alice, bob, carol) =
        (world.user("alice").await, world.user("bob").await, world.user("carol").await);
    let old = world.direct(&alice, &bob).await;
    world.send(&bob, &old, "hi").await.ok(201);
    block(&world, &alice, &bob).await;
    block(&world, &alice, &carol).await;
    for user in [&alice, &bob] {
        world.send(user, &old, "again").await.refused(403, "blocked");
    }
    for (a, b) in [(&alice, &bob), (&bob, &alice), (&carol, &alice), (&alice, &carol)] {
        let body = json!({"type": "direct", "participantIds": [b.id]});
        world.post("/conversations", a, body).await.refused(403, "blocked");
    }
    let path = format!("/users/{}/block", bob.id);
    world.delete(&path, &alice).await.ok(200);
    world.send(&bob, &old, "peace").await.ok(201);
    world.delete(&format!("/users/{}/block", carol.id), &alice).await.ok(200);
    world.direct(&carol, &alice).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocked_users_do_not_see_each_other_nor_tell_it_from_absence() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    block(&world, &alice, &bob).await;
    let absent = world.get(&format!("/users/{}", uuid::Uuid::from_u128(7)), &bob).await;
    for (viewer, other, name) in [(&alice, &bob, "bob"), (&bob, &alice, "alice")] {
        let answer = world.get(&format!("/users/{}", other.id), viewer).await;
        answer.refused(404, "not_found");
        assert_eq!(answer.body["message"], absent.body["message"]);
        for query in [name.to_owned(), format!("{name}@example.org")] {
            let found = world.get(&format!("/users/search?query={query}"), viewer).await;
            assert_eq!(found.ok(200)["users"], json!([]));
            assert_eq!(found.ok(200)["pagination"]["total"], 0);
        }
    }
    // A stranger to both sees them as ever.
    let carol = world.user("carol").await;
    world.get(&format!("/users/{}", alice.id), &carol).await.ok(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocks_are_made_once_and_undone_once() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let path = format!("/users/{}/block", bob.id);
    world.delete(&path, &alice).await.refused(404, "not_found");
    let body = json!({"reason": "noise", "reportSubmitted": true, "reportCategory": "spam"});
    let tries =
        (0..6).map(|n| world.call_at(n % 2, Method::POST, &path, Some(&alice), Some(body.clone())));
    let answers = futures_util::future::join_all(tries).await;
    let mut statuses: Vec<_> = answers.iter().map(|answer| answer.status.as_u16()).collect();
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409, 409, 409, 409, 409]);
    world.named("b-1", Method::POST, &path, &alice, body.clone()).await.ok(200);
    let other = json!({"reason": "other"});
    world.named("b-1", Method::POST, &path, &alice, other).await.refused(409, "conflict");
    world.delete(&path, &alice).await.ok(200);
    world.delete(&path, &alice).await.refused(404, "not_found");

    let own = format!("/users/{}/block", alice.id);
    world.post(&own, &alice, json!({})).await.refused(400, "validation_failed");
    let nobody = format!("/users/{}/block", uuid::Uuid::from_u128(7));
    world.post(&nobody, &alice, json!({})).await.refused(404, "not_found");
    for body in [
        json!({"reason": "x".repeat(501)}),
        json!({"reportCategory": "boring"}),
        json!({"reportSubmitted": "yes"}),
    ] {
        world.post(&path, &alice, body).await.refused(400, "validation_failed");
    }
    world.post(&path, &alice, json!({"x": 1})).await.refused(400, "unknown_field");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_of_blocked_users_pages_latest_first_in_both_spellings() {
    let world = World::new().await;
    let me = world.user("alice").await;
    let mut expected = Vec::new();
    for n in 0..5 {
        let other = world.user(&format!("other{n}")).await;
        world.clock.advance_ms(1_000);
        let body = json!({"reason": format!("reason {n}")});
        world.post(&format!("/users/{}/block", other.id), &me, body).await.ok(200);
        expected.insert(0, other.id);
    }
    let entries = world.get("/users/blocked", &me).await;
    let entry = &entries.ok(200)[0];
    assert_eq!(
        (&entry["reason"], &entry["user"]["username"]),
        (&json!("reason 4"), &json!("other4"))
    );
    assert!(entry["blockedAt"].is_string() && entry["id"] == json!(expected[0]));
    assert!(!entries.body.to_string().contains("example.org"));
    for (path, of) in [("/users/blocked", "/user/id"), ("/users/me/blocked", "/id")] {
        let ids = |data: &Value| -> Vec<String> {
            let items = data.as_array().unwrap().iter();
            items.map(|item| item.pointer(of).unwrap().as_str().unwrap().to_owned()).collect()
        };
        assert_eq!(ids(world.get(path, &me).await.ok(200)), expected);
        assert_eq!(
            ids(world.get(&format!("{path}?page=2&limit=2"), &me).await.ok(200)),
            expected[2..4]
        );
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = world.get(&format!("{path}?limit=2&cursor={cursor}"), &me).await;
            seen.extend(ids(page.ok(200)));
            match page.headers.get("x-next-cursor") {
                Some(next) => next.to_str().unwrap().clone_into(&mut cursor),
                None => break,
            }
        }
        assert_eq!(seen, expected);
        world.get(&format!("{path}?limit=0"), &me).await.refused(400, "validation_failed");
        world.get(&format!("{path}?cursor=zz"), &me).await.refused(400, "validation_failed");
    }
}
