//! Configuration: one typed value, from defaults, one file and the environment.
//!
//! Order, later wins: defaults; the file (`--config FILE`, else `$PARLANCE_CONFIG`, else
//! `./parlance.toml` if it is there); the predecessor's names (`PORT`, `CORS_ORIGIN`, `JWT_SECRET`,
//! `THROTTLE_LIMIT`, `THROTTLE_TTL`); `PARLANCE_SECTION__KEY`. An unknown key is a mistake. What is
//! wrong is reported with its place; nothing starts.

mod engines;

pub use engines::{Cql, Engines, EphemeralEngine, Kafka, LogEngine, Redis, StoreEngine};

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::{Deserialize, Serialize};

/// All settings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Prefix of topics, keyspace and keys, so that deployments can share engines; empty: none.
    pub namespace: String,
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

/// Public listeners.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Server {
    /// Addresses. Each is a node of its own: an ingest and a delivery instance.
    pub listen: Vec<SocketAddr>,
    /// Origins that browsers may call from; empty: the same origin and loopback origins.
    pub cors_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed: limits count by the address behind them.
    pub trusted_proxies: Vec<IpAddr>,
    /// Time that requests and sockets get to end at a shutdown, ms.
    pub drain_ms: u64,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from(([127, 0, 0, 1], 3000))],
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            drain_ms: 10_000,
        }
    }
}

/// Metrics and health.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Operations {
    /// Address of `/metrics`, `/healthz`, `/readyz`; never public.
    pub listen: SocketAddr,
}

impl Default for Operations {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 9464)) }
    }
}

/// Where everything embedded lies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Data {
    /// The folder.
    pub dir: PathBuf,
    /// Cache of the embedded store, MiB.
    pub cache_mib: u64,
}

impl Default for Data {
    fn default() -> Self {
        Self { dir: PathBuf::from("data"), cache_mib: 64 }
    }
}

/// Tokens and passwords.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// Secret of access tokens, at least 32 bytes; empty: one is made in the data folder.
    pub jwt_secret: String,
    /// Secret of refresh tokens, at least 32 bytes; empty: derived from `jwt_secret`, or made.
    pub jwt_refresh_secret: String,
    /// Whether anybody may register.
    pub registration_open: bool,
    /// Memory of argon2id, KiB.
    pub argon2_memory_kib: u32,
    /// Passes of argon2id.
    pub argon2_iterations: u32,
}

impl Default for Auth {
    fn default() -> Self {
        // OWASP's minimum for argon2id.
        Self {
            jwt_secret: String::new(),
            jwt_refresh_secret: String::new(),
            registration_open: true,
            argon2_memory_kib: 19_456,
            argon2_iterations: 2,
        }
    }
}

/// Rate limits of REST and sockets, by class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Off for measurements: nothing is limited.
    pub enabled: bool,
    /// Register, login, refresh, logout: by address.
    pub auth: Rate,
    /// Logins to one account, from wherever.
    pub account: Rate,
    /// Sending, over REST and sockets together: by user.
    pub messages: Rate,
    /// Other writes: by user.
    pub writes: Rate,
    /// Reads: by user.
    pub reads: Rate,
    /// Searches: by user.
    pub search: Rate,
    /// Frames that one socket may send.
    pub frames: Rate,
    /// Open sockets of one address (IPv6: of one /64) that have not authenticated yet.
    pub unauthenticated_sockets: usize,
}

/// So many at once, refilled evenly over a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// How many at once.
    pub burst: u32,
    /// How many come back each minute.
    pub per_minute: u32,
}

impl Default for Limits {
    fn default() -> Self {
        let rate = |burst, per_minute| Rate { burst, per_minute };
        Self {
            enabled: true,
            auth: rate(100, 100),
            account: rate(20, 20),
            messages: rate(100, 3_000),
            writes: rate(60, 600),
            reads: rate(200, 3_000),
            search: rate(30, 300),
            frames: rate(
                schemas::limits::SOCKET_FRAMES_BURST,
                schemas::limits::SOCKET_FRAMES_PER_SECOND * 60,
            ),
            unauthenticated_sockets: 1_000,
        }
    }
}

/// The embedded log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Journal {
    /// Size of a segment file, MiB.
    pub segment_mib: u64,
    /// Largest size of all segments whose records are folded and synced, MiB.
    pub max_mib: u64,
    /// Time between checkpoints of the store, ms.
    pub checkpoint_ms: u64,
}

impl Default for Journal {
    fn default() -> Self {
        Self { segment_mib: 64, max_mib: 8_192, checkpoint_ms: 10_000 }
    }
}

/// Logging.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Logging {
    /// A filter as of `tracing`: `info`, `parlance=debug,info`.
    pub filter: String,
    /// One JSON object a line instead of text.
    pub json: bool,
}

impl Default for Logging {
    fn default() -> Self {
        Self { filter: "info,fjall=warn,lsm_tree=warn".to_owned(), json: false }
    }
}

