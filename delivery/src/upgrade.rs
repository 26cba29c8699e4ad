//! `GET /ws`: who may open a socket, before anything is said on it.
//!
//! A browser sends cookies and opens sockets for any page, so the origin is checked here (CSWSH);
//! a client without an origin is not a browser. A token never stands in a URL, where logs keep it.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{FromRequestParts, Request, State};
use axum::response::Response;
use http::header::{AUTHORIZATION, HOST, HeaderMap, ORIGIN, USER_AGENT};
use http::request::Parts;
use http::{HeaderValue, Method, Uri};
use platform::inbound::Identity;
use schemas::presence::DeviceKind;
use schemas::{ApiError, Code, limits};

mod place;
mod refusal;

use place::address;
pub(crate) use place::{Place, Strangers};
use refusal::refused;

use crate::transport::{self, Socket};
use crate::{Delivery, protocol, session};

/// Upgrades a request, or says why not. It takes every method: a refusal looks the same for all.
pub(crate) async fn handler(State(delivery): State<Arc<Delivery>>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await;
    match admit(&delivery, &parts, upgrade) {
        Ok((upgrade, known, place)) => {
            let agent = parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
            let kind = DeviceKind::of_agent(agent.unwrap_or_default());
            upgrade.on_upgrade(move |socket| {
                // Boxed: the future of a session is large, and its task would hold it twice; so is a
                // socket, and the future would.
                let socket = Box::new(Socket::new(socket));
                Box::pin(session::serve(delivery, socket, (known, kind), place))
            })
        }
        Err(error) => refused(&delivery, &parts, &error),
    }
}

type Admitted = (WebSocketUpgrade, Option<Identity>, Place);

fn admit(
    delivery: &Arc<Delivery>,
    parts: &Parts,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Admitted, ApiError> {
    let Parts { method, uri, headers, .. } = parts;
    if method != Method::GET {
        return Err(ApiError::new(Code::MethodNotAllowed, "this route does not have this method"));
    }
    let mut upgrade = upgrade.map_err(|_| {
        ApiError::new(Code::ValidationFailed, "this is a WebSocket: ask for an upgrade")
    })?;
    if names_a_token(uri) {
        return Err(ApiError::new(
            Code::ValidationFailed,
            "no token in the URL: send it in the auth frame or the Authorization header",
        ));
    }
    let config = &delivery.config;
    if !origin_allowed(headers, &config.allowed_origins) {
        return Err(ApiError::new(Code::Forbidden, "this origin may not open sockets"));
    }
    if upgrade.requested_protocols().any(|name| name == protocol::NAME) {
        upgrade.set_selected_protocol(HeaderValue::from_static(protocol::NAME));
    } else if upgrade.requested_protocols().next().is_some() {
        return Err(ApiError::new(Code::Unsupported, "the subprotocol is parlance.v1"));
    }
    let known = bearer(headers)?.map(|token| delivery.inbound.authenticate(token)).transpose()?;
    let stranger = match &known {
        Some(_) => None,
        None => address(parts, &config.trusted_proxies),
    };
    let place = Place::take(delivery, stranger)?;
    Ok((transport::tuned(upgrade, limits::BODY_BYTES), known, place))
}

/// A place for a connection whose first message says who it is; the refusal is an HTTP answer.
pub(crate) fn admit_stranger(
    delivery: &Arc<Delivery>,
    parts: &Parts,
) -> Result<Place, Box<Response>> {
    let config = &delivery.config;
    let allowed = origin_allowed(&parts.headers, &config.allowed_origins);
    let place = if allowed {
        Place::take(delivery, address(parts, &config.trusted_proxies))
    } else {
        Err(ApiError::new(Code::Forbidden, "this origin may not open sockets"))
    };
    place.map_err(|error| Box::new(refused(delivery, parts, &error)))
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
pub(crate) fn origin_allowed(headers: &HeaderMap, allowed: &[String]) -> bool {
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
