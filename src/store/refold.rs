//! Forgets what is folded, if the log can make all of it again.

use std::fs;
use std::sync::Arc;

use anyhow::{Context, bail};
use platform::Log;
use platform::config::Config;
use platform::lifecycle::Lifecycle;
use platform::port::clock::SystemClock;
use schemas::conversation::table::HeadRow;
use schemas::table::Table as _;
use schemas::topic;
use schemas::user::table::UserHead;
use tokio::runtime::Runtime;

use crate::engines::{self, Embedded};

/// The folding pools with what they read.
const FOLDED_FROM: [(&str, &topic::Topic); 3] =
    [("persist", &topic::COMMANDS), ("feed", &topic::USERS), ("receipts", &topic::RECEIPTS)];

/// In the data folder.
pub(super) fn embedded(config: &Config, runtime: &Runtime) -> anyhow::Result<()> {
    let life = Lifecycle::new();
    let engines = runtime.block_on(engines::open(config, &life))?;
    runtime.block_on(whole(&*engines.platform.log))?;
    runtime.block_on(engines.platform.log.close());
    drop(engines.platform);
    let Embedded { store, data, .. } = engines.embedded.context("an embedded store")?;
    drop(store);
    let folded = data.store().join("folded");
    // Under another name first: a crash in between must not leave half a database behind.
    let gone = data.store().join("folded.gone");
    if gone.exists() {
        fs::remove_dir_all(&gone).with_context(|| gone.display().to_string())?;
    }
    fs::rename(&folded, &gone).with_context(|| folded.display().to_string())?;
    fs::remove_dir_all(&gone).with_context(|| gone.display().to_string())?;
    super::say("the folded tables are gone; the next start folds them again from the log");
    Ok(())
}

/// On shared engines. First the groups go back, then the tables go: whatever stops in between leaves
/// records that are folded again over rows that are there, which changes nothing.
pub(super) async fn shared(config: &Config) -> anyhow::Result<()> {
    let life = Lifecycle::new();
    let engines = engines::open(config, &life).await?;
    whole(&*engines.platform.log).await?;
    engines.platform.log.close().await;
    let store = engines::cql_store(config, Arc::new(SystemClock)).await?;
    for (group, topic) in FOLDED_FROM {
        ::engines::kafka::rewind(&config.kafka, &config.namespace, group, topic).await?;
    }
    // Heads first: changes without a head are adopted again, a head without its changes is not.
    let heads = [HeadRow::DEF, UserHead::DEF];
    let rest = super::folded().into_iter().filter(|def| !heads.contains(def));
    store.truncate(&heads.into_iter().chain(rest).collect::<Vec<_>>()).await?;
    super::say("the folded tables are gone; the workers fold them again from the log");
    Ok(())
}

/// Refuses if what came first is no longer in the log.
async fn whole(log: &dyn Log) -> anyhow::Result<()> {
    for (_, topic) in FOLDED_FROM {
        for state in log.describe(topic).await? {
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
    Ok(())
}
