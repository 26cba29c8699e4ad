//! The one place that starts tasks. A harness has no shutdown order to keep: it ends with the
//! process, and a task that panics is noticed by whoever joins it.

use std::future::Future;

use tokio::task::JoinHandle;

/// Starts a task.
#[expect(clippy::disallowed_methods, reason = "the one place of this crate that spawns")]
pub fn spawn<F>(run: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    tokio::spawn(run)
}
