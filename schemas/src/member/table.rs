//! Tables of members, both directions, written by `persist` from `chat.commands` before the answer,
//! so that a new member finds himself at once (HAZARDS 17).

use crate::id::{ConversationId, Seq, UserId};
use crate::member::{Membership, Role};
use crate::table::{Class, Decode, Get, Scan, Table, TableDef, Value};
use crate::time::Timestamp;

crate::table! {
    /// Members of a conversation. Written when a membership changes.
    pub struct Member in "member", prefix 0x0201, class Class::Folded("persist");
    partition { conversation: ConversationId }
    cluster { user: UserId => Asc }
    data {
        /// owner, admin, moderator or member.
        role: String,
        /// Since when.
        joined_at: Timestamp,
        /// Null: the row of a former member is deleted.
        visible_to: Option<i64>,
    }
}

crate::table! {
    /// Conversations of a user. Written when a membership changes.
    pub struct MembershipByUser in "membership_by_user", prefix 0x0202,
        class Class::Folded("persist");
    partition { user: UserId }
    cluster { conversation: ConversationId => Asc }
    data {
        /// owner, admin, moderator or member.
        role: String,
        /// Since when.
        joined_at: Timestamp,
        /// The first message he sees.
        visible_from: Seq,
        /// The last message he sees: null. The row of a former member is deleted; older versions set it.
        visible_to: Option<i64>,
        /// Number of the newest message when he joined.
        sent_seq: Seq,
        /// Countable messages up to it.
        sent_n: i64,
        /// Whether events are routed by conversation.
        by_conversation: Option<bool>,
    }
}

crate::table! {
    /// The last message of a user in a conversation: sending moves his own marker. A table of its own,
    /// so that sending does not make the list of his conversations dearer. Point reads only.
    pub struct SentMark in "sent_mark", prefix 0x0203, class Class::Folded("persist");
    partition { user: UserId }
    cluster { conversation: ConversationId => Asc }
    data {
        /// Number of his last message.
        seq: Seq,
        /// Countable messages up to it.
        n: i64,
    }
}

/// Tables of this noun.
pub const ALL: &[&TableDef] = &[Member::DEF, MembershipByUser::DEF, SentMark::DEF];

impl Member {
    /// Members of a conversation, at most `limit`.
    pub fn of_conversation(conversation: ConversationId, limit: usize) -> Scan<Self> {
        Scan::of(vec![Value::Uuid(conversation.0)], limit)
    }

    /// Members of a conversation behind `after`, at most `limit`, in the engine's order.
    pub fn after(conversation: ConversationId, after: UserId, limit: usize) -> Scan<Self> {
        Scan {
            from: std::ops::Bound::Excluded(vec![Value::Uuid(after.0)]),
            ..Self::of_conversation(conversation, limit)
        }
    }

    /// One member.
    pub fn get(conversation: ConversationId, user: UserId) -> Get {
        Get::of::<Self>(vec![Value::Uuid(conversation.0), Value::Uuid(user.0)])
    }

    /// The row of a membership.
    pub fn of(membership: &Membership) -> Self {
        Self {
            conversation: membership.conversation,
            user: membership.user,
            role: membership.role.text().to_owned(),
            joined_at: membership.joined_at,
            visible_to: membership.visible_to,
        }
    }
}

impl MembershipByUser {
    /// One membership.
    pub fn get(user: UserId, conversation: ConversationId) -> Get {
        Get::of::<Self>(vec![Value::Uuid(user.0), Value::Uuid(conversation.0)])
    }

    /// Memberships of a user, at most `limit`.
    pub fn of_user(user: UserId, limit: usize) -> Scan<Self> {
        Scan::of(vec![Value::Uuid(user.0)], limit)
    }

    /// Those behind `after`, in the engine's order; none: from the first.
    pub fn after(user: UserId, after: Option<ConversationId>, limit: usize) -> Scan<Self> {
        let mut scan = Self::of_user(user, limit);
        if let Some(after) = after {
            scan.from = std::ops::Bound::Excluded(vec![Value::Uuid(after.0)]);
        }
        scan
    }

    /// The row of a membership.
    pub fn of(membership: &Membership) -> Self {
        Self {
            user: membership.user,
            conversation: membership.conversation,
            role: membership.role.text().to_owned(),
            joined_at: membership.joined_at,
            visible_from: membership.visible_from,
            visible_to: membership.visible_to,
            sent_seq: membership.sent_seq,
            sent_n: membership.sent_n,
            by_conversation: membership.by_conversation.then_some(true),
        }
    }

    /// The membership of a row.
    pub fn membership(&self) -> Result<Membership, Decode> {
        Ok(Membership {
            conversation: self.conversation,
            user: self.user,
            role: Role::read(&self.role)
                .ok_or(Decode { table: "membership_by_user", column: "role" })?,
            joined_at: self.joined_at,
            visible_from: self.visible_from,
            visible_to: self.visible_to,
            sent_seq: self.sent_seq,
            sent_n: self.sent_n,
            by_conversation: self.by_conversation.unwrap_or(false),
        })
    }
}

impl SentMark {
    /// One mark.
    pub fn get(user: UserId, conversation: ConversationId) -> Get {
        Get::of::<Self>(vec![Value::Uuid(user.0), Value::Uuid(conversation.0)])
    }

    /// The mark of a sender, as his last message moved it.
    pub fn of(sender: &Membership) -> Self {
        Self {
            user: sender.user,
            conversation: sender.conversation,
            seq: sender.sent_seq,
            n: sender.sent_n,
        }
    }
}
