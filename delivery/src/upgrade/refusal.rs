//! Refusals of the upgrade: in shape, headers and metrics they are answers of the REST routes, beside
//! which `/ws` stands.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{
    ALLOW, CACHE_CONTROL, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS,
};
use http::request::Parts;
use http::{HeaderValue, StatusCode};
use platform::port::clock::uuid_v7;
use schemas::{ApiError, Code};

use crate::Delivery;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const REQUEST_ID_MAX: usize = 64;

/// Why no socket is opened.
pub(super) fn refused(delivery: &Delivery, parts: &Parts, error: &ApiError) -> Response {
    let status =
        StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let (method, path, code) = (parts.method.as_str(), parts.uri.path(), error.code.text());
    let id = request_id(delivery, parts);
    tracing::debug!(request_id = id, method, path, code, "a socket was refused");
    let body = serde_json::json!({
        "statusCode": status.as_u16(),
        "timestamp": delivery.clock.now(),
        "path": path,
        "method": method,
        "message": {
            "message": error.message,
            "error": status.canonical_reason().unwrap_or("Error"),
            "statusCode": status.as_u16(),
        },
        "code": error.code,
        "requestId": id,
    });
    let mut response = (status, Json(body)).into_response();
    let headers = response.headers_mut();
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(id) = HeaderValue::try_from(id) {
        headers.insert(REQUEST_ID, id);
    }
    if let Some(ms) = error.retry_after_ms {
        headers.insert(RETRY_AFTER, HeaderValue::from(ms.div_ceil(1_000).max(1)));
    }
    if error.code == Code::MethodNotAllowed {
        headers.insert(ALLOW, HeaderValue::from_static("GET"));
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    let class = if status.is_server_error() { "5xx" } else { "4xx" };
    delivery.metrics.http_requests.with_label_values(&[class]).inc();
    if error.code == Code::RateLimited {
        delivery.metrics.rate_limited.with_label_values(&["sockets"]).inc();
    }
    response
}

/// The client's own id if it is harmless in a log, else one of ours.
fn request_id(delivery: &Delivery, parts: &Parts) -> String {
    let sane = |id: &&str| {
        (1..=REQUEST_ID_MAX).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.:".contains(&b))
    };
    let given = parts.headers.get(REQUEST_ID).and_then(|id| id.to_str().ok()).filter(sane);
    given.map_or_else(|| uuid_v7(&*delivery.clock).to_string(), str::to_owned)
}
