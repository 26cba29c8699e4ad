//! Who types: from a socket's request to the frame that a node gets, and to the list of those who type.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use platform::inbound::Inbound;
use platform::lifecycle::Lifecycle;
use platform::node::{Node, Sink};
use platform::port::ephemeral::Route;
use schemas::outbound::Outbound;
use schemas::{Code, UserId};
use serde_json::{Value, json};

use crate::world::{User, World};

async fn says(world: &World, user: &User, kind: &str, data: Value) -> Result<Value, Code> {
    let node = &world.nodes[0];
    let who = node.authenticate(&user.token).unwrap();
    let data = serde_json::value::to_raw_value(&data).unwrap();
    let outcome = node.accept(&who, kind, Some(&data)).await.map_err(|error| error.code)?;
    let answer = outcome.await.map_err(|error| error.code)?;
    Ok(serde_json::from_slice(&answer).unwrap())
}

async fn types(world: &World, user: &User, id: &str) {
    let answer = says(world, user, "typing", json!({"conversationId": id})).await;
    assert_eq!(answer, Ok(json!({})));
}

/// A node that has sockets of some users; it keeps what comes for them.
#[derive(Default)]
struct Ears(Mutex<Vec<Value>>);

impl Sink for Ears {
    fn deliver(&self, batch: Vec<Outbound>) {
        let frames = batch.into_iter().filter_map(|outbound| match outbound {
            Outbound::Typing { frame, .. } | Outbound::Notice { frame, .. } => Some(frame),
            _ => None,
        });
        let frames = frames.map(|frame| serde_json::from_slice(&frame).unwrap());
        self.0.lock().extend(frames);
    }

    fn lost(&self) {}
}

impl Ears {
    async fn of(world: &World, life: &Lifecycle, users: &[&User]) -> Arc<Self> {
        let (node, ears) =
            (Node::start(&world.platform, life).await.unwrap(), Arc::new(Self::default()));
        node.subscribe(ears.clone());
        let route = |user: &&User| Route::User(user.id.parse::<UserId>().unwrap());
        let routes: Vec<Route> = users.iter().map(route).collect();
        let ephemeral = &world.platform.ephemeral;
        ephemeral.announce(node.instance, &routes, Duration::from_mins(10)).await.unwrap();
        ears
    }

