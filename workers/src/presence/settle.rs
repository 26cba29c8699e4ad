//! The end of a batch: what is to be read of users whom it touched, what is published of them, and when
//! they are looked at again.

use schemas::presence::Status;
use schemas::presence::entry::Entry;
use schemas::presence::table::LastSeen;
use schemas::{Stamp, Timestamp, UserId};

use super::state::{Effects, FORGET_MS, State, Wait};
use super::user::{ACTIVE_MS, Facts, Gone, Held, User, other_devices};

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
        self.settled = stamp;
        std::mem::take(&mut self.effects)
    }

    /// Publishes what differs from what was published: on the board at once, and to the nodes unless they
    /// are to hear of it later. Whether the user is still of interest.
    fn publish(&mut self, id: UserId, user: &mut User, stamp: Stamp) -> bool {
        // A decision that is read again may have come to the board and to nobody else.
        user.retell |= user.decided && self.settled.0 < user.found;
        // Whoever settles has asked for it.
        let (now, here) = (self.now, user.is_here(self.now));
        self.count(id, user, here);
        let Some(facts) = &user.facts else { return true };
        let mut entry = user.entry(id, facts, now, stamp.0);
        let known = here || user.decided || user.came_and_went(now);
        // What is held may have been read, though he is what nodes were told again.
        let news = user.held.is_some()
            || user.published.as_ref().map_or(known, |before| entry.differs(before));
        let forgotten = !here && user.forget.is_some_and(|forget| forget <= now);
        if forgotten && !news {
            self.unwait(id, user);
            return false;
        }
        user.hold = if news { user.hold_until(&entry, now) } else { None };
        let again = user.says_again(&entry);
        if let Some(before) = user.published.as_ref().filter(|_| again) {
            // Nobody sees that he decided something of which nothing is left.
            entry.at = before.at;
        }
        let push = user.retell || again || (news && user.hold.is_none());
        let other = |before: &Entry| {
            entry.differs(before)
                || entry.otherwise != before.otherwise
                || other_devices(&entry.devices, &before.devices)
        };
        let note = push || user.published.as_ref().map_or(news, other);
        let row = match user.gone {
            // Perhaps nobody is left to say so when others hear of it.
            Some(gone) if user.left && entry.status.is_here() => Some(gone.at),
            _ if note => self.row(user, &entry),
            _ => None,
        };
        if let Some(at) = row {
            let unnoted = user.published.as_ref().filter(|_| !note);
            let version = unnoted.map_or(entry.version, |before| before.version);
            self.effects.rows.push(LastSeen { user: id, at, version });
            user.row = at;
        }
        if push {
            self.push(user, &entry);
        } else if user.hold.is_some() && user.held.is_none() {
            user.held = Some(Held { told: user.published.clone().map(Box::new) });
        }
        if note {
            self.effects.notes.push(entry.clone());
            user.published = Some(entry);
        }
        (user.decided, user.visited, user.unsure, user.left) = (false, false, false, false);
        user.shown = false;
        user.forget = match user.forget {
            _ if here => None,
            None => Some(now.plus_ms(FORGET_MS)),
            Some(_) if news => Some(now.plus_ms(FORGET_MS)),
            some => some,
        };
        true
    }

    /// When he was last here, if that is to be kept with this entry.
    fn row(&self, user: &User, entry: &Entry) -> Option<Timestamp> {
        let was = user.published.as_ref().is_some_and(|before| before.status.is_here());
        let is = entry.status.is_here();
        if was != is || user.retell || user.came_and_went(self.now) {
            return if is { Some(self.now) } else { entry.last_seen_at };
        }
        // As it moves: his end may be seen by nobody.
        entry.last_seen_at.filter(|at| is && at.since(user.row) >= ACTIVE_MS)
    }

    /// Tells the nodes.
    fn push(&mut self, user: &mut User, entry: &Entry) {
        // What he decided, and an owner before may not have come to tell, is told as it would have been.
        // Of one who hid before, it would tell that he came or went.
        let decided = user.retell && user.decided;
        let was_shown = decided || user.told().is_some_and(|told| told.online);
        let hides = was_shown && !entry.online;
        self.effects.pushes.push(Entry {
            devices: Vec::new(),
            otherwise: None,
            hides,
            again: user.says_again(entry),
            ..entry.clone()
        });
        // How often he decides something is bounded where he says it.
        if !user.decided {
            user.damping.told(self.now);
        }
        (user.held, user.retell) = (None, false);
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
