//! The state on a clock moved by hand: what is told of whom, and when.
#![expect(clippy::indexing_slicing, reason = "a test that finds nothing has failed")]

mod activity;
mod decisions;
mod held;
mod moves;
mod nodes;
mod owners;
mod seeded;
mod taken;

use std::collections::{BTreeMap, HashMap};

use schemas::envelope::PresenceCommand as Command;
use schemas::presence::entry::Entry;
use schemas::presence::record::{Changed, Decided, Device, Due, Heartbeat, Left, Snapshot};
use schemas::presence::table::LastSeen;
use schemas::presence::{DeviceKind, Status};
use schemas::user::head::{Preference, Privacy};
use schemas::{InstanceId, Position, Stamp, Timestamp, UserId};
use uuid::Uuid;

use super::Facts;
use super::state::{Effects, State};

const A: InstanceId = InstanceId(Uuid::from_u128(0xa));
const B: InstanceId = InstanceId(Uuid::from_u128(0xb));
const TICKET: Uuid = Uuid::from_u128(0x71);

fn user(n: u128) -> UserId {
    UserId(Uuid::from_u128(n))
}

fn device(n: u128, socket: u128, status: Status) -> Device {
    Device {
        user_id: user(n),
        socket: Uuid::from_u128(socket),
        device_id: format!("device {socket}"),
        kind: DeviceKind::Web,
        status,
        last_active: Timestamp(0),
    }
}

/// What a device of the user says, at its node.
fn is(node: InstanceId, n: u128, socket: u128, status: Status) -> Command {
    let device = device(n, socket, status);
    let (clean, text_follows) = (true, false);
    Command::Device(Changed { node_id: node, device, clean, heard: None, text_follows })
}

fn here(node: InstanceId, n: u128) -> Command {
    is(node, n, n, Status::Online)
}

fn gone(node: InstanceId, n: u128) -> Command {
    is(node, n, n, Status::Offline)
}

fn beat(node: InstanceId, devices: u32) -> Command {
    Command::Heartbeat(Heartbeat { node_id: node, devices })
}

fn snapshot(node: InstanceId, ticket: u128, devices: Vec<Device>, last: bool) -> Command {
    let ticket = Uuid::from_u128(ticket);
    Command::Snapshot(Snapshot { node_id: node, ticket, devices, last })
}

/// A partition of the topic, its owner, and what the owner's effects come to.
struct Sim {
    state: State,
    now: i64,
    /// All records, with their times.
    log: Vec<(i64, Command)>,
    board: BTreeMap<UserId, Entry>,
    facts: HashMap<UserId, Facts>,
    /// What nodes were told, in order: when, of whom, what.
    told: Vec<(i64, Entry)>,
    /// What they were told again, as they may have read something else.
    again: Vec<Entry>,
    rows: Vec<LastSeen>,
    /// All that was on the board.
    notes: Vec<Entry>,
    asks: Vec<InstanceId>,
    damped: u64,
    /// What the owner has asked all nodes under: each owner has his own.
    ticket: u128,
    /// Whose heartbeats come by themselves, with how many devices.
    beats: Vec<(InstanceId, u32)>,
}

fn stamp(offset: usize) -> Stamp {
    Position { epoch: 1, partition: 0, offset: u64::try_from(offset).unwrap() }.stamp()
}

impl Sim {
    /// A new partition whose owner has had its answers.
    fn new() -> Self {
        let mut sim = Self {
            state: State::open(stamp(0), Timestamp(0), TICKET, Vec::new()),
            now: 0,
            log: Vec::new(),
            board: BTreeMap::new(),
            facts: HashMap::new(),
            told: Vec::new(),
            again: Vec::new(),
            rows: Vec::new(),
            notes: Vec::new(),
            asks: Vec::new(),
            damped: 0,
            ticket: TICKET.as_u128(),
            beats: Vec::new(),
        };
        sim.put(Command::Due(Due { ticket: Some(TICKET) }));
        sim.pass(30_000);
        sim
    }

    /// Another owner takes over, having asked all nodes, and reads again from `from` on. Its effects
    /// are done.
    fn take_over(&mut self, from: usize) {
        let at = self.log.get(from).map_or(self.now, |(at, _)| *at);
        let board: Vec<Entry> = self.board.values().cloned().collect();
        self.ticket += 1;
        let ticket = Uuid::from_u128(self.ticket);
        self.state = State::open(stamp(from), Timestamp(at), ticket, board);
        for offset in from..self.log.len() {
            let (at, command) = self.log[offset].clone();
            self.state.apply(Timestamp(at), command);
            let effects = self.settle(offset);
            self.carry_out(effects);
        }
        self.put(Command::Due(Due { ticket: Some(ticket) }));
    }

    fn settle(&mut self, offset: usize) -> Effects {
        for id in self.state.unknown() {
            let usual = || Facts { preference: Preference::default(), privacy: Privacy::default() };
            self.state.learn(id, self.facts.get(&id).cloned().unwrap_or_else(usual));
        }
        for id in self.state.unseen() {
            if let Some(row) = self.rows.iter().rev().find(|row| row.user == id) {
                self.state.recall(row);
            }
        }
        self.state.settle(stamp(offset))
    }

    fn carry_out(&mut self, effects: Effects) {
        for entry in effects.notes {
            let before = self.board.insert(entry.user_id, entry.clone());
            assert!(before.is_none_or(|before| before.version < entry.version));
            self.notes.push(entry);
        }
        let (again, told): (Vec<_>, Vec<_>) =
            effects.pushes.into_iter().partition(|entry| entry.again);
        self.told.extend(told.into_iter().map(|entry| (self.now, entry)));
        self.again.extend(again);
        self.rows.extend(effects.rows);
        self.asks.extend(effects.asks);
        self.damped += effects.damped;
    }

    /// Records of one batch.
    fn batch(&mut self, commands: Vec<Command>) {
        for command in commands {
            self.state.apply(Timestamp(self.now), command.clone());
            self.log.push((self.now, command));
        }
        let effects = self.settle(self.log.len() - 1);
        self.carry_out(effects);
    }

    fn put(&mut self, command: Command) {
        self.batch(vec![command]);
    }

    /// Time passes; what is due by then has its record, and nodes that live tell so.
    fn pass(&mut self, ms: i64) {
        let end = self.now + ms;
        loop {
            let beats = if self.beats.is_empty() { end } else { (self.now / 5_000 + 1) * 5_000 };
            let due = self.state.due().map_or(end, |due| due.0.max(self.now));
            let next = beats.min(due).min(end);
            self.now = next;
            if next == beats {
                for (node, devices) in self.beats.clone() {
                    self.put(beat(node, devices));
                }
            }
            if self.state.due().is_some_and(|due| due.0 <= next) {
                self.put(Command::Due(Due::default()));
            }
            if next >= end {
                return;
            }
        }
    }

    fn decide(&mut self, n: u128, facts: Facts) {
        self.facts.insert(user(n), facts);
        self.put(Command::Decided(Decided { user_id: user(n), shown: true }));
    }

    /// Takes what was told since the last look: when, since a base, and what.
    fn heard(&mut self) -> Vec<(i64, u128, Status)> {
        let told = std::mem::take(&mut self.told);
        told.into_iter().map(|(at, entry)| (at, entry.user_id.0.as_u128(), entry.status)).collect()
    }
}

fn leave(node: InstanceId) -> Command {
    Command::Left(Left { node_id: node })
}

fn preference(status: Status) -> Facts {
    let preference = Preference { status: Some(status), ..Preference::default() };
    Facts { preference, privacy: Privacy::default() }
}
