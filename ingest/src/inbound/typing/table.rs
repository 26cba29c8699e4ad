//! Who types, as this node has heard it: what is told at once, and what is held back. Pure.
//!
//! A typer is kept until his typing ends by itself, or he stops. While he is, at most one of his
//! signals is told every [`limits::TYPING_EVERY_MS`].

use std::collections::HashMap;

use parking_lot::Mutex;
use schemas::{Timestamp, UserId, limits};

use super::Key;

/// Typers kept at most: about 3 MB.
const KEPT: usize = 32_768;
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
    numbers: u64,
}

impl Table {
    fn remove(&mut self, key: Key) -> bool {
        let typed = self.typers.remove(&key).is_some();
        if typed {
            leave(&mut self.shares, key.0);
        }
        typed
    }
}

/// A user types in one conversation less.
fn leave(shares: &mut HashMap<UserId, usize>, user: UserId) {
    if let Some(share) = shares.get_mut(&user) {
        *share = share.saturating_sub(1);
        if *share == 0 {
            shares.remove(&user);
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
        let Table { typers, shares, numbers } = &mut *self.0.lock();
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
        typers.insert(key, Slot { typer, told: now.ms, heard: now.ms, owed: false });
        Heard::Now(typer)
    }

    /// He stops; whether he has typed here.
    pub(super) fn stops(&self, key: Key) -> bool {
        self.0.lock().remove(key)
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
        typer: Typer,
        act: impl FnOnce() -> T,
    ) -> Option<T> {
        let table = self.0.lock();
        let stands = table.typers.get(&key)?.typer.number == typer.number;
        stands.then(act)
    }

    /// Takes what was held back long enough, and forgets whose typing is over.
    pub(super) fn turn(&self, now: Moment) -> Vec<Due> {
        let mut due = Vec::new();
        let Table { typers, shares, .. } = &mut *self.0.lock();
        typers.retain(|key, slot| {
            if slot.owed && over(slot.told, now.ms, limits::TYPING_EVERY_MS) {
                (slot.owed, slot.told) = (false, now.ms);
                due.push(Due { key: *key, typer: slot.typer });
            }
            let types = !over(slot.heard, now.ms, limits::TYPING_MS);
            if !types {
                leave(shares, key.0);
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
        assert!(!typing.stops(key(1)), "he did not type");
        let Heard::Now(typer) = typing.types(key(1), at(0)) else { panic!() };
        assert_eq!(typing.types(key(1), at(1_000)), Heard::Later);
        assert_eq!(typing.while_it_stands(key(1), typer, || 5), Some(5));
        assert!(typing.stops(key(1)) && !typing.stops(key(1)));
        assert_eq!(typing.while_it_stands(key(1), typer, || 5), None);
        assert_eq!(typing.turn(at(5_000)), []);
        assert_eq!(told(typing.types(key(1), at(5_001))), Some(5_001), "he begins anew at once");
        assert_eq!(typing.while_it_stands(key(1), typer, || 5), None, "that is another typing");
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
        assert!(typing.stops(key(1, 0)));
        assert_eq!(told(typing.types(key(1, share), at(0))), Some(0));
        typing.forget(key(1, 1));
        assert_eq!(told(typing.types(key(1, share + 1), at(0))), Some(0));
        assert_eq!(typing.types(key(1, share + 2), at(0)), Heard::Many);
        typing.turn(at(20_000));
        assert!(typing.0.lock().shares.is_empty());
        assert_eq!(told(typing.types(key(1, share + 2), at(20_000))), Some(20_000));
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
        assert!(typing.stops(key(0)));
        assert!(told(typing.types(one_more, at(0))).is_some());
    }
}
