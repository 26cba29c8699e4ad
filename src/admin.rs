//! Commands on the embedded store while no server runs.

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, bail};
use platform::Store;
use platform::config::Config;
use platform::data_dir::DataDir;
use platform::embedded::{LsmConfig, LsmStore};
use schemas::table::{self, Class, Get, Stored, TableDef};
use schemas::topic;
use sha2::{Digest, Sha256};

use crate::engines;

const PAGE: usize = 1_000;

/// Prints a line for every folded table. Equal lines mean equal tables, stamps included.
pub(crate) fn hash(config: &Config) -> anyhow::Result<()> {
    let data = DataDir::open(&config.data.dir)?;
    let store = LsmStore::open(&data.store(), LsmConfig::default())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut out = String::new();
    for def in table::all().into_iter().filter(|def| matches!(def.class, Class::Folded(_))) {
        let (rows, digest) = runtime.block_on(hash_table(&store, def))?;
        writeln!(out, "{} {rows} {digest}", def.name)?;
    }
    print(&out);
    Ok(())
}

async fn hash_table(store: &LsmStore, def: &'static TableDef) -> anyhow::Result<(u64, String)> {
    let mut hash = Sha256::new();
    let (mut rows, mut after) = (0, None);
    loop {
        let page = store.dump(def, after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = Some(key_of(def, last));
        for row in &page {
            rows += 1;
            hash.update(format!("{:?}{:?}\n", row.stamp, row.cells));
        }
    }
    let digest = hash.finalize().iter().fold(String::new(), |mut hex, byte| {
        // Writing to a string does not fail.
        let _written = write!(hex, "{byte:02x}");
        hex
    });
    Ok((rows, digest))
}

fn key_of(def: &'static TableDef, row: &Stored) -> Get {
    Get { def, key: row.cells.iter().take(def.key_columns()).flatten().cloned().collect() }
}

/// Forgets what is folded, if the log can make all of it again.
pub(crate) fn refold(config: &Config) -> anyhow::Result<()> {
    let engines = engines::open(config)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let log = &engines.platform.log;
    for topic in [&topic::COMMANDS, &topic::USERS] {
        for state in runtime.block_on(log.describe(topic))? {
            if state.first > 0 {
                bail!(
                    "{} partition {} starts at {}: what came before can not be folded again",
                    topic.name,
                    state.partition,
                    state.first
                );
            }
        }
    }
    runtime.block_on(log.close());
    let folded = engines.data.store().join("folded");
    drop(engines.platform);
    drop(engines.store);
    // Under another name first: a crash in between must not leave half a database behind.
    let gone = engines.data.store().join("folded.gone");
    if gone.exists() {
        fs::remove_dir_all(&gone).with_context(|| gone.display().to_string())?;
    }
    fs::rename(&folded, &gone).with_context(|| folded.display().to_string())?;
    fs::remove_dir_all(&gone).with_context(|| gone.display().to_string())?;
    print("the folded tables are gone; the next start folds them again from the log\n");
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the command's answer")]
fn print(text: &str) {
    print!("{text}");
}
