//! Settings of librdkafka's clients: what the guarantees rest on is fixed here, the rest can be set
//! by an operator.
//!
//! Every client of one process has a client id of its own that starts with the process's, so that a
//! broker's logs and quotas tell them apart.

use std::time::Duration;

use platform::config::Kafka;
use platform::port::clock::random;
use platform::port::log::Budget;
use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use schemas::limits;
use schemas::topic::{COMMANDS, Topic};

use super::{Refused, pulse};

/// `max.message.bytes` of every topic: a record of [`limits::RECORD_BYTES`] with Kafka's own framing.
pub(super) const MESSAGE_BYTES: usize = limits::RECORD_BYTES + 48_588;

/// Records that a consumer fetches ahead of what was taken from it, in bytes over all its partitions.
const PREFETCH_BYTES: usize = 16 << 20;

/// What the guarantees rest on, with librdkafka's other names for it: not an operator's to set.
const FIXED: [&str; 19] = [
    "acks",
    "allow.auto.create.topics",
    "auto.offset.reset",
    "bootstrap.servers",
    "client.id",
    "delivery.timeout.ms",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.idempotence",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "isolation.level",
    "message.timeout.ms",
    "metadata.broker.list",
    "partition.assignment.strategy",
    "request.required.acks",
    "session.timeout.ms",
    "statistics.interval.ms",
];

/// An error without the value of the setting that it is about: that may be a secret.
pub(super) fn without_value(error: &KafkaError) -> String {
    match error {
        KafkaError::ClientConfig(_, why, name, _) => format!("{name}: {why}"),
        other => other.to_string(),
    }
}

/// How this process names and configures its clients. It holds secrets: no `Debug`.
#[derive(Clone)]
pub(super) struct Settings {
    config: Kafka,
    prefix: String,
    process: String,
}

impl Settings {
    pub(super) fn new(config: &Kafka, namespace: &str) -> Result<Self, Refused> {
        if let Some(fixed) = FIXED.iter().find(|name| config.properties.contains_key(**name)) {
            return Err(Refused::Settings(format!(
                "{fixed} can not be set: guarantees rest on it"
            )));
        }
        if config.brokers.is_empty() {
            return Err(Refused::Settings("no brokers are named".to_owned()));
        }
        let mut id = [0; 4];
        random(&mut id);
        let process = format!("parlance-{:08x}", u32::from_be_bytes(id));
        let prefix = if namespace.is_empty() { String::new() } else { format!("{namespace}.") };
        Ok(Self { config: config.clone(), prefix, process })
    }

    /// A topic's name on the brokers.
    pub(super) fn topic(&self, topic: &Topic) -> String {
        format!("{}{}", self.prefix, topic.name)
    }

    /// A group's name on the brokers. The topic is part of it: a group that reads two topics is two
    /// groups, so that a member that joins for one does not disturb those of the other.
    pub(super) fn group(&self, group: &str, topic: &Topic) -> String {
        format!("{}{group}.{}", self.prefix, topic.name)
    }

    /// Partitions that a topic has when it is created: as configured, but of those that have fewer by
    /// design.
    pub(super) fn partitions(&self, topic: &Topic) -> u32 {
        let own = topic.partitions_kafka;
        let fewer = own < COMMANDS.partitions_kafka;
        if fewer { own.min(self.config.partitions) } else { self.config.partitions }
    }

    /// The brokers that every client asks first: `host:port`, with commas between.
    pub(super) fn brokers(&self) -> String {
        self.config.brokers.join(",")
    }

    pub(super) fn config(&self) -> &Kafka {
        &self.config
    }

    pub(super) fn session(&self) -> Duration {
        Duration::from_millis(self.config.session_ms.into())
    }

    fn client(&self, role: &str) -> ClientConfig {
        let mut client = ClientConfig::new();
        client
            .set("bootstrap.servers", self.brokers())
            .set("client.id", format!("{}-{role}", self.process))
            .set("statistics.interval.ms", pulse::EVERY.as_millis().to_string())
            .set("allow.auto.create.topics", "false")
            .set("enable.metrics.push", "false")
            .set("log.connection.close", "false")
            .set("reconnect.backoff.ms", "50")
            .set("reconnect.backoff.max.ms", "1000")
            .set("retry.backoff.ms", "50")
            .set("retry.backoff.max.ms", "1000")
            .set("socket.connection.setup.timeout.ms", "5000")
            .set("socket.keepalive.enable", "true")
            .set("socket.nagle.disable", "true")
            .set("socket.timeout.ms", "10000")
            .set_log_level(RDKafkaLogLevel::Notice);
        client
    }

    fn with_properties(&self, mut client: ClientConfig) -> ClientConfig {
        for (name, value) in &self.config.properties {
            client.set(name, value);
        }
        client
    }

    /// A producer. What waits for room waits before it, so librdkafka's own bound is never met.
    pub(super) fn producer(&self, budget: Budget) -> ClientConfig {
        let (role, timeout) = match budget {
            Budget::Ingest => ("ingest", limits::APPEND_MS),
            Budget::Worker => ("worker", 0),
        };
        let mut client = self.client(role);
        client
            .set("acks", "all")
            .set("compression.codec", "lz4")
            .set("linger.ms", "0")
            .set("message.max.bytes", MESSAGE_BYTES.to_string())
            .set("queue.buffering.max.kbytes", "2097151")
            .set("queue.buffering.max.messages", "10000000")
            .set("request.timeout.ms", if timeout == 0 { "10000" } else { "2000" });
        let mut client = self.with_properties(client);
        client.set("enable.idempotence", "true").set("message.timeout.ms", timeout.to_string());
        client
    }

    fn consumer(&self, role: &str, group: &str, partitions: usize) -> ClientConfig {
        let ahead = (PREFETCH_BYTES / partitions.max(1)).clamp(64 << 10, 2 << 20);
        let mut client = self.client(role);
        client
            .set("group.id", group)
            .set("auto.offset.reset", "error")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("fetch.error.backoff.ms", "100")
            .set("fetch.max.bytes", (8 << 20).to_string())
            .set("fetch.message.max.bytes", (2 * ahead).to_string())
            .set("fetch.min.bytes", "1")
            .set("fetch.queue.backoff.ms", "5")
            .set("fetch.wait.max.ms", "500")
            .set("isolation.level", "read_uncommitted")
            .set("queued.max.messages.kbytes", (ahead >> 10).to_string())
            .set("queued.min.messages", "10000");
        client
    }

    /// A member of a group on a topic of this many partitions.
    pub(super) fn member(&self, group: &str, partitions: usize) -> ClientConfig {
        let session = self.config.session_ms;
        let mut client = self.consumer("member", group, partitions);
        client
            .set("session.timeout.ms", session.to_string())
            .set("heartbeat.interval.ms", (session / 4).to_string())
            .set("max.poll.interval.ms", session.max(10_000).to_string())
            .set("partition.assignment.strategy", "range");
        self.with_properties(client)
    }

    /// A reader without a group. librdkafka wants a name for one; nothing joins or commits to it.
    pub(super) fn tail(&self, partitions: usize) -> ClientConfig {
        let group = format!("{}{}", self.prefix, self.process);
        let mut client = self.with_properties(self.consumer("tail", &group, partitions));
        client.set("max.poll.interval.ms", "86400000").set("session.timeout.ms", "45000");
        client
    }

    /// A client for questions; as a group, if it asks for committed offsets.
    pub(super) fn control(&self, group: Option<&str>) -> ClientConfig {
        let own = format!("{}{}", self.prefix, self.process);
        self.with_properties(self.consumer("control", group.unwrap_or(&own), 1))
    }
}
