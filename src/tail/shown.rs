//! A record as one JSON object: what Kafka would give a program, and where it lay.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use platform::port::log::Record;
use schemas::Timestamp;
use schemas::topic::header;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::pretty::inert;

/// Headers whose values are no text.
const BINARY: [&str; 11] = [
    header::AUDIENCE,
    header::LEFT,
    header::KIND,
    header::TO,
    header::CONVERSATION,
    header::REV,
    header::COMMAND,
    header::MEMBER,
    header::USER,
    header::UNTIL,
    header::EXCEPT,
];

/// A record, shown.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Shown {
    pub(super) topic: String,
    pub(super) partition: u32,
    pub(super) offset: u64,
    pub(super) epoch: u32,
    /// When the log took it.
    pub(super) at: Timestamp,
    pub(super) key: Option<String>,
    /// Instead of `key`, if that is no text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) key_base64: Option<String>,
    pub(super) headers: Map<String, Value>,
    /// The value, if it is JSON.
    pub(super) value: Option<Box<RawValue>>,
    /// Instead of `value`, if that is no JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) base64: Option<String>,
}

impl Shown {
    pub(super) fn of(record: &Record) -> Self {
        let mut headers = Map::new();
        for (name, bytes) in &record.headers {
            let text = std::str::from_utf8(bytes).ok().filter(|_| !BINARY.contains(name));
            let value = text.map_or_else(
                || json!({ "base64": STANDARD.encode(bytes) }),
                |text| Value::String(text.to_owned()),
            );
            headers.entry(*name).or_insert(value);
        }
        let key = std::str::from_utf8(&record.key).ok().map(str::to_owned);
        let key_base64 = key.is_none().then(|| STANDARD.encode(&record.key));
        let value = json_of(&record.value);
        let base64 = value.is_none().then(|| STANDARD.encode(&record.value));
        Self {
            topic: record.topic.name.to_owned(),
            partition: record.position.partition,
            offset: record.position.offset,
            epoch: record.position.epoch,
            at: record.appended_at,
            key,
            key_base64,
            headers,
            value,
            base64,
        }
    }

    /// One line.
    pub(super) fn json(&self) -> String {
        inert(serde_json::to_string(self).expect("a record serialises"))
    }

    /// The header's bytes, if it is a binary one.
    pub(super) fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        STANDARD.decode(self.headers.get(name)?.get("base64")?.as_str()?).ok()
    }

    /// The header's text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.as_str()
    }
}

/// The value as it is, on one line. Between the tokens of JSON a line's end is as good as a blank, and
/// inside of them there is none.
fn json_of(bytes: &[u8]) -> Option<Box<RawValue>> {
    let mut text = std::str::from_utf8(bytes).ok()?.to_owned();
    if text.contains(['\n', '\r']) {
        text = text.replace(['\n', '\r'], " ");
    }
    RawValue::from_string(text).ok()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use schemas::{Position, topic};

    use super::*;

    fn record(key: &'static [u8], value: &'static [u8]) -> Record {
        Record {
            topic: &topic::EVENTS,
            position: Position { epoch: 1, partition: 3, offset: 17 },
            appended_at: Timestamp(1_800_000_000_007),
            key: Bytes::from_static(key),
            headers: vec![
                (header::CE_ID, Bytes::from_static(b"c/2")),
                (header::AUDIENCE, Bytes::from_static(b"looks like text!")),
                (header::EXCEPT, Bytes::from_static(b"looks like text!")),
                (header::REASON, Bytes::from_static(b"\xff")),
            ],
            value: Bytes::from_static(value),
        }
    }

    #[test]
    fn a_record_is_one_line_and_keeps_its_json() {
        let shown =
            Shown::of(&record(b"c", b"{ \"big\": 123456789012345678901,\r\n \"a\": 1.50 }"));
        assert_eq!(
            shown.json(),
            r#"{"topic":"chat.events","partition":3,"offset":17,"epoch":1,"at":"2027-01-15T08:00:00.007Z","key":"c","headers":{"audience":{"base64":"bG9va3MgbGlrZSB0ZXh0IQ=="},"ce_id":"c/2","except":{"base64":"bG9va3MgbGlrZSB0ZXh0IQ=="},"reason":{"base64":"/w=="}},"value":{ "big": 123456789012345678901,   "a": 1.50 }}"#
        );
        let back: Shown = serde_json::from_str(&shown.json()).unwrap();
        assert_eq!(back.json(), shown.json());
    }

    #[test]
    fn a_record_can_not_steer_the_terminal_and_keeps_its_text() {
        let value = "{\"content\":\"a\u{9b}2J\u{202e}\u{2066}b\u{61c}\u{2029}\"}".as_bytes();
        let mut record = record("k\u{85}".as_bytes(), value);
        record.headers.push((header::POOL, Bytes::from("\u{200f}p")));
        let json = Shown::of(&record).json();
        for part in
            [r#""key":"k\u0085""#, r#""a\u009b2J\u202e\u2066b\u061c\u2029""#, r#""\u200fp""#]
        {
            assert!(json.contains(part), "{part} in {json}");
        }
        let back: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(back["value"]["content"], "a\u{9b}2J\u{202e}\u{2066}b\u{61c}\u{2029}");
    }

    #[test]
    fn what_is_no_text_or_json_is_base64() {
        let shown: Value =
            serde_json::from_str(&Shown::of(&record(b"\xff", b"no json")).json()).unwrap();
        assert_eq!((&shown["key"], &shown["keyBase64"]), (&Value::Null, &json!("/w==")));
        assert_eq!((&shown["value"], &shown["base64"]), (&Value::Null, &json!("bm8ganNvbg==")));
    }
}
