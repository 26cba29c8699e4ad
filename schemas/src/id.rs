//! Identifiers. Every id is a UUID of its own type, so that a user can not be passed for a message.
//!
//! Ids made by the server from scratch are `UUIDv7` (RFC 9562 §5.7). Ids that must come out the same
//! when a request is repeated are derived: SHA-256 over a domain tag and the parts, as `UUIDv8`
//! (RFC 9562 §5.8). No randomness lives here: whoever makes a v7 id passes it in.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::time::Timestamp;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[cfg_attr(feature = "json-schema", derive(schemars::JsonSchema))]
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// The 16 bytes of the id, as stored in binary headers.
            pub fn bytes(&self) -> [u8; 16] {
                *self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self.0.as_hyphenated(), f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0.as_hyphenated())
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(s: &str) -> Result<Self, Self::Err> {
                // Only the hyphenated form: braces, URNs and bare hex would give one id many spellings.
                let id = Uuid::try_parse(s)?;
                if s.len() == 36 { Ok(Self(id)) } else { Uuid::try_parse("").map(Self) }
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    };
}

id!(/// A person or bot.
    UserId);
id!(/// A direct, group or channel conversation.
    ConversationId);
id!(/// A message; derived where the client chose an id, else v7.
    MessageId);
id!(/// One command: one accepted request, before its outcome is known.
    CommandId);
id!(/// One sign-in of one device; access and refresh tokens carry it.
    SessionId);
id!(/// One running node (an ingest or delivery instance), new at every start.
    InstanceId);

/// Position of a message in its conversation: 1, 2, 3 … without a gap (G-05).
pub type Seq = i64;

/// Number of a durable change of a conversation: 1, 2, 3 … without a gap.
pub type Rev = i64;

fn derive(domain: &str, parts: &[&[u8]]) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(domain.as_bytes());
    for part in parts {
        // Length-prefixed, so that ("ab","c") and ("a","bc") differ.
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hash.update(part);
    }
    let digest: [u8; 32] = hash.finalize().into();
    let head = digest.first_chunk::<16>().copied().unwrap_or_default();
    Uuid::new_v8(head)
}

impl MessageId {
    /// The id of the message that `sender` sends to `conversation` under the client's own id: the
    /// same request is the same message, whichever node takes it and however late (G-04).
    pub fn derived(sender: UserId, conversation: ConversationId, client_id: &str) -> Self {
        Self(derive("message", &[&sender.bytes(), &conversation.bytes(), client_id.as_bytes()]))
    }
}

impl MessageId {
    /// The id under which the outcome of a request other than a send is kept, if the client named it.
    pub fn once(actor: UserId, scope: Uuid, key: &str) -> Self {
        Self(derive("once", &[&actor.bytes(), scope.as_bytes(), key.as_bytes()]))
    }

    /// The same for a command whose dead letter is retried, if the client did not name it.
    pub fn retried(command: CommandId) -> Self {
        Self(derive("retried", &[&command.bytes()]))
    }

    /// The id of a reaction, for clients that want one.
    pub fn reaction(message: Self, user: UserId, emoji: &str) -> Self {
        Self(derive("reaction", &[&message.bytes(), &user.bytes(), emoji.as_bytes()]))
    }

    /// The id of a receipt: that a user has read a message.
    pub fn receipt(message: Self, user: UserId) -> Self {
        Self(derive("receipt", &[&message.bytes(), &user.bytes()]))
    }

    /// The id of a former text of a message: what it was before the change `rev`.
    pub fn edit(message: Self, rev: Rev) -> Self {
        Self(derive("edit", &[&message.bytes(), &rev.to_be_bytes()]))
    }
}

impl ConversationId {
    /// The id of a group that `owner` opens under a name of the client's own.
    pub fn group(owner: UserId, key: &str) -> Self {
        Self(derive("group", &[&owner.bytes(), key.as_bytes()]))
    }

    /// The direct conversation of two people, or of one with himself ("Notes"): a hash of the
    /// sorted pair, so that concurrent creates meet in one conversation.
    pub fn direct(a: UserId, b: UserId) -> Self {
        let (low, high) = if a <= b { (a, b) } else { (b, a) };
        Self(derive("direct", &[&low.bytes(), &high.bytes()]))
    }
}

impl UserId {
    /// The id of the user that a registration with an `Idempotency-Key` makes.
    pub fn derived(key: &str, username: &str, email: &str) -> Self {
        Self(derive("user", &[key.as_bytes(), username.as_bytes(), email.as_bytes()]))
    }
}

impl CommandId {
    /// A command that follows from another one (source, target): repeated, it is the same command.
    pub fn derived(domain: &str, source: Uuid, number: i64, target: Uuid) -> Self {
        Self(derive(domain, &[source.as_bytes(), &number.to_be_bytes(), target.as_bytes()]))
    }
}

/// The id of somebody's typing since a moment, for clients that want one.
pub(crate) fn typing(conversation: ConversationId, since: Timestamp, user: Uuid) -> Uuid {
    derive("typing", &[&conversation.bytes(), &since.0.to_be_bytes(), user.as_bytes()])
}

/// A short hash of what a client asked for, for [`crate::envelope::Once`].
pub fn request_hash(parts: &[&[u8]]) -> u64 {
    let hash = derive("request", parts);
    hash.as_bytes().first_chunk::<8>().map_or(0, |head| u64::from_be_bytes(*head))
}

/// Hash of what a client sent, to tell a retry from another request under the same id.
pub fn body_hash(parts: &[&[u8]]) -> [u8; 16] {
    *derive("body", parts).as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(n: u128) -> UserId {
        UserId(Uuid::from_u128(n))
    }

    #[test]
    fn a_direct_conversation_has_one_id_whoever_opens_it() {
        assert_eq!(
            ConversationId::direct(user(1), user(2)),
            ConversationId::direct(user(2), user(1))
        );
        assert_ne!(
            ConversationId::direct(user(1), user(2)),
            ConversationId::direct(user(1), user(3))
        );
    }

    #[test]
    fn derived_ids_are_version_8_and_stay_what_they_were() {
        let id = MessageId::derived(user(1), ConversationId(Uuid::from_u128(2)), "m-1");
        assert_eq!(id.0.get_version_num(), 8);
        // Golden: a change here would break G-04 for every client that retries across an upgrade.
        assert_eq!(id.to_string(), "9da4dbe9-bdb7-8589-8211-08b442b75ff4");
        // Clients keep these as keys of what they show.
        let message = MessageId(Uuid::from_u128(3));
        let receipt = MessageId::receipt(message, user(1)).to_string();
        assert_eq!(receipt, "87948826-6eec-8370-9bbf-a510f0bbf736");
        let edit = MessageId::edit(message, 7).to_string();
        assert_eq!(edit, "682712b5-29c8-85c5-a92a-0ba9f8234713");
        // A letter may be retried by another version than did it first.
        let retried = MessageId::retried(CommandId(Uuid::from_u128(4))).to_string();
        assert_eq!(retried, "b8b13a1c-a0a2-8529-936c-e9214709648f");
    }

    #[test]
    fn only_the_hyphenated_spelling_parses() {
        assert!("67e5504410b1426f9247bb680e5fe0c8".parse::<UserId>().is_err());
        assert!("67e55044-10b1-426f-9247-bb680e5fe0c8".parse::<UserId>().is_ok());
        assert!("".parse::<UserId>().is_err());
    }
}
