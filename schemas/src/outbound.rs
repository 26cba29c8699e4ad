//! Records of `chat.outbound`: frames, replies and notices for nodes. Headers are binary; the value
//! is the bytes that a client gets.

use std::ops::Range;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::error::ApiError;
use crate::id::{CommandId, ConversationId, InstanceId, Rev, SessionId, UserId};
use crate::partition;
use crate::presence::entry::Entry;
use crate::time::Timestamp;
use crate::topic::{Headers, header, header_of};

/// One record.
#[derive(Clone, Debug, PartialEq)]
pub enum Outbound {
    /// An event frame for the members in `audience` (16 bytes each) that have sockets on the node;
    /// empty: for all sessions of the conversation's members.
    Event {
        /// The conversation.
        conversation: ConversationId,
        /// Number of the change.
        rev: Rev,
        /// Packed members.
        audience: Bytes,
        /// Who is no member any more with it, packed: he gets it, and nothing after it.
        left: Bytes,
        /// Whether the conversation is routed as a whole from the next event on.
        flip: bool,
        /// The frame.
        frame: Bytes,
    },
    /// A feed frame for all sockets of a user.
    Feed {
        /// The user.
        user: UserId,
        /// Number of the entry.
        number: Rev,
        /// Whether it tells of a membership that begins or ends.
        membership: Option<(ConversationId, Membership)>,
        /// The frame.
        frame: Bytes,
    },
    /// A frame without a number, for sockets of the users in `audience`; worth something now only.
    Notice {
        /// Packed users.
        audience: Bytes,
        /// The frame.
        frame: Bytes,
    },
    /// Somebody types in a conversation, or does so no more.
    Typing {
        /// Where.
        conversation: ConversationId,
        /// Who.
        user: UserId,
        /// When it ends by itself; none: it has ended.
        until: Option<Timestamp>,
        /// Packed users, at most [`crate::limits::ROUTE_BY_MEMBER`]; empty: the members who have the
        /// conversation on screen.
        audience: Bytes,
        /// Of those not these, packed, at most [`crate::limits::BLOCKS`].
        except: Bytes,
        /// The frame.
        frame: Bytes,
    },
    /// The outcome of a command.
    Reply {
        /// The command.
        command: CommandId,
        /// What became of it.
        reply: Reply,
    },
    /// A session has ended: refuse its tokens, close its sockets. On partition 0.
    SessionEnded(SessionEnded),
    /// What users are from now on. On partition 0: each node tells whoever it has that is interested.
    Presence {
        /// At most [`crate::limits::PRESENCE_CHUNK`].
        entries: Vec<Entry>,
    },
    /// What two users may see of each other is another now. On partition 0.
    Relation(Relation),
    /// The devices of users of a partition are to be told of anew, by all nodes or by one.
    PresenceWanted(PresenceWanted),
}

/// Two users.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Relation {
    /// One.
    pub user: UserId,
    /// The other.
    pub other: UserId,
}

/// A question to nodes: which devices they have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PresenceWanted {
    /// Partition of `chat.presence`: of its users, and there the answer goes.
    pub partition: u32,
    /// Names the answer.
    pub ticket: Uuid,
}

/// What a feed entry tells about a membership.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Membership {
    /// It begins.
    Begins,
    /// It ends.
    Ends,
}

/// What became of a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// Done now: the payload of the change.
    Done {
        /// JSON.
        payload: Bytes,
    },
    /// It had been done before, by the same request: where the first outcome lies.
    Before(Before),
    /// Refused, with no effect, for good.
    Rejected(ApiError),
}

/// Where the outcome of an earlier, equal request lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Before {
    /// The conversation.
    pub conversation: ConversationId,
    /// The message's number, for a message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<i64>,
}

/// A session that must not be served any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionEnded {
    /// The session.
    pub session: SessionId,
    /// Its user.
    pub user: UserId,
    /// When its last access token has expired, so that the entry may be forgotten.
    pub until: Timestamp,
}

/// The partition that every node reads.
pub const EVERYONE: u32 = 0;

