//! Which namespaces a session is in, and what is on its screen. Pure.

use std::collections::HashSet;

use schemas::{ConversationId, UserId, limits};

use super::events::Packets;
use super::namespace::Namespace;

/// A namespace that was joined: the conversations on its screen.
#[derive(Debug, Default)]
pub(super) struct Room {
    on_screen: HashSet<ConversationId>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Rooms {
    root: Option<Room>,
    presence: Option<Room>,
}

impl Rooms {
    fn slot(&mut self, namespace: Namespace) -> &mut Option<Room> {
        match namespace {
            Namespace::Root => &mut self.root,
            Namespace::Presence => &mut self.presence,
        }
    }

    fn room(&self, namespace: Namespace) -> Option<&Room> {
        match namespace {
            Namespace::Root => self.root.as_ref(),
            Namespace::Presence => self.presence.as_ref(),
        }
    }

    /// Whether a namespace is joined.
    pub(super) fn has(&self, namespace: Namespace) -> bool {
        self.room(namespace).is_some()
    }

    /// Whether none is.
    pub(super) fn is_empty(&self) -> bool {
        self.root.is_none() && self.presence.is_none()
    }

    /// A namespace is joined.
    pub(super) fn enter(&mut self, namespace: Namespace) {
        self.slot(namespace).get_or_insert_default();
    }

    /// A namespace is left; what is on no screen any more.
    pub(super) fn leave(&mut self, namespace: Namespace) -> Vec<ConversationId> {
        let left = self.slot(namespace).take().unwrap_or_default();
        left.on_screen.into_iter().filter(|conversation| !self.shows(*conversation)).collect()
    }

    /// Whether a conversation is on screen.
    pub(super) fn shows(&self, conversation: ConversationId) -> bool {
        let rooms = [&self.root, &self.presence].into_iter().flatten();
        rooms.into_iter().any(|room| room.on_screen.contains(&conversation))
    }

    /// Whether another conversation may come on screen.
    pub(super) fn has_room(&self, namespace: Namespace, conversation: ConversationId) -> bool {
        self.room(namespace).is_some_and(|room| {
            room.on_screen.len() < limits::ON_SCREEN || room.on_screen.contains(&conversation)
        })
    }

    /// A conversation is on screen, or no more.
    pub(super) fn show(&mut self, namespace: Namespace, conversation: ConversationId) {
        if self.has_room(namespace, conversation)
            && let Some(room) = self.slot(namespace)
        {
            room.on_screen.insert(conversation);
        }
    }

    /// A conversation is on screen no more.
    pub(super) fn hide(&mut self, namespace: Namespace, conversation: ConversationId) {
        if let Some(room) = self.slot(namespace) {
            room.on_screen.remove(&conversation);
        }
    }

    /// Whether a namespace of this user's is told.
    pub(super) fn wants(&self, namespace: Namespace, packets: &Packets, user: UserId) -> bool {
        let Some(room) = self.room(namespace) else { return false };
        if namespace == Namespace::Root && packets.typer == Some(user) {
            return false;
        }
        if packets.named.binary_search(&user).is_ok() {
            return false;
        }
        packets.on_screen.is_none_or(|conversation| room.on_screen.contains(&conversation))
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    const C: ConversationId = ConversationId(Uuid::from_u128(5));
    const USER: UserId = UserId(Uuid::from_u128(1));

    #[test]
    fn what_is_for_a_screen_goes_where_the_conversation_is_on_it() {
        let mut rooms = Rooms::default();
        rooms.enter(Namespace::Root);
        let (all, screen) =
            (Packets::default(), Packets { on_screen: Some(C), ..Packets::default() });
        assert!(rooms.wants(Namespace::Root, &all, USER));
        assert!(!rooms.wants(Namespace::Presence, &all, USER), "it is not joined");
        assert!(!rooms.wants(Namespace::Root, &screen, USER));
        rooms.show(Namespace::Root, C);
        rooms.show(Namespace::Presence, C);
        assert!(rooms.wants(Namespace::Root, &screen, USER));
        assert!(!rooms.wants(Namespace::Presence, &screen, USER));
        rooms.hide(Namespace::Root, C);
        assert!(!rooms.wants(Namespace::Root, &screen, USER));
        rooms.leave(Namespace::Root);
        assert!(rooms.is_empty() && !rooms.wants(Namespace::Root, &all, USER));
    }

    #[test]
    fn who_types_is_not_told_on_the_root_and_is_on_presence() {
        let mut rooms = Rooms::default();
        for namespace in [Namespace::Root, Namespace::Presence] {
            rooms.enter(namespace);
            rooms.show(namespace, C);
        }
        let typing = Packets { on_screen: Some(C), typer: Some(USER), ..Packets::default() };
        assert!(!rooms.wants(Namespace::Root, &typing, USER));
        assert!(rooms.wants(Namespace::Presence, &typing, USER));
        assert!(rooms.wants(Namespace::Root, &typing, UserId(Uuid::from_u128(2))));
    }

    #[test]
    fn who_is_named_is_told_by_his_feed() {
        let mut rooms = Rooms::default();
        rooms.enter(Namespace::Root);
        let packets = Packets { named: vec![USER], ..Packets::default() };
        assert!(!rooms.wants(Namespace::Root, &packets, USER));
        assert!(rooms.wants(Namespace::Root, &packets, UserId(Uuid::from_u128(2))));
    }

    #[test]
    fn a_screen_has_an_end() {
        let mut rooms = Rooms::default();
        rooms.enter(Namespace::Root);
        for id in 0..limits::ON_SCREEN {
            let id = ConversationId(Uuid::from_u128(u128::try_from(id).unwrap()));
            assert!(rooms.has_room(Namespace::Root, id));
            rooms.show(Namespace::Root, id);
        }
        let more = ConversationId(Uuid::from_u128(u128::MAX));
        assert!(!rooms.has_room(Namespace::Root, more));
        assert!(rooms.has_room(Namespace::Root, C), "it is there already");
    }
}
