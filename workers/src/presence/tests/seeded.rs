//! Any interleaving of what nodes tell: in the end what was published is what is, and nothing is
//! published twice in a row.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::presence::state::FORGET_MS;

#[derive(Clone, Copy, Debug)]
enum Act {
    Is(u8, u8, u8, u8),
    Pass(u16),
    Dies(u8),
    Leaves(u8),
    TakesOver(u8),
    Decides(u8, u8),
    Forgets,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        12 => (0..3_u8, 0..4_u8, 0..2_u8, 0..4_u8).prop_map(|(a, b, c, d)| Act::Is(a, b, c, d)),
        6 => (0..30_000_u16).prop_map(Act::Pass),
        1 => (0..3_u8).prop_map(Act::Dies),
        1 => (0..3_u8).prop_map(Act::Leaves),
        1 => (0..6_u8).prop_map(Act::TakesOver),
        2 => (0..4_u8, 0..4_u8).prop_map(|(a, b)| Act::Decides(a, b)),
        1 => Just(Act::Forgets),
    ];
    proptest::collection::vec(act, 1..60)
}

const STATUSES: [Status; 4] = [Status::Online, Status::Away, Status::DoNotDisturb, Status::Offline];

/// The nodes as they are: what the pool should come to know.
#[derive(Default)]
struct Truth {
    /// A node that died or left comes back under another id.
    lives: [u128; 3],
    devices: BTreeMap<(InstanceId, u128, u128), Status>,
}

impl Truth {
    fn node(&self, n: u8) -> InstanceId {
        InstanceId(Uuid::from_u128(0x100 * (u128::from(n) + 1) + self.lives[usize::from(n)]))
    }

    fn of(&self, node: InstanceId) -> Vec<Device> {
        let own = self.devices.iter().filter(|((at, ..), _)| *at == node);
        own.map(|((_, n, socket), status)| device(*n, *socket, *status)).collect()
    }

    fn nodes(&self) -> Vec<(InstanceId, u32)> {
        let count = |node| u32::try_from(self.of(node).len()).unwrap();
        (0..3).map(|n| self.node(n)).map(|node| (node, count(node))).collect()
    }

    fn end(&mut self, n: u8) -> InstanceId {
        let node = self.node(n);
        self.devices.retain(|(at, ..), _| *at != node);
        self.lives[usize::from(n)] += 1;
        node
    }
}

fn answer(sim: &mut Sim, truth: &Truth) {
    for (node, _) in truth.nodes() {
        let mut devices = truth.of(node);
        let rest = devices.split_off(devices.len() / 2);
        sim.put(snapshot(node, sim.ticket, devices, false));
        sim.put(snapshot(node, sim.ticket, rest, true));
    }
}

fn act(sim: &mut Sim, truth: &mut Truth, act: Act) {
    match act {
        Act::Is(node, n, socket, status) => {
            let (node, n) = (truth.node(node), u128::from(n) + 1);
            let socket = n * 10 + u128::from(socket);
            let status = STATUSES[usize::from(status)];
            if status.is_here() {
                truth.devices.insert((node, n, socket), status);
            } else {
                truth.devices.remove(&(node, n, socket));
            }
            sim.put(is(node, n, socket, status));
        }
        Act::Pass(ms) => sim.pass(ms.into()),
        Act::Dies(n) => {
            truth.end(n);
        }
        Act::Leaves(n) => {
            let node = truth.end(n);
            sim.put(leave(node));
        }
        Act::TakesOver(back) => {
            sim.take_over(sim.log.len().saturating_sub(back.into()));
            answer(sim, truth);
        }
        Act::Decides(n, status) => {
            sim.decide(u128::from(n) + 1, preference(STATUSES[usize::from(status)]));
        }
        Act::Forgets => {
            // The engine of the board begins anew, and the next owner finds nothing.
            sim.board.clear();
            sim.take_over(sim.log.len());
            answer(sim, truth);
        }
    }
    sim.beats = truth.nodes();
    // Whoever was asked answers.
    while let Some(node) = sim.asks.pop() {
        if truth.nodes().iter().any(|(lives, _)| *lives == node) {
            sim.put(snapshot(node, 0x99, truth.of(node), true));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn what_is_published_in_the_end_is_what_is(acts in acts()) {
        let mut sim = Sim::new();
        let mut truth = Truth::default();
        let forgot = acts.iter().any(|act| matches!(act, Act::Forgets));
        let owners = acts.iter().any(|act| matches!(act, Act::TakesOver(_) | Act::Forgets));
        for one in acts {
            act(&mut sim, &mut truth, one);
        }
        sim.pass(100_000);
        let told: BTreeSet<UserId> = sim.told.iter().map(|(_, entry)| entry.user_id).collect();
        for id in (1..=4).map(user) {
            let devices = truth.devices.iter().filter(|((_, n, _), _)| user(*n) == id);
            let facts = sim.facts.get(&id);
            let preference = facts.and_then(|facts| facts.preference.status);
            let is = Status::effective(preference, devices.map(|(_, status)| *status));
            let last = sim.told.iter().rev().find(|(_, entry)| entry.user_id == id);
            let published = last.map_or(Status::Offline, |(_, entry)| entry.status);
            // Of one who went while nobody knew of him any more, nobody can tell.
            prop_assert!(published == is || (forgot && !is.is_here()), "{:?} {:?}", id, is);
            if told.contains(&id) && !owners {
                let all: Vec<&Entry> = sim.told.iter().map(|(_, entry)| entry).collect();
                let own: Vec<_> = all.iter().filter(|entry| entry.user_id == id).collect();
                for pair in own.windows(2) {
                    // One who was not here for long is not known any more when he decides something.
                    let forgotten = pair[0].status == Status::Offline
                        && pair[1].at.since(pair[0].at) >= FORGET_MS;
                    // Whoever has read what was held is told that he is again what he was.
                    let between = pair[0].version..pair[1].version;
                    let read = sim.notes.iter().any(|note| {
                        note.user_id == id
                            && between.contains(&note.version)
                            && note.differs(pair[0])
                    });
                    let news = pair[1].differs(pair[0]) || forgotten || read;
                    prop_assert!(news, "twice: {:?}", pair);
                    prop_assert!(pair[1].version > pair[0].version);
                }
            }
        }
    }
}
