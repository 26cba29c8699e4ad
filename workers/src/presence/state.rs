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
use super::user::{Gone, Unclaimed, User};

/// Time after which one who is not here is forgotten: his entry is off the board by then.
pub(super) const FORGET_MS: i64 = 120_000;
/// How long others wait for the text that somebody has said with what he is.
const TEXT_MS: i64 = 500;

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Wait {
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

/// How a device ended.
struct Ended {
    /// When it was last here.
    seen: Timestamp,
    end: End,
    /// Others hear of it then at the latest.
    latest: Option<Timestamp>,
    /// What its node calls it, if it has told of the end.
    device: Option<String>,
}

/// All that is known of a partition.
#[derive(Debug)]
pub struct State {
    pub(super) now: Timestamp,
    /// Stamp of the last record of the batch before.
    pub(super) settled: Stamp,
    pub(super) users: HashMap<UserId, Box<User>>,
    pub(super) nodes: BTreeMap<InstanceId, Node>,
    pub(super) waits: BTreeSet<(Timestamp, Wait)>,
    /// Users to look at at the end of the batch.
    pub(super) touched: BTreeSet<UserId>,
    pub(super) flapping: BTreeSet<UserId>,
    pub(super) here: usize,
    /// What was asked of all nodes when this began; none: the answers are in.
    ticket: Option<Uuid>,
    pub(super) effects: Effects,
}

impl State {
    /// A new owner's, who begins with the record `first` and has asked all nodes under `ticket`. What
    /// was published under the stamp of that record or a later one may not have been told.
    pub fn open(first: Stamp, at: Timestamp, ticket: Uuid, board: Vec<Entry>) -> Self {
        let mut state = Self {
            now: at,
            settled: Stamp(first.0.saturating_sub(1)),
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
            (user.retell, user.found) = (retell, entry.version);
            let (last_seen_at, noted_at) = (entry.last_seen_at, entry.at);
            let unnamed: Vec<String> =
                entry.devices.iter().map(|device| device.device_id.clone()).collect();
            user.published = Some(entry);
            user.row = last_seen_at.unwrap_or(noted_at);
            if let Some(held) = user.held() {
                // Nobody has seen him later, as far as is known.
                let seen = last_seen_at.map_or(noted_at, |seen| seen.max(noted_at)).min(at);
                let gone = Gone { at: seen, until: at, held };
                user.unclaimed = Some(Unclaimed::of(gone, &unnamed));
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
                (user.facts, user.decided, user.awaits) = (None, true, None);
                user.shown |= decided.shown;
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
            let (unclaimed, lost) = (user.unclaimed.take(), user.lost.take());
            if user.has_devices() || user.gone.is_some() {
                self.touched.extend(unclaimed.map(|_| *id));
                continue;
            }
            let lost = lost.map(|at| Gone { at, until: self.now, held: Status::Offline });
            let Some(gone) = unclaimed.map(|unclaimed| unclaimed.gone).or(lost) else { continue };
            user.gone = Some(Gone { until: self.now, ..gone });
            // He may have been here later: his row knows.
            (user.visited, user.unsure) = (true, true);
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
            self.ended(user, (id, socket), Ended { seen, end, latest: None, device: None });
        }
    }

    fn device(&mut self, changed: Changed) {
        let Changed { node_id, device, clean: _, heard, text_follows } = changed;
        let Some(node) = self.nodes.get_mut(&node_id) else { return };
        if device.status.is_here() {
            let id = device.user_id;
            node.has(device.socket, id);
            self.came(node_id, device);
            if let Some(user) = self.users.get_mut(&id).filter(|_| text_follows) {
                user.awaits = Some(self.now.plus_ms(TEXT_MS));
            }
            return;
        }
        node.lost(device.socket);
        let key = (node_id, device.socket);
        let seen = heard.map_or(self.now, |heard| heard.min(self.now));
        let latest = heard.map(|heard| heard.plus_ms(ms(limits::PRESENCE_GONE_MS)));
        let device_id = Some(device.device_id);
        let ended = Ended { seen, end: End::Socket, latest, device: device_id };
        self.ended(device.user_id, key, ended);
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
            let ended = Ended { seen: self.now, end: End::Socket, latest: None, device: None };
            self.ended(user, (node_id, socket), ended);
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
        user.claim(&device.device_id);
        user.put(node, device);
        (user.visited, user.lost) = (true, None);
        self.touched.insert(id);
    }

    /// A device is gone. If it was the last one, its user has some time to come back: others hear of it
    /// behind that.
    fn ended(&mut self, id: UserId, key: (InstanceId, Uuid), ended: Ended) {
        let Ended { seen, end, latest, device } = ended;
        let Some(user) = self.users.get_mut(&id) else {
            if self.ticket.is_some() {
                // On no board, and told of by an owner before: if no node claims him, he is gone.
                self.users.entry(id).or_default().lost = Some(seen);
            }
            return;
        };
        let known = user.take(key.0, key.1);
        if known.is_none() {
            // Of an owner before: he may have others.
            user.lost = user.lost.map(|lost| lost.max(seen));
            let Some(unclaimed) = &mut user.unclaimed else { return };
            unclaimed.gone.at = seen;
            if !user.claim(device.as_deref().unwrap_or_default()) {
                return;
            }
        }
        self.touched.insert(id);
        if user.has_devices() {
            return;
        }
        user.damping.moved(self.now);
        let until = self.now.plus_ms(user.damping.grace(end, self.now));
        let until = latest.map_or(until, |latest| until.min(latest));
        user.left = end == End::Left;
        let was = known.map_or(Status::Online, |device| device.status);
        user.gone = Some(Gone { at: seen, until, held: user.held().unwrap_or(was) });
    }

    /// When something is due, if nothing happens.
    pub fn due(&self) -> Option<Timestamp> {
        self.waits.first().map(|(at, _)| *at)
    }

    /// All entries as published.
    pub fn published(&self) -> impl Iterator<Item = &Entry> {
        self.users.values().filter_map(|user| user.published.as_ref())
    }

    /// What was published of a user, if he is known.
    pub fn published_of(&self, user: UserId) -> Option<&Entry> {
        self.users.get(&user)?.published.as_ref()
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
