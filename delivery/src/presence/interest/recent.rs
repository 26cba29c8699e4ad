//! What was published a moment ago, about whomever: whoever has just come and learns now whom he has to do
//! with is told what changed in between.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use schemas::presence::entry::Entry;
use schemas::{Timestamp, UserId};

/// Time for which an entry is kept, ms.
pub(super) const KEPT_MS: i64 = 60_000;
/// Entries kept at most: about 8 MB, if nobody here looks at any of them.
pub(super) const KEPT: usize = 16_384;

/// When something was published, in the order of readings and comings.
type Number = u64;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Recent {
    newest: HashMap<UserId, (Number, Arc<Entry>)>,
    order: VecDeque<(Number, Timestamp, UserId)>,
}

impl Recent {
    /// This is published now.
    pub(super) fn note(&mut self, number: Number, entry: &Arc<Entry>, now: Timestamp) {
        let user = entry.user_id;
        let older = |(_, known): &(Number, Arc<Entry>)| known.version <= entry.version;
        if let Some((_, known)) = self.newest.get_mut(&user).filter(|_| entry.again) {
            // It changes nothing: what did is what somebody may not have heard yet.
            let (again, hides) = (known.again, known.hides && !entry.online);
            if known.version <= entry.version {
                *known = Arc::new(Entry { again, hides, ..(**entry).clone() });
            }
            return;
        }
        if self.newest.get(&user).is_none_or(older) {
            self.newest.insert(user, (number, entry.clone()));
            self.order.push_back((number, now, user));
        }
        while let Some((first, at, user)) = self.order.front().copied() {
            if self.order.len() <= KEPT && now.since(at) < KEPT_MS {
                return;
            }
            self.order.pop_front();
            if self.newest.get(&user).is_some_and(|(number, _)| *number == first) {
                self.newest.remove(&user);
            }
        }
    }

    /// The newest entry of a user, if it was published after this moment, and when.
    pub(super) fn after(&self, user: UserId, moment: Number) -> Option<(Number, &Arc<Entry>)> {
        let (number, entry) = self.newest.get(&user)?;
        (*number > moment).then_some((*number, entry))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> (usize, usize) {
        (self.newest.len(), self.order.len())
    }
}
