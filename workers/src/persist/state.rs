//! What decisions on a conversation start from: the head, and those rows that commands named.

use std::collections::HashMap;

use bytes::Bytes;
use schemas::conversation::head::{Head, Kind};
use schemas::conversation::table::{Change, HeadRow};
use schemas::frame::EventFrame;
use schemas::member::Membership;
use schemas::member::table::MembershipByUser;
use schemas::message::command::Target;
use schemas::message::placed::{self, Carrier, Placed};
use schemas::message::table::{IdIndex, MessageBySeq};
use schemas::message::view::Message as View;
use schemas::reaction::table::{Counts, ReactionByUser, ReactionCount};
use schemas::table::{Decode, Get, Stored, Table, Value};
use schemas::{ApiError, Code, MessageId, Rev, Seq, Stamp, Timestamp, UserId};

/// Where an id that a client chose was used before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Number of the message; 0: the request was not about one.
    pub seq: Seq,
    /// The change behind it.
    pub rev: Rev,
    /// Hash of the request.
    pub body_hash: Bytes,
}

/// A message: its place and its view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Everything in its row but the view.
    pub placed: Placed,
    /// The view.
    pub body: Bytes,
}

impl Message {
    /// Whether its row does not list the change that sent it: an earlier version wrote it.
    pub fn is_unlisted(&self) -> bool {
        let sent = self.placed.revs.iter().any(|carrier| carrier.kind == placed::Kind::Created);
        !sent && !self.placed.deleted
    }
}

/// Sparse state of one conversation. What is not in a map is not known; `None` in a map is known
/// to be absent.
#[derive(Debug, Default)]
pub struct Conversation {
    /// The head; none: there is no such conversation.
    pub head: Option<Head>,
    /// Memberships.
    pub members: HashMap<UserId, Option<Membership>>,
    /// Ids that clients chose.
    pub index: HashMap<MessageId, Option<Entry>>,
    /// Messages.
    pub messages: HashMap<Seq, Option<Message>>,
    /// Which change made a user's reaction.
    pub reactions: HashMap<(Seq, UserId, String), Option<Rev>>,
    /// Counts of reactions.
    pub counts: HashMap<Seq, Counts>,
}

impl Conversation {
    /// Takes a row in.
    pub fn load(&mut self, row: &Get, stored: Option<Stored>) -> Result<(), Decode> {
        if row.def == HeadRow::DEF {
            self.head = found::<HeadRow>(stored)?.map(|row| row.head()).transpose()?;
        } else if row.def == MembershipByUser::DEF {
            let found = found::<MembershipByUser>(stored)?;
            let membership = found.map(|row| row.membership()).transpose()?;
            self.members.insert(UserId(uuid(row, 0)), membership);
        } else if row.def == IdIndex::DEF {
            let found = found::<IdIndex>(stored)?;
            let entry =
                found.map(|row| Entry { seq: row.seq, rev: row.rev, body_hash: row.body_hash });
            self.index.insert(MessageId(uuid(row, 0)), entry);
        } else if row.def == MessageBySeq::DEF {
            let message = match found::<MessageBySeq>(stored)? {
                None => None,
                Some(row) => Some(Message { placed: Placed::of(&row)?, body: row.body }),
            };
            self.messages.insert(number(row, 2), message);
        } else if row.def == Change::DEF {
            if let Some(change) = found::<Change>(stored)? {
                self.list(&change)?;
            }
        } else if row.def == ReactionByUser::DEF {
            let rev = found::<ReactionByUser>(stored)?.map(|row| row.rev);
            if let Some(Value::Text(emoji)) = row.key.get(3) {
                let key = (number(row, 1), UserId(uuid(row, 2)), emoji.clone());
                self.reactions.insert(key, rev);
            }
        } else if row.def == ReactionCount::DEF {
            let counts = found::<ReactionCount>(stored)?.map(|row| row.read()).transpose()?;
            self.counts.insert(number(row, 2), counts.unwrap_or_default());
        }
        Ok(())
    }