    /// The frames so far, once there are so many.
    async fn heard(&self, count: usize) -> Vec<Value> {
        let all = async {
            while self.0.lock().len() < count {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), all).await.expect("they come soon");
        self.0.lock().clone()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_hear_and_see_who_types_until_he_stops() {
    let (world, life) = (World::new().await, Lifecycle::new());
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let eve = world.user("eve").await;
    let id = world.direct(&alice, &bob).await;
    let ears = Ears::of(&world, &life, &[&bob]).await;
    let path = format!("/presence/conversations/{id}/typing");
    assert_eq!(world.get(&path, &bob).await.ok(200), &json!([]));

    types(&world, &alice, &id).await;
    let frame = ears.heard(1).await.remove(0);
    assert_eq!((&frame["type"], &frame["conversationId"]), (&json!("typing"), &json!(id)));
    let data = json!({
        "userId": alice.id, "username": "alice", "isTyping": true,
        "until": schemas::Timestamp(1_800_000_010_000),
    });
    assert_eq!(frame["data"], data);
    let list = world.call_at(1, http::Method::GET, &path, Some(&bob), None).await;
    let one = &list.ok(200)[0];
    assert_eq!(list.ok(200).as_array().unwrap().len(), 1);
    assert_eq!((&one["userId"], &one["conversationId"]), (&json!(alice.id), &json!(id)));
    assert_eq!((&one["isTyping"], &one["expiresAt"]), (&json!(true), &data["until"]));
    assert_eq!(one["user"]["username"], "alice");
    assert!(one["user"].get("email").is_none());
    assert_eq!(world.get(&path, &bob).await.ok(200)[0]["id"], one["id"]);

    // Strangers see what is not there, and may not type where they are not.
    let absent = format!("/presence/conversations/{}/typing", uuid::Uuid::from_u128(9));
    for path in [&path, &absent] {
        world.get(path, &eve).await.refused(404, "not_found");
    }
    world.get("/presence/conversations/x/typing", &eve).await.refused(400, "malformed_id");
    for data in [json!({"conversationId": id}), json!({"conversationId": uuid::Uuid::nil()})] {
        assert_eq!(says(&world, &eve, "typing", data).await, Err(Code::NotMember));
    }
    for (data, code) in [
        (json!({}), Code::ValidationFailed),
        (json!({"conversationId": "x"}), Code::MalformedId),
        (json!({"conversationId": id, "isTyping": 1}), Code::ValidationFailed),
        (json!({"conversationId": id, "userId": bob.id}), Code::UnknownField),
    ] {
        assert_eq!(says(&world, &alice, "typing", data).await, Err(code));
    }

    let stop = json!({"conversationId": id, "isTyping": false});
    says(&world, &alice, "typing", stop).await.unwrap();
    let end = ears.heard(2).await.remove(1);
    assert_eq!((&end["data"]["isTyping"], &end["data"]["until"]), (&json!(false), &Value::Null));
    assert_eq!(world.get(&path, &bob).await.ok(200), &json!([]));
    types(&world, &alice, &id).await;
    assert_eq!(world.get(&path, &bob).await.ok(200).as_array().unwrap().len(), 1);
    world.clock.advance_ms(10_000);
    assert_eq!(world.get(&path, &bob).await.ok(200), &json!([]), "it ends by itself");
    life.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn blocked_users_neither_hear_nor_see_each_other_type() {
    let (world, life) = (World::new().await, Lifecycle::new());
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let carol = world.user("carol").await;
    let direct = world.direct(&alice, &bob).await;
    let group = world.group(&carol, &[&alice, &bob]).await;
    world.post(&format!("/users/{}/block", alice.id), &bob, json!({})).await.ok(200);
    let bobs = Ears::of(&world, &life, &[&bob]).await;
    let carols = Ears::of(&world, &life, &[&carol]).await;
    types(&world, &alice, &direct).await;
    types(&world, &alice, &group).await;
    world.clock.advance_ms(1);
    types(&world, &bob, &group).await;
    let typers = carols.heard(2).await;
    let typers: Vec<_> = typers.iter().map(|frame| frame["data"]["username"].clone()).collect();
    assert_eq!(typers, ["alice", "bob"]);
    // A frame that was there before those is heard before those.
    let names = bobs.heard(1).await;
    let names: Vec<_> = names.iter().map(|frame| frame["data"]["username"].clone()).collect();
    assert_eq!(names, ["bob"], "his own, for his other sockets");

    let seen = async |user: &User, id: &str| {
        let list = world.get(&format!("/presence/conversations/{id}/typing"), user).await;
        let list = list.ok(200).as_array().unwrap().clone();
        list.iter().map(|one| one["user"]["username"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(seen(&carol, &group).await, ["alice", "bob"]);
    assert_eq!(seen(&bob, &group).await, ["bob"]);
    assert_eq!(seen(&alice, &group).await, ["alice"]);
    for user in [&alice, &bob] {
        assert_eq!(seen(user, &direct).await, Vec::<Value>::new());
    }
    world.put("/users/me/settings", &carol, json!({"showTypingIndicator": false})).await.ok(200);
    types(&world, &carol, &group).await;
    assert_eq!(seen(&alice, &group).await, ["alice"]);
    life.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_switches_it_off_while_he_types_is_seen_to_type_no_more() {
    let (world, life) = (World::new().await, Lifecycle::new());
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.direct(&alice, &bob).await;
    let ears = Ears::of(&world, &life, &[&bob]).await;
    let path = format!("/presence/conversations/{id}/typing");
    types(&world, &alice, &id).await;
    assert_eq!(world.get(&path, &bob).await.ok(200).as_array().unwrap().len(), 1);
    let off = json!({"showTypingIndicator": false});
    world.put("/users/me/settings", &alice, off).await.ok(200);
    let heard = ears.heard(2).await;
    let told: Vec<_> = heard.iter().map(|frame| frame["data"]["isTyping"].clone()).collect();
    assert_eq!(told, [true, false]);
    assert_eq!(world.get(&path, &bob).await.ok(200), &json!([]));
    // What another node has put on the board is not shown either.
    let on = json!({"showTypingIndicator": true});
    world.put("/users/me/settings", &alice, on.clone()).await.ok(200);
    world.clock.advance_ms(3_000);
    types(&world, &alice, &id).await;
    assert_eq!(world.get(&path, &bob).await.ok(200).as_array().unwrap().len(), 1);
    let elsewhere = json!({"showTypingIndicator": false});
    let put =
        world.call_at(1, http::Method::PUT, "/users/me/settings", Some(&alice), Some(elsewhere));
    put.await.ok(200);
    assert_eq!(world.get(&path, &bob).await.ok(200), &json!([]));
    world.put("/users/me/settings", &alice, on).await.ok(200);
    assert_eq!(world.get(&path, &bob).await.ok(200).as_array().unwrap().len(), 1, "it was there");
    life.stop();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_is_signalled_to_those_who_have_joined_it() {
    let (world, life) = (World::new().await, Lifecycle::new());
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let ears = Ears::of(&world, &life, &[&bob]).await;
    let call = json!({"callId": "c-1"});
    says(&world, &bob, "call.join", call.clone()).await.unwrap();
    let offer = json!({"callId": "c-1", "targetUserId": bob.id, "offer": {"sdp": "v=0"}});
    let refused = says(&world, &alice, "call.offer", offer.clone()).await;
    assert_eq!(refused, Err(Code::Forbidden));
    says(&world, &alice, "call.join", call).await.unwrap();
    says(&world, &alice, "call.offer", offer).await.unwrap();
    let heard = ears.heard(2).await;
    let kinds: Vec<_> = heard.iter().map(|frame| &frame["type"]).collect();
    assert_eq!(kinds, ["call.participant.joined", "call.offer.received"]);
    let data = json!({
        "callId": "c-1", "fromUserId": alice.id, "userId": alice.id, "offer": {"sdp": "v=0"},
    });
    assert_eq!(heard[1]["data"], data);
    let unknown = says(&world, &alice, "call.hijack", json!({"callId": "c-1"})).await;
    assert_eq!(unknown, Err(Code::Unsupported));
    life.stop();
}
