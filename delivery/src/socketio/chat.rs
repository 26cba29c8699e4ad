//! Socket.IO as a session speaks it: a connection of the engine with its namespaces.
//!
//! A session is one connection, whichever namespaces are joined on it: the second shows a token of the
//! same session, and when both have been left the session ends. What is pushed is encoded once for the
//! node ([`Frame::packets`]); this task only chooses.

use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use schemas::{ApiError, Code, ConversationId, UserId, limits};
use tokio::time::{Duration, Instant, timeout};

use super::acks::To;
use super::connect;
use super::events::event;
use super::namespace::Namespace;
use super::packet::{Assembler, Head, Kind, Packet, Whole};
use super::received::Received;
use super::requests::{self, Asked, Then};
use super::rooms::Rooms;
use crate::engineio::{self, Connection};
use crate::frame::Frame;
use crate::hub::Hub;
use crate::presence;
use crate::protocol::close::{self, Close};
use crate::session::Session;
use crate::session::wire::{Handed, Handled, Heard, Receipt, Speaks, Wire, ask};
use crate::transport::{Gone, Payload};
use crate::{Delivery, Timing};

/// Steps in which those are sent away that have lost something in the same moment.
const STEPS: u32 = 64;

/// What is written in answer to something, and what is so from then on.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(super) event: Option<Payload>,
    pub(super) ack: Option<Payload>,
    pub(super) shows: Option<(Namespace, ConversationId)>,
}

impl From<Payload> for Answer {
    fn from(packet: Payload) -> Self {
        Self { ack: Some(packet), ..Self::default() }
    }
}

/// See the module.
pub(crate) struct Chat {
    pub(super) connection: Connection,
    assembler: Assembler,
    pub(super) rooms: Rooms,
    /// Whose it is, once that is known.
    user: UserId,
    /// Who is told what is on its screen, once it is a session.
    here: Option<(Arc<Hub>, Arc<Session>)>,
    received: Received,
    /// When its client is told to come back with another connection, if it is to be.
    ends: Option<Instant>,
    /// How long after the reason for that: not everybody comes back at once.
    patience: Duration,
}

impl Chat {
    /// A connection on which nothing was said.
    pub(super) fn new(connection: Connection) -> Self {
        Self {
            connection,
            assembler: Assembler::new(limits::BODY_BYTES),
            rooms: Rooms::default(),
            user: UserId(uuid::Uuid::nil()),
            here: None,
            received: Received::default(),
            ends: None,
            patience: Duration::ZERO,
        }
    }

    /// It is known whose it is.
    pub(super) fn belongs_to(&mut self, user: UserId) {
        self.user = user;
    }

    /// It is a session now.
    pub(super) fn begins(&mut self, delivery: &Delivery, session: &Arc<Session>) {
        self.here = Some((delivery.hub.clone(), session.clone()));
        // Those that came together go one after another.
        let step = u32::try_from(session.number % u64::from(STEPS)).unwrap_or(0);
        self.patience = delivery.config.timing.spread * step / STEPS;
    }

    /// A conversation is off the screen of a namespace.
    fn off_screen(&self, conversation: ConversationId) {
        if let Some((hub, session)) = &self.here
            && !self.rooms.shows(conversation)
        {
            hub.off_screen(session, conversation);
        }
    }

    pub(super) async fn write(&mut self, packet: Payload) -> Result<(), Gone> {
        self.connection.feed(engineio::Packet::Text(packet)).await
    }

