//! Rows of tables in which nothing changes once it is written, unless a later command edits or deletes a
//! message, with their stamps: what a zombie did to them shows when they are read before and after it went
//! on (G-08). What a later command changed has a later stamp; with the same stamp it is the same row.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use crate::cluster::{Cluster, Member};
use crate::history::{Audit, Look};
use crate::server::Metrics;

/// Tables whose rows are written once: the index of ids; and until a message changes: its row, and the
/// journal, which gets a placeholder for what was deleted.
const ONCE: [&str; 3] = ["changes", "message_by_seq", "id_index"];
/// Those of them that a later command may write again.
const AGAIN: [&str; 2] = ["changes ", "message_by_seq "];

/// Rows by table and key.
pub(super) type Rows = HashMap<String, String>;

/// Reads them; one line per row: `table key stamp sha256`.
pub(super) async fn read(cluster: &Arc<Cluster>, binary: &Path) -> anyhow::Result<Rows> {
    let (cluster, binary) = (cluster.clone(), binary.to_path_buf());
    let text = tokio::task::spawn_blocking(move || {
        let mut arguments = vec!["store", "rows"];
        arguments.extend(ONCE);
        cluster.run(&binary, &arguments)
    })
    .await??;
    let row = |line: &str| {
        let mut words = line.splitn(3, ' ');
        let (table, key, value) = (words.next()?, words.next()?, words.next()?);
        Some((format!("{table} {key}"), value.to_owned()))
    };
    Ok(text.lines().filter_map(row).collect())
}

/// Whatever was there is there, and as it was.
pub(super) fn compare(part: &str, before: Rows, after: &Rows) -> Audit {
    let checked = u64::try_from(before.len()).unwrap_or(u64::MAX);
    let broken = before
        .into_iter()
        .filter_map(|(key, was)| match after.get(&key) {
            Some(is) if *is == was => None,
            Some(is) if AGAIN.iter().any(|table| key.starts_with(table)) && later(is, &was) => None,
            Some(is) => Some(format!("{key} was {was} and is {is}")),
            None => Some(format!("{key} was {was} and is gone")),
        })
        .collect();
    Audit { look: Look::Rows, part: part.to_owned(), checked, broken }
}

/// Whether the stamp of a row is later than that of another.
fn later(is: &str, was: &str) -> bool {
    let stamp = |row: &str| {
        let first = row.split(' ').next()?;
        first.strip_prefix("Stamp(")?.strip_suffix(')')?.parse::<i64>().ok()
    };
    stamp(is).zip(stamp(was)).is_some_and(|(is, was)| is > was)
}

/// Records that a process has handled: none would mean that it owns nothing.
pub(super) async fn folded(cluster: &Cluster, member: &Member) -> u64 {
    let text = member.metrics(cluster.rest()).await.unwrap_or_default();
    let records = Metrics::parse(&text).get("parlance_records_total");
    format!("{records:.0}").parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_and_a_lost_row_are_found_and_new_ones_are_none_of_its_business() {
        let rows = |list: &[(&str, &str)]| -> Rows {
            list.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let before = rows(&[("t a", "1 x"), ("t b", "1 y"), ("t c", "1 z")]);
        let after = rows(&[("t a", "1 x"), ("t b", "2 y"), ("t d", "3 z")]);
        let audit = compare("persist-1", before, &after);
        assert_eq!((audit.checked, audit.broken.len()), (3, 2));
    }

    #[test]
    fn a_message_may_be_edited_by_a_later_command_and_by_no_other() {
        let row = |key: &str, value: &str| Rows::from([(key.to_owned(), value.to_owned())]);
        let broken =
            |key, was: &str, is: &str| compare("x", row(key, was), &row(key, is)).broken.len();
        let stamped = |stamp: i64, hash: &str| format!("{:?} {hash}", schemas::Stamp(stamp));
        let broken = |key, was: (i64, &str), is: (i64, &str)| {
            broken(key, &stamped(was.0, was.1), &stamped(is.0, is.1))
        };
        assert_eq!(broken("message_by_seq a", (5, "x"), (6, "y")), 0);
        assert_eq!(broken("message_by_seq a", (5, "x"), (5, "y")), 1);
        assert_eq!(broken("changes a", (5, "x"), (4, "y")), 1);
        assert_eq!(broken("id_index a", (5, "x"), (6, "y")), 1);
    }
}
