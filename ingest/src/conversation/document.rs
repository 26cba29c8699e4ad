//! `/conversations` in the OpenAPI document.

use schemas::conversation::head::Kind;
use schemas::{Code, ConversationId, limits};
use serde_json::{Value, json};

use super::dto::{Change, Create, Preferences};
use super::list::List;
use super::order::CURSOR;
use super::read::Viewed;
use crate::document::{Operation, delete, get, post, put};
use crate::envelope::Said;
use crate::message::document::page;

/// A direct conversation has one other, any other one a name.
pub(super) fn either() -> Value {
    json!([
        {
            "properties": {
                "type": { "const": Kind::Direct.text() },
                "participantIds": { "type": "array", "maxItems": 1 },
            },
        },
        {
            "required": ["name"],
            "properties": {
                "type": { "enum": [Kind::Group.text(), Kind::Channel.text()] },
                "name": { "type": "string" },
            },
        },
    ])
}

pub(crate) fn operations() -> Vec<Operation> {
    let one = |operation: Operation| operation.id::<ConversationId>("id", "Of the conversation.");
    let kinds = [Kind::Direct, Kind::Group, Kind::Channel].map(Kind::text);
    vec![
        post(
            "/conversations",
            "openConversation",
            "Opens a conversation, or finds the direct one of the two.",
        )
        .keyed()
        .body::<Create<'static>>()
        .publishes()
        .answers::<Viewed<'static>>(201)
        .refuses(&[
            Code::MalformedId,
            Code::Forbidden,
            Code::Blocked,
            Code::NotFound,
            Code::TooManyEffects,
        ]),
        get(
            "/conversations",
            "conversations",
            "One's conversations: those that are pinned first, then the last active.",
        )
        .query("type", "Only of this kind.", json!({ "enum": kinds }))
        .flag("archived", "Only archived ones; else they are left out.")
        .query(
            "pinned",
            "Only those that are pinned, or are not.",
            json!({ "enum": [true, false, 1, 0] }),
        )
        .query(
            "search",
            "Only with this in their name, or in that of the other one.",
            json!({ "type": "string", "maxLength": limits::CONVERSATION_NAME_CHARS }),
        )
        .page(limits::PAGE_OTHER)
        .cursor::<CURSOR>()
        .answers::<List<'static>>(200),
        get("/conversations/self", "notes", "Notes to oneself, made on first use.")
            .publishes()
            .answers::<Viewed<'static>>(200),
        one(get("/conversations/{id}", "conversation", "A conversation."))
            .answers::<Viewed<'static>>(200)
            .refuses(&[Code::NotFound]),
        one(put(
            "/conversations/{id}",
            "changeConversation",
            "Changes name, description and picture for all, and what the caller has set for himself.",
        ))
        .keyed()
        .body::<Change<'static>>()
        .publishes()
        .answers::<Viewed<'static>>(200)
        .refuses(&[Code::NotMember, Code::Forbidden, Code::NotFound]),
        one(delete("/conversations/{id}", "deleteConversation", "Deletes it for all; its owner."))
            .keyed()
            .publishes()
            .answers::<Said>(200)
            .refuses(&[Code::NotMember, Code::Forbidden]),
        one(put("/conversations/{id}/settings", "setConversation", "Sets it up for the caller."))
            .body::<Preferences<'static>>()
            .publishes()
            .answers::<Said>(200)
            .refuses(&[Code::NotFound]),
        page(one(get(
            "/conversations/{id}/messages",
            "messagesOfConversation",
            "Messages, the newest page first.",
        ))),
    ]
}
