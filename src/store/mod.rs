//! `parlance store`: commands on the folded tables while no worker runs.

mod hash;
mod refold;
mod rows;

use std::sync::Arc;

use clap::Subcommand;
use platform::Store;
use platform::config::{Config, StoreEngine};
use platform::data_dir::DataDir;
use platform::embedded::{LsmConfig, LsmStore};
use platform::port::clock::SystemClock;
use schemas::table::{self, Class, TableDef};

use crate::engines;

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum Action {
    /// Print a line for every folded table: its name, number of rows, and SHA-256 over them. Equal
    /// lines mean equal tables, stamps included; compare them on one engine.
    Hash,
    /// Print a line for every row of these folded tables: table, key, stamp and contents, hashed.
    Rows {
        /// Names of tables, as `hash` prints them.
        #[arg(required = true, value_name = "TABLE")]
        tables: Vec<String>,
    },
    /// Forget every folded table and how far it was folded: the workers fold them again from the log.
    /// Refused if the log no longer holds its first record.
    Refold,
}

/// Runs one of them.
pub(crate) fn run(config: &Config, action: Action) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match (action, config.engines.store) {
        (Action::Refold, StoreEngine::Embedded) => refold::embedded(config, &runtime),
        (Action::Refold, StoreEngine::Cql) => runtime.block_on(refold::shared(config)),
        (look, StoreEngine::Embedded) => {
            let data = DataDir::open(&config.data.dir)?;
            let store = LsmStore::open(&data.store(), LsmConfig::default())?;
            runtime.block_on(print(&store, look))
        }
        (look, StoreEngine::Cql) => runtime.block_on(async {
            let store: Arc<dyn Store> =
                Arc::new(engines::cql_store(config, Arc::new(SystemClock)).await?);
            print(&*store, look).await
        }),
    }
}

async fn print(store: &dyn Store, look: Action) -> anyhow::Result<()> {
    match look {
        Action::Rows { tables } => rows::print(store, &tables).await,
        Action::Hash | Action::Refold => hash::print(store).await,
    }
}

fn folded() -> Vec<&'static TableDef> {
    table::all().into_iter().filter(|def| matches!(def.class, Class::Folded(_))).collect()
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn say(line: &str) {
    println!("{line}");
}
