//! Which class of personal data each field of an event is, for the annotation `x-pii` of its schema.
//!
//! Every field of every type on `chat.events` is classified: one that is not fails the tests, so a new
//! field can not reach data teams unseen. A class is what a field *may* hold; it is never lowered
//! because today's value happens to be null.

use serde_json::{Map, Value};

/// A class of personal data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Pii {
    /// Says nothing about a person.
    None,
    /// An id of a person, or one derived from ids of persons: pseudonymous.
    Identifier,
    /// Tells who somebody is: names, pictures, what he says about himself.
    Identity,
    /// Written or chosen by a person: may be about anything and anybody.
    Content,
    /// What somebody did and when.
    Activity,
}

use Pii::{Activity, Content, Identifier, Identity};

impl Pii {
    /// Its name in `x-pii`. On the wire for ever.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::None => "none",
            Identifier => "identifier",
            Identity => "identity",
            Content => "content",
            Activity => "activity",
        }
    }
}

/// Type, class, fields. Fields whose value is an object that is described are not here: theirs are.
const FIELDS: [(&str, Pii, &[&str]); 32] = [
    ("Message", Identifier, &["id", "conversationId", "senderId", "replyToId", "clientMessageId"]),
    ("Message", Content, &["content", "metadata"]),
    ("Message", Activity, &["createdAt", "updatedAt", "deletedAt", "isEdited", "isDeleted"]),
    ("Message", Activity, &["isPinned", "status"]),
    ("Message", Identifier, &["pinChangedById"]),
    ("Message", Pii::None, &["seq", "rev", "pinRev", "type", "messageType"]),
    ("User", Identifier, &["id"]),
    ("User", Identity, &["username", "firstName", "lastName", "avatarUrl", "bio", "status"]),
    ("User", Activity, &["isOnline", "lastSeen", "presenceStatus"]),
    ("Conversation", Identifier, &["id", "createdById", "lastMessageId"]),
    ("Conversation", Content, &["name", "description", "avatarUrl", "metadata"]),
    ("Conversation", Activity, &["lastMessageAt", "createdAt", "updatedAt", "deletedAt"]),
    ("Conversation", Pii::None, &["type", "isGroup", "isChannel", "rev", "seq", "memberCount"]),
    ("Preview", Identifier, &["id", "senderId"]),
    ("Preview", Content, &["content"]),
    ("Preview", Activity, &["createdAt", "isDeleted"]),
    ("Preview", Pii::None, &["seq", "type"]),
    ("Participant", Identifier, &["id", "userId"]),
    ("Participant", Activity, &["role", "joinedAt"]),
    ("Affected", Identifier, &["id", "userId"]),
    ("Affected", Activity, &["role"]),
    ("Added", Identifier, &["actorId"]),
    ("Changed", Identifier, &["actorId"]),
    ("Changed", Pii::None, &["memberCount"]),
    ("Updated", Identifier, &["id"]),
    ("Updated", Content, &["name", "description", "avatarUrl"]),
    ("Updated", Activity, &["updatedAt"]),
    ("Updated", Pii::None, &["type"]),
    ("Deleted", Identifier, &["id", "actorId"]),
    ("Reacted", Identifier, &["messageId", "userId"]),
    ("Reacted", Content, &["emoji", "counts"]),
    ("Reacted", Activity, &["added"]),
];

/// The class of a field; none if it was not classified.
fn class_of(kind: &str, field: &str) -> Option<Pii> {
    let row = FIELDS.iter().find(|(of, _, fields)| *of == kind && fields.contains(&field));
    row.map(|(_, pii, _)| *pii)
}

/// Annotates the schema of a type and of every type that it refers to. Gives the fields that nobody
/// has classified, as `Type.field`.
pub(super) fn annotate(root: &mut Map<String, Value>, name: &str) -> Vec<String> {
    let mut missing = Vec::new();
    let defs = root.get("$defs").and_then(Value::as_object).cloned().unwrap_or_default();
    let described = |name: &str| defs.get(name).is_some_and(|def| def.get("properties").is_some());
    fields(root, name, &described, &mut missing);
    if let Some(defs) = root.get_mut("$defs").and_then(Value::as_object_mut) {
        for (name, def) in defs {
            if let Some(def) = def.as_object_mut() {
                fields(def, name, &described, &mut missing);
            }
        }
    }
    missing
}

fn fields(
    schema: &mut Map<String, Value>,
    kind: &str,
    described: &dyn Fn(&str) -> bool,
    missing: &mut Vec<String>,
) {
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else {
        return;
    };
    for (field, value) in properties {
        let leads = referred(value).is_some_and(described);
        match (class_of(kind, field), value.as_object_mut()) {
            (Some(pii), Some(value)) if !leads => {
                value.insert("x-pii".to_owned(), pii.text().into());
            }
            (None, _) if leads => {}
            _ => missing.push(format!("{kind}.{field}")),
        }
    }
}

/// The type that a field's schema refers to: itself, its items, or what it is if it is not null.
fn referred(schema: &Value) -> Option<&str> {
    let parts = [Some(schema), schema.get("items")].into_iter().flatten();
    let either = schema.get("anyOf").and_then(Value::as_array).into_iter().flatten();
    let found = parts.chain(either).find_map(|part| part.get("$ref"))?;
    found.as_str()?.rsplit('/').next()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn class_at<'s>(schema: &'s Value, place: &str) -> Option<&'s str> {
        schema.pointer(&format!("{place}/x-pii")).and_then(Value::as_str)
    }

    #[test]
    fn a_field_that_nobody_has_classified_is_named() {
        let mut schema = json!({
            "properties": { "id": { "type": "string" }, "shoeSize": { "type": "integer" } },
        });
        let missing = annotate(schema.as_object_mut().unwrap(), "Deleted");
        assert_eq!(missing, ["Deleted.shoeSize"]);
        assert_eq!(class_at(&schema, "/properties/id"), Some("identifier"));
    }

    #[test]
    fn every_row_is_about_a_field_that_there_is() {
        let events = crate::document::events();
        let schemas: Vec<Value> = events.into_iter().map(|(_, schema)| schema.into()).collect();
        for (kind, _, fields) in FIELDS {
            for field in fields {
                let places =
                    [format!("/$defs/{kind}/properties/{field}"), format!("/properties/{field}")];
                let there = schemas
                    .iter()
                    .any(|schema| places.iter().any(|place| class_at(schema, place).is_some()));
                assert!(there, "{kind}.{field} is classified and is not there");
            }
        }
    }

    #[test]
    fn a_row_for_a_field_that_leads_to_a_described_type_is_named() {
        let mut schema = json!({
            "properties": { "id": { "$ref": "#/$defs/User" } },
            "$defs": { "User": { "properties": { "bio": { "type": "string" } } } },
        });
        let missing = annotate(schema.as_object_mut().unwrap(), "Deleted");
        assert_eq!(missing, ["Deleted.id"]);
        assert_eq!(class_at(&schema, "/$defs/User/properties/bio"), Some("identity"));
    }
}