    /// Says goodbye: on every namespace if the client is not to come back by itself.
    pub(super) async fn close(mut self, close: Close, timing: Timing, comes_back: bool) {
        let Timing { linger, drain, .. } = timing;
        let linger = if self.fetches(close, drain) { linger } else { Duration::ZERO };
        if self.ends.is_some() && comes_back {
            let resync = async {
                for namespace in Namespace::ALL.into_iter().filter(|name| self.rooms.has(*name)) {
                    let packet = event(namespace, "resync", "{}");
                    self.connection.feed(engineio::Packet::Text(packet)).await?;
                }
                self.connection.flush().await
            };
            // If it does not get through, its client still comes back.
            drop(timeout(linger, resync).await);
        }
        if !comes_back {
            let goodbye = async {
                for namespace in Namespace::ALL {
                    if self.rooms.has(namespace) {
                        let head = Head::new(Kind::Disconnect, namespace.name());
                        self.connection.feed(engineio::Packet::Text(head.with(""))).await?;
                    }
                }
                self.connection.flush().await?;
                // The stock client looks at the end of a transport before it looks at what came with it.
                self.connection.fetched().await;
                Ok::<_, Gone>(())
            };
            // If it does not get through, the end of the connection still says that it is over.
            drop(timeout(linger, goodbye).await);
        }
        self.connection.close(close, linger).await;
    }

    /// Whether polls may fetch what is said at the end. One that has not fetched in time what waits for it
    /// has had its time (G-17); one that is told to resync has not.
    fn fetches(&self, close: Close, drain: Duration) -> bool {
        if close != close::SLOW || !self.connection.polls() {
            return true;
        }
        let waits = self.connection.waits().is_some_and(|since| since.elapsed() >= drain);
        !waits && self.ends.is_some_and(|at| at <= Instant::now())
    }

    fn begin(&mut self, delivery: &Arc<Delivery>, session: &Arc<Session>, whole: &Whole) -> Begun {
        let Ok(packet) = whole.packet() else {
            return Handled::End(None, close::BAD_FRAME).into();
        };
        match packet.kind {
            Kind::Connect => self.connect(delivery, session, &packet).into(),
            Kind::Disconnect => {
                if let Some(namespace) = Namespace::named(packet.namespace) {
                    for conversation in self.rooms.leave(namespace) {
                        self.off_screen(conversation);
                    }
                }
                if self.rooms.is_empty() {
                    return Handled::End(None, close::NORMAL).into();
                }
                Handled::Answer(None).into()
            }
            Kind::Event | Kind::BinaryEvent => self.event(&packet),
            Kind::Ack | Kind::BinaryAck => Handled::Answer(None).into(),
            Kind::ConnectError => Handled::End(None, close::BAD_FRAME).into(),
        }
    }

    /// Another namespace, on a session that there is.
    fn connect(
        &mut self,
        delivery: &Delivery,
        session: &Session,
        packet: &Packet<'_>,
    ) -> Handled<Answer> {
        let Some(namespace) = Namespace::named(packet.namespace) else {
            return Handled::Answer(Some(connect::no_namespace(packet.namespace).into()));
        };
        if self.rooms.has(namespace) {
            return Handled::Answer(None);
        }
        let shown = connect::authenticate(delivery, &self.connection.opening, packet.data);
        let who = &session.who;
        let shown = shown.and_then(|shown| {
            if (shown.user, shown.session) == (who.user, who.session) {
                return Ok(shown);
            }
            let message = "the connection belongs to another session";
            Err(ApiError::new(Code::Conflict, message))
        });
        match shown {
            Ok(shown) => {
                session.renewed(&shown);
                self.rooms.enter(namespace);
                let answer = connect::connected(&*delivery.clock, namespace, &shown);
                Handled::Answer(Some(answer))
            }
            Err(error) => Handled::Answer(Some(connect::refused(namespace, &error).into())),
        }
    }

