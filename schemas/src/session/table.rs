//! Tables of sessions, written directly by ingest and synced before the answer.

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
        /// Always 0: one small partition.
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

/// Tables of this noun.
pub const ALL: &[&TableDef] = &[Session::DEF, Revocation::DEF];

impl Session {
    /// One session.
    pub fn get(session: SessionId) -> Get {
        Get::of::<Self>(vec![Value::Uuid(session.0)])
    }
}

impl Revocation {
    /// All that are kept.
    pub fn all(limit: usize) -> Scan<Self> {
        Scan::of(vec![Value::Int(0)], limit)
    }
}
