//! Events on `chat.events`: what has happened, for fan-out and for data teams.
//!
//! `CloudEvents` 1.0 in binary mode (Kafka protocol binding 1.0.2): attributes are `ce_*` headers,
//! the value is the payload as JSON, the key is the conversation id. `ce_id` is
//! `<conversation>/<rev>`: dedupe by it. Types are the frame types with `chat.` in front.

use std::fmt::Display;

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

fn text(value: impl Display) -> Bytes {
    Bytes::from(format!("{value}"))
}

impl Event {
    /// Record headers.
    pub fn headers(&self) -> Headers {
        let mut headers = vec![
            (header::CE_SPECVERSION, Bytes::from_static(b"1.0")),
            (header::CE_ID, text(format_args!("{}/{}", self.conversation, self.rev))),
            (header::CE_TYPE, text(format_args!("chat.{}", self.kind))),
            (header::CE_SOURCE, Bytes::from_static(b"/parlance")),
            (header::CE_SUBJECT, text(self.conversation)),
            (header::CE_TIME, text(self.at)),
            (header::CE_REV, text(self.rev)),
            (header::CONTENT_TYPE, Bytes::from_static(b"application/json")),
            (header::AUDIENCE, self.audience.clone()),
        ];
        if let Some(seq) = self.seq {
            headers.push((header::CE_SEQ, text(seq)));
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
            payload: value,
        })
    }

    /// The frame of this event: the same bytes that `changes` keeps.
    pub fn frame(&self) -> Bytes {
        frame::event(&self.kind, self.conversation, self.rev, self.seq, self.at, &self.payload)
            .frame
    }
}
