//! Wrong input on every route: a clear refusal of one shape, never a 500, and nothing is written.

use axum::body::Body;
use http::{Method, Request};
use serde_json::{Value, json};

use crate::world::{User, World, request};

/// Every route that takes a body, with a body that is right.
fn writes(conversation: &str, other: &User) -> Vec<(&'static str, bool, Value)> {
    vec![
        ("/auth/register", false, crate::world::form("newcomer")),
        ("/auth/login", false, json!({"identifier": "alice", "password": "wrong"})),
        ("/auth/refresh", false, json!({"refreshToken": "x"})),
        ("/auth/logout", false, json!({"refreshToken": "x"})),
        ("/conversations", true, json!({"type": "direct", "participantIds": [other.id]})),
        (
            "/messages",
            true,
            json!({
                "conversationId": conversation, "content": "x", "type": "text",
                "clientMessageId": "c", "metadata": {"a": 1},
            }),
        ),
    ]
}

const READS: [&str; 8] = [
    "/users/me",
    "/users/search?query=a",
    "/users/{}",
    "/conversations",
    "/conversations/{}",
    "/conversations/{}/messages",
    "/messages/{}",
    "/messages?conversationId={}",
];

async fn world() -> (World, User, User, String) {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let conversation = world.direct(&alice, &bob).await;
    (world, alice, bob, conversation)
}

/// Nothing was sent, opened or registered.
async fn untouched(world: &World, alice: &User, conversation: &str) {
    let page = world.get(&format!("/messages?conversationId={conversation}"), alice).await;
    assert_eq!(page.ok(200)["pagination"]["total"], 0);
    assert_eq!(world.get("/conversations", alice).await.ok(200)["total"], 1);
    assert_eq!(world.get("/users/search?query=newcomer", alice).await.ok(200)["users"], json!([]));
}

