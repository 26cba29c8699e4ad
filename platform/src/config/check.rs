//! What is wrong with settings that can be read: everything at once.

use super::{Config, EphemeralEngine, Limits, LogEngine, StoreEngine};

/// More threads than any machine has use for.
const THREADS_MAX: usize = 1_024;

/// Whether it can stand in a policy that browsers obey: a scheme of sockets, a host, and no character
/// that would begin another part of the policy.
fn socket_url(url: &str) -> bool {
    let rest = url.strip_prefix("wss://").or_else(|| url.strip_prefix("ws://"));
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/[]%".contains(c);
    url.is_empty()
        || rest.is_some_and(|rest| {
            !rest.starts_with('/') && !rest.is_empty() && rest.chars().all(plain)
        })
}

impl Config {
    /// Every mistake, each with the name of its setting.
    pub(super) fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        if self.threads > THREADS_MAX {
            mistakes.push(format!("threads: at most {THREADS_MAX}; 0 goes by the machine"));
        }
        if self.server.listen.is_empty() {
            mistakes.push("server.listen: at least one address".to_owned());
        }
        if self.server.drain_ms > 10_000 {
            mistakes
                .push("server.drain_ms: at most 10000, so that a stop takes at most 20 s".into());
        }
        if !socket_url(&self.server.socket_url) {
            mistakes
                .push("server.socket_url: ws://host[:port][/path] or wss://.., or empty".into());
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
        let Limits { auth, account, messages, writes, reads, search, signals, frames, .. } =
            self.limits;
        if [auth, account, messages, writes, reads, search, signals, frames]
            .iter()
            .any(|rate| rate.burst == 0 || rate.per_minute == 0)
        {
            mistakes
                .push("limits: a rate is at least 1; limits.enabled = false ends them all".into());
        }
        if self.journal.segment_mib == 0 || self.journal.checkpoint_ms == 0 {
            mistakes.push("journal: segment_mib and checkpoint_ms are at least 1".to_owned());
        }
        self.engine_mistakes(&mut mistakes);
        mistakes
    }

    fn engine_mistakes(&self, mistakes: &mut Vec<String>) {
        let mut refuse = |wrong: bool, what: &str| {
            if wrong {
                mistakes.push(what.to_owned());
            }
        };
        let named = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        refuse(
            self.namespace.len() > 32 || !self.namespace.chars().all(named),
            "namespace: at most 32 of a-z, A-Z, 0-9, _ and -",
        );
        let (log, store) = (self.engines.log, self.engines.store);
        refuse(
            (log == LogEngine::Kafka) != (store == StoreEngine::Cql),
            "engines.log: goes together with engines.store: \"embedded\" and \"embedded\", or \"kafka\" \
             and \"cql\", because one is recovered from the other",
        );
        let kafka = &self.kafka;
        refuse(kafka.brokers.is_empty(), "kafka.brokers: at least one host:port");
        refuse(
            kafka.partitions < 2,
            "kafka.partitions: at least 2, one is for what all nodes read",
        );
        refuse(kafka.partitions > 10_000, "kafka.partitions: at most 10000");
        refuse(
            kafka.replication < 1 || kafka.min_insync < 1 || kafka.min_insync > kafka.replication,
            "kafka.min_insync: at least 1 and at most kafka.replication",
        );
        refuse(
            !(1_000..=300_000).contains(&kafka.session_ms),
            "kafka.session_ms: from 1000 to 300000, within what the brokers allow",
        );
        let cql = &self.cql;
        refuse(cql.contact_points.is_empty(), "cql.contact_points: at least one host:port");
        refuse(
            cql.keyspace.is_empty()
                || cql.keyspace.len() > 15
                || !cql.keyspace.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'),
            "cql.keyspace: 1 to 15 of a-z, A-Z, 0-9 and _",
        );
        refuse(cql.replication < 1, "cql.replication: at least 1");
        refuse(cql.timeout_ms < 100, "cql.timeout_ms: at least 100");
        refuse(
            self.engines.ephemeral == EphemeralEngine::Redis
                && !self.redis.url.starts_with("redis://"),
            "redis.url: starts with redis://",
        );
        refuse(self.redis.timeout_ms < 10, "redis.timeout_ms: at least 10");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_of_sockets_can_not_widen_a_policy() {
        for good in ["", "ws://localhost:3001/ws", "wss://chat.example", "wss://[::1]:3001/ws"] {
            assert!(socket_url(good), "{good}");
        }
        for bad in
            ["http://x", "wss://", "wss:///ws", "wss://a b", "wss://a;script-src *", "wss://a'"]
        {
            assert!(!socket_url(bad), "{bad}");
        }
    }
}
