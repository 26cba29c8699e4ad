//! Tables of sessions, written directly by ingest and synced before the answer.

use std::ops::Bound;

use crate::id::{SessionId, UserId};
use crate::table::{Class, Get, Scan, Table, TableDef, Value};
use crate::time::Timestamp;

crate::table! {
    /// A session. Rotation is a compare-and-set of `generation`.
    pub struct Session in "session", prefix 0x0501, class Class::Direct;
    partition { session: SessionId }
    cluster {}
    data {
        /// Whose.
        user: UserId,
        /// Number of the refresh token that is valid now. Nothing readable is kept: the token is
        /// an HMAC of session and generation.
        generation: i64,
        /// When it was issued.
        rotated_at: Timestamp,
        /// When the user signed in.
        created_at: Timestamp,
        /// When it ends if it is not refreshed.
        expires_at: Timestamp,
        /// When it was ended; null while it lives.
        ended_at: Option<i64>,
        /// The client's user agent, cut at 200 characters.
        user_agent: Option<String>,
    }
}

crate::table! {
    /// Sessions that were ended while access tokens of theirs may still be valid; every node loads
    /// them before it is ready.
    pub struct Revocation in "revocation", prefix 0x0502, class Class::Direct;
    partition {
        /// The hour (since 1970) of `until`. A partition is read while it may hold a living row, and
        /// then never again: deleted rows of the past cost nobody anything.
        shard: i64,
    }
    cluster { session: SessionId => Asc }
    data {
        /// Whose.
        user: UserId,
        /// When the last access token has expired.
        until: Timestamp,
    }
}

crate::table! {
    /// Sessions of a user, so that all can be ended. A row comes before the session's tokens are
    /// given out, and goes with the session's row.
    pub struct SessionByUser in "session_by_user", prefix 0x0503, class Class::Direct;
    partition { user: UserId }
    cluster { session: SessionId => Asc }
    data {
        /// When the user signed in.
        created_at: Timestamp,
    }
}

/// Tables of this noun.
pub const ALL: &[&TableDef] = &[Session::DEF, Revocation::DEF, SessionByUser::DEF];

impl SessionByUser {
    /// The row of a session.
    pub fn of(session: &Session) -> Self {
        Self { user: session.user, session: session.session, created_at: session.created_at }
    }

    /// A page of a user's sessions, behind one of them.
    pub fn page(user: UserId, after: Option<SessionId>, limit: usize) -> Scan<Self> {
        let from = after.map_or(Bound::Unbounded, |at| Bound::Excluded(vec![Value::Uuid(at.0)]));
        Scan { from, ..Scan::of(vec![Value::Uuid(user.0)], limit) }
    }
}

impl Session {
    /// One session.
    pub fn get(session: SessionId) -> Get {
        Get::of::<Self>(vec![Value::Uuid(session.0)])
    }
}

const HOUR_MS: i64 = 3_600_000;

impl Revocation {
    /// The partition of a row.
    pub fn shard(until: Timestamp) -> i64 {
        until.0.div_euclid(HOUR_MS)
    }

    /// The partitions that may hold a row that is not over at `now`, by clocks that are up to an hour
    /// apart. Access tokens live for less than an hour. Partition 0 has the rows of version 0.1.
    pub fn living(now: Timestamp) -> [i64; 4] {
        let hour = Self::shard(now);
        [0, hour - 1, hour, hour + 1]
    }

    /// A page of a partition, behind a session.
    pub fn page(shard: i64, after: Option<SessionId>, limit: usize) -> Scan<Self> {
        let from = after.map_or(Bound::Unbounded, |at| Bound::Excluded(vec![Value::Uuid(at.0)]));
        Scan { from, ..Scan::of(vec![Value::Int(shard)], limit) }
    }
}
