//! Latencies of a scenario, shared by its clients.

use std::time::Duration;

use hdrhistogram::Histogram;
use parking_lot::Mutex;

use super::Measured;

/// Longest latency that is told apart: a minute.
const LONGEST: u64 = 60_000_000;

/// A histogram in microseconds, to a thousandth.
#[derive(Debug)]
pub struct Latencies(Mutex<Histogram<u64>>);

impl Default for Latencies {
    fn default() -> Self {
        let histogram = Histogram::new_with_max(LONGEST, 3).expect("bounds that are allowed");
        Self(Mutex::new(histogram))
    }
}

impl Latencies {
    /// Adds one.
    pub fn record(&self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX);
        self.0.lock().saturating_record(micros);
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.0.lock().len()
    }

    /// Adds percentiles in milliseconds.
    pub fn tell(&self, name: &str, measured: &mut Measured) {
        let histogram = self.0.lock();
        for (quantile, text) in [(0.5, "p50"), (0.99, "p99"), (0.999, "p99.9"), (1.0, "max")] {
            let micros = histogram.value_at_quantile(quantile);
            measured.add(format!("{name} {text}, ms"), micros as f64 / 1_000.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_told_in_milliseconds() {
        let latencies = Latencies::default();
        for ms in 1..=1_000 {
            latencies.record(Duration::from_millis(ms));
        }
        latencies.record(Duration::from_hours(1));
        let mut measured = Measured::new("x");
        latencies.tell("a", &mut measured);
        let near = |name: &str, ms: f64| (measured.get(name).unwrap() / ms - 1.0).abs() < 0.002;
        assert!(
            near("a p50, ms", 501.0) && near("a p99, ms", 991.0) && near("a max, ms", 60_000.0)
        );
        assert_eq!(latencies.count(), 1_001);
    }
}
