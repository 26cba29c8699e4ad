//! The OpenAPI document, made from the types of requests and answers and from the list of operations
//! that each noun keeps beside its routes (`<noun>/document.rs`). Only tests make it: the server
//! sends the file that they compare (`schemas/json/openapi.json`), and links no schemas.

mod operation;
pub(crate) mod text;

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

pub(crate) use operation::{Operation, delete, get, post, put};

use crate::{
    conversation, health, member, message, pin, presence, reaction, receipt, session, user,
};

/// Every operation, in the order of the document.
pub(crate) fn operations() -> Vec<Operation> {
    [
        session::document::operations(),
        user::document::operations(),
        conversation::document::operations(),
        member::document::operations(),
        receipt::document::operations(),
        message::document::operations(),
        reaction::document::operations(),
        pin::document::operations(),
        presence::document::operations(),
        health::document::operations(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Schemas of what is read and of what is written: a field that may be left out of a request is
/// still in every answer. Both end up in one list, so a name means one thing.
pub(super) struct Schemas {
    asked: SchemaGenerator,
    said: SchemaGenerator,
    /// Answers that are refusals, by their codes.
    refusals: Map<String, Value>,
}

impl Schemas {
    fn new() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12()
                .with(|s| s.definitions_path = "/components/schemas".into())
        };
        Self {
            asked: settings().for_deserialize().into_generator(),
            said: settings().for_serialize().into_generator(),
            refusals: Map::new(),
        }
    }

    /// Whether a request of this type has a field that must be given.
    fn requires(&self, schema: &Schema) -> bool {
        let named = schema.get("$ref").and_then(Value::as_str).and_then(|at| at.rsplit('/').next());
        let schema = named.and_then(|name| self.asked.definitions().get(name));
        schema.expect("bodies are named types").get("required").is_some()
    }

    fn definitions(&mut self) -> Map<String, Value> {
        let mut all = self.said.take_definitions(true);
        for (name, schema) in self.asked.take_definitions(true) {
            let other = all.insert(name.clone(), schema.clone());
            assert!(
                other.is_none_or(|other| other == schema),
                "{name} is asked and said differently: #[schemars(rename)] one of the two types"
            );
        }
        all
    }
}

/// The whole document.
pub(crate) fn openapi() -> Value {
    let mut schemas = Schemas::new();
    let mut paths: Map<String, Value> = Map::new();
    for operation in operations() {
        for (path, method, described) in operation.write(&mut schemas) {
            let methods = paths.entry(path.clone()).or_insert_with(|| json!({}));
            let other = methods.as_object_mut().unwrap().insert(method, described);
            assert!(other.is_none(), "{path} is described twice");
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Parlance",
            "version": "1",
            "description": "REST API of Parlance. What an answer promises, pages, retries and rate limits: docs/API.md.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "schemas": schemas.definitions(),
            "responses": schemas.refusals,
            "headers": operation::headers(),
            "securitySchemes": { "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" } },
        },
    })
}

#[cfg(test)]
mod tests;
