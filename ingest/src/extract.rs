//! What handlers take out of a request: the body as a typed request, ids of the path, the caller,
//! the idempotency key. Every refusal is a [`Failure`], so that no answer has another shape.
//!
//! A body is parsed once, straight into the request type, which may borrow from it. Only when that
//! fails is it looked at again, field by field, to name the mistakes.

use std::borrow::Cow;
use std::fmt::Display;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use bytes::Bytes;
use http::HeaderMap;
use http::request::Parts;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use platform::inbound::Identity;
use schemas::{ApiError, Code, limits};
use serde::de::value::MapDeserializer;
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

use crate::error::Failure;

/// Mistakes that one answer names.
pub(crate) const DETAILS_MAX: usize = 20;

/// A string of a request: borrowed from the body where it has no escapes.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(transparent)]
pub(crate) struct Text<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

impl std::ops::Deref for Text<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

/// The whole body, at most [`limits::BODY_BYTES`].
#[derive(Debug)]
pub(crate) struct Body(Bytes);

impl<S: Sync> FromRequest<S> for Body {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let mut body = request.into_body();
        let declared = axum::body::HttpBody::size_hint(&body).lower();
        if usize::try_from(declared).unwrap_or(usize::MAX) > limits::BODY_BYTES {
            drain(&mut body).await;
            return Err(too_large());
        }
        match Limited::new(&mut body, limits::BODY_BYTES).collect().await {
            Ok(whole) => Ok(Self(whole.to_bytes())),
            Err(error) if error.is::<LengthLimitError>() => {
                drain(&mut body).await;
                Err(too_large())
            }
            Err(_) => Err(Failure::new(Code::MalformedJson, "the body could not be read")),
        }
    }
}

/// Bytes of a refused body that are still read, and for how long.
const DRAIN_BYTES: usize = 4 << 20;
const DRAIN: Duration = Duration::from_secs(2);

/// Reads on for a while before the answer: a client that is still writing when the connection is
/// closed would see a reset instead of the 413.
async fn drain(body: &mut axum::body::Body) {
    let read = async {
        let mut left = DRAIN_BYTES;
        while let Some(Ok(frame)) = body.frame().await {
            left = left.saturating_sub(frame.data_ref().map_or(0, Bytes::len));
            if left == 0 {
                break;
            }
        }
    };
    // A slow or endless one is cut: it was told the limit in the documentation.
    drop(tokio::time::timeout(DRAIN, read).await);
}

fn too_large() -> Failure {
    Failure::new(Code::TooLarge, "the body is larger than 128 KiB")
}

impl Body {
    /// The request in the body; no body counts as `{}`.
    pub(crate) fn read<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Failure> {
        let bytes: &[u8] = if self.0.is_empty() { b"{}" } else { &self.0 };
        Ok(read_json(bytes)?)
    }
}

/// A request type from JSON. Its fields must all be optional, so that each can be tried alone.
pub(crate) fn read_json<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T, ApiError> {
    // A derived reader would also take an array, field by field.
    let object = json.iter().find(|b| !b.is_ascii_whitespace()).is_none_or(|b| *b == b'{');
    match serde_json::from_slice::<T>(json) {
        Ok(request) if object => Ok(request),
        Ok(_) => Err(ApiError::invalid(vec!["the body must be a JSON object".to_owned()])),
        Err(error) if error.classify() == Category::Data => Err(diagnose::<T>(json, &error)),
        Err(_) => Err(ApiError::new(Code::MalformedJson, "the body is not valid JSON")),
    }
}

