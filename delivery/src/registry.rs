//! Who has sockets here. Owns the map from users to their sessions.
//!
//! Every first socket of a user gets a number, the *epoch* of his presence: from it the order of
//! events can tell whether somebody has been here since a given moment (`order`).
//! A lock is held for one look-up or change, never across a wake-up or an await.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use parking_lot::RwLock;
use platform::inbound::Identity;
use schemas::{Rev, UserId, limits};

use crate::protocol::close::{self, Close};
use crate::session::Session;

/// One user here.
#[derive(Debug)]
struct Here {
    since: u64,
    /// Number of the last feed entry pushed.
    feed: AtomicI64,
    /// Whether it is known which conversations that are routed as a whole he is in.
    indexed: bool,
    sessions: Vec<Arc<Session>>,
}

/// Who of a user is left when a socket has gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// Other sockets of his.
    Others,
    /// None.
    Nobody,
}

#[derive(Debug, Default)]
struct Users {
    here: HashMap<UserId, Here>,
    shut: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    users: RwLock<Users>,
    epoch: AtomicU64,
    numbers: AtomicU64,
}

impl Registry {
    /// Registers a socket; refused if the user has too many or the node shuts down. It is `prepared`
    /// before anything can be pushed to it.
    pub(crate) fn enter(
        &self,
        who: Identity,
        prepare: impl FnOnce(&Session),
    ) -> Result<Arc<Session>, Close> {
        let user = who.user;
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let session = Arc::new(Session::new(number, who));
        prepare(&session);
        let mut users = self.users.write();
        if users.shut {
            return Err(close::RESTART);
        }
        let here = users.here.entry(user).or_insert_with(|| Here {
            since: self.epoch.fetch_add(1, Ordering::Relaxed) + 1,
            feed: AtomicI64::new(0),
            indexed: false,
            sessions: Vec::with_capacity(1),
        });
        if here.sessions.len() >= limits::SOCKETS_PER_USER {
            return Err(close::SOCKETS);
        }
        here.sessions.push(session.clone());
        Ok(session)
    }

    /// Takes a socket out; none if it was not there.
    pub(crate) fn leave(&self, session: &Session) -> Option<Left> {
        let mut users = self.users.write();
        let here = users.here.get_mut(&session.who.user)?;
        let at = here.sessions.iter().position(|s| s.number == session.number)?;
        here.sessions.swap_remove(at);
        if !here.sessions.is_empty() {
            return Some(Left::Others);
        }
        users.here.remove(&session.who.user);
        Some(Left::Nobody)
    }

    /// Calls `visit` on each socket of a user; whether there are any.
    pub(crate) fn visit(&self, user: UserId, mut visit: impl FnMut(&Arc<Session>)) -> bool {
        let users = self.users.read();
        let Some(here) = users.here.get(&user) else { return false };
        here.sessions.iter().for_each(&mut visit);
        true
    }

    /// Calls `look` on every socket here.
    pub(crate) fn each(&self, mut look: impl FnMut(&Session)) {
        let users = self.users.read();
        users.here.values().flat_map(|here| &here.sessions).for_each(|session| look(session));
    }

    /// As [`Self::visit`] for entry `number` of his feed, unless that was visited before.
    pub(crate) fn visit_feed(
        &self,
        user: UserId,
        number: Rev,
        mut visit: impl FnMut(&Arc<Session>),
    ) -> bool {
        let users = self.users.read();
        let Some(here) = users.here.get(&user) else { return false };
        let new = here.feed.fetch_max(number, Ordering::Relaxed) < number;
        if new {
            here.sessions.iter().for_each(&mut visit);
        }
        new
    }

    /// Since when a user has been here.
    pub(crate) fn since(&self, user: UserId) -> Option<u64> {
        self.users.read().here.get(&user).map(|here| here.since)
    }

    /// Whether it is known which conversations that are routed as a whole he is in.
    pub(crate) fn is_indexed(&self, user: UserId) -> bool {
        self.users.read().here.get(&user).is_some_and(|here| here.indexed)
    }

    /// It is known now of who has been here since `since`, or of nobody any more.
    pub(crate) fn set_indexed(&self, user: UserId, since: Option<u64>) {
        if let Some(here) = self.users.write().here.get_mut(&user) {
            here.indexed = since == Some(here.since);
        }
    }

    /// Whether a user has sockets here.
    pub(crate) fn has(&self, user: UserId) -> bool {
        self.users.read().here.contains_key(&user)
    }

    /// Whether a user has been here since `epoch`.
    pub(crate) fn here_since(&self, user: UserId, epoch: u64) -> bool {
        self.users.read().here.get(&user).is_some_and(|here| here.since <= epoch)
    }

    /// The present epoch.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Relaxed)
    }

    /// Everyone here.
    pub(crate) fn users(&self) -> Vec<UserId> {
        self.users.read().here.keys().copied().collect()
    }

    /// Every socket here.
    pub(crate) fn sessions(&self) -> Vec<Arc<Session>> {
        self.users.read().here.values().flat_map(|here| here.sessions.iter().cloned()).collect()
    }

    /// Refuses sockets from now on; those that are here.
    pub(crate) fn shut(&self) -> Vec<Arc<Session>> {
        self.users.write().shut = true;
        self.sessions()
    }
}

#[cfg(test)]
mod tests {
    use schemas::{SessionId, Timestamp};
    use uuid::Uuid;

    use super::*;

    fn who(user: u128) -> Identity {
        Identity {
            user: UserId(Uuid::from_u128(user)),
            session: SessionId(Uuid::from_u128(user)),
            expires_at: Timestamp(0),
        }
    }

    #[test]
    fn a_user_who_comes_back_has_not_been_here_all_the_time() {
        let registry = Registry::default();
        let user = who(1).user;
        let session = registry.enter(who(1), |_| {}).unwrap();
        let epoch = registry.epoch();
        assert!(registry.here_since(user, epoch));
        assert_eq!(registry.leave(&session), Some(Left::Nobody));
        assert_eq!(registry.leave(&session), None);
        assert!(!registry.has(user));
        drop(registry.enter(who(1), |_| {}).unwrap());
        assert!(!registry.here_since(user, epoch));
    }

    #[test]
    fn the_twenty_first_socket_of_a_user_is_refused_and_one_of_another_is_not() {
        let registry = Registry::default();
        for _ in 0..limits::SOCKETS_PER_USER {
            registry.enter(who(1), |_| {}).unwrap();
        }
        assert_eq!(registry.enter(who(1), |_| {}).unwrap_err(), close::SOCKETS);
        assert!(registry.enter(who(2), |_| {}).is_ok());
        assert_eq!(registry.shut().len(), limits::SOCKETS_PER_USER + 1);
        assert_eq!(registry.enter(who(3), |_| {}).unwrap_err(), close::RESTART);
    }

    #[test]
    fn a_feed_entry_is_visited_once() {
        let registry = Registry::default();
        registry.enter(who(1), |_| {}).unwrap();
        let mut visits = Vec::new();
        for number in [3, 3, 2, 4] {
            registry.visit_feed(who(1).user, number, |_| visits.push(number));
        }
        assert_eq!(visits, [3, 4]);
    }
}
