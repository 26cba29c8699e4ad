//! The table of pools: a pool is a row here and a module.

use std::collections::BTreeMap;
use std::sync::Arc;

use platform::Platform;
use platform::lifecycle::Lifecycle;
use platform::partition::Handler;
use platform::partition::driver::{self, Limits, Source};
use platform::partition::lag;
use platform::partition::progress::Progress;
use schemas::topic::{self, Topic};

use crate::fanout::Fanout;
use crate::feed::Feed;
use crate::fold::shell::Shell;
use crate::persist::Persist;
use crate::presence::Presence;
use crate::receipts::Receipts;
use crate::saga::Saga;
use crate::signals::Signals;

/// Every pool.
pub const NAMES: [&str; 7] =
    ["persist", "feed", "receipts", "saga", "fanout", "signals", "presence"];

/// Every pool as a consumer group, with what it reads.
pub fn groups() -> [(&'static str, &'static Topic); 7] {
    [
        ("persist", &topic::COMMANDS),
        ("feed", &topic::USERS),
        ("receipts", &topic::RECEIPTS),
        ("saga", &topic::USERS),
        ("fanout", &topic::EVENTS),
        ("signals", &topic::SIGNALS),
        ("presence", &topic::PRESENCE),
    ]
}

/// There is no such pool.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no pool {name}; pools are {}", NAMES.join(", "))]
pub struct UnknownPool {
    /// What was asked for.
    pub name: String,
}

/// Starts pools by name, each one a member of the consumer group of that name. How far each has
/// come can be waited for.
pub fn start(
    names: &[&'static str],
    platform: &Platform,
    life: &Lifecycle,
) -> Result<BTreeMap<&'static str, Progress>, UnknownPool> {
    let mut progress = BTreeMap::new();
    for name in names {
        let own = Progress::default();
        match *name {
            "persist" => {
                let handler = Shell::<Persist>::new(platform.clone());
                run(name, handler, &topic::COMMANDS, platform, life, &own);
            }
            "feed" => {
                let handler = Shell::<Feed>::new(platform.clone());
                run(name, handler, &topic::USERS, platform, life, &own);
            }
            "fanout" => {
                run(name, Fanout::new(platform.clone()), &topic::EVENTS, platform, life, &own);
            }
            "receipts" => {
                let handler = Receipts::new(platform.clone());
                run(name, handler, &topic::RECEIPTS, platform, life, &own);
            }
            "saga" => run(name, Saga::new(platform.clone()), &topic::USERS, platform, life, &own),
            "signals" => {
                run(name, Signals::new(platform.clone()), &topic::SIGNALS, platform, life, &own);
            }
            "presence" => {
                let handler = Presence::new(platform.clone());
                handler.wake(&own, life);
                run(name, handler, &topic::PRESENCE, platform, life, &own);
            }
            other => return Err(UnknownPool { name: other.to_owned() }),
        }
        progress.insert(*name, own);
    }
    Ok(progress)
}

fn run<H: Handler>(
    name: &'static str,
    handler: H,
    topic: &'static Topic,
    platform: &Platform,
    life: &Lifecycle,
    progress: &Progress,
) {
    let source = Source { group: name, topic };
    let report = lag::report(source, platform.clone(), progress.clone(), life.stopping());
    life.component("lag", report);
    let (platform, progress) = (platform.clone(), progress.clone());
    let (limits, stopping) = (Limits::default(), life.stopping());
    let handler = Arc::new(handler);
    life.component(name, driver::run(handler, platform, source, limits, progress, stopping));
}
