//! The end of a batch: what is to be read of users whom it touched, what is published of them, and when
//! they are looked at again.

use schemas::presence::Status;
use schemas::presence::entry::Entry;
use schemas::presence::table::LastSeen;
use schemas::{Stamp, UserId};

use super::state::{Effects, FORGET_MS, State, Wait};
use super::user::{Facts, Gone, User, other_devices};

impl State {
    /// Users of whom the head is to be read before the batch is settled.
    pub fn unknown(&self) -> Vec<UserId> {
        let unknown = |id: &&UserId| self.users.get(id).is_some_and(|user| user.facts.is_none());
        self.touched.iter().filter(unknown).copied().collect()
    }

    /// Those of them who are not here for others, and of whom nothing was published: when they were last
    /// here is to be read, too. To ask behind [`Self::learn`].
    pub fn unseen(&self) -> Vec<UserId> {
        let unseen = |id: &&UserId| {
            let Some(user) = self.users.get(id) else { return false };
            let Some(facts) = &user.facts else { return false };
            let unknown = user.published.is_none() && user.gone.is_none();
            let visited = user.published.is_none() && user.visited;
            (unknown || visited || user.unsure) && !user.status(facts, self.now).is_here()
        };
        self.touched.iter().filter(unseen).copied().collect()
    }

    /// What a user's head says.
    pub fn learn(&mut self, id: UserId, facts: Facts) {
        if let Some(user) = self.users.get_mut(&id) {
            user.facts = Some(facts);
        }
    }

    /// When one who is not here was.
    pub fn recall(&mut self, row: &LastSeen) {
        if let Some(user) = self.users.get_mut(&row.user) {
            let gone = Gone { at: row.at, until: row.at, held: Status::Offline };
            let gone = user.gone.get_or_insert(gone);
            gone.at = gone.at.max(row.at);
        }
    }

    /// Ends a batch whose last record has this stamp: what comes of it.
    pub fn settle(&mut self, stamp: Stamp) -> Effects {
        for id in std::mem::take(&mut self.touched) {
            if let Some(mut user) = self.users.remove(&id)
                && self.publish(id, &mut user, stamp)
            {
                self.wait_for(id, &mut user);
                self.users.insert(id, user);
            }
        }
        std::mem::take(&mut self.effects)
    }

    /// Publishes what differs from what was published. Whether the user is still of interest.
    fn publish(&mut self, id: UserId, user: &mut User, stamp: Stamp) -> bool {
        // Whoever settles has asked for it.
        let (now, here) = (self.now, user.is_here(self.now));
        self.count(id, user, here);
        let Some(facts) = &user.facts else { return true };
        let entry = user.entry(id, facts, now, stamp.0);
        let before = user.published.as_ref();
        // He came and went, and was not published in between. Of who hides nobody learns it.
        let visited = user.visited && !here && !facts.hides();
        let known = here || user.decided || visited || before.is_some();
        let forgotten = !here && user.forget.is_some_and(|forget| forget <= now);
        let news = match before {
            Some(before) => entry.differs(before),
            None => known,
        };
        if forgotten && !news {
            self.unwait(id, user);
            return false;
        }
        // Who is not to be seen any more is not kept in sight.
        let shown = entry.status.is_here() && entry.online;
        if news
            && shown
            && let Some(until) = user.damping.quiet_until(now)
        {
            // What he is then is told then.
            user.hold = Some(until);
            return true;
        }
        (user.decided, user.visited, user.unsure) = (false, false, false);
        let devices = before.is_some_and(|before| other_devices(&entry.devices, &before.devices));
        if news || devices || user.retell {
            let turned = before.map_or(Status::Offline, |before| before.status).is_here()
                != entry.status.is_here();
            if turned || visited || user.retell {
                let at = if entry.status.is_here() { Some(now) } else { entry.last_seen_at };
                let row = |at| LastSeen { user: id, at, version: entry.version };
                self.effects.rows.extend(at.map(row));
            }
            if news || user.retell {
                user.damping.told(now);
                // What an owner before may not have come to tell is told as it would have been.
                let was_shown = user.retell || before.is_some_and(|before| before.online);
                let hides = was_shown && !entry.online;
                self.effects.pushes.push(Entry { devices: Vec::new(), hides, ..entry.clone() });
            }
            self.effects.notes.push(entry.clone());
            user.retell = false;
            user.published = Some(entry);
        }
        user.forget = match user.forget {
            _ if here => None,
            None => Some(now.plus_ms(FORGET_MS)),
            Some(_) if news => Some(now.plus_ms(FORGET_MS)),
            some => some,
        };
        true
    }

    fn count(&mut self, id: UserId, user: &mut User, here: bool) {
        if user.damping.flaps(self.now).is_some() {
            self.flapping.insert(id);
        } else {
            self.flapping.remove(&id);
        }
        match (user.counted, here) {
            (false, true) => self.here += 1,
            (true, false) => self.here = self.here.saturating_sub(1),
            _ => {}
        }
        user.counted = here;
    }

    fn unwait(&mut self, id: UserId, user: &mut User) {
        if let Some(at) = user.wait.take() {
            self.waits.remove(&(at, Wait::User(id)));
        }
    }

    /// Puts down when the user is looked at next.
    fn wait_for(&mut self, id: UserId, user: &mut User) {
        let told = user.hold.take();
        let until = user.facts.as_ref().and_then(|facts| facts.preference.custom_until);
        let shown = user.published.as_ref().is_some_and(|entry| entry.custom_status.is_some());
        let gone = user.gone.map(|gone| gone.until);
        let calm = user.damping.flaps(self.now);
        let moments = [told, gone, until.filter(|_| shown), user.forget, calm];
        let next = moments.into_iter().flatten().filter(|at| *at > self.now).min();
        if next != user.wait {
            self.unwait(id, user);
            user.wait = next;
            self.waits.extend(next.map(|at| (at, Wait::User(id))));
        }
    }
}
