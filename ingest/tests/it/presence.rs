//! What a user decides about his presence, and what answers show of others, on the real pipeline.

use bytes::Bytes;
use platform::port::ephemeral::Note;
use schemas::presence::entry::Entry;
use schemas::presence::table::LastSeen;
use schemas::presence::{Status, board};
use schemas::table::{Batch, Table, Write};
use schemas::user::head::Audience;
use schemas::user::table::UserChange;
use schemas::{Position, UserId, partition, topic};
use serde_json::{Value, json};

use crate::world::{User, World};

/// Somebody is here, as the pool publishes it.
async fn comes(world: &World, user: &User, status: Status) {
    let now = world.platform.clock.now();
    let id: UserId = user.id.parse().unwrap();
    let entry = Entry {
        user_id: id,
        version: i64::MAX,
        status,
        custom_status: None,
        custom_status_expires_at: None,
        last_seen_at: Some(now),
        since: now,
        devices: Vec::new(),
        online: true,
        last_seen: Audience::Everyone,
        hides: false,
        again: false,
        otherwise: None,
        at: now,
    };
    let partitions = world.platform.log.partitions(&topic::PRESENCE);
    let board = board(partition::of(user.id.as_bytes(), partitions));
    let note = Note::new(id.0, Bytes::from(serde_json::to_vec(&entry).unwrap()));
    world.platform.ephemeral.note(&board, &[note]).await.unwrap();
}

