//! What surrounds every request.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{Method, Request};
use ingest::config::Rate;
use serde_json::json;

use crate::world::{PASSWORD, World, form, request};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unknown_routes_and_methods_are_told_apart() {
    let world = World::new().await;
    let user = world.user("alice").await;
    for path in ["/nope", "/users/me/nope", "/auth", "//nope", "//api/v1/v1/users/me"] {
        world.get(path, &user).await.refused(404, "not_found");
    }
    let wrong = world.call(Method::DELETE, "/users/search", Some(&user), None).await;
    wrong.refused(405, "method_not_allowed");
    assert_eq!(wrong.headers["allow"], "GET,HEAD");
    let answer = world.call(Method::TRACE, "/messages", Some(&user), None).await;
    answer.refused(405, "method_not_allowed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_has_a_request_id_and_security_headers() {
    let world = World::new().await;
    let ids: std::collections::HashSet<_> = {
        let (a, b) = (
            world.raw(0, request(Method::GET, "//healthz", None, None, &[])).await,
            world.raw(1, request(Method::GET, "//readyz", None, None, &[])).await,
        );
        [a, b]
            .into_iter()
            .map(|answer| {
                answer.ok(200);
                assert_eq!(answer.headers["x-content-type-options"], "nosniff");
                assert_eq!(answer.headers["x-frame-options"], "SAMEORIGIN");
                assert_eq!(answer.headers["cache-control"], "no-store");
                assert!(answer.headers.contains_key("content-security-policy"));
                answer.headers["x-request-id"].clone()
            })
            .collect()
    };
    assert_eq!(ids.len(), 2);
    let own = |id| request(Method::GET, "/users/me", None, None, &[("x-request-id", id)]);
    let answer = world.raw(0, own("my-id.1")).await;
    assert_eq!(answer.body["requestId"], "my-id.1");
    let answer = world.raw(0, own("my id\"<script>")).await;
    assert_ne!(answer.body["requestId"], "my id\"<script>");
    assert_eq!(answer.code(), "unauthenticated");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_draining_node_is_not_ready_but_alive() {
    let world = World::new().await;
    world.nodes[0].set_ready(false);
    let get = |path| request(Method::GET, path, None, None, &[]);
    world.raw(0, get("//readyz")).await.refused(503, "overloaded");
    world.raw(0, get("//healthz")).await.ok(200);
    world.raw(1, get("//readyz")).await.ok(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn browsers_are_told_who_may_call() {
    let world = World::new().await;
    let preflight = |origin| {
        let headers = [("origin", origin), ("access-control-request-method", "POST")];
        request(Method::OPTIONS, "/messages", None, None, &headers)
    };
    let good = world.raw(0, preflight("http://localhost:5173")).await;
    assert_eq!(good.status, 204);
    assert_eq!(good.headers["access-control-allow-origin"], "http://localhost:5173");
    assert_eq!(good.headers["access-control-allow-credentials"], "true");
    assert_eq!(good.headers["vary"], "Origin");
    let bad = world.raw(0, preflight("https://evil.example")).await;
    assert!(!bad.headers.contains_key("access-control-allow-origin"));
    // Errors can be read by the page too.
    let headers = [("origin", "http://localhost:5173")];
    let error = world.raw(0, request(Method::GET, "/users/me", None, None, &headers)).await;
    error.refused(401, "unauthenticated");
    assert_eq!(error.headers["access-control-allow-origin"], "http://localhost:5173");
}

fn from(address: &str, mut request: Request<Body>) -> Request<Body> {
    let address: SocketAddr = address.parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(address));
    request
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn authentication_is_limited_by_address_over_all_nodes() {
    let world = World::with(|config| {
        config.limits.auth = Rate { burst: 3, per_minute: 60 };
    })
    .await;
    let login = |forwarded| {
        let body = json!({"identifier": "nobody", "password": "whatever it is"});
        let headers = [("x-forwarded-for", forwarded)];
        request(Method::POST, "/auth/login", None, Some(body), &headers)
    };
    for n in 0..3 {
        let answer = world.raw(n % 2, from("10.0.0.1:1000", login("1.1.1.1"))).await;
        answer.refused(401, "invalid_credentials");
        assert_eq!(answer.headers["x-ratelimit-limit"], "3");
        assert_eq!(answer.headers["x-ratelimit-remaining"], (2 - n).to_string().as_str());
        assert_eq!(answer.headers["ratelimit-policy"], "\"auth\";q=3;w=3");
    }
    // Nobody is believed who says that he is someone else.
    let refused = world.raw(0, from("10.0.0.1:1001", login("2.2.2.2"))).await;
    refused.refused(429, "rate_limited");
    assert_eq!(refused.headers["retry-after"], "1");
    world.raw(0, from("10.0.0.2:1000", login("1.1.1.1"))).await.refused(401, "invalid_credentials");
    world.clock.advance_ms(1_000);
    world.raw(1, from("10.0.0.1:1002", login("1.1.1.1"))).await.refused(401, "invalid_credentials");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_trusted_proxy_tells_the_address() {
    let world = World::with(|config| {
        config.limits.auth = Rate { burst: 1, per_minute: 1 };
        config.trusted_proxies = vec!["10.0.0.1".parse().unwrap()];
    })
    .await;
    let refresh = |forwarded| {
        let headers = [("x-forwarded-for", forwarded)];
        let body = json!({"refreshToken": "x"});
        from("10.0.0.1:1", request(Method::POST, "/auth/refresh", None, Some(body), &headers))
    };
    world.raw(0, refresh("1.1.1.1")).await.refused(401, "unauthenticated");
    world.raw(0, refresh("2.2.2.2")).await.refused(401, "unauthenticated");
    // What stands before the proxy's own entry is the client's invention.
    world.raw(0, refresh("3.3.3.3, 1.1.1.1")).await.refused(429, "rate_limited");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_at_one_account_are_limited_by_network_and_lock_nobody_else_out() {
    let world = World::with(|config| {
        config.limits.account = Rate { burst: 2, per_minute: 1 };
    })
    .await;
    world.call(Method::POST, "/auth/register", None, Some(form("victim"))).await.ok(201);
    let login = |address: String, name: &str, password: &str| {
        let body = json!({"identifier": name, "password": password});
        from(&address, request(Method::POST, "/auth/login", None, Some(body), &[]))
    };
    let guess = |address: String, name: &str| login(address, name, "a guess or another");
    for n in 1..=2 {
        let answer = world.raw(0, guess(format!("10.0.0.{n}:1"), "Victim")).await;
        answer.refused(401, "invalid_credentials");
    }
    let refused = world.raw(1, guess("10.0.0.3:1".into(), "vICTIM")).await;
    refused.refused(429, "rate_limited");
    let other = world.raw(1, guess("10.0.0.3:1".into(), "someone")).await;
    other.refused(401, "invalid_credentials");

    // From everywhere together ten times as many, and then nothing is told but that it is too much.
    for n in 1..=9 {
        for _ in 0..2 {
            let answer = world.raw(0, guess(format!("10.0.{n}.1:1"), "victim")).await;
            answer.refused(401, "invalid_credentials");
        }
    }
    let refused = world.raw(0, guess("10.1.0.1:1".into(), "victim")).await;
    refused.refused(429, "rate_limited");
    assert!(refused.headers.contains_key("retry-after"));
    world.raw(0, login("10.1.0.1:1".into(), "victim", PASSWORD)).await.ok(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sending_is_limited_by_user_over_posts_and_sockets() {
    use platform::inbound::Inbound;

    let world = World::with(|config| {
        config.limits.messages = Rate { burst: 3, per_minute: 60 };
    })
    .await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let id = world.direct(&alice, &bob).await;
    world.send(&alice, &id, "1").await.ok(201);
    world.send(&alice, &id, "2").await.ok(201);
    let node = &world.nodes[1];
    let who = node.authenticate(&alice.token).unwrap();
    let data = json!({"conversationId": id, "content": "3"}).to_string();
    let data = serde_json::value::RawValue::from_string(data).unwrap();
    node.accept(&who, "message.send", Some(&data)).await.unwrap().await.unwrap();
    let refused = node.accept(&who, "message.send", Some(&data)).await.err().unwrap();
    assert_eq!(refused.code, schemas::Code::RateLimited);
    assert!(refused.retry_after_ms.is_some());
    world.send(&alice, &id, "4").await.refused(429, "rate_limited");
    world.send(&bob, &id, "1").await.ok(201);
}
