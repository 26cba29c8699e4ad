//! Who types, as this node has heard it: what is told at once, and what is held back. Pure.
//!
//! A typer is kept until his typing ends by itself, or he stops. While he is, at most one of his
//! signals is told every [`limits::TYPING_EVERY_MS`]. Of those who type in a conversation that is routed
//! as a whole the first [`limits::TYPING_SHOWN`] are told of.

use std::collections::HashMap;
use std::hash::Hash;

use parking_lot::Mutex;
use schemas::{ConversationId, Timestamp, UserId, limits};

use super::{Key, Told};

/// Typers kept at most: about 3 MB.
const KEPT: usize = 32_768;
/// Typers of whom the board is owed at most.
const UNWRITTEN: usize = 1_024;
/// Conversations in which one user types at once: nobody takes the room of the others.
const SHARE: usize = 16;

/// A moment, for people and for durations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    pub(super) at: Timestamp,
    pub(super) ms: i64,
}

/// Somebody who types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Typer {
    /// Tells this typing from an earlier one.
    number: u64,
    /// When he began.
    pub(super) since: Timestamp,
    /// His last signal.
    pub(super) last: Timestamp,
}

#[derive(Debug)]
struct Slot {
    typer: Typer,
    /// When he was last told of, and when he was last heard, ms of a clock that never jumps.
    told: i64,
    heard: i64,
    /// Whether something came behind what was told.
    owed: bool,
    /// Whether others were told that he types, and not yet that he does so no more.
    shown: bool,
    /// Whether he is among the first in a conversation that is routed as a whole.
    first: bool,
    /// Number of what was last brought onto the board, or was to be.
    noted: u64,
}

/// What the board is to say of somebody.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writing {
    pub(super) told: Told,
    number: u64,
    /// Since when, ms of a clock that never jumps.
    since: i64,
}

/// Somebody has stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stopped {
    /// Others believe that he types.
    Shown,
    /// Nobody was told.
    Unseen,
}

/// What a record does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shows {
    /// Others are told that he types.
    Others,
    /// It is not sent.
    Nobody,
}

/// What is to be done about a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    /// It is told now.
    Now(Typer),
    /// It is held back.
    Later,
    /// There is no room for one who begins.
    Full,
    /// He types in too many conversations.
    Many,
}

/// What was held back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) key: Key,
    pub(super) typer: Typer,
}

#[derive(Debug, Default)]
struct Table {
    typers: HashMap<Key, Slot>,
    /// In how many conversations each of them types.
    shares: HashMap<UserId, usize>,
    /// How many are told of in each conversation that is routed as a whole.
    rooms: HashMap<ConversationId, usize>,
    unwritten: HashMap<Key, Writing>,
    numbers: u64,
}

impl Table {
    fn remove(&mut self, key: Key) -> Option<Slot> {
        let slot = self.typers.remove(&key)?;
        leave(&mut self.shares, &key.0);
        if slot.first {
            leave(&mut self.rooms, &key.1);
        }
        Some(slot)
    }
}

/// A user types in one conversation less, or a conversation has one less who is told of.
fn leave<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Typing(Mutex<Table>);

fn over(since: i64, now: i64, time: u64) -> bool {
    i64::try_from(time).is_ok_and(|time| now.saturating_sub(since) >= time)
}

impl Typing {
    /// He types.
    pub(super) fn types(&self, key: Key, now: Moment) -> Heard {
        let Table { typers, shares, rooms, numbers, .. } = &mut *self.0.lock();
        if let Some(slot) = typers.get_mut(&key)
            && !over(slot.heard, now.ms, limits::TYPING_MS)
        {
            (slot.typer.last, slot.heard) = (now.at, now.ms);
            slot.owed = !over(slot.told, now.ms, limits::TYPING_EVERY_MS);
            if slot.owed {
                return Heard::Later;
            }
            slot.told = now.ms;
            return Heard::Now(slot.typer);
        }
        if !typers.contains_key(&key) {
            if typers.len() >= KEPT {
                return Heard::Full;
            }
            let share = shares.entry(key.0).or_default();
            if *share >= SHARE {
                return Heard::Many;
            }
            *share += 1;
        }
        *numbers += 1;
        let typer = Typer { number: *numbers, since: now.at, last: now.at };
        let ms = now.ms;
        let (owed, shown, first, noted) = (false, false, false, 0);
        let slot = Slot { typer, told: ms, heard: ms, owed, shown, first, noted };
        if typers.insert(key, slot).is_some_and(|before| before.first) {
            leave(rooms, &key.1);
        }
        Heard::Now(typer)
    }

