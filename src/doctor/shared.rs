//! The engines that processes share.

use std::sync::Arc;

use ::engines::cql;
use ::engines::redis;
use platform::Clock;
use platform::config::{Config, EphemeralEngine, LogEngine};
use platform::port::clock::SystemClock;
use schemas::{Timestamp, topic};

use super::Finding::{Broken, Doubtful, Good};
use super::{Check, Finding};
use crate::topics;

/// Difference of two clocks that is worth a look, and that breaks take-overs of abandoned names, ms.
const SKEW_DOUBTFUL: i64 = 1_000;
const SKEW_BROKEN: i64 = 30_000;

pub(super) async fn checks(config: &Config, checks: &mut Vec<Check>) {
    if config.engines.log == LogEngine::Kafka {
        let (store, clock) = cql(config).await;
        let tables = tables(config).await;
        let unknown = matches!(store, Broken(..)) || matches!(tables, Broken(..));
        checks.push(Check { what: "store", finding: store });
        checks.extend(clock.map(|finding| Check { what: "store clock", finding }));
        checks.push(Check { what: "tables", finding: tables });
        if unknown {
            let found = "not looked at: the store says which topics are right".to_owned();
            let finding = Doubtful(found, "mend the store and its tables first".to_owned());
            checks.push(Check { what: "Kafka", finding });
        } else {
            kafka(config, checks).await;
        }
        checks.push(Check { what: "backup", finding: backups() });
    }
    if config.engines.ephemeral == EphemeralEngine::Redis {
        redis(config, checks).await;
    }
}

/// What a backup of the store lacks is folded again from the topics, as long as they have it. How old
/// the newest one is, nobody here knows.
fn backups() -> Finding {
    let folded = [&topic::COMMANDS, &topic::USERS, &topic::RECEIPTS];
    let days = folded.iter().map(|topic| topic.retention.as_secs() / 86_400).min().unwrap_or(0);
    Good(format!(
        "a snapshot of the store must be younger than {days} days when it is restored: the topics keep what \
         came behind it that long"
    ))
}

async fn kafka(config: &Config, checks: &mut Vec<Check>) {
    let check = |finding| Check { what: "Kafka", finding };
    match topics::examine(config).await {
        Ok(troubles) if troubles.is_empty() => {
            checks.push(check(Good("every topic is there and as it should be".to_owned())));
        }
        Ok(troubles) => checks.extend(troubles.into_iter().map(|trouble| {
            let kind = if trouble.fatal { Broken } else { Doubtful };
            check(kind(trouble.what, trouble.advice.to_owned()))
        })),
        Err(error) => {
            let advice = "start it, or correct kafka.brokers and kafka.properties".to_owned();
            checks.push(check(Broken(format!("{error:#}"), advice)));
        }
    }
}

async fn cql(config: &Config) -> (Finding, Option<Finding>) {
    let points = config.cql.contact_points.join(", ");
    match cql::admin::facts(&config.cql, &config.namespace).await {
        Ok(facts) => (
            Good(format!("version {} in {}", facts.version, facts.datacenter)),
            Some(skew(facts.now)),
        ),
        Err(error) => {
            let advice =
                "start it, or correct cql.contact_points, username and password".to_owned();
            (Broken(format!("{points}: {error}"), advice), None)
        }
    }
}

async fn tables(config: &Config) -> Finding {
    let defs = schemas::table::all();
    let clock = Arc::new(SystemClock);
    match cql::migrate::status(&config.cql, &config.namespace, &defs, clock).await {
        Ok(status) if status.missing.is_empty() => {
            Good(format!("{} is up to date", status.keyspace))
        }
        Ok(status) => Broken(
            format!("{} is {} steps behind", status.keyspace, status.missing.len()),
            "run `parlance migrate`; older processes may go on meanwhile".to_owned(),
        ),
        Err(error) => Broken(error.to_string(), "see above".to_owned()),
    }
}

async fn redis(config: &Config, checks: &mut Vec<Check>) {
    let facts = match redis::admin::facts(&config.redis).await {
        Ok(facts) => facts,
        Err(error) => {
            // Messages do without it: not broken, but nobody wants it so.
            let finding = Doubtful(
                error,
                "start it, or correct redis.url and password. Without it events go to every node, \
                 and limits count per process"
                    .to_owned(),
            );
            checks.push(Check { what: "Redis", finding });
            return;
        }
    };
    let version = facts.version;
    let finding = match facts.eviction.as_deref() {
        Some("noeviction") | None => Good(format!("version {version}")),
        Some(policy) => Doubtful(
            format!("version {version}, maxmemory-policy {policy}"),
            "an evicted route delays pushes by up to 10 s: noeviction and enough memory".to_owned(),
        ),
    };
    checks.push(Check { what: "Redis", finding });
    checks.push(Check { what: "Redis clock", finding: skew(facts.now) });
}

/// Messages are ordered by the log alone; clocks matter for limits, tokens and names.
fn skew(theirs: Timestamp) -> Finding {
    judge_skew(SystemClock.now().since(theirs))
}

fn judge_skew(ms: i64) -> Finding {
    let found = format!("{ms} ms apart from this machine's");
    let advice = "run a time service (chrony, systemd-timesyncd) on every machine".to_owned();
    match ms.abs() {
        off if off > SKEW_BROKEN => Broken(found, advice),
        off if off > SKEW_DOUBTFUL => Doubtful(found, advice),
        _ => Good(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_apart_are_doubtful_and_then_broken() {
        assert!(matches!(judge_skew(-900), Good(_)));
        assert!(matches!(judge_skew(-1_001), Doubtful(..)));
        assert!(matches!(judge_skew(3_600_000), Broken(..)));
    }
}