/// The partition that the node `instance` reads: never [`EVERYONE`] where there is another.
pub fn partition_of(instance: InstanceId, partitions: u32) -> u32 {
    match partitions.checked_sub(1) {
        None | Some(0) => 0,
        Some(rest) => 1 + partition::of(&instance.bytes(), rest),
    }
}

const EVENT: u8 = 1;
const FEED: u8 = 2;
const DONE: u8 = 3;
const BEFORE: u8 = 4;
const REJECTED: u8 = 5;
const SESSION_ENDED: u8 = 6;
const NOTICE: u8 = 7;
const TYPING: u8 = 8;
const PRESENCE: u8 = 9;
const RELATION: u8 = 10;
const PRESENCE_WANTED: u8 = 11;

/// What a record is, by its header `kind`, for people.
pub fn kind(kind: &[u8]) -> Option<&'static str> {
    Some(match *kind.first()? {
        EVENT => "event",
        FEED => "feed",
        DONE | BEFORE | REJECTED => "reply",
        SESSION_ENDED => "session.ended",
        NOTICE => "notice",
        TYPING => "typing",
        PRESENCE => "presence",
        RELATION => "relation",
        PRESENCE_WANTED => "presence.wanted",
        _ => return None,
    })
}

fn uuid(headers: &Headers, name: &str) -> Option<Uuid> {
    Uuid::from_slice(header_of(headers, name)?).ok()
}

fn membership(headers: &Headers) -> Option<(ConversationId, Membership)> {
    let conversation = ConversationId(uuid(headers, header::CONVERSATION)?);
    let begins = header_of(headers, header::MEMBER)?.first() == Some(&1);
    Some((conversation, if begins { Membership::Begins } else { Membership::Ends }))
}

/// Fixed-size headers that share one buffer.
struct Fixed {
    names: Vec<(&'static str, Range<usize>)>,
    bytes: Vec<u8>,
}

impl Fixed {
    fn put(&mut self, name: &'static str, value: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(value);
        self.names.push((name, start..self.bytes.len()));
    }

    fn headers(self, kind: &'static [u8], audience: Option<Bytes>) -> Headers {
        let bytes = Bytes::from(self.bytes);
        let mut headers = Vec::with_capacity(self.names.len() + 2);
        headers.push((header::KIND, Bytes::from_static(kind)));
        headers.extend(self.names.into_iter().map(|(name, range)| (name, bytes.slice(range))));
        headers.extend(audience.map(|audience| (header::AUDIENCE, audience)));
        headers
    }
}

impl Outbound {
    /// Headers and value of the record for one node, or for everyone.
    pub fn write(&self, to: Option<InstanceId>) -> (Headers, Bytes) {
        // Nodes keep the newest of them: without the room that encoding left.
        let json = |value: &dyn erased::Json| Bytes::from(value.json().into_boxed_slice());
        let mut fixed = Fixed { names: Vec::with_capacity(3), bytes: Vec::with_capacity(48) };
        if let Some(to) = to {
            fixed.put(header::TO, &to.bytes());
        }
        match self {
            Self::Event { conversation, rev, audience, left, flip, frame } => {
                fixed.put(header::CONVERSATION, &conversation.bytes());
                fixed.put(header::REV, &rev.to_be_bytes());
                if !left.is_empty() {
                    fixed.put(header::LEFT, left);
                }
                if *flip {
                    fixed.put(header::FLIP, b"1");
                }
                (fixed.headers(&[EVENT], Some(audience.clone())), frame.clone())
            }
            Self::Feed { user, number, membership, frame } => {
                fixed.put(header::REV, &number.to_be_bytes());
                fixed.put(header::AUDIENCE, &user.bytes());
                if let Some((conversation, membership)) = membership {
                    fixed.put(header::CONVERSATION, &conversation.bytes());
                    fixed.put(header::MEMBER, &[u8::from(*membership == Membership::Begins)]);
                }
                (fixed.headers(&[FEED], None), frame.clone())
            }
            Self::Notice { audience, frame } => {
                (fixed.headers(&[NOTICE], Some(audience.clone())), frame.clone())
            }
            Self::Typing { conversation, user, until, audience, except, frame } => {
                fixed.put(header::CONVERSATION, &conversation.bytes());
                fixed.put(header::USER, &user.bytes());
                if let Some(until) = until {
                    fixed.put(header::UNTIL, &until.0.to_be_bytes());
                }
                if !except.is_empty() {
                    fixed.put(header::EXCEPT, except);
                }
                (fixed.headers(&[TYPING], Some(audience.clone())), frame.clone())
            }
            Self::Reply { command, reply } => {
                fixed.put(header::COMMAND, &command.bytes());
                match reply {
                    Reply::Done { payload } => (fixed.headers(&[DONE], None), payload.clone()),
                    Reply::Before(before) => (fixed.headers(&[BEFORE], None), json(before)),
                    Reply::Rejected(error) => (fixed.headers(&[REJECTED], None), json(error)),
                }
            }
            Self::SessionEnded(ended) => (fixed.headers(&[SESSION_ENDED], None), json(ended)),
            Self::Presence { entries } => (fixed.headers(&[PRESENCE], None), json(entries)),
            Self::Relation(relation) => (fixed.headers(&[RELATION], None), json(relation)),
            Self::PresenceWanted(wanted) => (fixed.headers(&[PRESENCE_WANTED], None), json(wanted)),
        }
    }

