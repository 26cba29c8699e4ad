//! What the log keeps in the store: cursors of groups, records of derived topics, and the facts that
//! tell at a start whether log and store belong together (HAZARDS 5).
//!
//! All lie in the folded keyspace behind the rows, so what is left after a cut is a prefix: a cursor
//! that survives has its effects before it. Keys: kind, topic number, then what the kind says; numbers
//! big-endian, so that offsets sort.

use bytes::Bytes;
use schemas::key::after_prefix;
use schemas::topic::Topic;
use schemas::{Position, Timestamp};
use serde::{Deserialize, Serialize};

use crate::embedded::channel::EPOCH;
use crate::embedded::journal::frame;
use crate::embedded::rows::{Range, SYSTEM};
use crate::port::log::Record;

const CURSOR: u16 = SYSTEM + 1;
const RECORD: u16 = SYSTEM + 2;
const TOPIC: u16 = SYSTEM + 3;
const HIGH_WATER: u16 = SYSTEM + 4;
const JOURNAL: u16 = SYSTEM + 5;

/// What must not change under a topic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TopicFacts {
    pub(super) name: String,
    pub(super) partitions: u32,
    pub(super) epoch: u32,
}

impl TopicFacts {
    pub(super) fn of(topic: &Topic) -> Self {
        let name = topic.name.to_owned();
        Self { name, partitions: topic.partitions_embedded, epoch: EPOCH }
    }
}

fn key(kind: u16, parts: &[&[u8]]) -> Vec<u8> {
    let mut out = kind.to_be_bytes().to_vec();
    for part in parts {
        out.extend_from_slice(part);
    }
    out
}

fn all(prefix: Vec<u8>) -> Range {
    let end = after_prefix(&prefix);
    (prefix, end)
}

pub(super) fn cursor_key(topic: u16, partition: u32, group: &str) -> Vec<u8> {
    key(CURSOR, &[&topic.to_be_bytes(), &partition.to_be_bytes(), group.as_bytes()])
}

pub(super) fn cursors() -> Range {
    all(key(CURSOR, &[]))
}

/// Topic, partition, group and offset of a stored cursor.
pub(super) fn cursor(key: &[u8], value: &[u8]) -> Option<(u16, u32, String, u64)> {
    let (topic, rest) = key.get(2..)?.split_first_chunk::<2>()?;
    let (partition, group) = rest.split_first_chunk::<4>()?;
    let group = str::from_utf8(group).ok()?.to_owned();
    Some((u16::from_be_bytes(*topic), u32::from_be_bytes(*partition), group, number(value)?))
}

pub(super) fn number(value: &[u8]) -> Option<u64> {
    value.first_chunk().map(|raw| u64::from_be_bytes(*raw))
}

pub(super) fn topic_key(topic: u16) -> Vec<u8> {
    key(TOPIC, &[&topic.to_be_bytes()])
}

pub(super) fn high_water_key(topic: u16, partition: u32) -> Vec<u8> {
    key(HIGH_WATER, &[&topic.to_be_bytes(), &partition.to_be_bytes()])
}

pub(super) fn journal_key() -> Vec<u8> {
    key(JOURNAL, &[])
}

/// Exactly one key, as a range.
pub(super) fn only(key: Vec<u8>) -> Range {
    let mut end = key.clone();
    end.push(0);
    (key, Some(end))
}

pub(super) fn record_key(topic: u16, partition: u32, offset: u64) -> Vec<u8> {
    let parts: [&[u8]; 3] = [&topic.to_be_bytes(), &partition.to_be_bytes(), &offset.to_be_bytes()];
    key(RECORD, &parts)
}

/// The records of a derived partition from an offset on.
pub(super) fn records_from(topic: u16, partition: u32, offset: u64) -> Range {
    let whole = key(RECORD, &[&topic.to_be_bytes(), &partition.to_be_bytes()]);
    (record_key(topic, partition, offset), after_prefix(&whole))
}

/// The offset in the key of a record.
pub(super) fn offset_of(key: &[u8]) -> Option<u64> {
    number(key.last_chunk::<8>()?)
}

pub(super) fn encode(record: &Record) -> Vec<u8> {
    let mut out = record.appended_at.0.to_be_bytes().to_vec();
    frame::put_payload(&mut out, &record.key, &record.headers, &record.value);
    // The store keeps it in memory as it is.
    out.shrink_to_fit();
    out
}

pub(super) fn append_time(value: &[u8]) -> Option<Timestamp> {
    value.first_chunk().map(|raw| Timestamp(i64::from_be_bytes(*raw)))
}

pub(super) fn decode(
    topic: &'static Topic,
    partition: u32,
    key: &[u8],
    value: &Bytes,
) -> Option<Record> {
    let position = Position { epoch: EPOCH, partition, offset: offset_of(key)? };
    let appended_at = append_time(value)?;
    // A copy: a slice would keep a block of the LSM alive as long as the record is shared.
    let payload = Bytes::copy_from_slice(value.get(8..)?);
    let (key, headers, value) = frame::payload(&payload)?;
    Some(Record { topic, position, appended_at, key, headers, value })
}
