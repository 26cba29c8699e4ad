//! Refresh tokens: base64url(session ‖ generation ‖ HMAC-SHA256(key, "refresh" ‖ session ‖
//! generation)). Whoever has the key can make the token of a generation again, so the store keeps
//! only its number, and a successor that was lost on the way can be given once more.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::Mac;
use schemas::SessionId;
use uuid::Uuid;

use super::keys::Keys;

const NAMED: usize = 24;
const BYTES: usize = NAMED + 32;
/// [`BYTES`] in base64 without padding.
const CHARS: usize = 75;

impl Keys {
    /// The refresh token of a session's generation.
    pub fn refresh_token(&self, session: SessionId, generation: i64) -> String {
        let mut bytes = Vec::with_capacity(BYTES);
        bytes.extend_from_slice(&session.bytes());
        bytes.extend_from_slice(&generation.to_be_bytes());
        let mac = self.mac(&bytes).finalize().into_bytes();
        bytes.extend_from_slice(&mac);
        BASE64_URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The session and generation that a token of ours names; none if it is not ours.
    pub fn read_refresh(&self, token: &str) -> Option<(SessionId, i64)> {
        if token.len() != CHARS {
            return None;
        }
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let (named, mac) = bytes.split_at_checked(NAMED)?;
        // In constant time.
        self.mac(named).verify_slice(mac).ok()?;
        let (session, generation) = named.split_at_checked(16)?;
        let session = SessionId(Uuid::from_slice(session).ok()?);
        Some((session, i64::from_be_bytes(generation.try_into().ok()?)))
    }

    fn mac(&self, named: &[u8]) -> hmac::Hmac<sha2::Sha256> {
        let mut mac = self.refresh.clone();
        mac.update(b"refresh");
        mac.update(named);
        mac
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(fill: u8) -> Keys {
        Keys::new(&[fill; 32], &[fill; 32]).unwrap()
    }

    #[test]
    fn a_token_names_its_session_and_generation_and_is_the_same_each_time() {
        let session = SessionId(Uuid::from_u128(77));
        let token = keys(1).refresh_token(session, 41);
        assert_eq!(token.len(), CHARS);
        assert_eq!(keys(1).read_refresh(&token), Some((session, 41)));
        assert_eq!(keys(1).refresh_token(session, 41), token);
        assert_ne!(keys(1).refresh_token(session, 42), token);
    }

    #[test]
    fn nothing_but_our_own_token_is_read() {
        let session = SessionId(Uuid::from_u128(77));
        let token = keys(1).refresh_token(session, 41);
        assert_eq!(keys(2).read_refresh(&token), None, "another key");
        for at in 0..token.len() {
            let mut forged = token.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            assert_eq!(keys(1).read_refresh(&forged), None, "changed at {at}");
        }
        for other in ["", "x", &token[1..], &format!("{token}A"), &"A".repeat(1 << 20)] {
            assert_eq!(keys(1).read_refresh(other), None);
        }
    }
}
