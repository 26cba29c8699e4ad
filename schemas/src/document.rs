//! Documents made from the types: JSON Schema (draft 2020-12) of every event on `chat.events`, as its
//! consumers may rely on it; topics and sockets as AsyncAPI. Fields may be added; none is removed or
//! changes its type.

mod object;
mod pii;
mod socket;
mod topics;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};

use crate::conversation::view::{Deleted, Updated};
use crate::member::view::{Added, Changed};
use crate::message::view::Message;
use crate::reaction::view::Reacted;

pub use socket::socket;
pub use topics::topics;

/// Every event type (`ce_type`) with the schema of its value.
pub fn events() -> Vec<(&'static str, Schema)> {
    vec![
        ("chat.conversation.deleted", of::<Deleted>("chat.conversation.deleted")),
        ("chat.conversation.updated", of::<Updated>("chat.conversation.updated")),
        ("chat.member.added", of::<Added<'static>>("chat.member.added")),
        ("chat.member.changed", of::<Changed>("chat.member.changed")),
        ("chat.member.removed", of::<Changed>("chat.member.removed")),
        ("chat.message.created", of::<Message<'static>>("chat.message.created")),
        ("chat.message.deleted", of::<Message<'static>>("chat.message.deleted")),
        ("chat.message.reaction", of::<Reacted<'static>>("chat.message.reaction")),
        ("chat.message.updated", of::<Message<'static>>("chat.message.updated")),
    ]
}

/// The schema of what is written: a field that may be null is still always there.
fn of<T: JsonSchema>(title: &str) -> Schema {
    let mut schema =
        SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>();
    schema.insert("title".to_owned(), title.into());
    let missing = pii::annotate(schema.ensure_object(), &T::schema_name());
    assert!(missing.is_empty(), "document/pii.rs does not classify {}", missing.join(", "));
    schema
}
