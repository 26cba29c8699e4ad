//! What is said while a client catches up: its cursors, and the frames of a sync. All frames carry the
//! id of the request; `sync.done` is the last one, whatever became of it.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use bytes::Bytes;
use schemas::receipt::Kind;
use schemas::{ApiError, Code, ConversationId, Rev, Seq, Timestamp, UserId, limits};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::json::{object, payload};
use crate::transport::Payload;

/// Where a client stands: the last change it has of each conversation, and of its feed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursors {
    /// Conversations.
    pub(crate) conversations: BTreeMap<ConversationId, Rev>,
    /// The feed.
    pub(crate) feed: Option<Rev>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire<'a> {
    #[serde(borrow, default)]
    conversations: HashMap<Cow<'a, str>, Rev>,
    #[serde(default)]
    feed: Option<Rev>,
}

/// Reads the data of `sync`, and the `cursors` of `auth`.
pub(crate) fn cursors(data: Option<&RawValue>) -> Result<Cursors, ApiError> {
    let invalid = |message: &'static str| ApiError::new(Code::ValidationFailed, message);
    let form = || invalid("cursors are {\"conversations\":{id:rev},\"feed\":number}");
    // Any list of fields would do for serde.
    let data = data.map(RawValue::get).filter(|data| data.starts_with('{')).ok_or_else(form)?;
    let wire: Wire<'_> = serde_json::from_str(data).map_err(|error| {
        if error.to_string().starts_with("unknown field") {
            ApiError::new(Code::UnknownField, "cursors have the fields conversations and feed")
        } else {
            form()
        }
    })?;
    if wire.conversations.len() > limits::SYNC_CURSORS {
        let message = format!("more than {} cursors", limits::SYNC_CURSORS);
        return Err(ApiError::new(Code::ValidationFailed, message));
    }
    if wire.conversations.values().chain(&wire.feed).any(|cursor| *cursor < 0) {
        return Err(invalid("a cursor is 0 or more"));
    }
    let read = |(id, rev): (Cow<'_, str>, Rev)| Some((id.parse().ok()?, rev));
    let conversations = wire.conversations.into_iter().map(read).collect::<Option<_>>();
    let malformed = || ApiError::new(Code::MalformedId, "a conversation's id is not a UUID");
    Ok(Cursors { conversations: conversations.ok_or_else(malformed)?, feed: wire.feed })
}

