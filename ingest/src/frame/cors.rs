//! CORS: which origins a browser may call from.
//!
//! Without a list: loopback origins, so that a page in development reaches a local server; the
//! server's own origin needs no permission. An origin that is not allowed gets no headers, and the
//! browser refuses the page; the request itself is not refused, as only browsers send the header.

use axum::body::Body;
use axum::response::Response;
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderValue, ORIGIN, VARY,
};
use http::{StatusCode, Uri};

const METHODS: &str = "GET, POST, PUT, PATCH, DELETE, OPTIONS";
const HEADERS: &str = "Content-Type, Authorization, Idempotency-Key, X-Request-Id";
const EXPOSED: &str = "X-Request-Id, Retry-After, RateLimit, RateLimit-Policy, X-RateLimit-Limit, \
                       X-RateLimit-Remaining, X-RateLimit-Reset, X-Next-Cursor";

/// Which origins are allowed.
#[derive(Debug)]
pub(super) enum Policy {
    /// Every origin, without credentials.
    Any,
    /// These.
    List(Vec<String>),
    /// Those of this machine.
    Loopback,
}

/// A request's origin, if it is allowed.
pub(super) struct Allowed(Option<HeaderValue>);

impl Policy {
    pub(super) fn new(origins: &[String]) -> Self {
        if origins.iter().any(|origin| origin == "*") {
            return Self::Any;
        }
        if origins.is_empty() {
            return Self::Loopback;
        }
        let plain = |origin: &String| origin.trim_end_matches('/').to_ascii_lowercase();
        Self::List(origins.iter().map(plain).collect())
    }

    fn allows(&self, origin: &str) -> bool {
        match self {
            Self::Any => true,
            Self::List(list) => list.iter().any(|known| known.eq_ignore_ascii_case(origin)),
            Self::Loopback => origin
                .parse::<Uri>()
                .ok()
                .is_some_and(|uri| matches!(uri.host(), Some("localhost" | "127.0.0.1" | "[::1]"))),
        }
    }

    /// The origin of a request, if it may read the answer.
    pub(super) fn origin(&self, headers: &HeaderMap) -> Allowed {
        let origin = headers.get(ORIGIN);
        Allowed(origin.filter(|o| o.to_str().is_ok_and(|o| self.allows(o))).cloned())
    }

    pub(super) fn write(&self, origin: Allowed, headers: &mut HeaderMap) {
        if !matches!(self, Self::Any) {
            // Also without an origin: a cache must not give one origin's answer to another.
            headers.append(VARY, HeaderValue::from_static("Origin"));
        }
        let Allowed(Some(origin)) = origin else { return };
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        if matches!(self, Self::Any) {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        } else {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
    }
}

/// Whether a browser asks before it sends the real request.
pub(super) fn is_preflight(headers: &HeaderMap) -> bool {
    headers.contains_key(ORIGIN) && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// What may be sent; whether this origin may is said by [`Policy::write`].
pub(super) fn preflight() -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(METHODS));
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(HEADERS));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(origins: &[&str]) -> Policy {
        Policy::new(&origins.iter().map(|o| (*o).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn without_a_list_only_this_machine_is_allowed() {
        let policy = list(&[]);
        for good in [
            "http://localhost:5173",
            "https://localhost",
            "http://127.0.0.1:3000",
            "http://[::1]:80",
        ] {
            assert!(policy.allows(good), "{good}");
        }
        for bad in [
            "https://evil.example",
            "http://localhost.evil.example",
            "null",
            "",
            "http://127.0.0.1.evil.example",
            "http://evil.example/localhost",
        ] {
            assert!(!policy.allows(bad), "{bad}");
        }
    }

    #[test]
    fn a_list_allows_what_is_on_it() {
        let policy = list(&["https://App.example/"]);
        assert!(policy.allows("https://app.example"));
        assert!(!policy.allows("http://app.example"));
        assert!(!policy.allows("http://localhost"));
    }

    #[test]
    fn everybody_means_without_credentials() {
        let policy = list(&["*"]);
        let mut headers = HeaderMap::new();
        headers.insert(ORIGIN, HeaderValue::from_static("https://any.example"));
        let allowed = policy.origin(&headers);
        let mut out = HeaderMap::new();
        policy.write(allowed, &mut out);
        assert_eq!(out[ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert!(!out.contains_key(ACCESS_CONTROL_ALLOW_CREDENTIALS));
    }
}
