//! Dead letters on Kafka.

use std::sync::Arc;

use platform::Platform;
use platform::embedded::LocalEphemeral;
use platform::port::clock::SystemClock;
use platform::testing::conformance::log::Factory;
use platform::testing::dead_letters::poison_comes_back;

use crate::mock::Cluster;
use crate::real::Brokers;

async fn on(factory: &dyn Factory, store: Arc<dyn platform::Store>) {
    let log = factory.open().await;
    let clock = Arc::new(SystemClock);
    let ephemeral = Arc::new(LocalEphemeral::new(clock.clone()));
    let metrics = platform::telemetry::Metrics::new();
    let platform = Platform { log: log.clone(), store, ephemeral, clock, metrics };
    poison_comes_back(platform).await;
    log.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn poison_comes_back_on_the_mock_cluster() {
    let cluster = Cluster::start();
    on(&cluster, cluster.store.clone()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn poison_comes_back_on_real_brokers() {
    if let Some(brokers) = Brokers::named() {
        on(&brokers, brokers.store.clone()).await;
    }
}