    fn event(&mut self, packet: &Packet<'_>) -> Begun {
        let known = Namespace::named(packet.namespace).filter(|name| self.rooms.has(*name));
        // What was sent before a namespace was left comes after that.
        let Some(namespace) = known else { return Handled::Answer(None).into() };
        let to = To { namespace, ack: packet.ack };
        let Ok(event) = packet.event() else {
            return Handled::End(None, close::BAD_FRAME).into();
        };
        let asked = requests::read(namespace, &event.name, event.arguments.first().copied());
        let unknown = matches!(&asked, Err(error) if error.code == Code::Unsupported);
        let asked = if packet.attachments > 0 && !unknown {
            Err(ApiError::new(Code::Unsupported, "no event here takes binary data"))
        } else {
            asked
        };
        match asked {
            // An event that is not ours is somebody else's affair, unless he waits for an answer.
            Err(_) if unknown && to.ack.is_none() => Handled::Answer(None).into(),
            Err(error) => Handled::Answer(Some(to.refused(&error).into())).into(),
            Ok(Asked::Nothing) => Handled::Answer(to.said("").map(Answer::from)).into(),
            Ok(Asked::Leave(conversation)) => {
                self.rooms.hide(namespace, conversation);
                self.off_screen(conversation);
                let said = to.said(r#""message":"Left the conversation""#);
                Handled::Answer(said.map(Answer::from)).into()
            }
            Ok(Asked::Accept(_, _, Then::Join(conversation)))
                if !self.rooms.has_room(namespace, conversation) =>
            {
                let message = format!("at most {} conversations are on screen", limits::ON_SCREEN);
                let error = ApiError::new(Code::ValidationFailed, message);
                Handled::Answer(Some(to.refused(&error).into())).into()
            }
            Ok(Asked::Accept(kind, data, then)) => Begun::Ask { to, kind, data, then },
        }
    }
}

/// What has become of a packet so far.
enum Begun {
    Done(Handled<Answer>),
    Ask { to: To, kind: &'static str, data: Box<serde_json::value::RawValue>, then: Then },
}

impl From<Handled<Answer>> for Begun {
    fn from(handled: Handled<Answer>) -> Self {
        Self::Done(handled)
    }
}

impl Wire for Chat {
    type Request = Whole;
    type Answer = Answer;

    fn speaks(&self) -> Speaks {
        if self.connection.polls() { Speaks::Polling } else { Speaks::SocketIo }
    }

    fn asked(request: &Whole) -> usize {
        request.len()
    }

    fn size(answer: &Answer) -> usize {
        [&answer.event, &answer.ack].into_iter().flatten().map(Payload::len).sum()
    }

    async fn recv(&mut self) -> Heard<Whole> {
        let received = self.connection.recv().await;
        // What waits for a poll has not arrived.
        if self.connection.drained() {
            self.received.heard();
        }
        let whole = match received {
            engineio::Received::Text(text) => self.assembler.text(text),
            engineio::Received::Binary(bytes) => self.assembler.binary(bytes),
            engineio::Received::Alive => return Heard::Control,
            engineio::Received::Closed => return Heard::End(close::NORMAL),
            engineio::Received::TooLarge => return Heard::End(close::TOO_LARGE),
            engineio::Received::Broken(_) => return Heard::End(close::BAD_FRAME),
        };
        match whole {
            Ok(Some(whole)) => Heard::Request(whole),
            Ok(None) => Heard::Control,
            Err(_) => Heard::End(close::BAD_FRAME),
        }
    }

    fn handle(
        &mut self,
        delivery: &Arc<Delivery>,
        session: &Arc<Session>,
        request: Whole,
    ) -> BoxFuture<'static, Handled<Answer>> {
        let (to, kind, data, then) = match self.begin(delivery, session, &request) {
            Begun::Done(handled) => return ready(handled).boxed(),
            Begun::Ask { to, kind, data, then } => (to, kind, data, then),
        };
        let (delivery, session, size) = (delivery.clone(), session.clone(), request.len());
        let asking = async move {
            match ask(&delivery, &session, kind, Some(&data)).await {
                Ok(outcome) => Handled::Accepted(
                    size,
                    outcome.map(move |outcome| Some(answer(to, then, outcome))).boxed(),
                ),
                Err(error) => Handled::Answer(Some(to.refused(&error).into())),
            }
        };
        asking.boxed()
    }

    fn leaves(&self, request: &Whole) -> bool {
        request.packet().is_ok_and(|packet| packet.kind == Kind::Disconnect)
    }

