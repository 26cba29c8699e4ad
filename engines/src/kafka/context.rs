//! What librdkafka tells its clients: log lines and errors go to `tracing` (target `rdkafka`), at
//! most one of a kind in ten seconds, because a broker that is away causes several a second.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;

use super::pulse::Pulse;

/// Least time between two warnings of one client.
const QUIET: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
struct Spoken {
    at: Option<Instant>,
    left_out: u64,
}

/// Lets a warning pass now and then.
#[derive(Debug)]
pub(super) struct Voice {
    role: &'static str,
    spoken: Mutex<Spoken>,
}

impl Voice {
    pub(super) fn new(role: &'static str) -> Self {
        Self { role, spoken: Mutex::default() }
    }

    pub(super) fn warn(&self, text: &str) {
        let mut spoken = self.spoken.lock();
        if spoken.at.is_some_and(|at| at.elapsed() < QUIET) {
            spoken.left_out += 1;
            return;
        }
        let left_out = std::mem::take(&mut spoken.left_out);
        spoken.at = Some(Instant::now());
        drop(spoken);
        tracing::warn!(target: "rdkafka", role = self.role, left_out, "{text}");
    }

    pub(super) fn line(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        let role = self.role;
        match level {
            // Settings for producers are known to consumers, and the reverse.
            _ if facility == "CONFWARN" => {
                tracing::trace!(target: "rdkafka", role, facility, "{text}");
            }
            RDKafkaLogLevel::Emerg
            | RDKafkaLogLevel::Alert
            | RDKafkaLogLevel::Critical
            | RDKafkaLogLevel::Error
            | RDKafkaLogLevel::Warning => self.warn(text),
            RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info => {
                tracing::debug!(target: "rdkafka", role, facility, "{text}");
            }
            RDKafkaLogLevel::Debug => {
                tracing::trace!(target: "rdkafka", role, facility, "{text}");
            }
        }
    }
}

/// Context of a consumer that has no group to care for.
#[derive(Debug)]
pub(super) struct Plain {
    voice: Voice,
    pulse: Pulse,
    served: AtomicBool,
}

impl Plain {
    pub(super) fn new(role: &'static str) -> Self {
        Self { voice: Voice::new(role), pulse: Pulse::default(), served: AtomicBool::new(false) }
    }

    pub(super) fn voice(&self) -> &Voice {
        &self.voice
    }

    pub(super) fn pulse(&self) -> &Pulse {
        &self.pulse
    }

    /// Whether an event was served since the last question. A poll that served one gives nothing,
    /// although more may wait behind it.
    pub(super) fn served(&self) -> bool {
        self.served.swap(false, Ordering::Relaxed)
    }
}

impl ClientContext for Plain {
    fn stats_raw(&self, statistics: &[u8]) {
        self.served.store(true, Ordering::Relaxed);
        self.pulse.read(statistics);
    }

    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.served.store(true, Ordering::Relaxed);
        self.voice.line(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.served.store(true, Ordering::Relaxed);
        self.voice.warn(&format!("{error}: {reason}"));
    }
}

impl ConsumerContext for Plain {}
