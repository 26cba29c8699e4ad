//! Acceptance for sockets: the same rules, the same message.

use ingest::Ingest;
use platform::inbound::Inbound;
use schemas::Code;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::world::{User, World};

fn raw(value: &Value) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).unwrap()
}

async fn accept(
    node: &Ingest,
    user: &User,
    kind: &str,
    data: &Value,
) -> Result<Value, schemas::ApiError> {
    let who = node.authenticate(&user.token)?;
    let outcome = node.accept(&who, kind, Some(&raw(data))).await?.await?;
    Ok(serde_json::from_slice(&outcome).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_accepted_one_after_another_are_numbered_in_that_order() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.direct(&alice, &bob).await;
    let node = world.nodes[0].inbound();
    let who = node.authenticate(&alice.token).unwrap();
    let mut outcomes = Vec::new();
    for n in 0..64 {
        let data = raw(&json!({"conversationId": id, "content": n.to_string()}));
        outcomes.push(node.accept(&who, "message.send", Some(&data)).await.unwrap());
    }
    for (n, outcome) in outcomes.into_iter().enumerate() {
        let message: Value = serde_json::from_slice(&outcome.await.unwrap()).unwrap();
        assert_eq!(message["content"], n.to_string());
        assert_eq!(message["seq"], n + 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_and_a_post_with_one_client_id_send_one_message() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.direct(&alice, &bob).await;
    let data = json!({"conversationId": id, "content": "x", "clientMessageId": "c"});
    let by_socket = accept(&world.nodes[1], &alice, "message.send", &data).await.unwrap();
    let by_post = world.post("/messages", &alice, data).await;
    assert_eq!(&by_socket, by_post.ok(201));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_rules_are_those_of_a_post() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let eve = world.user("eve").await;
    let id = world.direct(&alice, &bob).await;
    let node = &world.nodes[0];
    let good = json!({"conversationId": id, "content": "x"});
    let code =
        async |user, kind, data: &Value| accept(node, user, kind, data).await.err().map(|e| e.code);
    assert_eq!(code(&eve, "message.send", &good).await, Some(Code::NotMember));
    assert_eq!(code(&alice, "message.shout", &good).await, Some(Code::Unsupported));
    let mut foreign = good.clone();
    foreign["userId"] = json!(bob.id);
    assert_eq!(code(&alice, "message.send", &foreign).await, Some(Code::UnknownField));
    assert_eq!(code(&alice, "message.send", &json!([])).await, Some(Code::ValidationFailed));
    let who = node.authenticate(&alice.token).unwrap();
    let nothing = node.accept(&who, "message.send", None).await.err().map(|e| e.code);
    assert_eq!(nothing, Some(Code::ValidationFailed));
    assert_eq!(node.authenticate("x").unwrap_err().code, Code::Unauthenticated);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_socket_changes_is_answered_as_by_a_route() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.direct(&alice, &bob).await;
    let node = &world.nodes[0];
    let ask =
        async |user, kind, data: Value| accept(node, user, kind, &data).await.map_err(|e| e.code);
    let first = world.send(&alice, &id, "one").await.id();
    let sent = json!({"conversationId": id, "content": "two", "replyToId": first});
    let second = ask(&bob, "message.send", sent).await.unwrap();
    let get = async |id: &str| world.get(&format!("/messages/{id}"), &bob).await.ok(200).clone();
    assert_eq!(second, get(second["id"].as_str().unwrap()).await);

    let edit = json!({"messageId": second["id"], "content": "three"});
    let edited = ask(&bob, "message.edit", edit.clone()).await.unwrap();
    assert_eq!(edited, get(second["id"].as_str().unwrap()).await);
    assert_eq!(
        (&edited["content"], &edited["replyTo"]["content"]),
        (&json!("three"), &json!("one"))
    );
    assert_eq!(ask(&alice, "message.edit", edit).await, Err(Code::Forbidden));

    let emoji = json!({"messageId": first, "emoji": "x"});
    let reaction = ask(&bob, "message.react", emoji.clone()).await.unwrap();
    assert_eq!(reaction, get(&first).await["reactions"][0]);
    assert!(ask(&bob, "message.unreact", emoji.clone()).await.unwrap()["message"].is_string());
    assert_eq!(ask(&bob, "message.unreact", emoji).await, Err(Code::NotFound));

    let of_first = json!({"messageId": first});
    let read = ask(&bob, "message.read", of_first.clone()).await.unwrap();
    let list = world.get(&format!("/messages/{first}/reads"), &alice).await;
    let mut reader = list.ok(200)["reads"][0].clone();
    reader.as_object_mut().unwrap().remove("user");
    assert_eq!(read, reader);
    let all = json!({"conversationId": id});
    assert!(ask(&alice, "conversation.read", all.clone()).await.unwrap()["message"].is_string());
    assert_eq!(get(second["id"].as_str().unwrap()).await["status"], "read");
    let some = json!({"conversationId": id, "messageId": first});
    ask(&alice, "conversation.read", some).await.unwrap();

    assert!(ask(&alice, "message.delete", of_first.clone()).await.unwrap()["message"].is_string());
    assert_eq!(get(&first).await["isDeleted"], true);
    let emoji = json!({"messageId": first, "emoji": "x"});
    assert_eq!(ask(&bob, "message.react", emoji).await, Err(Code::MessageDeleted));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_socket_may_not_change_it_does_not_find() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let eve = world.user("eve").await;
    let id = world.direct(&alice, &bob).await;
    let message = world.send(&alice, &id, "x").await.id();
    let node = &world.nodes[0];
    let code = async |user: &User, kind, data: Value| {
        accept(node, user, kind, &data).await.err().map(|e| (e.code, e.message.into_owned()))
    };
    let absent = uuid::Uuid::from_u128(9);
    for (kind, data) in [
        ("message.edit", json!({"content": "y"})),
        ("message.delete", json!({})),
        ("message.react", json!({"emoji": "x"})),
        ("message.unreact", json!({"emoji": "x"})),
        ("message.read", json!({})),
    ] {
        let of = async |user, id: Value| {
            let mut data = data.clone();
            data["messageId"] = id;
            code(user, kind, data).await
        };
        let foreign = of(&eve, json!(message)).await;
        assert_eq!(foreign.as_ref().unwrap().0, Code::NotFound, "{kind}");
        assert_eq!(of(&eve, json!(absent)).await, foreign, "{kind}");
        assert_eq!(of(&alice, json!("x")).await.unwrap().0, Code::MalformedId, "{kind}");
        assert_eq!(of(&alice, Value::Null).await.unwrap().0, Code::ValidationFailed, "{kind}");
        let mut more = data.clone();
        more["messageId"] = json!(message);
        more["userId"] = json!(bob.id);
        assert_eq!(code(&alice, kind, more).await.unwrap().0, Code::UnknownField, "{kind}");
    }
    let foreign = code(&eve, "conversation.read", json!({"conversationId": id})).await;
    assert_eq!(foreign.as_ref().unwrap().0, Code::NotFound);
    assert_eq!(code(&eve, "conversation.read", json!({"conversationId": absent})).await, foreign);
    let read = world.get(&format!("/messages/{message}"), &alice).await;
    assert_eq!((&read.ok(200)["content"], &read.ok(200)["status"]), (&json!("x"), &json!("sent")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn edits_accepted_one_after_another_are_made_in_that_order() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.direct(&alice, &bob).await;
    let message = world.send(&alice, &id, "x").await.id();
    let node = world.nodes[0].inbound();
    let who = node.authenticate(&alice.token).unwrap();
    let mut outcomes = Vec::new();
    for n in 0..32 {
        let data = raw(&json!({"messageId": message, "content": n.to_string()}));
        outcomes.push(node.accept(&who, "message.edit", Some(&data)).await.unwrap());
    }
    for outcome in futures_util::future::join_all(outcomes).await {
        outcome.unwrap();
    }
    let history = world.get(&format!("/messages/{message}/edit-history"), &bob).await;
    let former = history.ok(200)["history"].as_array().unwrap().iter();
    let former: Vec<_> = former.rev().map(|f| f["content"].as_str().unwrap().to_owned()).collect();
    let expected: Vec<_> =
        std::iter::once("x".to_owned()).chain((0..31).map(|n: i32| n.to_string())).collect();
    assert_eq!(former, expected);
    assert_eq!(history.ok(200)["currentContent"], "31");
}