    /// The node a record is for; none: everyone.
    pub fn to(headers: &Headers) -> Option<InstanceId> {
        uuid(headers, header::TO).map(InstanceId)
    }

    /// The record's content; none if this version does not know it.
    pub fn read(headers: &Headers, value: Bytes) -> Option<Self> {
        let number = |name| {
            let bytes = header_of(headers, name)?;
            Some(i64::from_be_bytes(<[u8; 8]>::try_from(bytes.as_ref()).ok()?))
        };
        let rev = || number(header::REV);
        let command = || uuid(headers, header::COMMAND).map(CommandId);
        Some(match *header_of(headers, header::KIND)?.first()? {
            EVENT => Self::Event {
                conversation: ConversationId(uuid(headers, header::CONVERSATION)?),
                rev: rev()?,
                audience: header_of(headers, header::AUDIENCE)?.clone(),
                left: header_of(headers, header::LEFT).cloned().unwrap_or_default(),
                flip: header_of(headers, header::FLIP).is_some(),
                frame: value,
            },
            FEED => Self::Feed {
                user: UserId(uuid(headers, header::AUDIENCE)?),
                number: rev()?,
                membership: membership(headers),
                frame: value,
            },
            NOTICE => Self::Notice {
                audience: header_of(headers, header::AUDIENCE)?.clone(),
                frame: value,
            },
            TYPING => Self::Typing {
                conversation: ConversationId(uuid(headers, header::CONVERSATION)?),
                user: UserId(uuid(headers, header::USER)?),
                until: number(header::UNTIL).map(Timestamp),
                audience: header_of(headers, header::AUDIENCE)?.clone(),
                except: header_of(headers, header::EXCEPT).cloned().unwrap_or_default(),
                frame: value,
            },
            DONE => Self::Reply { command: command()?, reply: Reply::Done { payload: value } },
            BEFORE => Self::Reply {
                command: command()?,
                reply: Reply::Before(serde_json::from_slice(&value).ok()?),
            },
            REJECTED => Self::Reply {
                command: command()?,
                reply: Reply::Rejected(serde_json::from_slice(&value).ok()?),
            },
            SESSION_ENDED => Self::SessionEnded(serde_json::from_slice(&value).ok()?),
            PRESENCE => Self::Presence { entries: serde_json::from_slice(&value).ok()? },
            RELATION => Self::Relation(serde_json::from_slice(&value).ok()?),
            PRESENCE_WANTED => Self::PresenceWanted(serde_json::from_slice(&value).ok()?),
            _ => return None,
        })
    }
}

mod erased {
    /// JSON of our own plain types, which always serialise.
    pub(super) trait Json {
        fn json(&self) -> Vec<u8>;
    }

