//! From an upgraded connection to a session, and its end.
//!
//! The order is the contract (HAZARDS 10, G-25): *authenticated → registered here, its gates closed →
//! not ended meanwhile → route acknowledged → in the index of large conversations → answered → caught
//! up*. So a client that has its answer misses nothing that happens afterwards, and a session that ends
//! at any moment finds its socket closed. Whoever was authenticated by the upgrade is answered too, by
//! a `welcome` frame.

use std::borrow::Cow;
use std::sync::Arc;

use platform::inbound::Identity;
use schemas::presence::DeviceKind;
use schemas::{ApiError, Code};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout, timeout_at};

use super::device::facts;
use super::entry::{self, Here};
use super::{Session, task};
use crate::Delivery;
use crate::presence::Facts;
use crate::protocol::close::{self, Close};
use crate::protocol::json;
use crate::protocol::sync::{self, Cursors};
use crate::sync::Sync;
use crate::transport::{Payload, Received, Socket};
use crate::upgrade::Place;

/// Frames other than text that are put up with before the auth frame.
const NOISE: usize = 16;

/// What an auth frame carries.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Auth<'a> {
    #[serde(borrow)]
    token: Cow<'a, str>,
    #[serde(borrow)]
    cursors: Option<&'a RawValue>,
    #[serde(borrow)]
    device: Option<&'a RawValue>,
}

impl Auth<'_> {
    fn cursors(&self) -> Result<Option<Cursors>, ApiError> {
        self.cursors.map(|cursors| sync::cursors(Some(cursors))).transpose()
    }
}

/// What is said about cursors in an answer to `auth`.
#[derive(Clone, Copy)]
enum Recovered {
    /// There were none.
    Unasked,
    /// What was missed follows.
    Follows,
    /// They are not honoured: another sync is under way.
    Refused,
}

/// Someone who has shown a valid token.
struct Entrant {
    who: Identity,
    /// The answer to his auth frame, or the welcome if there was none.
    answer: Payload,
    /// The id of the auth frame.
    id: Option<String>,
    /// Where he stands, if he wants to catch up.
    cursors: Option<Cursors>,
    device: Facts,
}

/// Why someone does not get in.
struct Refused {
    answer: Option<Payload>,
    close: Close,
}

impl From<Close> for Refused {
    fn from(close: Close) -> Self {
        Self { answer: None, close }
    }
}

/// Serves a connection from its upgrade to its end. `known`: who it is, if the upgrade said so.
pub(crate) async fn serve(
    delivery: Arc<Delivery>,
    mut socket: Box<Socket>,
    (known, kind): (Option<Identity>, DeviceKind),
    mut place: Place,
) {
    let linger = delivery.config.timing.linger;
    delivery.metrics.sockets_opened.inc();
    // Boxed, as the goodbye: neither is part of what an idle session keeps.
    let entered = Box::pin(enter(&delivery, &mut socket, (known, kind), &mut place)).await;
    let close = match entered {
        Ok((here, first, sync)) => {
            let close = task::run(&delivery, &here.session, &mut *socket, first, sync).await;
            tracing::debug!(session = here.session.number, code = close.code, "a socket closes");
            close
        }
        Err(Refused { answer, close }) => {
            if let Some(answer) = answer {
                // If it does not get it, the close code still says why.
                drop(timeout(linger, socket.feed(answer)).await);
            }
            close
        }
    };
    let code = close.code.to_string();
    delivery.metrics.sockets_closed.with_label_values(&[&code]).inc();
    if close == close::NORMAL {
        // The goodbye that answers the peer's.
        drop(timeout(linger, socket.flush()).await);
    } else {
        Box::pin(socket.close(close, linger)).await;
    }
    drop(place);
}

async fn enter(
    delivery: &Arc<Delivery>,
    socket: &mut Socket,
    (known, kind): (Option<Identity>, DeviceKind),
    place: &mut Place,
) -> Result<(Here, Payload, Option<Box<Sync>>), Refused> {
    let entrant = match known {
        Some(who) => {
            let answer = json::welcome(&whoami(delivery, &who, Recovered::Unasked));
            let device = Facts { id: None, kind };
            Entrant { who, answer, id: None, cursors: None, device }
        }
        None => first_frame(delivery, socket, kind).await?,
    };
    place.authenticated();
    let Entrant { who, answer, id, cursors, device } = entrant;
    let prepare = |session: &Session| {
        session.device.describe(device);
        if let Some(cursors) = &cursors {
            session.close_gates(cursors.conversations.keys().copied(), cursors.feed.is_some());
        }
    };
    let until = Instant::now() + entry::LOAD;
    let here = entry::enter(delivery, who, until, prepare).await.map_err(|close| {
        let error = ApiError::new(Code::RateLimited, close.reason);
        let told = id.as_deref().filter(|_| close != close::SESSION);
        Refused { answer: told.map(|id| json::refused(Some(id), &error)), close }
    })?;
    let sync = cursors.zip(id).map(|(cursors, id)| begin(delivery, &here.session, id, cursors));
    Ok((here, answer, sync))
}

