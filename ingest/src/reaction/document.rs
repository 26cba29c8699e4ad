//! Reactions in the OpenAPI document.

use schemas::reaction::view::Reaction;
use schemas::{Code, MessageId, limits};
use serde_json::json;

use super::dto::React;
use crate::document::text::EMOJI;
use crate::document::{Operation, delete, post};
use crate::envelope::Said;

pub(crate) fn operations() -> Vec<Operation> {
    vec![
        post("/messages/{id}/reactions", "react", "Reacts to a message; once, however often.")
            .id::<MessageId>("id", "Of the message.")
            .keyed()
            .body::<React<'static>>()
            .publishes()
            .answers::<Reaction<'static>>(200)
            .refuses(&[Code::MessageDeleted, Code::Blocked, Code::NotFound, Code::Conflict]),
        delete("/messages/{id}/reactions/{emoji}", "unreact", "Takes a reaction back.")
            .id::<MessageId>("id", "Of the message.")
            .part(
                "emoji",
                "The emoji.",
                json!({ "type": "string", "minLength": 1, "maxLength": limits::EMOJI_CHARS, "pattern": EMOJI }),
            )
            .keyed()
            .publishes()
            .answers::<Said>(200)
            .refuses(&[Code::MessageDeleted, Code::NotFound]),
    ]
}
