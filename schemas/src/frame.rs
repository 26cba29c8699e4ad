//! Frames that a socket carries, as bytes. The payload is encoded once, by the fold; everything
//! else splices it.

use std::io::Write as _;
use std::ops::Range;

use bytes::Bytes;

use crate::id::{ConversationId, Rev, Seq};
use crate::presence::view::Shown;
use crate::receipt::view::Receipt;
use crate::time::Timestamp;

/// An event frame and where its payload lies in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventFrame {
    /// The whole frame.
    pub frame: Bytes,
    /// The payload's bytes in `frame`.
    pub data: Range<usize>,
}

impl EventFrame {
    /// The payload, sharing the frame's memory.
    pub fn payload(&self) -> Bytes {
        self.frame.slice(self.data.clone())
    }

    /// Finds the payload in a frame that [`event`] made: it is the last field.
    pub fn read(frame: Bytes) -> Option<Self> {
        const MARK: &[u8] = b",\"data\":";
        let at = frame.windows(MARK.len()).position(|window| window == MARK)?;
        let data = at.checked_add(MARK.len())?..frame.len().checked_sub(1)?;
        frame.get(data.clone())?;
        Some(Self { frame, data })
    }
}

/// `{"type":…,"conversationId":…,"rev":…,"seq":…,"at":…,"data":…}`.
pub fn event(
    kind: &str,
    conversation: ConversationId,
    rev: Rev,
    seq: Option<Seq>,
    at: Timestamp,
    payload: &[u8],
) -> EventFrame {
    let mut out = Vec::with_capacity(payload.len() + 160);
    let infallible = "writing to memory does not fail";
    write!(out, r#"{{"type":"{kind}","conversationId":"{conversation}","rev":{rev}"#)
        .expect(infallible);
    if let Some(seq) = seq {
        write!(out, r#","seq":{seq}"#).expect(infallible);
    }
    write!(out, r#","at":"{at}","data":"#).expect(infallible);
    close(out, payload)
}

/// `{"type":…,"feed":…,"at":…,"data":…}`: an entry of a user's feed.
pub fn feed(kind: &str, number: Rev, at: Timestamp, payload: &[u8]) -> EventFrame {
    let mut out = Vec::with_capacity(payload.len() + 96);
    write!(out, r#"{{"type":"{kind}","feed":{number},"at":"{at}","data":"#)
        .expect("writing to memory does not fail");
    close(out, payload)
}

/// `{"type":"receipt","conversationId":…,"at":…,"data":…}`: a frame without a number.
pub fn receipt(conversation: ConversationId, receipt: &Receipt) -> Bytes {
    let payload = serde_json::to_vec(receipt).expect("plain data serialises");
    about("receipt", conversation, receipt.at, &payload)
}

/// `{"type":…,"conversationId":…,"at":…,"data":…}`: a frame without a number about a conversation.
pub fn about(kind: &str, conversation: ConversationId, at: Timestamp, payload: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(payload.len() + 128);
    write!(out, r#"{{"type":"{kind}","conversationId":"{conversation}","at":"{at}","data":"#)
        .expect("writing to memory does not fail");
    close(out, payload).frame
}

/// `{"type":…,"at":…,"data":…}`: a frame without a number.
pub fn notice(kind: &str, at: Timestamp, payload: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(payload.len() + 64);
    write!(out, r#"{{"type":"{kind}","at":"{at}","data":"#)
        .expect("writing to memory does not fail");
    close(out, payload).frame
}

/// `{"type":"presence","at":…,"data":…}`: what one viewer, or several who see the same, is told.
pub fn presence(at: Timestamp, shown: &Shown) -> Bytes {
    notice("presence", at, &serde_json::to_vec(shown).expect("plain data serialises"))
}

fn close(mut out: Vec<u8>, payload: &[u8]) -> EventFrame {
    let start = out.len();
    out.extend_from_slice(payload);
    let data = start..out.len();
    out.push(b'}');
    EventFrame { frame: Bytes::from(out), data }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_frame_is_spliced_and_its_payload_found_again() {
        let conversation = ConversationId(Uuid::from_u128(7));
        let made = event(
            "message.created",
            conversation,
            3,
            Some(2),
            Timestamp(0),
            br#"{"a":",\"data\":"}"#,
        );
        assert_eq!(
            std::str::from_utf8(&made.frame).unwrap(),
            r#"{"type":"message.created","conversationId":"00000000-0000-0000-0000-000000000007","rev":3,"seq":2,"at":"1970-01-01T00:00:00.000Z","data":{"a":",\"data\":"}}"#
        );
        assert_eq!(&made.payload()[..], br#"{"a":",\"data\":"}"#);
        assert_eq!(EventFrame::read(made.frame.clone()), Some(made));
    }
}
