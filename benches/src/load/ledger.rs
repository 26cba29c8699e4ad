//! Who has which message, on every socket, watched or not: once, again, or not at all.
//!
//! Invariant: a message counts once for each receiver, so what came twice never makes up for what did
//! not come. Memory: a bit for each message and member of its conversation, and two more.

use parking_lot::Mutex;

use super::world::World;

/// See the module.
#[derive(Debug)]
pub(super) struct Ledger {
    /// By place of the conversation: what was acknowledged in it.
    acked: Vec<Mutex<Bits>>,
    /// By place of the user.
    users: Vec<Mutex<Held>>,
    members: Vec<Vec<u32>>,
}

#[derive(Debug, Default)]
struct Held {
    /// The place of his conversation; none: he is in none.
    room: Option<u32>,
    seated: bool,
    /// His socket has ended, or lost its queue: nothing more is waited for.
    ended: bool,
    own: Bits,
    got: Bits,
}

/// What an event is to the socket that got it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Got {
    /// The first of its message.
    First,
    /// It had come before.
    Again,
    /// A message of a conversation that is not the user's.
    Astray,
}

#[derive(Clone, Debug, Default)]
struct Bits(Vec<u64>);

impl Bits {
    /// Whether it was not set before.
    fn set(&mut self, place: u32) -> bool {
        let (word, bit) = (place as usize / 64, 1 << (place % 64));
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        let Some(word) = self.0.get_mut(word) else { return false };
        let new = *word & bit == 0;
        *word |= bit;
        new
    }

    fn word(&self, place: usize) -> u64 {
        self.0.get(place).copied().unwrap_or_default()
    }
}

impl Ledger {
    pub(super) fn of(world: &World) -> Self {
        let mut users: Vec<Held> = world.users.iter().map(|_| Held::default()).collect();
        for (place, room) in (0_u32..).zip(&world.rooms) {
            for member in &room.members {
                if let Some(held) = users.get_mut(*member as usize) {
                    held.room = Some(place);
                }
            }
        }
        Self {
            acked: world.rooms.iter().map(|_| Mutex::default()).collect(),
            users: users.into_iter().map(Mutex::new).collect(),
            members: world.rooms.iter().map(|room| room.members.clone()).collect(),
        }
    }

    /// A user has a socket: from here on he is owed what is acknowledged.
    pub(super) fn seat(&self, user: u32) {
        if let Some(held) = self.users.get(user as usize) {
            let mut held = held.lock();
            (held.seated, held.ended) = (true, false);
        }
    }

    /// What he has not got he will not get; it is owed nevertheless.
    pub(super) fn end(&self, user: u32) {
        if let Some(held) = self.users.get(user as usize) {
            held.lock().ended = true;
        }
    }

    /// A message is acknowledged: so many-th of its conversation, from this user.
    pub(super) fn acked(&self, room: u32, place: u32, sender: u32) {
        if let Some(acked) = self.acked.get(room as usize) {
            acked.lock().set(place);
        }
        if let Some(held) = self.users.get(sender as usize) {
            held.lock().own.set(place);
        }
    }

    /// A user's socket got it.
    pub(super) fn got(&self, user: u32, room: u32, place: u32) -> Got {
        let Some(held) = self.users.get(user as usize) else { return Got::Astray };
        let mut held = held.lock();
        match held.room == Some(room) {
            false => Got::Astray,
            true if held.got.set(place) => Got::First,
            true => Got::Again,
        }
    }

    /// How often a receiver with a socket lacks a message that was acknowledged.
    pub(super) fn missing(&self) -> u64 {
        self.lacking(|_| true)
    }

    /// The same of those to whom it may still come.
    pub(super) fn awaited(&self) -> u64 {
        self.lacking(|held| !held.ended)
    }

    fn lacking(&self, counts: impl Fn(&Held) -> bool) -> u64 {
        let mut sum = 0;
        for (acked, members) in self.acked.iter().zip(&self.members) {
            let acked = acked.lock().clone();
            for member in members {
                let Some(held) = self.users.get(*member as usize) else { continue };
                let held = held.lock();
                if !held.seated || !counts(&held) {
                    continue;
                }
                let lacks = |(place, acked): (usize, &u64)| {
                    u64::from((acked & !held.own.word(place) & !held.got.word(place)).count_ones())
                };
                sum += acked.0.iter().enumerate().map(lacks).sum::<u64>();
            }
        }
        sum
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;
    use crate::load::Room;
    use crate::target::User;

    fn world() -> World {
        let user = |id| User { id: Uuid::from_u128(id), token: Arc::from("t") };
        let room = |id, members| Room { id: Uuid::from_u128(id), members };
        let rooms = vec![room(91, vec![0, 1, 2]), room(92, vec![3, 4])];
        World { users: (1..=5).map(user).collect(), rooms }
    }

    proptest! {
        /// Against a plain count of who has what.
        #[test]
        fn what_came_twice_never_makes_up_for_what_did_not_come(
            came in proptest::collection::vec((1_u32..3, 0_u32..200), 0..600),
            count in 1_u32..200,
        ) {
            let ledger = Ledger::of(&world());
            (0..3).for_each(|user| ledger.seat(user));
            (0..count).for_each(|place| ledger.acked(0, place, 0));
            let mut plain = std::collections::BTreeSet::new();
            for (user, place) in came {
                let got = ledger.got(user, 0, place);
                prop_assert_eq!(got == Got::First, plain.insert((user, place)));
            }
            let had = plain.iter().filter(|(_, place)| *place < count).count() as u64;
            prop_assert_eq!(ledger.missing(), u64::from(count) * 2 - had);
        }
    }

    #[test]
    fn a_message_of_another_conversation_is_astray_and_one_who_left_is_owed_but_not_waited_for() {
        let ledger = Ledger::of(&world());
        assert_eq!(ledger.got(3, 0, 0), Got::Astray);
        ledger.acked(1, 0, 3);
        // Nobody has a socket.
        assert_eq!(ledger.missing(), 0);
        ledger.seat(4);
        assert_eq!((ledger.missing(), ledger.awaited()), (1, 1));
        ledger.end(4);
        assert_eq!((ledger.missing(), ledger.awaited()), (1, 0));
        assert_eq!(ledger.got(4, 1, 0), Got::First);
        assert_eq!((ledger.missing(), ledger.awaited()), (0, 0));
    }
}
