//! A cluster in this process, and the log on it.

#![expect(unsafe_code, reason = "quick rebalances of the mock cluster have no safe wrapper")]

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use engines::kafka::KafkaLog;
use engines::kafka::admin::Admin;
use platform::config::Kafka;
use platform::memory::{Faults, MemoryStore};
use platform::port::clock::SystemClock;
use platform::telemetry::Metrics;
use platform::testing::conformance::log;
use platform::{Log, Store};
use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, DefaultProducerContext, Producer};
use schemas::topic;

/// A mock cluster with this deployment's topics. It lives as long as the process: closing it waits
/// for all its clients.
#[derive(Clone)]
pub(crate) struct Cluster {
    owner: &'static BaseProducer,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) metrics: Metrics,
    pub(crate) config: Kafka,
}

/// Partitions of the keyed topics, as the suites want.
pub(crate) const PARTITIONS: u32 = 8;

impl Cluster {
    pub(crate) fn start() -> Self {
        let owner: BaseProducer =
            ClientConfig::new().set("test.mock.num.brokers", "1").create().expect("a mock cluster");
        let owner: &'static BaseProducer = Box::leak(Box::new(owner));
        // SAFETY: the producer lives for ever, and with it the cluster.
        unsafe {
            let cluster = rdkafka_sys::rd_kafka_handle_mock_cluster(owner.client().native_ptr());
            rdkafka_sys::rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, 50);
        }
        let store = memory_store();
        let mut cluster = Self { owner, store, metrics: Metrics::new(), config: Kafka::default() };
        let brokers = cluster.mock().bootstrap_servers();
        cluster.config = config(brokers);
        for topic in topic::ALL {
            let partitions = if topic.partitions_kafka > 1 { 8 } else { 1 };
            cluster.mock().create_topic(topic.name, partitions, 1).expect("a topic");
        }
        cluster
    }

    /// The log on a cluster of another process.
    pub(crate) async fn of(brokers: &str) -> KafkaLog {
        let (config, store) = (config(brokers.to_owned()), memory_store());
        let admin = Admin::connect(&config, "", store.clone()).expect("an admin client");
        admin.apply().await.expect("applied");
        let clock = Arc::new(SystemClock);
        KafkaLog::open(&config, "", store, clock, &Metrics::new()).await.expect("the log opens")
    }

    pub(crate) fn mock(&self) -> MockCluster<'_, DefaultProducerContext> {
        self.owner.client().mock_cluster().expect("the cluster of this client")
    }

    /// Clients are told, and configured with, another address than the broker's own: that of a proxy.
    pub(crate) fn behind(mut self, port: u16) -> Self {
        let host = c"127.0.0.1";
        // SAFETY: the producer lives for ever, and with it the cluster; the host is copied.
        unsafe {
            let cluster =
                rdkafka_sys::rd_kafka_handle_mock_cluster(self.owner.client().native_ptr());
            let port = i32::from(port);
            rdkafka_sys::rd_kafka_mock_broker_set_host_port(cluster, 1, host.as_ptr(), port);
        }
        self.config.brokers = vec![format!("127.0.0.1:{port}")];
        self
    }

    pub(crate) fn admin(&self) -> Admin {
        Admin::connect(&self.config, "", self.store.clone()).expect("an admin client")
    }

    pub(crate) async fn open(&self) -> KafkaLog {
        self.admin().apply().await.expect("applied");
        let clock = Arc::new(SystemClock);
        KafkaLog::open(&self.config, "", self.store.clone(), clock, &self.metrics)
            .await
            .expect("the log opens")
    }
}

fn memory_store() -> Arc<dyn Store> {
    Arc::new(MemoryStore::new(Faults::default()))
}

/// Quick rebalances. The mock answers a fetch at the end of its wait.
fn config(brokers: String) -> Kafka {
    let properties = [
        ("fetch.wait.max.ms", "10"),
        ("heartbeat.interval.ms", "100"),
        ("topic.metadata.refresh.interval.ms", "1000"),
    ];
    let properties = properties.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Kafka {
        brokers: vec![brokers],
        partitions: PARTITIONS,
        replication: 1,
        min_insync: 1,
        session_ms: 3_000,
        properties: BTreeMap::from(properties),
        ..Kafka::default()
    }
}

#[async_trait]
impl log::Factory for Cluster {
    async fn open(&self) -> Arc<dyn Log> {
        Arc::new(Self::open(self).await)
    }
}
