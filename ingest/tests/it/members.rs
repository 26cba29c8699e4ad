//! Members: listed, added, removed, leaving, with other roles.

use http::Method;
use serde_json::{Value, json};

use crate::world::{User, World};

/// Who is in it, with which role, as a member sees it.
async fn roles(world: &World, id: &str, viewer: &User) -> Vec<(String, String)> {
    let answer = world.get(&format!("/conversations/{id}/participants"), viewer).await;
    let data = answer.ok(200);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let mut roles: Vec<_> = data["participants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| (text(&p["user"]["username"]), text(&p["role"])))
        .collect();
    roles.sort_unstable();
    assert_eq!(data["pagination"]["total"], json!(roles.len()));
    roles
}

fn named(roles: &[(String, String)]) -> Vec<(&str, &str)> {
    roles.iter().map(|(name, role)| (name.as_str(), role.as_str())).collect()
}

async fn four(world: &World) -> [User; 4] {
    [
        world.user("alice").await,
        world.user("bob").await,
        world.user("carol").await,
        world.user("dave").await,
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_added_reads_what_was_said_before_and_has_read_it() {
    let world = World::new().await;
    let [alice, bob, carol, dave] = four(&world).await;
    let id = world.group(&alice, &[&bob]).await;
    world.send(&alice, &id, "before").await.ok(201);
    let path = format!("/conversations/{id}/participants");
    world.get(&path, &carol).await.refused(404, "not_found");
    let body = json!({"userIds": [carol.id, dave.id], "role": "moderator"});
    world.post(&path, &alice, body.clone()).await.ok(200);
    world.post(&path, &alice, body).await.refused(409, "already_member");
    assert_eq!(
        named(&roles(&world, &id, &carol).await),
        [("alice", "owner"), ("bob", "member"), ("carol", "moderator"), ("dave", "moderator")]
    );
    let view = world.get(&format!("/conversations/{id}"), &carol).await;
    assert_eq!(
        (&view.ok(200)["unreadCount"], &view.ok(200)["memberCount"]),
        (&json!(0), &json!(4))
    );
    let page = world.get(&format!("/conversations/{id}/messages"), &carol).await;
    assert_eq!(page.ok(200)["messages"][0]["content"], "before");
    world.send(&alice, &id, "after").await.ok(201);
    let view = world.get(&format!("/conversations/{id}"), &carol).await;
    assert_eq!(view.ok(200)["unreadCount"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_and_strangers_add_nobody_and_nobody_is_added_as_an_owner() {
    let world = World::new().await;
    let [alice, bob, carol, dave] = four(&world).await;
    let id = world.group(&alice, &[&bob]).await;
    let path = format!("/conversations/{id}/participants");
    let body = json!({"userIds": [carol.id]});
    world.post(&path, &bob, body.clone()).await.refused(403, "forbidden");
    let foreign = world.post(&path, &dave, body.clone()).await;
    foreign.refused(403, "not_member");
    let absent = format!("/conversations/{}/participants", uuid::Uuid::from_u128(7));
    let absent = world.post(&absent, &dave, body.clone()).await;
    assert_eq!(absent.body["message"], foreign.body["message"]);
    let nobody = uuid::Uuid::from_u128(7);
    for (body, code) in [
        (json!({"userIds": [carol.id], "role": "owner"}), "validation_failed"),
        (json!({"userIds": [carol.id], "role": "king"}), "validation_failed"),
        (json!({"userIds": []}), "validation_failed"),
        (json!({"userIds": [carol.id, carol.id]}), "validation_failed"),
        (json!({"userIds": [nobody]}), "validation_failed"),
        (json!({"userIds": ["x"]}), "malformed_id"),
        (json!({"participantIds": [carol.id]}), "unknown_field"),
    ] {
        world.post(&path, &alice, body).await.refused(400, code);
    }
    let direct = world.direct(&alice, &bob).await;
    let direct = format!("/conversations/{direct}/participants");
    world.post(&direct, &alice, body).await.refused(400, "validation_failed");
    assert_eq!(roles(&world, &id, &alice).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_removed_is_a_stranger_and_can_be_added_again() {
    let world = World::new().await;
    let [alice, bob, carol, dave] = four(&world).await;
    let id = world.group(&alice, &[&bob, &carol]).await;
    world.send(&bob, &id, "mine").await.ok(201);
    let member = |user: &User| format!("/conversations/{id}/participants/{}", user.id);
    world.delete(&member(&alice), &bob).await.refused(403, "forbidden");
    world.delete(&member(&carol), &bob).await.refused(403, "forbidden");
    world.delete(&member(&carol), &dave).await.refused(403, "not_member");
    world.delete(&member(&dave), &alice).await.refused(404, "not_found");
    let malformed = format!("/conversations/{id}/participants/5");
    world.delete(&malformed, &alice).await.refused(400, "malformed_id");
    world.delete(&member(&bob), &alice).await.ok(200);
    for path in [format!("/conversations/{id}"), format!("/conversations/{id}/participants")] {
        world.call_at(1, Method::GET, &path, Some(&bob), None).await.refused(404, "not_found");
    }
    let page = world.get(&format!("/conversations/{id}/messages"), &bob).await;
    page.refused(403, "not_member");
    world.send(&bob, &id, "still here").await.refused(403, "not_member");
    assert_eq!(world.get("/conversations", &bob).await.ok(200)["total"], 0);

    let body = json!({"userIds": [bob.id]});
    world.post(&format!("/conversations/{id}/participants"), &alice, body).await.ok(200);
    world.send(&bob, &id, "back").await.ok(201);
    let view = world.get(&format!("/conversations/{id}"), &bob).await;
    assert_eq!(
        (&view.ok(200)["memberCount"], &view.ok(200)["lastMessage"]["content"]),
        (&json!(3), &json!("back"))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn roles_are_given_below_ones_own_and_the_owner_hands_over() {
    let world = World::new().await;
    let [alice, bob, carol, dave] = four(&world).await;
    let id = world.group(&alice, &[&bob, &carol]).await;
    let give = async |by: &User, to: &User, role: &str| {
        let path = format!("/conversations/{id}/participants/{}", to.id);
        world.put(&path, by, json!({ "role": role })).await
    };
    give(&bob, &carol, "admin").await.refused(403, "forbidden");
    give(&bob, &bob, "owner").await.refused(403, "forbidden");
    give(&alice, &bob, "admin").await.ok(200);
    give(&bob, &carol, "moderator").await.ok(200);
    give(&bob, &carol, "owner").await.refused(403, "forbidden");
    give(&bob, &alice, "member").await.refused(403, "forbidden");
    give(&dave, &bob, "member").await.refused(403, "not_member");
    give(&alice, &dave, "member").await.refused(404, "not_found");
    give(&alice, &bob, "king").await.refused(400, "validation_failed");
    let path = format!("/conversations/{id}/participants/{}", carol.id);
    world.patch(&path, &alice, json!({"role": "owner"})).await.ok(200);
    assert_eq!(
        named(&roles(&world, &id, &bob).await),
        [("alice", "admin"), ("bob", "admin"), ("carol", "owner")]
    );
    world.delete(&format!("/conversations/{id}"), &alice).await.refused(403, "forbidden");
    world.delete(&format!("/conversations/{id}"), &carol).await.ok(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_owner_who_leaves_is_followed_and_the_last_one_ends_it() {
    let world = World::new().await;
    let [alice, bob, carol, dave] = four(&world).await;
    let id = world.group(&alice, &[&bob, &carol]).await;
    let leave = format!("/conversations/{id}/leave");
    let moderator = json!({"role": "moderator"});
    let path = format!("/conversations/{id}/participants/{}", carol.id);
    world.put(&path, &alice, moderator).await.ok(200);
    world.post(&leave, &dave, json!({})).await.refused(404, "not_found");
    world.named("l", Method::POST, &leave, &alice, json!({})).await.ok(200);
    world.named("l", Method::POST, &leave, &alice, json!({})).await.ok(200);
    world.post(&leave, &alice, json!({})).await.refused(404, "not_found");
    // Of members without an admin the one with the highest role.
    assert_eq!(named(&roles(&world, &id, &bob).await), [("bob", "member"), ("carol", "owner")]);
    // An admin follows before anybody else.
    let body = json!({"userIds": [dave.id], "role": "admin"});
    world.post(&format!("/conversations/{id}/participants"), &carol, body).await.ok(200);
    let own = format!("/conversations/{id}/participants/{}", carol.id);
    world.delete(&own, &carol).await.ok(200);
    assert_eq!(named(&roles(&world, &id, &bob).await), [("bob", "member"), ("dave", "owner")]);
    world.post(&leave, &bob, json!({})).await.ok(200);
    world.post(&leave, &dave, json!({})).await.ok(200);
    for user in [&alice, &bob, &carol, &dave] {
        world.get(&format!("/conversations/{id}"), user).await.refused(404, "not_found");
    }
    let direct = world.direct(&alice, &bob).await;
    let direct = format!("/conversations/{direct}/leave");
    world.post(&direct, &alice, json!({})).await.refused(400, "validation_failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_who_leave_at_once_leave_and_nobody_is_left() {
    let world = World::new().await;
    let [alice, bob, carol, dave] = four(&world).await;
    let id = world.group(&alice, &[&bob, &carol, &dave]).await;
    let leave = format!("/conversations/{id}/leave");
    let users = [&alice, &bob, &carol, &dave];
    let tries = users.iter().enumerate().map(async |(n, user)| {
        loop {
            let path = leave.as_str();
            let answer = world.call_at(n % 2, Method::POST, path, Some(user), Some(json!({})));
            let answer = answer.await;
            if answer.status != 409 {
                return answer;
            }
        }
    });
    for answer in futures_util::future::join_all(tries).await {
        answer.ok(200);
    }
    for user in users {
        assert_eq!(world.get("/conversations", user).await.ok(200)["total"], 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_beyond_a_hundred_are_paged() {
    let world = World::new().await;
    let owner = world.user("owner").await;
    let mut ids = vec![owner.id.clone()];
    for n in 0..119 {
        let form = crate::world::form(&format!("member{n}"));
        let answer = world.call(Method::POST, "/auth/register", None, Some(form)).await;
        ids.push(answer.ok(201)["userId"].as_str().unwrap().to_owned());
    }
    let body = json!({"type": "group", "name": "Crowd", "participantIds": ids[1..]});
    let made = world.post("/conversations", &owner, body).await;
    assert_eq!(made.ok(201)["memberCount"], 120);
    assert_eq!(made.ok(201)["participants"].as_array().unwrap().len(), 100);
    let item = world.get("/conversations", &owner).await.ok(200)["items"][0].clone();
    assert_eq!(
        (&item["memberCount"], item["participants"].as_array().unwrap().len()),
        (&json!(120), 10)
    );

    let path = format!("/conversations/{}/participants", made.id());
    let page = async |query: &str| {
        let answer = world.get(&format!("{path}?{query}"), &owner).await;
        let data = answer.ok(200).clone();
        let ids = data["participants"].as_array().unwrap().iter();
        let ids = ids.map(|p| p["userId"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        (ids, data)
    };
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let (ids, data) = page(&format!("limit=50&cursor={cursor}")).await;
        assert!(ids.len() <= 50 && data["pagination"]["total"] == 120);
        seen.extend(ids);
        match data["nextCursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    assert_eq!(page("limit=50&page=3").await.0, seen[100..]);
    assert_eq!(page("limit=50&page=4").await.0, Vec::<String>::new());
    assert_eq!(page("").await.0, seen[..20]);
    seen.sort();
    ids.sort();
    assert_eq!(seen, ids);
}
