//! When a batch is tried again, and when a record is given up. Pure.
//!
//! An engine that does not answer is waited for without end. A handler that panics gets the batch
//! one record at a time, so that the culprit is known; a single record that panics
//! [`limits::POISON_TRIES`] times is a dead letter (G-16).

use std::time::Duration;

use schemas::limits;

const FIRST: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_secs(2);

/// How often the batch of a lane has failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attempts {
    retries: u32,
    panics: u32,
    fenced: u32,
}

/// What to do with a batch that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Try it again after this time.
    After(Duration),
    /// Try its records one by one.
    OneByOne,
    /// Give up this one record.
    Bury,
}

impl Attempts {
    /// After a failure that an engine caused.
    pub fn retried(&mut self) -> Duration {
        let delay = FIRST.saturating_mul(1 << self.retries.min(16)).min(LONGEST);
        self.retries = self.retries.saturating_add(1);
        delay
    }

    /// After a fence; how often in a row.
    pub fn fenced(&mut self) -> u32 {
        self.fenced += 1;
        self.fenced
    }

    /// After a panic over `records` records.
    pub fn panicked(&mut self, records: usize) -> Next {
        if records > 1 {
            return Next::OneByOne;
        }
        self.panics += 1;
        if self.panics >= limits::POISON_TRIES {
            Next::Bury
        } else {
            Next::After(FIRST.saturating_mul(1 << self.panics.min(4)))
        }
    }

    /// Tries so far, for the dead letter.
    pub fn tries(&self) -> u32 {
        self.panics.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_engine_is_waited_for_without_end_but_not_in_a_hurry() {
        let mut attempts = Attempts::default();
        let waits: Vec<_> = (0..50).map(|_| attempts.retried()).collect();
        assert!(waits.is_sorted() && *waits.last().unwrap() == LONGEST);
    }

    #[test]
    fn a_record_that_panics_five_times_alone_is_buried_within_five_seconds() {
        let mut attempts = Attempts::default();
        assert_eq!(attempts.panicked(7), Next::OneByOne);
        let mut waited = Duration::ZERO;
        for _ in 1..limits::POISON_TRIES {
            let Next::After(delay) = attempts.panicked(1) else { panic!("not yet") };
            waited += delay;
        }
        assert_eq!(attempts.panicked(1), Next::Bury);
        assert!(waited < Duration::from_secs(5));
    }
}
