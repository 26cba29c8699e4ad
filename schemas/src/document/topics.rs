//! The topics as an AsyncAPI 3.0 document. `chat.events` is for everybody and its payloads are
//! described whole; the others are between the tiers, and a reader learns what they are, who writes and
//! reads them and how long their records live. The table of topics in docs/DATA.md is made from it.

use serde_json::{Map, Value, json};

use super::events;
use super::pii::Pii;
use crate::envelope::{
    Commands, ConversationCommand, PresenceCommand, ReceiptCommand, UserCommand,
};
use crate::topic::{self, Durability, Topic, header};

/// What is in a topic, and which of our commands it carries.
struct About {
    topic: &'static Topic,
    key: &'static str,
    text: &'static str,
    carries: Carries,
    writers: &'static str,
    readers: &'static str,
    /// In which order a reader meets the records of one key.
    order: &'static str,
    /// What tells him that he has met one before.
    dedupe: &'static str,
}

enum Carries {
    Events,
    Commands(&'static [&'static str]),
    Frames,
    DeadLetters,
}

const ACCEPTED: &str = "as accepted, within a key";

fn all() -> [About; 8] {
    [
        About {
            topic: &topic::EVENTS,
            key: "conversation",
            text: "What has happened in conversations: the topic for data teams. CloudEvents 1.0 in binary mode; dedupe by `ce_id`, order by `ce_rev` within `ce_subject`. Types and fields are added, none is removed.",
            carries: Carries::Events,
            writers: "persist",
            readers: "fanout; data teams",
            order: "by `ce_rev`, within a key, without gaps",
            dedupe: "`ce_id`, which is (conversation, rev)",
        },
        About {
            topic: &topic::COMMANDS,
            key: "conversation",
            text: "Internal: what was asked of conversations, before its outcome is known.",
            carries: Carries::Commands(ConversationCommand::KINDS),
            writers: "ingest, delivery, feed, saga",
            readers: "persist",
            order: ACCEPTED,
            dedupe: "`id` of the command",
        },
        About {
            topic: &topic::USERS,
            key: "user",
            text: "Internal: what was asked of users, before its outcome is known.",
            carries: Carries::Commands(UserCommand::KINDS),
            writers: "ingest, persist",
            readers: "feed, saga",
            order: ACCEPTED,
            dedupe: "`id` of the command",
        },
        About {
            topic: &topic::RECEIPTS,
            key: "conversation",
            text: "Internal: watermarks of what members have received and read.",
            carries: Carries::Commands(ReceiptCommand::KINDS),
            writers: "ingest, delivery",
            readers: "receipts",
            order: ACCEPTED,
            dedupe: "none needed: the largest mark stands",
        },
        About {
            topic: &topic::SIGNALS,
            key: "conversation, or the id of a call",
            text: "Internal: frames that are worth something now only.",
            carries: Carries::Frames,
            writers: "receipts, ingest, delivery",
            readers: "signals",
            order: "of a typer and of a call: as accepted",
            dedupe: "none needed: the largest mark and the latest end stand",
        },
        About {
            topic: &topic::PRESENCE,
            key: "user, of what is about one",
            text: "Internal: what devices of users are up to, and which nodes live.",
            carries: Carries::Commands(PresenceCommand::KINDS),
            writers: "delivery, feed, presence",
            readers: "presence",
            order: "as told, within a node",
            dedupe: "none needed: the newest of a device stands",
        },
        About {
            topic: &topic::OUTBOUND,
            key: "whatever the frame is about; the partition is the node's",
            text: "Internal: frames, replies and notices for nodes.",
            carries: Carries::Frames,
            writers: "fanout, signals, presence, feed, persist, receipts",
            readers: "ingest, delivery",
            order: "none: nodes order by `rev`",
            dedupe: "(conversation, rev); of a reply the command",
        },
        About {
            topic: &topic::DEAD_LETTERS,
            key: "that of the record",
            text: "Records that could not be decoded, or whose fold panicked, as they were, and marks of what became of them. For operators: `parlance dlq`.",
            carries: Carries::DeadLetters,
            writers: "every pool",
            readers: "operators",
            order: "none",
            dedupe: "`source-topic`, `source-partition`, `source-offset`",
        },
    ]
}

