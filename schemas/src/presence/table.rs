//! Tables of presence, written by `presence` from `chat.presence`.

use crate::id::UserId;
use crate::table::{Class, Get, Table, TableDef, Value};
use crate::time::Timestamp;

crate::table! {
    /// When a user was last here: written when he comes, when he goes or his last node stops, and while
    /// he does something, so that it is right within a visit even if nobody saw the visit's end.
    ///
    /// Stamped by the position of the record that told it, as folded tables are, so that a former owner
    /// of the partition can not move it back. It is [`Class::Kept`] and not folded: `chat.presence` is
    /// kept for an hour, and nothing older can be told from it. So `store refold` leaves the table as
    /// it is, `store hash` and the replays of G-09 do not look at it, and a backup has its rows as of
    /// the backup.
    pub struct LastSeen in "last_seen", prefix 0x0b01, class Class::Kept("presence");
    partition { user: UserId }
    cluster {}
    data {
        /// When.
        at: Timestamp,
        /// Version of the entry that it came with ([`super::entry::Entry`]).
        version: i64,
    }
}

/// Tables of this noun.
pub const ALL: &[&TableDef] = &[LastSeen::DEF];

impl LastSeen {
    /// The row of a user.
    pub fn get(user: UserId) -> Get {
        Get::of::<Self>(vec![Value::Uuid(user.0)])
    }
}
