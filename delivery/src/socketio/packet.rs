//! Packets of Socket.IO 5 as text: `type [attachments-] [/namespace,] [ack] [JSON]`.
//!
//! Bytes do not stand in a packet: it says how many frames of bytes follow it, and [`Assembler`] puts
//! them together. Pure: any input is a packet or [`Malformed`], and everything has a bound.

use std::borrow::Cow;
use std::fmt::Write as _;

use bytes::Bytes;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::engineio::Text;
use crate::transport::Payload;

/// Longest name of a namespace, with its query, bytes.
pub(crate) const NAMESPACE_BYTES: usize = 256;
/// Most digits of an ack's number: every number that JavaScript counts exactly has so many at most.
pub(crate) const ACK_DIGITS: usize = 16;
/// Most frames of bytes that belong to one packet.
pub(crate) const ATTACHMENTS: usize = 10;
/// Names of events that clients give to themselves.
const RESERVED: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/// What a packet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Connect,
    Disconnect,
    Event,
    Ack,
    ConnectError,
    BinaryEvent,
    BinaryAck,
}

impl Kind {
    fn of(digit: u8) -> Option<Self> {
        Some(match digit {
            b'0' => Self::Connect,
            b'1' => Self::Disconnect,
            b'2' => Self::Event,
            b'3' => Self::Ack,
            b'4' => Self::ConnectError,
            b'5' => Self::BinaryEvent,
            b'6' => Self::BinaryAck,
            _ => return None,
        })
    }

    const fn digit(self) -> char {
        match self {
            Self::Connect => '0',
            Self::Disconnect => '1',
            Self::Event => '2',
            Self::Ack => '3',
            Self::ConnectError => '4',
            Self::BinaryEvent => '5',
            Self::BinaryAck => '6',
        }
    }

    const fn is_binary(self) -> bool {
        matches!(self, Self::BinaryEvent | Self::BinaryAck)
    }
}

/// Not a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// A packet, in the text that it came in.
#[derive(Clone, Debug)]
pub(crate) struct Packet<'a> {
    pub(crate) kind: Kind,
    /// With its slash, and without the query that may stand behind it.
    pub(crate) namespace: &'a str,
    pub(crate) ack: Option<u64>,
    /// Frames of bytes that belong to it.
    pub(crate) attachments: usize,
    /// As its kind has it: an object, an array, or nothing.
    pub(crate) data: Option<&'a RawValue>,
}

/// What an event says.
#[derive(Clone, Debug)]
pub(crate) struct Event<'a> {
    pub(crate) name: Cow<'a, str>,
    pub(crate) arguments: Vec<&'a RawValue>,
}

impl<'a> Packet<'a> {
    /// Reads a packet.
    pub(crate) fn decode(text: &'a str) -> Result<Self, Malformed> {
        let (kind, rest) = kind(text)?;
        let (attachments, rest) = if kind.is_binary() { attachments(rest)? } else { (0, rest) };
        let (namespace, rest) = if rest.starts_with('/') {
            rest.split_once(',').unwrap_or((rest, ""))
        } else {
            ("/", rest)
        };
        if namespace.len() > NAMESPACE_BYTES {
            return Err(Malformed);
        }
        let (namespace, _query) = namespace.split_once('?').unwrap_or((namespace, ""));
        let (ack, rest) = number(rest, ACK_DIGITS)?;
        let data: Option<&RawValue> = if rest.is_empty() {
            None
        } else {
            Some(serde_json::from_str(rest).map_err(|_| Malformed)?)
        };
        let packet = Self { kind, namespace, ack, attachments, data };
        if packet.is_sound() { Ok(packet) } else { Err(Malformed) }
    }

    /// Whether the data are what the kind has.
    fn is_sound(&self) -> bool {
        let first = self.data.and_then(|data| data.get().bytes().next());
        match self.kind {
            Kind::Connect => self.ack.is_none() && matches!(first, None | Some(b'{')),
            Kind::Disconnect => self.ack.is_none() && first.is_none(),
            Kind::ConnectError => self.ack.is_none() && matches!(first, Some(b'{' | b'"')),
            Kind::Event | Kind::BinaryEvent => first == Some(b'['),
            Kind::Ack | Kind::BinaryAck => self.ack.is_some() && first == Some(b'['),
        }
    }

