//! Opening, listing and reading conversations.

use http::Method;
use serde_json::{Value, json};

use crate::world::World;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn six_who_open_it_at_once_open_one_conversation() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let tries = (0..6).map(|n| {
        let (caller, other) = if n % 2 == 0 { (&alice, &bob) } else { (&bob, &alice) };
        let body = json!({"type": "direct", "participantIds": [other.id]});
        world.call_at(n % 2, Method::POST, "/conversations", Some(caller), Some(body))
    });
    let answers = futures_util::future::join_all(tries).await;
    let ids: std::collections::HashSet<_> =
        answers.iter().map(|answer| answer.ok(201)["id"].to_string()).collect();
    assert_eq!(ids.len(), 1);
    for user in [&alice, &bob] {
        let answer = world.get("/conversations", user).await;
        assert_eq!(answer.ok(200)["total"], 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conversation_shows_both_and_what_the_viewer_has_not_read() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.direct(&alice, &bob).await;
    for text in ["one", "two"] {
        world.send(&alice, &id, text).await.ok(201);
    }
    let answer = world.get(&format!("/conversations/{id}"), &bob).await;
    let view = answer.ok(200);
    assert_eq!(view["type"], "direct");
    assert_eq!(view["memberCount"], 2);
    assert_eq!(view["unreadCount"], 2);
    assert_eq!(view["userParticipant"]["unreadCount"], 2);
    assert_eq!(view["lastMessage"]["content"], "two");
    let mut names: Vec<_> = view["participants"]
        .as_array()
        .unwrap()
        .iter()
        .map(|p| p["user"]["username"].as_str().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["alice", "bob"]);
    assert!(!view.to_string().contains("example.org"));

    let answer = world.get(&format!("/conversations/{id}"), &alice).await;
    assert_eq!(answer.ok(200)["unreadCount"], 0, "sending moves one's own marker");
    world.send(&bob, &id, "three").await.ok(201);
    let answer = world.get(&format!("/conversations/{id}"), &bob).await;
    assert_eq!(answer.ok(200)["unreadCount"], 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_list_is_sorted_by_last_activity_and_pages() {
    let world = World::new().await;
    let me = world.user("alice").await;
    let mut ids = Vec::new();
    for n in 0..5 {
        let other = world.user(&format!("other{n}")).await;
        world.clock.advance_ms(1_000);
        ids.push(world.direct(&me, &other).await);
    }
    world.clock.advance_ms(1_000);
    world.send(&me, &ids[1], "hello").await.ok(201);
    let expected = [1, 4, 3, 2, 0].map(|n: usize| ids[n].clone());

    let page = async |query: &str| {
        let answer = world.get(&format!("/conversations?{query}"), &me).await;
        let data = answer.ok(200).clone();
        let items = data["items"].as_array().unwrap().iter();
        let ids = items.map(|item| item["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
        (ids, data)
    };
    let (all, data) = page("archived=false&pinned=false").await;
    assert_eq!(all, expected);
    assert_eq!(data["limit"], 20);
    assert_eq!((&data["total"], &data["totalPages"]), (&json!(5), &json!(1)));
    assert_eq!(page("page=2&limit=2").await.0, expected[2..4]);
    assert_eq!(page("type=direct").await.0, expected);
    assert_eq!(page("type=group").await.0, Vec::<String>::new());

    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let (ids, data) = page(&format!("limit=2&cursor={cursor}")).await;
        seen.extend(ids);
        match data["nextCursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    assert_eq!(seen, expected);
    world.get("/conversations?type=x", &me).await.refused(400, "validation_failed");
    world.get("/conversations?archived=maybe", &me).await.refused(400, "validation_failed");
    world.get("/conversations?cursor=zz", &me).await.refused(400, "validation_failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notes_to_oneself_are_a_conversation_of_one() {
    let world = World::new().await;
    let me = world.user("alice").await;
    let first = world.get("/conversations/self", &me).await;
    let id = first.ok(200)["id"].clone();
    assert_eq!(first.ok(200)["memberCount"], 1);
    assert_eq!(world.get("/conversations/self", &me).await.ok(200)["id"], id);
    world.send(&me, id.as_str().unwrap(), "note").await.ok(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_get_the_answer_of_an_absent_conversation() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let eve = world.user("eve").await;
    let id = world.direct(&alice, &bob).await;
    let absent = uuid::Uuid::from_u128(7).to_string();
    let same = |a: &Value, b: &Value| assert_eq!(a["message"], b["message"]);

    let foreign = world.get(&format!("/conversations/{id}"), &eve).await;
    foreign.refused(404, "not_found");
    same(&foreign.body, &world.get(&format!("/conversations/{absent}"), &eve).await.body);
    for list in ["/conversations/{}/messages", "/messages?conversationId={}"] {
        let foreign = world.get(&list.replace("{}", &id), &eve).await;
        foreign.refused(403, "not_member");
        same(&foreign.body, &world.get(&list.replace("{}", &absent), &eve).await.body);
    }
    let foreign = world.send(&eve, &id, "hi").await;
    foreign.refused(403, "not_member");
    same(&foreign.body, &world.send(&eve, &absent, "hi").await.body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_can_not_be_opened_is_said() {
    let world = World::new().await;
    let me = world.user("alice").await;
    let nobody = uuid::Uuid::from_u128(3).to_string();
    let open = async |body| world.post("/conversations", &me, body).await;
    let answer = open(json!({"type": "direct", "participantIds": [nobody]})).await;
    answer.refused(400, "validation_failed");
    assert!(answer.body.to_string().contains("One or more participants not found"));
    let group = json!({"type": "group", "name": "g", "participantIds": [nobody]});
    open(group).await.refused(400, "validation_failed");
    open(json!({"type": "direct"})).await.refused(400, "validation_failed");
    let mine = json!({"type": "direct", "participantIds": [me.id]});
    open(mine).await.refused(400, "validation_failed");
    assert_eq!(world.get("/conversations", &me).await.ok(200)["total"], 0);
}