    impl<T: serde::Serialize> Json for T {
        fn json(&self) -> Vec<u8> {
            serde_json::to_vec(self).expect("plain structs of strings and numbers serialise")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;
    use crate::presence::Status;
    use crate::user::head::Audience;

    fn entry() -> Entry {
        Entry {
            user_id: UserId(Uuid::from_u128(2)),
            version: 7,
            status: Status::Away,
            custom_status: Some("lunch".to_owned()),
            custom_status_expires_at: None,
            last_seen_at: Some(Timestamp(5)),
            since: Timestamp(6),
            devices: Vec::new(),
            online: true,
            last_seen: Audience::Contacts,
            hides: false,
            again: false,
            otherwise: None,
            at: Timestamp(7),
        }
    }

    #[test]
    fn records_read_back() {
        let all = [
            Outbound::Event {
                conversation: ConversationId(Uuid::from_u128(1)),
                rev: 5,
                audience: Bytes::from_static(&[0; 32]),
                left: Bytes::new(),
                flip: false,
                frame: Bytes::from_static(b"{}"),
            },
            Outbound::Event {
                conversation: ConversationId(Uuid::from_u128(1)),
                rev: 6,
                audience: Bytes::new(),
                left: Bytes::from_static(&[7; 16]),
                flip: true,
                frame: Bytes::from_static(b"{}"),
            },
            Outbound::Feed {
                user: UserId(Uuid::from_u128(2)),
                number: 1,
                membership: None,
                frame: Bytes::from_static(b"{}"),
            },
            Outbound::Feed {
                user: UserId(Uuid::from_u128(2)),
                number: 2,
                membership: Some((ConversationId(Uuid::from_u128(1)), Membership::Ends)),
                frame: Bytes::from_static(b"{}"),
            },
            Outbound::Notice {
                audience: Bytes::from_static(&[0; 32]),
                frame: Bytes::from_static(b"{}"),
            },
            Outbound::Typing {
                conversation: ConversationId(Uuid::from_u128(1)),
                user: UserId(Uuid::from_u128(2)),
                until: Some(Timestamp(10_000)),
                audience: Bytes::new(),
                except: Bytes::from_static(&[0; 32]),
                frame: Bytes::from_static(b"{}"),
            },
            Outbound::Typing {
                conversation: ConversationId(Uuid::from_u128(1)),
                user: UserId(Uuid::from_u128(2)),
                until: None,
                audience: Bytes::from_static(&[0; 32]),
                except: Bytes::new(),
                frame: Bytes::from_static(b"{}"),
            },
            Outbound::Reply {
                command: CommandId(Uuid::from_u128(3)),
                reply: Reply::Done { payload: Bytes::from_static(b"{}") },
            },
            Outbound::Reply {
                command: CommandId(Uuid::from_u128(3)),
                reply: Reply::Before(Before {
                    conversation: ConversationId(Uuid::from_u128(1)),
                    seq: Some(3),
                }),
            },
            Outbound::Reply {
                command: CommandId(Uuid::from_u128(3)),
                reply: Reply::Rejected(ApiError::new(Code::NotMember, "not a member")),
            },
            Outbound::SessionEnded(SessionEnded {
                session: SessionId(Uuid::from_u128(9)),
                user: UserId(Uuid::from_u128(2)),
                until: Timestamp(5),
            }),
            Outbound::Presence { entries: vec![entry()] },
            Outbound::Relation(Relation {
                user: UserId(Uuid::from_u128(2)),
                other: UserId(Uuid::from_u128(3)),
            }),
            Outbound::PresenceWanted(PresenceWanted { partition: 3, ticket: Uuid::from_u128(4) }),
        ];
        for record in all {
            let to = InstanceId(Uuid::from_u128(77));
            let (headers, value) = record.write(Some(to));
            assert_eq!(Outbound::to(&headers), Some(to));
            assert_eq!(Outbound::read(&headers, value), Some(record));
        }
    }

    #[test]
    fn a_node_never_reads_its_own_frames_from_the_partition_of_everyone() {
        for n in 0..1000 {
            let instance = InstanceId(Uuid::from_u128(n));
            assert!((1..8).contains(&partition_of(instance, 8)));
        }
        assert_eq!(partition_of(InstanceId(Uuid::from_u128(1)), 1), 0);
    }
}