/// How long records live.
fn kept(topic: &Topic) -> String {
    let seconds = topic.retention.as_secs();
    for (unit, name) in [(86_400, "days"), (3_600, "h")] {
        if seconds >= unit && seconds.is_multiple_of(unit) {
            return format!("{} {name}", seconds / unit);
        }
    }
    format!("{seconds} s")
}

/// The document.
pub fn topics() -> Value {
    let mut channels = Map::new();
    let mut operations = Map::new();
    let mut messages = Map::new();
    for about in all() {
        let About { topic, key, text, carries, .. } = &about;
        let carried = carried(carries, topic.name);
        let at = |kind: &str| json!({ "$ref": format!("#/components/messages/{kind}") });
        let listed: Map<String, Value> =
            carried.keys().map(|kind| (kind.clone(), at(kind))).collect();
        channels.insert(
            topic.name.to_owned(),
            json!({
                "address": topic.name,
                "title": topic.name,
                "description": format!("{text} Key: {key}. Kept for {}. The configured namespace stands before the name.", kept(topic)),
                "messages": listed,
                "bindings": { "kafka": {
                    "partitions": topic.partitions_kafka,
                    "topicConfiguration": {
                        "cleanup.policy": ["delete"],
                        "retention.ms": u64::try_from(topic.retention.as_millis()).unwrap_or(u64::MAX),
                    },
                    "bindingVersion": "0.5.0",
                } },
                "x-parlance": {
                    "key": key,
                    "writtenBy": about.writers,
                    "readBy": about.readers,
                    "order": about.order,
                    "dedupe": about.dedupe,
                    "kept": kept(topic),
                    "partitionsEmbedded": topic.partitions_embedded,
                    "embedded": match topic.durability {
                        Durability::Synced => "synced",
                        Durability::Derived => "derived",
                        Durability::Volatile => "volatile",
                    },
                },
            }),
        );
        let channel = json!({ "$ref": format!("#/channels/{}", topic.name) });
        operations.insert(
            format!("write.{}", topic.name),
            json!({ "action": "send", "channel": channel }),
        );
        messages.extend(carried);
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Topics of Parlance",
            "version": "1",
            "description": "Written by the server. JSON values; headers are UTF-8 text unless said otherwise.",
            "license": { "name": "Apache-2.0" },
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages },
    })
}

/// The messages of a topic, by name.
fn carried(carries: &Carries, topic: &str) -> Map<String, Value> {
    match carries {
        Carries::Events => events()
            .into_iter()
            .map(|(kind, _)| {
                let payload = json!({
                    "schemaFormat": "application/schema+json;version=draft-2020-12",
                    "schema": { "$ref": format!("./chat.events/{kind}.schema.json") },
                });
                (
                    kind.to_owned(),
                    json!({ "name": kind, "headers": event_headers(kind), "payload": payload }),
                )
            })
            .collect(),
        Carries::Commands(kinds) => one(topic, &envelope(kinds), &json!({ "type": "object" })),
        Carries::Frames => one(
            topic,
            &json!({}),
            &json!({ "type": "object", "description": "Binary headers say what it is (`kind`)." }),
        ),
        Carries::DeadLetters => dead_letters(topic),
    }
}

