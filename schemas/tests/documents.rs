//! The published documents are what the types say. `DOCUMENTS=write` writes them anew.
#![expect(clippy::unwrap_used, reason = "a test binary")]

use std::path::{Path, PathBuf};

use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("json")
}

/// Compares a published document with what it should be, or writes it.
fn published(name: &str, document: &Value) {
    let path = folder().join(name);
    let text = format!("{}\n", serde_json::to_string_pretty(document).unwrap());
    if std::env::var("DOCUMENTS").is_ok_and(|value| value == "write") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &text).unwrap();
    }
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(known, text, "{name} drifted: DOCUMENTS=write cargo test -p parlance-schemas");
}

#[test]
fn json_schemas_of_events_are_published_as_they_are() {
    let mut names: Vec<String> = Vec::new();
    for (kind, schema) in schemas::document::events() {
        let name = format!("{kind}.schema.json");
        published(&format!("chat.events/{name}"), &schema.into());
        names.push(name);
    }
    let mut there: Vec<String> = std::fs::read_dir(folder().join("chat.events"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    there.sort();
    assert_eq!(there, names, "a published type is gone, or a new one is not listed");
}

#[test]
fn topics_and_sockets_are_published_as_they_are() {
    published("asyncapi-topics.json", &schemas::document::topics());
    published("asyncapi-ws.json", &schemas::document::socket());
}

#[test]
fn every_reference_of_a_document_leads_somewhere() {
    for document in [schemas::document::topics(), schemas::document::socket()] {
        let mut references = Vec::new();
        gather(&document, &mut references);
        assert!(references.len() > 10);
        for reference in references {
            let (file, pointer) = reference.split_once('#').unwrap_or((&reference, ""));
            let target = if file.is_empty() {
                document.clone()
            } else {
                let text =
                    std::fs::read(folder().join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
                serde_json::from_slice(&text).unwrap()
            };
            assert!(target.pointer(pointer).is_some(), "{reference}");
        }
    }
}

fn gather(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(fields.get("$ref").and_then(Value::as_str).map(str::to_owned));
            fields.values().for_each(|value| gather(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| gather(value, found)),
        _ => {}
    }
}

/// What a golden event of every version holds is what its schema asks for: a field that a schema
/// requires is in the oldest bytes too.
#[test]
fn every_required_field_of_a_message_is_in_the_golden_event() {
    let golden =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/change.message.event.1.json");
    let frame: Value = serde_json::from_slice(&std::fs::read(golden).unwrap()).unwrap();
    let schema: Value = schemas::document::events()
        .into_iter()
        .find(|(kind, _)| *kind == "chat.message.created")
        .map(|(_, schema)| serde_json::to_value(schema).unwrap())
        .unwrap();
    let required = schema["required"].as_array().unwrap();
    assert!(required.len() > 10, "{required:?}");
    for field in required {
        assert!(frame["data"].get(field.as_str().unwrap()).is_some(), "{field}");
    }
}
