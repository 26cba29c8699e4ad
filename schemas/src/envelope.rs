//! The envelope of a command record, and the commands by topic.
//!
//! JSON: `{"v":1,"id":…,"type":"message.send","actor":…,"at":…,"replyTo":…,"data":{…}}`. Unknown
//! fields are ignored (a newer producer may add some). A `type` or `v` that this version does not
//! know is an answer (`unsupported`), not a broken record; bytes that are not an envelope are.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::id::{CommandId, InstanceId, UserId};
use crate::time::Timestamp;
use crate::{conversation, limits, message, user};

/// Version of the commands' semantics that this code writes, and the newest it folds.
pub const VERSION: u32 = 1;

/// Everything about a command but its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// The command's id; its reply names it.
    pub id: CommandId,
    /// Who asks.
    pub actor: UserId,
    /// When the node took it, by its own clock: for display and tracing only.
    pub at: Timestamp,
    /// Where the outcome is awaited.
    pub reply_to: Option<InstanceId>,
    /// W3C trace context (`traceparent`), if the request had one.
    pub trace: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a, D> {
    v: u32,
    id: CommandId,
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    actor: UserId,
    at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reply_to: Option<InstanceId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trace: Option<String>,
    /// Reserved: the key under which personal data is encrypted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_id: Option<String>,
    data: D,
}

/// A command as the last field of its envelope: encoded straight into the record.
struct Data<'a, C>(&'a C);

impl<C: Commands> Serialize for Data<'_, C> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.write(serializer)
    }
}

/// A record that is not a command at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("undecodable command: {0}")]
pub struct Undecodable(pub String);

/// The commands of one topic.
pub trait Commands: Sized {
    /// The frame type, `noun.verb`.
    fn kind(&self) -> &'static str;
    /// Writes the content.
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;
    /// The command of this type; none if this version does not know the type.
    fn read(kind: &str, data: &RawValue) -> Option<Result<Self, serde_json::Error>>;
}

/// What a record of a command topic holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Content<C> {
    /// A command this version folds.
    Known(C),
    /// A newer version's command: answer `unsupported`.
    Unsupported(String),
}

/// The bytes of a command record.
pub fn encode<C: Commands>(meta: &Meta, command: &C) -> Result<Bytes, Undecodable> {
    let fail = |e: serde_json::Error| Undecodable(e.to_string());
    let wire = Wire {
        v: VERSION,
        id: meta.id,
        kind: Cow::Borrowed(command.kind()),
        actor: meta.actor,
        at: meta.at,
        reply_to: meta.reply_to,
        trace: meta.trace.clone(),
        key_id: None,
        data: Data(command),
    };
    let bytes = serde_json::to_vec(&wire).map_err(fail)?;
    if bytes.len() > limits::RECORD_BYTES {
        return Err(Undecodable(format!("record of {} bytes is too large", bytes.len())));
    }
    Ok(Bytes::from(bytes))
}

/// The command in a record.
pub fn decode<C: Commands>(bytes: &[u8]) -> Result<(Meta, Content<C>), Undecodable> {
    let fail = |e: serde_json::Error| Undecodable(e.to_string());
    let wire: Wire<'_, &RawValue> = serde_json::from_slice(bytes).map_err(fail)?;
    let content = match C::read(&wire.kind, wire.data) {
        Some(command) if wire.v <= VERSION => Content::Known(command.map_err(fail)?),
        _ => Content::Unsupported(format!("{} version {}", wire.kind, wire.v)),
    };
    let meta = Meta {
        id: wire.id,
        actor: wire.actor,
        at: wire.at,
        reply_to: wire.reply_to,
        trace: wire.trace,
    };
    Ok((meta, content))
}

macro_rules! commands {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident($ty:ty) = $kind:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $name {
            $($(#[$vdoc])* $variant($ty),)*
        }

        impl Commands for $name {
            fn kind(&self) -> &'static str {
                match self { $(Self::$variant(_) => $kind,)* }
            }
            fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self { $(Self::$variant(data) => data.serialize(serializer),)* }
            }
            fn read(kind: &str, data: &RawValue) -> Option<Result<Self, serde_json::Error>> {
                match kind {
                    $($kind => Some(serde_json::from_str::<$ty>(data.get()).map(Self::$variant)),)*
                    _ => None,
                }
            }
        }
    };
}

commands! {
    /// Commands on `chat.commands`, folded by `persist`. Key: the conversation.
    ConversationCommand {
        /// Open a conversation.
        Create(conversation::command::Create) = "conversation.create",
        /// Send a message.
        Send(message::command::Send) = "message.send",
    }
}

commands! {
    /// Commands on `chat.users`, folded by `feed`. Key: the user.
    UserCommand {
        /// A registration made this user.
        Create(user::command::Create) = "user.create",
        /// The user is a member of a conversation from now on.
        ConversationAdded(user::command::ConversationAdded) = "conversation.added",
        /// Nothing: an answer once all before it is folded.
        Void(user::command::Void) = "user.void",
    }
}
