//! Access tokens: JWT (RFC 7519, profile of RFC 9068) signed with HS256.
//!
//! A token is taken only if its header is, field for field, the one this deployment writes: one
//! algorithm, `typ: at+jwt`, our key's name, and nothing else. So `alg: none`, a token of another
//! kind, and headers that point at or carry keys (`jku`, `jwk`, `x5u`, `crit`) have no code that
//! would interpret them (RFC 8725 §3).
//!
//! Verified claims are remembered under a hash of the token. Only the signature's verdict is: expiry
//! and the ended sessions are looked at each time.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use schemas::{ApiError, Code, SessionId, Timestamp, UserId, limits};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::keys::Keys;
use crate::cache::Generations;
use crate::inbound::Identity;

/// Who signs.
pub const ISSUER: &str = "parlance";
/// For whom.
pub const AUDIENCE: &str = "parlance";
/// A longer token is refused unread: ours have about 400 bytes.
pub const TOKEN_BYTES_MAX: usize = 2_048;

const TYPE: &str = "at+jwt";
/// Verified tokens a process remembers: about 10 MB.
const VERIFIED_MAX: usize = 65_536;

/// Identities of tokens whose signature was verified.
pub(super) type Verified = Generations<[u8; 32], Identity>;

pub(super) fn none_verified() -> Verified {
    Generations::new(VERIFIED_MAX)
}

/// What a token says.
#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    sid: SessionId,
    iat: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    exp: i64,
}

/// The signing key in the forms that are used.
pub(super) struct Access {
    header: Header,
    sign: EncodingKey,
    verify: DecodingKey,
    rules: Validation,
}

impl Access {
    pub(super) fn new(secret: &[u8], kid: String) -> Self {
        let mut header = Header::new(Algorithm::HS256);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(kid);
        let mut rules = Validation::new(Algorithm::HS256);
        rules.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        rules.set_issuer(&[ISSUER]);
        rules.set_audience(&[AUDIENCE]);
        rules.leeway = 0;
        // Time is the platform's clock, which this library does not know: checked below.
        rules.validate_exp = false;
        rules.validate_nbf = false;
        Self {
            header,
            sign: EncodingKey::from_secret(secret),
            verify: DecodingKey::from_secret(secret),
            rules,
        }
    }
}

impl Keys {
    /// A token for a session, valid from now for [`limits::ACCESS_TOKEN_MS`].
    pub fn access_token(&self, user: UserId, session: SessionId, now: Timestamp) -> String {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user,
            sid: session,
            iat: now.0.div_euclid(1_000),
            nbf: None,
            exp: now.plus_ms(limits::ACCESS_TOKEN_MS).0.div_euclid(1_000),
        };
        encode(&self.access.header, &claims, &self.access.sign)
            .expect("plain claims serialise and an HMAC key signs")
    }

    /// Who a token of ours speaks for, if it has not expired. Whether its session was ended is for
    /// [`super::authenticate`].
    pub fn verify(&self, token: &str, now: Timestamp) -> Result<Identity, ApiError> {
        if token.len() > TOKEN_BYTES_MAX {
            return Err(refused());
        }
        let key: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let known = self.verified.lock().get(&key).cloned();
        let who = if let Some(who) = known {
            who
        } else {
            let who = self.read(token, now)?;
            self.verified.lock().insert(key, who.clone());
            who
        };
        if who.expires_at <= now {
            return Err(ApiError::new(Code::TokenExpired, "the access token has expired"));
        }
        Ok(who)
    }

    fn read(&self, token: &str, now: Timestamp) -> Result<Identity, ApiError> {
        let data = decode::<Claims>(token, &self.access.verify, &self.access.rules)
            .map_err(|_| refused())?;
        let claims = data.claims;
        let early = claims.nbf.is_some_and(|from| from.saturating_mul(1_000) > now.0);
        if data.header != self.access.header || early {
            return Err(refused());
        }
        Ok(Identity {
            user: claims.sub,
            session: claims.sid,
            expires_at: Timestamp(claims.exp.saturating_mul(1_000)),
        })
    }
}

fn refused() -> ApiError {
    ApiError::new(Code::Unauthenticated, "the access token is not valid")
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
