//! The topics as an AsyncAPI 3.0 document. `chat.events` is for everybody and its payloads are
//! described whole; the others are between the tiers, and a reader learns what they are and how
//! long their records live.

use serde_json::{Map, Value, json};

use super::events;
use crate::envelope::{Commands, ConversationCommand, ReceiptCommand, UserCommand};
use crate::topic::{self, Topic, header};

/// What is in a topic, and which of our commands it carries.
struct About {
    topic: &'static Topic,
    key: &'static str,
    text: &'static str,
    carries: Carries,
}

enum Carries {
    Events,
    Commands(&'static [&'static str]),
    Frames,
    DeadLetters,
}

fn all() -> [About; 7] {
    let about = |topic, key, text, carries| About { topic, key, text, carries };
    [
        about(
            &topic::EVENTS,
            "conversation",
            "What has happened in conversations: the topic for data teams. CloudEvents 1.0 in binary mode; dedupe by `ce_id`, order by `ce_rev` within `ce_subject`. Types and fields are added, none is removed.",
            Carries::Events,
        ),
        about(
            &topic::COMMANDS,
            "conversation",
            "Internal: what was asked of conversations, before its outcome is known.",
            Carries::Commands(ConversationCommand::KINDS),
        ),
        about(
            &topic::USERS,
            "user",
            "Internal: what was asked of users, before its outcome is known.",
            Carries::Commands(UserCommand::KINDS),
        ),
        about(
            &topic::RECEIPTS,
            "conversation",
            "Internal: watermarks of what members have received and read.",
            Carries::Commands(ReceiptCommand::KINDS),
        ),
        about(
            &topic::SIGNALS,
            "conversation",
            "Internal: frames that are worth something now only.",
            Carries::Frames,
        ),
        about(
            &topic::OUTBOUND,
            "whatever the frame is about; the partition is the node's",
            "Internal: frames, replies and notices for nodes.",
            Carries::Frames,
        ),
        about(
            &topic::DEAD_LETTERS,
            "that of the record",
            "Records that could not be decoded, or whose fold panicked, as they were. For operators: `parlance dlq`.",
            Carries::DeadLetters,
        ),
    ]
}

/// The document.
pub fn topics() -> Value {
    let mut channels = Map::new();
    let mut operations = Map::new();
    let mut messages = Map::new();
    for About { topic, key, text, carries } in all() {
        let carried = carried(&carries, topic.name);
        let at = |kind: &str| json!({ "$ref": format!("#/components/messages/{kind}") });
        let listed: Map<String, Value> =
            carried.keys().map(|kind| (kind.clone(), at(kind))).collect();
        let days = topic.retention.as_secs() / 86_400;
        let kept = if days > 0 {
            format!("{days} days")
        } else {
            format!("{} s", topic.retention.as_secs())
        };
        channels.insert(
            topic.name.to_owned(),
            json!({
                "address": topic.name,
                "title": topic.name,
                "description": format!("{text} Key: {key}. Kept for {kept} after every group has read it. The configured namespace stands before the name."),
                "messages": listed,
                "bindings": { "kafka": { "partitions": topic.partitions_kafka, "bindingVersion": "0.5.0" } },
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
        Carries::DeadLetters => one(
            topic,
            &json!({}),
            &json!({
                "type": "object",
                "properties": {
                    header::REASON: { "type": "string", "description": "Why." },
                    header::SOURCE_TOPIC: { "type": "string" },
                    header::SOURCE_PARTITION: { "type": "string", "description": "Decimal." },
                    header::SOURCE_OFFSET: { "type": "string", "description": "Decimal." },
                    header::TRIES: { "type": "string", "description": "Decimal." },
                },
            }),
        ),
    }
}

fn one(topic: &str, payload: &Value, headers: &Value) -> Map<String, Value> {
    let message = json!({ "name": topic, "headers": headers, "payload": payload });
    [(topic.to_owned(), message)].into_iter().collect()
}

/// Headers of an event: attributes of `CloudEvents`, in the Kafka binding's spelling.
fn event_headers(kind: &str) -> Value {
    let text = |about: &str| json!({ "type": "string", "description": about });
    json!({
        "type": "object",
        "properties": {
            header::CE_SPECVERSION: { "const": "1.0" },
            header::CE_TYPE: { "const": kind },
            header::CE_SOURCE: { "const": "/parlance" },
            header::CE_ID: text("`<conversation>/<rev>`."),
            header::CE_SUBJECT: text("The conversation."),
            header::CE_TIME: text("Record time, RFC 3339."),
            header::CE_REV: text("Number of the change in its conversation, decimal."),
            header::CE_SEQ: text("Number of the message in its conversation, decimal; on events of messages."),
            header::CONTENT_TYPE: { "const": "application/json" },
            header::AUDIENCE: text("Binary, for the fan-out: members it is routed to."),
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
