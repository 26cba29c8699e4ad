//! Bytes of the journal: how a record and the head of a segment are written.
//!
//! Frame: length of the body (u32), CRC-32 of the body (u32), body: topic (u16), partition (u32), offset
//! (u64), append time (i64), payload. All little-endian. Payload: key and headers with their lengths,
//! then the value. A length of zero ends a segment, as the rest of the file is zeros. Topic 0 is the
//! head of a segment: which journal it belongs to, the number of its first record, and the next offset
//! of every partition, so that a start needs to read only the newest segment. Written by every version
//! for ever: a change of meaning takes a new topic number above `0xff00`.

use bytes::Bytes;
use schemas::topic::{self, Headers, Topic};
use schemas::{Position, Timestamp};

use crate::embedded::channel::EPOCH;
use crate::port::log::Record;

/// Bytes before the body.
pub(crate) const PREFIX: usize = 8;
/// Bytes of the body before the payload.
const HEAD: usize = 22;
/// Topic number of a segment's head.
const SEGMENT: u16 = 0;
/// No body is larger: more is damage. Records are bounded by `limits::RECORD_BYTES`.
const BODY_MAX: usize = 16 << 20;

/// Where a partition stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) topic: u16,
    pub(crate) partition: u32,
    /// Next offset.
    pub(crate) next: u64,
    /// Append time of the record before it.
    pub(crate) last_at: Timestamp,
}

/// Head of a segment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SegmentHead {
    /// Made once per journal.
    pub(crate) journal: [u8; 16],
    /// Number of the segment's first record, counted over all partitions.
    pub(crate) number: u64,
    /// Every partition that has ever had a record.
    pub(crate) marks: Vec<Mark>,
}

/// Body of a frame, without its payload's copy.
#[derive(Debug)]
pub(crate) struct Body<'a> {
    pub(crate) topic: u16,
    pub(crate) partition: u32,
    pub(crate) offset: u64,
    pub(crate) at: Timestamp,
    pub(crate) payload: &'a [u8],
}

fn length(n: usize) -> u32 {
    u32::try_from(n).expect("records are smaller than 4 GiB")
}

/// Appends key, headers and value.
pub(crate) fn put_payload(out: &mut Vec<u8>, key: &[u8], headers: &Headers, value: &[u8]) {
    out.extend_from_slice(&length(key.len()).to_le_bytes());
    out.extend_from_slice(key);
    out.extend_from_slice(&length(headers.len()).to_le_bytes());
    for (name, value) in headers {
        out.extend_from_slice(&length(name.len()).to_le_bytes());
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(&length(value.len()).to_le_bytes());
        out.extend_from_slice(value);
    }
    out.extend_from_slice(value);
}

/// Key, headers that this version knows, and value.
pub(crate) fn payload(bytes: &Bytes) -> Option<(Bytes, Headers, Bytes)> {
    let mut reader = Reader { bytes, at: 0 };
    let key = reader.part()?;
    let mut headers = Headers::new();
    for _ in 0..reader.number()? {
        let name = reader.part()?;
        let value = reader.part()?;
        if let Some(known) = str::from_utf8(&name).ok().and_then(topic::header::known) {
            headers.push((known, value));
        }
    }
    Some((key, headers, bytes.slice(reader.at..)))
}

struct Reader<'a> {
    bytes: &'a Bytes,
    at: usize,
}

impl Reader<'_> {
    fn number(&mut self) -> Option<u32> {
        let raw: &[u8; 4] = self.bytes.get(self.at..)?.first_chunk()?;
        self.at += 4;
        Some(u32::from_le_bytes(*raw))
    }

    fn part(&mut self) -> Option<Bytes> {
        let size = usize::try_from(self.number()?).ok()?;
        let part = self.at..self.at.checked_add(size)?;
        self.bytes.get(part.clone())?;
        self.at = part.end;
        Some(self.bytes.slice(part))
    }
}

