//! What decisions on a conversation start from: the head, and those rows that commands named.

use std::collections::HashMap;

use bytes::Bytes;
use schemas::conversation::head::{Head, Routing};
use schemas::conversation::table::HeadRow;
use schemas::event;
use schemas::member::Membership;
use schemas::member::table::MembershipByUser;
use schemas::message::table::IdIndex;
use schemas::table::{Decode, Get, Stored, Table, Value};
use schemas::{ConversationId, MessageId, Rev, Seq, Timestamp, UserId};

/// Where a message id was used before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub seq: Seq,
    /// Hash of the request.
    pub body_hash: Bytes,
}

/// Sparse state of one conversation. What is not in a map is not known; `None` in a map is known
/// to be absent.
#[derive(Debug, Default)]
pub struct Conversation {
    /// The head; none: there is no such conversation.
    pub head: Option<Head>,
    /// Memberships.
    pub members: HashMap<UserId, Option<Membership>>,
    /// Message ids that clients chose.
    pub index: HashMap<MessageId, Option<Entry>>,
}

impl Conversation {
    /// Takes a row in.
    pub fn load(&mut self, row: &Get, stored: Option<Stored>) -> Result<(), Decode> {
        let key = |at: usize| match row.key.get(at) {
            Some(Value::Uuid(id)) => *id,
            _ => uuid::Uuid::nil(),
        };
        if row.def == HeadRow::DEF {
            let found = stored.map(|row| HeadRow::from_cells(row.cells)).transpose()?;
            self.head = found.map(|row| row.head()).transpose()?;
        } else if row.def == MembershipByUser::DEF {
            let found = stored.map(|row| MembershipByUser::from_cells(row.cells)).transpose()?;
            let membership = found.map(|row| row.membership()).transpose()?;
            self.members.insert(UserId(key(0)), membership);
        } else if row.def == IdIndex::DEF {
            let found = stored.map(|row| IdIndex::from_cells(row.cells)).transpose()?;
            let entry = found.map(|row| Entry { seq: row.seq, body_hash: row.body_hash });
            self.index.insert(MessageId(key(0)), entry);
        }
        Ok(())
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

    /// Members to route events to; empty: by conversation.
    pub fn audience(&self) -> Bytes {
        match &self.head {
            Some(head) if head.routing == Routing::Member => event::pack(&head.members.0),
            _ => Bytes::new(),
        }
    }
}

/// The same answer for a conversation that is not there and one that is not the caller's.
pub(super) fn not_member(conversation: ConversationId) -> schemas::ApiError {
    schemas::ApiError::new(
        schemas::Code::NotMember,
        format!("you are not a member of conversation {conversation}"),
    )
}
