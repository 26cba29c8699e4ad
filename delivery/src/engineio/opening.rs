//! How a connection is asked for, and the packet that opens it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{AUTHORIZATION, HeaderName, USER_AGENT};
use http::request::Parts;
use platform::port::clock::random;

use super::Options;
use crate::transport::Payload;

/// Longest user agent that is kept.
const USER_AGENT_BYTES: usize = 512;
/// Longest token that is kept, from wherever it comes: a request may bring much more than that, and what is
/// kept of it is kept for as long as the connection.
const TOKEN_BYTES: usize = 8_192;

/// The number of a connection. Whoever knows it is the connection's client, so it can not be guessed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Sid([u8; 16]);

impl Sid {
    /// A number that nobody has had.
    pub(crate) fn new() -> Self {
        let mut bytes = [0; 16];
        random(&mut bytes);
        Self(bytes)
    }

    /// The number that a query names.
    fn parse(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It would open the connection to whoever reads a log.
        f.write_str("Sid(..)")
    }
}

/// What a transport is called in queries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Transport {
    Polling,
    WebSocket,
}

/// The connection that a query names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Named {
    /// None: one is to be opened.
    #[default]
    Nothing,
    /// What can not be a connection.
    Nobody,
    One(Sid),
}

impl Named {
    fn read(value: &str) -> Self {
        match value {
            // As for the reference.
            "" => Self::Nothing,
            text => Sid::parse(text).map_or(Self::Nobody, Self::One),
        }
    }
}

/// What the query of a request says. What is not understood is as if it were not there.
#[derive(Debug, Default)]
pub(super) struct Query {
    pub(super) transport: Option<Transport>,
    /// Whether it asks for this version of the protocol.
    pub(super) version: bool,
    /// The connection that it belongs to.
    pub(super) sid: Named,
    token: Option<String>,
}

impl Query {
    pub(super) fn read(query: Option<&str>) -> Self {
        let mut read = Self::default();
        for pair in query.unwrap_or("").split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            match name {
                "transport" => {
                    read.transport = match value {
                        "polling" => Some(Transport::Polling),
                        "websocket" => Some(Transport::WebSocket),
                        _ => None,
                    }
                }
                "EIO" => read.version = value == "4",
                "sid" => read.sid = Named::read(value),
                "token" if value.len() <= TOKEN_BYTES => read.token = decoded(value),
                _ => {}
            }
        }
        read
    }
}

/// A value of a query, without its percents.
fn decoded(value: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        bytes.push(match first {
            b'+' => b' ',
            b'%' => {
                let (hex, tail) = rest.split_at_checked(2)?;
                rest = tail;
                if !hex.iter().all(u8::is_ascii_hexdigit) {
                    return None;
                }
                u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(bytes).ok()
}

/// What the request that opened a connection said.
#[derive(Clone, Debug)]
pub(crate) struct Opening {
    /// The connection's number.
    pub(crate) sid: Sid,
    /// Who it says it is.
    pub(crate) user_agent: Option<String>,
    /// The `Authorization` header, if it is text and may be a token.
    pub(crate) authorization: Option<String>,
    /// `token` of the query.
    pub(crate) token: Option<String>,
    /// Whether it began as a WebSocket.
    pub(crate) websocket: bool,
}

impl Opening {
    pub(super) fn new(parts: &Parts, query: Query) -> Self {
        let header =
            |name: &HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok());
        let user_agent = header(&USER_AGENT)
            .map(|agent| agent[..agent.floor_char_boundary(USER_AGENT_BYTES)].to_owned());
        let authorization = header(&AUTHORIZATION).filter(|shown| shown.len() <= TOKEN_BYTES);
        Self {
            sid: Sid::new(),
            user_agent,
            authorization: authorization.map(str::to_owned),
            token: query.token,
            websocket: query.transport == Some(Transport::WebSocket),
        }
    }

    /// The packet that opens the connection.
    pub(super) fn packet(&self, options: &Options) -> Payload {
        let upgrades = if self.websocket { "" } else { r#""websocket""# };
        let (interval, timeout) = (options.ping_interval, options.ping_timeout);
        Payload::from(format!(
            r#"0{{"sid":"{}","upgrades":[{upgrades}],"pingInterval":{},"pingTimeout":{},"maxPayload":{}}}"#,
            self.sid,
            interval.as_millis(),
            timeout.as_millis(),
            options.max_payload
        ))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_query_says_what_it_says() {
        let sid = Sid::new();
        let read =
            Query::read(Some(&format!("t=1&EIO=4&transport=polling&sid={sid}&token=a%2Bb+c")));
        assert_eq!(read.transport, Some(Transport::Polling));
        assert!(read.version);
        assert_eq!(read.sid, Named::One(sid));
        assert_eq!(read.token.as_deref(), Some("a+b c"));
        let read = Query::read(Some("EIO=3&transport=websocket&sid=nobody&token=%zz"));
        assert_eq!((read.transport, read.version), (Some(Transport::WebSocket), false));
        assert_eq!((read.sid, read.token), (Named::Nobody, None));
        let read = Query::read(None);
        assert_eq!((read.transport, read.version, read.sid), (None, false, Named::Nothing));
        assert_eq!(Query::read(Some("sid=")).sid, Named::Nothing);
    }

    #[test]
    fn a_number_can_not_be_guessed_and_is_not_logged() {
        let sid = Sid::new();
        assert_ne!(sid, Sid::new());
        assert_eq!(sid.to_string().len(), 22);
        assert!(!format!("{sid:?}").contains(&sid.to_string()));
    }

    #[test]
    fn no_more_is_kept_than_may_be_a_token() {
        let opening = |of: usize| {
            let text = "x".repeat(of);
            let request = http::Request::builder()
                .uri(format!("/?token={text}"))
                .header(AUTHORIZATION, &text)
                .header(USER_AGENT, &text);
            let (parts, ()) = request.body(()).unwrap().into_parts();
            let query = Query::read(parts.uri.query());
            Opening::new(&parts, query)
        };
        let kept = opening(TOKEN_BYTES);
        assert!(kept.token.is_some() && kept.authorization.is_some());
        let kept = opening(TOKEN_BYTES + 1);
        assert_eq!((kept.token, kept.authorization), (None, None));
        let agent = kept.user_agent.unwrap();
        assert_eq!((agent.len(), agent.capacity()), (USER_AGENT_BYTES, USER_AGENT_BYTES));
    }

    proptest! {
        #[test]
        fn no_query_is_too_much(query in "[a-zA-Z&=%+0-9é]{0,64}") {
            let _read = Query::read(Some(&query));
        }
    }
}
