//! Requests of sockets, read as strictly as bodies are.

use std::collections::HashMap;

use schemas::{ApiError, Code, ConversationId, MessageId, Seq};
use serde::{Deserialize, Deserializer, de};

use super::{call, delivered};
use crate::extract::{Text, id_of, read_json};
use crate::message::dto;
use crate::presence::Change;

/// What a frame asks for.
#[derive(Debug)]
pub(super) enum Request<'a> {
    Send(dto::Request<'a>),
    Edit(MessageId, dto::Edit<'a>),
    Delete(MessageId),
    React(MessageId, Text<'a>),
    Unreact(MessageId, Text<'a>),
    Read(MessageId),
    ReadConversation(ConversationId, Option<MessageId>),
    Delivered(Vec<(ConversationId, Seq)>),
    Presence(Change<'a>),
    /// He has it on screen.
    Join(ConversationId),
    /// Whether he types.
    Typing(ConversationId, bool),
    Call(call::Call<'a>),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Edit<'a> {
    #[serde(borrow)]
    message_id: Option<Text<'a>>,
    #[serde(borrow)]
    content: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct OfMessage<'a> {
    #[serde(borrow)]
    message_id: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct React<'a> {
    #[serde(borrow)]
    message_id: Option<Text<'a>>,
    #[serde(borrow)]
    emoji: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ReadConversation<'a> {
    #[serde(borrow)]
    conversation_id: Option<Text<'a>>,
    #[serde(borrow)]
    message_id: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Typing<'a> {
    #[serde(borrow)]
    conversation_id: Option<Text<'a>>,
    is_typing: Option<bool>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Join<'a> {
    #[serde(borrow)]
    conversation_id: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Delivered {
    conversations: Option<HashMap<Hyphenated, Seq>>,
}

/// An id as the key of an object, in the one spelling that there is.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Hyphenated(ConversationId);

impl<'de> Deserialize<'de> for Hyphenated {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|_| de::Error::custom("a conversation's id is a UUID"))
    }
}

impl<'a> Request<'a> {
    pub(super) fn read(kind: &str, json: &'a str) -> Result<Self, ApiError> {
        let json = json.as_bytes();
        Ok(match kind {
            "message.send" => Self::Send(read_json(json)?),
            "message.edit" => {
                let Edit { message_id, content } = read_json(json)?;
                Self::Edit(message(message_id)?, dto::Edit { content })
            }
            "message.delete" => {
                Self::Delete(message(read_json::<OfMessage<'_>>(json)?.message_id)?)
            }
            "message.read" => Self::Read(message(read_json::<OfMessage<'_>>(json)?.message_id)?),
            "message.react" => {
                let (id, emoji) = reaction(json)?;
                Self::React(id, emoji)
            }
            "message.unreact" => {
                let (id, emoji) = reaction(json)?;
                Self::Unreact(id, emoji)
            }
            "conversation.read" => {
                let read: ReadConversation<'_> = read_json(json)?;
                let conversation = read.conversation_id.ok_or_else(|| missing("conversationId"))?;
                let message = read.message_id.map(|id| id_of("messageId", &id)).transpose()?;
                Self::ReadConversation(id_of("conversationId", &conversation)?, message)
            }
            "delivered" => {
                let delivered: Delivered = read_json(json)?;
                let all = delivered.conversations.ok_or_else(|| missing("conversations"))?;
                let all = all.into_iter().map(|(id, seq)| (id.0, seq)).collect();
                Self::Delivered(delivered::check(all)?)
            }
            "presence.set" => Self::Presence(read_json(json)?),
            "conversation.join" => {
                let Join { conversation_id } = read_json(json)?;
                let id = conversation_id.ok_or_else(|| missing("conversationId"))?;
                Self::Join(id_of("conversationId", &id)?)
            }
            "typing" => {
                let Typing { conversation_id, is_typing } = read_json(json)?;
                let conversation = conversation_id.ok_or_else(|| missing("conversationId"))?;
                Self::Typing(id_of("conversationId", &conversation)?, is_typing.unwrap_or(true))
            }
            _ => match call::verb(kind) {
                Some(verb) => Self::Call(call::Call::read(verb, json)?),
                None => {
                    return Err(ApiError::new(Code::Unsupported, "this type is not supported"));
                }
            },
        })
    }
}

fn message(id: Option<Text<'_>>) -> Result<MessageId, ApiError> {
    id_of("messageId", &id.ok_or_else(|| missing("messageId"))?)
}

fn reaction(json: &[u8]) -> Result<(MessageId, Text<'_>), ApiError> {
    let React { message_id, emoji } = read_json(json)?;
    Ok((message(message_id)?, emoji.ok_or_else(|| missing("emoji"))?))
}

fn missing(name: &str) -> ApiError {
    ApiError::invalid(vec![format!("{name} is required")])
}
