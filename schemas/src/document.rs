//! Documents made from the types: JSON Schema (draft 2020-12) of every event on `chat.events`, as its
//! consumers may rely on it. Fields may be added; none is removed or changes its type.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};

use crate::member::view::Added;
use crate::message::view::Message;

/// Every event type (`ce_type`) with the schema of its value.
pub fn events() -> Vec<(&'static str, Schema)> {
    vec![
        ("chat.member.added", of::<Added<'static>>("chat.member.added")),
        ("chat.message.created", of::<Message<'static>>("chat.message.created")),
    ]
}

/// The schema of what is written: a field that may be null is still always there.
fn of<T: JsonSchema>(title: &str) -> Schema {
    let mut schema =
        SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>();
    schema.insert("title".to_owned(), title.into());
    schema
}
