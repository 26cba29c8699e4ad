//! What becomes known of targets, and who is to be told: entries that were published, entries that were
//! read, and that there is nothing to see.

use std::sync::Arc;

use schemas::presence::Status;
use schemas::presence::entry::Entry;
use schemas::presence::view::{self, Shown, Viewer};
use schemas::{Timestamp, UserId};

use super::{Interest, Push, Stay, Ticket};

/// The newest entry of a user that was met here.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) entry: Arc<Entry>,
    /// When it was published, or the reading of it began.
    pub(super) came: Ticket,
}

/// How an entry came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Published,
    /// By a reading that began then.
    Read(Ticket),
}

impl Way {
    /// Whether an entry that came this way takes the place of what is known. Of two with one version, what
    /// was published is right. What was read since then may know better what its user has decided, but
    /// that he is not here, unless he has decided so, is only what is said of everybody whose board can not
    /// be read.
    fn supersedes(self, new: &Entry, old: &Known) -> bool {
        let Known { entry, came } = old;
        let same = match self {
            Self::Published => true,
            Self::Read(ticket) => {
                let blind =
                    entry.status.is_here() && !new.status.is_here() && new.otherwise.is_none();
                ticket > *came && !blind
            }
        };
        new.version > entry.version || (new.version == entry.version && same)
    }
}

/// What a viewer in this role sees of a user, as far as a change of it is worth a push: when one who is
/// here last did something moves all the time.
pub(super) fn shown(entry: &Entry, role: Viewer, now: Timestamp) -> Shown {
    let mut shown = view::show(Some(entry), entry.user_id, role, now).shown;
    if shown.status.is_here() {
        shown.last_seen_at = None;
    }
    shown
}

/// Whether somebody in this role sees another thing in `new` than in `old`. If it is not known what he
/// saw, that is so unless it is hidden from him: a push that says nothing would say when the other one
/// comes and goes. That it is hidden from now on is news: he may have read what was not.
pub(super) fn differs(old: Option<&Entry>, new: &Entry, role: Viewer, now: Timestamp) -> bool {
    match (old, role) {
        // As of when he saw it: that a text has ended since is news.
        (Some(old), _) => shown(old, role, old.at) != shown(new, role, now),
        // Of whom nothing is known here, nothing was read here that would have to be put right.
        (None, _) if new.again => false,
        (None, Viewer::Himself) => true,
        (None, Viewer::Other(permission)) => (new.online || new.hides) && !permission.blocked,
    }
}

/// The answers to a question that has few.
struct Memo<F> {
    ask: F,
    known: Vec<(Viewer, bool)>,
}

impl<F: Fn(Viewer) -> bool> Memo<F> {
    fn get(&mut self, role: Viewer) -> bool {
        if let Some((_, answer)) = self.known.iter().find(|(known, _)| *known == role) {
            return *answer;
        }
        let answer = (self.ask)(role);
        self.known.push((role, answer));
        answer
    }
}

impl Interest {
    /// What was published of a new peer since the viewer came, if he may be told of it.
    pub(super) fn catch_up(
        &mut self,
        user: UserId,
        stay: Stay,
        target: UserId,
        now: Timestamp,
    ) -> Option<Push> {
        let (number, entry) = self.recent.after(target, stay.0)?;
        let (came, entry) = (Ticket(number), entry.clone());
        let known = &mut self.targets.get_mut(&target)?.entry;
        if known.as_ref().is_none_or(|known| known.entry.version < entry.version) {
            *known = Some(Known { entry, came });
        }
        let entry = known.as_ref()?.entry.clone();
        let watcher = self.watchers.get_mut(&user)?;
        if let Some(unsaid) = watcher.unsaid(user, &entry, now) {
            return Some(unsaid);
        }
        let push = watcher.push(user, &entry)?;
        differs(None, &entry, push.role, now).then_some(push)
    }

    /// An entry was published: who is to be told.
    pub(in crate::presence) fn published(
        &mut self,
        entry: &Arc<Entry>,
        now: Timestamp,
    ) -> Vec<Push> {
        let number = self.number();
        self.recent.note(number, entry, now);
        self.take(entry, now, Way::Published)
    }

    /// An entry was read, by a reading that began with this ticket. It may be one whose push was lost:
    /// then it is pushed now. What nobody was told of yet is not: whoever wants to know it asks.
    pub(in crate::presence) fn read(
        &mut self,
        entry: &Arc<Entry>,
        ticket: Ticket,
        now: Timestamp,
    ) -> Vec<Push> {
        self.take(entry, now, Way::Read(ticket))
    }

    /// A reading found nothing that others may come to see of a user: what was known of him before it
    /// began is hidden.
    pub(in crate::presence) fn hidden(
        &mut self,
        user: UserId,
        ticket: Ticket,
        now: Timestamp,
    ) -> Vec<Push> {
        let known = self.targets.get(&user).and_then(|target| target.entry.as_ref());
        let Some(known) = known.filter(|known| known.came < ticket && known.entry.online) else {
            return Vec::new();
        };
        // As one who is not here, so that whatever is read later counts.
        let status = Status::Offline;
        let hidden = Entry { online: false, status, ..(*known.entry).clone() };
        self.take_target(&Arc::new(hidden), ticket, now, Way::Published)
    }

    fn take(&mut self, entry: &Arc<Entry>, now: Timestamp, way: Way) -> Vec<Push> {
        let user = entry.user_id;
        let came = match way {
            Way::Published => self.ticket(),
            Way::Read(began) => began,
        };
        let mut pushes = Vec::new();
        if let Some(watcher) = self.watchers.get_mut(&user)
            && watcher.own.as_ref().is_none_or(|old| way.supersedes(entry, old))
        {
            let old = watcher.own.replace(Known { entry: entry.clone(), came });
            let old = old.as_ref().map(|old| &*old.entry);
            let told = way == Way::Published || old.is_some();
            if told && differs(old, entry, Viewer::Himself, now) {
                let role = Viewer::Himself;
                pushes.push(Push { viewer: user, sockets: None, role, entry: entry.clone() });
            }
        }
        pushes.extend(self.take_target(entry, came, now, way));
        pushes
    }

    /// The part of it that others look at.
    fn take_target(
        &mut self,
        entry: &Arc<Entry>,
        came: Ticket,
        now: Timestamp,
        way: Way,
    ) -> Vec<Push> {
        let mut pushes = Vec::new();
        let Some(target) = self.targets.get_mut(&entry.user_id) else { return pushes };
        if !target.entry.as_ref().is_none_or(|old| way.supersedes(entry, old)) {
            return pushes;
        }
        let old = target.entry.replace(Known { entry: entry.clone(), came });
        let ask = |role| differs(old.as_ref().map(|old| &*old.entry), entry, role, now);
        let mut memo = Memo { ask, known: Vec::new() };
        for viewer in &target.watchers {
            if old.is_none() {
                let watcher = self.watchers.get_mut(viewer);
                let unsaid = watcher.and_then(|watcher| watcher.unsaid(*viewer, entry, now));
                let said = unsaid.is_some();
                pushes.extend(unsaid);
                if said || way != Way::Published {
                    continue;
                }
            }
            let push = self.watchers.get(viewer).and_then(|watcher| watcher.push(*viewer, entry));
            pushes.extend(push.filter(|push| memo.get(push.role)));
        }
        pushes
    }
}

#[cfg(test)]
mod tests;
