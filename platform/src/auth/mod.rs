//! Who a request comes from: access tokens, refresh tokens, and the keys behind them.
//!
//! An access token is a JWT of 15 minutes that names a user and a session; a node believes it if the
//! signature is ours, it has not expired, and its session is not among those that were ended
//! (HAZARDS 33). A refresh token names a session and its generation; nothing readable of it is kept
//! anywhere. The two are of different form, so that neither can pass for the other.
//!
//! This module never reads the store: whether a refresh token is the current one is for ingest to
//! decide by the session's row.

mod access;
mod keys;
mod refresh;

use schemas::{ApiError, Code, Timestamp};

pub use access::{AUDIENCE, ISSUER, TOKEN_BYTES_MAX};
pub use keys::{Error, Keys, Secrets};

use crate::inbound::Identity;
use crate::node::Node;

/// Checks an access token on a node: signature, expiry, and whether its session was ended.
pub fn authenticate(
    keys: &Keys,
    node: &Node,
    now: Timestamp,
    token: &str,
) -> Result<Identity, ApiError> {
    let who = keys.verify(token, now)?;
    if node.is_revoked(who.session) {
        return Err(ApiError::new(Code::SessionEnded, "the session has ended: sign in again"));
    }
    Ok(who)
}