/// Entries of everybody's feeds.
async fn entries(world: &World) -> usize {
    world.platform.store.dump(UserChange::DEF, None, 1_000).await.unwrap().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_decision_stands_on_every_node_once_it_is_answered() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let until = world.platform.clock.now().plus_ms(60_000);
    let body = json!({
        "status": "do_not_disturb",
        "customStatus": "in a meeting",
        "customStatusExpiresAt": until,
    });
    let set = world.put("/presence/me", &alice, body.clone()).await;
    let set = set.ok(200);
    assert_eq!(set["status"], "do_not_disturb");
    assert_eq!(set["customStatus"], "in a meeting");
    assert_eq!(set["customStatusExpiresAt"], json!(until));
    assert_eq!((&set["userId"], &set["user"]["id"]), (&json!(alice.id), &json!(alice.id)));
    assert_eq!(set["user"]["username"], "alice");
    assert!(set["user"].get("email").is_none());

    // On the other node, too; and under its name once more it changes nothing.
    let before = entries(&world).await;
    let again = world.named("k", http::Method::PUT, "/presence/me", &alice, body.clone()).await;
    assert_eq!(again.ok(200)["customStatus"], "in a meeting");
    world.named("k", http::Method::PUT, "/presence/me", &alice, body).await.ok(200);
    assert_eq!(entries(&world).await, before, "no entry of the feed");

    // Others see the text, and nobody who has no device here.
    let path = format!("/presence/users/{}", alice.id);
    let seen = world.get(&path, &bob).await;
    assert_eq!(seen.ok(200)["status"], "offline");
    assert_eq!(seen.ok(200)["customStatus"], "in a meeting");
    world.clock.advance_ms(60_000);
    assert_eq!(world.get(&path, &bob).await.ok(200)["customStatus"], Value::Null);

    let online = world.patch("/presence/me", &alice, json!({"status": "online"})).await;
    assert_eq!(online.ok(200)["status"], "offline", "as her devices are: there is none");
    let empty = world.put("/presence/me", &alice, json!({})).await;
    assert_eq!(empty.ok(200)["customStatus"], Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lists_show_who_is_here_to_whom_may_see_it() {
    let world = World::new().await;
    let (alice, bob, carol) =
        (world.user("alice").await, world.user("bob").await, world.user("carol").await);
    let id = world.group(&alice, &[&bob, &carol]).await;
    comes(&world, &bob, Status::DoNotDisturb).await;
    comes(&world, &carol, Status::Online).await;
    let hide = json!({"showOnlineStatus": false, "lastSeenVisibility": "nobody"});
    world.put("/users/me/settings", &carol, hide).await.ok(200);

    let looks = |user: &Value| {
        (user["isOnline"].clone(), user["presenceStatus"].clone(), user["lastSeen"].is_null())
    };
    let here = (json!(true), json!("do_not_disturb"), false);
    let hidden = (json!(false), json!("offline"), true);
    let check = |users: Vec<&Value>| {
        let of = |user: &User| *users.iter().find(|one| one["id"] == json!(user.id)).unwrap();
        assert_eq!((looks(of(&bob)), looks(of(&carol))), (here.clone(), hidden.clone()));
    };
    let people = |list: &'_ Value| -> Vec<Value> {
        list.as_array().unwrap().iter().map(|one| one["user"].clone()).collect()
    };
    let one = world.get(&format!("/conversations/{id}"), &alice).await;
    check(people(&one.ok(200)["participants"]).iter().collect());
    let list = world.get("/conversations", &alice).await;
    check(people(&list.ok(200)["items"][0]["participants"]).iter().collect());
    let page = world.get(&format!("/conversations/{id}/participants"), &alice).await;
    check(people(&page.ok(200)["participants"]).iter().collect());
    let mut found = Vec::new();
    for user in [&bob, &carol] {
        found.push(world.get(&format!("/users/{}", user.id), &alice).await.ok(200).clone());
    }
    check(found.iter().collect());
    let search = world.get("/users/search?query=first", &alice).await;
    check(search.ok(200)["users"].as_array().unwrap().iter().collect());

    world.post(&format!("/users/{}/block", alice.id), &bob, json!({})).await.ok(200);
    let page = world.get(&format!("/conversations/{id}/participants"), &alice).await;
    let users = people(&page.ok(200)["participants"]);
    let bobs = users.iter().find(|user| user["id"] == json!(bob.id)).unwrap();
    assert_eq!(looks(bobs), hidden, "a block hides who is here");
    let blocked = world.get("/users/me/blocked", &bob).await;
    assert_eq!(looks(&blocked.ok(200)[0]), hidden);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_gone_decides_nothing_and_was_never_here() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    world.put("/presence/me", &bob, json!({"customStatus": "here"})).await.ok(200);
    world.delete("/users/me", &bob).await.ok(200);
    let seen = world.get(&format!("/presence/users/{}", bob.id), &alice).await;
    assert_eq!(seen.ok(200)["status"], "offline");
    assert_eq!(seen.ok(200)["customStatus"], Value::Null);
    let late = world.put("/presence/me", &bob, json!({"status": "away"})).await;
    assert_eq!(late.status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_costs_three_reads_however_long_it_is() {
    let world = World::new().await;
    let me = world.user("alice").await;
    let mut ids = Vec::new();
    for n in 0..6 {
        let other = world.user(&format!("other{n}")).await;
        if n % 2 == 0 {
            comes(&world, &other, Status::Online).await;
        }
        ids.push(other.id);
    }
    // Profiles, when those were last seen who are not here, and what is between them and the viewer.
    for count in [1, 6] {
        let path = format!("/presence/users?userIds={}", ids[..count].join(","));
        let (answer, (requests, rows)) = world.counted(&path, &me).await;
        assert_eq!(answer.ok(200).as_array().unwrap().len(), count);
        assert!(requests <= 3 && rows <= 5 * count, "{requests} requests, {rows} rows");
    }
}

/// What a list reads of those who are not here: when they were last seen if they show it, whether they
/// have blocked the viewer, and whom he has blocked, once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_between_many_and_the_viewer_is_read_as_far_as_their_settings_ask() {
    let world = World::new().await;
    let me = world.user("alice").await;
    let mut others = Vec::new();
    for n in 0..8 {
        others.push(world.user(&format!("other{n}")).await);
    }
    let group = world.group(&me, &others.iter().collect::<Vec<_>>()).await;
    let path = format!("/conversations/{group}");
    let (_, (_, before)) = world.counted(&path, &me).await;
    let at = world.platform.clock.now();
    let seen = |user: &User| {
        let row = LastSeen { user: user.id.parse().unwrap(), at, version: 1 };
        Write::replace(&row, Position { epoch: 1, partition: 0, offset: 1 }.stamp())
    };
    let writes = others.iter().map(seen).collect();
    world.platform.store.write(Batch { fence: None, writes }).await.unwrap();
    let (answer, (_, rows)) = world.counted(&path, &me).await;
    let shown = answer.ok(200)["participants"].as_array().unwrap().iter();
    assert_eq!(shown.filter(|one| !one["user"]["lastSeen"].is_null()).count(), 8);
    assert_eq!(rows, before + 8, "of each whether he has blocked her");

    for (n, visibility) in [(0, "contacts"), (1, "nobody")] {
        let settings = json!({ "lastSeenVisibility": visibility });
        world.put("/users/me/settings", &others[n], settings).await.ok(200);
    }
    world.post(&format!("/users/{}/block", others[2].id), &me, json!({})).await.ok(200);
    let (answer, (_, rows)) = world.counted(&path, &me).await;
    let shown = answer.ok(200)["participants"].as_array().unwrap().iter();
    assert_eq!(shown.filter(|one| !one["user"]["lastSeen"].is_null()).count(), 5);
    // Neither a row nor a block of who shows nothing; a conversation with who shows it to contacts; her
    // own block. Who has changed his settings may lie on the board.
    assert!(rows <= before + 8 - 2 + 1 + 1, "{rows} rows, {before} before");
}
