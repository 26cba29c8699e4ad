//! Metrics: typed, named once, with help text, unit and labels from closed sets. One value per
//! platform, none global. Served on the operations port, never on the public one.
//!
//! [`definitions`] is the table of all of them: the fields of [`All`], what Prometheus is told, and
//! docs/METRICS.md are made from it. Whoever observes often looks its child up once. What is only
//! known by looking (the length of a queue, the size of a folder) costs nothing until somebody
//! scrapes: see [`Metrics::watch`].
//!
//! It must never hold what it watches alive, nor take an id, a name or a text of a user as a label.

mod definitions;
#[cfg(test)]
mod document;
mod kind;
pub mod label;
mod seldom;
mod timed;

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use parking_lot::Mutex;
use prometheus::{Encoder, Registry, TextEncoder};

pub use definitions::{All, DEFINITIONS};
pub use kind::{Buckets, Definition, Kind, Reading, ReadingVec};
pub use seldom::Seldom;
pub use timed::TimedStore;

/// Adds what it sees to the readings of a scrape.
type Watcher = Box<dyn Fn(&All) + Send + Sync>;

/// All metrics of a process. Cheap to clone; every clone is the same set.
#[derive(Clone)]
pub struct Metrics(Arc<Set>);

struct Set {
    registry: Registry,
    all: All,
    /// Held during a scrape, so that two of them do not add to the same readings.
    watchers: Mutex<Vec<Watcher>>,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Deref for Metrics {
    type Target = All;
    fn deref(&self) -> &All {
        &self.0.all
    }
}

impl Metrics {
    /// A fresh set, all zero.
    pub fn new() -> Self {
        let registry = Registry::new();
        let all = All::register(&registry);
        #[cfg(target_os = "linux")]
        registry
            .register(Box::new(prometheus::process_collector::ProcessCollector::for_self()))
            .expect("names are unique");
        Self(Arc::new(Set { registry, all, watchers: Mutex::default() }))
    }

    /// Calls `watcher` at every scrape: it *adds* to readings, which begin at 0 each time, so that
    /// several nodes of a process come to one sum. It is for ever: let it hold what it watches weakly.
    pub fn watch(&self, watcher: impl Fn(&All) + Send + Sync + 'static) {
        self.0.watchers.lock().push(Box::new(watcher));
    }

    /// An invariant did not hold (G-29): counted, and told. `id` is one of [`label::INVARIANT`].
    pub fn violated(&self, id: &'static str, what: &dyn fmt::Display) {
        self.invariant_violations.with_label_values(&[id]).inc();
        tracing::error!(invariant = id, %what, "an invariant did not hold");
    }

    /// The text form that Prometheus scrapes (version 0.0.4).
    pub fn render(&self) -> Vec<u8> {
        let watchers = self.0.watchers.lock();
        self.begin();
        for watcher in &*watchers {
            watcher(self);
        }
        let families = self.0.registry.gather();
        drop(watchers);
        let mut out = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&families, &mut out) {
            tracing::error!(%error, "metrics could not be rendered");
        }
        out
    }
}

#[cfg(test)]
mod tests;
