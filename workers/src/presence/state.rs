//! What a partition's owner knows, and what comes of each record. Pure.
//!
//! Time is the log's: a record's append time, which never goes back in a partition. A moment that is
//! waited for is a record too (`presence.due`), so that the state follows from the records alone,
//! whoever reads them, whenever, and a pool that lags takes nobody for dead who has told in time that
//! he lives.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use schemas::envelope::PresenceCommand;
use schemas::outbound::Relation;
use schemas::presence::Status;
use schemas::presence::entry::Entry;
use schemas::presence::record::{Changed, Device, Heartbeat, Snapshot};
use schemas::presence::table::LastSeen;
use schemas::{InstanceId, Stamp, Timestamp, UserId, limits};
use uuid::Uuid;

use super::damping::{End, ms};
use super::node::Node;
use super::user::{Facts, Gone, User, other_devices};

/// Time after which one who is not here is forgotten: his entry is off the board by then.
pub(super) const FORGET_MS: i64 = 120_000;

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Wait {
    /// A node's next heartbeat: from then on it is dead.
    Node(InstanceId),
    /// Something about a user.
    User(UserId),
    /// Nodes that claim users of the board: from then on the others are gone.
    Claims,
}

/// What is to be done, in this order.
#[derive(Debug, Default, PartialEq)]
pub struct Effects {
    /// Entries for the board.
    pub notes: Vec<Entry>,
    /// Entries for the nodes.
    pub pushes: Vec<Entry>,
    /// Pairs whose permission nodes read again.
    pub relations: Vec<Relation>,
    /// Nodes that are asked which devices they have.
    pub asks: Vec<InstanceId>,
    /// When users were last here.
    pub rows: Vec<LastSeen>,
    /// Users who came back before anybody heard that they were gone.
    pub damped: u64,
}

impl Effects {
    /// What is to be done behind it.
    pub(super) fn add(&mut self, later: Self) {
        self.notes.extend(later.notes);
        self.pushes.extend(later.pushes);
        self.relations.extend(later.relations);
        self.asks.extend(later.asks);
        self.rows.extend(later.rows);
    }
}

/// How much a state knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Users who are here.
    pub users: usize,
    /// Their devices.
    pub devices: usize,
    /// Users who come and go all the time.
    pub flapping: usize,
    /// Nodes that are heard of.
    pub nodes: Vec<InstanceId>,
}

/// All that is known of a partition.
#[derive(Debug)]
pub struct State {
    now: Timestamp,
    pub(super) users: HashMap<UserId, Box<User>>,
    pub(super) nodes: BTreeMap<InstanceId, Node>,
    waits: BTreeSet<(Timestamp, Wait)>,
    /// Users to look at at the end of the batch.
    touched: BTreeSet<UserId>,
    flapping: BTreeSet<UserId>,
    here: usize,
    /// What was asked of all nodes when this began; none: the answers are in.
    ticket: Option<Uuid>,
    effects: Effects,
}

impl State {
    /// A new owner's, who begins with the record `first` and has asked all nodes under `ticket`. What
    /// was published under the stamp of that record or a later one may not have been told.
    pub fn open(first: Stamp, at: Timestamp, ticket: Uuid, board: Vec<Entry>) -> Self {
        let mut state = Self {
            now: at,
            users: HashMap::new(),
            nodes: BTreeMap::new(),
            waits: BTreeSet::new(),
            touched: BTreeSet::new(),
            flapping: BTreeSet::new(),
            here: 0,
            ticket: Some(ticket),
            effects: Effects::default(),
        };
        for entry in board {
            let id = entry.user_id;
            let retell = entry.version >= first.0;
            let mut user = Box::<User>::default();
            user.retell = retell;
            let last_seen_at = entry.last_seen_at;
            user.published = Some(entry);
            if let Some(held) = user.held() {
                user.unclaimed = Some(Gone { at, until: at, held });
            } else {
                let gone = |seen| Gone { at: seen, until: at, held: Status::Offline };
                user.gone = last_seen_at.map(gone);
                user.forget = Some(at.plus_ms(FORGET_MS));
            }
            state.touched.insert(id);
            state.users.insert(id, user);
        }
        state
    }

