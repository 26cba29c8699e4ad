//! Passwords: hashed with argon2id on the blocking pool, never more at once than there are cores,
//! with a bounded queue before it. So a flood of logins slows logins down and nothing else, and is
//! refused before it slows them for long.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use platform::port::clock::random;
use tokio::sync::Semaphore;

use crate::config::Argon2Cost;
use crate::error::Failure;

/// Guesses below which a password counts as common. Attackers on-line are held by rate limits; this
/// is about lists of leaked and obvious ones.
const GUESSES_MIN: u64 = 100_000;

/// Characters that are judged at once: the work of judging grows with the square of the length and
/// worse (0.7 s for 128 characters that are all letters in disguise), and 32 tell enough.
const JUDGED_CHARS: usize = 32;

/// Hashes and verifies.
pub(crate) struct Passwords {
    argon: Argon2<'static>,
    cores: Arc<Semaphore>,
    waiting: AtomicUsize,
    queue: usize,
    /// A hash of nobody's password, so that an unknown account costs the same as a known one.
    nobody: Arc<str>,
}

impl std::fmt::Debug for Passwords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Passwords").finish_non_exhaustive()
    }
}

impl Passwords {
    pub(crate) fn new(cost: Argon2Cost, queue: usize) -> Result<Self, String> {
        let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, None)
            .map_err(|error| format!("argon2: {error}"))?;
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut nobody = [0; 16];
        random(&mut nobody);
        let nobody = hash(&argon, &nobody)?.into();
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Ok(Self {
            argon,
            cores: Arc::new(Semaphore::new(cores)),
            waiting: AtomicUsize::new(0),
            queue,
            nobody,
        })
    }

    /// The hash of a new password; none if it is one that many people use, or can be guessed from
    /// `context` (the user's own names).
    pub(crate) async fn hash(
        &self,
        password: String,
        context: Vec<String>,
    ) -> Result<Option<String>, Failure> {
        let hashed = self.run(move |argon| {
            let words = context.iter().flat_map(|text| text.split(|c: char| !c.is_alphanumeric()));
            let context: Vec<&str> = context.iter().map(String::as_str).chain(words).collect();
            if is_common(&password, &context) {
                return Ok(None);
            }
            hash(argon, password.as_bytes()).map(Some)
        });
        hashed.await?.map_err(Failure::internal)
    }

    /// Whether a password is that of a stored hash. Without a hash it works as long and says no.
    pub(crate) async fn verify(
        &self,
        password: String,
        stored: Option<String>,
    ) -> Result<bool, Failure> {
        let nobody = self.nobody.clone();
        let verdict = self.run(move |argon| {
            let text = stored.as_deref().unwrap_or(&nobody);
            let hash = PasswordHash::new(text).map_err(|e| format!("stored hash: {e}"))?;
            let right = argon.verify_password(password.as_bytes(), &hash).is_ok();
            Ok::<_, String>(right && stored.is_some())
        });
        verdict.await?.map_err(Failure::internal)
    }

    /// The hash of a password that was just found right, if its stored hash is cheaper than hashes
    /// are made now.
    pub(crate) async fn stronger(
        &self,
        password: String,
        stored: &str,
    ) -> Result<Option<String>, Failure> {
        let now = self.argon.params();
        let old = PasswordHash::new(stored).ok().and_then(|hash| Params::try_from(&hash).ok());
        let strong =
            old.is_some_and(|old| old.m_cost() >= now.m_cost() && old.t_cost() >= now.t_cost());
        if strong {
            return Ok(None);
        }
        let hashed = self.run(move |argon| hash(argon, password.as_bytes())).await?;
        hashed.map(Some).map_err(Failure::internal)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Argon2<'static>) -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let place = Place::take(&self.waiting, self.queue)?;
        let core = self.cores.clone().acquire_owned().await;
        let core = core.map_err(|_| Failure::internal("the semaphore of cores was closed"))?;
        drop(place);
        let argon = self.argon.clone();
        // The permit goes along: a client that leaves does not make room before the work is done.
        let work = tokio::task::spawn_blocking(move || {
            let outcome = work(&argon);
            drop(core);
            outcome
        });
        work.await.map_err(|error| Failure::internal(format!("password work: {error}")))
    }
}

