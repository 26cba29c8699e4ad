//! `GET /ws`: who may open a socket, before anything is said on it.
//!
//! A browser sends cookies and opens sockets for any page, so the origin is checked here (CSWSH);
//! a client without an origin is not a browser. A token never stands in a URL, where logs keep it.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use axum::Json;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, HOST, HeaderMap, ORIGIN, RETRY_AFTER};
use http::{HeaderValue, StatusCode, Uri};
use platform::inbound::Identity;
use schemas::{ApiError, Code};

use crate::transport::{self, Socket};
use crate::{Delivery, protocol, session};

/// A socket's place among those of the node; dropping it frees it.
pub(crate) struct Place(Arc<Delivery>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Place {
    fn take(delivery: &Arc<Delivery>) -> Result<Self, ApiError> {
        let place = Self(delivery.clone());
        let open = delivery.open.fetch_add(1, Ordering::Relaxed);
        if open >= delivery.config.max_sockets || delivery.stopping.begun() {
            return Err(ApiError::new(Code::Overloaded, "no room for a socket").retry_after(1_000));
        }
        Ok(place)
    }
}

/// Upgrades a request, or says why not.
pub(crate) async fn handler(
    State(delivery): State<Arc<Delivery>>,
    uri: Uri,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    match admit(&delivery, &uri, &headers, upgrade) {
        Ok((upgrade, known, place)) => upgrade.on_upgrade(move |socket| {
            // Boxed: the future of a session is large, and its task would hold it twice.
            Box::pin(session::serve(delivery, Socket::new(socket), known, place))
        }),
        Err(error) => refused(&delivery, &error),
    }
}

type Admitted = (WebSocketUpgrade, Option<Identity>, Place);

fn admit(
    delivery: &Arc<Delivery>,
    uri: &Uri,
    headers: &HeaderMap,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Admitted, ApiError> {
    let mut upgrade = upgrade.map_err(|_| {
        ApiError::new(Code::ValidationFailed, "this is a WebSocket: ask for an upgrade")
    })?;
    if names_a_token(uri) {
        return Err(ApiError::new(
            Code::ValidationFailed,
            "no token in the URL: send it in the auth frame or the Authorization header",
        ));
    }
    if !origin_allowed(headers, &delivery.config.allowed_origins) {
        return Err(ApiError::new(Code::Forbidden, "this origin may not open sockets"));
    }
    if upgrade.requested_protocols().any(|name| name == protocol::NAME) {
        upgrade.set_selected_protocol(HeaderValue::from_static(protocol::NAME));
    } else if upgrade.requested_protocols().next().is_some() {
        return Err(ApiError::new(Code::Unsupported, "the subprotocol is parlance.v1"));
    }
    let known = bearer(headers)?.map(|token| delivery.inbound.authenticate(token)).transpose()?;
    let place = Place::take(delivery)?;
    Ok((transport::tuned(upgrade), known, place))
}

fn names_a_token(uri: &Uri) -> bool {
    let names = uri.query().unwrap_or("").split('&').filter_map(|pair| pair.split('=').next());
    names
        .into_iter()
        .any(|name| name.eq_ignore_ascii_case("token") || name.eq_ignore_ascii_case("access_token"))
}

fn bearer(headers: &HeaderMap) -> Result<Option<&str>, ApiError> {
    let Some(value) = headers.get(AUTHORIZATION) else { return Ok(None) };
    let token = value.to_str().ok().and_then(|text| {
        let (scheme, token) = text.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    });
    match token {
        Some(token) => Ok(Some(token)),
        None => Err(ApiError::new(Code::Unauthenticated, "Authorization must be a bearer token")),
    }
}

/// Same origin always; with a list what is on it; without one any page on this machine.
fn origin_allowed(headers: &HeaderMap, allowed: &[String]) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    let Some(origin) = origins.next() else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    if origins.next().is_some() {
        return false;
    }
    let Some((_, authority)) = origin.split_once("://") else { return false };
    let same = headers
        .get(HOST)
        .and_then(|host| host.to_str().ok())
        .is_some_and(|host| host.eq_ignore_ascii_case(authority));
    if same {
        return true;
    }
    if allowed.is_empty() {
        return is_loopback(authority);
    }
    allowed
        .iter()
        .any(|entry| entry == "*" || entry.trim_end_matches('/').eq_ignore_ascii_case(origin))
}

fn is_loopback(authority: &str) -> bool {
    let Ok(authority) = authority.parse::<http::uri::Authority>() else { return false };
    let host = authority.host();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// The error shape of the REST routes.
fn refused(delivery: &Delivery, error: &ApiError) -> Response {
    let status =
        StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::json!({
        "statusCode": status.as_u16(),
        "timestamp": delivery.clock.now(),
        "path": "/ws",
        "method": "GET",
        "message": {
            "message": error.message,
            "error": status.canonical_reason().unwrap_or("Error"),
            "statusCode": status.as_u16(),
        },
        "code": error.code,
    });
    let mut response = (status, Json(body)).into_response();
    if let Some(ms) = error.retry_after_ms {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(ms.div_ceil(1_000)));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(origin: &str, list: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(HOST, HeaderValue::from_static("chat.example.com"));
        headers.insert(ORIGIN, origin.parse().unwrap());
        origin_allowed(&headers, &list.iter().map(|&s| s.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn without_a_list_same_origin_and_this_machine_may() {
        for good in [
            "https://chat.example.com",
            "http://localhost:5173",
            "http://127.0.0.1",
            "http://[::1]:8080",
        ] {
            assert!(allowed(good, &[]), "{good}");
        }
        for bad in [
            "https://evil.example",
            "https://chat.example.com.evil.example",
            "https://localhost.evil.example",
            "https://127.0.0.1.evil.example",
            "https://chat.example.com@evil.example",
            "https://localhost@evil.example",
            "null",
            "",
        ] {
            assert!(!allowed(bad, &[]), "{bad}");
        }
        assert!(origin_allowed(&HeaderMap::new(), &[]));
    }

    #[test]
    fn with_a_list_what_is_on_it_may() {
        let list = ["https://app.example.com/"];
        assert!(allowed("https://APP.example.com", &list));
        assert!(allowed("https://chat.example.com", &list));
        assert!(!allowed("http://app.example.com", &list));
        assert!(!allowed("http://localhost:5173", &list));
        assert!(allowed("https://any.example", &["*"]));
    }

    #[test]
    fn a_token_in_the_query_is_noticed() {
        for (query, named) in [
            ("/ws?token=a", true),
            ("/ws?a=1&TOKEN", true),
            ("/ws?tokens=1", false),
            ("/ws", false),
        ] {
            assert_eq!(names_a_token(&query.parse().unwrap()), named, "{query}");
        }
    }
}
