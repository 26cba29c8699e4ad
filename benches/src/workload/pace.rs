//! When the next operation is due.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Closed or open loop.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// The next as soon as the last has ended.
    Closed,
    /// So many a second, whether or not earlier ones have ended. A latency counts from the time the
    /// operation was due, or a stalled system would slow its own measurement down.
    Open(f64),
}

/// A schedule shared by all who work on it: a ticket is an operation.
#[derive(Debug)]
pub struct Schedule {
    pace: Pace,
    began: Instant,
    next: AtomicU64,
    tickets: u64,
    ended: AtomicBool,
}

/// One operation to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Its number, from 0.
    pub number: u64,
    /// When it was due.
    pub due: Instant,
}

impl Schedule {
    /// So many operations, from now on.
    pub fn new(pace: Pace, tickets: u64) -> Self {
        Self {
            pace,
            began: Instant::now(),
            next: AtomicU64::new(0),
            tickets,
            ended: AtomicBool::new(false),
        }
    }

    /// Waits for the next operation's time; none when there are no more.
    pub async fn next(&self) -> Option<Ticket> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        if number >= self.tickets || self.ended.load(Ordering::Relaxed) {
            return None;
        }
        let due = match self.pace {
            Pace::Closed => Instant::now(),
            Pace::Open(rate) => {
                let due = self.began + Duration::from_secs_f64(number as f64 / rate.max(1e-9));
                sleep_until(due).await;
                due
            }
        };
        Some(Ticket { number, due })
    }

    /// Whether no more operations begin.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// No more operations begin.
    pub fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    /// Operations that were begun, and all.
    pub fn progress(&self) -> (u64, u64) {
        (self.next.load(Ordering::Relaxed).min(self.tickets), self.tickets)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_open_loop_keeps_its_times_however_late_it_is_asked() {
        let schedule = Schedule::new(Pace::Open(1_000.0), 3);
        let first = schedule.next().await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        let second = schedule.next().await.unwrap();
        assert_eq!(second.due - first.due, Duration::from_millis(1));
        assert!(schedule.next().await.is_some());
        assert_eq!(schedule.next().await, None);
        assert_eq!(schedule.progress(), (3, 3));
    }
}