    /// He stops; none if he has not typed here.
    pub(super) fn stops(&self, key: Key) -> Option<Stopped> {
        let slot = self.0.lock().remove(key)?;
        Some(if slot.shown { Stopped::Shown } else { Stopped::Unseen })
    }

    /// Others are to be told that he types no more, though he may. Whether they believe that he does.
    pub(super) fn hushes(&self, key: Key) -> bool {
        let mut table = self.0.lock();
        table.typers.get_mut(&key).is_some_and(|slot| std::mem::take(&mut slot.shown))
    }

    /// Where others believe that a user types.
    pub(super) fn shown_of(&self, user: UserId) -> Vec<Key> {
        let table = self.0.lock();
        if !table.shares.contains_key(&user) {
            return Vec::new();
        }
        let shown = table.typers.iter().filter(|(key, slot)| key.0 == user && slot.shown);
        shown.map(|(key, _)| *key).collect()
    }

    /// Whether he is among the first in a conversation that is routed as a whole.
    pub(super) fn is_first(&self, key: Key) -> bool {
        let Table { typers, rooms, .. } = &mut *self.0.lock();
        let Some(slot) = typers.get_mut(&key) else { return false };
        if !slot.first {
            let count = rooms.entry(key.1).or_default();
            slot.first = *count < limits::TYPING_SHOWN;
            *count += usize::from(slot.first);
        }
        slot.first
    }

    /// His signal was refused.
    pub(super) fn forget(&self, key: Key) {
        self.0.lock().remove(key);
    }

    /// Whether he does not type, as far as is known here.
    pub(super) fn is_over(&self, key: Key) -> bool {
        !self.0.lock().typers.contains_key(&key)
    }

    /// Acts unless he has stopped, or begun anew, in the meantime; he does neither while it acts.
    pub(super) fn while_it_stands<T>(
        &self,
        key: Key,
        (typer, shows): (Typer, Shows),
        act: impl FnOnce() -> T,
    ) -> Option<T> {
        let mut table = self.0.lock();
        let slot = table.typers.get_mut(&key).filter(|slot| slot.typer.number == typer.number)?;
        slot.shown |= shows == Shows::Others;
        Some(act())
    }

    /// Something is to be brought onto the board now.
    pub(super) fn writes(&self, key: Key, told: Told, now: Moment) -> Writing {
        let Table { typers, numbers, .. } = &mut *self.0.lock();
        *numbers += 1;
        if let Some(slot) = typers.get_mut(&key) {
            slot.noted = *numbers;
        }
        Writing { told, number: *numbers, since: now.ms }
    }

    /// It was not: the board is owed it, if there is room for that.
    pub(super) fn owes(&self, key: Key, writing: Writing) {
        let owed = &mut self.0.lock().unwritten;
        if owed.get(&key).map_or(owed.len() < UNWRITTEN, |last| last.number < writing.number) {
            owed.insert(key, writing);
        }
    }

    /// Takes what the board is owed, but for what something later was written over, or is over by itself.
    pub(super) fn unwritten(&self, now: Moment) -> Vec<(Key, Writing)> {
        let Table { typers, unwritten, .. } = &mut *self.0.lock();
        let stands = |key: &Key, last: &Writing| match (last.told, typers.get(key)) {
            (Told::Types(typer), slot) => slot
                .is_some_and(|slot| (slot.typer.number, slot.noted) == (typer.number, last.number)),
            (Told::Stops | Told::Vanishes, slot) => {
                let lapsed = over(last.since, now.ms, limits::TYPING_MS);
                !lapsed && slot.is_none_or(|slot| slot.noted <= last.number)
            }
        };
        unwritten.drain().filter(|(key, last)| stands(key, last)).collect()
    }

