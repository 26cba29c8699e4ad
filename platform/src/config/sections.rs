//! Sections that every role has.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

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
    /// Where browsers find the sockets, `wss://host/ws`; empty: at `/ws` of the page's own origin.
    pub socket_url: String,
    /// Time that requests and sockets get to end at a shutdown, ms.
    pub drain_ms: u64,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: vec![SocketAddr::from(([127, 0, 0, 1], 3000))],
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            socket_url: String::new(),
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
    /// A file that holds it instead.
    pub jwt_secret_file: PathBuf,
    /// Secret of refresh tokens, at least 32 bytes; empty: derived from `jwt_secret`, or made.
    pub jwt_refresh_secret: String,
    /// A file that holds it instead.
    pub jwt_refresh_secret_file: PathBuf,
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
            jwt_secret_file: PathBuf::new(),
            jwt_refresh_secret: String::new(),
            jwt_refresh_secret_file: PathBuf::new(),
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
    /// Typing as others are told of it, and signalling of calls: by user.
    pub signals: Rate,
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
            signals: rate(200, 1_200),
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
        Self { filter: "info,fjall=warn,lsm_tree=warn,scylla=warn".to_owned(), json: false }
    }
}