/// Names the fields that are unknown or of the wrong type, the first [`DETAILS_MAX`] of them.
fn diagnose<'a, T: Deserialize<'a>>(json: &'a [u8], whole: &serde_json::Error) -> ApiError {
    let Ok(fields) = serde_json::from_slice::<Fields<'a>>(json) else {
        return ApiError::invalid(vec!["the body must be a JSON object".to_owned()]);
    };
    let mut unknown = false;
    let mut details = Vec::new();
    for (name, value) in fields.0 {
        if details.len() == DETAILS_MAX {
            break;
        }
        let alone = MapDeserializer::new(std::iter::once((name.clone(), value)));
        let Err(error) = T::deserialize::<MapDeserializer<'_, _, serde_json::Error>>(alone) else {
            continue;
        };
        let why = error.to_string();
        let name: String = name.chars().take(100).collect();
        if why.starts_with("unknown field") {
            unknown = true;
            details.push(format!("property {name} should not exist"));
        } else {
            details.push(format!("{name}: {}", without_place(&why)));
        }
    }
    if details.is_empty() {
        details.push(without_place(&whole.to_string()).to_owned());
    }
    let code = if unknown { Code::UnknownField } else { Code::ValidationFailed };
    ApiError { code, ..ApiError::invalid(details) }
}

fn without_place(why: &str) -> &str {
    why.rsplit_once(" at line ").map_or(why, |(why, _)| why)
}

/// Fields of an object, unread.
pub(crate) struct Fields<'a>(pub(crate) Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'de> Visitor<'de> for Collect {
            type Value = Vec<(Cow<'de, str>, &'de RawValue)>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some((Text(name), value)) = map.next_entry()? {
                    fields.push((name, value));
                }
                Ok(fields)
            }
        }
        deserializer.deserialize_map(Collect).map(Fields)
    }
}

/// The one id of a path.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Id<T>(pub(crate) T);

impl<S: Send + Sync, T: FromStr> FromRequestParts<S> for Id<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        let id = text.ok().and_then(|Path(text)| text.parse().ok());
        id.map(Self).ok_or_else(|| Failure::new(Code::MalformedId, "the id is not a UUID"))
    }
}

/// An id in a body or query, named in the error.
pub(crate) fn id_of<T: FromStr>(name: impl Display, text: &str) -> Result<T, ApiError> {
    text.parse().map_err(|_| {
        let why = format!("{name} must be a UUID");
        ApiError { code: Code::MalformedId, ..ApiError::invalid(vec![why]) }
    })
}

/// What the frame found out about the caller; put into the request for [`Caller`].
#[derive(Clone, Debug)]
pub(crate) struct Found(pub(crate) Result<Identity, ApiError>);

/// The authenticated caller. A handler without it is public.
#[derive(Clone, Debug)]
pub(crate) struct Caller(pub(crate) Identity);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        match parts.extensions.remove::<Found>() {
            Some(Found(Ok(who))) => Ok(Self(who)),
            Some(Found(Err(error))) => Err(error.into()),
            None => Err(Failure::new(Code::Unauthenticated, "an access token is needed")),
        }
    }
}

/// The client's address as the frame found it out; none if nobody knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) Option<IpAddr>);

impl<S: Sync> FromRequestParts<S> for Peer {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        Ok(parts.extensions.get::<Self>().copied().unwrap_or(Self(None)))
    }
}

/// The token of an `Authorization: Bearer` header.
pub(crate) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The `Idempotency-Key` header, if there is one.
#[derive(Clone, Debug)]
pub(crate) struct IdempotencyKey(pub(crate) Option<String>);

impl<S: Sync> FromRequestParts<S> for IdempotencyKey {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let Some(value) = parts.headers.get("idempotency-key") else { return Ok(Self(None)) };
        let key = value
            .to_str()
            .ok()
            .map(str::trim)
            .filter(|key| !key.is_empty() && key.len() <= limits::CLIENT_ID_CHARS);
        match key {
            Some(key) => Ok(Self(Some(key.to_owned()))),
            None => Err(ApiError::invalid(vec![format!(
                "Idempotency-Key must have 1 to {} visible ASCII characters",
                limits::CLIENT_ID_CHARS
            )])
            .into()),
        }
    }
}

#[cfg(test)]
#[path = "extract_tests.rs"]
mod tests;
