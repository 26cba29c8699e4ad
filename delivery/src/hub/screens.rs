//! On which Socket.IO sockets here a conversation is (`conversation:join`), and whom their users have
//! blocked. Pure, but for the hooks of the hub at its end.
//!
//! Who types in a conversation that is routed as a whole is told to these sockets alone. Their users may
//! have blocked him, which no record says: what they have blocked is read when the first of their sockets
//! has such a conversation on screen, and again whenever a relation of theirs changes, or records were
//! lost that may have said so. Until it is known they are told of nobody.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use platform::port::store;
use schemas::user::table::Block;
use schemas::{ConversationId, UserId, limits};

use super::Hub;
use crate::session::Session;

/// Whom somebody has blocked.
#[derive(Debug, Default)]
enum Blocks {
    #[default]
    Unread,
    /// Being read.
    Reading,
    Known(HashSet<UserId>),
    /// Nobody but these; some of them perhaps no more: the last reading failed.
    Stale(HashSet<UserId>),
}

/// Somebody with sockets that have conversations on screen.
#[derive(Debug, Default)]
struct Viewer {
    sockets: HashMap<u64, HashSet<ConversationId>>,
    blocks: Blocks,
    /// Of the newest reading.
    ticket: u64,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Screens {
    conversations: HashMap<ConversationId, HashMap<u64, Arc<Session>>>,
    viewers: HashMap<UserId, Viewer>,
    tickets: u64,
}

impl Screens {
    /// A conversation is on the screen of a socket.
    fn show(&mut self, conversation: ConversationId, session: &Arc<Session>) {
        let viewer = self.viewers.entry(session.who.user).or_default();
        viewer.sockets.entry(session.number).or_default().insert(conversation);
        let sockets = self.conversations.entry(conversation).or_default();
        sockets.insert(session.number, session.clone());
    }

    /// It is no more.
    fn hide(&mut self, conversation: ConversationId, session: &Session) {
        self.forget(conversation, session.number);
        let Some(viewer) = self.viewers.get_mut(&session.who.user) else { return };
        if let Some(shown) = viewer.sockets.get_mut(&session.number) {
            shown.remove(&conversation);
            if shown.is_empty() {
                viewer.sockets.remove(&session.number);
            }
        }
        if viewer.sockets.is_empty() {
            self.viewers.remove(&session.who.user);
        }
    }

    /// A socket has gone.
    pub(super) fn gone(&mut self, session: &Session) {
        let viewer = self.viewers.get_mut(&session.who.user);
        let shown = viewer.and_then(|viewer| viewer.sockets.get(&session.number).cloned());
        for conversation in shown.unwrap_or_default() {
            self.hide(conversation, session);
        }
    }

    fn forget(&mut self, conversation: ConversationId, number: u64) {
        if let Some(sockets) = self.conversations.get_mut(&conversation) {
            sockets.remove(&number);
            if sockets.is_empty() {
                self.conversations.remove(&conversation);
            }
        }
    }

    /// Whether a conversation is on any screen.
    pub(super) fn has(&self, conversation: ConversationId) -> bool {
        self.conversations.contains_key(&conversation)
    }

    /// The sockets that have it on screen.
    pub(super) fn of(&self, conversation: ConversationId) -> impl Iterator<Item = &Arc<Session>> {
        self.conversations.get(&conversation).into_iter().flat_map(HashMap::values)
    }

    /// Whether a viewer has not blocked another; none: that is not known.
    pub(super) fn admits(&self, viewer: UserId, other: UserId) -> Option<bool> {
        match &self.viewers.get(&viewer)?.blocks {
            Blocks::Known(blocked) | Blocks::Stale(blocked) => Some(!blocked.contains(&other)),
            Blocks::Unread | Blocks::Reading => None,
        }
    }

