//! Rows of the tables in which nothing changes once it is written, with their stamps: what a zombie
//! did to them shows when they are read before and after it went on (G-08).

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use crate::cluster::{Cluster, Member};
use crate::history::{Audit, Look};
use crate::server::Metrics;

/// Tables whose rows are written once: the journal, the messages, the index of ids.
const ONCE: [&str; 3] = ["changes", "message_by_seq", "id_index"];

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
            Some(is) => Some(format!("{key} was {was} and is {is}")),
            None => Some(format!("{key} was {was} and is gone")),
        })
        .collect();
    Audit { look: Look::Rows, part: part.to_owned(), checked, broken }
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
}