    /// The time of the last record.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Takes a record.
    pub fn apply(&mut self, at: Timestamp, command: PresenceCommand) {
        self.now = self.now.max(at);
        // First: who tells of himself now is not dead, however late.
        match &command {
            PresenceCommand::Device(changed) => self.heard(changed.node_id),
            PresenceCommand::Heartbeat(beat) => self.heard(beat.node_id),
            PresenceCommand::Snapshot(snapshot) => self.heard(snapshot.node_id),
            PresenceCommand::Left(_)
            | PresenceCommand::Decided(_)
            | PresenceCommand::Related(_)
            | PresenceCommand::Due(_) => {}
        }
        self.advance();
        match command {
            PresenceCommand::Device(changed) => self.device(changed),
            PresenceCommand::Heartbeat(beat) => self.beat(beat),
            PresenceCommand::Snapshot(snapshot) => self.snapshot(snapshot),
            PresenceCommand::Left(left) => self.bury(left.node_id, self.now, End::Left),
            PresenceCommand::Decided(decided) => {
                let user = self.users.entry(decided.user_id).or_default();
                user.facts = None;
                user.decided = true;
                self.touched.insert(decided.user_id);
            }
            PresenceCommand::Related(related) => {
                let relation = Relation { user: related.user_id, other: related.other };
                self.effects.relations.push(relation);
            }
            PresenceCommand::Due(due) => {
                if due.ticket.is_some() && due.ticket == self.ticket {
                    let until = self.now.plus_ms(ms(limits::PRESENCE_NODE_MS));
                    self.waits.insert((until, Wait::Claims));
                }
            }
        }
    }

    /// Does what is due by now.
    fn advance(&mut self) {
        while let Some(&(at, wait)) = self.waits.first()
            && at <= self.now
        {
            self.waits.pop_first();
            match wait {
                Wait::Node(node) => {
                    let heard = self.nodes.get(&node).map_or(at, |node| node.heard);
                    self.bury(node, heard, End::Socket);
                }
                Wait::User(id) => {
                    if let Some(user) = self.users.get_mut(&id) {
                        user.wait = None;
                        self.touched.insert(id);
                    }
                }
                Wait::Claims => self.claimed(),
            }
        }
    }

    /// Every node has had its time to answer.
    fn claimed(&mut self) {
        self.ticket = None;
        for (id, user) in &mut self.users {
            let Some(unclaimed) = user.unclaimed.take() else { continue };
            if !user.has_devices() && user.gone.is_none() {
                user.gone = Some(Gone { until: self.now, ..unclaimed });
            }
            self.touched.insert(*id);
        }
    }

    fn heard(&mut self, id: InstanceId) {
        let node = self.nodes.entry(id).or_default();
        let until = |heard: Timestamp| heard.plus_ms(ms(limits::PRESENCE_NODE_MS));
        self.waits.remove(&(until(node.heard), Wait::Node(id)));
        node.heard = self.now;
        self.waits.insert((until(node.heard), Wait::Node(id)));
    }

    /// A node is no more. Its devices go with it; they were last here at `seen`.
    fn bury(&mut self, id: InstanceId, seen: Timestamp, end: End) {
        let Some(node) = self.nodes.remove(&id) else { return };
        let until = node.heard.plus_ms(ms(limits::PRESENCE_NODE_MS));
        self.waits.remove(&(until, Wait::Node(id)));
        for (socket, user) in node.sockets {
            self.ended(user, (id, socket), seen, end, None);
        }
    }

    fn device(&mut self, changed: Changed) {
        let Changed { node_id, device, clean: _, heard } = changed;
        let Some(node) = self.nodes.get_mut(&node_id) else { return };
        if device.status.is_here() {
            node.has(device.socket, device.user_id);
            self.came(node_id, device);
            return;
        }
        node.lost(device.socket);
        let key = (node_id, device.socket);
        let seen = heard.map_or(self.now, |heard| heard.min(self.now));
        let latest = heard.map(|heard| heard.plus_ms(ms(limits::PRESENCE_GONE_MS)));
        self.ended(device.user_id, key, seen, End::Socket, latest);
    }