    /// A name for the reading of whom a viewer has blocked, if that is neither known nor being read.
    pub(super) fn unread(&mut self, viewer: UserId) -> Option<u64> {
        match self.viewers.get(&viewer)?.blocks {
            Blocks::Unread | Blocks::Stale(_) => self.read(viewer),
            Blocks::Reading | Blocks::Known(_) => None,
        }
    }

    /// A viewer has blocked somebody, or does so no more: until it is read which, he has. A name for that
    /// reading.
    pub(super) fn related(&mut self, viewer: UserId, other: UserId) -> Option<u64> {
        match &mut self.viewers.get_mut(&viewer)?.blocks {
            Blocks::Unread => return None,
            Blocks::Reading => {}
            Blocks::Known(blocked) | Blocks::Stale(blocked) => {
                blocked.insert(other);
            }
        }
        self.read(viewer)
    }

    fn read(&mut self, viewer: UserId) -> Option<u64> {
        let viewer = self.viewers.get_mut(&viewer)?;
        self.tickets += 1;
        viewer.ticket = self.tickets;
        viewer.blocks = match std::mem::take(&mut viewer.blocks) {
            Blocks::Unread | Blocks::Reading => Blocks::Reading,
            Blocks::Known(blocked) | Blocks::Stale(blocked) => Blocks::Known(blocked),
        };
        Some(self.tickets)
    }

    /// What was read, unless a newer reading has begun. None: it could not be.
    fn learn(&mut self, (viewer, ticket): (UserId, u64), blocked: Option<HashSet<UserId>>) {
        let viewer = self.viewers.get_mut(&viewer).filter(|viewer| viewer.ticket == ticket);
        let Some(viewer) = viewer else { return };
        viewer.blocks = match (blocked, std::mem::take(&mut viewer.blocks)) {
            (Some(blocked), _) => Blocks::Known(blocked),
            // Whoever was told of the others is to be told of their ends.
            (None, Blocks::Known(blocked) | Blocks::Stale(blocked)) => Blocks::Stale(blocked),
            (None, Blocks::Unread | Blocks::Reading) => Blocks::Unread,
        };
    }

    /// Records were lost, of relations too: what was read, or is being read, does not count.
    pub(super) fn lost(&mut self) {
        self.tickets += 1;
        for viewer in self.viewers.values_mut() {
            viewer.blocks = Blocks::Unread;
            viewer.ticket = self.tickets;
        }
    }
}

impl Hub {
    /// A conversation is on the screen of a socket.
    pub(crate) fn on_screen(&self, session: &Arc<Session>, conversation: ConversationId) {
        let read = {
            let line = &mut *self.line.lock();
            line.screens.show(conversation, session);
            let user = session.who.user;
            let whole = line.index.contains(conversation, user);
            whole.then(|| Some((user, line.screens.unread(user)?))).flatten()
        };
        self.learn_blocks(read);
    }

    /// It is no more.
    pub(crate) fn off_screen(&self, session: &Session, conversation: ConversationId) {
        self.line.lock().screens.hide(conversation, session);
    }

