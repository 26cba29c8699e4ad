//! The published documents are what the types say. `DOCUMENTS=write` writes them anew.

use std::path::Path;

use serde_json::Value;

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("json/chat.events")
}

#[test]
fn json_schemas_of_events_are_published_as_they_are() {
    let write = std::env::var("DOCUMENTS").is_ok_and(|value| value == "write");
    let mut published: Vec<String> = Vec::new();
    for (kind, schema) in schemas::document::events() {
        let name = format!("{kind}.schema.json");
        let text = format!("{}\n", serde_json::to_string_pretty(&schema).unwrap());
        let path = folder().join(&name);
        if write {
            std::fs::create_dir_all(folder()).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let known = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(known, text, "{name} drifted: DOCUMENTS=write cargo test -p parlance-schemas");
        published.push(name);
    }
    let mut there: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    there.sort();
    assert_eq!(there, published, "a published type is gone, or a new one is not listed");
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