    /// A change that sent a message whose row does not list it.
    fn list(&mut self, change: &Change) -> Result<(), Decode> {
        let fail = || Decode { table: "changes", column: "event" };
        let frame = EventFrame::read(change.event.clone()).ok_or_else(fail)?;
        let payload = frame.payload();
        let view: View<'_> = serde_json::from_slice(&payload).map_err(|_| fail())?;
        if let Some(Some(message)) = self.messages.get_mut(&view.seq)
            && message.is_unlisted()
        {
            let carrier = Carrier {
                rev: change.rev,
                stamp: Stamp(change.position),
                command: change.command,
                kind: placed::Kind::Created,
            };
            message.placed.revs.insert(0, carrier);
        }
        Ok(())
    }

    /// About how many bytes of contents it holds.
    pub fn weight(&self) -> usize {
        self.messages.values().flatten().map(|message| message.body.len()).sum()
    }

    /// The number and time of the next change.
    pub fn next(&self, appended_at: Timestamp) -> (Rev, Timestamp) {
        self.head
            .as_ref()
            .map_or((1, appended_at), |head| (head.rev + 1, head.last_at.max(appended_at)))
    }

    /// A user's membership, if he is a member now.
    pub fn member(&self, user: UserId) -> Option<&Membership> {
        self.members.get(&user)?.as_ref().filter(|membership| membership.is_current())
    }

    /// The head and the actor's membership; the same refusal for a conversation that is not there and
    /// one that is not his.
    pub fn actor(&self, actor: UserId) -> Result<(&Head, &Membership), ApiError> {
        let head = self.head.as_ref().filter(|head| head.is_open());
        head.zip(self.member(actor)).ok_or_else(not_member)
    }

    /// The same, where one of two who block each other may do nothing.
    pub fn speaker(&self, actor: UserId) -> Result<(&Head, &Membership), ApiError> {
        let (head, member) = self.actor(actor)?;
        if head.blocked_by.is_empty() {
            Ok((head, member))
        } else {
            Err(ApiError::new(Code::Blocked, "one of you has blocked the other"))
        }
    }

    /// The same, of a group or channel.
    pub fn actor_of_group(&self, actor: UserId) -> Result<(&Head, &Membership), ApiError> {
        let (head, member) = self.actor(actor)?;
        if head.kind == Kind::Direct {
            let why = "a direct conversation has its two members, no name and no end".to_owned();
            return Err(ApiError::invalid(vec![why]));
        }
        Ok((head, member))
    }

    /// A message that a command is about, deleted or not.
    pub fn message(&self, target: &Target) -> Result<&Message, ApiError> {
        self.messages
            .get(&target.seq)
            .and_then(Option::as_ref)
            .filter(|message| message.placed.message == target.message_id)
            .ok_or_else(|| ApiError::new(Code::NotFound, "there is no such message"))
    }

    /// The same, not deleted.
    pub fn standing(&self, target: &Target) -> Result<&Message, ApiError> {
        let message = self.message(target)?;
        if message.placed.deleted {
            return Err(ApiError::new(Code::MessageDeleted, "the message was deleted"));
        }
        Ok(message)
    }
}

fn found<T: Table>(stored: Option<Stored>) -> Result<Option<T>, Decode> {
    stored.map(|row| T::from_cells(row.cells)).transpose()
}

fn uuid(row: &Get, at: usize) -> uuid::Uuid {
    match row.key.get(at) {
        Some(Value::Uuid(id)) => *id,
        _ => uuid::Uuid::nil(),
    }
}

fn number(row: &Get, at: usize) -> i64 {
    match row.key.get(at) {
        Some(Value::Int(number)) => *number,
        _ => 0,
    }
}

/// The same answer for a conversation that is not there and one that is not the caller's, word for word
/// that of ingest.
fn not_member() -> ApiError {
    ApiError::new(Code::NotMember, "you are not a participant of this conversation")
}