    fn beat(&mut self, beat: Heartbeat) {
        let asking = self.ticket.is_some();
        let Some(node) = self.nodes.get_mut(&beat.node_id) else { return };
        // While all are asked, nobody is asked for himself.
        if !asking && node.drifts(beat.devices, self.now) {
            self.effects.asks.push(beat.node_id);
        }
    }

    fn snapshot(&mut self, snapshot: Snapshot) {
        let Snapshot { node_id, ticket, devices, last } = snapshot;
        let Some(node) = self.nodes.get_mut(&node_id) else { return };
        let named = devices.iter().filter(|device| device.status.is_here());
        let named = named.map(|device| (device.socket, device.user_id)).collect();
        let gone = node.told(ticket, named, last);
        for device in devices.into_iter().filter(|device| device.status.is_here()) {
            self.came(node_id, device);
        }
        for (socket, user) in gone {
            self.ended(user, (node_id, socket), self.now, End::Socket, None);
        }
    }

    fn came(&mut self, node: InstanceId, device: Device) {
        let id = device.user_id;
        let user = self.users.entry(id).or_default();
        if !user.has_devices() {
            if user.unclaimed.is_none() {
                user.damping.moved(self.now);
            }
            if user.gone.take().is_some_and(|gone| gone.until > self.now) {
                self.effects.damped += 1;
            }
        }
        user.put(node, device);
        self.touched.insert(id);
    }

    /// A device is gone. If it was the last one, its user has some time to come back: others hear of it
    /// behind that, and at `latest` in any case.
    fn ended(
        &mut self,
        id: UserId,
        key: (InstanceId, Uuid),
        seen: Timestamp,
        end: End,
        latest: Option<Timestamp>,
    ) {
        let Some(user) = self.users.get_mut(&id) else { return };
        let Some(device) = user.take(key.0, key.1) else {
            // Of an owner before: he may have others.
            if let Some(unclaimed) = &mut user.unclaimed {
                unclaimed.at = seen;
            }
            return;
        };
        self.touched.insert(id);
        if user.has_devices() {
            return;
        }
        user.damping.moved(self.now);
        let until = self.now.plus_ms(user.damping.grace(end, self.now));
        let until = latest.map_or(until, |latest| until.min(latest));
        let held = user.held().unwrap_or(device.status);
        user.gone = Some(Gone { at: seen, until, held });
    }

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
            unknown && !user.status(facts, self.now).is_here()
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
            user.gone.get_or_insert(gone);
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
        let known = here || user.decided || before.is_some();
        let forgotten = !here && user.forget.is_some_and(|forget| forget <= now);
        let news = match before {
            Some(before) => entry.differs(before),
            None => known,
        };
        if forgotten && !news {
            self.unwait(id, user);
            return false;
        }
        if news
            && here
            && let Some(until) = user.damping.quiet_until(now)
        {
            // What he is then is told then.
            user.hold = Some(until);
            return true;
        }
        user.decided = false;
        let devices = before.is_some_and(|before| other_devices(&entry.devices, &before.devices));
        if news || devices || user.retell {
            let turned = before.map_or(Status::Offline, |before| before.status).is_here()
                != entry.status.is_here();
            if turned || user.retell {
                let at = if entry.status.is_here() { Some(now) } else { entry.last_seen_at };
                let row = |at| LastSeen { user: id, at, version: entry.version };
                self.effects.rows.extend(at.map(row));
            }
            if news || user.retell {
                user.damping.told(now);
                self.effects.pushes.push(Entry { devices: Vec::new(), ..entry.clone() });
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

    /// When something is due, if nothing happens.
    pub fn due(&self) -> Option<Timestamp> {
        self.waits.first().map(|(at, _)| *at)
    }

    /// All entries as published.
    pub fn published(&self) -> impl Iterator<Item = &Entry> {
        self.users.values().filter_map(|user| user.published.as_ref())
    }

    /// How much is known.
    pub fn counts(&self) -> Counts {
        Counts {
            users: self.here,
            devices: self.nodes.values().map(|node| node.sockets.len()).sum(),
            flapping: self.flapping.len(),
            nodes: self.nodes.keys().copied().collect(),
        }
    }
}