    /// What an event, or an ack (without a name), says.
    pub(crate) fn event(&self) -> Result<Event<'a>, Malformed> {
        let mut arguments = self.arguments()?;
        if arguments.is_empty() {
            return Err(Malformed);
        }
        let name = arguments.remove(0).get();
        let name = if name.starts_with('"') {
            borrowed(name)?
        } else {
            // A number may be a name too.
            let number = name.bytes().next().is_some_and(|b| b == b'-' || b.is_ascii_digit());
            if number { Cow::Borrowed(name) } else { return Err(Malformed) }
        };
        if RESERVED.contains(&name.as_ref()) {
            return Err(Malformed);
        }
        Ok(Event { name, arguments })
    }

    /// The elements of its data.
    pub(crate) fn arguments(&self) -> Result<Vec<&'a RawValue>, Malformed> {
        let data = self.data.ok_or(Malformed)?;
        serde_json::from_str(data.get()).map_err(|_| Malformed)
    }

    /// Whether its data name only attachments that it has.
    fn attachments_are_there(&self) -> bool {
        let data = self.data.map_or("null", RawValue::get);
        serde_json::from_str(data).is_ok_and(|data| named(&data, self.attachments))
    }
}

/// A text that is borrowed if it has no escapes.
fn borrowed(json: &str) -> Result<Cow<'_, str>, Malformed> {
    match serde_json::from_str::<&str>(json) {
        Ok(text) => Ok(Cow::Borrowed(text)),
        Err(_) => serde_json::from_str::<String>(json).map(Cow::Owned).map_err(|_| Malformed),
    }
}

fn named(value: &Value, attachments: usize) -> bool {
    match value {
        Value::Array(values) => values.iter().all(|value| named(value, attachments)),
        Value::Object(object) if object.get("_placeholder") == Some(&Value::Bool(true)) => {
            let number = object.get("num").and_then(Value::as_u64);
            number.and_then(|n| usize::try_from(n).ok()).is_some_and(|n| n < attachments)
        }
        Value::Object(object) => object.values().all(|value| named(value, attachments)),
        _ => true,
    }
}

fn kind(text: &str) -> Result<(Kind, &str), Malformed> {
    let kind = text.bytes().next().and_then(Kind::of).ok_or(Malformed)?;
    Ok((kind, text.get(1..).unwrap_or("")))
}

/// The digits in front, at most so many.
fn number(text: &str, digits: usize) -> Result<(Option<u64>, &str), Malformed> {
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(end);
    if number.is_empty() {
        return Ok((None, rest));
    }
    if number.len() > digits {
        return Err(Malformed);
    }
    Ok((Some(number.parse().map_err(|_| Malformed)?), rest))
}

fn attachments(text: &str) -> Result<(usize, &str), Malformed> {
    let (number, rest) = number(text, 4)?;
    let count = number.and_then(|n| usize::try_from(n).ok()).ok_or(Malformed)?;
    let rest = rest.strip_prefix('-').ok_or(Malformed)?;
    if count > ATTACHMENTS { Err(Malformed) } else { Ok((count, rest)) }
}

/// A packet with everything that belongs to it.
#[derive(Clone, Debug)]
pub(crate) struct Whole {
    text: Text,
    /// Its frames of bytes, in order.
    pub(crate) attachments: Vec<Bytes>,
}

impl Whole {
    /// Its size in bytes.
    pub(crate) fn len(&self) -> usize {
        self.text.text().len() + self.attachments.iter().map(Bytes::len).sum::<usize>()
    }

    /// Whether it may be one of these events, told by its first bytes: a name that is written in another
    /// way than any client does is not known.
    pub(crate) fn may_be(&self, events: &[&str]) -> bool {
        let is = |name: &str| {
            let is = |event| name.strip_prefix(event).is_some_and(|rest| rest.starts_with('"'));
            events.iter().any(is)
        };
        let name = || {
            let event = self.text.text().strip_prefix('2')?;
            let (_, rest) =
                if event.starts_with('/') { event.split_once(',')? } else { ("", event) };
            rest.trim_start_matches(|digit: char| digit.is_ascii_digit()).strip_prefix("[\"")
        };
        name().is_some_and(is)
    }

