//! How many frames one socket may send: a generic cell rate algorithm (ITU-T I.371), two numbers a
//! socket. Refusals are metered too, so that a client slightly above the limit is told, and one
//! that floods is closed.

use std::time::Duration;

use schemas::limits;
use tokio::time::Instant;

/// Refused frames after which a socket that goes on is closed, and how fast that is forgiven.
const REFUSED_BURST: u32 = 100;
const REFUSED_PER_SECOND: u32 = 10;

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
    frames: Instant,
    refused: Instant,
}

impl Rate {
    /// Nothing used.
    pub(crate) fn new(now: Instant) -> Self {
        Self { frames: now, refused: now }
    }

    /// Counts a frame.
    pub(crate) fn frame(&mut self, now: Instant) -> Verdict {
        let burst = limits::SOCKET_FRAMES_BURST;
        match take(&mut self.frames, now, limits::SOCKET_FRAMES_PER_SECOND, burst) {
            Ok(()) => Verdict::Pass,
            Err(wait) => match take(&mut self.refused, now, REFUSED_PER_SECOND, REFUSED_BURST) {
                Ok(()) => Verdict::Refuse(wait),
                Err(_) => Verdict::Abuse,
            },
        }
    }
}

/// `arrival` is when the next cell is due; it may lie `burst` cells ahead of now.
fn take(arrival: &mut Instant, now: Instant, per_second: u32, burst: u32) -> Result<(), Duration> {
    let cell = Duration::from_secs(1) / per_second;
    let due = (*arrival).max(now) + cell;
    let room = now + cell * burst;
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
        let mut rate = Rate::new(start);
        for _ in 0..limits::SOCKET_FRAMES_BURST {
            assert_eq!(rate.frame(start), Verdict::Pass);
        }
        assert_eq!(rate.frame(start), Verdict::Refuse(Duration::from_millis(20)));
        assert_eq!(rate.frame(start + Duration::from_millis(20)), Verdict::Pass);
        let flood = (0..1_000).map(|_| rate.frame(start)).position(|v| v == Verdict::Abuse);
        assert_eq!(flood, Some(99));
    }

    #[test]
    fn a_client_at_the_limit_is_never_refused() {
        let start = Instant::now();
        let mut rate = Rate::new(start);
        for n in 0..10_000 {
            assert_eq!(rate.frame(start + Duration::from_millis(20) * n), Verdict::Pass);
        }
    }
}
