//! Time and randomness. Nothing else may ask the machine for either (clippy.toml), so that tests
//! move time by hand and folds depend on neither.

use schemas::Timestamp;
use uuid::{Builder, Uuid};

/// Wall-clock time.
pub trait Clock: Send + Sync + 'static {
    /// Now, for people and for durations that outlive the process.
    fn now(&self) -> Timestamp;

    /// Milliseconds of a clock that never jumps, for durations within the process.
    fn monotonic_ms(&self) -> i64;
}

/// The machine's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place that reads the clock")]
    fn now(&self) -> Timestamp {
        let since =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn monotonic_ms(&self) -> i64 {
        let at = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        at.tv_sec.saturating_mul(1_000).saturating_add(at.tv_nsec / 1_000_000)
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct SimClock(std::sync::atomic::AtomicI64);

impl SimClock {
    /// A clock that shows `at`.
    pub fn at(at: Timestamp) -> Self {
        Self(at.0.into())
    }

    /// Moves it forward.
    pub fn advance_ms(&self, ms: i64) {
        self.0.fetch_add(ms, std::sync::atomic::Ordering::SeqCst);
    }
}

impl Clock for SimClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(std::sync::atomic::Ordering::SeqCst))
    }

    fn monotonic_ms(&self) -> i64 {
        self.now().0
    }
}

/// Fills `bytes` from the operating system's generator.
#[expect(clippy::disallowed_methods, reason = "the one place that asks for randomness")]
pub fn random(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the operating system gives random bytes");
}

/// A new UUIDv7 (RFC 9562 §5.7) of this moment.
pub fn uuid_v7(clock: &dyn Clock) -> Uuid {
    let mut tail = [0; 10];
    random(&mut tail);
    let millis = u64::try_from(clock.now().0).unwrap_or(0);
    Builder::from_unix_timestamp_millis(millis, &tail).into_uuid()
}
