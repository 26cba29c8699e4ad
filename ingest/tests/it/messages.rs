//! Sending, retrying and paging.

use http::Method;
use serde_json::{Value, json};

use crate::world::{Answer, User, World, request};

async fn send_keyed(world: &World, node: usize, user: &User, body: &Value, key: &str) -> Answer {
    let headers = [("idempotency-key", key)];
    let request = request(Method::POST, "/messages", Some(user), Some(body.clone()), &headers);
    world.raw(node, request).await
}

fn contents(answer: &Answer) -> Vec<String> {
    let messages = answer.ok(200)["messages"].as_array().unwrap().iter();
    messages.map(|message| message["content"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_numbered_kept_and_the_same_everywhere() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.direct(&alice, &bob).await;
    let body = json!({
        "conversationId": id, "content": "hi \u{1F600}\n", "type": "text", "clientMessageId": "c-1",
        "metadata": {"files": [{"id": 1}], "a": "ä"},
    });
    let sent = world.post("/messages", &alice, body).await;
    let message = sent.ok(201);
    assert_eq!(message["seq"], 1);
    assert_eq!(message["content"], "hi \u{1F600}\n");
    assert_eq!((&message["type"], &message["messageType"]), (&json!("text"), &json!("text")));
    assert_eq!(message["clientMessageId"], "c-1");
    assert_eq!(message["status"], "sent");
    assert_eq!(message["metadata"]["files"][0]["id"], 1);
    assert_eq!(message["sender"]["username"], "alice");
    assert_eq!(message["senderId"], alice.id.as_str());

    let path = format!("/messages/{}", sent.id());
    let read = world.call_at(1, Method::GET, &path, Some(&bob), None).await;
    assert_eq!(read.ok(200), message);
    let page = world.get(&format!("/conversations/{id}/messages"), &bob).await;
    assert_eq!(&page.ok(200)["messages"][0], message);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_is_the_same_message_and_another_body_is_refused() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.direct(&alice, &bob).await;
    let body = json!({"conversationId": id, "content": "once", "clientMessageId": "c-1"});
    let first = world.post("/messages", &alice, body.clone()).await;
    for node in [0, 1] {
        let again =
            world.call_at(node, Method::POST, "/messages", Some(&alice), Some(body.clone())).await;
        assert_eq!(again.ok(201), first.ok(201));
    }
    let mut other = body.clone();
    other["content"] = json!("twice");
    world.post("/messages", &alice, other).await.refused(409, "idempotency_mismatch");
    // The id belongs to its sender: another's is another message.
    assert_eq!(world.post("/messages", &bob, body).await.ok(201)["seq"], 2);

    let keyed = json!({"conversationId": id, "content": "keyed"});
    let first = send_keyed(&world, 0, &alice, &keyed, "k-1").await;
    assert_eq!(first.ok(201)["clientMessageId"], Value::Null);
    assert_eq!(send_keyed(&world, 1, &alice, &keyed, "k-1").await.ok(201), first.ok(201));
    let other = json!({"conversationId": id, "content": "other"});
    send_keyed(&world, 0, &alice, &other, "k-1").await.refused(409, "idempotency_mismatch");
    send_keyed(&world, 0, &alice, &other, "").await.refused(400, "validation_failed");

    let page = world.get(&format!("/messages?conversationId={id}"), &alice).await;
    assert_eq!(contents(&page), ["once", "once", "keyed"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_sends_at_once_are_one_message() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.direct(&alice, &bob).await;
    let body = json!({"conversationId": id, "content": "x", "clientMessageId": "same"});
    let tries = (0..8)
        .map(|n| world.call_at(n % 2, Method::POST, "/messages", Some(&alice), Some(body.clone())));
    let answers = futures_util::future::join_all(tries).await;
    for answer in &answers {
        assert_eq!(answer.ok(201), answers[0].ok(201));
    }
    let page = world.get(&format!("/messages?conversationId={id}"), &bob).await;
    assert_eq!(page.ok(200)["pagination"]["total"], 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_come_newest_first_and_each_oldest_first() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.direct(&alice, &bob).await;
    let mut ids = Vec::new();
    for n in 1..=7 {
        ids.push(world.send(&alice, &id, &n.to_string()).await.id());
    }
    let page = async |query: &str| {
        let path = format!("/conversations/{id}/messages?{query}");
        world.get(&path, &bob).await
    };
    let first = page("limit=3").await;
    assert_eq!(contents(&first), ["5", "6", "7"]);
    let data = first.ok(200);
    assert_eq!(data["pagination"], json!({"page": 1, "limit": 3, "total": 7, "totalPages": 3}));
    assert_eq!((&data["hasMore"], &data["nextBefore"]), (&json!(true), &json!(5)));
    assert_eq!(data["nextAfter"], Value::Null);
    assert_eq!(contents(&page("limit=3&page=2").await), ["2", "3", "4"]);
    let last = page("limit=3&page=3").await;
    assert_eq!(contents(&last), ["1"]);
    assert_eq!(last.ok(200)["hasMore"], false);
    assert_eq!(contents(&page("limit=3&page=4").await), Vec::<String>::new());
    assert_eq!(contents(&page("limit=3&before=5").await), ["2", "3", "4"]);
    assert_eq!(contents(&page("limit=3&after=2").await), ["3", "4", "5"]);
    assert_eq!(page("limit=3&after=2").await.ok(200)["nextAfter"], 5);
    let query = format!("limit=2&beforeMessageId={}", ids[3]);
    assert_eq!(contents(&page(&query).await), ["2", "3"]);
    for bad in [
        "limit=0",
        "limit=x",
        "page=-1",
        "before=0",
        "after=-1",
        "before=3&after=1",
        "beforeMessageId=00000000-0000-0000-0000-000000000001",
    ] {
        page(bad).await.refused(400, "validation_failed");
    }
    page("beforeMessageId=x").await.refused(400, "malformed_id");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_may_lie_across_the_border_of_two_buckets() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.direct(&alice, &bob).await;
    for chunk in (1..=1_030).collect::<Vec<i32>>().chunks(64) {
        let sends = chunk.iter().map(|_| world.send(&alice, &id, "m"));
        for answer in futures_util::future::join_all(sends).await {
            answer.ok(201);
        }
    }
    let path = format!("/conversations/{id}/messages?limit=100");
    let answer = world.get(&path, &bob).await;
    let messages = answer.ok(200)["messages"].as_array().unwrap();
    let seqs: Vec<i64> = messages.iter().map(|m| m["seq"].as_i64().unwrap()).collect();
    assert_eq!(seqs, (931..=1_030).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_not_there_for_strangers() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let eve = world.user("eve").await;
    let id = world.direct(&alice, &bob).await;
    let message = world.send(&alice, &id, "secret").await.id();
    let foreign = world.get(&format!("/messages/{message}"), &eve).await;
    foreign.refused(404, "not_found");
    let absent = world.get(&format!("/messages/{}", uuid::Uuid::from_u128(9)), &eve).await;
    assert_eq!(foreign.body["message"], absent.body["message"]);
    // Nor can its place be found out from another conversation.
    let other = world.direct(&eve, &bob).await;
    let path = format!("/conversations/{other}/messages?beforeMessageId={message}");
    world.get(&path, &eve).await.refused(400, "validation_failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_stored_bytes_are_spliced_as_they_are() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.direct(&alice, &bob).await;
    let sent = world.send(&alice, &id, "x").await;
    let text = String::from_utf8(sent.raw.clone()).unwrap();
    let data = text.strip_prefix(r#"{"success":true,"data":"#).unwrap();
    let data = data.split_once(r#","timestamp""#).unwrap().0;
    let page = world.get(&format!("/messages?conversationId={id}"), &bob).await;
    assert!(String::from_utf8(page.raw).unwrap().contains(data));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn addresses_of_files_lead_to_a_web_server() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.direct(&alice, &bob).await;
    let send = async |url: &str| {
        let files = json!([{"id": "1", "fileName": "a", "fileSize": 1, "fileUrl": url}]);
        let body = json!({"conversationId": id, "type": "file", "metadata": {"files": files}});
        world.post("/messages", &alice, body).await
    };
    assert_eq!(send("/media/1").await.ok(201)["metadata"]["files"][0]["fileUrl"], "/media/1");
    send("https://x.example/a").await.ok(201);
    send("javascript:alert(1)").await.refused(400, "validation_failed");
    send("").await.refused(400, "validation_failed");
}
