//! Who joins a namespace: the token that is shown, and what is said to it.
//!
//! A token is looked for where the predecessor does: in what comes with the packet, then in the query of
//! the request that opened the connection, then in its `Authorization` header. Who is refused is told why
//! (`connect_error`), before anything else.

use std::borrow::Cow;

use platform::Clock;
use platform::inbound::Identity;
use platform::port::clock::uuid_v7;
use schemas::presence::DeviceKind;
use schemas::{ApiError, Code};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::chat::Answer;
use super::events::event;
use super::namespace::Namespace;
use super::packet::{Head, Kind};
use crate::Delivery;
use crate::engineio::Opening;
use crate::presence::Facts;
use crate::session::device;
use crate::transport::Payload;

#[derive(Deserialize)]
struct Auth<'a> {
    #[serde(borrow)]
    token: Option<&'a RawValue>,
    #[serde(borrow)]
    device: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct Refusal<'a> {
    message: &'a str,
    data: Reason<'a>,
}

#[derive(Serialize)]
struct Reason<'a> {
    code: Code,
    message: &'a str,
}

/// The token that is shown; none: none is.
fn token<'a>(opening: &'a Opening, auth: Option<&'a RawValue>) -> Option<Cow<'a, str>> {
    let auth = auth.and_then(|auth| serde_json::from_str::<Auth<'a>>(auth.get()).ok());
    let shown = auth.and_then(|auth| auth.token).and_then(|raw| {
        let text: Option<String> = serde_json::from_str(raw.get()).ok();
        text.map(Cow::Owned)
    });
    let places = [
        shown,
        opening.token.as_deref().map(Cow::Borrowed),
        opening.authorization.as_deref().map(Cow::Borrowed),
    ];
    let bare = |token: Cow<'a, str>| match token.get(..7) {
        Some(scheme) if scheme.eq_ignore_ascii_case("bearer ") => {
            Cow::Owned(token[7..].trim().to_owned())
        }
        _ => token,
    };
    places.into_iter().flatten().map(bare).find(|token| !token.is_empty())
}

/// What the client says of its device, as far as it can be understood.
pub(super) fn device(opening: &Opening, auth: Option<&RawValue>) -> Facts {
    let kind = DeviceKind::of_agent(opening.user_agent.as_deref().unwrap_or_default());
    let auth = auth.and_then(|auth| serde_json::from_str::<Auth<'_>>(auth.get()).ok());
    let said = device::facts(auth.and_then(|auth| auth.device), kind);
    said.unwrap_or(Facts { id: None, kind })
}

/// Who it is.
pub(super) fn authenticate(
    delivery: &Delivery,
    opening: &Opening,
    auth: Option<&RawValue>,
) -> Result<Identity, ApiError> {
    let token = token(opening, auth)
        .ok_or_else(|| ApiError::new(Code::Unauthenticated, "Authentication token required"))?;
    delivery.inbound.authenticate(&token).map_err(|error| match error.code {
        Code::SessionEnded => ApiError::new(Code::SessionEnded, "Session ended"),
        Code::Unauthenticated | Code::TokenExpired | Code::InvalidCredentials => {
            ApiError::new(error.code, "Invalid authentication token")
        }
        _ => error,
    })
}

/// A namespace is joined: the packet that says so, and on `/` the predecessor's event.
pub(super) fn connected(clock: &dyn Clock, namespace: Namespace, who: &Identity) -> Answer {
    let sid = uuid_v7(clock).simple();
    let head = Head::new(Kind::Connect, namespace.name());
    let joined = Some(head.with(&format!(r#"{{"sid":"{sid}"}}"#)));
    let hello = match namespace {
        Namespace::Root => {
            let data = format!(r#"{{"userId":"{}","socketId":"{sid}"}}"#, who.user);
            Some(event(namespace, "connected", &data))
        }
        Namespace::Presence => None,
    };
    Answer { event: joined, ack: hello, shows: None }
}

/// Why a namespace is not joined.
pub(super) fn refused(namespace: Namespace, error: &ApiError) -> Payload {
    let message = error.message.as_ref();
    let refusal = Refusal { message, data: Reason { code: error.code, message } };
    let json = serde_json::to_string(&refusal).expect("plain data serialises");
    Head::new(Kind::ConnectError, namespace.name()).with(&json)
}

/// There is no such namespace.
pub(super) fn no_namespace(name: &str) -> Payload {
    Head::new(Kind::ConnectError, name).with(r#"{"message":"Invalid namespace"}"#)
}
