//! The cast of a run and its open sockets.

use std::sync::Arc;

use parking_lot::Mutex;
use uuid::Uuid;

use super::plan::Plan;
use crate::history::{Recorder, SocketId};
use crate::target::{Target, User};

/// A conversation, direct or a group.
#[derive(Clone, Debug)]
pub(super) struct Conversation {
    pub(super) id: Uuid,
    /// Places among the users of those who are in it from the beginning to the end. The first opened it.
    pub(super) members: Vec<usize>,
    /// Places of those who come and go.
    pub(super) guests: Vec<usize>,
}

impl Conversation {
    /// The member with this number, modulo their number.
    pub(super) fn member(&self, number: usize) -> Option<usize> {
        self.members.get(number % self.members.len().max(1)).copied()
    }
}

/// A socket that is open now.
#[derive(Debug)]
pub(super) struct Open<S> {
    pub(super) id: SocketId,
    pub(super) node: usize,
    pub(super) sender: S,
}

/// A place for a socket; empty while it is cut.
type Slot<S> = Mutex<Option<Open<S>>>;

/// What all processes of a run share.
pub(super) struct Hub<T: Target> {
    pub(super) target: Arc<T>,
    pub(super) recorder: Arc<Recorder>,
    pub(super) plan: Plan,
    pub(super) users: Vec<User>,
    pub(super) conversations: Vec<Conversation>,
    /// By user and place of the socket.
    sockets: Vec<Vec<Slot<T::Sender>>>,
}

impl<T: Target> Hub<T> {
    pub(super) fn new(
        target: Arc<T>,
        recorder: Arc<Recorder>,
        plan: Plan,
        users: Vec<User>,
        conversations: Vec<Conversation>,
    ) -> Self {
        let places = || (0..plan.sockets).map(|_| Mutex::new(None)).collect();
        let sockets = users.iter().map(|_| places()).collect();
        Self { target, recorder, plan, users, conversations, sockets }
    }

    pub(super) fn node(&self, number: usize) -> usize {
        number % self.target.nodes().max(1)
    }

    pub(super) fn plug(&self, user: usize, place: usize, open: Option<Open<T::Sender>>) {
        if let Some(slot) = self.sockets.get(user).and_then(|places| places.get(place)) {
            *slot.lock() = open;
        }
    }

    /// The first of the conversations that only their own walker writes to.
    pub(super) fn private(&self) -> usize {
        self.plan.shared()
    }

    /// An open socket of a user, if this one is open.
    pub(super) fn socket(&self, user: usize, place: usize) -> Option<Open<T::Sender>> {
        let slot = self.sockets.get(user)?.get(place)?.lock();
        let open = slot.as_ref()?;
        Some(Open { id: open.id, node: open.node, sender: open.sender.clone() })
    }

    /// Whether every socket is open.
    pub(super) fn all_open(&self) -> bool {
        self.sockets.iter().flatten().all(|slot| slot.lock().is_some())
    }
}
