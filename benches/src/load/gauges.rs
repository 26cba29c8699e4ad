//! Figures of a run while it goes on: histograms of what is measured, and of the last second.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use parking_lot::Mutex;

/// Longest latency that is told apart: a minute.
const LONGEST: u64 = 60_000_000;

/// A histogram in microseconds, to a thousandth; shared by clients.
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

    /// The latency that this share stays within, in milliseconds.
    pub fn ms(&self, quantile: f64) -> f64 {
        self.0.lock().value_at_quantile(quantile) as f64 / 1_000.0
    }

    /// Takes what is in it: count, p50 and p99 in milliseconds.
    fn drain(&self) -> (u64, f64, f64) {
        let mut histogram = self.0.lock();
        let ms = |quantile| histogram.value_at_quantile(quantile) as f64 / 1_000.0;
        let taken = (histogram.len(), ms(0.5), ms(0.99));
        histogram.reset();
        taken
    }
}

/// What the last second was like.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Second {
    /// Acknowledged sends.
    pub acked: u64,
    /// Their latency, ms.
    pub ack_p50: f64,
    /// The same.
    pub ack_p99: f64,
    /// Events that sockets got.
    pub received: u64,
    /// Their latency, ms.
    pub recv_p50: f64,
    /// The same.
    pub recv_p99: f64,
    /// How late the generator was, p99, ms.
    pub lag_p99: f64,
    /// Sends without an answer at its end.
    pub in_flight: u64,
}

#[derive(Debug, Default)]
struct Lately {
    acks: Latencies,
    received: Latencies,
    lag: Latencies,
}

/// What a run is at, in words, and how far.
#[derive(Debug)]
struct Phase {
    what: String,
    since: Instant,
}

/// Shared by the clients of a run and by whoever shows them.
#[derive(Debug)]
pub struct Gauges {
    /// Send → acknowledgement of what is measured.
    pub acks: Latencies,
    /// Send → receive of what is measured.
    pub received: Latencies,
    /// How late the generator wrote what is measured.
    pub lag: Latencies,
    /// Sockets that ended and were not meant to.
    pub cut: AtomicU64,
    /// Sockets whose queue the server dropped.
    pub resynced: AtomicU64,
    /// Watched sockets that could be witnesses no longer though they went on.
    pub blinded: AtomicU64,
    /// Messages that came to a socket that had them.
    pub doubled: AtomicU64,
    /// Event frames that could not be read, or are of somebody else's conversation.
    pub unreadable: AtomicU64,
    lately: Lately,
    sent: AtomicU64,
    answered: AtomicU64,
    phase: Mutex<Phase>,
    steps: AtomicU64,
}

impl Default for Gauges {
    fn default() -> Self {
        let phase = Phase { what: String::new(), since: Instant::now() };
        Self {
            acks: Latencies::default(),
            received: Latencies::default(),
            lag: Latencies::default(),
            cut: AtomicU64::new(0),
            resynced: AtomicU64::new(0),
            blinded: AtomicU64::new(0),
            doubled: AtomicU64::new(0),
            unreadable: AtomicU64::new(0),
            lately: Lately::default(),
            sent: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            phase: Mutex::new(phase),
            steps: AtomicU64::new(0),
        }
    }
}

/// Whether a thing is part of what is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// It is.
    Measured,
    /// It belongs to the time before or after.
    Around,
}

impl Part {
    /// Measured if so.
    pub fn measured(yes: bool) -> Self {
        if yes { Self::Measured } else { Self::Around }
    }
}

impl Gauges {
    /// A send left, so late.
    pub fn sent(&self, lag: Option<Duration>, part: Part) {
        self.sent.fetch_add(1, Ordering::Relaxed);
        if let Some(lag) = lag {
            self.lately.lag.record(lag);
            if part == Part::Measured {
                self.lag.record(lag);
            }
        }
    }

    /// A send was acknowledged.
    pub fn acked(&self, latency: Duration, part: Part) {
        self.answered.fetch_add(1, Ordering::Relaxed);
        self.lately.acks.record(latency);
        if part == Part::Measured {
            self.acks.record(latency);
        }
    }

    /// A send was answered otherwise.
    pub fn refused(&self) {
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    /// An event came.
    pub fn received(&self, latency: Duration, part: Part) {
        self.lately.received.record(latency);
        if part == Part::Measured {
            self.received.record(latency);
        }
    }

    /// What comes next, for whoever watches.
    pub fn phase(&self, what: &str) {
        *self.phase.lock() = Phase { what: what.to_owned(), since: Instant::now() };
        self.steps.store(0, Ordering::Relaxed);
    }

    /// One more of what is being made.
    pub fn step(&self) {
        self.steps.fetch_add(1, Ordering::Relaxed);
    }

    /// What is going on, for how long, and how many steps of it are done.
    pub fn at(&self) -> (String, Duration, u64) {
        let phase = self.phase.lock();
        (phase.what.clone(), phase.since.elapsed(), self.steps.load(Ordering::Relaxed))
    }

    /// Sends without an answer.
    pub fn in_flight(&self) -> u64 {
        let answered = self.answered.load(Ordering::Relaxed);
        self.sent.load(Ordering::Relaxed).saturating_sub(answered)
    }

    /// What came since this was asked last.
    pub fn second(&self) -> Second {
        let (acked, ack_p50, ack_p99) = self.lately.acks.drain();
        let (received, recv_p50, recv_p99) = self.lately.received.drain();
        let (_, _, lag_p99) = self.lately.lag.drain();
        let in_flight = self.in_flight();
        Second { acked, ack_p50, ack_p99, received, recv_p50, recv_p99, lag_p99, in_flight }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_milliseconds() {
        let latencies = Latencies::default();
        for ms in 1..=1_000 {
            latencies.record(Duration::from_millis(ms));
        }
        latencies.record(Duration::from_hours(1));
        let near = |quantile: f64, ms: f64| (latencies.ms(quantile) / ms - 1.0).abs() < 0.002;
        assert!(near(0.5, 501.0) && near(0.99, 991.0) && near(1.0, 60_000.0));
        assert_eq!(latencies.count(), 1_001);
    }

    #[test]
    fn a_second_is_told_once() {
        let gauges = Gauges::default();
        gauges.sent(Some(Duration::from_millis(2)), Part::Around);
        gauges.sent(None, Part::Measured);
        gauges.acked(Duration::from_millis(4), Part::Around);
        let second = gauges.second();
        assert_eq!((second.acked, second.in_flight), (1, 1));
        assert!((second.ack_p99 - 4.0).abs() < 0.01 && (second.lag_p99 - 2.0).abs() < 0.01);
        assert_eq!(gauges.second(), Second { in_flight: 1, ..Second::default() });
        assert_eq!((gauges.acks.count(), gauges.lag.count()), (0, 0));
    }
}
