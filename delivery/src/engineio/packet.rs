//! Packets and payloads as they are written.
//!
//! A packet is a digit and text; a payload of HTTP is packets with a separator between them, in which
//! bytes stand as `b` and base64. A WebSocket carries a packet per frame, and bytes as they are. Pure:
//! any input is a packet or [`Malformed`].

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;

use crate::transport::Payload;

/// Between the packets of a payload.
const SEPARATOR: u8 = 0x1e;
/// Most packets of one payload.
pub(super) const PAYLOAD_PACKETS: usize = 8_192;
/// Base64 that is read with or without its padding, as the reference does.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The text of a message. It is kept with its digit before it, which is not shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Text(Payload);

impl Text {
    /// The text.
    pub(crate) fn text(&self) -> &str {
        self.0.text().get(1..).unwrap_or("")
    }

    /// A message of this text.
    #[cfg(test)]
    pub(crate) fn of(text: &str) -> Self {
        Self(format!("4{text}").into())
    }

    /// The text with the digit of a message before it: as it came, and as an echo goes.
    pub(crate) fn packet(self) -> Payload {
        self.0
    }
}

/// What is handed over for writing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Packet {
    /// A packet of text, its digit before it.
    Text(Payload),
    /// A message of bytes.
    Binary(Bytes),
}

/// What comes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum In {
    Message(Text),
    Binary(Bytes),
    /// A ping, which only the server sends.
    Ping,
    /// The question whether a WebSocket gets through.
    Probe,
    Pong,
    Close,
    Upgrade,
    /// Says nothing, or nothing to a server.
    Noop,
}

/// Not a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

impl In {
    /// Bytes that it holds, itself among them.
    pub(super) fn len(&self) -> usize {
        let held = match self {
            Self::Message(text) => text.0.len(),
            Self::Binary(bytes) => bytes.len(),
            _ => 0,
        };
        held + size_of::<Self>()
    }
}

/// A packet of text, as a frame of a WebSocket brings it.
pub(super) fn packet(text: Payload) -> Result<In, Malformed> {
    let (kind, rest) = text.text().as_bytes().split_first().ok_or(Malformed)?;
    Ok(match (kind, rest) {
        (b'4', _) => In::Message(Text(text)),
        (b'1', _) => In::Close,
        (b'2', b"probe") => In::Probe,
        (b'2', _) => In::Ping,
        (b'3', _) => In::Pong,
        (b'5', _) => In::Upgrade,
        (b'0' | b'6', _) => In::Noop,
        _ => return Err(Malformed),
    })
}

/// The packets of a payload, as the body of a POST brings them.
pub(super) fn payload(body: &[u8]) -> Result<Vec<In>, Malformed> {
    let body = std::str::from_utf8(body).map_err(|_| Malformed)?;
    let mut packets = Vec::new();
    for part in body.split(char::from(SEPARATOR)) {
        if packets.len() >= PAYLOAD_PACKETS {
            return Err(Malformed);
        }
        packets.push(match part.strip_prefix('b') {
            Some(text) => In::Binary(bytes(text)?),
            None => packet(part.to_owned().into())?,
        });
    }
    Ok(packets)
}

/// What base64 stands for. Beside what we write ourselves, that is the alphabet of addresses, and lines: the
/// stock client for Java ends its lines of base64 with a line feed.
fn bytes(text: &str) -> Result<Bytes, Malformed> {
    if let Ok(bytes) = BASE64.decode(text) {
        return Ok(bytes.into());
    }
    let plain = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).map(|byte| match byte {
        b'-' => b'+',
        b'_' => b'/',
        other => other,
    });
    BASE64.decode(plain.collect::<Vec<u8>>()).map(Bytes::from).map_err(|_| Malformed)
}

/// Packets that wait for a poll, as the poll will get them.
#[derive(Debug, Default)]
pub(super) struct Outbox(String);

impl Outbox {
    /// Bytes that wait.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Adds a packet.
    pub(super) fn push(&mut self, packet: &Packet) {
        match packet {
            Packet::Text(text) => self.push_text(text.text()),
            Packet::Binary(bytes) => {
                self.separate();
                self.0.push('b');
                BASE64.encode_string(bytes, &mut self.0);
            }
        }
    }

    /// Adds a packet of text.
    pub(super) fn push_text(&mut self, packet: &str) {
        self.separate();
        self.0.push_str(packet);
    }

    fn separate(&mut self) {
        if !self.0.is_empty() {
            self.0.push(char::from(SEPARATOR));
        }
    }

    /// What waits, as a body. Nothing is kept of its memory.
    pub(super) fn take(&mut self) -> Bytes {
        std::mem::take(&mut self.0).into()
    }

    /// Puts back what was taken and reached nobody. It is from here, so it is text.
    pub(super) fn restore(&mut self, body: Bytes) {
        self.0 = String::from_utf8(body.into()).unwrap_or_default();
    }