    /// Takes what was held back long enough, and forgets whose typing is over.
    pub(super) fn turn(&self, now: Moment) -> Vec<Due> {
        let mut due = Vec::new();
        let Table { typers, shares, rooms, .. } = &mut *self.0.lock();
        typers.retain(|key, slot| {
            if slot.owed && over(slot.told, now.ms, limits::TYPING_EVERY_MS) {
                (slot.owed, slot.told) = (false, now.ms);
                due.push(Due { key: *key, typer: slot.typer });
            }
            let types = !over(slot.heard, now.ms, limits::TYPING_MS);
            if !types {
                leave(shares, &key.0);
                if slot.first {
                    leave(rooms, &key.1);
                }
            }
            types
        });
        due
    }
}

#[cfg(test)]
mod tests {
    use schemas::{ConversationId, UserId};
    use uuid::Uuid;

    use super::*;

    fn key(n: u128) -> Key {
        (UserId(Uuid::from_u128(n)), ConversationId(Uuid::from_u128(1)))
    }

    fn at(ms: i64) -> Moment {
        Moment { at: Timestamp(1_000_000 + ms), ms }
    }

    fn told(heard: Heard) -> Option<i64> {
        match heard {
            Heard::Now(typer) => Some(typer.last.0 - 1_000_000),
            Heard::Later | Heard::Full | Heard::Many => None,
        }
    }

    fn lasts(due: &[Due]) -> Vec<i64> {
        due.iter().map(|due| due.typer.last.0 - 1_000_000).collect()
    }

    #[test]
    fn the_first_is_told_at_once_and_then_the_last_of_every_three_seconds() {
        let typing = Typing::default();
        let mut ends = Vec::new();
        // A key stroke every 100 ms, a flush every second.
        for ms in (0..10_000).step_by(100) {
            ends.extend(told(typing.types(key(1), at(ms))));
            if ms % 1_000 == 0 {
                ends.extend(lasts(&typing.turn(at(ms))));
            }
        }
        for ms in (10_000..30_000).step_by(1_000) {
            ends.extend(lasts(&typing.turn(at(ms))));
        }
        assert_eq!(ends, [0, 3_000, 6_000, 9_000, 9_900]);
        assert!(typing.0.lock().typers.is_empty(), "nothing is kept of who is quiet");
    }

    #[test]
    fn a_stop_is_told_once_and_what_was_held_back_is_not() {
        let typing = Typing::default();
        assert_eq!(typing.stops(key(1)), None, "he did not type");
        let Heard::Now(typer) = typing.types(key(1), at(0)) else { panic!() };
        assert_eq!(typing.types(key(1), at(1_000)), Heard::Later);
        assert_eq!(typing.while_it_stands(key(1), (typer, Shows::Nobody), || 5), Some(5));
        assert_eq!(typing.stops(key(1)), Some(Stopped::Unseen));
        assert_eq!(typing.stops(key(1)), None);
        assert_eq!(typing.while_it_stands(key(1), (typer, Shows::Others), || 5), None);
        assert_eq!(typing.turn(at(5_000)), []);
        assert_eq!(told(typing.types(key(1), at(5_001))), Some(5_001), "he begins anew at once");
        let old = (typer, Shows::Others);
        assert_eq!(typing.while_it_stands(key(1), old, || 5), None, "that is another typing");
        assert_eq!(typing.stops(key(1)), Some(Stopped::Unseen));
    }

    #[test]
    fn a_pause_within_ten_seconds_is_no_new_beginning() {
        let typing = Typing::default();
        let since = |ms| match typing.types(key(1), at(ms)) {
            Heard::Now(typer) => typer.since.0 - 1_000_000,
            other => panic!("{other:?}"),
        };
        assert_eq!((since(0), since(9_999)), (0, 0));
        assert_eq!(since(19_999), 19_999);
        // Whether or not a flush has come in between.
        typing.turn(at(29_999));
        assert_eq!(since(29_999), 29_999);
    }

