//! Whom of the users here whose presence interests, and what each of them may see. Pure.
//!
//! A *viewer* is a user with sockets here. He sees his *peers*, with whom he has a direct conversation, on
//! all his sockets, and *subscriptions* on the socket that asked for them. He sees himself without any of
//! this. For each *target* the newest entry is kept, from the first time that one is met: what is
//! pushed is the difference to it, and a snapshot that was read before a push does not overtake it.
//!
//! What is read takes time, and what it tells may have changed meanwhile. Entries have versions: the
//! newest stands, and one that was read does not take the place of one with the same version that came
//! after the reading began. Permissions have none, so each reading takes a [`Ticket`] when it begins, and of
//! two readings the one that began later stands. What is published while a viewer's peers are looked for is
//! kept for a while ([`recent`]), and pushed when they are found.
//!
//! Memory: 150 to 300 bytes for each pair of viewer and target, at most [`PAIRS`] of them, and one entry
//! (about 400 bytes) for each target that was met; a viewer without pairs costs about 200 bytes beside
//! his own entry.

mod news;
mod recent;
mod work;

use std::collections::hash_map::Entry as Slot;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use schemas::presence::entry::Entry;
use schemas::presence::view::{Permission, Viewer};
use schemas::{ConversationId, Timestamp, UserId, limits};

use news::{Known, shown};
use recent::Recent;
pub(super) use work::Job;
use work::Work;

/// Pairs of viewer and target on a node: 300 to 600 MB. Beyond, subscriptions are refused, and peers are
/// told of by REST alone.
const PAIRS: usize = 2_000_000;

/// When a reading began, in the order of readings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

/// Which stay of a user here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stay(u64);

/// One who looks.
#[derive(Debug)]
struct Watcher {
    stay: Stay,
    /// His sockets, each with what it has subscribed to, sorted.
    sockets: Vec<(u64, Vec<UserId>)>,
    sees: HashMap<UserId, Pair>,
    /// How many of these are peers.
    peers: usize,
    own: Option<Known>,
    work: Work,
}

/// What a viewer has to do with a target.
#[derive(Debug)]
struct Pair {
    /// The direct conversation that makes the target a peer, and when that began to be read.
    peer: Option<(ConversationId, Ticket)>,
    /// None: it is being read.
    permission: Option<Permission>,
    /// When that began to be read.
    read: Ticket,
    /// A block began or ended while no entry of the target was known: what the viewer was told of him over
    /// REST may not hold any more, and he is told when an entry is met.
    unsaid: bool,
}

#[derive(Debug, Default)]
struct Target {
    watchers: HashSet<UserId>,
    entry: Option<Known>,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Interest {
    /// Boxed: a table has room for twice as many as there are.
    watchers: HashMap<UserId, Box<Watcher>>,
    targets: HashMap<UserId, Target>,
    recent: Recent,
    pairs: usize,
    numbers: u64,
}

/// Something that a viewer is to be told.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Push {
    /// Who.
    pub(super) viewer: UserId,
    /// On which of his sockets; none: on all of them.
    pub(super) sockets: Option<Vec<u64>>,
    /// What he is to the target.
    pub(super) role: Viewer,
    /// The target's entry.
    pub(super) entry: Arc<Entry>,
}

/// A direct conversation of a viewer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Peer {
    /// The other one.
    pub(super) user: UserId,
    /// Where.
    pub(super) conversation: ConversationId,
    /// Whether one of the two has blocked the other.
    pub(super) blocked: bool,
}

/// Why there is no subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refused {
    /// The socket has too many.
    Many,
    /// The user has too many on all his sockets.
    Share,
    /// The node has too many pairs.
    Full,
    /// The socket is gone.
    Gone,
}

/// As if a block between the two were not there, or were.
fn opposite(permission: Permission) -> Permission {
    Permission { blocked: !permission.blocked, ..permission }
}

