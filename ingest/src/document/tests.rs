//! The published document is what the code says, and the code is what the router does.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use axum::body::Body;
use http::{Method, Request, StatusCode};
use platform::inbound::{Identity, Inbound};
use schemas::{Code, SessionId, Timestamp, UserId};
use tower::ServiceExt;
use uuid::Uuid;

use super::*;
use crate::state::Ingest;
use crate::testing::world;

/// Requests of sockets that delivery answers itself.
const OF_DELIVERY: [&str; 7] = [
    "auth",
    "ping",
    "sync",
    "activity",
    "presence.update",
    "presence.subscribe",
    "presence.unsubscribe",
];

/// Compares a published document with what it should be. `DOCUMENTS=write` writes it.
fn published(name: &str, document: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schemas/json").join(name);
    let text = format!("{}\n", serde_json::to_string_pretty(document).unwrap());
    if std::env::var("DOCUMENTS").is_ok_and(|value| value == "write") {
        std::fs::write(&path, &text).unwrap();
    }
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        known == text,
        "{name} drifted: DOCUMENTS=write cargo test -p parlance-ingest document"
    );
}

#[test]
fn openapi_is_published_as_the_code_is() {
    published("openapi.json", &openapi());
}

#[test]
fn no_two_types_have_one_name() {
    let document = openapi();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    // The generator tells namesakes apart by a number, in the order in which it meets them.
    let numbered: Vec<_> =
        schemas.keys().filter(|name| name.ends_with(|c: char| c.is_ascii_digit())).collect();
    assert!(numbered.is_empty(), "#[schemars(rename)] one of each: {numbered:?}");
}

#[test]
fn no_two_operations_have_one_id() {
    let mut seen = BTreeSet::new();
    for (_, methods) in openapi()["paths"].as_object().unwrap() {
        for operation in methods.as_object().unwrap().values() {
            let id = operation["operationId"].as_str().unwrap().to_owned();
            assert!(seen.insert(id.clone()), "{id}");
        }
    }
}

/// Paths of the router as it prints itself: nothing else lists them. Those of the documentation and of
/// the page are files, and no part of what is documented.
fn paths(printed: &str) -> BTreeSet<String> {
    let strings = printed.split('"').skip(1).step_by(2);
    strings
        .filter(|text| text.starts_with('/') && !text.starts_with("/api/docs"))
        .filter(|text| !["/chat/", "/client/", "/config.json"].iter().any(|p| text.starts_with(p)))
        // Where the router keeps its own fallback.
        .filter(|text| *text != "/" && !text.starts_with("/{*__private"))
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn every_route_is_described_and_everything_described_is_a_route() {
    let mut described: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for operation in operations() {
        for (method, path) in operation.routes() {
            described.entry(path.to_owned()).or_default().insert(method.to_string());
        }
    }
    let world = world().await;
    let routes = paths(&format!("{:?}", Ingest::routes()));
    let known: BTreeSet<String> = described.keys().cloned().collect();
    assert_eq!(routes, known, "left: routes; right: described in <noun>/document.rs");

    for (path, methods) in described {
        let uri = path.replace(['{', '}'], "");
        let request = Request::builder().method(Method::TRACE).uri(&uri).body(Body::empty());
        let response = world.ingest.router().oneshot(request.unwrap()).await.unwrap();
        assert_eq!(response.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        let allowed = response.headers()["allow"].to_str().unwrap().split(',');
        let allowed: BTreeSet<_> =
            allowed.filter(|method| *method != "HEAD").map(str::to_owned).collect();
        assert_eq!(allowed, methods, "{path}: left: routes; right: described");
    }
}

#[tokio::test]
async fn every_request_of_a_socket_that_is_described_is_served() {
    let world = world().await;
    let id = Uuid::from_u128(1);
    let who =
        Identity { user: UserId(id), session: SessionId(id), expires_at: Timestamp(i64::MAX) };
    let document = schemas::document::socket();
    let mut served = 0;
    for (kind, operation) in document["operations"].as_object().unwrap() {
        if operation["action"] != "receive" || OF_DELIVERY.contains(&kind.as_str()) {
            continue;
        }
        // Without data: refused, but not as a stranger.
        let refused = world.ingest.accept(&who, kind, None).await.err().map(|error| error.code);
        assert_eq!(refused, Some(Code::ValidationFailed), "{kind}");
        served += 1;
    }
    assert!(served > 7);
    let other = world.ingest.accept(&who, "message.forget", None).await.err();
    assert_eq!(other.map(|error| error.code), Some(Code::Unsupported));
}
