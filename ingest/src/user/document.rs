//! `/users` in the OpenAPI document.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};
use schemas::user::head::Audience;
use schemas::user::settings::{Allowed, Setting, all};
use schemas::user::view::{Own, Public};
use schemas::{Code, UserId, limits};
use serde_json::{Map, Value, json};

use super::block::Entry;
use super::dto::{Blocking, Password, Profile};
use super::read::One;
use super::search::Found;
use super::settings::Whole;
use crate::document::{Operation, delete, get, post, put};
use crate::envelope::Said;

/// Settings as they are changed: any of them.
struct Change;

/// Settings as they are answered: all of them.
struct Settings;

fn values(setting: &Setting, generator: &mut SchemaGenerator) -> Value {
    match setting.allowed {
        Allowed::Boolean => json!({ "type": "boolean" }),
        Allowed::Audience => generator.subschema_for::<Audience>().into(),
        Allowed::OneOf(texts) => json!({ "enum": texts }),
        Allowed::Text(most) => json!({ "type": "string", "maxLength": most }),
        Allowed::TextOrNull(most) => json!({ "type": ["string", "null"], "maxLength": most }),
        Allowed::Number(least, most) => {
            json!({ "type": "integer", "minimum": least, "maximum": most })
        }
    }
}

fn properties(generator: &mut SchemaGenerator) -> Map<String, Value> {
    all().map(|setting| (setting.name.to_owned(), values(setting, generator))).collect()
}

impl JsonSchema for Change {
    fn schema_name() -> Cow<'static, str> {
        "SettingsChange".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let properties = properties(generator);
        let schema = json!({
            "description": "Settings to be changed, any of them.",
            "type": "object",
            "properties": properties,
            "additionalProperties": false,
        });
        Schema::try_from(schema).unwrap()
    }
}

impl JsonSchema for Settings {
    fn schema_name() -> Cow<'static, str> {
        "Settings".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = Whole::json_schema(generator);
        let settings = properties(generator);
        let required = schema.get_mut("required").and_then(Value::as_array_mut).unwrap();
        required.extend(settings.keys().cloned().map(Value::from));
        let fields = schema.get_mut("properties").and_then(Value::as_object_mut).unwrap();
        fields.extend(settings);
        schema.remove("additionalProperties");
        schema
    }
}

pub(crate) fn operations() -> Vec<Operation> {
    let text = || json!({ "type": "string" });
    let one = |operation: Operation| operation.id::<UserId>("id", "Of the user.");
    vec![
        get("/users/me", "me", "One's own profile.").answers::<Own>(200),
        put("/users/me", "changeProfile", "Changes one's own profile; what is null goes.")
            .body::<Profile<'static>>()
            .publishes()
            .answers::<Own>(200)
            .refuses(&[Code::Conflict]),
        delete("/users/me", "deleteAccount", "Deletes the account, for good.")
            .publishes()
            .answers::<Said>(200),
        get("/users/me/settings", "settings", "One's own settings, all of them.")
            .answers::<Settings>(200),
        put("/users/me/settings", "changeSettings", "Changes some of one's own settings.")
            .body::<Change>()
            .publishes()
            .answers::<Settings>(200),
        put(
            "/users/me/password",
            "changePassword",
            "Sets another password and ends every other session.",
        )
        .keyed()
        .body::<Password<'static>>()
        .publishes()
        .answers::<Said>(200)
        .refuses(&[Code::InvalidCredentials]),
        get("/users/me/blocked", "blockedUsers", "Whom one has blocked, the latest first.")
            .page(limits::PAGE_OTHER)
            .cursor::<24>()
            .next_in_header()
            .answers::<Vec<Public<'static>>>(200),
        get("/users/blocked", "blocks", "Whom one has blocked, why and since when.")
            .page(limits::PAGE_OTHER)
            .cursor::<24>()
            .next_in_header()
            .answers::<Vec<Entry<'static>>>(200),
        get(
            "/users/search",
            "searchUsers",
            "Users with a word of their names that begins so, or with just this e-mail address.",
        )
        .query("query", "What is looked for.", text())
        .query("q", "The same.", text())
        .page(limits::PAGE_OTHER)
        .cursor::<16>()
        .answers::<Found<'static>>(200),
        one(get("/users/{id}", "user", "Somebody's public profile."))
            .answers::<One<'static>>(200)
            .refuses(&[Code::NotFound]),
        one(post("/users/{id}/block", "blockUser", "Blocks somebody."))
            .keyed()
            .body::<Blocking<'static>>()
            .publishes()
            .answers::<Said>(200)
            .refuses(&[Code::NotFound, Code::Conflict]),
        one(delete("/users/{id}/block", "unblockUser", "Blocks somebody no more."))
            .publishes()
            .answers::<Said>(200)
            .refuses(&[Code::NotFound]),
    ]
}
