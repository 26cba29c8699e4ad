//! Objects as JSON Schema, field by field.

use serde_json::{Map, Value, json};

/// An object that is being described.
#[derive(Default)]
pub(super) struct Object {
    properties: Map<String, Value>,
    required: Vec<&'static str>,
}

impl Object {
    /// One without fields.
    pub(super) fn new() -> Self {
        Self::default()
    }

    /// With a field that is always there.
    pub(super) fn must(mut self, name: &'static str, schema: Value) -> Self {
        self.required.push(name);
        self.may(name, schema)
    }

    /// With a field that may be there.
    pub(super) fn may(mut self, name: &'static str, schema: Value) -> Self {
        self.properties.insert(name.to_owned(), schema);
        self
    }

    /// What the server says: it may have more fields one day.
    pub(super) fn said(self) -> Value {
        json!({ "type": "object", "properties": self.properties, "required": self.required })
    }

    /// What the server is asked: it refuses other fields.
    pub(super) fn asked(self) -> Value {
        json!({
            "type": "object",
            "properties": self.properties,
            "required": self.required,
            "additionalProperties": false,
        })
    }
}
