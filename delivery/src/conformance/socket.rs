//! Socket.IO: on `/` and `/custom`, who connects is told his auth; `message` comes back as
//! `message-back`, `message-with-ack` as its ack, with the same arguments.

use std::collections::{BTreeSet, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::response::Response;
use http::HeaderMap;
use http::request::Parts;
use serde_json::value::RawValue;

use super::MAX_PAYLOAD;
use super::engine::{Answers, BYE, drive};
use crate::engineio::{Application, Connection, Cors, Packet, Received, Sid};
use crate::protocol::close::Close;
use crate::socketio::packet::{ATTACHMENTS, Assembler, Head, Kind, Malformed, Whole};

/// Between the answer to a handshake and what follows.
const PAUSE: Duration = Duration::from_millis(15);
/// The namespaces that there are.
const NAMESPACES: [&str; 2] = ["/", "/custom"];

/// Socket.IO's.
#[derive(Debug)]
pub(super) struct Echo;

impl Application for Echo {
    type Place = ();

    fn cors(&self, _: &HeaderMap) -> Cors {
        Cors::Anyone
    }

    fn admit(&self, _: &Parts) -> Result<(), Box<Response>> {
        Ok(())
    }

    fn serve(
        self: Arc<Self>,
        connection: Connection,
        (): (),
    ) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let assembler = Assembler::new(ATTACHMENTS * MAX_PAYLOAD);
        Box::pin(drive(connection, Client { assembler, connected: BTreeSet::new() }))
    }
}

struct Client {
    assembler: Assembler,
    connected: BTreeSet<&'static str>,
}

impl Answers for Client {
    fn pause(&self, packet: &Packet) -> Option<Duration> {
        // What tells of the auth follows.
        matches!(packet, Packet::Text(text) if text.text().starts_with("40")).then_some(PAUSE)
    }

    fn answer(&mut self, received: Received, out: &mut VecDeque<Packet>) -> Result<(), Close> {
        let whole = match received {
            Received::Text(text) => self.assembler.text(text),
            Received::Binary(bytes) => self.assembler.binary(bytes),
            _ => Ok(None),
        };
        match whole {
            Ok(None) => Ok(()),
            Ok(Some(whole)) => self.handle(&whole, out).map_err(|Malformed| BYE),
            Err(Malformed) => Err(BYE),
        }
    }
}

impl Client {
    fn handle(&mut self, whole: &Whole, out: &mut VecDeque<Packet>) -> Result<(), Malformed> {
        let packet = whole.packet()?;
        let known = NAMESPACES.into_iter().find(|name| *name == packet.namespace);
        let Some(namespace) = known else {
            if packet.kind != Kind::Connect {
                return Err(Malformed);
            }
            let refusal = Head::new(Kind::ConnectError, packet.namespace);
            out.push_back(Packet::Text(refusal.with(r#"{"message":"Invalid namespace"}"#)));
            return Ok(());
        };
        if packet.kind == Kind::Connect {
            self.connected.insert(namespace);
            let connected = Head::new(Kind::Connect, namespace);
            out.push_back(Packet::Text(connected.with(&format!(r#"{{"sid":"{}"}}"#, Sid::new()))));
            let auth = packet.data.map_or("{}", RawValue::get);
            let told = Head::new(Kind::Event, namespace).with(&format!(r#"["auth",{auth}]"#));
            out.push_back(Packet::Text(told));
            return Ok(());
        }
        if !self.connected.contains(namespace) {
            return Err(Malformed);
        }
        match packet.kind {
            Kind::Disconnect => {
                self.connected.remove(namespace);
            }
            Kind::Event | Kind::BinaryEvent => echo(whole, namespace, out)?,
            Kind::Connect | Kind::Ack | Kind::BinaryAck | Kind::ConnectError => {}
        }
        Ok(())
    }
}

fn echo(whole: &Whole, namespace: &str, out: &mut VecDeque<Packet>) -> Result<(), Malformed> {
    let packet = whole.packet()?;
    let event = packet.event()?;
    let binary = packet.kind == Kind::BinaryEvent;
    let (plain, with_bytes) = match event.name.as_ref() {
        "message" => (Kind::Event, Kind::BinaryEvent),
        "message-with-ack" if packet.ack.is_some() => (Kind::Ack, Kind::BinaryAck),
        _ => return Ok(()),
    };
    let head = Head {
        kind: if binary { with_bytes } else { plain },
        namespace,
        ack: packet.ack.filter(|_| plain == Kind::Ack),
        attachments: packet.attachments,
    };
    let answer = if plain == Kind::Ack {
        head.ack(event.arguments)
    } else {
        head.event("message-back", event.arguments)
    };
    out.push_back(Packet::Text(answer));
    out.extend(whole.attachments.iter().cloned().map(Packet::Binary));
    Ok(())
}
