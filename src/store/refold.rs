//! Forgets what is folded, if the log can make all of it again.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use platform::Log;
use platform::Store as _;
use platform::config::Config;
use platform::embedded::{LsmConfig, LsmStore};
use platform::lifecycle::Lifecycle;
use platform::port::clock::SystemClock;
use schemas::conversation::table::HeadRow;
use schemas::table::{self, Batch, Class, Op, Stored, Table as _, TableDef, Write};
use schemas::topic;
use schemas::user::table::UserHead;
use tokio::runtime::Runtime;

use super::hash::{PAGE, key_of};
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
    runtime.block_on(forget(store, &data.store()))?;
    super::say("the folded tables are gone; the next start folds them again from the log");
    Ok(())
}

/// Leaves a store that has nothing folded in it: neither rows, nor derived topics, nor cursors. What can
/// not be folded again goes along.
async fn forget(store: LsmStore, dir: &Path) -> anyhow::Result<()> {
    let (folded, gone, anew) = (dir.join("folded"), dir.join("folded.gone"), dir.join("refolding"));
    // Of a command that was killed. What it had copied may be nowhere else, and stays below what is newer.
    if gone.exists() {
        fs::remove_dir_all(&gone).with_context(|| gone.display().to_string())?;
    }
    let fresh = LsmStore::open(&anew, LsmConfig::default())?;
    for def in table::all().into_iter().filter(|def| matches!(def.class, Class::Kept(_))) {
        copy(&store, &fresh, def).await?;
    }
    fresh.checkpoint()?;
    drop((store, fresh));
    // Under another name first: a crash in between must not leave half a database behind.
    let renamed = |from: &Path, to: &Path| {
        fs::rename(from, to).with_context(|| format!("{} to {}", from.display(), to.display()))
    };
    renamed(&folded, &gone)?;
    renamed(&anew.join("folded"), &folded)?;
    for left in [&gone, &anew] {
        fs::remove_dir_all(left).with_context(|| left.display().to_string())?;
    }
    Ok(())
}

async fn copy(from: &LsmStore, to: &LsmStore, def: &'static TableDef) -> anyhow::Result<()> {
    let mut after = None;
    loop {
        let page = from.dump(def, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(key_of(def, last));
        let same = |row: Stored| {
            let Stored { cells, stamp } = row;
            Write { def, op: Op::Replace, cells, stamp }
        };
        let writes = page.into_iter().map(same).collect();
        to.write(Batch { fence: None, writes }).await?;
    }
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

#[cfg(test)]
mod tests {
    use platform::port::store::get_one;
    use schemas::presence::table::LastSeen;
    use schemas::user::table::Block;
    use schemas::{Stamp, Timestamp, UserId};

    use super::*;

    #[tokio::test]
    async fn what_can_not_be_folded_again_stays_and_everything_else_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let open = || LsmStore::open(dir.path(), LsmConfig::default()).unwrap();
        let user = |n: u128| {
            let id = format!("{n:08x}-0000-4000-8000-000000000000");
            id.parse::<UserId>().unwrap()
        };
        let seen = |n: u128| {
            let at = Timestamp(i64::try_from(n).unwrap());
            LastSeen { user: user(n), at, version: 4 }
        };
        // More than a page.
        let rows = u128::try_from(PAGE).unwrap() + 10;
        let block = Block {
            user: user(1),
            other: user(2),
            reason: None,
            report: None,
            created_at: Timestamp(5),
        };
        let store = open();
        let mut writes: Vec<Write> =
            (0..rows).map(|n| Write::replace(&seen(n), Stamp(7))).collect();
        writes.push(Write::insert(&block, Stamp(7)));
        store.write(Batch { fence: None, writes }).await.unwrap();
        forget(store, dir.path()).await.unwrap();
        forget(open(), dir.path()).await.unwrap();
        let store = open();
        for n in 0..rows {
            let row = get_one::<LastSeen>(&store, LastSeen::get(user(n))).await.unwrap();
            assert_eq!(row, Some(seen(n)));
        }
        let row = store.get(&[LastSeen::get(user(3))]).await.unwrap().remove(0);
        assert_eq!(row.map(|row| row.stamp), Some(Stamp(7)));
        let block = get_one::<Block>(&store, Block::get(user(1), user(2))).await.unwrap();
        assert!(block.is_none());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "nothing is left lying about");
    }

    #[tokio::test]
    async fn what_a_command_that_was_killed_had_copied_is_not_lost() {
        let dir = tempfile::tempdir().unwrap();
        let user =
            |n: u8| format!("{n:08x}-0000-4000-8000-000000000000").parse::<UserId>().unwrap();
        let row = |n, at| LastSeen { user: user(n), at: Timestamp(at), version: 4 };
        // Killed between the two names; then a server ran.
        for (place, rows) in [("refolding", [row(1, 1), row(2, 1)]), (".", [row(2, 2), row(3, 2)])]
        {
            let path = dir.path().join(place);
            let store = LsmStore::open(&path, LsmConfig::default()).unwrap();
            let writes = rows.iter().map(|row| Write::replace(row, Stamp(7))).collect();
            store.write(Batch { fence: None, writes }).await.unwrap();
        }
        fs::create_dir(dir.path().join("folded.gone")).unwrap();
        let open = || LsmStore::open(dir.path(), LsmConfig::default()).unwrap();
        forget(open(), dir.path()).await.unwrap();
        let store = open();
        for (n, at) in [(1, 1), (2, 2), (3, 2)] {
            let found = get_one::<LastSeen>(&store, LastSeen::get(user(n))).await.unwrap();
            assert_eq!(found, Some(row(n, at)));
        }
    }
}
