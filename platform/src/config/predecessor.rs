//! The predecessor's environment names, where they still mean something.

use super::{Config, Rate};

/// Its names that mean something, and the settings that they set.
pub(super) const PLACES: [(&str, &str); 8] = [
    ("PORT", "server.listen"),
    ("CORS_ORIGIN", "server.cors_origins"),
    ("JWT_SECRET", "auth.jwt_secret"),
    ("JWT_REFRESH_SECRET", "auth.jwt_refresh_secret"),
    ("LOG_LEVEL", "logging.filter"),
    ("REDIS_HOST", "redis.url"),
    ("REDIS_PASSWORD", "redis.password"),
    ("THROTTLE_LIMIT", "limits.auth"),
];

impl Config {
    /// Takes the predecessor's names where they still mean something.
    pub(super) fn predecessor(&mut self, var: impl Fn(&str) -> Option<String>) -> Vec<String> {
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
        if let Some(level) = var("LOG_LEVEL") {
            // Its levels are winston's.
            let level = match level.as_str() {
                "verbose" | "http" => "debug",
                "silly" => "trace",
                known => known,
            };
            if ["error", "warn", "info", "debug", "trace"].contains(&level) {
                self.logging.filter = format!("{level},fjall=warn,lsm_tree=warn,rdkafka=warn");
            } else {
                mistakes.push(format!("LOG_LEVEL={level} is no level"));
            }
        }
        if let Some(host) = var("REDIS_HOST") {
            let port = var("REDIS_PORT").unwrap_or_else(|| "6379".to_owned());
            let database = var("REDIS_DB").unwrap_or_else(|| "0".to_owned());
            if port.parse::<u16>().is_err() || database.parse::<u16>().is_err() {
                mistakes.push(format!("REDIS_PORT={port} or REDIS_DB={database} is no number"));
            }
            self.redis.url = format!("redis://{host}:{port}/{database}");
        }
        if let Some(password) = var("REDIS_PASSWORD") {
            self.redis.password = password;
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
}

/// Names of the predecessor that have no effect here, in both of its spellings, and why.
const WITHOUT_EFFECT: [(&[&str], &str); 5] = [
    (&["JWT_EXPIRES_IN", "JWT_EXPIRATION"], "access tokens live for 15 minutes"),
    (&["JWT_REFRESH_EXPIRES_IN", "JWT_REFRESH_EXPIRATION"], "sessions live for 7 days without use"),
    (
        &["DATABASE_HOST", "DATABASE_PORT", "DATABASE_USER", "DATABASE_PASSWORD", "DATABASE_NAME"],
        "there is no PostgreSQL: the store is embedded, or [cql]",
    ),
    (&["API_PREFIX"], "the API is under /api/v1"),
    (&["LOG_FILE"], "logs go to the standard output"),
];

/// Names of the predecessor that are set and have no effect, each with the reason: whoever moves
/// over should not look for one.
pub fn without_effect(var: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let is_set = |name: &str| var(name).is_some_and(|text| !text.is_empty());
    let all = WITHOUT_EFFECT.iter();
    all.flat_map(|(names, why)| names.iter().map(move |name| (*name, *why)))
        .filter(|(name, _)| is_set(name))
        .map(|(name, why)| format!("{name} ({why})"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_without_effect_are_told_in_both_spellings_and_no_others() {
        let set = ["JWT_EXPIRATION", "JWT_REFRESH_EXPIRES_IN", "JWT_SECRET", "PORT"];
        let found = without_effect(|name| set.contains(&name).then(|| "x".to_owned()));
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found.iter().any(|line| line.starts_with("JWT_EXPIRATION (")));
        assert!(without_effect(|_| Some(String::new())).is_empty());
    }
}
