//! Real brokers, where `PARLANCE_TEST_KAFKA` says. Every value has a namespace of its own.

use std::sync::Arc;

use async_trait::async_trait;
use engines::kafka::admin::Admin;
use engines::kafka::{KafkaLog, Refused};
use platform::config::Kafka;
use platform::memory::{Faults, MemoryStore};
use platform::port::clock::{SystemClock, uuid_v7};
use platform::telemetry::Metrics;
use platform::testing::conformance::log;
use platform::{Log, Store};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use schemas::topic;

/// The brokers named by the environment.
pub(crate) struct Brokers {
    pub(crate) namespace: String,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) metrics: Metrics,
    pub(crate) config: Kafka,
}

impl Brokers {
    /// None, and says so, where the environment names none.
    pub(crate) fn named() -> Option<Self> {
        let Ok(address) = std::env::var("PARLANCE_TEST_KAFKA") else {
            assert!(std::env::var("CI").is_err(), "CI must name PARLANCE_TEST_KAFKA");
            eprintln!("skipped: PARLANCE_TEST_KAFKA is not set");
            return None;
        };
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Faults::default()));
        let config = Kafka {
            brokers: vec![address],
            partitions: crate::mock::PARTITIONS,
            replication: 1,
            min_insync: 1,
            ..Kafka::default()
        };
        let namespace = format!("test-{}", uuid_v7(&SystemClock).simple());
        Some(Self { namespace, store, metrics: Metrics::new(), config })
    }

    pub(crate) fn admin(&self) -> Admin {
        Admin::connect(&self.config, &self.namespace, self.store.clone()).expect("an admin client")
    }

    pub(crate) async fn open(&self) -> KafkaLog {
        self.admin().apply().await.expect("applied");
        self.try_open().await.expect("the log opens")
    }

    pub(crate) async fn try_open(&self) -> Result<KafkaLog, Refused> {
        let clock = Arc::new(SystemClock);
        KafkaLog::open(&self.config, &self.namespace, self.store.clone(), clock, &self.metrics)
            .await
    }
}

impl Drop for Brokers {
    /// Deletes what the test made: the next one finds brokers with few partitions.
    fn drop(&mut self) {
        let names: Vec<String> =
            topic::ALL.iter().map(|topic| format!("{}.{}", self.namespace, topic.name)).collect();
        let brokers = self.config.brokers.join(",");
        let swept = std::thread::spawn(move || {
            let admin: AdminClient<DefaultClientContext> =
                ClientConfig::new().set("bootstrap.servers", brokers).create().expect("a client");
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            runtime.block_on(admin.delete_topics(&names, &AdminOptions::new())).ok();
        });
        swept.join().ok();
    }
}

#[async_trait]
impl log::Factory for Brokers {
    async fn open(&self) -> Arc<dyn Log> {
        Arc::new(Self::open(self).await)
    }
}
