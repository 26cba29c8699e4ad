//! The secrets of a deployment: one key that signs access tokens, one that makes refresh tokens.
//!
//! They come from the configuration, or from files of the data folder that are made on first start
//! and readable by their owner alone. All nodes of a deployment need the same ones. There is no
//! built-in default, and no key shorter than 256 bits is taken (RFC 7518 §3.2).

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use parking_lot::Mutex;
use sha2::{Digest, Sha256};

use super::access::{Access, Verified, none_verified};
use crate::port::clock::random;

/// Shortest secret, in bytes.
const SECRET_MIN: usize = 32;

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A secret is too short to be one.
    #[error("{0} has {1} bytes; at least {SECRET_MIN} are needed")]
    TooShort(&'static str, usize),
    /// Others could read a key.
    #[error("{0} can be read by others: chmod 600 it, and make new keys if someone may have")]
    Exposed(PathBuf),
    /// A key file does not hold a key.
    #[error("{0} does not hold a key")]
    Damaged(PathBuf),
    /// A key file can not be read or written.
    #[error("{path}: {error}")]
    Io {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        error: std::io::Error,
    },
}

/// Secrets from the configuration; what is absent is read from the data folder, or made there.
#[derive(Clone, Default)]
pub struct Secrets {
    /// Signs access tokens (`JWT_SECRET`).
    pub access: Option<String>,
    /// Makes refresh tokens (`JWT_REFRESH_SECRET`). Absent while `access` is given: derived from it.
    pub refresh: Option<String>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

/// The keys. One per process, shared by its tiers.
pub struct Keys {
    pub(super) access: Access,
    pub(super) refresh: Hmac<Sha256>,
    pub(super) verified: Mutex<Verified>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").finish_non_exhaustive()
    }
}

impl Keys {
    /// Keys of these secrets.
    pub fn new(access: &[u8], refresh: &[u8]) -> Result<Self, Error> {
        for (name, secret) in [("JWT_SECRET", access), ("JWT_REFRESH_SECRET", refresh)] {
            if secret.len() < SECRET_MIN {
                return Err(Error::TooShort(name, secret.len()));
            }
        }
        Ok(Self {
            access: Access::new(access, kid(access)),
            refresh: keyed(refresh),
            verified: Mutex::new(none_verified()),
        })
    }

    /// The configured secrets, or those of `folder`, which are made if they are not there.
    pub fn load(folder: &Path, secrets: &Secrets) -> Result<Self, Error> {
        let access = match &secrets.access {
            Some(secret) => secret.as_bytes().to_vec(),
            None => stored(&folder.join("access.key"))?,
        };
        let refresh = match (&secrets.refresh, &secrets.access) {
            (Some(secret), _) => secret.as_bytes().to_vec(),
            (None, Some(secret)) => derived(secret.as_bytes()),
            (None, None) => stored(&folder.join("refresh.key"))?,
        };
        Self::new(&access, &refresh)
    }
}

pub(super) fn keyed(secret: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(secret).expect("HMAC takes a key of any length")
}

fn derived(secret: &[u8]) -> Vec<u8> {
    let mut mac = keyed(secret);
    mac.update(b"parlance refresh key");
    mac.finalize().into_bytes().to_vec()
}

/// A short name of a key, so that a token made under another one is told apart.
fn kid(secret: &[u8]) -> String {
    let digest = Sha256::new().chain_update(b"parlance kid").chain_update(secret).finalize();
    BASE64_URL_SAFE_NO_PAD.encode(digest.get(..9).unwrap_or_default())
}

fn stored(path: &Path) -> Result<Vec<u8>, Error> {
    let fail = |error| Error::Io { path: path.to_owned(), error };
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            make(path).map_err(fail)?;
            std::fs::read_to_string(path).map_err(fail)?
        }
        Err(error) => return Err(fail(error)),
    };
    let mode = std::fs::metadata(path).map_err(fail)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(Error::Exposed(path.to_owned()));
    }
    let key = BASE64_URL_SAFE_NO_PAD.decode(text.trim()).unwrap_or_default();
    if key.len() < SECRET_MIN {
        return Err(Error::Damaged(path.to_owned()));
    }
    Ok(key)
}

/// Writes a new key so that a crash leaves a whole one or none.
fn make(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or_else(|| Path::new("."));
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let mut key = [0; SECRET_MIN];
    random(&mut key);
    let draft = path.with_extension("draft");
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    writeln!(file, "{}", BASE64_URL_SAFE_NO_PAD.encode(key))?;
    file.sync_all()?;
    std::fs::rename(&draft, path)?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use schemas::{SessionId, Timestamp, UserId};
    use uuid::Uuid;

    use super::*;

    fn token(keys: &Keys) -> String {
        keys.access_token(UserId(Uuid::from_u128(1)), SessionId(Uuid::from_u128(2)), Timestamp(0))
    }

    #[test]
    fn keys_are_made_once_for_their_owner_alone_and_stay() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("keys");
        let first = Keys::load(&place, &Secrets::default()).unwrap();
        for name in ["access.key", "refresh.key"] {
            let mode = std::fs::metadata(place.join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        let second = Keys::load(&place, &Secrets::default()).unwrap();
        assert!(second.verify(&token(&first), Timestamp(0)).is_ok());
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        Keys::load(folder.path(), &Secrets::default()).unwrap();
        let path = folder.path().join("access.key");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let refused = Keys::load(folder.path(), &Secrets::default()).unwrap_err();
        assert!(matches!(refused, Error::Exposed(_)), "{refused}");
    }

    #[test]
    fn a_damaged_or_short_key_is_refused_rather_than_replaced() {
        let folder = tempfile::tempdir().unwrap();
        Keys::load(folder.path(), &Secrets::default()).unwrap();
        std::fs::write(folder.path().join("refresh.key"), "c2hvcnQ\n").unwrap();
        let refused = Keys::load(folder.path(), &Secrets::default()).unwrap_err();
        assert!(matches!(refused, Error::Damaged(_)), "{refused}");
        let short = Secrets { access: Some("x".repeat(31)), refresh: None };
        assert!(matches!(Keys::load(folder.path(), &short), Err(Error::TooShort(_, 31))));
    }

    #[test]
    fn one_configured_secret_is_enough_for_both() {
        let folder = tempfile::tempdir().unwrap();
        let secrets = Secrets { access: Some("s".repeat(32)), refresh: None };
        let (a, b) = (
            Keys::load(folder.path(), &secrets).unwrap(),
            Keys::load(folder.path(), &secrets).unwrap(),
        );
        assert!(b.verify(&token(&a), Timestamp(0)).is_ok());
        let session = SessionId(Uuid::from_u128(9));
        assert_eq!(b.read_refresh(&a.refresh_token(session, 3)), Some((session, 3)));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing was written");
    }
}
