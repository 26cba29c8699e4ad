//! Failures of handlers, and their one form towards clients.
//!
//! A handler says what went wrong; path, method and request id are known to the frame, which writes
//! the body. What is meant for operators (`cause`) is logged there with the request id and never
//! sent.

use std::future::ready;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Method, StatusCode};
use platform::port::ephemeral::Unavailable;
use platform::port::store;
use schemas::{ApiError, Code, Timestamp};
use serde::Serialize;

use crate::publish::{Done, unknown};
use crate::state::State;

/// Wait that a refusal for lack of room asks for.
pub(crate) const OVERLOAD_RETRY_MS: u64 = 1_000;

/// Why a request failed.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    /// For the client.
    pub(crate) api: ApiError,
    /// For the log.
    pub(crate) cause: Option<String>,
}

impl Failure {
    pub(crate) fn new(code: Code, message: &'static str) -> Self {
        ApiError::new(code, message).into()
    }

    /// A defect: the client learns no more than that.
    pub(crate) fn internal(cause: impl Into<String>) -> Self {
        let api = ApiError::new(Code::Internal, "internal server error");
        Self { api, cause: Some(cause.into()) }
    }

    /// Something the server needs does not answer; nothing was done.
    pub(crate) fn overloaded(cause: impl Into<String>) -> Self {
        let api = ApiError::new(Code::Overloaded, "the server is busy: try again")
            .retry_after(OVERLOAD_RETRY_MS);
        Self { api, cause: Some(cause.into()) }
    }

    /// What is left of it where there is no frame; the cause goes to the log.
    pub(crate) fn into_api(self, ingest: &State) -> ApiError {
        if let Some(cause) = &self.cause
            && let Some(untold) = self.turn(ingest)
        {
            tracing::warn!(code = self.api.code.text(), cause, untold, "a request failed");
        }
        self.api
    }

    /// Whether the log is to hear of it; how many like it the log did not. What may be tried again
    /// comes in thousands, while an engine is away.
    pub(crate) fn turn(&self, ingest: &State) -> Option<u64> {
        if !self.api.code.retryable() {
            return Some(0);
        }
        ingest.complaints.turn(ingest.platform.clock.monotonic_ms())
    }
}

/// The rest of a request that has had an effect: that something does not answer now, or that the caller
/// has lost since what he would be shown, is no refusal any more (G-03). Whatever may fail behind the
/// first effect belongs in here. A defect stays one: it says nothing of what was done.
pub(crate) async fn after_effect<T>(
    rest: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    rest.await.map_err(|Failure { api, cause }| match api.code {
        Code::Internal | Code::OutcomeUnknown => Failure { api, cause },
        _ => unknown(cause.unwrap_or_else(|| api.message.into_owned())),
    })
}

/// The same behind a command that an earlier request may have carried out, where a repetition is let in
/// whoever asks: to who sees nothing of it any more it is not there, else he would ask for ever.
pub(crate) async fn after_command<T>(
    done: &Done,
    rest: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let rest = rest.await;
    match (done, &rest) {
        (Done::Before(_), Err(failure)) if failure.api.code == Code::NotFound => rest,
        _ => after_effect(ready(rest)).await,
    }
}

impl From<ApiError> for Failure {
    fn from(api: ApiError) -> Self {
        Self { api, cause: None }
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        if error.retryable() {
            Self::overloaded(error.to_string())
        } else {
            Self::internal(error.to_string())
        }
    }
}

impl From<Unavailable> for Failure {
    fn from(error: Unavailable) -> Self {
        Self::overloaded(error.to_string())
    }
}

impl From<schemas::table::Decode> for Failure {
    fn from(error: schemas::table::Decode) -> Self {
        Self::internal(error.to_string())
    }
}

impl IntoResponse for Failure {
    /// Without a body: the frame finds the failure in the extensions and writes it.
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status_of(self.api.code);
        response.extensions_mut().insert(self);
        response
    }
}