/// The settings can not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the configuration has mistakes:\n{}", .0.iter().map(|m| format!("  - {m}")).collect::<Vec<_>>().join("\n"))]
pub struct Mistakes(pub Vec<String>);

impl Config {
    /// The settings of this process.
    pub fn load(file: Option<&Path>) -> Result<Self, Mistakes> {
        let from_env = std::env::var_os("PARLANCE_CONFIG").map(PathBuf::from);
        let named = file.map(Path::to_path_buf).or(from_env);
        if let Some(missing) = named.as_ref().filter(|path| !path.is_file()) {
            return Err(Mistakes(vec![format!("{} is not a file", missing.display())]));
        }
        let toml = named.unwrap_or_else(|| PathBuf::from("parlance.toml"));
        let mut figment = Figment::from(Serialized::defaults(Self::default()));
        if toml.is_file() {
            figment = figment.merge(Toml::file_exact(toml));
        }
        Self::from_figment(&figment)
    }

    fn from_figment(figment: &Figment) -> Result<Self, Mistakes> {
        let read = |figment: &Figment| {
            figment
                .extract::<Self>()
                .map_err(|error| Mistakes(error.into_iter().map(|one| one.to_string()).collect()))
        };
        let mut config = read(figment)?;
        let mut mistakes = config.predecessor(|name| std::env::var(name).ok());
        // `PARLANCE_URL` and the like are not settings: a setting has a section.
        let own = Env::prefixed("PARLANCE_").filter(|key| key.as_str().contains("__")).split("__");
        let config = read(&Figment::from(Serialized::defaults(config)).merge(own))?;
        mistakes.extend(config.mistakes());
        if mistakes.is_empty() { Ok(config) } else { Err(Mistakes(mistakes)) }
    }

    /// Takes the predecessor's names where they still mean something.
    fn predecessor(&mut self, var: impl Fn(&str) -> Option<String>) -> Vec<String> {
        let var = |name| var(name).filter(|text| !text.is_empty());
        let mut mistakes = Vec::new();
        if let Some(port) = var("PORT") {
            match (port.parse(), self.server.listen.first_mut()) {
                (Ok(port), Some(first)) => first.set_port(port),
                _ => mistakes.push(format!("PORT={port} is not a port")),
            }
        }
        if let Some(origins) = var("CORS_ORIGIN") {
            self.server.cors_origins =
                origins.split(',').map(|origin| origin.trim().to_owned()).collect();
        }
        if let Some(secret) = var("JWT_SECRET") {
            self.auth.jwt_secret = secret;
        }
        if let Some(secret) = var("JWT_REFRESH_SECRET") {
            self.auth.jwt_refresh_secret = secret;
        }
        if let Some(limit) = var("THROTTLE_LIMIT") {
            let ttl = var("THROTTLE_TTL").map_or(Some(60), |text| text.parse::<u32>().ok());
            // Seconds, as its name and default (60) say; the predecessor's library took
            // milliseconds, and whoever knew that wrote 60000.
            let ttl = ttl.map(|ttl| if ttl >= 1_000 { ttl / 1_000 } else { ttl });
            match (limit.parse::<u32>(), ttl) {
                (Ok(limit @ 1..), Some(ttl @ 1..)) => {
                    let per_minute = (limit.saturating_mul(60) / ttl).max(1);
                    self.limits.auth = Rate { burst: limit, per_minute };
                }
                _ => mistakes.push(format!("THROTTLE_LIMIT={limit} or THROTTLE_TTL is no number")),
            }
        }
        mistakes
    }

    fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        if self.server.listen.is_empty() {
            mistakes.push("server.listen: at least one address".to_owned());
        }
        let secrets = [
            ("jwt_secret", &self.auth.jwt_secret),
            ("jwt_refresh_secret", &self.auth.jwt_refresh_secret),
        ];
        for (name, secret) in secrets {
            let length = secret.len();
            if length > 0 && length < 32 {
                mistakes.push(format!("auth.{name}: {length} bytes, at least 32 are needed"));
            }
        }
        if self.auth.argon2_memory_kib < 8 || self.auth.argon2_iterations < 1 {
            mistakes.push("auth: argon2 needs at least 8 KiB and one pass".to_owned());
        }
        let Limits { auth, account, messages, writes, reads, search, frames, .. } = self.limits;
        if [auth, account, messages, writes, reads, search, frames]
            .iter()
            .any(|rate| rate.burst == 0 || rate.per_minute == 0)
        {
            mistakes
                .push("limits: a rate is at least 1; limits.enabled = false ends them all".into());
        }
        if self.journal.segment_mib == 0 || self.journal.checkpoint_ms == 0 {
            mistakes.push("journal: segment_mib and checkpoint_ms are at least 1".to_owned());
        }
        mistakes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(toml: &str) -> Result<Config, Mistakes> {
        let figment =
            Figment::from(Serialized::defaults(Config::default())).merge(Toml::string(toml));
        Config::from_figment(&figment)
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