/// A letter, and the mark that takes one off the list.
fn dead_letters(topic: &str) -> Map<String, Value> {
    let text = |about: &str| json!({ "type": "string", "description": about });
    let letter = json!({
        "type": "object",
        "description": "Behind these the headers of the record itself, as they were.",
        "properties": {
            header::REASON: text("Why; ends with `(cut: ..)` if the record did not fit."),
            header::SOURCE_TOPIC: text("The topic that the record was read from."),
            header::SOURCE_PARTITION: text("Decimal."),
            header::SOURCE_OFFSET: text("Decimal."),
            header::TRIES: text("Decimal."),
            header::POOL: text("The pool that gave it up; absent in letters of before."),
            header::RECORD_BYTES: text("Bytes of the record's key, headers and value, decimal; absent in letters of before, which kept no headers of the record."),
        },
    });
    let mark = json!({
        "type": "object",
        "properties": {
            header::RESOLVES: text("Offset of the letter that is done, decimal."),
            header::OUTCOME: text("`retried` or `dropped`."),
            header::RETRIED_AT: text("`partition/offset` of the record in its topic now, decimal; if it was appended again."),
        },
        "required": [header::RESOLVES, header::OUTCOME],
    });
    let mut messages = one(topic, &json!({}), &letter);
    let mark =
        json!({ "name": "mark", "summary": "What became of a letter. No value.", "headers": mark });
    messages.insert(format!("{topic}.mark"), mark);
    messages
}

fn one(topic: &str, payload: &Value, headers: &Value) -> Map<String, Value> {
    let message = json!({ "name": topic, "headers": headers, "payload": payload });
    [(topic.to_owned(), message)].into_iter().collect()
}

/// Headers of an event: attributes of `CloudEvents`, in the Kafka binding's spelling.
fn event_headers(kind: &str) -> Value {
    let same = |value: &str| json!({ "const": value, "x-pii": Pii::None.text() });
    let text = |about: &str, pii: Pii| json!({ "type": "string", "description": about, "x-pii": pii.text() });
    json!({
        "type": "object",
        "properties": {
            header::CE_SPECVERSION: same("1.0"),
            header::CE_TYPE: same(kind),
            header::CE_SOURCE: same("/parlance"),
            header::CE_ID: text("`<conversation>/<rev>`.", Pii::Identifier),
            header::CE_SUBJECT: text("The conversation; the record's key, too.", Pii::Identifier),
            header::CE_TIME: text("Record time, RFC 3339.", Pii::Activity),
            header::CE_REV: text("Number of the change in its conversation, decimal.", Pii::None),
            header::CE_SEQ: text("Number of the message in its conversation, decimal; on events of messages.", Pii::None),
            header::CONTENT_TYPE: same("application/json"),
            header::RETRY_OF: text("Offset of the dead letter that the record was in, decimal; if an operator appended it again.", Pii::None),
            header::AUDIENCE: text("Binary, for the fan-out: members it is routed to, 16 bytes each.", Pii::Identifier),
            header::LEFT: text("Binary, for the fan-out: who is no member any more with it, 16 bytes each.", Pii::Identifier),
            header::FLIP: text("For the fan-out: from the next event on it is routed by conversation.", Pii::None),
        },
        "required": [
            header::CE_SPECVERSION, header::CE_TYPE, header::CE_SOURCE, header::CE_ID, header::CE_SUBJECT,
            header::CE_TIME, header::CE_REV, header::CONTENT_TYPE,
        ],
    })
}

/// The envelope of a command. What is in `data` is between the tiers.
fn envelope(kinds: &[&str]) -> Value {
    json!({
        "type": "object",
        "properties": {
            "v": { "const": crate::envelope::VERSION },
            "id": { "type": "string", "format": "uuid" },
            "type": { "enum": kinds },
            "actor": { "type": "string", "format": "uuid" },
            "at": { "type": "string", "format": "date-time" },
            "replyTo": { "type": "string", "format": "uuid" },
            "trace": { "type": "string" },
            "data": { "type": "object" },
        },
        "required": ["v", "id", "type", "actor", "at", "data"],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_topic_is_described() {
        let described: Vec<_> = all().iter().map(|about| about.topic.name).collect();
        for topic in topic::ALL {
            assert!(described.contains(&topic.name), "{}", topic.name);
        }
    }
}