    /// The packet.
    pub(crate) fn packet(&self) -> Result<Packet<'_>, Malformed> {
        Packet::decode(self.text.text())
    }
}

/// Puts packets and the bytes that follow them together.
#[derive(Debug)]
pub(crate) struct Assembler {
    /// Most bytes that follow one packet.
    most: usize,
    waiting: Option<Box<Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    whole: Whole,
    missing: usize,
    bytes: usize,
}

impl Assembler {
    /// `most`: bytes that may follow one packet, in all its frames.
    pub(crate) const fn new(most: usize) -> Self {
        Self { most, waiting: None }
    }

    /// A message of text: the packet, if nothing is missing.
    pub(crate) fn text(&mut self, text: Text) -> Result<Option<Whole>, Malformed> {
        if self.waiting.is_some() {
            return Err(Malformed);
        }
        let missing = match kind(text.text())? {
            (kind, rest) if kind.is_binary() => attachments(rest)?.0,
            _ => 0,
        };
        let whole = Whole { text, attachments: Vec::new() };
        if missing == 0 {
            return Ok(Some(whole));
        }
        if !whole.packet()?.attachments_are_there() {
            return Err(Malformed);
        }
        self.waiting = Some(Box::new(Waiting { whole, missing, bytes: 0 }));
        Ok(None)
    }

    /// A message of bytes: the packet, if it was the last that was missing.
    pub(crate) fn binary(&mut self, bytes: Bytes) -> Result<Option<Whole>, Malformed> {
        let mut waiting = self.waiting.take().ok_or(Malformed)?;
        waiting.bytes += bytes.len();
        if waiting.bytes > self.most {
            return Err(Malformed);
        }
        waiting.whole.attachments.push(bytes);
        waiting.missing -= 1;
        if waiting.missing == 0 {
            return Ok(Some(waiting.whole));
        }
        self.waiting = Some(waiting);
        Ok(None)
    }
}

/// What a packet that is written begins with, up to its data: behind the digit of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head<'a> {
    pub(crate) kind: Kind,
    pub(crate) namespace: &'a str,
    pub(crate) ack: Option<u64>,
    pub(crate) attachments: usize,
}

impl<'a> Head<'a> {
    /// Of a packet without a number and without bytes.
    pub(crate) const fn new(kind: Kind, namespace: &'a str) -> Self {
        Self { kind, namespace, ack: None, attachments: 0 }
    }

    /// The packet with this JSON, or with nothing.
    pub(crate) fn with(self, data: &str) -> Payload {
        let mut out = String::with_capacity(data.len() + self.namespace.len() + 24);
        out.push('4');
        out.push(self.kind.digit());
        // Writing to a string does not fail.
        if self.kind.is_binary() {
            let _written = write!(out, "{}-", self.attachments);
        }
        if self.namespace != "/" {
            out.push_str(self.namespace);
            out.push(',');
        }
        if let Some(ack) = self.ack {
            let _written = write!(out, "{ack}");
        }
        out.push_str(data);
        Payload::from(out)
    }

    /// The packet of an event.
    pub(crate) fn event<'b>(
        self,
        name: &str,
        arguments: impl IntoIterator<Item = &'b RawValue>,
    ) -> Payload {
        self.with(&list(Some(Value::from(name).to_string()), arguments))
    }

    /// The packet of an ack.
    pub(crate) fn ack<'b>(self, arguments: impl IntoIterator<Item = &'b RawValue>) -> Payload {
        self.with(&list(None, arguments))
    }
}

fn list<'a>(first: Option<String>, rest: impl IntoIterator<Item = &'a RawValue>) -> String {
    let mut data = String::from("[");
    let mut any = first.is_some();
    data.push_str(&first.unwrap_or_default());
    for argument in rest {
        if any {
            data.push(',');
        }
        any = true;
        data.push_str(argument.get());
    }
    data.push(']');
    data
}

#[cfg(test)]
mod tests;