    fn repeats(&self, session: &Session, request: &Whole) -> bool {
        let asked = || {
            let packet = request.packet().ok()?;
            let namespace =
                Namespace::named(packet.namespace).filter(|name| self.rooms.has(*name))?;
            let event = packet.event().ok()?;
            requests::read(namespace, &event.name, event.arguments.first().copied()).ok()
        };
        let may_be =
            request.len() <= presence::OF_DEVICE_BYTES && request.may_be(&requests::OF_DEVICE);
        match may_be.then(asked).flatten() {
            Some(Asked::Accept(kind, data, _)) => presence::repeats(session, kind, Some(&data)),
            _ => false,
        }
    }

    fn refuse(&mut self, request: &Whole, error: &ApiError) -> Option<Answer> {
        let packet = request.packet().ok()?;
        let namespace = Namespace::named(packet.namespace);
        let joined = namespace.filter(|name| self.rooms.has(*name));
        match packet.kind {
            Kind::Event | Kind::BinaryEvent => {
                Some(To { namespace: joined?, ack: packet.ack }.refused(error).into())
            }
            Kind::Connect if joined.is_none() => Some(match namespace {
                Some(namespace) => connect::refused(namespace, error).into(),
                None => connect::no_namespace(packet.namespace).into(),
            }),
            // The number of an acknowledgement is the client's own here: it would be taken for ours.
            _ => None,
        }
    }

    fn answer(&mut self, answer: Answer) -> impl Future<Output = Result<(), Gone>> + Send {
        let Answer { event, ack, shows } = answer;
        if let Some((namespace, conversation)) = shows {
            self.rooms.show(namespace, conversation);
            if let Some((hub, session)) = &self.here
                && self.rooms.shows(conversation)
            {
                hub.on_screen(session, conversation);
            }
        }
        // One after another, and no loop: an idle session keeps the room for the largest of its futures.
        async move {
            if let Some(event) = event {
                self.write(event).await?;
            }
            if let Some(ack) = ack {
                self.write(ack).await?;
            }
            Ok(())
        }
    }

    async fn push(&mut self, hub: &Hub, frame: &Frame) -> Result<Handed, Gone> {
        let (packets, mut whole, mut late) = (frame.packets(self.user), None, false);
        if packets.owed.is_some() && self.rooms.has(Namespace::Root) {
            // Boxed: not part of what an idle session keeps.
            (whole, late) = Box::pin(frame.whole(self.user, hub)).await;
        }
        let packets = whole.as_deref().unwrap_or(packets);
        if packets.resync {
            self.ends.get_or_insert_with(|| Instant::now() + self.patience);
            return Ok(Handed::default());
        }
        let mut size = 0;
        for namespace in Namespace::ALL {
            if !self.rooms.wants(namespace, packets, self.user) {
                continue;
            }
            for packet in packets.of(namespace) {
                size += packet.len();
                self.connection.feed(engineio::Packet::Text(packet.clone())).await?;
            }
        }
        if let Some(message) = packets.message.filter(|message| message.sender != self.user)
            && self.rooms.has(Namespace::Root)
        {
            self.received.wrote(&message);
        }
        Ok(Handed { size, late })
    }

    async fn ping(&mut self) -> Result<(), Gone> {
        self.connection.ping().await
    }

    async fn flush(&mut self) -> Result<(), Gone> {
        self.connection.flush().await
    }

    fn over(&self) -> Option<(Instant, Close)> {
        self.ends.map(|at| (at, close::SLOW))
    }

    fn stuck(&self) -> Option<Instant> {
        self.connection.waits()
    }

    fn receipt(&mut self, now: Instant) -> Receipt {
        self.received.look(now)
    }
}

fn answer(to: To, then: Then, outcome: Result<bytes::Bytes, ApiError>) -> Answer {
    let shows = match then {
        Then::Join(conversation) if outcome.is_ok() => Some((to.namespace, conversation)),
        _ => None,
    };
    let (event, ack) = to.outcome(then, outcome);
    Answer { event, ack, shows }
}
