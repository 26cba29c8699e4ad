//! Typing: who is writing in a conversation at this moment.
//!
//! Nothing of it is stored. A node tells of it on `chat.signals`, with the moment at which it ends by
//! itself, and notes it on the ephemeral board of the conversation for those who come later. Whatever
//! is lost ends by itself: a reader never believes it longer than [`limits::TYPING_MS`].

pub mod view;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::ConversationId;
use crate::time::Timestamp;
use crate::{frame, limits};
use view::Typing;

/// What stands on the board about one typer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Note {
    /// When he began.
    pub started_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Timestamp,
}

/// The board of a conversation; its fields are users.
pub fn board(conversation: ConversationId) -> String {
    format!("typing:{conversation}")
}

/// When typing ends whose last signal came at this moment.
pub fn until(signal: Timestamp) -> Timestamp {
    signal.plus_ms(i64::try_from(limits::TYPING_MS).unwrap_or(i64::MAX))
}

impl Note {
    /// As the board keeps it.
    pub fn write(&self) -> Bytes {
        serde_json::to_vec(self).expect("plain data serialises").into()
    }

    /// Of the board, if it still counts.
    pub fn read(bytes: &[u8], now: Timestamp) -> Option<Self> {
        let note: Self = serde_json::from_slice(bytes).ok()?;
        (note.expires_at > now).then_some(note)
    }
}

/// The frame that tells of it.
pub fn frame_of(conversation: ConversationId, at: Timestamp, typing: &Typing<'_>) -> Bytes {
    let payload = serde_json::to_vec(typing).expect("plain data serialises");
    frame::about("typing", conversation, at, &payload)
}

/// The frame that ends what another frame began; none if that is not one of ours.
pub fn ended(began: &[u8], at: Timestamp) -> Option<Bytes> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Began<'a> {
        conversation_id: ConversationId,
        #[serde(borrow)]
        data: Typing<'a>,
    }
    let Began { conversation_id, data } = serde_json::from_slice(began).ok()?;
    let over = Typing { is_typing: false, until: None, ..data };
    Some(frame_of(conversation_id, at, &over))
}

/// The id of an indicator, for clients that want one: the same as long as somebody types.
pub fn id(conversation: ConversationId, note: &Note, user: Uuid) -> Uuid {
    crate::id::typing(conversation, note.started_at, user)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::UserId;

    const HERE: ConversationId = ConversationId(Uuid::from_u128(7));

    #[test]
    fn the_end_is_told_in_the_words_of_the_beginning() {
        let typing = Typing {
            user_id: UserId(Uuid::from_u128(1)),
            username: "a\"b".into(),
            is_typing: true,
            until: Some(until(Timestamp(0))),
        };
        let began = frame_of(HERE, Timestamp(0), &typing);
        assert_eq!(
            std::str::from_utf8(&began).unwrap(),
            r#"{"type":"typing","conversationId":"00000000-0000-0000-0000-000000000007","at":"1970-01-01T00:00:00.000Z","data":{"userId":"00000000-0000-0000-0000-000000000001","username":"a\"b","isTyping":true,"until":"1970-01-01T00:00:10.000Z"}}"#
        );
        let over = ended(&began, Timestamp(10_000)).unwrap();
        assert_eq!(
            std::str::from_utf8(&over).unwrap(),
            r#"{"type":"typing","conversationId":"00000000-0000-0000-0000-000000000007","at":"1970-01-01T00:00:10.000Z","data":{"userId":"00000000-0000-0000-0000-000000000001","username":"a\"b","isTyping":false,"until":null}}"#
        );
        assert_eq!(ended(b"{}", Timestamp(0)), None);
    }

    #[test]
    fn a_note_counts_until_its_end() {
        let note = Note { started_at: Timestamp(5), expires_at: Timestamp(10_005) };
        let bytes = note.write();
        assert_eq!(Note::read(&bytes, Timestamp(10_004)), Some(note));
        assert_eq!(Note::read(&bytes, Timestamp(10_005)), None);
        assert_eq!(Note::read(b"x", Timestamp(0)), None);
        let other = Note { started_at: Timestamp(6), ..note };
        let user = Uuid::from_u128(1);
        assert_ne!(id(HERE, &note, user), id(HERE, &other, user));
    }
}
