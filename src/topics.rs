//! `parlance topics`: the topics on Kafka.

use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Subcommand;
use engines::kafka::admin::{Admin, Identity};
use platform::config::{Config, LogEngine};
use platform::port::clock::SystemClock;

use crate::engines::cql_store;

#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum Action {
    /// Create the topics that are missing and note in the store which they are. What exists is left as
    /// it is.
    Apply,
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

/// What the doctor says of Kafka: good lines, or what is wrong with what to do.
pub(crate) async fn examine(config: &Config) -> Vec<Result<String, (String, String)>> {
    let _ = config;
    Vec::new()
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn say(line: &str) {
    println!("{line}");
}
