//! Engines in this process, durable in the data folder.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use platform::Platform;
use platform::config::Config;
use platform::data_dir::DataDir;
use platform::embedded::{EmbeddedLog, JournalConfig, LogConfig, LsmConfig, LsmStore};
use platform::port::clock::SystemClock;
use platform::telemetry::{Metrics, TimedStore};

use super::{Embedded, Engines, shared};
use platform::lifecycle::Lifecycle;

/// Opens the data folder.
pub(super) async fn open(config: &Config, life: &Lifecycle) -> anyhow::Result<Engines> {
    let (data, store, log) = folder(config)?;
    let clock = Arc::new(SystemClock);
    let metrics = Metrics::new();
    data.watch(&metrics);
    store.watch(&metrics);
    log.watch(&metrics);
    let platform = Platform {
        log: Arc::new(log.clone()),
        store: Arc::new(TimedStore::new(Arc::new(store.clone()), &metrics)),
        ephemeral: shared::ephemeral(config, clock.clone(), life).await?,
        clock,
        metrics,
    };
    Ok(Engines { platform, embedded: Some(Embedded { store, log, data }) })
}

/// The data folder, the store and the log in it, and nothing beside them.
pub(crate) fn folder(config: &Config) -> anyhow::Result<(DataDir, LsmStore, EmbeddedLog)> {
    let data = DataDir::open(&config.data.dir)?;
    let lsm = LsmConfig { cache_bytes: config.data.cache_mib << 20, ..LsmConfig::default() };
    let store = LsmStore::open(&data.store(), lsm).context("the embedded store")?;
    let defaults = LogConfig::default();
    let settings = LogConfig {
        journal: JournalConfig {
            segment_bytes: config.journal.segment_mib << 20,
            max_bytes: config.journal.max_mib << 20,
            ..defaults.journal
        },
        checkpoint_every: Duration::from_millis(config.journal.checkpoint_ms),
        ..defaults
    };
    let log = EmbeddedLog::open(&data.log(), store.clone(), Arc::new(SystemClock), settings)
        .context("the embedded log")?;
    Ok((data, store, log))
}
