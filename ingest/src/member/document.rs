//! Members of a conversation in the OpenAPI document.

use schemas::{Code, ConversationId, UserId, limits};

use super::dto::{Add, Change};
use super::read::List;
use crate::document::{Operation, delete, get, post, put};
use crate::envelope::Said;

pub(crate) fn operations() -> Vec<Operation> {
    let of = |operation: Operation| operation.id::<ConversationId>("id", "Of the conversation.");
    let one = |operation: Operation| of(operation).id::<UserId>("userId", "Of the member.");
    let all = "/conversations/{id}/participants";
    let member = "/conversations/{id}/participants/{userId}";
    vec![
        of(get(all, "participants", "Members, with their roles."))
            .page(limits::PAGE_OTHER)
            .cursor::<16>()
            .answers::<List<'static>>(200)
            .refuses(&[Code::NotFound]),
        of(post(all, "addParticipants", "Adds members; owner and admins."))
            .keyed()
            .body::<Add<'static>>()
            .publishes()
            .answers::<Said>(200)
            .refuses(&[
                Code::MalformedId,
                Code::NotMember,
                Code::Forbidden,
                Code::AlreadyMember,
                Code::Conflict,
                Code::TooManyEffects,
            ]),
        one(put(member, "changeParticipant", "Gives a member another role; owner and admins."))
            .keyed()
            .body::<Change<'static>>()
            .publishes()
            .answers::<Said>(200)
            .refuses(&[Code::NotMember, Code::Forbidden, Code::NotFound]),
        one(delete(member, "removeParticipant", "Removes a member, or leaves."))
            .keyed()
            .publishes()
            .answers::<Said>(200)
            .refuses(&[
                Code::ValidationFailed,
                Code::NotMember,
                Code::Forbidden,
                Code::NotFound,
                Code::Conflict,
            ]),
        of(post("/conversations/{id}/leave", "leaveConversation", "Leaves."))
            .keyed()
            .publishes()
            .answers::<Said>(200)
            .refuses(&[Code::ValidationFailed, Code::NotFound, Code::Conflict]),
    ]
}
