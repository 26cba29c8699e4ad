//! Engines that processes share: Kafka, ScyllaDB or Cassandra, Redis.

use std::sync::Arc;

use anyhow::Context;
use engines::cql::CqlStore;
use engines::kafka::KafkaLog;
use engines::redis::{Fallback, RedisEphemeral};
use platform::config::{Config, EphemeralEngine};
use platform::embedded::LocalEphemeral;
use platform::lifecycle::Lifecycle;
use platform::port::clock::SystemClock;
use platform::telemetry::{Metrics, TimedStore};
use platform::{Clock, Ephemeral, Platform};

use super::Engines;

/// Connects to what the configuration names.
pub(super) async fn open(config: &Config, life: &Lifecycle) -> anyhow::Result<Engines> {
    let clock = Arc::new(SystemClock);
    let metrics = Metrics::new();
    let store = Arc::new(store(config, clock.clone()).await?);
    let log =
        KafkaLog::open(&config.kafka, &config.namespace, store.clone(), clock.clone(), &metrics)
            .await
            .with_context(|| format!("Kafka at {}", config.kafka.brokers.join(", ")))?;
    let ephemeral = ephemeral(config, clock.clone(), life).await?;
    let store = Arc::new(TimedStore::new(store, &metrics));
    let platform = Platform { log: Arc::new(log), store, ephemeral, clock, metrics };
    Ok(Engines { platform, embedded: None })
}

/// The store alone.
pub(crate) async fn store(config: &Config, clock: Arc<dyn Clock>) -> anyhow::Result<CqlStore> {
    CqlStore::open(&config.cql, &config.namespace, &schemas::table::all(), clock)
        .await
        .with_context(|| format!("the CQL store at {}", config.cql.contact_points.join(", ")))
}

/// Routes and limits: they may be shared even where nothing else is.
pub(super) async fn ephemeral(
    config: &Config,
    clock: Arc<dyn Clock>,
    life: &Lifecycle,
) -> anyhow::Result<Arc<dyn Ephemeral>> {
    Ok(match config.engines.ephemeral {
        EphemeralEngine::Embedded => Arc::new(LocalEphemeral::new(clock)),
        EphemeralEngine::Redis => {
            let redis =
                RedisEphemeral::open(&config.redis, &config.namespace, clock.clone(), life).await?;
            Arc::new(Fallback::new(redis, clock))
        }
    })
}
