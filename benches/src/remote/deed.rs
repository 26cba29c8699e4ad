//! What clients ask for beside sending: as a request of its own, and as a frame.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use bytes::Bytes;
use http::Method;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::view::{self, View};
use crate::history::{Counted, Seen, What};
use crate::target::{Deed, Path, Place};

/// A request: method, path below `/api/v1/`, body.
pub type Asked = (Method, String, Bytes);

fn asked(method: Method, path: String, body: &serde_json::Value) -> Asked {
    (method, path, Bytes::from(body.to_string()))
}

/// The request for a deed.
pub fn request(deed: &Deed) -> Asked {
    let none = Bytes::new();
    let here = deed.conversation;
    match &deed.what {
        What::Edit { message, .. } => {
            let body = json!({ "content": &*deed.content });
            asked(Method::PUT, format!("messages/{message}"), &body)
        }
        What::Delete { message, .. } => (Method::DELETE, format!("messages/{message}"), none),
        What::React { message, emoji, added: true, .. } => {
            let body = json!({ "emoji": &**emoji });
            asked(Method::POST, format!("messages/{message}/reactions"), &body)
        }
        What::React { message, emoji, added: false, .. } => {
            (Method::DELETE, format!("messages/{message}/reactions/{}", escaped(emoji)), none)
        }
        What::Pin { message, pinned, .. } => {
            let method = if *pinned { Method::POST } else { Method::DELETE };
            (method, format!("messages/{message}/pin"), none)
        }
        What::Read { message, .. } => {
            let body = json!({ "messageId": message });
            asked(Method::POST, format!("conversations/{here}/read"), &body)
        }
        What::Add { user } => {
            let body = json!({ "userIds": [user] });
            asked(Method::POST, format!("conversations/{here}/participants"), &body)
        }
        What::Remove { user } => {
            (Method::DELETE, format!("conversations/{here}/participants/{user}"), none)
        }
        What::Leave { .. } => (Method::POST, format!("conversations/{here}/leave"), none),
        What::Role { user, role } => {
            let body = json!({ "role": &**role });
            asked(Method::PUT, format!("conversations/{here}/participants/{user}"), &body)
        }
    }
}

/// The frame for a deed: type and data; none: sockets have no such request.
pub fn frame(deed: &Deed) -> Option<(&'static str, String)> {
    let (kind, data) = match &deed.what {
        What::Edit { message, .. } => {
            ("message.edit", json!({ "messageId": message, "content": &*deed.content }))
        }
        What::Delete { message, .. } => ("message.delete", json!({ "messageId": message })),
        What::React { message, emoji, added, .. } => {
            let kind = if *added { "message.react" } else { "message.unreact" };
            (kind, json!({ "messageId": message, "emoji": &**emoji }))
        }
        What::Read { message, .. } => {
            let data = json!({ "conversationId": deed.conversation, "messageId": message });
            ("conversation.read", data)
        }
        What::Pin { .. }
        | What::Add { .. }
        | What::Remove { .. }
        | What::Leave { .. }
        | What::Role { .. } => {
            return None;
        }
    };
    Some((kind, data.to_string()))
}

/// The event for a deed of a stock client of Socket.IO: name and argument; none: there is no such event.
pub fn event(deed: &Deed) -> Option<(&'static str, String)> {
    let (name, data) = match &deed.what {
        What::React { message, emoji, added: true, .. } => {
            let reaction = json!({ "emoji": &**emoji });
            ("message:react", json!({ "messageId": message, "reaction": reaction }))
        }
        What::Read { message, .. } => ("message:read", json!({ "messageId": message })),
        What::Edit { .. }
        | What::Delete { .. }
        | What::React { .. }
        | What::Pin { .. }
        | What::Add { .. }
        | What::Remove { .. }
        | What::Leave { .. }
        | What::Role { .. } => return None,
    };
    Some((name, data.to_string()))
}