    /// What waits, as packets for a WebSocket.
    pub(super) fn packets(&mut self) -> Vec<Packet> {
        let body = std::mem::take(&mut self.0);
        let parts = body.split(char::from(SEPARATOR)).filter(|part| !part.is_empty());
        let packet = |part: &str| match part.strip_prefix('b') {
            Some(text) => Packet::Binary(BASE64.decode(text).unwrap_or_default().into()),
            None => Packet::Text(part.to_owned().into()),
        };
        parts.map(packet).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(packet: &str) -> Packet {
        Packet::Text(packet.to_owned().into())
    }

    fn message(text: &str) -> In {
        In::Message(Text(format!("4{text}").into()))
    }

    #[test]
    fn a_payload_is_packets_with_separators() {
        let read = payload(b"4hello\x1e2\x1e2probe\x1e3\x1ebAQIDBA==\x1e1\x1e6\x1e5\x1e4");
        let bytes = In::Binary(Bytes::from_static(&[1, 2, 3, 4]));
        assert_eq!(
            read.unwrap(),
            [
                message("hello"),
                In::Ping,
                In::Probe,
                In::Pong,
                bytes,
                In::Close,
                In::Noop,
                In::Upgrade,
                message("")
            ]
        );
        let read = payload(b"bAQIDBA").unwrap();
        assert_eq!(read, [In::Binary(Bytes::from_static(&[1, 2, 3, 4]))], "without padding");
    }

    #[test]
    fn base64_is_read_as_clients_write_it() {
        for (written, bytes) in [
            ("bAQI=\n", &[1, 2][..]),
            ("bAQ\r\nI=\r\n", &[1, 2]),
            ("b AQ\tI", &[1, 2]),
            ("b-_8=", &[0xfb, 0xff]),
            ("b-_8", &[0xfb, 0xff]),
            ("b+/8=", &[0xfb, 0xff]),
            ("b\n", &[]),
            ("b", &[]),
        ] {
            let read = payload(written.as_bytes());
            assert_eq!(read, Ok(vec![In::Binary(Bytes::copy_from_slice(bytes))]), "{written:?}");
        }
    }

    #[test]
    fn what_is_not_packets_is_refused() {
        for bad in
            ["", "abc", "4a\x1e", "\x1e4a", "7", "b!", "b=", "bA", "bAQ\0I", "é", "4a\x1e\x1e4b"]
        {
            assert_eq!(payload(bad.as_bytes()), Err(Malformed), "{bad:?}");
        }
        assert_eq!(payload(b"4\xff"), Err(Malformed));
        let many = vec!["3"; PAYLOAD_PACKETS].join("\x1e");
        assert_eq!(payload(many.as_bytes()).map(|packets| packets.len()), Ok(PAYLOAD_PACKETS));
        assert_eq!(payload(format!("{many}\x1e3").as_bytes()), Err(Malformed));
    }

    #[test]
    fn what_waits_is_one_body_or_packets() {
        let mut outbox = Outbox::default();
        let written = [text("2"), Packet::Binary(Bytes::from_static(&[1, 2, 3, 4])), text("4é")];
        for packet in &written {
            outbox.push(packet);
        }
        assert_eq!(outbox.len(), "2\x1ebAQIDBA==\x1e4é".len());
        assert_eq!(outbox.take(), "2\x1ebAQIDBA==\x1e4é".as_bytes());
        assert_eq!(outbox.len(), 0);
        for packet in &written {
            outbox.push(packet);
        }
        assert_eq!(outbox.packets(), written);
        assert_eq!(outbox.packets(), []);
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_much(body in proptest::collection::vec(any::<u8>(), 0..512)) {
            let _read = payload(&body);
        }

        #[test]
        fn no_text_is_too_much(parts in proptest::collection::vec("[0-9b]?[ -~é\u{1e}]{0,12}", 0..8)) {
            let _read = payload(parts.join("\u{1e}").as_bytes());
        }

        #[test]
        fn what_is_written_is_read(messages in proptest::collection::vec(
            prop_oneof![
                "[^\u{1e}]{0,24}".prop_map(|text| Packet::Text(format!("4{text}").into())),
                proptest::collection::vec(any::<u8>(), 0..24).prop_map(|b| Packet::Binary(b.into())),
            ],
            1..12,
        )) {
            let mut outbox = Outbox::default();
            for message in &messages {
                outbox.push(message);
            }
            let read: Vec<Packet> = payload(&outbox.take()).unwrap().into_iter().map(|packet| match packet {
                In::Message(text) => Packet::Text(text.packet()),
                In::Binary(bytes) => Packet::Binary(bytes),
                other => panic!("{other:?}"),
            }).collect();
            prop_assert_eq!(read, messages);
        }
    }
}
