//! Messages of groups and channels: who reads, who writes, who is a stranger.

use futures_util::future::join_all;
use http::Method;
use serde_json::{Value, json};

use crate::world::{User, World};

async fn people(world: &World, count: usize) -> Vec<User> {
    join_all((0..count).map(async |n| world.user(&format!("user{n}")).await)).await
}

async fn read(world: &World, user: &User, message: &str) {
    let path = format!("/messages/{message}/read");
    world.call(Method::POST, &path, Some(user), None).await.ok(200);
}

async fn status(world: &World, user: &User, message: &str) -> Value {
    world.get(&format!("/messages/{message}"), user).await.ok(200)["status"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_to_a_group_is_read_when_one_has_read_it() {
    let world = World::new().await;
    let people = people(&world, 4).await;
    let [alice, bob, carol, dave] = &people[..] else { panic!() };
    let id = world.group(alice, &[bob, carol, dave]).await;
    let message = world.send(alice, &id, "x").await.id();
    assert_eq!(status(&world, alice, &message).await, "sent");
    world.clock.advance_ms(5);
    read(&world, carol, &message).await;
    world.clock.advance_ms(5);
    read(&world, bob, &message).await;
    assert_eq!(status(&world, alice, &message).await, "read");
    assert_eq!(status(&world, dave, &message).await, "sent", "not his own");
    let list = world.get(&format!("/messages/{message}/reads"), dave).await;
    let names: Vec<_> = list.ok(200)["reads"]
        .as_array()
        .unwrap()
        .iter()
        .map(|read| read["userId"].as_str().unwrap())
        .collect();
    assert_eq!(names, [bob.id.as_str(), carol.id.as_str()], "the newest first");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_of_a_large_group_come_in_pages_of_its_members() {
    let world = World::new().await;
    let people = people(&world, 70).await;
    let (owner, others) = people.split_first().unwrap();
    let id = world.group(owner, &others.iter().collect::<Vec<_>>()).await;
    let message = world.send(owner, &id, "x").await.id();
    let readers = &others[..11];
    for reader in readers {
        read(&world, reader, &message).await;
    }
    assert_eq!(status(&world, owner, &message).await, "sent", "too many to tell");

    let (mut found, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let path = format!("/messages/{message}/reads?limit=20{cursor}");
        let answer = world.get(&path, &people[50]).await;
        let data = answer.ok(200);
        let reads = data["reads"].as_array().unwrap();
        assert_eq!(data["readCount"], reads.len());
        assert!(reads.iter().all(|read| read["user"]["username"].is_string()));
        found.extend(reads.iter().map(|read| read["userId"].as_str().unwrap().to_owned()));
        pages += 1;
        match data["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let mut expected: Vec<_> = readers.iter().map(|reader| reader.id.clone()).collect();
    expected.sort_unstable();
    found.sort_unstable();
    assert_eq!((pages, found), (4, expected));
    let bad = format!("/messages/{message}/reads?cursor=x");
    world.get(&bad, owner).await.refused(400, "validation_failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_left_does_nothing_with_messages_any_more() {
    let world = World::new().await;
    let people = people(&world, 4).await;
    let [alice, bob, carol, eve] = &people[..] else { panic!() };
    let id = world.group(alice, &[bob, carol]).await;
    let notes = world.get("/conversations/self", bob).await.id();
    let message = world.send(alice, &id, "theirs").await.id();
    let own = world.send(bob, &id, "mine").await.id();
    // What a node remembers of places does not open them.
    read(&world, bob, &message).await;
    world.post(&format!("/conversations/{id}/leave"), bob, json!({})).await.ok(200);

    let emoji = || Some(json!({"emoji": "x"}));
    let text = || Some(json!({"content": "x"}));
    let to = || Some(json!({"conversationIds": [notes]}));
    for (method, path, body, status) in [
        (Method::GET, format!("/messages/{message}"), None, 404),
        (Method::GET, format!("/messages/{own}"), None, 404),
        (Method::PUT, format!("/messages/{own}"), text(), 404),
        (Method::DELETE, format!("/messages/{own}"), None, 404),
        (Method::POST, format!("/messages/{message}/reactions"), emoji(), 404),
        (Method::DELETE, format!("/messages/{message}/reactions/x"), None, 404),
        (Method::POST, format!("/messages/{message}/read"), None, 404),
        (Method::POST, format!("/messages/{own}/read"), None, 404),
        (Method::GET, format!("/messages/{message}/reads"), None, 403),
        (Method::POST, format!("/messages/{message}/forward"), to(), 404),
        (Method::GET, format!("/messages/{message}/edit-history"), None, 403),
        (Method::GET, format!("/messages/{message}/thread"), None, 404),
        (Method::POST, format!("/messages/{message}/pin"), None, 404),
        (Method::DELETE, format!("/messages/{message}/pin"), None, 404),
        (Method::POST, format!("/messages/conversations/{id}/pin/{message}"), None, 404),
        (Method::DELETE, format!("/messages/conversations/{id}/pin/{message}"), None, 404),
        (Method::GET, format!("/messages/conversations/{id}/pinned"), None, 403),
        (Method::GET, format!("/messages?conversationId={id}"), None, 403),
        (Method::GET, format!("/conversations/{id}/messages"), None, 403),
    ] {
        let code = if status == 404 { "not_found" } else { "not_member" };
        for (node, user) in [(0, bob), (1, bob), (0, eve)] {
            let answer = world.call_at(node, method.clone(), &path, Some(user), body.clone()).await;
            answer.refused(status, code);
        }
    }
    // Nothing of it had an effect.
    let page = world.get(&format!("/messages?conversationId={id}"), carol).await;
    let messages = page.ok(200)["messages"].as_array().unwrap();
    assert_eq!(
        (&messages[0]["reactionCounts"], &messages[1]["content"]),
        (&json!({}), &json!("mine"))
    );
    // He may come back, and sees everything.
    let body = json!({"userIds": [bob.id]});
    world.post(&format!("/conversations/{id}/participants"), alice, body).await.ok(200);
    world.get(&format!("/messages/{message}"), bob).await.ok(200);
    world.patch(&format!("/messages/{own}"), bob, json!({"content": "again"})).await.ok(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_conversation_takes_its_messages_along() {
    let world = World::new().await;
    let people = people(&world, 2).await;
    let [alice, bob] = &people[..] else { panic!() };
    let id = world.group(alice, &[bob]).await;
    let message = world.send(bob, &id, "x").await.id();
    read(&world, alice, &message).await;
    world.delete(&format!("/conversations/{id}"), alice).await.ok(200);
    for user in [alice, bob] {
        let path = format!("/messages/{message}");
        world.get(&path, user).await.refused(404, "not_found");
        world.get(&format!("/messages?conversationId={id}"), user).await.refused(403, "not_member");
        world.get(&format!("{path}/reads"), user).await.refused(403, "not_member");
        world.get(&format!("{path}/thread"), user).await.refused(404, "not_found");
        let pinned = format!("/messages/conversations/{id}/pinned");
        world.get(&pinned, user).await.refused(403, "not_member");
        let react = json!({"emoji": "x"});
        world.post(&format!("{path}/reactions"), user, react).await.refused(404, "not_found");
        world.post(&format!("{path}/pin"), user, json!({})).await.refused(404, "not_found");
        world.send(user, &id, "x").await.refused(403, "not_member");
        world.post(&format!("{path}/read"), user, json!({})).await.refused(404, "not_found");
        world
            .post(&format!("{path}/forward"), user, json!({"conversationIds": [id]}))
            .await
            .refused(404, "not_found");
    }
    let edit = json!({"content": "y"});
    world.put(&format!("/messages/{message}"), bob, edit).await.refused(404, "not_found");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_channel_members_read_react_and_write_nothing() {
    let world = World::new().await;
    let people = people(&world, 3).await;
    let [alice, bob, carol] = &people[..] else { panic!() };
    let body = json!({"type": "channel", "name": "News", "participantIds": [bob.id, carol.id]});
    let channel = world.post("/conversations", alice, body).await.id();
    let other = world.direct(bob, carol).await;
    let news = world.send(alice, &channel, "news").await.id();
    let mine = world.send(bob, &other, "mine").await.id();
    world.send(bob, &channel, "x").await.refused(403, "forbidden");
    let forward = async |user: &User, to: &[&String]| {
        let body = json!({"conversationIds": to});
        world.post(&format!("/messages/{mine}/forward"), user, body).await
    };
    forward(bob, &[&other, &channel]).await.refused(403, "forbidden");
    let page = world.get(&format!("/messages?conversationId={other}"), bob).await;
    assert_eq!(page.ok(200)["messages"].as_array().unwrap().len(), 1, "to none of the two");
    let react = json!({"emoji": "x"});
    world.post(&format!("/messages/{news}/reactions"), bob, react).await.ok(200);
    read(&world, bob, &news).await;
    let body = json!({"conversationIds": [other]});
    world.post(&format!("/messages/{news}/forward"), bob, body).await.ok(200);
}
