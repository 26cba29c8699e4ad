//! When the members of a group have a message: the first of them, nearly all, the last.

use std::collections::HashMap;
use std::time::Duration;

use parking_lot::Mutex;

use super::book::Number;
use super::gauges::Latencies;

/// Messages that some of their members have, and what came of those that all have.
#[derive(Debug)]
pub struct Spread {
    /// Members that are to get each, the sender left out.
    members: usize,
    open: Mutex<HashMap<Number, Vec<Duration>>>,
    /// Until the first member has it.
    pub first: Latencies,
    /// Until 99 of 100 members have it.
    pub most: Latencies,
    /// Until the last member has it.
    pub last: Latencies,
}

impl Spread {
    /// Over so many receivers each.
    pub fn over(members: usize) -> Self {
        let (first, most, last) = Default::default();
        Self { members: members.max(1), open: Mutex::default(), first, most, last }
    }

    /// One more of them has it, so long after it was due.
    pub fn got(&self, number: Number, latency: Duration) {
        let mut open = self.open.lock();
        let all = open.entry(number).or_default();
        all.push(latency);
        if all.len() < self.members {
            return;
        }
        let mut all = open.remove(&number).unwrap_or_default();
        drop(open);
        all.sort_unstable();
        let most = (all.len() * 99).div_ceil(100).saturating_sub(1);
        let at = |place: usize| all.get(place).copied().unwrap_or_default();
        self.first.record(at(0));
        self.most.record(at(most));
        self.last.record(at(all.len() - 1));
    }

    /// Messages that somebody lacks.
    pub fn incomplete(&self) -> usize {
        self.open.lock().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_counts_once_all_members_have_it() {
        let spread = Spread::over(200);
        for ms in (1..200).rev() {
            spread.got(7, Duration::from_millis(ms));
        }
        assert_eq!((spread.incomplete(), spread.last.count()), (1, 0));
        spread.got(7, Duration::from_millis(200));
        assert_eq!((spread.incomplete(), spread.last.count()), (0, 1));
        let near = |latencies: &Latencies, ms: f64| (latencies.ms(0.5) / ms - 1.0).abs() < 0.002;
        assert!(near(&spread.first, 1.0) && near(&spread.most, 198.0) && near(&spread.last, 200.0));
    }
}
