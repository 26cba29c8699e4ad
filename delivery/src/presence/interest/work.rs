//! What is still to be read for a viewer, one after another: so that of two readings about one
//! conversation the later one is the one that counts.

use schemas::{ConversationId, UserId, limits};

use super::{Interest, Stay, Ticket, Watcher};

/// Conversations and users to be read of one viewer; beyond, everything is read anew.
const PENDING: usize = limits::PRESENCE_CHUNK;

/// What is to be done, and whether somebody does it.
#[derive(Debug, Default)]
pub(super) struct Work {
    busy: bool,
    /// Whether peers were looked for, or will be.
    begun: bool,
    load: Option<Load>,
    check: Vec<ConversationId>,
    read: Vec<UserId>,
    refresh: bool,
    /// Users between whom and the viewer a block began or ended before it was known that he sees them.
    doubts: Vec<UserId>,
}

/// Where direct conversations are looked for.
#[derive(Debug, PartialEq, Eq)]
enum Load {
    /// In all of the viewer's.
    All,
    /// In these, which were his when this reading began.
    In(Vec<ConversationId>, Ticket),
}

impl Work {
    /// Whoever is at work for the viewer looks at this one again.
    pub(super) fn reread(&mut self, target: UserId) {
        self.read.push(target);
    }

    /// Whether that is so of this one; not any more.
    pub(super) fn doubted(&mut self, target: UserId) -> bool {
        let at = self.doubts.iter().position(|doubted| *doubted == target);
        at.map(|at| self.doubts.swap_remove(at)).is_some()
    }
}

/// Something to read for a viewer.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::presence) enum Job {
    /// Which conversations are his.
    Scan,
    /// Which of his conversations are direct ones.
    Load(Vec<ConversationId>, Ticket),
    /// Whether this one is his, and a direct one.
    Check(ConversationId),
    /// What he sees of these users.
    Read(Vec<UserId>),
}

impl Interest {
    /// Does something to the work of a viewer; which stay is to be worked for, if nobody does yet.
    fn with_work(&mut self, user: UserId, act: impl FnOnce(&mut Work)) -> Option<Stay> {
        let watcher = self.watchers.get_mut(&user)?;
        act(&mut watcher.work);
        let begins = !std::mem::replace(&mut watcher.work.busy, true);
        begins.then_some(watcher.stay)
    }

    /// These are the conversations of a viewer in which there may be direct ones.
    pub(in crate::presence) fn found(
        &mut self,
        user: UserId,
        conversations: Vec<ConversationId>,
        ticket: Ticket,
    ) -> Option<Stay> {
        self.with_work(user, |work| {
            work.begun = true;
            work.load = Some(Load::In(conversations, ticket));
        })
    }

    /// A viewer's socket is served: his peers are looked for now if that has not begun.
    pub(in crate::presence) fn served(&mut self, user: UserId) -> Option<Stay> {
        if self.watchers.get(&user)?.work.begun {
            return None;
        }
        self.with_work(user, |work| {
            work.begun = true;
            work.load.get_or_insert(Load::All);
        })
    }

    /// A membership of a viewer has changed.
    pub(in crate::presence) fn moved(
        &mut self,
        user: UserId,
        conversation: ConversationId,
    ) -> Option<Stay> {
        self.with_work(user, |work| {
            if work.check.contains(&conversation) {
                return;
            }
            if work.check.len() < PENDING {
                work.check.push(conversation);
            } else {
                work.check.clear();
                work.load = Some(Load::All);
            }
        })
    }

    /// What two users may see of each other has changed.
    pub(in crate::presence) fn related(&mut self, one: UserId, two: UserId) -> Vec<(UserId, Stay)> {
        let both = [(one, two), (two, one)];
        // Whoever finds out just now whom a viewer has to do with may have read what was before.
        let seen = both.into_iter().filter(|(viewer, target)| {
            let sees = |watcher: &Watcher| watcher.sees.contains_key(target) || watcher.work.busy;
            self.watchers.get(viewer).map(Box::as_ref).is_some_and(sees)
        });
        let seen: Vec<_> = seen.collect();
        let read = |(viewer, target)| {
            let watcher = self.watchers.get(&viewer);
            let pair = watcher.and_then(|watcher| watcher.sees.get(&target));
            let unknown = pair.is_none_or(|pair| pair.permission.is_none());
            let stay = self.with_work(viewer, |work| {
                if unknown && work.doubts.len() < PENDING {
                    work.doubts.push(target);
                }
                if work.read.len() < PENDING {
                    work.read.push(target);
                } else {
                    work.refresh = true;
                }
            });
            Some((viewer, stay?))
        };
        seen.into_iter().filter_map(read).collect()
    }

    /// A user who is here is to be read as he sees himself.
    pub(in crate::presence) fn reread_own(&mut self, user: UserId) -> Option<Stay> {
        self.with_work(user, |work| {
            if !work.read.contains(&user) {
                work.read.push(user);
            }
        })
    }

    /// Records were lost: everything that anybody here sees is to be read again.
    pub(in crate::presence) fn lost(&mut self) -> Vec<(UserId, Stay)> {
        let users: Vec<_> = self.watchers.keys().copied().collect();
        let refresh = |user| Some((user, self.with_work(user, |work| work.refresh = true)?));
        users.into_iter().filter_map(refresh).collect()
    }

    /// What to do next for a viewer; none: nothing, or he has gone.
    pub(in crate::presence) fn next(&mut self, user: UserId, stay: Stay) -> Option<Job> {
        let watcher = self.watchers.get_mut(&user).filter(|watcher| watcher.stay == stay)?;
        let work = &mut watcher.work;
        match work.load.take() {
            Some(Load::All) => return Some(Job::Scan),
            Some(Load::In(conversations, ticket)) => return Some(Job::Load(conversations, ticket)),
            None => {}
        }
        if let Some(conversation) = work.check.pop() {
            return Some(Job::Check(conversation));
        }
        if std::mem::take(&mut work.refresh) {
            work.read.clear();
            work.read.extend(watcher.sees.keys());
            work.read.push(user);
        }
        if work.read.is_empty() {
            work.busy = false;
            work.doubts = Vec::new();
            return None;
        }
        let rest = work.read.len().saturating_sub(PENDING);
        Some(Job::Read(work.read.split_off(rest)))
    }

    /// Puts back what could not be done.
    pub(in crate::presence) fn again(&mut self, user: UserId, stay: Stay, job: Job) {
        let watcher = self.watchers.get_mut(&user).filter(|watcher| watcher.stay == stay);
        let Some(work) = watcher.map(|watcher| &mut watcher.work) else { return };
        match job {
            Job::Scan => drop(work.load.insert(Load::All)),
            Job::Load(conversations, ticket) => {
                work.load.get_or_insert(Load::In(conversations, ticket));
            }
            Job::Check(conversation) => work.check.push(conversation),
            Job::Read(users) => work.read.extend(users),
        }
    }
}
