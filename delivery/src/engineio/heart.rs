//! When to ping, and when the peer is dead.

use std::time::Duration;

use tokio::time::Instant;

/// The times of one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Heart {
    interval: Duration,
    timeout: Duration,
    /// When something is due.
    due: Instant,
    /// Whether a ping is out that nothing has answered.
    asked: bool,
}

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beat {
    /// Nothing before this moment.
    Wait(Instant),
    /// A ping.
    Ping,
    /// The end: the last ping was not answered in time.
    Dead,
}

impl Heart {
    /// The first ping is due an interval after `now`.
    pub(crate) fn new(interval: Duration, timeout: Duration, now: Instant) -> Self {
        Self { interval, timeout, due: now + interval, asked: false }
    }

    /// Something came: the peer lives. The next ping is due all the same, as the peer waits for it: it
    /// goes by our pings, however much it says itself.
    pub(crate) fn heard(&mut self) {
        if self.asked {
            self.asked = false;
            // An interval after the last.
            self.due = self.due + self.interval - self.timeout;
        }
    }

    /// When to look again.
    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// What is due now. A ping is due once: whoever is told sends it.
    pub(crate) fn beat(&mut self, now: Instant) -> Beat {
        if now < self.due {
            return Beat::Wait(self.due);
        }
        if self.asked {
            return Beat::Dead;
        }
        self.asked = true;
        // Reckoned from when it was due, so that a late look does not lend the peer time.
        self.due += self.timeout;
        Beat::Ping
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(300);
    const TIMEOUT: Duration = Duration::from_millis(200);

    #[test]
    fn a_peer_that_never_answers_is_dead_after_both_times() {
        let start = Instant::now();
        let mut heart = Heart::new(INTERVAL, TIMEOUT, start);
        assert_eq!(heart.beat(start), Beat::Wait(start + INTERVAL));
        assert_eq!(heart.beat(start + INTERVAL + TIMEOUT / 2), Beat::Ping);
        assert_eq!(heart.due(), start + INTERVAL + TIMEOUT);
        let before = start + INTERVAL + TIMEOUT - Duration::from_millis(1);
        assert_eq!(heart.beat(before), Beat::Wait(start + INTERVAL + TIMEOUT));
        assert_eq!(heart.beat(start + INTERVAL + TIMEOUT), Beat::Dead);
    }

    #[test]
    fn whatever_comes_is_a_sign_of_life_and_changes_nothing_of_when_the_next_ping_is_due() {
        let start = Instant::now();
        let mut heart = Heart::new(INTERVAL, TIMEOUT, start);
        heart.heard();
        for round in 1..4 {
            heart.heard();
            assert_eq!(heart.due(), start + INTERVAL * round);
            assert_eq!(heart.beat(start + INTERVAL * round), Beat::Ping);
            assert_eq!(heart.due(), start + INTERVAL * round + TIMEOUT);
            heart.heard();
        }
        assert_eq!(heart.beat(start + INTERVAL * 4), Beat::Ping);
        assert_eq!(heart.beat(start + INTERVAL * 4 + TIMEOUT), Beat::Dead);
    }
}