/// Appends a frame; `payload` writes the rest of the body.
fn put_frame(
    out: &mut Vec<u8>,
    mark: (u16, u32, u64, Timestamp),
    payload: impl FnOnce(&mut Vec<u8>),
) {
    let start = out.len();
    out.extend_from_slice(&[0; PREFIX]);
    out.extend_from_slice(&mark.0.to_le_bytes());
    out.extend_from_slice(&mark.1.to_le_bytes());
    out.extend_from_slice(&mark.2.to_le_bytes());
    out.extend_from_slice(&mark.3.0.to_le_bytes());
    payload(out);
    let body = out.get(start + PREFIX..).unwrap_or_default();
    let (size, crc) = (length(body.len()), crc32fast::hash(body));
    if let Some(prefix) = out.get_mut(start..start + PREFIX) {
        prefix[..4].copy_from_slice(&size.to_le_bytes());
        prefix[4..].copy_from_slice(&crc.to_le_bytes());
    }
}

/// Appends the frame of a record.
pub(crate) fn put_record(out: &mut Vec<u8>, record: &Record) {
    let at = &record.position;
    let mark = (record.topic.id, at.partition, at.offset, record.appended_at);
    put_frame(out, mark, |out| put_payload(out, &record.key, &record.headers, &record.value));
}

/// Appends the head of a segment.
pub(crate) fn put_head(out: &mut Vec<u8>, head: &SegmentHead) {
    put_frame(out, (SEGMENT, 0, head.number, Timestamp::default()), |out| {
        out.extend_from_slice(&head.journal);
        for mark in &head.marks {
            out.extend_from_slice(&mark.topic.to_le_bytes());
            out.extend_from_slice(&mark.partition.to_le_bytes());
            out.extend_from_slice(&mark.next.to_le_bytes());
            out.extend_from_slice(&mark.last_at.0.to_le_bytes());
        }
    });
}

/// Length of the whole frame and its checksum, from its prefix; none: no frame starts here.
pub(crate) fn prefix(bytes: &[u8]) -> Option<(usize, u32)> {
    let [l0, l1, l2, l3, c0, c1, c2, c3] = *bytes.first_chunk::<PREFIX>()?;
    let size = usize::try_from(u32::from_le_bytes([l0, l1, l2, l3])).ok()?;
    let whole = (HEAD..=BODY_MAX).contains(&size);
    whole.then(|| (size + PREFIX, u32::from_le_bytes([c0, c1, c2, c3])))
}

/// The first fields of a body.
pub(crate) fn body(bytes: &[u8]) -> Option<Body<'_>> {
    let (head, payload) = bytes.split_first_chunk::<HEAD>()?;
    let (topic, rest) = head.split_first_chunk::<2>()?;
    let (partition, rest) = rest.split_first_chunk::<4>()?;
    let (offset, rest) = rest.split_first_chunk::<8>()?;
    let (at, _) = rest.split_first_chunk::<8>()?;
    Some(Body {
        topic: u16::from_le_bytes(*topic),
        partition: u32::from_le_bytes(*partition),
        offset: u64::from_le_bytes(*offset),
        at: Timestamp(i64::from_le_bytes(*at)),
        payload,
    })
}

/// The head of a segment, from its body.
pub(crate) fn head(body: &Body<'_>) -> Option<SegmentHead> {
    if body.topic != SEGMENT {
        return None;
    }
    let (journal, rest) = body.payload.split_first_chunk::<16>()?;
    let mut marks = Vec::new();
    for raw in rest.chunks_exact(HEAD) {
        let mark = self::body(raw)?;
        let Body { topic, partition, offset, at, .. } = mark;
        marks.push(Mark { topic, partition, next: offset, last_at: at });
    }
    Some(SegmentHead { journal: *journal, number: body.offset, marks })
}

/// The record of a body; `payload` is the body's.
pub(crate) fn record(topic: &'static Topic, body: &Body<'_>) -> Option<Record> {
    let (key, headers, value) = payload(&Bytes::copy_from_slice(body.payload))?;
    let position = Position { epoch: EPOCH, partition: body.partition, offset: body.offset };
    Some(Record { topic, position, appended_at: body.at, key, headers, value })
}
