//! Configuration: one typed value, from defaults, one file and the environment.
//!
//! Order, later wins: defaults; the file (`--config FILE`, else `$PARLANCE_CONFIG`, else
//! `./parlance.toml` if it is there); the predecessor's names (`predecessor`); `PARLANCE_SECTION__KEY`.
//! Secrets may lie in files of their own. An unknown key is a mistake. Every mistake is reported, each
//! with the name of its setting; nothing starts.

mod check;
mod effective;
mod engines;
mod load;
mod predecessor;
mod sections;

pub use effective::{Effective, Origin, Setting, Shown};
pub use engines::{Cql, Engines, EphemeralEngine, Kafka, LogEngine, Redis, StoreEngine};
pub use predecessor::without_effect;
pub use sections::{Auth, Data, Journal, Limits, Logging, Operations, Rate, Server};

use serde::{Deserialize, Serialize};

/// All settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Prefix of topics, keyspace and keys, so that deployments can share engines; empty: none.
    pub namespace: String,
    /// Threads that run tasks; 0: one for each core, and where the engines are shared, one for every
    /// two. See [`Config::threads`].
    pub threads: usize,
    /// Public listeners.
    pub server: Server,
    /// Metrics and health.
    pub operations: Operations,
    /// Which engine is behind each port.
    pub engines: Engines,
    /// Kafka, where `engines.log = "kafka"`.
    pub kafka: Kafka,
    /// ScyllaDB or Cassandra, where `engines.store = "cql"`.
    pub cql: Cql,
    /// Redis, where `engines.ephemeral = "redis"`.
    pub redis: Redis,
    /// Where everything embedded lies.
    pub data: Data,
    /// Tokens and passwords.
    pub auth: Auth,
    /// Rate limits.
    pub limits: Limits,
    /// The embedded log.
    pub journal: Journal,
    /// Logging.
    pub logging: Logging,
}

impl Config {
    /// Threads that run tasks. With shared engines most of the work waits for a broker or the store,
    /// and librdkafka has threads of its own; a thread more is one more to be woken for nothing.
    pub fn threads(&self) -> usize {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        match self.threads {
            0 if self.engines.log == LogEngine::Kafka => cores.div_ceil(2),
            0 => cores,
            set => set,
        }
    }
}

/// The settings can not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the configuration has mistakes:\n{}", .0.iter().map(|m| format!("  - {m}")).collect::<Vec<_>>().join("\n"))]
pub struct Mistakes(pub Vec<String>);

#[cfg(test)]
mod tests {
    use figment::Figment;
    use figment::providers::{Format, Toml};

    use super::*;

    fn of(toml: &str) -> Result<Config, Mistakes> {
        Config::read(&Figment::from(Toml::string(toml)), |_| None, &Figment::new())
    }

    #[test]
    fn every_mistake_is_told_at_once() {
        let toml = "namespace = 7\n[server]\nlisten_on = 1\ndrain_ms = \"soon\"\n[nonsense]\nx = 1\n\
                    [engines]\nlog = \"rabbit\"\n[kafka]\npartitions = 0\nbrokers = []";
        let Mistakes(found) = of(toml).unwrap_err();
        for place in [
            "namespace",
            "server.listen_on",
            "server.drain_ms",
            "nonsense",
            "engines.log",
            "kafka.partitions",
            "kafka.brokers",
        ] {
            assert!(found.iter().any(|one| one.starts_with(place)), "{place}: {found:#?}");
        }
    }

    #[test]
    fn secrets_come_from_files_and_only_from_one_place() {
        let folder = tempfile::tempdir().unwrap();
        let secret = folder.path().join("secret");
        std::fs::write(&secret, "a secret of more than 32 bytes, it is\n").unwrap();
        let toml = format!("[auth]\njwt_secret_file = {secret:?}");
        assert_eq!(of(&toml).unwrap().auth.jwt_secret, "a secret of more than 32 bytes, it is");
        let both = format!("{toml}\njwt_secret = \"another secret of more than 32 bytes\"");
        let text = of(&both).unwrap_err().to_string();
        assert!(text.contains("both"), "{text}");
        let gone = of("[cql]\npassword_file = \"/nowhere/at/all\"").unwrap_err().to_string();
        assert!(gone.contains("cql.password_file"), "{gone}");
        let lines = folder.path().join("kafka.properties");
        std::fs::write(&lines, "# broker\nsasl.username = me\nsasl.password=a=b\n").unwrap();
        let config = of(&format!("[kafka]\nproperties_file = {lines:?}")).unwrap();
        assert_eq!(config.kafka.properties["sasl.password"], "a=b");
        assert_eq!(config.kafka.properties["sasl.username"], "me");
    }

    #[test]
    fn the_documented_file_is_the_defaults() {
        let page = include_str!("../../../docs/CONFIGURATION.md");
        let toml = page.split("```toml").nth(1).and_then(|rest| rest.split("```").next());
        assert_eq!(of(toml.unwrap()).unwrap(), Config::default());
    }

    #[test]
    fn the_settings_of_the_compose_file_are_valid_and_believe_its_proxy() {
        let config = of(include_str!("../../../deploy/parlance.compose.toml")).unwrap();
        assert!(config.engines.are_shared());
        let compose = include_str!("../../../docker-compose.yml");
        for proxy in &config.server.trusted_proxies {
            assert!(compose.contains(&format!("ipv4_address: {proxy}")), "{proxy}");
        }
        assert_eq!(config.server.trusted_proxies.len(), 1);
    }

    #[test]
    fn a_section_may_be_given_in_part() {
        let config = of("[server]\nlisten = [\"127.0.0.1:4000\", \"127.0.0.1:4001\"]").unwrap();
        assert_eq!(config.server.listen.len(), 2);
        assert_eq!(config.server.drain_ms, Server::default().drain_ms);
    }

    #[test]
    fn unknown_keys_and_bad_values_are_named() {
        let text = of("[server]\nlisten_on = 1").unwrap_err().to_string();
        assert!(text.contains("listen_on"), "{text}");
        let text = of("[auth]\njwt_secret = \"short\"\n[journal]\nsegment_mib = 0")
            .unwrap_err()
            .to_string();
        assert!(text.contains("jwt_secret") && text.contains("segment_mib"), "{text}");
    }

    #[test]
    fn the_predecessors_names_are_taken() {
        let mut config = Config::default();
        let mistakes = config.predecessor(|name| {
            [
                ("PORT", "8080"),
                ("CORS_ORIGIN", "https://a.example, https://b.example"),
                ("THROTTLE_LIMIT", "50"),
                ("THROTTLE_TTL", "30"),
            ]
            .into_iter()
            .find_map(|(known, value)| (known == name).then(|| value.to_owned()))
        });
        assert_eq!(mistakes, Vec::<String>::new());
        assert_eq!(config.server.listen[0].port(), 8080);
        assert_eq!(config.server.cors_origins, ["https://a.example", "https://b.example"]);
        assert_eq!(config.limits.auth, Rate { burst: 50, per_minute: 100 });
    }
}
