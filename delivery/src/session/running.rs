//! A sync under way on a socket.

use futures_util::future::BoxFuture;
use platform::telemetry::Metrics;
use tokio::time::Instant;

use crate::sync::{Step, Sync};

/// See the module.
pub(super) struct Running {
    pub(super) id: Box<str>,
    pub(super) step: BoxFuture<'static, Step>,
    began: Instant,
    /// How it ended; counted when it is dropped.
    pub(super) outcome: &'static str,
    metrics: Metrics,
}

impl Running {
    pub(super) fn new(sync: Box<Sync>, metrics: Metrics) -> Self {
        let (id, began) = (sync.id().into(), Instant::now());
        Self { id, step: sync.begin(), began, outcome: "gone", metrics }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.metrics.syncs.with_label_values(&[self.outcome]).inc();
        self.metrics.sync_seconds.observe(self.began.elapsed().as_secs_f64());
    }
}

/// Its next step.
pub(super) async fn stepped(syncing: &mut Option<Running>) -> Step {
    match syncing {
        Some(running) => (&mut running.step).await,
        None => std::future::pending().await,
    }
}