    /// Reads whom viewers have blocked.
    pub(super) fn learn_blocks(&self, viewers: impl IntoIterator<Item = (UserId, u64)>) {
        for (viewer, ticket) in viewers {
            let Some(hub) = self.me.upgrade() else { return };
            self.life.guest(async move {
                let scan = || store::scan(hub.store(), Block::of_user(viewer, limits::BLOCKS));
                let rows = hub.read(scan).await;
                if let Err(error) = &rows {
                    tracing::warn!(%error, "whom somebody has blocked could not be read");
                }
                let blocked = rows.map(|rows| rows.into_iter().map(|row| row.other).collect());
                hub.line.lock().screens.learn((viewer, ticket), blocked.ok());
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use platform::inbound::Identity;
    use schemas::{SessionId, Timestamp};
    use uuid::Uuid;

    use super::*;

    const C: ConversationId = ConversationId(Uuid::from_u128(5));

    fn user(number: u128) -> UserId {
        UserId(Uuid::from_u128(number))
    }

    fn socket(number: u64, of: u128) -> Arc<Session> {
        let session = SessionId(Uuid::from_u128(of));
        let who = Identity { user: user(of), session, expires_at: Timestamp(0) };
        Arc::new(Session::new(number, who))
    }

    #[test]
    fn nothing_is_kept_of_a_socket_that_has_gone_or_shows_nothing() {
        let mut screens = Screens::default();
        let (one, two) = (socket(1, 1), socket(2, 1));
        screens.show(C, &one);
        screens.show(C, &two);
        screens.show(C, &two);
        screens.show(ConversationId(Uuid::from_u128(6)), &two);
        assert_eq!(screens.of(C).count(), 2);
        screens.hide(C, &one);
        assert!(screens.has(C));
        screens.hide(C, &one);
        screens.gone(&two);
        screens.gone(&one);
        assert!(!screens.has(C));
        assert!(screens.conversations.is_empty() && screens.viewers.is_empty());
    }

    #[test]
    fn nobody_is_admitted_until_it_is_known_whom_the_viewer_has_blocked() {
        let mut screens = Screens::default();
        screens.show(C, &socket(1, 1));
        assert_eq!(screens.related(user(1), user(2)), None, "nobody has read it");
        let first = screens.unread(user(1)).unwrap();
        assert_eq!(screens.unread(user(1)), None, "it is being read");
        assert_eq!(screens.admits(user(1), user(2)), None);
        // He blocks somebody meanwhile: what was read before does not count.
        let second = screens.related(user(1), user(2)).unwrap();
        screens.learn((user(1), first), Some(HashSet::new()));
        assert_eq!(screens.admits(user(1), user(2)), None);
        screens.learn((user(1), second), Some([user(2)].into()));
        assert_eq!(screens.admits(user(1), user(2)), Some(false));
        assert_eq!(screens.admits(user(1), user(3)), Some(true));
        let third = screens.related(user(1), user(3)).unwrap();
        assert_eq!(screens.admits(user(1), user(3)), Some(false), "he may have");
        assert_eq!(screens.admits(user(1), user(4)), Some(true));
        screens.learn((user(1), third), None);
        assert_eq!(screens.admits(user(1), user(3)), Some(false), "it could not be read");
        assert_eq!(screens.admits(user(1), user(4)), Some(true));
        let fourth = screens.unread(user(1)).expect("it is read again");
        assert_eq!(screens.unread(user(1)), None);
        screens.learn((user(1), fourth), Some(HashSet::new()));
        assert_eq!(screens.admits(user(1), user(2)), Some(true));
        assert_eq!(screens.unread(user(9)), None);
    }

    #[test]
    fn what_could_not_be_read_is_read_again() {
        let mut screens = Screens::default();
        screens.show(C, &socket(1, 1));
        let first = screens.unread(user(1)).unwrap();
        screens.learn((user(1), first), None);
        assert_eq!(screens.admits(user(1), user(2)), None);
        assert!(screens.unread(user(1)).is_some());
    }

    #[test]
    fn where_records_were_lost_it_is_read_again() {
        let mut screens = Screens::default();
        screens.show(C, &socket(1, 1));
        screens.show(C, &socket(2, 2));
        let known = screens.unread(user(1)).unwrap();
        screens.learn((user(1), known), Some(HashSet::new()));
        let under_way = screens.unread(user(2)).unwrap();
        screens.lost();
        assert_eq!(screens.admits(user(1), user(3)), None);
        screens.learn((user(2), under_way), Some(HashSet::new()));
        assert_eq!(screens.admits(user(2), user(3)), None, "it was read before");
        for viewer in [1, 2] {
            let again = screens.unread(user(viewer)).unwrap();
            screens.learn((user(viewer), again), Some([user(3)].into()));
            assert_eq!(screens.admits(user(viewer), user(3)), Some(false));
        }
    }
}
