//! Requests and answers as JSON text.
//!
//! `{"id":"7","type":"message.send","data":{…}}` is answered by `{"id":"7","ok":true,"data":{…}}` or
//! `{"id":"7","ok":false,"error":{…}}`. Whatever comes in, [`parse`] gives a request or an error
//! frame, never a panic. Data is not decoded here: it is passed on, and spliced into answers, as
//! the JSON it is.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use schemas::{ApiError, Code, limits};
use serde::de::{Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::transport::Payload;

/// The whole queue was dropped: sync before you trust live events again.
pub(crate) const RESYNC: Payload = Payload::fixed(r#"{"type":"resync"}"#);

/// A request as it came.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    /// The client's name for it, 1 to 64 characters.
    pub(crate) id: Cow<'a, str>,
    /// What is asked.
    pub(crate) kind: Cow<'a, str>,
    /// With what.
    pub(crate) data: Option<&'a RawValue>,
}

/// A frame that is not a request.
#[derive(Debug)]
pub(crate) struct Bad {
    /// The id, as far as it could be read.
    pub(crate) id: Option<String>,
    /// What is wrong.
    pub(crate) error: ApiError,
}

impl Bad {
    /// Whether the sender does not speak the protocol at all.
    pub(crate) fn hopeless(&self) -> bool {
        self.id.is_none() || self.error.code == Code::MalformedJson
    }

    /// The error frame.
    pub(crate) fn answer(&self) -> Payload {
        refused(self.id.as_deref(), &self.error)
    }
}

/// Reads a frame.
pub(crate) fn parse(text: &str) -> Result<Request<'_>, Bad> {
    let mut draft = Draft::default();
    let mut json = serde_json::Deserializer::from_str(text);
    let read = json.deserialize_map(&mut draft).and_then(|()| json.end());
    let id = draft.id.and_then(string).filter(|id| {
        let length = id.chars().count();
        (1..=limits::REQUEST_ID_CHARS).contains(&length)
    });
    let bad = |code, message: Cow<'static, str>| Bad {
        id: id.as_deref().map(str::to_owned),
        error: ApiError::new(code, message),
    };
    if let Err(error) = read {
        return Err(if error.is_data() {
            bad(Code::ValidationFailed, "a frame is an object with id, type and data".into())
        } else {
            bad(Code::MalformedJson, "the frame is not JSON".into())
        });
    }
    if let Some(field) = draft.unknown {
        // Echoed, so cut: a name may be as long as a frame.
        let field: String = field.chars().take(64).collect();
        return Err(bad(Code::UnknownField, format!("unknown field {field}").into()));
    }
    if let Some(field) = draft.twice {
        return Err(bad(Code::ValidationFailed, format!("{field} is there twice").into()));
    }
    let Some(kind) = draft.kind.and_then(string) else {
        return Err(bad(Code::ValidationFailed, "type must be a string".into()));
    };
    match id {
        Some(id) => Ok(Request { id, kind, data: draft.data }),
        None => Err(bad(
            Code::ValidationFailed,
            format!("id must be a string of 1 to {} characters", limits::REQUEST_ID_CHARS).into(),
        )),
    }
}

/// Fields as far as they were read when a mistake was met: an error frame should name the id.
#[derive(Default)]
struct Draft<'a> {
    id: Option<&'a RawValue>,
    kind: Option<&'a RawValue>,
    data: Option<&'a RawValue>,
    unknown: Option<String>,
    twice: Option<&'static str>,
}

impl<'de> Visitor<'de> for &mut Draft<'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a request")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(Key(name)) = map.next_key::<Key<'de>>()? {
            let (slot, name) = match name.as_ref() {
                "id" => (&mut self.id, "id"),
                "type" => (&mut self.kind, "type"),
                "data" => (&mut self.data, "data"),
                _ => {
                    map.next_value::<IgnoredAny>()?;
                    self.unknown.get_or_insert_with(|| name.into_owned());
                    continue;
                }
            };
            if slot.replace(map.next_value()?).is_some() {
                self.twice = Some(name);
            }
        }
        Ok(())
    }
}

#[derive(serde::Deserialize)]
struct Key<'a>(#[serde(borrow)] Cow<'a, str>);

/// The string of a JSON value; none if it is something else.
fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    let text = raw.get();
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(text).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// Begins an object with its id.
pub(super) fn object(out: &mut Vec<u8>, id: Option<&str>) {
    out.extend_from_slice(br#"{"id":"#);
    match id {
        Some(id) => serde_json::to_writer(&mut *out, id).expect("a string is written to memory"),
        None => out.extend_from_slice(b"null"),
    }
}

/// What was written, as a payload.
pub(super) fn payload(out: Vec<u8>) -> Payload {
    Payload::new(Bytes::from(out)).unwrap_or_else(|| {
        // Only data that acceptance gave as JSON and that is not text gets here.
        tracing::error!("an answer was not text");
        Payload::fixed(r#"{"id":null,"ok":false,"error":{"code":"internal","message":"internal"}}"#)
    })
}

/// `{"id":…,"ok":true,"data":…}`.
pub(crate) fn answered(id: &str, data: &[u8]) -> Payload {
    let mut out = Vec::with_capacity(id.len() + data.len() + 32);
    object(&mut out, Some(id));
    out.extend_from_slice(br#","ok":true,"data":"#);
    out.extend_from_slice(if data.is_empty() { b"null" } else { data });
    out.push(b'}');
    payload(out)
}

/// `{"type":"welcome","data":…}`: the answer to a handshake that said who it is.
pub(crate) fn welcome(data: &str) -> Payload {
    Payload::from(format!(r#"{{"type":"welcome","data":{data}}}"#))
}

/// `{"id":…,"ok":false,"error":{…}}`.
pub(crate) fn refused(id: Option<&str>, error: &ApiError) -> Payload {
    let mut out = Vec::with_capacity(160);
    object(&mut out, id);
    out.extend_from_slice(br#","ok":false,"error":"#);
    serde_json::to_writer(&mut out, error).expect("plain data is written to memory");
    out.push(b'}');
    payload(out)
}

#[cfg(test)]
mod tests;
