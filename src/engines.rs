//! The engines behind the ports, as the configuration asks for them: today the embedded ones.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use platform::Platform;
use platform::config::Config;
use platform::data_dir::DataDir;
use platform::embedded::{
    EmbeddedLog, JournalConfig, LocalEphemeral, LogConfig, LsmConfig, LsmStore,
};
use platform::port::clock::SystemClock;
use platform::telemetry::Metrics;

/// The platform of a process, and the folder it locks.
pub(crate) struct Engines {
    pub(crate) platform: Platform,
    pub(crate) store: LsmStore,
    pub(crate) data: DataDir,
}

/// Opens what the configuration names. Recovery happens here: store, then log, then cursors.
pub(crate) fn open(config: &Config) -> anyhow::Result<Engines> {
    let data = DataDir::open(&config.data.dir)?;
    let clock = Arc::new(SystemClock);
    let lsm = LsmConfig { cache_bytes: config.data.cache_mib << 20, ..LsmConfig::default() };
    let store = LsmStore::open(&data.store(), lsm).context("the embedded store")?;
    let defaults = LogConfig::default();
    let log = LogConfig {
        journal: JournalConfig {
            segment_bytes: config.journal.segment_mib << 20,
            max_bytes: config.journal.max_mib << 20,
            ..defaults.journal
        },
        checkpoint_every: Duration::from_millis(config.journal.checkpoint_ms),
        ..defaults
    };
    let log = EmbeddedLog::open(&data.log(), store.clone(), clock.clone(), log)
        .context("the embedded log")?;
    let platform = Platform {
        log: Arc::new(log),
        store: Arc::new(store.clone()),
        ephemeral: Arc::new(LocalEphemeral::new(clock.clone())),
        clock,
        metrics: Metrics::new(),
    };
    Ok(Engines { platform, store, data })
}
