//! How many frames one socket may send: a generic cell rate algorithm (ITU-T I.371), two numbers a
//! socket. Refusals are metered too, so that a client slightly above the limit is told, and one
//! that floods is closed. What tells nothing new has a bound of its own, far above what a hand can do:
//! clients tell at each key stroke and each step of a scroll that their user is there.

use std::time::Duration;

use schemas::limits;
use tokio::time::Instant;

use crate::Frames;

/// Refused frames after which a socket that goes on is closed, and how fast that is forgiven.
const REFUSED: Frames = Frames { burst: 100, per_minute: 600 };

impl Frames {
    /// Those that tell nothing new, beside the others.
    pub const REPEATS: Self = Self {
        burst: limits::SOCKET_REPEATS_BURST,
        per_minute: limits::SOCKET_REPEATS_PER_SECOND * 60,
    };
}

/// What may be done with a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Handle it.
    Pass,
    /// Refuse it; the next may pass after this time.
    Refuse(Duration),
    /// Close the socket.
    Abuse,
}

/// The state of one socket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rate {
    limit: Option<Frames>,
    frames: Instant,
    refused: Instant,
    repeats: Instant,
}

impl Rate {
    /// Nothing used.
    pub(crate) fn new(limit: Option<Frames>, now: Instant) -> Self {
        Self { limit, frames: now, refused: now, repeats: now }
    }

    /// Counts a frame.
    pub(crate) fn frame(&mut self, now: Instant) -> Verdict {
        let Some(limit) = self.limit else { return Verdict::Pass };
        match take(&mut self.frames, now, limit) {
            Ok(()) => Verdict::Pass,
            Err(wait) => match take(&mut self.refused, now, REFUSED) {
                Ok(()) => Verdict::Refuse(wait),
                Err(_) => Verdict::Abuse,
            },
        }
    }

    /// Counts a frame that tells nothing new: as a frame only if there are too many of them.
    pub(crate) fn repeat(&mut self, now: Instant, repeats: Frames) -> Verdict {
        match take(&mut self.repeats, now, repeats) {
            Ok(()) => Verdict::Pass,
            Err(_) => self.frame(now),
        }
    }
}

/// `arrival` is when the next cell is due; it may lie `burst` cells ahead of now.
fn take(arrival: &mut Instant, now: Instant, limit: Frames) -> Result<(), Duration> {
    let cell = Duration::from_mins(1) / limit.per_minute.max(1);
    let due = (*arrival).max(now) + cell;
    let room = now + cell * limit.burst;
    if due > room {
        return Err(due - room);
    }
    *arrival = due;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_fifty_a_second_then_the_flood_is_closed() {
        let start = Instant::now();
        let mut rate = Rate::new(Some(Frames::default()), start);
        for _ in 0..Frames::default().burst {
            assert_eq!(rate.frame(start), Verdict::Pass);
        }
        assert_eq!(rate.frame(start), Verdict::Refuse(Duration::from_millis(20)));
        assert_eq!(rate.frame(start + Duration::from_millis(20)), Verdict::Pass);
        let flood = (0..1_000).map(|_| rate.frame(start)).position(|v| v == Verdict::Abuse);
        assert_eq!(flood, Some(99));
    }

    #[test]
    fn what_tells_nothing_new_takes_nothing_from_the_rest_until_it_is_far_too_much() {
        let start = Instant::now();
        let mut rate = Rate::new(Some(Frames::default()), start);
        for _ in 0..limits::SOCKET_REPEATS_BURST {
            assert_eq!(rate.repeat(start, Frames::REPEATS), Verdict::Pass);
        }
        for _ in 1..Frames::default().burst {
            assert_eq!(rate.frame(start), Verdict::Pass);
        }
        assert_eq!(
            rate.repeat(start, Frames::REPEATS),
            Verdict::Pass,
            "as the last frame that there is"
        );
        assert_eq!(rate.repeat(start, Frames::REPEATS), Verdict::Refuse(Duration::from_millis(20)));
        let flood = (0..1_000)
            .map(|_| rate.repeat(start, Frames::REPEATS))
            .position(|v| v == Verdict::Abuse);
        assert_eq!(flood, Some(99));
        let mut rate = Rate::new(Some(Frames::default()), start);
        for n in 0..10_000 {
            assert_eq!(
                rate.repeat(start + Duration::from_millis(1) * n, Frames::REPEATS),
                Verdict::Pass
            );
        }
        assert_eq!(Rate::new(None, start).repeat(start, Frames::REPEATS), Verdict::Pass);
    }

    #[test]
    fn a_client_at_the_limit_is_never_refused() {
        let start = Instant::now();
        let mut rate = Rate::new(Some(Frames::default()), start);
        for n in 0..10_000 {
            assert_eq!(rate.frame(start + Duration::from_millis(20) * n), Verdict::Pass);
        }
    }
}
