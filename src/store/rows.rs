//! Every row of some folded tables, a line each: what was written once must read the same for ever.

use std::fmt::{Debug, Write as _};

use anyhow::{Context, ensure};
use platform::Store;
use schemas::table::{Stored, TableDef};
use sha2::{Digest, Sha256};

use super::hash::{PAGE, key_of};

/// Prints `table key stamp sha256`, the key hashed like the rest: lines are there to be compared.
pub(super) async fn print(store: &dyn Store, names: &[String]) -> anyhow::Result<()> {
    ensure!(!names.is_empty(), "name at least one table");
    let tables = super::folded();
    for name in names {
        let def = tables.iter().find(|def| def.name == name.as_str());
        let known = || format!("no folded table is called {name}; `store hash` names them");
        table(store, def.with_context(known)?).await?;
    }
    Ok(())
}

async fn table(store: &dyn Store, def: &'static TableDef) -> anyhow::Result<()> {
    let mut after = None;
    loop {
        let page = store.dump(def, after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(key_of(def, last));
        for row in &page {
            super::say(&line(def, row));
        }
    }
}

fn line(def: &TableDef, row: &Stored) -> String {
    let (key, cells) = row.cells.split_at(def.key_columns().min(row.cells.len()));
    format!("{} {} {:?} {}", def.name, digest(&key), row.stamp, digest(&cells))
}

/// Half a hash: 128 bits tell rows of a test apart.
fn digest(of: &impl Debug) -> String {
    let hash = Sha256::digest(format!("{of:?}"));
    hash.iter().take(16).fold(String::new(), |mut hex, byte| {
        // Writing to a string does not fail.
        let _written = write!(hex, "{byte:02x}");
        hex
    })
}
