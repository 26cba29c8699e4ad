//! What is said of who types.

use serde_json::json;

use super::{Answer, Frame, Numbered, Object, Request, id, inline};
use crate::typing::view::Typing;

pub(super) fn request() -> Request {
    let is_typing = json!({ "type": "boolean", "default": true });
    Request {
        kind: "typing",
        about: "The user types in the conversation, or does so no more. It may be said at every key stroke, and ends by itself 10 s after it was last said.",
        data: Some(Object::new().must("conversationId", id()).may("isTyping", is_typing).asked()),
        answer: Answer::Data(Object::new().said()),
    }
}

/// The frame that tells of it.
pub(super) fn frame() -> Frame {
    Frame {
        kind: "typing",
        about: "Somebody types in a conversation that never had more than 64 members, or does so no more. That he goes on is not told; that it ends is.",
        numbered: Numbered::ByNext,
        data: Some(inline::<Typing<'_>>()),
    }
}
