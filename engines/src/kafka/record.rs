//! Records to and from Kafka's messages.

use bytes::Bytes;
use platform::port::log::{Append, Record};
use rdkafka::message::{BorrowedMessage, Header, Headers as _, OwnedHeaders};
use rdkafka::{Message, Timestamp as Stamped};
use schemas::topic::{Headers, Topic, header};
use schemas::{Position, Timestamp};

/// Bytes of a record that count towards a limit.
pub(super) fn size_of(key: &[u8], headers: &Headers, value: &[u8]) -> usize {
    let headers: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    key.len() + headers + value.len()
}

/// Headers as Kafka takes them.
pub(super) fn headers_of(append: &Append) -> Option<OwnedHeaders> {
    if append.headers.is_empty() {
        return None;
    }
    let headers = OwnedHeaders::new_with_capacity(append.headers.len());
    Some(append.headers.iter().fold(headers, |headers, (key, value)| {
        headers.insert(Header { key, value: Some(&value[..]) })
    }))
}

/// The record in a message. `last_at` is the newest append time seen in its partition: a leader whose
/// clock is behind its predecessor's must not make time go back.
pub(super) fn record_of(
    topic: &'static Topic,
    epoch: u32,
    message: &BorrowedMessage<'_>,
    last_at: &mut Timestamp,
) -> Record {
    let at = match message.timestamp() {
        Stamped::LogAppendTime(at) | Stamped::CreateTime(at) => Timestamp(at),
        Stamped::NotAvailable => *last_at,
    };
    *last_at = at.max(*last_at);
    // One buffer for the key and the value.
    let (key, value) = (message.key().unwrap_or_default(), message.payload().unwrap_or_default());
    let mut both = Vec::with_capacity(key.len() + value.len());
    both.extend_from_slice(key);
    both.extend_from_slice(value);
    let mut value_bytes = Bytes::from(both);
    let key_bytes = value_bytes.split_to(key.len());
    let mut headers = Headers::new();
    if let Some(given) = message.headers() {
        headers.reserve_exact(given.count());
        for one in given.iter() {
            if let Some(name) = header::known(one.key) {
                headers.push((name, Bytes::copy_from_slice(one.value.unwrap_or_default())));
            }
        }
    }
    Record {
        topic,
        position: Position {
            epoch,
            partition: super::offsets::ours(message.partition()),
            offset: u64::try_from(message.offset()).expect("offsets count from 0"),
        },
        appended_at: *last_at,
        key: key_bytes,
        headers,
        value: value_bytes,
    }
}