fn post(path: &str, user: Option<&User>, body: impl Into<Body>) -> Request<Body> {
    let request = request(Method::POST, path, user, None, &[]);
    request.map(|_| body.into())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_types_in_every_field_of_every_body() {
    let (world, alice, bob, conversation) = world().await;
    let wrong = [
        json!(5),
        json!(-1.5),
        json!(true),
        json!([]),
        json!({}),
        json!([[1]]),
        json!("\u{0}"),
        json!("' OR 1=1; --"),
        json!("../../etc/passwd"),
        json!("\u{202e}"),
        json!("x".repeat(20_000)),
    ];
    for (path, authed, body) in writes(&conversation, &bob) {
        let user = authed.then_some(&alice);
        for field in body.as_object().unwrap().keys() {
            for value in &wrong {
                let is_free_text = matches!(
                    (path, field.as_str()),
                    ("/messages", "content" | "metadata" | "clientMessageId")
                        | ("/auth/logout", _)
                        | ("/auth/register", "firstName" | "lastName" | "password")
                );
                if is_free_text && (value.is_string() || value.is_object()) {
                    continue;
                }
                let mut body = body.clone();
                body[field] = value.clone();
                let answer = world.raw(0, post(path, user, body.to_string())).await;
                let status = answer.status.as_u16();
                assert!((400..500).contains(&status), "{path} {field} {value}: {}", answer.body);
                answer.refused(status, answer.code());
            }
        }
    }
    untouched(&world, &alice, &conversation).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_fields_are_named_and_refused() {
    let (world, alice, bob, conversation) = world().await;
    for (path, authed, body) in writes(&conversation, &bob) {
        for field in ["extra", "userId", "role", "__proto__", "senderId", "isVerified"] {
            let mut body = body.clone();
            body[field] = json!("x");
            let answer = world.raw(0, post(path, authed.then_some(&alice), body.to_string())).await;
            answer.refused(400, "unknown_field");
            let message = answer.body["message"]["message"].to_string();
            assert!(message.contains(&format!("property {field} should not exist")), "{message}");
        }
    }
    untouched(&world, &alice, &conversation).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_are_not_objects_of_json() {
    let (world, alice, bob, conversation) = world().await;
    for (path, authed, body) in writes(&conversation, &bob) {
        let user = authed.then_some(&alice);
        let values: Vec<_> = body.as_object().unwrap().values().cloned().collect();
        let text = body.to_string();
        for (bad, code) in [
            ("{".to_owned(), "malformed_json"),
            ("nope".to_owned(), "malformed_json"),
            (format!("{text}x"), "malformed_json"),
            (text[..text.len() - 1].to_owned(), "malformed_json"),
            (Value::Array(values).to_string(), "validation_failed"),
            ("null".to_owned(), "validation_failed"),
            ("5".to_owned(), "validation_failed"),
            (text.replacen('{', "{\"\\ud800\":1,", 1), "malformed_json"),
        ] {
            let answer = world.raw(0, post(path, user, bad.clone())).await;
            assert_eq!(answer.status, 400, "{path} {bad}: {}", answer.body);
            assert!([code, "unknown_field", "validation_failed"].contains(&answer.code()), "{bad}");
        }
        let answer = world.raw(0, post(path, user, vec![0xff, 0xfe, b'{'])).await;
        answer.refused(400, "malformed_json");
    }
    untouched(&world, &alice, &conversation).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_beyond_the_limit_are_not_read() {
    let (world, alice, bob, conversation) = world().await;
    let limit = schemas::limits::BODY_BYTES;
    for (path, authed, _) in writes(&conversation, &bob) {
        let user = authed.then_some(&alice);
        let declared = world.raw(0, post(path, user, " ".repeat(limit + 1))).await;
        declared.refused(413, "too_large");
        // Without a declared length it is noticed on the way.
        let pieces =
            std::iter::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 10_000])).take(14);
        let stream = Body::from_stream(futures_util::stream::iter(pieces));
        world.raw(0, post(path, user, stream)).await.refused(413, "too_large");
        let just = world.raw(0, post(path, user, " ".repeat(limit))).await;
        assert_eq!(just.status, 400, "{path}: {}", just.body);
    }
    untouched(&world, &alice, &conversation).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_that_are_none_and_ids_of_others() {
    let (world, alice, bob, conversation) = world().await;
    let message = world.send(&bob, &conversation, "x").await.id();
    let eve = world.user("eve").await;
    for path in READS.iter().filter(|path| path.contains("{}")) {
        for bad in [
            "5",
            "null",
            "%00",
            "..%2f..",
            "{}",
            "67e5504410b1426f9247bb680e5fe0c8",
            "%F0%9F%98%80",
            "0190f3b0-7d5e-7c3a-9d1e-3a2b1c4d5e6g",
        ] {
            let path = path.replace("{}", &bad.replace("{}", "%7B%7D"));
            let answer = world.get(&path, &alice).await;
            answer.refused(400, "malformed_id");
        }
        for id in [&conversation, &message, &alice.id, &uuid::Uuid::nil().to_string()] {
            let answer = world.get(&path.replace("{}", id), &eve).await;
            let foreign_user = path.starts_with("/users") && id == &alice.id;
            let expected = if foreign_user { 200..=200 } else { 403..=404 };
            assert!(expected.contains(&answer.status.as_u16()), "{path} {id}: {}", answer.body);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_good_token_nothing_is_answered() {
    let (world, alice, bob, conversation) = world().await;
    let mut forged = alice.clone();
    forged.token.replace_range(0..1, "x");
    let mut huge = alice.clone();
    huge.token = "A".repeat(10_000);
    let refresh_as_access = User { token: alice.refresh.clone(), ..alice.clone() };
    for user in [None, Some(&forged), Some(&huge), Some(&refresh_as_access)] {
        for path in READS {
            let path = path.replace("{}", &conversation);
            let answer = world.call(Method::GET, &path, user, None).await;
            answer.refused(401, "unauthenticated");
        }
        for (path, authed, body) in writes(&conversation, &bob) {
            if authed {
                let answer = world.raw(0, post(path, user, body.to_string())).await;
                answer.refused(401, "unauthenticated");
            }
        }
    }
    untouched(&world, &alice, &conversation).await;
}
