//! Pins in the OpenAPI document.

use schemas::pin::view::Pin;
use schemas::{Code, ConversationId, MessageId};

use super::read::List;
use crate::document::{Operation, delete, get, post};
use crate::envelope::Said;
use crate::message::document::Shown;

const PIN: &str = "/messages/{id}/pin";
const PIN_IN: &str = "/messages/conversations/{conversationId}/pin/{messageId}";

fn pins(operation: Operation) -> Operation {
    operation.keyed().publishes().answers::<Pin<'static, Shown>>(200).refuses(&[
        Code::MessageDeleted,
        Code::Blocked,
        Code::NotFound,
        Code::Conflict,
    ])
}

fn unpins(operation: Operation) -> Operation {
    operation.keyed().publishes().answers::<Said>(200).refuses(&[
        Code::MessageDeleted,
        Code::Blocked,
        Code::NotFound,
        Code::Conflict,
    ])
}

fn one(operation: Operation) -> Operation {
    operation.id::<MessageId>("id", "Of the message.")
}

fn of_conversation(operation: Operation) -> Operation {
    operation
        .id::<ConversationId>("conversationId", "Of the conversation.")
        .id::<MessageId>("messageId", "Of the message.")
}

pub(crate) fn operations() -> Vec<Operation> {
    let (pin, unpin) = ("Pins a message for all members.", "Pins a message no more.");
    vec![
        pins(one(post(PIN, "pin", pin))),
        unpins(one(delete(PIN, "unpin", unpin))),
        pins(of_conversation(post(PIN_IN, "pinIn", pin))),
        unpins(of_conversation(delete(PIN_IN, "unpinIn", unpin))),
        get(
            "/messages/conversations/{conversationId}/pinned",
            "pinned",
            "Pin messages of a conversation, the newest pin first.",
        )
        .id::<ConversationId>("conversationId", "Of the conversation.")
        .answers::<List<'static>>(200)
        .refuses(&[Code::NotMember]),
    ]
}
