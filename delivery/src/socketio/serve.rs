//! From a connection of the engine to a session, and its end.
//!
//! The order is that of `/ws` (`session::handshake`): whoever has the answer to his first `CONNECT` misses
//! nothing that happens afterwards. A client that is to come back by itself (the node shuts down, it was
//! too slow) sees its transport end; one whose session is over is told so on every namespace, after
//! which the stock client stays away.

use std::pin::Pin;
use std::sync::Arc;

use axum::response::Response;
use http::HeaderMap;
use http::request::Parts;
use platform::inbound::Identity;
use schemas::{ApiError, Code};
use tokio::time::{Instant, timeout, timeout_at};

use super::chat::{Answer, Chat};
use super::connect;
use super::namespace::Namespace;
use super::packet::{Kind, Whole};
use crate::Delivery;
use crate::engineio::{Application, Connection, Cors};
use crate::presence::Facts;
use crate::protocol::close::{self, Close};
use crate::session::entry::{self, Here};
use crate::session::task;
use crate::session::wire::{Heard, Wire};
use crate::transport::Payload;
use crate::upgrade::{self, Place};

/// Packets that are put up with before a namespace is joined.
const TRIES: usize = 16;

/// Somebody who has shown a valid token.
struct Entrant {
    namespace: Namespace,
    who: Identity,
    device: Facts,
}

/// Serves what is opened under `/socket.io/`.
pub(crate) struct Server(pub(crate) Arc<Delivery>);

impl Application for Server {
    type Place = Place;

    fn cors(&self, headers: &HeaderMap) -> Cors {
        let allowed = &self.0.config.allowed_origins;
        if allowed.iter().any(|origin| origin == "*") {
            Cors::Anyone
        } else if upgrade::origin_allowed(headers, allowed) {
            Cors::Allowed
        } else {
            Cors::Refused
        }
    }

    fn admit(&self, parts: &Parts) -> Result<Place, Box<Response>> {
        upgrade::admit_stranger(&self.0, parts)
    }

    fn serve(
        self: Arc<Self>,
        connection: Connection,
        place: Place,
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        // Boxed by itself: a future holds twice what it is given by value.
        let chat = Box::new(Chat::new(connection));
        Box::pin(serve(self.0.clone(), chat, place))
    }
}

async fn serve(delivery: Arc<Delivery>, mut chat: Box<Chat>, mut place: Place) {
    delivery.metrics.sockets_opened.inc();
    // Boxed, as what is said at the end: neither is part of what an idle session keeps.
    let entered = Box::pin(enter(&delivery, &mut chat, &mut place)).await;
    let (close, comes_back) = match entered {
        Ok((here, first)) => {
            let session = &here.session;
            let close = task::run(&delivery, session, &mut *chat, first, None).await;
            tracing::debug!(session = session.number, code = close.code, "a socket closes");
            // One that has only not been refreshed shows its newest token when it comes back.
            let lapsed = session.left(delivery.clock.now()).is_none();
            (close, close != close::SESSION || lapsed)
        }
        Err(close) => (close, true),
    };
    let code = close.code.to_string();
    delivery.metrics.sockets_closed.with_label_values(&[&code]).inc();
    Box::pin(chat.close(close, delivery.config.timing, comes_back)).await;
    drop(place);
}

/// The first namespace.
async fn enter(
    delivery: &Arc<Delivery>,
    chat: &mut Chat,
    place: &mut Place,
) -> Result<(Here, Answer), Close> {
    let until = Instant::now() + delivery.config.timing.auth;
    let mut stopping = delivery.stopping.clone();
    for _ in 0..TRIES {
        let heard = tokio::select! {
            heard = timeout_at(until, chat.recv()) => heard.map_err(|_| close::AUTH_LATE)?,
            () = stopping.wait() => return Err(close::RESTART),
        };
        let whole = match heard {
            Heard::Request(whole) => whole,
            Heard::Control => continue,
            Heard::End(close) => return Err(close),
        };
        match joins(delivery, chat, &whole)? {
            Ok(entrant) => return join(delivery, chat, place, (entrant, until)).await,
            Err(refusal) => say(delivery, chat, refusal).await?,
        }
    }
    Err(close::RATE)
}

/// Who joins what, or what is said to him.
fn joins(
    delivery: &Delivery,
    chat: &Chat,
    whole: &Whole,
) -> Result<Result<Entrant, Payload>, Close> {
    let packet = whole.packet().map_err(|_| close::BAD_FRAME)?;
    if packet.kind != Kind::Connect {
        return Err(close::BAD_FRAME);
    }
    let Some(namespace) = Namespace::named(packet.namespace) else {
        return Ok(Err(connect::no_namespace(packet.namespace)));
    };
    match connect::authenticate(delivery, &chat.connection.opening, packet.data) {
        Ok(who) => {
            let device = connect::device(&chat.connection.opening, packet.data);
            Ok(Ok(Entrant { namespace, who, device }))
        }
        // Nobody can say who he is now: the stock client tries again when its transport ends.
        Err(error) if error.code.retryable() => Err(close::OVERLOAD),
        Err(error) => Ok(Err(connect::refused(namespace, &error))),
    }
}

async fn join(
    delivery: &Arc<Delivery>,
    chat: &mut Chat,
    place: &mut Place,
    (Entrant { namespace, who, device }, until): (Entrant, Instant),
) -> Result<(Here, Answer), Close> {
    place.authenticated();
    let first = connect::connected(&*delivery.clock, namespace, &who);
    chat.belongs_to(who.user);
    let speaks = chat.speaks();
    // His client shows nothing before it is joined, and can not resync without another connection: it waits.
    let until = until.max(Instant::now() + entry::LOAD);
    let entered = entry::enter(delivery, who, until, |session| {
        session.begins_to(speaks);
        session.device.describe(device);
    });
    match entered.await {
        Ok(here) => {
            chat.connection.opening.user_agent = None;
            chat.rooms.enter(namespace);
            chat.begins(delivery, &here.session);
            Ok((here, first))
        }
        Err(close @ (close::SESSION | close::SOCKETS)) => {
            let (code, text) = match close {
                close::SESSION => (Code::SessionEnded, "Session ended"),
                _ => (Code::RateLimited, close.reason),
            };
            say(delivery, chat, connect::refused(namespace, &ApiError::new(code, text))).await?;
            // He is a stranger no more, and no session: nothing would count him.
            Err(close)
        }
        Err(close) => Err(close),
    }
}

async fn say(delivery: &Delivery, chat: &mut Chat, packet: Payload) -> Result<(), Close> {
    let saying = async {
        chat.write(packet).await?;
        chat.flush().await
    };
    match timeout(delivery.config.timing.linger, saying).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(close::NORMAL),
        Err(_) => Err(close::SLOW),
    }
}