impl Watcher {
    /// What is to be said of a block, now that an entry of its target is met.
    fn unsaid(&mut self, viewer: UserId, entry: &Arc<Entry>, now: Timestamp) -> Option<Push> {
        let pair = self.sees.get_mut(&entry.user_id)?;
        let is = pair.permission.filter(|_| std::mem::take(&mut pair.unsaid))?;
        let sees = |permission| shown(entry, Viewer::Other(permission), now);
        if sees(opposite(is)) == sees(is) { None } else { self.push(viewer, entry) }
    }

    fn new(stay: Stay) -> Self {
        Self {
            stay,
            sockets: Vec::with_capacity(1),
            sees: HashMap::new(),
            peers: 0,
            own: None,
            work: Work::default(),
        }
    }

    fn subscribers(&self, target: UserId) -> Vec<u64> {
        let has = |asked: &[UserId]| asked.binary_search(&target).is_ok();
        self.sockets.iter().filter(|(_, asked)| has(asked)).map(|(socket, _)| *socket).collect()
    }

    fn socket(&mut self, socket: u64) -> Option<&mut Vec<UserId>> {
        self.sockets.iter_mut().find(|(number, _)| *number == socket).map(|(_, asked)| asked)
    }

    /// A push to him about a target other than himself, if he may be told of it.
    fn push(&self, viewer: UserId, entry: &Arc<Entry>) -> Option<Push> {
        let pair = self.sees.get(&entry.user_id)?;
        let sockets = pair.peer.is_none().then(|| self.subscribers(entry.user_id));
        let role = Viewer::Other(pair.permission?);
        Some(Push { viewer, sockets, role, entry: entry.clone() })
    }
}

impl Interest {
    fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// A reading begins.
    pub(super) fn ticket(&mut self) -> Ticket {
        Ticket(self.number())
    }

    /// A socket has come.
    pub(super) fn came(&mut self, user: UserId, socket: u64) {
        let stay = Stay(self.number());
        let watcher = self.watchers.entry(user).or_insert_with(|| Box::new(Watcher::new(stay)));
        watcher.sockets.push((socket, Vec::new()));
    }

    /// A socket has gone, and with the last one everything that its user wanted to see.
    pub(super) fn gone(&mut self, user: UserId, socket: u64) {
        let Some(watcher) = self.watchers.get_mut(&user) else { return };
        let Some(at) = watcher.sockets.iter().position(|(number, _)| *number == socket) else {
            return;
        };
        let (_, asked) = watcher.sockets.swap_remove(at);
        if watcher.sockets.is_empty() {
            let watcher = self.watchers.remove(&user);
            for target in watcher.into_iter().flat_map(|watcher| watcher.sees.into_keys()) {
                self.unwatch(user, target);
            }
            return;
        }
        for target in asked {
            self.tidy(user, target);
        }
    }

    /// A pair of this viewer is gone.
    fn unwatch(&mut self, viewer: UserId, target: UserId) {
        self.pairs = self.pairs.saturating_sub(1);
        if let Slot::Occupied(mut slot) = self.targets.entry(target) {
            slot.get_mut().watchers.remove(&viewer);
            if slot.get().watchers.is_empty() {
                slot.remove();
            }
        }
    }

    /// Ends a pair that nothing is the reason for any more.
    fn tidy(&mut self, viewer: UserId, target: UserId) {
        let Some(watcher) = self.watchers.get_mut(&viewer) else { return };
        let needed = |pair: &Pair| pair.peer.is_some() || !watcher.subscribers(target).is_empty();
        if watcher.sees.get(&target).is_some_and(|pair| !needed(pair)) {
            watcher.sees.remove(&target);
            self.unwatch(viewer, target);
        }
    }

    /// The pair of the two, which is there from now on.
    fn pair(&mut self, viewer: UserId, target: UserId) -> Option<&mut Pair> {
        let watcher = self.watchers.get_mut(&viewer)?;
        Some(watcher.sees.entry(target).or_insert_with(|| {
            self.pairs += 1;
            self.targets.entry(target).or_default().watchers.insert(viewer);
            Pair { peer: None, permission: None, read: Ticket::default(), unsaid: false }
        }))
    }