/// Whether both ends of a password are easy to guess.
fn is_common(password: &str, context: &[&str]) -> bool {
    let guessed = |part: &str| zxcvbn::zxcvbn(part, context).guesses() < GUESSES_MIN;
    let cut = |at: usize| password.char_indices().nth(at).map_or(password.len(), |(at, _)| at);
    let (head, _) = password.split_at(cut(JUDGED_CHARS));
    let (_, tail) = password.split_at(cut(password.chars().count().saturating_sub(JUDGED_CHARS)));
    guessed(head) && (head.len() == password.len() || guessed(tail))
}

fn hash(argon: &Argon2<'static>, password: &[u8]) -> Result<String, String> {
    let mut salt = [0; 16];
    random(&mut salt);
    let hash = argon.hash_password_with_salt(password, &salt).map_err(|e| e.to_string())?;
    Ok(hash.to_string())
}

/// A place in the queue; given back when dropped.
struct Place<'a>(&'a AtomicUsize);

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize, queue: usize) -> Result<Self, Failure> {
        let before = waiting.fetch_add(1, Ordering::Relaxed);
        let place = Self(waiting);
        if before >= queue {
            return Err(Failure::overloaded("too many passwords wait for a core"));
        }
        Ok(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use schemas::Code;

    use super::*;

    const CHEAP: Argon2Cost = Argon2Cost { memory_kib: 64, passes: 1, lanes: 1 };

    #[tokio::test]
    async fn a_password_is_known_again_and_no_other() {
        let passwords = Passwords::new(CHEAP, 8).unwrap();
        let good = "correct horse battery";
        let hash = passwords.hash(good.into(), vec![]).await.unwrap().unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"), "{hash}");
        assert!(passwords.verify(good.into(), Some(hash.clone())).await.unwrap());
        assert!(!passwords.verify("wrong".into(), Some(hash)).await.unwrap());
        assert!(!passwords.verify(good.into(), None).await.unwrap());
    }

    #[tokio::test]
    async fn common_passwords_and_ones_own_names_are_refused() {
        let passwords = Passwords::new(CHEAP, 8).unwrap();
        for weak in
            ["password", "12345678", "qwertyuiop", "aaaaaaaaaaaa", "alice@example.org", "Alice123"]
        {
            let context = vec!["alice".to_owned(), "alice@example.org".to_owned()];
            let hash = passwords.hash(weak.into(), context).await.unwrap();
            assert_eq!(hash, None, "{weak}");
        }
    }

    #[test]
    fn a_long_password_is_judged_by_its_ends() {
        let strong = "kT9#vLq2!xWz";
        assert!(is_common(&"a".repeat(128), &[]));
        assert!(is_common(&"ä".repeat(128), &[]));
        assert!(!is_common(strong, &[]));
        assert!(!is_common(&format!("{}{strong}", "a".repeat(100)), &[]));
        assert!(!is_common(&format!("{strong}{}", "a".repeat(100)), &[]));
    }

    #[tokio::test]
    async fn a_hash_is_renewed_only_when_the_cost_has_grown() {
        let cheap = Passwords::new(CHEAP, 8).unwrap();
        let dear = Passwords::new(Argon2Cost { passes: 2, ..CHEAP }, 8).unwrap();
        let old = cheap.hash("correct horse battery".into(), vec![]).await.unwrap().unwrap();
        let new = dear.stronger("correct horse battery".into(), &old).await.unwrap().unwrap();
        assert!(new.contains("t=2"));
        assert_eq!(cheap.stronger("correct horse battery".into(), &new).await.unwrap(), None);
    }

    #[tokio::test]
    async fn a_full_queue_refuses_at_once() {
        let passwords = Passwords::new(CHEAP, 0).unwrap();
        let refused = passwords.verify("x".into(), None).await.unwrap_err();
        assert_eq!(refused.api.code, Code::Overloaded);
        assert!(refused.api.retry_after_ms.is_some());
        assert_eq!(passwords.waiting.load(Ordering::Relaxed), 0, "the place is given back");
    }
}
