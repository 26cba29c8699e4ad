//! The list of conversations: order, filters, search, what it costs.

use serde_json::{Value, json};

use crate::world::{User, World};

async fn list(world: &World, user: &User, query: &str) -> Vec<String> {
    let answer = world.get(&format!("/conversations?{query}"), user).await;
    let data = answer.ok(200);
    let items = data["items"].as_array().unwrap().iter();
    let ids: Vec<_> = items.map(|item| item["id"].as_str().unwrap().to_owned()).collect();
    if !query.contains("limit") {
        assert_eq!(data["total"], json!(ids.len()), "{query}");
    }
    ids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pinned_ones_come_first_archived_ones_not_and_filters_filter_only_when_given() {
    let world = World::new().await;
    let me = world.user("alice").await;
    let mut ids = Vec::new();
    for n in 0..4 {
        let other = world.user(&format!("other{n}")).await;
        world.clock.advance_ms(1_000);
        ids.push(world.direct(&me, &other).await);
    }
    let other = world.user("other4").await;
    world.clock.advance_ms(1_000);
    ids.push(world.group(&me, &[&other]).await);
    let set = async |n: usize, settings: Value| {
        world.put(&format!("/conversations/{}/settings", ids[n]), &me, settings).await.ok(200);
    };
    set(0, json!({"isPinned": true})).await;
    set(2, json!({"isArchived": true})).await;
    let of = |ns: &[usize]| ns.iter().map(|n| ids[*n].clone()).collect::<Vec<_>>();
    for (query, expected) in [
        ("", vec![0, 4, 3, 1]),
        ("archived=false", vec![0, 4, 3, 1]),
        ("archived=true", vec![2]),
        ("pinned=true", vec![0]),
        ("pinned=false", vec![4, 3, 1]),
        ("type=group", vec![4]),
        ("type=direct", vec![0, 3, 1]),
        ("type=channel", vec![]),
        ("type=direct&pinned=false&unknown=1", vec![3, 1]),
    ] {
        assert_eq!(list(&world, &me, query).await, of(&expected), "{query}");
    }
    // A message to the oldest: it is the first behind those that are pinned.
    world.clock.advance_ms(1_000);
    world.send(&me, &ids[1], "hi").await.ok(201);
    assert_eq!(list(&world, &me, "").await, of(&[0, 1, 4, 3]));
    set(0, json!({"isPinned": false})).await;
    assert_eq!(list(&world, &me, "").await, of(&[1, 4, 3, 0]));
    set(2, json!({"isArchived": false, "isPinned": true})).await;
    assert_eq!(list(&world, &me, "limit=2").await, of(&[2, 1]));

    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let answer = world.get(&format!("/conversations?limit=2&cursor={cursor}"), &me).await;
        let data = answer.ok(200);
        let items = data["items"].as_array().unwrap().iter();
        seen.extend(items.map(|item| item["id"].as_str().unwrap().to_owned()));
        match data["nextCursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    assert_eq!(seen, of(&[2, 1, 4, 3, 0]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_item_shows_the_last_message_what_is_unread_and_what_was_set() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.group(&alice, &[&bob]).await;
    for text in ["one", "two", "three"] {
        world.send(&alice, &id, text).await.ok(201);
    }
    let path = format!("/conversations/{id}/settings");
    let body = json!({"isMuted": true, "notificationSettings": {"sound": false}});
    world.put(&path, &bob, body).await.ok(200);
    let first = world.get(&format!("/conversations/{id}/messages?limit=1&after=0"), &bob).await;
    let first = first.ok(200)["messages"][0]["id"].clone();
    let path = format!("/conversations/{id}/read");
    world.post(&path, &bob, json!({ "messageId": first })).await.ok(200);

    let answer = world.get("/conversations", &bob).await;
    let item = &answer.ok(200)["items"][0];
    assert_eq!(item["lastMessage"]["content"], "three");
    assert_eq!((&item["unreadCount"], &item["memberCount"]), (&json!(2), &json!(2)));
    assert_eq!(item["participants"].as_array().unwrap().len(), 2);
    let own = &item["userParticipant"];
    assert_eq!((&own["unreadCount"], &own["lastReadMessageId"]), (&json!(2), &first));
    assert_eq!(
        (&own["isMuted"], &own["notificationSettings"]),
        (&json!(true), &json!({"sound": false}))
    );
    assert!(own["lastReadAt"].is_string());
    assert!(!item.to_string().contains("example.org"), "nobody sees another's address (D1)");
    let whole = world.get(&format!("/conversations/{id}"), &bob).await;
    assert_eq!(whole.ok(200)["userParticipant"], *own);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notes_to_oneself_are_pinned_from_the_start_until_they_are_not() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let notes = world.get("/conversations/self", &alice).await;
    assert_eq!(notes.ok(200)["name"], "Notes (You)");
    assert_eq!(notes.ok(200)["userParticipant"]["isPinned"], true);
    world.clock.advance_ms(1_000);
    let direct = world.direct(&alice, &bob).await;
    assert_eq!(list(&world, &alice, "").await, [notes.id(), direct.clone()]);
    let path = format!("/conversations/{}/settings", notes.id());
    world.put(&path, &alice, json!({"isPinned": false})).await.ok(200);
    let again = world.get("/conversations/self", &alice).await;
    assert_eq!(
        (again.id(), &again.ok(200)["userParticipant"]["isPinned"]),
        (notes.id(), &json!(false))
    );
    assert_eq!(list(&world, &alice, "").await, [direct, notes.id()]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_finds_names_of_groups_and_of_others() {
    let world = World::new().await;
    let (alice, bob, carol) =
        (world.user("alice").await, world.user("bob").await, world.user("carol").await);
    world
        .put("/users/me", &bob, json!({"firstName": "Robert", "lastName": "Quince"}))
        .await
        .ok(200);
    let direct = world.direct(&alice, &bob).await;
    let group = world.group(&alice, &[&bob, &carol]).await;
    for (query, expected) in [
        ("search=quin", vec![&direct]),
        ("search=ROBERT%20Q", vec![&direct]),
        ("search=bob", vec![&direct]),
        ("search=gard", vec![&group]),
        ("search=garden&type=direct", vec![]),
        ("search=alice", vec![]),
        ("search=%20", vec![&group, &direct]),
        ("search=nothing", vec![]),
    ] {
        let mut found = list(&world, &alice, query).await;
        let mut expected: Vec<_> = expected.into_iter().cloned().collect();
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{query}");
    }
    let long = format!("/conversations?search={}", "x".repeat(256));
    world.get(&long, &alice).await.refused(400, "validation_failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_cost_of_a_list_is_that_of_its_page_however_many_messages_there_are() {
    let world = World::new().await;
    let me = world.user("alice").await;
    let mut others = Vec::new();
    for n in 0..8 {
        others.push(world.user(&format!("other{n}")).await);
        let id = world.direct(&me, &others[n]).await;
        world.send(&me, &id, "first").await.ok(201);
    }
    let group = world.group(&me, &others.iter().collect::<Vec<_>>()).await;
    let cost = async |query: &str| {
        let (answer, cost) = world.counted(&format!("/conversations?{query}"), &me).await;
        answer.ok(200);
        cost
    };
    let (requests, rows) = cost("limit=2").await;
    // Memberships, settings, heads; marks, members of a group, profiles, when they were last seen.
    assert!(requests <= 7, "{requests} requests");
    let (all_requests, all_rows) = cost("").await;
    assert!(all_requests <= 7, "{all_requests} requests");
    assert!(rows < all_rows, "{rows} rows of a page, {all_rows} of all");
    for n in 0..50 {
        world.send(&others[n % 8], &group, "more").await.ok(201);
    }
    assert_eq!(cost("").await, (all_requests, all_rows));
    let (one, (requests, rows)) = world.counted(&format!("/conversations/{group}"), &me).await;
    assert_eq!(one.ok(200)["unreadCount"], 50);
    assert!(requests <= 4 && rows <= 5 + 9 + 9 + 9, "{requests} requests, {rows} rows");
}