fn begin(id: &str, kind: &str, size: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(size + id.len() + 128);
    object(&mut out, Some(id));
    out.extend_from_slice(br#","type":""#);
    out.extend_from_slice(kind.as_bytes());
    out.push(b'"');
    out
}

/// Frames one after another, as they were pushed.
fn array(mut out: Vec<u8>, frames: &[Bytes]) -> Payload {
    out.extend_from_slice(br#","data":["#);
    for (at, frame) in frames.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(frame);
    }
    out.extend_from_slice(b"]}");
    payload(out)
}

fn size(frames: &[Bytes]) -> usize {
    frames.iter().map(|frame| frame.len() + 1).sum()
}

/// Missed changes of a conversation.
pub(crate) fn changes(id: &str, conversation: ConversationId, frames: &[Bytes]) -> Payload {
    let mut out = begin(id, "sync.changes", size(frames));
    out.extend_from_slice(format!(r#","conversationId":"{conversation}""#).as_bytes());
    array(out, frames)
}

/// Missed entries of the feed, the last one with number `upto`.
pub(crate) fn entries(id: &str, upto: Rev, frames: &[Bytes]) -> Payload {
    let mut out = begin(id, "sync.changes", size(frames));
    out.extend_from_slice(format!(r#","feed":{upto}"#).as_bytes());
    array(out, frames)
}

fn with_data(id: &str, kind: &str, data: &str) -> Payload {
    let mut out = begin(id, kind, data.len());
    out.extend_from_slice(br#","data":"#);
    out.extend_from_slice(data.as_bytes());
    out.push(b'}');
    payload(out)
}

/// The conversation is not the client's any more, or never was.
pub(crate) fn removed(id: &str, conversation: ConversationId) -> Payload {
    let data = format!(r#"{{"conversationId":"{conversation}","recovered":false,"removed":true}}"#);
    with_data(id, "sync.reset", &data)
}

/// What a conversation is now, where its changes can not be told one by one.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct State<V> {
    /// The conversation.
    pub(crate) conversation_id: ConversationId,
    /// False.
    pub(crate) recovered: bool,
    /// Number of the last change in it.
    pub(crate) rev: Rev,
    /// Number of the last message.
    pub(crate) seq: Seq,
    /// Its view.
    pub(crate) conversation: V,
}

/// A conversation is to be read anew.
pub(crate) fn reset<V: Serialize>(id: &str, state: &State<V>) -> Payload {
    let data = serde_json::to_string(state).expect("a view serialises");
    with_data(id, "sync.reset", &data)
}

/// The feed is to be read anew: entries up to `upto` are not told.
pub(crate) fn reset_feed(id: &str, upto: Rev) -> Payload {
    with_data(id, "sync.reset", &format!(r#"{{"feed":{upto},"recovered":false}}"#))
}

/// How far a member has come.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Receipt {
    /// The conversation.
    pub(crate) conversation_id: ConversationId,
    /// Whose.
    pub(crate) user_id: UserId,
    /// Received or read.
    pub(crate) kind: Kind,
    /// Everything up to this message.
    pub(crate) seq: Seq,
    /// When.
    pub(crate) at: Option<Timestamp>,
}

/// How far members have come, in frames of bounded size.
pub(crate) fn receipts(id: &str, receipts: &[Receipt]) -> Vec<Payload> {
    let mut frames = Vec::new();
    let mut data = String::new();
    for receipt in receipts {
        let receipt = serde_json::to_string(receipt).expect("plain data serialises");
        if !data.is_empty() && data.len() + receipt.len() > limits::SYNC_FRAME_BYTES - 256 {
            frames.push(with_data(id, "sync.receipts", &format!("[{data}]")));
            data.clear();
        }
        if !data.is_empty() {
            data.push(',');
        }
        data.push_str(&receipt);
    }
    if !data.is_empty() {
        frames.push(with_data(id, "sync.receipts", &format!("[{data}]")));
    }
    frames
}

/// Data of the request `delivered`.
pub(crate) fn delivered(marks: &[(ConversationId, Seq)]) -> String {
    format!(r#"{{"conversations":{}}}"#, map(marks.iter().copied()))
}

fn map(pairs: impl Iterator<Item = (ConversationId, i64)>) -> String {
    let mut out = String::from("{");
    for (id, number) in pairs {
        let comma = if out.len() > 1 { "," } else { "" };
        write!(out, r#"{comma}"{id}":{number}"#).expect("writing to memory does not fail");
    }
    out.push('}');
    out
}

/// The sync is over: where the client stands now.
pub(crate) fn done(id: &str, reached: &Cursors) -> Payload {
    let conversations = map(reached.conversations.iter().map(|(id, rev)| (*id, *rev)));
    let feed = reached.feed.map_or(String::new(), |feed| format!(r#","feed":{feed}"#));
    let mut out = begin(id, "sync.done", conversations.len());
    let data =
        format!(r#","ok":true,"data":{{"cursors":{{"conversations":{conversations}{feed}}}}}}}"#);
    out.extend_from_slice(data.as_bytes());
    payload(out)
}

/// The sync is over: what it has not brought is missing still.
pub(crate) fn failed(id: &str, error: &ApiError) -> Payload {
    let mut out = begin(id, "sync.done", 160);
    out.extend_from_slice(br#","ok":false,"error":"#);
    serde_json::to_writer(&mut out, error).expect("plain data is written to memory");
    out.push(b'}');
    payload(out)
}

/// The number of the message that a frame brings; none if it brings none.
pub(crate) fn created(frame: &[u8]) -> Option<Seq> {
    #[derive(Deserialize)]
    struct Brief<'a> {
        #[serde(borrow, rename = "type")]
        kind: Cow<'a, str>,
        seq: Option<Seq>,
    }
    let brief: Brief<'_> = serde_json::from_slice(frame).ok()?;
    brief.seq.filter(|_| brief.kind == "message.created")
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const C: ConversationId = ConversationId(Uuid::from_u128(5));

    fn read(text: &str) -> Result<Cursors, ApiError> {
        cursors(Some(&RawValue::from_string(text.to_owned()).unwrap()))
    }

    #[test]
    fn cursors_are_read_and_bad_ones_are_refused_in_words() {
        let good = read(&format!(r#"{{"conversations":{{"{C}":7}},"feed":3}}"#)).unwrap();
        assert_eq!(good, Cursors { conversations: [(C, 7)].into(), feed: Some(3) });
        assert_eq!(read("{}").unwrap(), Cursors::default());
        assert_eq!(read(r#"{"feed":null}"#).unwrap(), Cursors::default());
        for (bad, code) in [
            ("null", Code::ValidationFailed),
            ("[]", Code::ValidationFailed),
            (r#"{"feed":-1}"#, Code::ValidationFailed),
            (r#"{"feed":1.5}"#, Code::ValidationFailed),
            (r#"{"conversations":{"x":1}}"#, Code::MalformedId),
            (r#"{"conversations":{"00000000000000000000000000000005":1}}"#, Code::MalformedId),
            (
                r#"{"conversations":{"00000000-0000-0000-0000-000000000005":"1"}}"#,
                Code::ValidationFailed,
            ),
            (
                r#"{"conversations":{"00000000-0000-0000-0000-000000000005":-1}}"#,
                Code::ValidationFailed,
            ),
            (r#"{"feeds":1}"#, Code::UnknownField),
        ] {
            assert_eq!(read(bad).unwrap_err().code, code, "{bad}");
        }
        let many: Vec<_> = (0..=limits::SYNC_CURSORS)
            .map(|n| format!(r#""{}":1"#, Uuid::from_u128(u128::try_from(n).unwrap())))
            .collect();
        let many = format!(r#"{{"conversations":{{{}}}}}"#, many.join(","));
        assert_eq!(read(&many).unwrap_err().code, Code::ValidationFailed);
    }

    #[test]
    fn frames_are_spliced_as_they_are() {
        let frames = [Bytes::from_static(br#"{"rev": 1}"#), Bytes::from_static(b"{}")];
        assert_eq!(
            changes("7", C, &frames).text(),
            format!(
                r#"{{"id":"7","type":"sync.changes","conversationId":"{C}","data":[{{"rev": 1}},{{}}]}}"#
            )
        );
        assert_eq!(
            entries("7", 9, &frames[1..]).text(),
            r#"{"id":"7","type":"sync.changes","feed":9,"data":[{}]}"#
        );
        let reached = Cursors { conversations: [(C, 7)].into(), feed: Some(3) };
        assert_eq!(
            done("7", &reached).text(),
            format!(
                r#"{{"id":"7","type":"sync.done","ok":true,"data":{{"cursors":{{"conversations":{{"{C}":7}},"feed":3}}}}}}"#
            )
        );
    }

    #[test]
    fn receipts_come_in_frames_of_bounded_size() {
        let one = Receipt {
            conversation_id: C,
            user_id: UserId(Uuid::from_u128(1)),
            kind: Kind::Read,
            seq: 4,
            at: None,
        };
        assert!(receipts("7", &[]).is_empty());
        let frames = receipts("7", &vec![one; 1_000]);
        assert!(frames.len() > 1);
        assert!(frames.iter().all(|frame| frame.len() <= limits::SYNC_FRAME_BYTES));
        let count = |frame: &Payload| {
            let frame: serde_json::Value = serde_json::from_str(frame.text()).unwrap();
            frame["data"].as_array().unwrap().len()
        };
        assert_eq!(frames.iter().map(count).sum::<usize>(), 1_000);
    }

    #[test]
    fn the_number_of_a_message_is_found_where_it_was_created() {
        assert_eq!(
            created(br#"{"type":"message.created","rev":3,"seq":2,"data":{"seq":9}}"#),
            Some(2)
        );
        assert_eq!(created(br#"{"type":"message.updated","rev":3,"seq":2,"data":{}}"#), None);
        assert_eq!(created(b"{"), None);
    }
}
