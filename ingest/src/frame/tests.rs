use axum::body::Body;
use axum::routing::get;
use http::Request as Http;
use http_body_util::BodyExt;
use platform::memory::Fault;
use tower::ServiceExt;

use super::*;
use crate::testing::world;

async fn call(router: Router, path: &str) -> (http::StatusCode, HeaderMap, serde_json::Value) {
    let request = Http::builder().uri(path).body(Body::empty()).unwrap();
    let (parts, body) = router.oneshot(request).await.unwrap().into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    (parts.status, parts.headers, serde_json::from_slice(&bytes).unwrap())
}

#[tokio::test]
async fn a_panic_is_a_500_with_an_id_and_without_a_reason() {
    let world = world().await;
    let boom = get(|| async { panic!("the secret of the house") as Response });
    let inside = Router::new().route("/boom", boom);
    let frame = Frame::new(world.ingest.clone(), inside);
    let (status, headers, body) = call(Router::new().fallback_service(frame), "/boom?a=b").await;
    assert_eq!(status, 500);
    assert_eq!(body["code"], "internal");
    assert_eq!(body["path"], "/boom");
    assert_eq!(body["message"]["error"], "Internal Server Error");
    assert_eq!(headers[REQUEST_ID], body["requestId"].as_str().unwrap());
    assert!(!body.to_string().contains("secret"));
    let metrics = String::from_utf8(world.ingest.platform.metrics.render()).unwrap();
    assert!(metrics.contains("parlance_http_requests_total{status=\"5xx\"} 1"), "{metrics}");
}

#[tokio::test]
async fn a_store_that_is_away_is_a_503_without_a_reason() {
    let world = world().await;
    world.store_faults.on(|_| Fault::Refuse);
    let (status, headers, body) = call(world.ingest.router(), "/readyz").await;
    assert_eq!(status, 503);
    assert_eq!(body["code"], "overloaded");
    assert_eq!(headers[http::header::RETRY_AFTER], "1");
    let (status, ..) = call(world.ingest.router(), "/healthz").await;
    assert_eq!(status, 200);
}
