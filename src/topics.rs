//! `parlance topics`: the topics on Kafka.

use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Subcommand;
use engines::kafka::admin::epoch::Unhandled;
use engines::kafka::admin::{Admin, Identity, What};
use platform::config::{Config, LogEngine};
use platform::port::clock::SystemClock;

use crate::engines::cql_store;

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum Action {
    /// Create the topics that are missing and note in the store which they are. What exists is left as
    /// it is.
    Apply,
    /// Say what differs from what this version and the configuration want; the exit status is 1 if
    /// something does.
    Diff,
    /// Go on with topics that were created anew or have other partitions. After a drain, with every
    /// process stopped: docs/OPERATIONS.md tells the steps.
    NewEpoch {
        /// Even if groups have not handled everything: what is left is handled in the new epoch.
        #[arg(long)]
        keep_unhandled: bool,
    },
}

/// Runs one of them.
pub(crate) fn run(config: &Config, action: Action) -> anyhow::Result<()> {
    if config.engines.log != LogEngine::Kafka {
        bail!("engines.log is \"embedded\": its topics need no care");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let admin = connect(config).await?;
        match action {
            Action::Apply => apply(&admin).await,
            Action::Diff => diff(&admin).await,
            Action::NewEpoch { keep_unhandled } => new_epoch(&admin, keep_unhandled).await,
        }
    })
}

async fn connect(config: &Config) -> anyhow::Result<Admin> {
    let store = cql_store(config, Arc::new(SystemClock)).await?;
    let admin = Admin::connect(&config.kafka, &config.namespace, Arc::new(store));
    admin.with_context(|| format!("Kafka at {}", config.kafka.brokers.join(", ")))
}

async fn apply(admin: &Admin) -> anyhow::Result<()> {
    let mut other = Vec::new();
    for applied in admin.apply().await? {
        let created = if applied.created { "created" } else { "there" };
        let identity = match applied.identity {
            Identity::Noted => "noted in the store",
            Identity::Same => "known to the store",
            Identity::Differs => {
                other.push(applied.topic);
                "NOT the one that the store knows"
            }
        };
        say(&format!("{:<20} {created}, {identity}", applied.topic));
    }
    if !other.is_empty() {
        bail!(
            "{} were created anew or have other partitions since the store's rows were folded: bring \
             the right ones back, or see `parlance topics new-epoch --help`",
            other.join(", ")
        );
    }
    Ok(())
}

async fn diff(admin: &Admin) -> anyhow::Result<()> {
    let found = admin.diff().await?;
    for one in &found {
        say(&format!("{:<20} {}", one.topic, one.what));
    }
    if !found.is_empty() {
        bail!("{} differences", found.len());
    }
    say("no difference");
    Ok(())
}

async fn new_epoch(admin: &Admin, keep: bool) -> anyhow::Result<()> {
    let unhandled = if keep { Unhandled::Keep } else { Unhandled::Refuse };
    for topic in admin.new_epoch(&workers::groups(), unhandled).await? {
        match topic.moved_from {
            Some(before) => say(&format!("{:<20} epoch {before} → {}", topic.topic, topic.epoch)),
            None => say(&format!("{:<20} epoch {}, as before", topic.topic, topic.epoch)),
        }
        for (group, partitions) in topic.restarted {
            say(&format!("{:<20}   {group} starts at the oldest record of {partitions}", ""));
        }
    }
    Ok(())
}

/// A difference as the doctor tells it: what, whether nothing can start with it, and what to do.
pub(crate) struct Trouble {
    pub(crate) what: String,
    pub(crate) fatal: bool,
    pub(crate) advice: &'static str,
}

/// What is wrong with the topics.
pub(crate) async fn examine(config: &Config) -> anyhow::Result<Vec<Trouble>> {
    let found = connect(config).await?.diff().await?;
    let troubles = found.into_iter().map(|one| {
        let (fatal, advice) = match one.what {
            What::Missing | What::Unnoted => (true, "run `parlance topics apply`"),
            What::Id { .. } | What::Repartitioned { .. } => {
                (true, "bring the right topic back, or see docs/OPERATIONS.md, Topics and epochs")
            }
            What::Partitions { .. } => {
                (false, "correct kafka.partitions: the number in use counts")
            }
            What::Setting { .. } => (false, "alter the topic, unless it is meant"),
        };
        Trouble { what: format!("{} {}", one.topic, one.what), fatal, advice }
    });
    Ok(troubles.collect())
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn say(line: &str) {
    println!("{line}");
}
