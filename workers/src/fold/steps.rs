//! How long the steps of a round take: one sample a batch of each step that it had.

use platform::telemetry::{Metrics, label};
use prometheus::Histogram;
use tokio::time::{Duration, Instant};

/// The steps' histograms, looked up once.
pub(super) struct Steps(Vec<(&'static str, Histogram)>);

/// Of one round.
pub(super) struct Watch<'a> {
    steps: &'a Steps,
    spent: [Option<Duration>; label::STEPS.len()],
    since: Instant,
}

impl Steps {
    pub(super) fn new(metrics: &Metrics, pool: &str) -> Self {
        let of = |step| (step, metrics.fold_seconds.with_label_values(&[pool, step]));
        Self(label::STEPS.map(of).into())
    }

    /// A round begins.
    pub(super) fn watch(&self) -> Watch<'_> {
        Watch { steps: self, spent: Default::default(), since: Instant::now() }
    }
}

impl Watch<'_> {
    /// The time since the last call went into this step.
    pub(super) fn took(&mut self, step: &str) {
        let now = Instant::now();
        let own = self.steps.0.iter().zip(&mut self.spent).find(|((name, _), _)| *name == step);
        if let Some((_, spent)) = own {
            *spent = Some(spent.unwrap_or_default() + (now - self.since));
        }
        self.since = now;
    }

    /// The round is over.
    pub(super) fn tell(self) {
        for ((_, seconds), spent) in self.steps.0.iter().zip(self.spent) {
            if let Some(spent) = spent {
                seconds.observe(spent.as_secs_f64());
            }
        }
    }
}
