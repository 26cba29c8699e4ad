//! The table of pools: a pool is a row here and a module.

use std::sync::Arc;

use platform::Platform;
use platform::lifecycle::Lifecycle;
use platform::partition::driver::{self, Limits};
use schemas::topic;

use crate::fanout::Fanout;
use crate::feed::Feed;
use crate::fold::shell::Shell;
use crate::persist::Persist;

/// Every pool.
pub const NAMES: [&str; 3] = ["persist", "feed", "fanout"];

/// There is no such pool.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no pool {name}; pools are {}", NAMES.join(", "))]
pub struct UnknownPool {
    /// What was asked for.
    pub name: String,
}

/// Starts pools by name, each one a member of the consumer group of that name.
pub fn start(names: &[&str], platform: &Platform, life: &Lifecycle) -> Result<(), UnknownPool> {
    for name in names {
        let platform = platform.clone();
        let stopping = life.stopping();
        let limits = Limits::default();
        match *name {
            "persist" => {
                let handler = Arc::new(Shell::<Persist>::new(platform.clone()));
                let topic = &topic::COMMANDS;
                life.component(
                    "persist",
                    driver::run(handler, platform, "persist", topic, limits, stopping),
                );
            }
            "feed" => {
                let handler = Arc::new(Shell::<Feed>::new(platform.clone()));
                let topic = &topic::USERS;
                life.component(
                    "feed",
                    driver::run(handler, platform, "feed", topic, limits, stopping),
                );
            }
            "fanout" => {
                let handler = Arc::new(Fanout::new(platform.clone()));
                let topic = &topic::EVENTS;
                life.component(
                    "fanout",
                    driver::run(handler, platform, "fanout", topic, limits, stopping),
                );
            }
            other => return Err(UnknownPool { name: other.to_owned() }),
        }
    }
    Ok(())
}
