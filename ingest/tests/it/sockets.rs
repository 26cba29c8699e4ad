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
