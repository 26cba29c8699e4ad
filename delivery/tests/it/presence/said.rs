//! What a socket says of its user: texts that are kept, and that he is there.

use std::sync::atomic::Ordering;

use serde_json::json;
use tokio::time::Instant;

use super::ask;
use crate::harness::{Client, Server, server, user};

async fn say(client: &mut Client, text: &str) {
    let answer = ask(client, "presence.update", json!({ "customStatus": text })).await;
    assert_eq!(answer["ok"], true, "{answer}");
}

fn kept(server: &Server) -> Option<String> {
    server.inbound.seen.lock().get(&user(1))?.entry.as_ref()?.custom_status.clone()
}

#[tokio::test]
async fn a_text_that_is_answered_is_the_one_that_stands() {
    let server = server().await;
    let (mut one, mut two) = (server.enter(1, 11).await, server.enter(1, 12).await);
    // Nothing of it is published.
    for text in ["a", "b", "b", "c"] {
        say(&mut one, text).await;
        assert_eq!(kept(&server).as_deref(), Some(text));
    }
    for text in ["A", "B", "A", "B"] {
        let client = if text == "A" { &mut one } else { &mut two };
        say(client, text).await;
        assert_eq!(kept(&server).as_deref(), Some(text));
    }
    // Nor what is decided elsewhere.
    server.inbound.fold(user(1), r#"{"customStatus":"elsewhere"}"#);
    say(&mut one, "A").await;
    assert_eq!(kept(&server).as_deref(), Some("A"));
    // What can not be looked at is said again.
    server.inbound.broken.store(true, Ordering::SeqCst);
    let before = server.inbound.accepted.lock().len();
    say(&mut one, "A").await;
    assert_eq!(server.inbound.accepted.lock().len(), before + 1);
}

#[tokio::test]
async fn a_text_at_every_key_stroke_is_a_reading_now_and_then() {
    let server = server().await;
    let mut one = server.enter(1, 11).await;
    say(&mut one, "lunch").await;
    let (before, start) = (server.inbound.reads.load(Ordering::SeqCst), Instant::now());
    for id in 0..300 {
        let data = json!({ "status": "online", "customStatus": "lunch" }).to_string();
        one.request(&id.to_string(), "presence.update", &data).await;
    }
    let mut last = json!({ "customStatus": "dinner" });
    one.request("last", "presence.update", &last.to_string()).await;
    for _ in 0..=300 {
        last = one.frame().await;
        assert_eq!(last["ok"], true, "{last}");
    }
    assert_eq!(last["id"], "last", "in the order in which they were said");
    let reads = server.inbound.reads.load(Ordering::SeqCst) - before;
    let most = usize::try_from(start.elapsed().as_millis() / 100).unwrap() + 1;
    assert!((1..=most).contains(&reads), "{reads} of {most}");
    assert_eq!(kept(&server).as_deref(), Some("dinner"));
    assert_eq!(server.inbound.accepted.lock().len(), 2);
}

#[tokio::test]
async fn behind_a_text_of_which_nobody_knows_whether_it_stands_the_next_is_said() {
    let server = server().await;
    let mut one = server.enter(1, 11).await;
    say(&mut one, "a").await;
    // It was refused, for all that is known, and may be folded yet.
    let answer = ask(&mut one, "presence.update", json!({ "customStatus": "lost" })).await;
    assert_eq!(answer["error"]["code"], "outcome_unknown");
    say(&mut one, "a").await;
    let said: Vec<_> = server.inbound.accepted.lock().clone();
    let text = |text: &str| json!({ "customStatus": text }).to_string();
    assert_eq!(said, [text("a"), text("lost"), text("a")]);
}
