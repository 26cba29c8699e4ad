//! What an operator may set. The binary fills it from the configuration file; the defaults are those
//! of a deployment that serves people.

use std::net::IpAddr;

/// Settings of ingest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngestConfig {
    /// Cost of a password hash.
    pub argon2: Argon2Cost,
    /// Passwords that may wait for a core before more are refused with `overloaded`.
    pub password_queue: usize,
    /// Rates by class.
    pub limits: Limits,
    /// Origins that browsers may call from; `*` for all. Empty: the server's own origin and
    /// loopback ones.
    pub cors_origins: Vec<String>,
    /// Addresses whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Whether anybody may register.
    pub registration_open: bool,
    /// Where pages find the sockets; empty: at `/ws` of their own origin.
    pub socket_url: String,
}

/// Cost of argon2id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argon2Cost {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over it.
    pub passes: u32,
    /// Lanes.
    pub lanes: u32,
}

/// So many at once, refilled evenly over a minute. A burst of 0 is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many at once.
    pub burst: u32,
    /// How many come back each minute.
    pub per_minute: u32,
}

/// Rates of the classes of requests; which route is in which class: `limit`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Registration, login, refresh, logout: per address.
    pub auth: Rate,
    /// Logins to one account, from one network (/24, or /64 for IPv6). Ten times as many may fail
    /// from all networks together.
    pub account: Rate,
    /// Sending, over REST and sockets together: per user.
    pub messages: Rate,
    /// Other writes: per user.
    pub writes: Rate,
    /// Reads: per user.
    pub reads: Rate,
    /// Searches: per user.
    pub search: Rate,
    /// Typing as others are told of it, and signalling of calls: per user.
    pub signals: Rate,
}

impl Default for IngestConfig {
    fn default() -> Self {
        Self {
            argon2: Argon2Cost::default(),
            password_queue: 256,
            limits: Limits::default(),
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            registration_open: true,
            socket_url: String::new(),
        }
    }
}

impl Default for Argon2Cost {
    fn default() -> Self {
        // The least that OWASP's password storage cheat sheet recommends for argon2id.
        Self { memory_kib: 19 * 1_024, passes: 2, lanes: 1 }
    }
}

impl Default for Limits {
    fn default() -> Self {
        let rate = |burst, per_minute| Rate { burst, per_minute };
        Self {
            auth: rate(100, 100),
            account: rate(20, 20),
            messages: rate(100, 3_000),
            writes: rate(60, 600),
            reads: rate(200, 3_000),
            search: rate(30, 300),
            signals: rate(200, 1_200),
        }
    }
}

impl Limits {
    /// No limits, for measurements and tests.
    pub fn none() -> Self {
        let off = Rate { burst: 0, per_minute: 0 };
        Self {
            auth: off,
            account: off,
            messages: off,
            writes: off,
            reads: off,
            search: off,
            signals: off,
        }
    }
}

impl From<&platform::config::Config> for IngestConfig {
    /// The settings of the configuration file.
    fn from(config: &platform::config::Config) -> Self {
        use platform::config;
        let config::Config { server, auth, limits, .. } = config;
        let rate = |rate: config::Rate| Rate { burst: rate.burst, per_minute: rate.per_minute };
        let limits = if limits.enabled {
            Limits {
                auth: rate(limits.auth),
                account: rate(limits.account),
                messages: rate(limits.messages),
                writes: rate(limits.writes),
                reads: rate(limits.reads),
                search: rate(limits.search),
                signals: rate(limits.signals),
            }
        } else {
            Limits::none()
        };
        Self {
            argon2: Argon2Cost {
                memory_kib: auth.argon2_memory_kib,
                passes: auth.argon2_iterations,
                lanes: 1,
            },
            limits,
            cors_origins: server.cors_origins.clone(),
            trusted_proxies: server.trusted_proxies.clone(),
            registration_open: auth.registration_open,
            socket_url: server.socket_url.clone(),
            ..Self::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_of_the_file_are_the_defaults_here() {
        let file = platform::config::Config::default();
        assert_eq!(IngestConfig::from(&file), IngestConfig::default());
    }

    #[test]
    fn limits_that_are_off_limit_nothing() {
        let mut file = platform::config::Config::default();
        file.limits.enabled = false;
        assert_eq!(IngestConfig::from(&file).limits, Limits::none());
    }
}
