//! Wrong input on every route that changes something: a clear refusal of one shape, never a 500, and
//! nothing is changed.

use http::{Method, Request};
use serde_json::{Value, json};

use crate::world::{Answer, User, World, request};

struct Group {
    world: World,
    alice: User,
    bob: User,
    id: String,
    message: String,
}

async fn group() -> Group {
    let world = World::new().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.group(&alice, &[&bob]).await;
    let message = world.send(&bob, &id, "x").await.id();
    Group { world, alice, bob, id, message }
}

impl Group {
    /// Method, path and a body that is right, of every route that takes one.
    fn writes(&self) -> Vec<(Method, String, Value)> {
        let Self { bob, id, message, .. } = self;
        let conversation = format!("/conversations/{id}");
        let profile = json!({
            "firstName": "A", "lastName": "B", "bio": "c", "status": "d", "phone": "+49 30 123456",
            "avatarUrl": "https://example.org/a",
        });
        let password = json!({"currentPassword": "not the one", "newPassword": "violet kettle 81"});
        let settings = json!({"theme": "dark", "sendOnEnter": false, "messageTextSize": 20});
        let block = json!({"reason": "x", "reportSubmitted": true, "reportCategory": "spam"});
        let own = json!({
            "isMuted": true, "isArchived": true, "isPinned": true, "notificationSettings": {"a": 1},
        });
        let change = json!({
            "name": "N", "description": "D", "avatarUrl": "https://example.org/a", "isMuted": true,
            "isArchived": true, "isPinned": true,
        });
        let open = json!({
            "type": "group", "participantIds": [bob.id], "name": "N", "description": "D",
            "avatarUrl": "https://example.org/a",
        });
        let add = json!({"userIds": [bob.id], "role": "admin"});
        let member = format!("{conversation}/participants/{}", bob.id);
        vec![
            (Method::PUT, "/users/me".into(), profile.clone()),
            (Method::PATCH, "/users/me".into(), profile),
            (Method::PUT, "/users/me/password".into(), password),
            (Method::PUT, "/users/me/settings".into(), settings.clone()),
            (Method::PATCH, "/users/me/settings".into(), settings),
            (Method::POST, format!("/users/{}/block", bob.id), block),
            (Method::POST, "/conversations".into(), open),
            (Method::PUT, conversation.clone(), change.clone()),
            (Method::PATCH, conversation.clone(), change),
            (Method::PUT, format!("{conversation}/settings"), own),
            (Method::POST, format!("{conversation}/participants"), add),
            (Method::PUT, member, json!({"role": "admin"})),
            (Method::POST, format!("{conversation}/read"), json!({ "messageId": message })),
        ]
    }

    async fn send(&self, method: &Method, path: &str, body: impl Into<axum::body::Body>) -> Answer {
        let empty = request(method.clone(), path, Some(&self.alice), None, &[]);
        self.world.raw(0, empty.map(|_| body.into())).await
    }