/// The message in an answer's data, where there is one: of an edit.
pub fn message(what: &What, data: &str) -> anyhow::Result<Option<Seen>> {
    match what {
        What::Edit { .. } => Ok(Some(view::bare(data)?)),
        _ => Ok(None),
    }
}

/// A path segment.
fn escaped(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() {
            out.push(char::from(byte));
        } else {
            // To memory: it does not fail.
            write!(out, "%{byte:02X}").unwrap_or_default();
        }
        out
    })
}

/// The path of a place, below `/api/v1/`.
pub fn path(place: Place) -> String {
    let Place { path, conversation, message } = place;
    match path {
        Path::History => format!("conversations/{conversation}/messages?limit=100"),
        Path::Messages => format!("messages?conversationId={conversation}&limit=100"),
        Path::Message => format!("messages/{message}"),
        Path::Conversation => format!("conversations/{conversation}"),
        Path::List | Path::Journal => "conversations?limit=100".to_owned(),
        Path::EditHistory => format!("messages/{message}/edit-history"),
        Path::Reads => format!("messages/{message}/reads"),
        Path::Pinned => format!("messages/conversations/{conversation}/pinned"),
        Path::Thread => format!("messages/{message}/thread"),
        Path::Answer(answer) => format!("messages/{answer}"),
        Path::Participants => format!("conversations/{conversation}/participants"),
        Path::Unread => format!("conversations/{conversation}/unread"),
    }
}

/// Where it stands how much is unread.
pub fn counted(conversation: Uuid, counted: Counted) -> String {
    match counted {
        Counted::Answer => format!("conversations/{conversation}"),
        Counted::Audit => format!("conversations/{conversation}/unread"),
        Counted::List => "conversations?limit=100".to_owned(),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Counts {
    unread_count: i64,
    counted: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Listed {
    items: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    id: Uuid,
    unread_count: i64,
}

/// How much is unread, of an answer.
pub fn unread(conversation: Uuid, counted: Counted, body: &[u8]) -> anyhow::Result<i64> {
    match counted {
        Counted::Answer => Ok(view::data::<Counts>(body)?.unread_count),
        Counted::Audit => {
            let counts = view::data::<Counts>(body)?;
            counts.counted.ok_or_else(|| anyhow::anyhow!("it was not counted"))
        }
        Counted::List => {
            let listed = view::data::<Listed>(body)?;
            let item = listed.items.iter().find(|item| item.id == conversation);
            item.map(|item| item.unread_count).ok_or_else(|| anyhow::anyhow!("it is not listed"))
        }
    }
}

#[derive(Deserialize)]
struct Participants {
    participants: Vec<Participant>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Participant {
    user_id: Uuid,
    role: String,
}

/// Members with their roles, of an answer.
pub fn members(body: &[u8]) -> anyhow::Result<BTreeMap<Uuid, String>> {
    let all = view::data::<Participants>(body)?.participants;
    Ok(all.into_iter().map(|one| (one.user_id, one.role)).collect())
}

/// The message in the answer to an act.
pub fn acted(what: &What, body: &[u8]) -> anyhow::Result<Option<Seen>> {
    match what {
        What::Edit { .. } => Ok(Some(view::data::<View<'_>>(body)?.into())),
        _ => Ok(None),
    }
}

/// Whether one of the needles is in the bytes.
pub fn shows(body: &[u8], needles: &[std::sync::Arc<str>]) -> bool {
    let holds = |needle: &str| body.windows(needle.len()).any(|part| part == needle.as_bytes());
    needles.iter().any(|needle| holds(needle))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_emoji_is_escaped_byte_by_byte() {
        assert_eq!(escaped("a\u{1F44D}"), "a%F0%9F%91%8D");
    }

    #[test]
    fn a_needle_is_found_where_it_is() {
        let needles = ["secret".into()];
        assert!(shows(b"a secret b", &needles) && !shows(b"a secre", &needles));
    }
}
