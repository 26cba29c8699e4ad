//! The envelope of a command record, and the commands by topic.
//!
//! JSON: `{"v":1,"id":…,"type":"message.send","actor":…,"at":…,"replyTo":…,"data":{…}}`. Unknown
//! fields are ignored (a newer producer may add some). A `type` or `v` that this version does not
//! know is an answer (`unsupported`), not a broken record; bytes that are not an envelope are.

use std::borrow::Cow;

use bytes::Bytes;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::id::{CommandId, InstanceId, MessageId, UserId};
use crate::time::Timestamp;
use crate::{conversation, limits, member, message, presence, reaction, receipt, user};

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
    /// The client's name for the request (`Idempotency-Key`): repeated, it has no second effect.
    /// Sends have ids of their own instead.
    pub once: Option<Once>,
}

/// A request that names itself: an id derived from the name, as messages have, and a hash of what was
/// asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Once {
    /// Its row in `id_index`.
    pub id: MessageId,
    /// Hash of the request.
    pub hash: u64,
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    once: Option<Once>,
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
    /// Every type, for documents.
    const KINDS: &'static [&'static str];

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
        once: meta.once,
        key_id: None,
        data: Data(command),
    };
    let bytes = serde_json::to_vec(&wire).map_err(fail)?;
    if bytes.len() > limits::RECORD_BYTES {
        return Err(Undecodable(format!("record of {} bytes is too large", bytes.len())));
    }
    // Logs keep their newest records: without the room that encoding left.
    Ok(Bytes::from(bytes.into_boxed_slice()))
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
        once: wire.once,
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
            const KINDS: &'static [&'static str] = &[$($kind,)*];

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
        /// Change the text of a message.
        Edit(message::command::Edit) = "message.edit",
        /// Take a message back.
        Delete(message::command::Delete) = "message.delete",
        /// Pin a message, or do so no more.
        Pin(message::command::Pin) = "message.pin",
        /// React to a message, or do so no more.
        React(reaction::command::React) = "message.react",
        /// Add members.
        Add(member::command::Add) = "member.add",
        /// Remove a member.
        Remove(member::command::Remove) = "member.remove",
        /// Leave.
        Leave(member::command::Leave) = "member.leave",
        /// Give a member another role.
        SetRole(member::command::SetRole) = "member.role",
        /// Change name, description, picture.
        Update(conversation::command::Update) = "conversation.update",
        /// Delete the conversation.
        Close(conversation::command::Delete) = "conversation.delete",
        /// One of two has blocked the other, or does so no more.
        Block(conversation::command::Block) = "conversation.block",
    }
}

commands! {
    /// Commands on `chat.users`, folded by `feed`. Key: the user.
    UserCommand {
        /// A registration made this user.
        Create(user::command::Create) = "user.create",
        /// The user is a member of a conversation from now on.
        ConversationAdded(user::command::ConversationAdded) = "conversation.added",
        /// The user is a member of a conversation no more.
        ConversationRemoved(user::command::ConversationRemoved) = "conversation.removed",
        /// Change the profile.
        Update(user::command::Update) = "user.update",
        /// Delete the account.
        Delete(user::command::Delete) = "user.delete",
        /// Change settings.
        Settings(user::command::Settings) = "user.settings",
        /// Say how others are to see him.
        Presence(user::command::Presence) = "user.presence",
        /// Set something about a conversation.
        ConversationSettings(user::command::ConversationSettings) = "user.conversation",
        /// Block another user.
        Block(user::command::Block) = "user.block",
        /// Block him no more.
        Unblock(user::command::Unblock) = "user.unblock",
        /// Forward a message: carried out by `saga`, nothing to `feed`.
        Forward(message::command::Forward) = "message.forward",
        /// Nothing: an answer once all before it is folded.
        Void(user::command::Void) = "user.void",
    }
}

commands! {
    /// Commands on `chat.receipts`, merged by `receipts`. Key: the conversation.
    ReceiptCommand {
        /// Everything up to a message was received or read.
        Mark(receipt::command::Mark) = "receipt.mark",
    }
}

commands! {
    /// What is told on `chat.presence`, to `presence`. Key: the user, if it is about one. Nobody waits for
    /// an answer.
    PresenceCommand {
        /// A device came, changed or went.
        Device(presence::record::Changed) = "presence.device",
        /// A node lives.
        Heartbeat(presence::record::Heartbeat) = "presence.heartbeat",
        /// All devices of a node, in parts.
        Snapshot(presence::record::Snapshot) = "presence.snapshot",
        /// A node stops in good order.
        Left(presence::record::Left) = "presence.left",
        /// A user has decided something about what others see of him.
        Decided(presence::record::Decided) = "presence.changed",
        /// What two users may see of each other has changed.
        Related(presence::record::Related) = "presence.relation",
        /// A moment that the pool waits for has come.
        Due(presence::record::Due) = "presence.due",
    }
}
