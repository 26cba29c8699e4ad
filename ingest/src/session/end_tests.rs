use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body as Bytes;
use futures_util::FutureExt;
use http::{Request, Response};
use http_body_util::BodyExt;
use platform::memory::{Fault, Operation};
use schemas::UserId;
use tower::ServiceExt;
use uuid::Uuid;

use super::*;
use crate::testing::{World, world};

const SESSION: SessionId = SessionId(Uuid::from_u128(7));

/// A session as it is stored, ended or not.
async fn session(world: &World, ended_at: Option<i64>) {
    let now = world.ingest.now();
    let row = Session {
        session: SESSION,
        user: UserId(Uuid::from_u128(8)),
        generation: 3,
        rotated_at: now.plus_ms(-60_000),
        created_at: now.plus_ms(-60_000),
        expires_at: now.plus_ms(limits::SESSION_MS),
        ended_at,
        user_agent: None,
    };
    world.ingest.platform.store.claim(Write::insert(&row, Stamp(0))).await.unwrap();
}

fn with_token(world: &World, path: &str, generation: i64) -> Request<Bytes> {
    let token = world.ingest.keys.refresh_token(SESSION, generation);
    let body = serde_json::json!({"refreshToken": token}).to_string();
    Request::post(format!("/api/v1/auth/{path}")).body(Bytes::from(body)).unwrap()
}

async fn code(response: Response<Bytes>) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    body["code"].as_str().unwrap_or("none").to_owned()
}

async fn ask(world: &World, request: Request<Bytes>) -> String {
    code(world.ingest.router().oneshot(request).await.unwrap()).await
}

/// Every step is done.
async fn has_ended(world: &World) {
    assert!(world.ingest.node.is_revoked(SESSION), "this node knows");
    let rows = world.ingest.platform.store.dump(Revocation::DEF, None, 10).await.unwrap();
    assert_eq!(rows.len(), 1, "nodes that start later will know");
    assert!(!world.log.records(&topic::OUTBOUND).is_empty(), "the others are told");
}

#[tokio::test(start_paused = true)]
async fn an_end_that_broke_off_is_completed_by_the_next_refresh() {
    let world = world().await;
    session(&world, Some(world.ingest.now().0)).await;
    assert!(!world.ingest.node.is_revoked(SESSION));
    assert_eq!(ask(&world, with_token(&world, "refresh", 3)).await, "session_ended");
    has_ended(&world).await;
}

#[tokio::test(start_paused = true)]
async fn an_end_of_long_ago_costs_nothing_more() {
    let world = world().await;
    session(&world, Some(world.ingest.now().0 - limits::ACCESS_TOKEN_MS - MARGIN_MS)).await;
    assert_eq!(ask(&world, with_token(&world, "refresh", 3)).await, "session_ended");
    assert!(world.log.records(&topic::OUTBOUND).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_does_not_stop_an_end_half_way() {
    for (path, generation) in [("logout", 3), ("refresh", 1)] {
        let world = world().await;
        session(&world, None).await;
        world.store_faults.on(|operation| match operation {
            Operation::Direct => Fault::Delay(Duration::from_millis(50)),
            _ => Fault::None,
        });
        let request = with_token(&world, path, generation);
        let mut answer = Box::pin(world.ingest.router().oneshot(request));
        assert!(answer.as_mut().now_or_never().is_none());
        // The row is written, its answer is on the way.
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert!(answer.as_mut().now_or_never().is_none());
        drop(answer);
        tokio::time::sleep(Duration::from_millis(500)).await;
        has_ended(&world).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_after_the_first_step_is_an_unknown_outcome_and_a_retry_completes_it() {
    let world = world().await;
    session(&world, None).await;
    let writes = Arc::new(AtomicUsize::new(0));
    world.store_faults.on(move |operation| match operation {
        Operation::Direct if writes.fetch_add(1, Ordering::Relaxed) > 0 => Fault::Refuse,
        _ => Fault::None,
    });
    let unknown = Code::OutcomeUnknown.text();
    assert_eq!(ask(&world, with_token(&world, "logout", 3)).await, unknown);
    world.store_faults.clear();
    world.log_faults.on(|operation| match operation {
        Operation::Append => Fault::Refuse,
        _ => Fault::None,
    });
    assert_eq!(ask(&world, with_token(&world, "logout", 3)).await, unknown);
    world.log_faults.clear();
    assert_eq!(ask(&world, with_token(&world, "logout", 3)).await, "none");
    has_ended(&world).await;
}

#[tokio::test(start_paused = true)]
async fn a_first_step_whose_answer_is_lost_is_an_unknown_outcome() {
    let world = world().await;
    session(&world, None).await;
    world.store_faults.on(|operation| match operation {
        Operation::Direct => Fault::LoseAnswer,
        _ => Fault::None,
    });
    let answer = ask(&world, with_token(&world, "logout", 3)).await;
    assert_eq!(answer, Code::OutcomeUnknown.text());
}
