//! Refusals as the reference gives them, and what pages of other origins may read.

use axum::body::Body;
use axum::response::Response;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, ORIGIN, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderValue, StatusCode};

/// Why a request is refused; numbers and texts are the reference's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    UnknownTransport,
    UnknownSid,
    BadMethod,
    BadRequest,
    Forbidden,
    UnsupportedVersion,
}

impl Refusal {
    const fn row(self) -> (StatusCode, &'static str) {
        match self {
            Self::UnknownTransport => {
                (StatusCode::BAD_REQUEST, r#"{"code":0,"message":"Transport unknown"}"#)
            }
            Self::UnknownSid => {
                (StatusCode::BAD_REQUEST, r#"{"code":1,"message":"Session ID unknown"}"#)
            }
            Self::BadMethod => {
                (StatusCode::BAD_REQUEST, r#"{"code":2,"message":"Bad handshake method"}"#)
            }
            Self::BadRequest => (StatusCode::BAD_REQUEST, r#"{"code":3,"message":"Bad request"}"#),
            Self::Forbidden => (StatusCode::FORBIDDEN, r#"{"code":4,"message":"Forbidden"}"#),
            Self::UnsupportedVersion => {
                (StatusCode::BAD_REQUEST, r#"{"code":5,"message":"Unsupported protocol version"}"#)
            }
        }
    }

    /// The answer.
    pub(crate) fn response(self) -> Response {
        let (status, body) = self.row();
        answer(status, "application/json", body)
    }
}

/// An answer that nobody keeps.
pub(super) fn answer(status: StatusCode, kind: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Which pages may read the answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cors {
    /// Those of any origin, without credentials.
    Anyone,
    /// Those of the origin that asks.
    Allowed,
    /// Not those.
    Refused,
}

/// What a browser asks before it sends the real request.
pub(super) fn preflight(headers: &HeaderMap) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let out = response.headers_mut();
    out.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
    let wanted = headers.get(ACCESS_CONTROL_REQUEST_HEADERS).cloned();
    let wanted = wanted.unwrap_or(HeaderValue::from_static("content-type, authorization"));
    out.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted);
    out.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    out.append(VARY, HeaderValue::from_name(ACCESS_CONTROL_REQUEST_HEADERS));
    response
}

/// Says who may read an answer.
pub(super) fn permit(cors: Cors, asked: &HeaderMap, out: &mut HeaderMap) {
    if cors != Cors::Anyone {
        // Also without an origin: a cache must not give one origin's answer to another.
        out.append(VARY, HeaderValue::from_name(HeaderName::from_static("origin")));
    }
    let Some(origin) = asked.get(ORIGIN) else { return };
    match cors {
        Cors::Anyone => {
            out.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        }
        Cors::Allowed => {
            out.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            out.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
        Cors::Refused => {}
    }
}