/// A sync whose gates are closed.
pub(super) fn begin(
    delivery: &Delivery,
    session: &Arc<Session>,
    id: String,
    cursors: Cursors,
) -> Box<Sync> {
    Sync::new(id, delivery.hub.clone(), delivery.inbound.clone(), session.clone(), cursors)
}

async fn first_frame(
    delivery: &Delivery,
    socket: &mut Socket,
    kind: DeviceKind,
) -> Result<Entrant, Refused> {
    let until = Instant::now() + delivery.config.timing.auth;
    let mut stopping = delivery.stopping.clone();
    for _ in 0..NOISE {
        let received = tokio::select! {
            received = timeout_at(until, socket.recv()) => received,
            () = stopping.wait() => return Err(close::RESTART.into()),
        };
        return match received {
            Ok(Received::Text(text)) => authenticate(delivery, text.text(), kind),
            Ok(Received::Control) => continue,
            Ok(Received::Binary(_)) => Err(close::BINARY.into()),
            Ok(Received::TooLarge) => Err(close::TOO_LARGE.into()),
            Ok(Received::Broken(_)) => Err(close::BAD_FRAME.into()),
            Ok(Received::Closed) => Err(close::NORMAL.into()),
            Err(_) => Err(close::AUTH_LATE.into()),
        };
    }
    Err(close::RATE.into())
}

fn authenticate(delivery: &Delivery, text: &str, kind: DeviceKind) -> Result<Entrant, Refused> {
    let request = json::parse(text)
        .map_err(|bad| Refused { answer: Some(bad.answer()), close: close::BAD_FRAME })?;
    let refused = |error: &ApiError, close| Refused {
        answer: Some(json::refused(Some(&request.id), error)),
        close,
    };
    if request.kind != "auth" {
        let error = ApiError::new(Code::Unauthenticated, "the first frame must be auth");
        return Err(refused(&error, close::TOKEN));
    }
    let checked = read(request.data).and_then(|auth| {
        let who = delivery.inbound.authenticate(&auth.token)?;
        Ok((who, auth.cursors()?, facts(auth.device, kind)?))
    });
    match checked {
        Ok((who, cursors, device)) => {
            let asked = cursors.is_some();
            let recovered = if asked { Recovered::Follows } else { Recovered::Unasked };
            let data = whoami(delivery, &who, recovered);
            let answer = json::answered(&request.id, data.as_bytes());
            Ok(Entrant { who, answer, id: Some(request.id.into_owned()), cursors, device })
        }
        Err(error) => {
            let close = match error.code {
                Code::SessionEnded => close::SESSION,
                Code::Overloaded | Code::OutcomeUnknown | Code::Internal => close::OVERLOAD,
                _ => close::TOKEN,
            };
            Err(refused(&error, close))
        }
    }
}

fn read(data: Option<&RawValue>) -> Result<Auth<'_>, ApiError> {
    let data = data.map_or("null", RawValue::get);
    serde_json::from_str(data).map_err(|error| {
        if error.to_string().starts_with("unknown field") {
            ApiError::new(Code::UnknownField, "auth has the fields token, cursors and device")
        } else {
            ApiError::new(Code::ValidationFailed, "auth needs a token")
        }
    })
}

/// The data of the answer to auth, and of the welcome.
fn whoami(delivery: &Delivery, who: &Identity, recovered: Recovered) -> String {
    let recovered = match recovered {
        Recovered::Unasked => "",
        Recovered::Follows => r#","recovered":true"#,
        Recovered::Refused => r#","recovered":false"#,
    };
    format!(
        r#"{{"userId":"{}","sessionId":"{}","serverTime":"{}"{recovered}}}"#,
        who.user,
        who.session,
        delivery.clock.now()
    )
}

/// Auth on a socket that is authenticated: a newer token of the same session shows that the session
/// was refreshed, and the socket lives as much longer. With cursors it is a sync too.
pub(super) fn renew(
    delivery: &Delivery,
    session: &Session,
    data: Option<&RawValue>,
) -> Result<(bytes::Bytes, Option<Cursors>), ApiError> {
    let auth = read(data)?;
    let cursors = auth.cursors()?;
    let shown = delivery.inbound.authenticate(&auth.token)?;
    let who = &session.who;
    if (shown.user, shown.session) != (who.user, who.session) {
        return Err(ApiError::new(Code::Conflict, "the socket belongs to another session"));
    }
    session.renewed(&shown);
    let (recovered, cursors) = match cursors {
        None => (Recovered::Unasked, None),
        Some(_) if session.syncing().is_some() => (Recovered::Refused, None),
        Some(cursors) => (Recovered::Follows, Some(cursors)),
    };
    Ok((whoami(delivery, &shown, recovered).into(), cursors))
}