    /// A socket subscribes to all of these, or to none of them; to which it had not.
    pub(super) fn subscribe(
        &mut self,
        user: UserId,
        socket: u64,
        targets: &[UserId],
    ) -> Result<(Ticket, Vec<UserId>), Refused> {
        let full = self.pairs.saturating_add(targets.len()) > PAIRS;
        let watcher = self.watchers.get_mut(&user).ok_or(Refused::Gone)?;
        let unseen = |target: &&UserId| **target != user && !watcher.sees.contains_key(*target);
        let pairs = watcher.sees.len() - watcher.peers + targets.iter().filter(unseen).count();
        let asked = watcher.socket(socket).ok_or(Refused::Gone)?;
        let new = |target: &UserId| asked.binary_search(target).is_err();
        let new = targets.iter().copied().filter(new).collect();
        let mut all = asked.clone();
        all.extend(targets);
        all.sort_unstable();
        all.dedup();
        if all.len() > limits::PRESENCE_SUBSCRIPTIONS {
            return Err(Refused::Many);
        }
        if pairs > limits::PRESENCE_SUBSCRIPTIONS_OF_USER {
            return Err(Refused::Share);
        }
        if full {
            return Err(Refused::Full);
        }
        *asked = all;
        for target in targets.iter().filter(|target| **target != user) {
            self.pair(user, *target);
        }
        Ok((self.ticket(), new))
    }

    /// A socket does so no more; of how many.
    pub(super) fn unsubscribe(&mut self, user: UserId, socket: u64, targets: &[UserId]) -> usize {
        let Some(watcher) = self.watchers.get_mut(&user) else { return 0 };
        let Some(asked) = watcher.socket(socket) else { return 0 };
        let before = asked.len();
        asked.retain(|target| !targets.contains(target));
        let ended = before - asked.len();
        for target in targets {
            self.tidy(user, *target);
        }
        ended
    }

    /// These are the direct conversations of a viewer, as read with this ticket.
    pub(super) fn peers(
        &mut self,
        user: UserId,
        stay: Stay,
        ticket: Ticket,
        found: &[Peer],
        now: Timestamp,
    ) -> Vec<Push> {
        let Some(watcher) = self.watchers.get(&user).filter(|watcher| watcher.stay == stay) else {
            return Vec::new();
        };
        let is: HashSet<_> = found.iter().map(|peer| peer.conversation).collect();
        let ended = |pair: &Pair| {
            pair.peer.is_some_and(|(talk, read)| read < ticket && !is.contains(&talk))
        };
        let ended = watcher.sees.iter().filter(|(_, pair)| ended(pair));
        for target in ended.map(|(target, _)| *target).collect::<Vec<_>>() {
            self.end_peer(user, target);
        }
        found.iter().filter_map(|peer| self.peer(user, stay, ticket, *peer, now)).collect()
    }

    /// Somebody is a peer of a viewer.
    pub(super) fn peer(
        &mut self,
        user: UserId,
        stay: Stay,
        ticket: Ticket,
        peer: Peer,
        now: Timestamp,
    ) -> Option<Push> {
        let Peer { user: target, conversation, blocked } = peer;
        let watcher = self.watchers.get(&user).filter(|watcher| watcher.stay == stay)?;
        let known = watcher.sees.get(&target);
        let is_peer = known.is_some_and(|pair| pair.peer.is_some());
        if target == user || (!is_peer && watcher.peers >= limits::PRESENCE_PEERS) {
            return None;
        }
        if known.is_none() && self.pairs >= PAIRS {
            return None;
        }
        self.pair(user, target)?.peer = Some((conversation, ticket));
        let permission = Permission { blocked, contact: true };
        let push = self.permit((user, target), ticket, permission, now);
        if is_peer {
            return push;
        }
        self.watchers.get_mut(&user)?.peers += 1;
        push.or_else(|| self.catch_up(user, stay, target, now))
    }

