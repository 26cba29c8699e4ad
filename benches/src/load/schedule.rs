//! When messages are due, drawn before anything is sent.
//!
//! A load that waits for answers before it goes on leaves out the moments at which the system is slow:
//! Gil Tene calls it coordinated omission ("How NOT to Measure Latency", 2013). Here the times are fixed
//! ahead, and a latency is counted from the time at which a message was due, whatever kept it from being
//! sent then.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng as _, SeedableRng as _};

use super::book::{Number, SENDS};

/// How gaps between messages are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrivals {
    /// Independent of each other, as people are: exponential gaps.
    Poisson,
    /// All gaps alike.
    Uniform,
}

impl Arrivals {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Poisson => "Poisson",
            Self::Uniform => "uniform",
        }
    }
}

/// A rate that is held for a time, behind a shorter one that is not measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Messages a second.
    pub rate: f64,
    /// Caches warm, files grow: not measured.
    pub warm: Duration,
    /// Measured.
    pub length: Duration,
    /// How gaps are drawn.
    pub arrivals: Arrivals,
    /// Everything random follows from it.
    pub seed: u64,
}

/// A plan that can not be carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TooMuch(String);

impl std::fmt::Display for TooMuch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for TooMuch {}

/// When each message is due.
#[derive(Clone, Debug)]
pub struct Times {
    began: Instant,
    /// Since the begin, growing.
    at: Vec<Duration>,
    /// The first that is measured.
    first: Number,
}

impl Plan {
    /// Draws the times, from a begin on.
    pub fn draw(&self, began: Instant) -> Result<Times, TooMuch> {
        let all = (self.warm + self.length).as_secs_f64();
        let fits = self.rate.is_finite() && self.rate > 0.0;
        if !fits || self.rate * all > f64::from(SENDS) {
            return Err(TooMuch(format!(
                "{} messages/s for {all:.0} s: a run has more than none and at most {SENDS} messages",
                self.rate
            )));
        }
        let mut rng = StdRng::seed_from_u64(self.seed);
        let (mut at, mut next) = (Vec::new(), 0.0_f64);
        loop {
            next += match self.arrivals {
                Arrivals::Uniform => 1.0 / self.rate,
                // 1 - u is never 0.
                Arrivals::Poisson => -(1.0 - rng.random::<f64>()).ln() / self.rate,
            };
            if next >= all || at.len() >= SENDS as usize {
                break;
            }
            at.push(Duration::from_secs_f64(next));
        }
        let first = at.partition_point(|at| *at < self.warm);
        let first = Number::try_from(first).unwrap_or(SENDS);
        Ok(Times { began, at, first })
    }
}

impl Times {
    /// When this message is due.
    pub fn due(&self, number: Number) -> Option<Instant> {
        Some(self.began + *self.at.get(number as usize)?)
    }

    /// Whether a message is measured.
    pub fn measured(&self, number: Number) -> bool {
        number >= self.first
    }

    /// How many are measured.
    pub fn count(&self) -> u64 {
        self.at.len() as u64 - u64::from(self.first)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.at.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.at.is_empty()
    }

    /// When it begins.
    pub fn began(&self) -> Instant {
        self.began
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plan(rate: f64, seconds: u64, arrivals: Arrivals, seed: u64) -> Plan {
        let length = Duration::from_secs(seconds);
        Plan { rate, warm: Duration::from_secs(1), length, arrivals, seed }
    }

    proptest! {
        #[test]
        fn times_grow_end_in_time_and_follow_from_the_seed(
            rate in 1.0_f64..3_000.0,
            seconds in 1_u64..8,
            uniform in any::<bool>(),
            seed in any::<u64>(),
        ) {
            let arrivals = if uniform { Arrivals::Uniform } else { Arrivals::Poisson };
            let began = Instant::now();
            let plan = plan(rate, seconds, arrivals, seed);
            let times = plan.draw(began).unwrap();
            prop_assert!(times.at.is_sorted());
            prop_assert!(times.at.iter().all(|at| at.as_secs_f64() < (seconds + 1) as f64));
            prop_assert_eq!(&times.at, &plan.draw(began).unwrap().at);
            let warm = times.at.iter().filter(|at| at.as_secs_f64() < 1.0).count() as u64;
            prop_assert_eq!(times.count(), times.len() as u64 - warm);
        }

        #[test]
        fn the_rate_is_met(rate in 200.0_f64..3_000.0, uniform in any::<bool>(), seed in any::<u64>()) {
            let arrivals = if uniform { Arrivals::Uniform } else { Arrivals::Poisson };
            let times = plan(rate, 9, arrivals, seed).draw(Instant::now()).unwrap();
            let expected = rate * 10.0;
            // Six standard deviations of a Poisson process.
            let off = (times.len() as f64 - expected).abs();
            prop_assert!(off <= 6.0 * expected.sqrt() + 1.0, "{} of {expected}", times.len());
        }
    }

    #[test]
    fn gaps_of_a_poisson_process_vary_as_much_as_they_are_long() {
        let times = plan(1_000.0, 19, Arrivals::Poisson, 7).draw(Instant::now()).unwrap();
        let gaps: Vec<f64> =
            times.at.windows(2).map(|pair| pair[1].as_secs_f64() - pair[0].as_secs_f64()).collect();
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let spread = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((spread.sqrt() / mean - 1.0).abs() < 0.05, "{} of {mean}", spread.sqrt());
    }

    #[test]
    fn what_no_run_can_hold_is_refused() {
        let now = Instant::now();
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e9] {
            assert!(plan(rate, 1, Arrivals::Uniform, 1).draw(now).is_err(), "{rate}");
        }
    }
}
