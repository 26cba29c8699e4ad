//! The engines behind the ports, as the configuration asks for them.

mod embedded;
mod shared;

use anyhow::bail;
use platform::Platform;
use platform::config::{Config, EphemeralEngine, LogEngine, StoreEngine};
use platform::data_dir::DataDir;
use platform::embedded::{EmbeddedLog, LsmStore};
use platform::lifecycle::Lifecycle;

pub(crate) use embedded::folder;
pub(crate) use shared::store as cql_store;

/// The platform of a process, and what is beneath it.
pub(crate) struct Engines {
    pub(crate) platform: Platform,
    /// The embedded store and the folder it locks; none where every engine is shared.
    pub(crate) embedded: Option<Embedded>,
}

/// Engines in this process.
pub(crate) struct Embedded {
    pub(crate) store: LsmStore,
    pub(crate) log: EmbeddedLog,
    pub(crate) data: DataDir,
}

/// Opens what the configuration names. On the embedded engines recovery happens here: store, then
/// log, then cursors.
pub(crate) async fn open(config: &Config, life: &Lifecycle) -> anyhow::Result<Engines> {
    match (config.engines.log, config.engines.store) {
        (LogEngine::Embedded, StoreEngine::Embedded) => embedded::open(config, life).await,
        (LogEngine::Kafka, StoreEngine::Cql) => shared::open(config, life).await,
        _ => bail!(
            "engines: the log and the store go together: \"embedded\" and \"embedded\", or \
             \"kafka\" and \"cql\", because one is recovered from the other"
        ),
    }
}

/// What is behind the ports, for people.
pub(crate) fn describe(config: &Config) -> String {
    let ephemeral = match config.engines.ephemeral {
        EphemeralEngine::Embedded => "this process".to_owned(),
        // A URL may carry a password.
        EphemeralEngine::Redis => "Redis".to_owned(),
    };
    match config.engines.log {
        LogEngine::Embedded => format!("{}, and {ephemeral}", config.data.dir.display()),
        LogEngine::Kafka => format!(
            "Kafka at {}, CQL at {}, {ephemeral}",
            config.kafka.brokers.join(", "),
            config.cql.contact_points.join(", "),
        ),
    }
}