    /// A direct conversation is a viewer's no more.
    pub(super) fn part(&mut self, user: UserId, conversation: ConversationId) {
        let Some(watcher) = self.watchers.get(&user) else { return };
        let is = |pair: &Pair| pair.peer.is_some_and(|(id, _)| id == conversation);
        if let Some((target, _)) = watcher.sees.iter().find(|(_, pair)| is(pair)) {
            let target = *target;
            self.end_peer(user, target);
        }
    }

    /// Somebody is a viewer's peer no more.
    fn end_peer(&mut self, user: UserId, target: UserId) {
        let Some(watcher) = self.watchers.get_mut(&user) else { return };
        let Some(pair) = watcher.sees.get_mut(&target) else { return };
        if pair.peer.take().is_some() {
            watcher.peers = watcher.peers.saturating_sub(1);
        }
        // Whoever has subscribed to him goes on, as one who is no contact.
        watcher.work.reread(target);
        self.tidy(user, target);
    }

    /// A viewer may see this of a target, as read with this ticket.
    pub(super) fn permit(
        &mut self,
        (viewer, target): (UserId, UserId),
        ticket: Ticket,
        permission: Permission,
        now: Timestamp,
    ) -> Option<Push> {
        let watcher = self.watchers.get_mut(&viewer)?;
        let pair = watcher.sees.get_mut(&target).filter(|pair| pair.read < ticket)?;
        pair.read = ticket;
        let old = pair.permission.replace(permission);
        let doubted = old.is_none() && watcher.work.doubted(target);
        let old = old.or_else(|| doubted.then(|| opposite(permission)))?;
        let Some(known) = self.targets.get(&target).and_then(|target| target.entry.as_ref()) else {
            pair.unsaid |= old.blocked != permission.blocked;
            return None;
        };
        let entry = &known.entry;
        let sees = |permission| shown(entry, Viewer::Other(permission), now);
        if sees(old) == sees(permission) {
            return None;
        }
        watcher.push(viewer, entry)
    }

    /// What a viewer is to be shown of a user: the newest entry, and in which role he looks.
    pub(super) fn look(&self, viewer: UserId, user: UserId) -> (Option<Arc<Entry>>, Viewer) {
        let watcher = self.watchers.get(&viewer);
        if viewer == user {
            return (self.own(user).cloned(), Viewer::Himself);
        }
        let pair = watcher.and_then(|watcher| watcher.sees.get(&user));
        let hidden = Permission { blocked: true, contact: false };
        let permission = pair.and_then(|pair| pair.permission).unwrap_or(hidden);
        let known = self.targets.get(&user).and_then(|target| target.entry.as_ref());
        (known.map(|known| known.entry.clone()), Viewer::Other(permission))
    }

    /// A user's own entry.
    pub(super) fn own(&self, user: UserId) -> Option<&Arc<Entry>> {
        Some(&self.watchers.get(&user)?.own.as_ref()?.entry)
    }

    /// Users of whom an entry is kept, as far as `wanted`.
    pub(super) fn kept(&self, wanted: impl Fn(UserId) -> bool) -> Vec<UserId> {
        let own = self.watchers.iter().filter(|(_, watcher)| watcher.own.is_some());
        let targets = self.targets.iter().filter(|(_, target)| target.entry.is_some());
        let mut kept: Vec<_> = own.map(|(user, _)| *user).collect();
        kept.extend(targets.map(|(user, _)| *user));
        kept.retain(|user| wanted(*user));
        kept.sort_unstable();
        kept.dedup();
        kept
    }

    /// Pairs, and how many there may be.
    pub(super) fn depth(&self) -> (usize, usize) {
        (self.pairs, PAIRS)
    }
}

#[cfg(test)]
mod tests;
