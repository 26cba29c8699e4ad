//! Which engine is behind each port, and how the real ones are reached.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Which engine is behind each port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Engines {
    /// Topics.
    pub log: LogEngine,
    /// Tables.
    pub store: StoreEngine,
    /// Routes and limits.
    pub ephemeral: EphemeralEngine,
}

/// Topics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogEngine {
    /// The journal in the data folder.
    #[default]
    Embedded,
    /// Kafka.
    Kafka,
}

/// Tables.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreEngine {
    /// The LSM tree in the data folder.
    #[default]
    Embedded,
    /// ScyllaDB or Cassandra.
    Cql,
}

/// Routes and limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EphemeralEngine {
    /// In this process.
    #[default]
    Embedded,
    /// Redis.
    Redis,
}

impl Engines {
    /// Whether processes can share them: then nothing of a deployment is in one process.
    pub fn are_shared(&self) -> bool {
        self.log == LogEngine::Kafka
            && self.store == StoreEngine::Cql
            && self.ephemeral == EphemeralEngine::Redis
    }
}

/// Kafka.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Kafka {
    /// `host:port` of some brokers.
    pub brokers: Vec<String>,
    /// Partitions of the keyed topics when `topics apply` creates them. Fixed from then on: changing
    /// it is a new epoch.
    pub partitions: u32,
    /// Copies of each partition when a topic is created.
    pub replication: u16,
    /// Copies that must have a record before it is acknowledged (`min.insync.replicas`).
    pub min_insync: u16,
    /// Silence after which a worker's partitions go to another, ms (`session.timeout.ms`).
    pub session_ms: u32,
    /// More settings of librdkafka, by its names: `"security.protocol"`, `"sasl.username"` …
    pub properties: BTreeMap<String, String>,
    /// A file of more of them, `name=value` a line: for secrets.
    pub properties_file: PathBuf,
}

impl Default for Kafka {
    fn default() -> Self {
        Self {
            brokers: vec!["127.0.0.1:9092".to_owned()],
            partitions: 128,
            replication: 3,
            min_insync: 2,
            session_ms: 6_000,
            properties: BTreeMap::new(),
            properties_file: PathBuf::new(),
        }
    }
}

/// ScyllaDB or Cassandra.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cql {
    /// `host:port` of some nodes.
    pub contact_points: Vec<String>,
    /// Keyspace, after the namespace.
    pub keyspace: String,
    /// The data centre whose nodes are asked and whose quorum counts; empty: the only
    /// one there is.
    pub datacenter: String,
    /// Copies of each row when `migrate` creates the keyspace.
    pub replication: u16,
    /// User; empty: none.
    pub username: String,
    /// Password.
    pub password: String,
    /// A file that holds it instead.
    pub password_file: PathBuf,
    /// Longest wait for an answer, ms.
    pub timeout_ms: u64,
}

impl Default for Cql {
    fn default() -> Self {
        Self {
            contact_points: vec!["127.0.0.1:9042".to_owned()],
            keyspace: "parlance".to_owned(),
            datacenter: String::new(),
            replication: 3,
            username: String::new(),
            password: String::new(),
            password_file: PathBuf::new(),
            timeout_ms: 2_000,
        }
    }
}

/// Redis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Redis {
    /// `redis://[user@]host:port/database`.
    pub url: String,
    /// Password; empty: none, or that of the URL.
    pub password: String,
    /// A file that holds it instead.
    pub password_file: PathBuf,
    /// Longest wait for an answer, ms.
    pub timeout_ms: u64,
}

impl Default for Redis {
    fn default() -> Self {
        Self {
            url: "redis://127.0.0.1:6379/0".to_owned(),
            password: String::new(),
            password_file: PathBuf::new(),
            timeout_ms: 250,
        }
    }
}