    /// Nothing was set, opened, blocked, read.
    async fn untouched(&self) {
        let (world, alice) = (&self.world, &self.alice);
        let own = world.get("/users/me", alice).await;
        assert_eq!(
            (&own.ok(200)["firstName"], &own.ok(200)["phone"]),
            (&json!("First"), &Value::Null)
        );
        assert_eq!(world.get("/users/me/settings", alice).await.ok(200)["theme"], "auto");
        assert_eq!(*world.get("/users/blocked", alice).await.ok(200), json!([]));
        let list = world.get("/conversations", alice).await;
        assert_eq!(list.ok(200)["total"], 1);
        let item = &list.ok(200)["items"][0];
        assert_eq!((&item["name"], &item["unreadCount"]), (&json!("Garden"), &json!(1)));
        assert_eq!(item["userParticipant"]["isPinned"], false);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn wrong_types_in_every_field_are_refused() {
    let group = group().await;
    let wrong =
        [json!(5), json!(-1.5), json!("\u{0}"), json!([]), json!([[1]]), json!("x".repeat(20_000))];
    for (method, path, body) in group.writes() {
        for field in body.as_object().unwrap().keys() {
            for value in &wrong {
                let mut body = body.clone();
                body[field] = value.clone();
                // One wrong field spoils the request, whatever the others are.
                if path.ends_with("/password") && value.is_string() {
                    continue;
                }
                let answer = group.send(&method, &path, body.to_string()).await;
                let status = answer.status.as_u16();
                assert_eq!(status, 400, "{method} {path} {field} {value}: {}", answer.body);
                answer.refused(400, answer.code());
            }
        }
    }
    group.untouched().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_fields_and_bodies_that_are_no_objects_are_refused() {
    let group = group().await;
    for (method, path, body) in group.writes() {
        for field in ["extra", "id", "userId", "__proto__", "createdAt", "permissions"] {
            let mut body = body.clone();
            body[field] = json!("x");
            let answer = group.send(&method, &path, body.to_string()).await;
            answer.refused(400, "unknown_field");
        }
        for (bad, code) in [
            ("{", "malformed_json"),
            ("nope", "malformed_json"),
            ("[]", "validation_failed"),
            ("5", "validation_failed"),
        ] {
            group.send(&method, &path, bad).await.refused(400, code);
        }
        let large = " ".repeat(schemas::limits::BODY_BYTES + 1);
        group.send(&method, &path, large).await.refused(413, "too_large");
    }
    group.untouched().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ids_that_are_none_are_refused_on_every_route() {
    let group = group().await;
    let (id, bob) = (&group.id, &group.bob.id);
    let routes = [
        (Method::GET, "/users/{}".to_owned()),
        (Method::POST, "/users/{}/block".into()),
        (Method::DELETE, "/users/{}/block".into()),
        (Method::GET, "/conversations/{}".into()),
        (Method::PUT, "/conversations/{}".into()),
        (Method::PATCH, "/conversations/{}".into()),
        (Method::DELETE, "/conversations/{}".into()),
        (Method::PUT, "/conversations/{}/settings".into()),
        (Method::GET, "/conversations/{}/participants".into()),
        (Method::POST, "/conversations/{}/participants".into()),
        (Method::PUT, format!("/conversations/{{}}/participants/{bob}")),
        (Method::PUT, format!("/conversations/{id}/participants/{{}}")),
        (Method::DELETE, format!("/conversations/{{}}/participants/{bob}")),
        (Method::DELETE, format!("/conversations/{id}/participants/{{}}")),
        (Method::POST, "/conversations/{}/leave".into()),
        (Method::POST, "/conversations/{}/read".into()),
        (Method::GET, "/conversations/{}/unread".into()),
    ];
    for (method, path) in routes {
        for bad in ["5", "null", "%00", "67e5504410b1426f9247bb680e5fe0c8", "%F0%9F%98%80"] {
            let answer = group.send(&method, &path.replace("{}", bad), "{}").await;
            answer.refused(400, "malformed_id");
        }
    }
    group.untouched().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_token_nothing_is_changed() {
    let group = group().await;
    let mut routes = group.writes();
    for path in [
        "/users/me",
        "/users/{b}/block",
        "/conversations/{c}",
        "/conversations/{c}/participants/{b}",
    ] {
        let path = path.replace("{b}", &group.bob.id).replace("{c}", &group.id);
        routes.push((Method::DELETE, path, json!({})));
    }
    for path in [
        "/users/me/settings",
        "/users/blocked",
        "/users/me/blocked",
        "/conversations/{c}/participants",
        "/conversations/{c}/unread",
    ] {
        routes.push((Method::GET, path.replace("{c}", &group.id), json!({})));
    }
    routes.push((Method::POST, format!("/conversations/{}/leave", group.id), json!({})));
    for (method, path, body) in routes {
        let request: Request<_> = request(method, &path, None, Some(body), &[]);
        group.world.raw(0, request).await.refused(401, "unauthenticated");
    }
    group.untouched().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_names_itself_has_one_effect() {
    let group = group().await;
    let Group { world, alice, bob, id, .. } = &group;
    let carol = world.user("carol").await;
    let path = format!("/conversations/{id}");
    let participants = format!("{path}/participants");
    let member = format!("{participants}/{}", carol.id);
    let send = async |key: &str, method: Method, path: &str, body: Value| {
        world.named(key, method, path, alice, body).await
    };
    let add = json!({"userIds": [carol.id]});
    send("a", Method::POST, &participants, add.clone()).await.ok(200);
    send("b", Method::DELETE, &member, json!({})).await.ok(200);
    // The first one again: she is not added a second time.
    send("a", Method::POST, &participants, add.clone()).await.ok(200);
    world.get(&path, &carol).await.refused(404, "not_found");
    let other = json!({"userIds": [carol.id], "role": "admin"});
    send("a", Method::POST, &participants, other).await.refused(409, "idempotency_mismatch");
    send("c", Method::POST, &participants, add).await.ok(200);
    // Another removal under the same name as before is none.
    send("b", Method::DELETE, &member, json!({})).await.ok(200);
    world.get(&path, &carol).await.ok(200);

    send("d", Method::PUT, &path, json!({"name": "One"})).await.ok(200);
    send("e", Method::PUT, &path, json!({"name": "Two"})).await.ok(200);
    assert_eq!(send("d", Method::PUT, &path, json!({"name": "One"})).await.ok(200)["name"], "Two");
    send("d", Method::PUT, &path, json!({"name": "Three"}))
        .await
        .refused(409, "idempotency_mismatch");
    let role = format!("{participants}/{}", bob.id);
    send("f", Method::PUT, &role, json!({"role": "admin"})).await.ok(200);
    send("g", Method::PUT, &role, json!({"role": "member"})).await.ok(200);
    send("f", Method::PUT, &role, json!({"role": "admin"})).await.ok(200);
    let view = world.get(&path, bob).await;
    assert_eq!(view.ok(200)["userParticipant"]["role"], "member");
}
