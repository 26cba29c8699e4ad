//! What was read, in the OpenAPI document.

use schemas::{Code, ConversationId};

use super::read::Request;
use super::unread::Audit;
use crate::document::{Operation, get, post};
use crate::envelope::Said;

pub(crate) fn operations() -> Vec<Operation> {
    let one = |operation: Operation| operation.id::<ConversationId>("id", "Of the conversation.");
    vec![
        one(post(
            "/conversations/{id}/read",
            "readConversation",
            "Everything up to a message, or to the newest, was read.",
        ))
        .body::<Request<'static>>()
        .publishes()
        .answers::<Said>(200)
        .refuses(&[Code::NotFound]),
        one(get("/conversations/{id}/unread", "unread", "What is unread, and what a count says."))
            .answers::<Audit>(200)
            .refuses(&[Code::NotFound]),
    ]
}
