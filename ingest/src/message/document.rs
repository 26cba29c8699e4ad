//! Messages in the OpenAPI document.

use schemas::message::view::{Message, TYPES};
use schemas::reaction::table::Counts;
use schemas::reaction::view::Reaction;
use schemas::{Code, ConversationId, MessageId, Seq, limits};
use serde_json::{Value, json};

use super::dto::{Edit, Forward, Request};
use super::forward::Gathered;
use super::read::EditHistory;
use super::reads;
use crate::document::text::NOT_BLANK;
use crate::document::{Operation, delete, get, post, put};
use crate::envelope::Said;
use crate::query::Pagination;

/// A message as answers show it (`shown`).
#[derive(schemars::JsonSchema)]
#[schemars(rename = "MessageShown", rename_all = "camelCase")]
#[expect(dead_code, reason = "its schema is all that is used")]
pub(crate) struct Shown {
    #[schemars(flatten)]
    message: Message<'static>,
    /// The newest 100.
    reactions: Vec<Reaction<'static>>,
    /// How often each emoji stands on it.
    reaction_counts: Counts,
    /// The message that it answers; null for most.
    reply_to: Option<Message<'static>>,
}

/// A page as `page::write` writes it.
#[derive(schemars::JsonSchema)]
#[schemars(rename = "Messages", rename_all = "camelCase")]
#[expect(dead_code, reason = "its schema is all that is used")]
struct Page {
    /// The oldest first.
    messages: Vec<Shown>,
    /// Where the page lies.
    pagination: Pagination,
    /// Whether there are older ones.
    has_more: bool,
    /// Gives the page before this one, as `before`; null at the end.
    next_before: Option<Seq>,
    /// Gives the page after this one, as `after`; null at the end.
    next_after: Option<Seq>,
}

/// A receipt; of an own message there is none.
#[derive(schemars::JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "its schema is all that is used")]
enum ReadOrSaid {
    Read(reads::Receipt),
    Said(Said),
}

/// Types that a client may give; null is none.
pub(super) fn kinds() -> Value {
    TYPES.into_iter().map(Value::from).chain([Value::Null]).collect()
}

/// Content or metadata that is not empty.
pub(super) fn something() -> Value {
    json!([
        { "required": ["content"], "properties": { "content": { "type": "string", "pattern": NOT_BLANK } } },
        { "required": ["metadata"], "properties": { "metadata": { "type": "object", "minProperties": 1 } } },
    ])
}

/// What the server looks at in metadata (`metadata::check`): addresses that lead to a web server.
pub(super) fn files() -> Value {
    let blank =
        "\\u0000-\\u0020\\u007f-\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
    let pattern = format!(
        "^([hH][tT][tT][pP][sS]?:[^{blank}]*|[^:/?#{blank}]+|[^:/?#{blank}]*[/?#][^{blank}]*)$"
    );
    let url = json!({
        "type": ["string", "null"],
        "minLength": 1,
        "maxLength": limits::URL_CHARS,
        "pattern": pattern,
    });
    let file = json!({ "type": "object", "properties": { "fileUrl": url, "thumbnailUrl": url } });
    json!({ "files": { "type": ["array", "null"], "items": file } })
}

/// What every page of messages has.
pub(crate) fn page(operation: Operation) -> Operation {
    let seq = |least| json!({ "type": "integer", "minimum": least, "maximum": limits::WHOLE_MAX });
    operation
        .page(limits::PAGE_MESSAGES)
        .query("before", "The page before the message with this `seq`.", seq(1))
        .query(
            "after",
            "The page after the message with this `seq`; not together with `before`.",
            seq(0),
        )
        .query_id::<MessageId>(
            "beforeMessageId",
            "The page before this message of the conversation.",
        )
        .answers::<Page>(200)
        .refuses(&[Code::NotMember])
}

pub(crate) fn operations() -> Vec<Operation> {
    let one = |operation: Operation| operation.id::<MessageId>("id", "Of the message.");
    vec![
        post("/messages", "sendMessage", "Sends a message: 201 means it is on disk.")
            .keyed()
            .body::<Request<'static>>()
            .publishes()
            .answers::<Shown>(201)
            .refuses(&[
                Code::MalformedId,
                Code::EmptyMessage,
                Code::MessageDeleted,
                Code::NotMember,
                Code::Forbidden,
                Code::Blocked,
                Code::NotFound,
            ]),
        page(
            get("/messages", "messages", "Messages of a conversation, the newest page first.")
                .query_id::<ConversationId>("conversationId", "Of the conversation.")
                .required(),
        ),
        one(get("/messages/{id}", "message", "A message."))
            .answers::<Shown>(200)
            .refuses(&[Code::NotFound]),
        one(put("/messages/{id}", "editMessage", "Replaces the text; its sender."))
            .keyed()
            .body::<Edit<'static>>()
            .publishes()
            .answers::<Shown>(200)
            .refuses(&[
                Code::EmptyMessage,
                Code::MessageDeleted,
                Code::Forbidden,
                Code::Blocked,
                Code::NotFound,
                Code::Conflict,
            ]),
        one(delete("/messages/{id}", "deleteMessage", "Takes a message back; its sender."))
            .keyed()
            .publishes()
            .answers::<Said>(200)
            .refuses(&[Code::Forbidden, Code::NotFound]),
        one(post("/messages/{id}/read", "readMessage", "Everything up to the message was read."))
            .publishes()
            .answers::<ReadOrSaid>(200)
            .refuses(&[Code::NotFound]),
        one(get("/messages/{id}/reads", "readers", "Who has read a message."))
            .query(
                "limit",
                "Members looked at for a page; more than 100 are taken as that.",
                json!({ "type": "integer", "minimum": 1, "maximum": limits::WHOLE_MAX, "default": limits::PAGE_MESSAGES }),
            )
            .cursor::<16>()
            .answers::<reads::List<'static>>(200)
            .refuses(&[Code::NotMember]),
        one(post("/messages/{id}/forward", "forwardMessage", "To all conversations or none."))
            .keyed()
            .body::<Forward<'static>>()
            .publishes()
            .answers::<Gathered<'static>>(200)
            .refuses(&[
                Code::MalformedId,
                Code::MessageDeleted,
                Code::NotMember,
                Code::Forbidden,
                Code::Blocked,
                Code::NotFound,
            ]),
        one(get("/messages/{id}/edit-history", "editHistory", "What the text was before."))
            .answers::<EditHistory<'static>>(200)
            .refuses(&[Code::NotMember]),
        one(get("/messages/{id}/thread", "thread", "Answers to a message, the oldest first."))
            .page(limits::PAGE_MESSAGES)
            .query(
                "after",
                "The answers behind the one with this `seq`.",
                json!({ "type": "integer", "minimum": 0, "maximum": limits::WHOLE_MAX }),
            )
            .answers::<Page>(200)
            .refuses(&[Code::NotFound]),
    ]
}
