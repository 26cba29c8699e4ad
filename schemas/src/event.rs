//! Events on `chat.events`: what has happened, for fan-out and for data teams.
//!
//! `CloudEvents` 1.0 in binary mode (Kafka protocol binding 1.0.2): attributes are `ce_*` headers,
//! the value is the payload as JSON, the key is the conversation id. `ce_id` is
//! `<conversation>/<rev>`: dedupe by it. Types are the frame types with `chat.` in front.

use std::fmt::Arguments;
use std::io::Write as _;
use std::ops::Range;

use bytes::Bytes;

use crate::frame;
use crate::id::{ConversationId, Rev, Seq, UserId};
use crate::time::Timestamp;
use crate::topic::{Headers, header, header_of};

/// An event with its payload, as read from or written to the topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Frame type, e.g. `message.created`.
    pub kind: String,
    /// The conversation.
    pub conversation: ConversationId,
    /// Number of the change.
    pub rev: Rev,
    /// Number of the message, for message events.
    pub seq: Option<Seq>,
    /// Record time.
    pub at: Timestamp,
    /// Members to route to; empty: by conversation.
    pub audience: Bytes,
    /// Members who are no members any more with it, packed.
    pub left: Bytes,
    /// Whether it is the last one that is routed by member.
    pub flip: bool,
    /// JSON payload.
    pub payload: Bytes,
}

/// Packs an audience: 16 bytes a member.
pub fn pack(members: &[UserId]) -> Bytes {
    members.iter().flat_map(|member| member.bytes()).collect::<Vec<u8>>().into()
}

/// The members of a packed audience.
pub fn unpack(audience: &[u8]) -> impl Iterator<Item = UserId> + '_ {
    audience.chunks_exact(16).filter_map(|id| uuid::Uuid::from_slice(id).ok()).map(UserId)
}

/// Texts one behind the other.
#[derive(Default)]
struct Texts(Vec<u8>);

impl Texts {
    fn put(&mut self, text: Arguments<'_>) -> Range<usize> {
        let start = self.0.len();
        self.0.write_fmt(text).expect("writing to memory does not fail");
        start..self.0.len()
    }
}

impl Event {
    /// Record headers. Their texts share one buffer: an event has one, not one for each header.
    pub fn headers(&self) -> Headers {
        let mut texts = Texts::default();
        let id = texts.put(format_args!("{}/{}", self.conversation, self.rev));
        let kind = texts.put(format_args!("chat.{}", self.kind));
        // The subject and the rev are the two halves of the id.
        let subject = id.start..id.start + 36;
        let rev = id.start + 37..id.end;
        let time = texts.put(format_args!("{}", self.at));
        let seq = self.seq.map(|seq| texts.put(format_args!("{seq}")));
        let texts = Bytes::from(texts.0);
        let mut headers = Vec::with_capacity(12);
        headers.extend([
            (header::CE_SPECVERSION, Bytes::from_static(b"1.0")),
            (header::CE_ID, texts.slice(id)),
            (header::CE_TYPE, texts.slice(kind)),
            (header::CE_SOURCE, Bytes::from_static(b"/parlance")),
            (header::CE_SUBJECT, texts.slice(subject)),
            (header::CE_TIME, texts.slice(time)),
            (header::CE_REV, texts.slice(rev)),
            (header::CONTENT_TYPE, Bytes::from_static(b"application/json")),
            (header::AUDIENCE, self.audience.clone()),
        ]);
        headers.extend(seq.map(|seq| (header::CE_SEQ, texts.slice(seq))));
        if !self.left.is_empty() {
            headers.push((header::LEFT, self.left.clone()));
        }
        if self.flip {
            headers.push((header::FLIP, Bytes::from_static(b"1")));
        }
        headers
    }

    /// The event of a record; none if it is not one.
    pub fn read(headers: &Headers, value: Bytes) -> Option<Self> {
        let get = |name| std::str::from_utf8(header_of(headers, name)?).ok();
        Some(Self {
            kind: get(header::CE_TYPE)?.strip_prefix("chat.")?.to_owned(),
            conversation: get(header::CE_SUBJECT)?.parse().ok()?,
            rev: get(header::CE_REV)?.parse().ok()?,
            seq: match get(header::CE_SEQ) {
                Some(seq) => Some(seq.parse().ok()?),
                None => None,
            },
            at: Timestamp::parse(get(header::CE_TIME)?)?,
            audience: header_of(headers, header::AUDIENCE)?.clone(),
            left: header_of(headers, header::LEFT).cloned().unwrap_or_default(),
            flip: header_of(headers, header::FLIP).is_some(),
            payload: value,
        })
    }

    /// The frame of this event: the same bytes that `changes` keeps.
    pub fn frame(&self) -> Bytes {
        frame::event(&self.kind, self.conversation, self.rev, self.seq, self.at, &self.payload)
            .frame
    }
}
