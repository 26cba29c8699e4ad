use std::time::Duration;

use axum::body::Body;
use http::Request;
use http_body_util::BodyExt;
use platform::memory::{Fault, Operation};
use schemas::table::{Batch, Table, Write};
use schemas::user::table::{Claim, UserHead};
use schemas::{SessionId, Stamp, limits};
use tower::ServiceExt;
use uuid::Uuid;

use crate::testing::world;

use super::*;

#[tokio::test(start_paused = true)]
async fn a_number_whose_claim_has_run_out_is_not_asked_for() {
    let world = world().await;
    let user = UserId(Uuid::from_u128(8));
    let row = Write::insert(&UserHead::of(user, &crate::user::tests::head()), Stamp(1));
    let store = &world.ingest.platform.store;
    store.write(Batch { fence: None, writes: vec![row] }).await.unwrap();
    world.store_faults.on(|operation| match operation {
        Operation::Direct => Fault::Delay(Duration::from_secs(1)),
        _ => Fault::None,
    });
    let token = world.ingest.keys.access_token(user, SessionId(Uuid::nil()), world.ingest.now());
    let request = Request::put("/api/v1/users/me")
        .header("authorization", format!("Bearer {token}"))
        .body(Body::from(r#"{"firstName": "Al", "phone": "+49 30 123456"}"#))
        .unwrap();
    let stand_still = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        world.clock.advance_ms(limits::CLAIM_PENDING_MS / 2);
    };
    let (answer, ()) = tokio::join!(world.ingest.router().oneshot(request), stand_still);
    let body = answer.unwrap().into_body().collect().await.unwrap().to_bytes();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["code"], "overloaded", "{body}");
    assert!(world.log.records(&topic::USERS).is_empty(), "nothing of it was done");
    let claims = store.dump(Claim::DEF, None, 10).await.unwrap();
    let claim = Claim::from_cells(claims[0].cells.clone()).unwrap();
    assert!(claim.deadline <= world.ingest.now(), "others need not wait for it");
}
