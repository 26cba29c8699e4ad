//! What a membership opens and closes: those who left are strangers, and nobody sees beyond his
//! part. No command makes such rows yet, so the tests write them.

use http::Method;
use platform::port::store::get_one;
use schemas::member::table::MembershipByUser;
use schemas::position::MAX_EPOCH;
use schemas::table::{Batch, Write};
use schemas::{Position, Seq};
use serde_json::{Value, json};

use crate::world::{User, World};

async fn change(
    world: &World,
    user: &User,
    conversation: &str,
    change: impl Fn(&mut MembershipByUser),
) {
    let store = &*world.platform.store;
    let get = MembershipByUser::get(user.id.parse().unwrap(), conversation.parse().unwrap());
    let mut row = get_one::<MembershipByUser>(store, get).await.unwrap().unwrap();
    change(&mut row);
    let stamp = Position { epoch: MAX_EPOCH, partition: 0, offset: 1 }.stamp();
    let writes = vec![Write::replace(&row, stamp)];
    store.write(Batch { fence: None, writes }).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_left_is_a_stranger_everywhere_but_for_his_retries() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.direct(&alice, &bob).await;
    let body = json!({"conversationId": id, "content": "mine", "clientMessageId": "c"});
    let sent = world.post("/messages", &bob, body.clone()).await;
    let message = sent.id();
    change(&world, &bob, &id, |row| row.visible_to = Some(1)).await;

    let get = async |path: String| world.call_at(1, Method::GET, &path, Some(&bob), None).await;
    get(format!("/conversations/{id}")).await.refused(404, "not_found");
    get(format!("/conversations/{id}/messages")).await.refused(403, "not_member");
    get(format!("/messages?conversationId={id}")).await.refused(403, "not_member");
    get(format!("/messages/{message}")).await.refused(404, "not_found");
    assert_eq!(get("/conversations".into()).await.ok(200)["items"], json!([]));

    let post = async |body: Value| {
        world.call_at(1, Method::POST, "/messages", Some(&bob), Some(body)).await
    };
    let new = json!({"conversationId": id, "content": "new", "clientMessageId": "d"});
    post(new).await.refused(403, "not_member");
    post(json!({"conversationId": id, "content": "new"})).await.refused(403, "not_member");
    assert_eq!(post(body).await.ok(201), sent.ok(201));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_sees_from_where_he_may() {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.direct(&alice, &bob).await;
    let mut ids = Vec::new();
    for n in 1..=4 {
        ids.push(world.send(&alice, &id, &n.to_string()).await.id());
    }
    change(&world, &bob, &id, |row| row.visible_from = 3).await;
    let page = async |query: &str| {
        let path = format!("/conversations/{id}/messages?{query}");
        let answer = world.get(&path, &bob).await;
        let data = answer.ok(200);
        let messages = data["messages"].as_array().unwrap().iter();
        let seqs: Vec<Seq> = messages.map(|m| m["seq"].as_i64().unwrap()).collect();
        (seqs, data["pagination"]["total"].as_i64().unwrap(), data["hasMore"] == true)
    };
    assert_eq!(page("").await, (vec![3, 4], 2, false));
    assert_eq!(page("limit=1").await, (vec![4], 2, true));
    assert_eq!(page("before=3").await, (vec![], 2, false));
    assert_eq!(page("after=0").await, (vec![3, 4], 2, false));
    world.get(&format!("/messages/{}", ids[1]), &bob).await.refused(404, "not_found");
    world.get(&format!("/messages/{}", ids[2]), &bob).await.ok(200);
}
