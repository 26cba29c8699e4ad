//! Tasks of a process: started here so that each has a name, is stopped in order, and is missed when
//! it dies.
//!
//! A *component* (a pool, a node's reader) must live as long as the process: if it ends before the
//! shutdown, the process stops with an error rather than going on without it. A *guest* (a
//! connection) may end at any time. Shutdown has two steps: `stop` tells everyone, `drained` waits
//! for the components up to a deadline.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinHandle;

#[derive(Debug, Clone, PartialEq, Eq)]
enum Phase {
    Running,
    Stopping,
    /// A component ended on its own.
    Died(String),
}

/// Starts and stops tasks. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Lifecycle {
    phase: Arc<watch::Sender<Phase>>,
    components: Arc<Mutex<Vec<Component>>>,
}

type Component = (&'static str, JoinHandle<()>);

/// Resolves when the process is to stop.
#[derive(Clone, Debug)]
pub struct Stopping(watch::Receiver<Phase>);

impl Default for Lifecycle {
    fn default() -> Self {
        Self::new()
    }
}

impl Lifecycle {
    /// Nothing runs yet.
    pub fn new() -> Self {
        Self { phase: Arc::new(watch::Sender::new(Phase::Running)), components: Arc::default() }
    }

    /// Starts a component: it must run until the shutdown, and then end by itself.
    #[expect(clippy::disallowed_methods, reason = "the one place that spawns components")]
    pub fn component<F>(&self, name: &'static str, run: F)
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        let phase = self.phase.clone();
        let handle = tokio::spawn(async move {
            let guard = Died { name, phase: phase.clone(), defused: false };
            let outcome = run.await;
            let stopping = *phase.borrow() != Phase::Running;
            guard.defuse();
            match outcome {
                Ok(()) if stopping => tracing::debug!(component = name, "stopped"),
                Ok(()) => died(&phase, format!("{name} ended")),
                Err(error) => died(&phase, format!("{name} failed: {error}")),
            }
        });
        self.components.lock().push((name, handle));
    }

    /// Starts a guest: a task that may end at any time, such as a connection.
    #[expect(clippy::disallowed_methods, reason = "the one place that spawns guests")]
    pub fn guest<F>(&self, run: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        drop(tokio::spawn(run));
    }

    /// A signal for tasks that run until the shutdown.
    pub fn stopping(&self) -> Stopping {
        Stopping(self.phase.subscribe())
    }

    /// Tells every task to stop.
    pub fn stop(&self) {
        self.phase.send_if_modified(|phase| {
            let running = *phase == Phase::Running;
            if running {
                *phase = Phase::Stopping;
            }
            running
        });
    }

    /// Why the process stops, once it does: none for a wanted shutdown.
    pub async fn stopped(&self) -> Option<String> {
        let mut phase = self.phase.subscribe();
        match phase.wait_for(|phase| *phase != Phase::Running).await.as_deref() {
            Ok(Phase::Died(why)) => Some(why.clone()),
            _ => None,
        }
    }

    /// Waits until every component has ended, at most `limit`; the names of those that have not.
    pub async fn drained(&self, limit: Duration) -> Vec<&'static str> {
        let components = std::mem::take(&mut *self.components.lock());
        let deadline = tokio::time::Instant::now() + limit;
        let mut late = Vec::new();
        for (name, handle) in components {
            let abort = handle.abort_handle();
            if tokio::time::timeout_at(deadline, handle).await.is_err() {
                abort.abort();
                late.push(name);
            }
        }
        late
    }
}

fn died(phase: &watch::Sender<Phase>, why: String) {
    tracing::error!(why, "a component died");
    phase.send_if_modified(|phase| {
        let first = *phase == Phase::Running;
        if first {
            *phase = Phase::Died(why);
        }
        first
    });
}

/// Notices a component that panics.
struct Died {
    name: &'static str,
    phase: Arc<watch::Sender<Phase>>,
    defused: bool,
}

impl Died {
    fn defuse(mut self) {
        self.defused = true;
    }
}

impl Drop for Died {
    fn drop(&mut self) {
        if !self.defused && std::thread::panicking() {
            died(&self.phase, format!("{} panicked", self.name));
        }
    }
}

impl Stopping {
    /// Waits for the shutdown. Cancel-safe.
    pub async fn wait(&mut self) {
        // An error means the lifecycle is gone, which is a shutdown too.
        drop(self.0.wait_for(|phase| *phase != Phase::Running).await);
    }

    /// Whether it has begun.
    pub fn begun(&self) -> bool {
        *self.0.borrow() != Phase::Running
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_component_that_ends_early_stops_the_process_with_its_name() {
        let life = Lifecycle::new();
        life.component("pool", async { Ok(()) });
        assert_eq!(life.stopped().await.as_deref(), Some("pool ended"));
    }

    #[tokio::test]
    async fn a_component_that_panics_stops_the_process() {
        let life = Lifecycle::new();
        life.component("pool", async { panic!("planted") });
        assert_eq!(life.stopped().await.as_deref(), Some("pool panicked"));
    }

    #[tokio::test]
    async fn a_wanted_shutdown_waits_for_components_and_names_the_late_ones() {
        let life = Lifecycle::new();
        let mut stopping = life.stopping();
        life.component("good", async move {
            stopping.wait().await;
            Ok(())
        });
        life.component("late", std::future::pending());
        life.stop();
        assert_eq!(life.stopped().await, None);
        assert_eq!(life.drained(Duration::from_millis(50)).await, ["late"]);
    }
}
