//! Reads of more rows than one page of the driver holds.

use std::collections::BTreeSet;
use std::ops::Bound;

use platform::Store as _;
use platform::port::store::scan;
use schemas::Stamp;
use schemas::table::{Batch, Scan, Table as _, Value, Write};

use crate::world::{Line, World, id};

pub(crate) async fn a_large_partition_is_scanned_in_pages(world: &World) {
    let store = world.store().await;
    let owner = id();
    let rows: Vec<Line> = (0..1_200).map(|seq| Line::new(owner, seq, "line")).collect();
    let writes = rows.iter().map(|row| Write::insert(row, Stamp(1))).collect();
    store.write(Batch { fence: None, writes }).await.expect("one mutation");
    let all = |limit| Scan::<Line>::of(vec![Value::Uuid(owner), Value::Int(0)], limit);
    for limit in [1, 499, 500, 501, 1_000, 1_001, 1_199, 1_200, 5_000] {
        let wanted = rows.iter().take(limit);
        let found = scan(&store, all(limit)).await.expect("scanned");
        assert!(found.iter().eq(wanted), "forwards, {limit}");
        let back = Scan { reverse: true, ..all(limit) };
        let found = scan(&store, back).await.expect("scanned");
        assert!(found.iter().eq(rows.iter().rev().take(limit)), "backwards, {limit}");
    }
    // By hand, in the caller's pages.
    let (mut seen, mut from) = (Vec::new(), Bound::Unbounded);
    loop {
        let page = scan(&store, Scan { from, ..all(170) }).await.expect("scanned");
        let Some(last) = page.last() else { break };
        from = Bound::Excluded(vec![Value::Int(last.seq)]);
        seen.extend(page);
    }
    assert_eq!(seen, rows);
}

pub(crate) async fn a_dump_of_many_pages_gives_every_row_once(world: &World) {
    let store = world.store().await;
    // Partitions of one row, of some, and one larger than a page of the driver.
    let mut expected = BTreeSet::new();
    for partition in 0..60 {
        let owner = id();
        let count = if partition == 30 { 700 } else { 1 + partition % 7 };
        let rows: Vec<Line> = (0..count).map(|seq| Line::new(owner, seq, "dumped")).collect();
        expected.extend(rows.iter().map(|row| (row.owner, row.seq)));
        let writes = rows.iter().map(|row| Write::insert(row, Stamp(1))).collect();
        store.write(Batch { fence: None, writes }).await.expect("written");
    }
    for limit in [37, 250, 600] {
        let (mut found, mut after, mut pages) = (Vec::new(), None, 0);
        loop {
            let page = store.dump(Line::DEF, after, limit).await.expect("dumped");
            let Some(last) = page.last() else { break };
            assert!(page.len() <= limit);
            let last = Line::from_cells(last.cells.clone()).expect("a line");
            after = Some(last.get());
            let lines = page.into_iter().map(|row| Line::from_cells(row.cells).expect("a line"));
            found.extend(lines.filter(|row| row.body == "dumped").map(|row| (row.owner, row.seq)));
            pages += 1;
        }
        assert!(pages > 3);
        assert_eq!(found.len(), expected.len(), "every row once, {limit}");
        assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), expected);
    }
}