pub(crate) fn status_of(code: Code) -> StatusCode {
    StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// What an error body says about its request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About<'a> {
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) request_id: &'a str,
    pub(crate) now: Timestamp,
}

/// Every answer that is not a success.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "Error"))]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Wire<'a> {
    status_code: u16,
    timestamp: Timestamp,
    path: &'a str,
    method: &'a str,
    message: Message<'a>,
    code: Code,
    request_id: &'a str,
}

/// For people.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ErrorMessage"))]
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Message<'a> {
    #[serde(rename = "message")]
    text: Text<'a>,
    error: &'a str,
    status_code: u16,
}

/// One line for most errors, a list for validation errors.
#[cfg_attr(test, derive(schemars::JsonSchema), schemars(rename = "ErrorText"))]
#[derive(Serialize)]
#[serde(untagged)]
enum Text<'a> {
    One(&'a str),
    Many(&'a [String]),
}

/// The body and the headers that an error has of its own.
pub(crate) fn render(error: &ApiError, about: About<'_>) -> Response {
    let status = status_of(error.code);
    let text = match error.details.as_slice() {
        [] => Text::One(&error.message),
        many => Text::Many(many),
    };
    let reason = status.canonical_reason().unwrap_or("Error");
    let wire = Wire {
        status_code: status.as_u16(),
        timestamp: about.now,
        path: about.path,
        method: about.method.as_str(),
        message: Message { text, error: reason, status_code: status.as_u16() },
        code: error.code,
        request_id: about.request_id,
    };
    let body = serde_json::to_vec(&wire).expect("plain structs of strings and numbers serialise");
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(ms) = error.retry_after_ms {
        headers.insert(RETRY_AFTER, HeaderValue::from(ms.div_ceil(1_000).max(1)));
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    async fn body(error: &ApiError) -> (Response<()>, serde_json::Value) {
        let about = About {
            method: &Method::POST,
            path: "/api/v1/\"x\"",
            request_id: "r-1",
            now: Timestamp(0),
        };
        let (parts, body) = render(error, about).into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        (Response::from_parts(parts, ()), serde_json::from_slice(&bytes).unwrap())
    }

    #[tokio::test]
    async fn every_code_has_the_same_shape() {
        for code in Code::ALL {
            let (head, body) = body(&ApiError::new(*code, "why")).await;
            assert_eq!(head.status().as_u16(), code.status());
            let expected = serde_json::json!({
                "statusCode": code.status(),
                "timestamp": "1970-01-01T00:00:00.000Z",
                "path": "/api/v1/\"x\"",
                "method": "POST",
                "message": {
                    "message": "why",
                    "error": head.status().canonical_reason().unwrap(),
                    "statusCode": code.status(),
                },
                "code": code.text(),
                "requestId": "r-1",
            });
            assert_eq!(body, expected);
        }
    }

    #[tokio::test]
    async fn behind_an_effect_nothing_is_a_refusal() {
        for code in Code::ALL.iter().copied() {
            let rest = || ready(Err::<(), _>(Failure::new(code, "why")));
            let said = after_effect(rest()).await.unwrap_err().api.code;
            let stays = if code == Code::Internal { code } else { Code::OutcomeUnknown };
            assert_eq!(said, stays, "{code:?}");
            let now = after_command(&Done::Now(bytes::Bytes::new()), rest()).await;
            assert_eq!(now.unwrap_err().api.code, stays, "{code:?}");
        }
    }

    #[tokio::test]
    async fn mistakes_are_listed_and_waits_are_whole_seconds() {
        let (_, invalid) = body(&ApiError::invalid(vec!["a".into(), "b".into()])).await;
        assert_eq!(invalid["message"]["message"], serde_json::json!(["a", "b"]));
        let (head, _) = body(&ApiError::new(Code::RateLimited, "slow").retry_after(1_001)).await;
        assert_eq!(head.headers()[RETRY_AFTER], "2");
        let (head, _) = body(&ApiError::new(Code::Unauthenticated, "who")).await;
        assert_eq!(head.headers()[WWW_AUTHENTICATE], "Bearer");
    }
}
