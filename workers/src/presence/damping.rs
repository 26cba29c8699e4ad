//! Flap damping: how long a user may be gone before others hear of it, and how often they hear of him.
//!
//! A telephone that loses its network for a moment comes back before anybody is told. Who comes and
//! goes all the time has to stay away longer until it is believed; and of whoever changes what he is all
//! the time, by program, that he is less than he was is told every few seconds only. Nothing is lost: what
//! is told last is true, and who reads finds it at once.

use std::collections::VecDeque;

use schemas::{Timestamp, limits};

/// Newest moments of a kind: enough to tell whether there were too many.
#[derive(Debug, Default)]
struct Recent(VecDeque<Timestamp>);

impl Recent {
    fn add(&mut self, now: Timestamp) {
        if self.0.len() > limits::PRESENCE_FLAPS {
            self.0.pop_front();
        }
        self.0.push_back(now);
    }

    /// Until when there are more than [`limits::PRESENCE_FLAPS`] within the window, if there are.
    fn many(&self, now: Timestamp) -> Option<Timestamp> {
        let first = self.0.front().filter(|_| self.0.len() > limits::PRESENCE_FLAPS)?;
        let until = first.plus_ms(ms(limits::PRESENCE_FLAP_WINDOW_MS));
        (until > now).then_some(until)
    }
}

/// How a user's last device ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// By itself, or with its node.
    Socket,
    /// Its node stopped in good order.
    Left,
}

/// What is known of one user's restlessness.
#[derive(Debug, Default)]
pub(super) struct Damping {
    moves: Recent,
    told: Recent,
}

pub(super) const fn ms(limit: u64) -> i64 {
    limit.cast_signed()
}

impl Damping {
    /// He has come, or gone.
    pub(super) fn moved(&mut self, now: Timestamp) {
        self.moves.add(now);
    }

    /// Whether he comes and goes all the time: until when, if he does so no more.
    pub(super) fn flaps(&self, now: Timestamp) -> Option<Timestamp> {
        self.moves.many(now)
    }

    /// How long he may be gone.
    pub(super) fn grace(&self, end: End, now: Timestamp) -> i64 {
        let usual = match end {
            End::Socket => limits::PRESENCE_GRACE_MS,
            End::Left => limits::PRESENCE_LEFT_MS,
        };
        ms(if self.flaps(now).is_some() { usual.max(limits::PRESENCE_FLAP_MS) } else { usual })
    }

    /// Others were told of him.
    pub(super) fn told(&mut self, now: Timestamp) {
        self.told.add(now);
    }

    /// When others may be told again, if not now.
    pub(super) fn quiet_until(&self, now: Timestamp) -> Option<Timestamp> {
        let last = self.told.0.back().filter(|_| self.told.many(now).is_some())?;
        let until = last.plus_ms(ms(limits::PRESENCE_GRACE_MS));
        (until > now).then_some(until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_and_goes_all_the_time_has_to_stay_away_longer() {
        let mut damping = Damping::default();
        for n in 0..5 {
            damping.moved(Timestamp(n * 1_000));
        }
        assert_eq!(damping.grace(End::Socket, Timestamp(5_000)), 5_000);
        assert_eq!(damping.grace(End::Left, Timestamp(5_000)), 20_000);
        damping.moved(Timestamp(5_000));
        assert_eq!(damping.grace(End::Socket, Timestamp(5_000)), 30_000);
        assert_eq!(damping.grace(End::Left, Timestamp(5_000)), 30_000);
        // As long as he does.
        assert_eq!(damping.grace(End::Socket, Timestamp(60_000)), 5_000);
    }

    #[test]
    fn who_changes_all_the_time_is_told_of_every_few_seconds() {
        let mut damping = Damping::default();
        for n in 0..5 {
            damping.told(Timestamp(n));
            assert_eq!(damping.quiet_until(Timestamp(n)), None);
        }
        damping.told(Timestamp(10));
        assert_eq!(damping.quiet_until(Timestamp(11)), Some(Timestamp(5_010)));
        assert_eq!(damping.quiet_until(Timestamp(5_010)), None);
    }
}
