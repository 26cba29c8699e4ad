//! Refresh and logout.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};

use crate::world::{Answer, User, World};

async fn refresh(world: &World, node: usize, token: &str) -> Answer {
    let body = json!({"refreshToken": token});
    world.call_at(node, Method::POST, "/auth/refresh", None, Some(body)).await
}

fn tokens(user: &User, answer: &Answer) -> User {
    let data = answer.ok(200);
    User {
        token: data["accessToken"].as_str().unwrap().to_owned(),
        refresh: data["refreshToken"].as_str().unwrap().to_owned(),
        ..user.clone()
    }
}

/// Waits until a node refuses a token, at most a second (GUARANTEES: everywhere within 1 s).
pub(crate) async fn dies(world: &World, node: usize, user: &User) -> Answer {
    // A look counts as so much at most: a stall of this process costs one.
    const LOOK: Duration = Duration::from_millis(20);
    let mut waited = Duration::ZERO;
    loop {
        let start = Instant::now();
        let answer = world.call_at(node, Method::GET, "/users/me", Some(user), None).await;
        if answer.status != 200 || waited > Duration::from_secs(1) {
            return answer;
        }
        tokio::task::yield_now().await;
        waited += start.elapsed().min(LOOK);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refresh_rotates_and_the_session_goes_on() {
    let world = World::new().await;
    let mut user = world.user("alice").await;
    for _ in 0..3 {
        world.clock.advance_ms(60_000);
        let next = tokens(&user, &refresh(&world, 0, &user.refresh).await);
        assert_ne!(next.refresh, user.refresh);
        assert_ne!(next.token, user.token);
        world.get("/users/me", &next).await.ok(200);
        user = next;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_access_token_ends_after_its_quarter_of_an_hour_and_is_refreshed() {
    let world = World::new().await;
    let user = world.user("bob").await;
    world.clock.advance_ms(899_000);
    world.get("/users/me", &user).await.ok(200);
    world.clock.advance_ms(1_000);
    let late = world.get("/users/me", &user).await;
    late.refused(401, "token_expired");
    assert_eq!(late.headers["www-authenticate"], "Bearer");
    let next = tokens(&user, &refresh(&world, 1, &user.refresh).await);
    world.get("/users/me", &next).await.ok(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_rotated_a_moment_ago_gives_the_same_successor() {
    let world = World::new().await;
    let user = world.user("carol").await;
    let first = tokens(&user, &refresh(&world, 0, &user.refresh).await);
    world.clock.advance_ms(10_000);
    let again = tokens(&user, &refresh(&world, 1, &user.refresh).await);
    assert_eq!(again.refresh, first.refresh);
    let next = tokens(&user, &refresh(&world, 0, &first.refresh).await);
    world.get("/users/me", &next).await.ok(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_token_ends_the_family_everywhere() {
    let world = World::new().await;
    let user = world.user("dave").await;
    let bystander = world.login("dave").await;
    let thief = tokens(&user, &refresh(&world, 0, &user.refresh).await);
    world.clock.advance_ms(10_001);
    refresh(&world, 1, &user.refresh).await.refused(401, "session_ended");
    for node in 0..2 {
        dies(&world, node, &thief).await.refused(401, "session_ended");
        refresh(&world, node, &thief.refresh).await.refused(401, "session_ended");
    }
    world.get("/users/me", &bystander).await.ok(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_used_after_its_successor_was_used_ends_the_family() {
    let world = World::new().await;
    let user = world.user("erin").await;
    let second = tokens(&user, &refresh(&world, 0, &user.refresh).await);
    let third = tokens(&user, &refresh(&world, 0, &second.refresh).await);
    refresh(&world, 0, &user.refresh).await.refused(401, "session_ended");
    refresh(&world, 0, &third.refresh).await.refused(401, "session_ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_refreshes_are_one_family_and_the_user_stays_in() {
    let world = World::new().await;
    let user = world.user("frank").await;
    let tries = (0..8).map(|n| refresh(&world, n % 2, &user.refresh));
    let answers = futures_util::future::join_all(tries).await;
    let mut refreshes: Vec<_> =
        answers.iter().map(|answer| tokens(&user, answer).refresh).collect();
    refreshes.dedup();
    assert_eq!(refreshes.len(), 1);
    let next = tokens(&user, &refresh(&world, 0, &refreshes[0]).await);
    world.get("/users/me", &next).await.ok(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logout_ends_tokens_at_once_here_and_soon_elsewhere() {
    let world = World::new().await;
    let user = world.user("grace").await;
    // Both nodes have verified and remembered the token.
    for node in 0..2 {
        world.call_at(node, Method::GET, "/users/me", Some(&user), None).await.ok(200);
    }
    let body = json!({"refreshToken": user.refresh});
    world.call(Method::POST, "/auth/logout", None, Some(body)).await.ok(200);
    let here = world.get("/users/me", &user).await;
    here.refused(401, "session_ended");
    dies(&world, 1, &user).await.refused(401, "session_ended");
    refresh(&world, 1, &user.refresh).await.refused(401, "session_ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logout_by_the_bearer_and_with_nothing_known() {
    let world = World::new().await;
    let user = world.user("heidi").await;
    let logout = async |user: Option<&User>, body| {
        world.call(Method::POST, "/auth/logout", user, body).await
    };
    logout(None, Some(json!({"refreshToken": "unknown"}))).await.ok(200);
    let forged = User { token: "x".into(), ..user.clone() };
    for body in [None, Some(json!({})), Some(json!({"refreshToken": null}))] {
        logout(None, body.clone()).await.refused(401, "unauthenticated");
        logout(Some(&forged), body).await.refused(401, "unauthenticated");
    }
    world.get("/users/me", &user).await.ok(200);
    logout(Some(&user), None).await.ok(200);
    world.get("/users/me", &user).await.refused(401, "session_ended");
    logout(Some(&user), None).await.ok(200);
    world.clock.advance_ms(900_000);
    logout(Some(&user), None).await.refused(401, "token_expired");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_starts_later_knows_who_has_logged_out() {
    let world = World::new().await;
    let user = world.user("ivan").await;
    world.call(Method::POST, "/auth/logout", Some(&user), None).await.ok(200);
    let late = world.another_node().await;
    late.refused_token(&user);
    // And a sweep forgets only what has expired anyway.
    world.nodes[0].sweep().await.unwrap();
    world.get("/users/me", &user).await.refused(401, "session_ended");
    world.clock.advance_ms(900_000 + 300_001);
    world.nodes[0].sweep().await.unwrap();
    world.get("/users/me", &user).await.refused(401, "token_expired");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refresh_tokens_that_are_not_ours_are_refused() {
    let world = World::new().await;
    let user = world.user("judy").await;
    let mut forged = user.refresh.clone();
    forged.replace_range(40..41, if &forged[40..41] == "A" { "B" } else { "A" });
    for token in ["", "x", &forged, &user.token] {
        refresh(&world, 0, token).await.refused(401, "unauthenticated");
    }
    let missing = world.call(Method::POST, "/auth/refresh", None, Some(json!({}))).await;
    missing.refused(400, "validation_failed");
    refresh(&world, 0, &user.refresh).await.ok(200);
    let stored = world.dump_sessions().await;
    assert!(!stored.contains(&user.refresh), "nothing readable is kept");
    assert_ne!(stored, Value::Null.to_string());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_unused_for_a_week_is_over() {
    let world = World::new().await;
    let user = world.user("karl").await;
    world.clock.advance_ms(7 * 24 * 3_600_000);
    refresh(&world, 0, &user.refresh).await.refused(401, "session_ended");
}
