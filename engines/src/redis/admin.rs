//! What operators ask of Redis: its version, clock and what it does when memory runs out.

use std::time::Duration;

use platform::config;
use redis::{Client, IntoConnectionInfo, RedisError};
use schemas::Timestamp;

/// Longest wait for the answers.
const ANSWER: Duration = Duration::from_secs(5);

/// What the server tells of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Version.
    pub version: String,
    /// Its clock.
    pub now: Timestamp,
    /// `maxmemory-policy`, where it tells: which keys go when memory runs out.
    pub eviction: Option<String>,
}

/// Asks it, on a connection of its own.
pub async fn facts(config: &config::Redis) -> Result<Facts, String> {
    let asked = async {
        let mut info = config.url.as_str().into_connection_info()?;
        if !config.password.is_empty() {
            let settings = info.redis_settings().clone().set_password(&config.password);
            info = info.set_redis_settings(settings);
        }
        let mut connection = Client::open(info)?.get_multiplexed_async_connection().await?;
        let server: String = redis::cmd("INFO").arg("server").query_async(&mut connection).await?;
        let memory: String = redis::cmd("INFO").arg("memory").query_async(&mut connection).await?;
        let (seconds, micros): (i64, i64) = redis::cmd("TIME").query_async(&mut connection).await?;
        let now = Timestamp(seconds.saturating_mul(1_000).saturating_add(micros / 1_000));
        let version = field(&server, "redis_version").unwrap_or_default();
        Ok(Facts { version, now, eviction: field(&memory, "maxmemory_policy") })
    };
    match tokio::time::timeout(ANSWER, asked).await {
        Ok(facts) => facts.map_err(|error: RedisError| error.to_string()),
        Err(_) => Err(format!("no answer within {ANSWER:?}")),
    }
}

fn field(info: &str, name: &str) -> Option<String> {
    let line = info.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    Some(line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let info = "# Server\r\nredis_version:7.0.15\r\nredis_version_x:1\r\n";
        assert_eq!(field(info, "redis_version").as_deref(), Some("7.0.15"));
        assert_eq!(field(info, "redis"), None);
    }
}
