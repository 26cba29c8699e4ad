//! Dead letters on the engines of this crate.

use std::path::Path;
use std::sync::Arc;

use platform::embedded::{EmbeddedLog, LocalEphemeral, LogConfig, LsmConfig, LsmStore};
use platform::memory::{Faults, MemoryLog, MemoryStore};
use platform::port::clock::SystemClock;
use platform::telemetry::Metrics;
use platform::testing::dead_letters::poison_comes_back;
use platform::{Log, Platform, Store, dead_letters};

fn platform(log: Arc<dyn Log>, store: Arc<dyn Store>) -> Platform {
    let clock = Arc::new(SystemClock);
    let ephemeral = Arc::new(LocalEphemeral::new(clock.clone()));
    Platform { log, store, ephemeral, clock, metrics: Metrics::new() }
}

fn embedded(dir: &Path) -> Platform {
    let store = LsmStore::open(&dir.join("store"), LsmConfig::default()).expect("the store");
    let clock = Arc::new(SystemClock);
    let log = EmbeddedLog::open(&dir.join("log"), store.clone(), clock, LogConfig::default());
    platform(Arc::new(log.expect("the log")), Arc::new(store))
}

#[tokio::test]
async fn poison_comes_back_in_memory() {
    let faults = Faults::default();
    let log = MemoryLog::new(Arc::new(SystemClock), faults.clone());
    poison_comes_back(platform(Arc::new(log), Arc::new(MemoryStore::new(faults)))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn poison_comes_back_on_the_embedded_engines() {
    let dir = tempfile::tempdir().expect("a folder");
    let platform = embedded(dir.path());
    poison_comes_back(platform.clone()).await;
    platform.log.close().await;
    drop(platform);
    // Letters and marks are read from the disk after a restart.
    let platform = embedded(dir.path());
    let states = platform.log.describe(&schemas::topic::DEAD_LETTERS).await.expect("states");
    assert_eq!(states[0].end, 10, "five letters and their marks");
    let list = dead_letters::list(&*platform.log).await.expect("a list");
    assert_eq!(list, dead_letters::List::default());
}
