//! A line for every folded table.

use std::fmt::Write as _;

use platform::Store;
use schemas::table::{Get, Stored, TableDef};
use sha2::{Digest, Sha256};

pub(super) const PAGE: usize = 1_000;

/// Prints them.
pub(super) async fn print(store: &dyn Store) -> anyhow::Result<()> {
    for def in super::folded() {
        let (rows, digest) = hash_table(store, def).await?;
        super::say(&format!("{} {rows} {digest}", def.name));
    }
    Ok(())
}

async fn hash_table(store: &dyn Store, def: &'static TableDef) -> anyhow::Result<(u64, String)> {
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

pub(super) fn key_of(def: &'static TableDef, row: &Stored) -> Get {
    Get { def, key: row.cells.iter().take(def.key_columns()).flatten().cloned().collect() }
}