    #[test]
    fn nobody_types_everywhere_at_once() {
        let typing = Typing::default();
        let share = u128::try_from(SHARE).unwrap();
        let key = |user, talk| (key(user).0, ConversationId(Uuid::from_u128(talk)));
        for talk in 0..share {
            assert_eq!(told(typing.types(key(1, talk), at(0))), Some(0));
        }
        assert_eq!(typing.types(key(1, share), at(0)), Heard::Many);
        assert_eq!(typing.types(key(1, 0), at(0)), Heard::Later, "he goes on");
        assert_eq!(told(typing.types(key(2, share), at(0))), Some(0), "another one's share");
        assert!(typing.stops(key(1, 0)).is_some());
        assert_eq!(told(typing.types(key(1, share), at(0))), Some(0));
        typing.forget(key(1, 1));
        assert_eq!(told(typing.types(key(1, share + 1), at(0))), Some(0));
        assert_eq!(typing.types(key(1, share + 2), at(0)), Heard::Many);
        typing.turn(at(20_000));
        assert!(typing.0.lock().shares.is_empty());
        assert_eq!(told(typing.types(key(1, share + 2), at(20_000))), Some(20_000));
    }

    #[test]
    fn who_was_told_of_is_known_until_the_end_is_told() {
        let typing = Typing::default();
        let Heard::Now(typer) = typing.types(key(1), at(0)) else { panic!() };
        assert!(!typing.hushes(key(1)));
        typing.while_it_stands(key(1), (typer, Shows::Others), || ()).unwrap();
        typing.while_it_stands(key(1), (typer, Shows::Nobody), || ()).unwrap();
        assert_eq!(typing.shown_of(key(1).0), [key(1)]);
        assert!(typing.hushes(key(1)) && !typing.hushes(key(1)));
        assert_eq!((typing.shown_of(key(1).0), typing.shown_of(key(2).0)), (vec![], vec![]));
        assert_eq!(typing.types(key(1), at(100)), Heard::Later, "he goes on all the same");
        typing.while_it_stands(key(1), (typer, Shows::Others), || ()).unwrap();
        assert_eq!(typing.stops(key(1)), Some(Stopped::Shown));
    }

    #[test]
    fn of_a_crowd_the_first_are_told_of_and_another_when_one_of_them_is_over() {
        let typing = Typing::default();
        let shown = u128::try_from(limits::TYPING_SHOWN).unwrap();
        for n in 0..=shown {
            assert!(told(typing.types(key(n), at(0))).is_some());
            assert_eq!(typing.is_first(key(n)), n < shown);
        }
        assert!(typing.is_first(key(0)), "he stays among them");
        assert!(!typing.is_first(key(99)), "he does not type");
        assert!(typing.stops(key(0)).is_some());
        assert!(typing.is_first(key(shown)));
        // One whose typing is over begins anew before that was noticed.
        assert_eq!(told(typing.types(key(1), at(10_000))), Some(10_000));
        assert_eq!(typing.0.lock().rooms[&key(1).1], limits::TYPING_SHOWN - 1);
        typing.turn(at(20_000));
        assert!(typing.0.lock().rooms.is_empty() && typing.0.lock().shares.is_empty());
    }

    #[test]
    fn there_is_a_bound_and_who_types_already_goes_on() {
        let typing = Typing::default();
        let mut numbers = 0..;
        for n in numbers.by_ref().take(KEPT) {
            assert!(told(typing.types(key(n), at(0))).is_some());
        }
        let one_more = key(numbers.next().unwrap());
        assert_eq!(typing.types(one_more, at(0)), Heard::Full);
        assert_eq!(typing.types(key(0), at(0)), Heard::Later);
        assert!(typing.stops(key(0)).is_some());
        assert!(told(typing.types(one_more, at(0))).is_some());
    }
}
