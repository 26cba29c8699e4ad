//! What every store must do. Each case uses keys of its own, so they may share an engine.

use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::join_all;
use schemas::Stamp;
use schemas::table::{Batch, Class, Get, Op, Scan, Table, TableDef, Value, Write};
use uuid::Uuid;

use crate::port::clock::{SystemClock, uuid_v7};
use crate::port::store::{Claim, Error, Store, get_one, scan};

schemas::table! {
    /// Rows in buckets, two clustering columns, every kind of cell.
    pub struct Item in "conformance_items", prefix 0x7f01, class Class::Folded("conformance");
    partition { owner: Uuid, bucket: i64 }
    cluster { seq: i64 => Asc, tag: String => Desc }
    data { body: Bytes, note: Option<String>, count: Option<i64>, flag: Option<bool>, who: Option<Uuid> }
}

schemas::table! {
    /// The fence.
    pub struct Head in "conformance_heads", prefix 0x7f02, class Class::Folded("conformance");
    partition { owner: Uuid }
    cluster {}
    data { body: Bytes }
}

schemas::table! {
    /// Newest first.
    pub struct Newest in "conformance_newest", prefix 0x7f03, class Class::Folded("conformance");
    partition { owner: Uuid }
    cluster { seq: i64 => Desc }
    data { body: Bytes }
}

schemas::table! {
    /// Claimed and replaced.
    pub struct Name in "conformance_names", prefix 0x7f04, class Class::Direct;
    partition { name: String }
    cluster {}
    data { owner: Uuid, state: Option<String> }
}

/// Tables of the suite, for adapters that must create them.
pub const TABLES: [&TableDef; 4] = [Item::DEF, Head::DEF, Newest::DEF, Name::DEF];

/// Opens the store under test.
#[async_trait]
pub trait Factory: Send + Sync {
    /// A handle to the one store of this factory; called again only when earlier handles are dropped.
    async fn open(&self) -> Arc<dyn Store>;
}

type Limit = Bound<Vec<Value>>;

fn id() -> Uuid {
    uuid_v7(&SystemClock)
}

fn item(owner: Uuid, bucket: i64, seq: i64, tag: &str) -> Item {
    let body = Bytes::from(format!("{bucket}/{seq}/{tag}"));
    let tag = tag.to_owned();
    Item { owner, bucket, seq, tag, body, note: None, count: None, flag: None, who: None }
}

fn key(row: &Item) -> Get {
    Write::insert(row, Stamp(0)).get()
}

fn delete<T: Table>(row: &T, stamp: Stamp) -> Write {
    Write { op: Op::Delete, ..Write::replace(row, stamp) }
}

async fn write(store: &dyn Store, writes: Vec<Write>) {
    store.write(Batch { fence: None, writes }).await.expect("written");
}

async fn read(store: &dyn Store, row: &Item) -> Option<Item> {
    get_one::<Item>(store, key(row)).await.expect("read")
}

fn of(owner: Uuid, bucket: i64) -> Scan<Item> {
    Scan::of(vec![Value::Uuid(owner), Value::Int(bucket)], 100)
}

async fn seqs(store: &dyn Store, wanted: Scan<Item>) -> Vec<(i64, String)> {
    let rows = scan(store, wanted).await.expect("scanned");
    rows.into_iter().map(|row| (row.seq, row.tag)).collect()
}

/// Insert, replace, delete; what is not there is none.
pub async fn rows_are_inserted_replaced_and_deleted(factory: &dyn Factory) {
    let store = factory.open().await;
    let mut row = item(id(), 0, 1, "a");
    assert_eq!(read(&*store, &row).await, None);
    row.note = Some("first".into());
    row.count = Some(-7);
    row.flag = Some(true);
    row.who = Some(row.owner);
    write(&*store, vec![Write::insert(&row, Stamp(1))]).await;
    assert_eq!(read(&*store, &row).await, Some(row.clone()));
    row.body = Bytes::from_static(b"\0second\xff");
    write(&*store, vec![Write::replace(&row, Stamp(2))]).await;
    assert_eq!(read(&*store, &row).await, Some(row.clone()));
    let stored = store.get(&[key(&row)]).await.expect("read").pop().flatten().expect("there");
    assert_eq!(stored.stamp, Stamp(2));
    write(&*store, vec![delete(&row, Stamp(3))]).await;
    assert_eq!(read(&*store, &row).await, None);
    write(&*store, vec![Write::insert(&row, Stamp(4))]).await;
    assert_eq!(read(&*store, &row).await, Some(row));
}

/// A replace without a value makes it null; an empty value is not null.
pub async fn null_is_not_empty_and_replace_clears(factory: &dyn Factory) {
    let store = factory.open().await;
    let mut row = item(id(), 0, 1, "");
    row.body = Bytes::new();
    row.note = Some(String::new());
    row.flag = Some(false);
    write(&*store, vec![Write::insert(&row, Stamp(1))]).await;
    assert_eq!(read(&*store, &row).await, Some(row.clone()));
    row.note = None;
    write(&*store, vec![Write::replace(&row, Stamp(2))]).await;
    assert_eq!(read(&*store, &row).await, Some(row));
}

/// A batch whose fence is newer is refused whole; one at the same stamp passes.
pub async fn a_fenced_batch_writes_nothing(factory: &dyn Factory) {
    let store = factory.open().await;
    let owner = id();
    let head = Head { owner, body: Bytes::from_static(b"head") };
    let fence = |stamp| Some((Write::replace(&head, Stamp(0)).get(), Stamp(stamp)));
    let rows = [item(owner, 0, 1, "a"), item(owner, 1, 2, "b")];
    let batch = |stamp| {
        let mut writes: Vec<Write> =
            rows.iter().map(|row| Write::insert(row, Stamp(stamp))).collect();
        writes.push(Write::replace(&head, Stamp(stamp)));
        Batch { fence: fence(stamp), writes }
    };
    // No fence row yet: the writer is the first owner.
    store
        .write(Batch { fence: fence(0), writes: vec![Write::replace(&head, Stamp(10))] })
        .await
        .expect("the first batch");
    assert_eq!(store.write(batch(9)).await, Err(Error::Fenced));
    for row in &rows {
        assert_eq!(read(&*store, row).await, None);
    }
    store.write(batch(10)).await.expect("the owner's own stamp");
    store.write(batch(12)).await.expect("a newer stamp");
    assert_eq!(store.write(batch(11)).await, Err(Error::Fenced));
    let stored = store.get(&[key(&rows[0])]).await.expect("read").pop().flatten().expect("there");
    assert_eq!(stored.stamp, Stamp(12));
}

/// The same batch again changes nothing.
pub async fn the_same_stamp_again_changes_nothing(factory: &dyn Factory) {
    let store = factory.open().await;
    let owner = id();
    let rows: Vec<Item> = (0..20).map(|seq| item(owner, 0, seq, "a")).collect();
    let writes: Vec<Write> = rows.iter().map(|row| Write::insert(row, Stamp(5))).collect();
    write(&*store, writes.clone()).await;
    let before = store.scan(&of(owner, 0).raw()).await.expect("scanned");
    write(&*store, writes).await;
    assert_eq!(store.scan(&of(owner, 0).raw()).await.expect("scanned"), before);
}

/// Bounds are prefixes of the clustering key, in clustering order, both ways, with a limit; a scan
/// never leaves its bucket.
pub async fn scans_keep_to_their_bounds(factory: &dyn Factory) {
    let store = factory.open().await;
    let owner = id();
    let mut writes = Vec::new();
    for (bucket, seq) in [(0, -1), (0, 1), (0, 2), (0, 3), (0, 300), (1, 1), (-1, 9)] {
        for tag in ["a", "b", ""] {
            writes.push(Write::insert(&item(owner, bucket, seq, tag), Stamp(1)));
        }
    }
    writes.push(Write::insert(&item(id(), 0, 2, "other"), Stamp(1)));
    write(&*store, writes).await;
    let all = [-1, 1, 2, 3, 300];
    let rows = |seqs: &[i64]| -> Vec<(i64, String)> {
        let tags = ["b", "a", ""];
        seqs.iter().flat_map(|seq| tags.map(|tag| (*seq, tag.to_owned()))).collect()
    };
    assert_eq!(seqs(&*store, of(owner, 0)).await, rows(&all));
    assert_eq!(seqs(&*store, of(owner, -1)).await, rows(&[9]));
    assert_eq!(seqs(&*store, of(owner, 7)).await, []);
    let int = |seq: i64| vec![Value::Int(seq)];
    let cases: [(Limit, Limit, &[i64]); 7] = [
        (Bound::Included(int(1)), Bound::Unbounded, &[1, 2, 3, 300]),
        (Bound::Excluded(int(1)), Bound::Unbounded, &[2, 3, 300]),
        (Bound::Unbounded, Bound::Included(int(2)), &[-1, 1, 2]),
        (Bound::Unbounded, Bound::Excluded(int(2)), &[-1, 1]),
        (Bound::Included(int(2)), Bound::Included(int(3)), &[2, 3]),
        (Bound::Excluded(int(2)), Bound::Excluded(int(3)), &[]),
        (Bound::Included(int(9)), Bound::Included(int(3)), &[]),
    ];
    for (from, to, expected) in cases {
        let wanted = Scan { from, to, ..of(owner, 0) };
        let mut expected = rows(expected);
        assert_eq!(seqs(&*store, wanted.clone()).await, expected, "{wanted:?}");
        expected.reverse();
        let back = Scan { reverse: true, ..wanted };
        assert_eq!(seqs(&*store, back.clone()).await, expected, "{back:?}");
        expected.truncate(4);
        assert_eq!(seqs(&*store, Scan { limit: 4, ..back }).await, expected);
    }
    // A bound of both columns; tags run down.
    let exact = vec![Value::Int(2), Value::Text("a".into())];
    let behind = Scan { from: Bound::Excluded(exact), ..of(owner, 0) };
    let mut expected = rows(&[2, 3, 300]);
    expected.drain(..2);
    assert_eq!(seqs(&*store, behind).await, expected);
}

/// A descending table starts with the largest, and its bounds run down too.
pub async fn a_descending_table_starts_with_the_newest(factory: &dyn Factory) {
    let store = factory.open().await;
    let owner = id();
    let row = |seq| Newest { owner, seq, body: Bytes::new() };
    write(&*store, (0..10).map(|seq| Write::insert(&row(seq), Stamp(1))).collect()).await;
    let all = Scan::<Newest>::of(vec![Value::Uuid(owner)], 3);
    let seqs = |rows: Vec<Newest>| rows.into_iter().map(|row| row.seq).collect::<Vec<_>>();
    assert_eq!(seqs(scan(&*store, all.clone()).await.expect("scanned")), [9, 8, 7]);
    let older = Scan { from: Bound::Excluded(vec![Value::Int(7)]), ..all.clone() };
    assert_eq!(seqs(scan(&*store, older).await.expect("scanned")), [6, 5, 4]);
    let oldest = Scan { reverse: true, ..all };
    assert_eq!(seqs(scan(&*store, oldest).await.expect("scanned")), [0, 1, 2]);
}

/// Answers come in the order of the keys, also of several tables and of keys asked twice.
pub async fn gets_answer_in_their_order(factory: &dyn Factory) {
    let store = factory.open().await;
    let owner = id();
    let rows: Vec<Item> = (0..5).map(|seq| item(owner, 0, seq, "x")).collect();
    let head = Head { owner, body: Bytes::from_static(b"h") };
    let mut writes: Vec<Write> = rows.iter().map(|row| Write::insert(row, Stamp(1))).collect();
    writes.push(Write::insert(&head, Stamp(1)));
    write(&*store, writes).await;
    let missing = item(owner, 0, 77, "x");
    let gets = [
        key(&rows[3]),
        key(&missing),
        Write::insert(&head, Stamp(0)).get(),
        key(&rows[0]),
        key(&rows[3]),
    ];
    let found = store.get(&gets).await.expect("read");
    let cells: Vec<_> = found.into_iter().map(|row| row.map(|row| row.cells)).collect();
    let expected = [
        Some(rows[3].to_cells()),
        None,
        Some(head.to_cells()),
        Some(rows[0].to_cells()),
        Some(rows[3].to_cells()),
    ];
    assert_eq!(cells, expected);
}

/// Of many claims of one name, one wins, and the others are told who.
pub async fn a_claim_has_one_winner(factory: &dyn Factory) {
    let store = factory.open().await;
    let name = format!("name-{}", id());
    let claims = (0..100).map(|_| {
        let row = Name { name: name.clone(), owner: id(), state: None };
        let store = Arc::clone(&store);
        async move { (row.clone(), store.claim(Write::insert(&row, Stamp(0))).await) }
    });
    let outcomes = join_all(claims).await;
    let won: Vec<&Name> = outcomes
        .iter()
        .filter(|(_, outcome)| *outcome == Ok(Claim::Won))
        .map(|(row, _)| row)
        .collect();
    assert_eq!(won.len(), 1);
    for (row, outcome) in &outcomes {
        if row == won[0] {
            continue;
        }
        let Ok(Claim::Lost(Some(stands))) = outcome else { panic!("{outcome:?}") };
        assert_eq!(stands.cells, won[0].to_cells());
    }
}

/// A replace passes only over what was expected, cell by cell; of many, one wins.
pub async fn a_replace_compares_every_cell(factory: &dyn Factory) {
    let store = factory.open().await;
    let mut row = Name { name: format!("name-{}", id()), owner: id(), state: None };
    let get = || Get::of::<Name>(vec![Value::Text(row.name.clone())]);
    let stands = |found: Vec<Option<schemas::table::Stored>>| found.into_iter().next().flatten();
    let insert = Write::insert(&row, Stamp(0));
    let ghost = schemas::table::Stored { cells: row.to_cells(), stamp: Stamp(0) };
    let none = store.replace(&ghost, insert.clone()).await;
    assert_eq!(none, Ok(Claim::Lost(None)));
    assert_eq!(store.claim(insert).await, Ok(Claim::Won));
    let first = stands(store.get(&[get()]).await.expect("read")).expect("claimed");
    let mut swaps = Vec::new();
    for at in 0..20 {
        row.state = Some(format!("state {at}"));
        swaps.push(Write::replace(&row, Stamp(0)));
    }
    let outcomes = join_all(swaps.iter().map(|swap| store.replace(&first, swap.clone()))).await;
    let won = outcomes.iter().filter(|outcome| **outcome == Ok(Claim::Won)).count();
    assert_eq!(won, 1);
    let now = stands(store.get(&[get()]).await.expect("read")).expect("there");
    let lost = outcomes.iter().filter(|o| **o == Ok(Claim::Lost(Some(now.clone())))).count();
    assert_eq!(lost, 19);
    let at = outcomes.iter().position(|outcome| *outcome == Ok(Claim::Won)).expect("one won");
    assert_eq!(now.cells, swaps[at].cells);
}

/// Put and delete of direct tables, whatever stands there.
pub async fn puts_write_and_delete(factory: &dyn Factory) {
    let store = factory.open().await;
    let row = |at: i32, state: &str| Name {
        name: format!("put-{at}"),
        owner: Uuid::nil(),
        state: Some(state.into()),
    };
    let get = |at: i32| Get::of::<Name>(vec![Value::Text(format!("put-{at}"))]);
    let both = vec![Write::replace(&row(1, "a"), Stamp(0)), Write::replace(&row(2, "a"), Stamp(0))];
    store.put(both).await.expect("put");
    let change = vec![Write::replace(&row(1, "b"), Stamp(0)), delete(&row(2, "a"), Stamp(0))];
    store.put(change).await.expect("put");
    let found = store.get(&[get(1), get(2)]).await.expect("read");
    let cells: Vec<_> = found.into_iter().map(|row| row.map(|row| row.cells)).collect();
    assert_eq!(cells, [Some(row(1, "b").to_cells()), None]);
}

/// A dump gives every row once, page by page.
pub async fn a_dump_gives_every_row_once(factory: &dyn Factory) {
    let store = factory.open().await;
    let mine = Uuid::from_u128(0xd0_4d);
    let rows: Vec<Item> = (0..25).map(|seq| item(mine, seq % 3, seq, "dump")).collect();
    write(&*store, rows.iter().map(|row| Write::insert(row, Stamp(1))).collect()).await;
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = store.dump(Item::DEF, after, 7).await.expect("dumped");
        let Some(last) = page.last() else { break };
        let row = Item::from_cells(last.cells.clone()).expect("decodes");
        after = Some(key(&row));
        assert!(page.len() <= 7);
        found.extend(page.into_iter().map(|row| Item::from_cells(row.cells).expect("decodes")));
    }
    found.retain(|row| row.tag == "dump");
    found.sort_by_key(|row| row.seq);
    assert_eq!(found, rows);
}

/// What was written is there when the store is opened again: direct rows always, folded ones after
/// an orderly end.
pub async fn rows_are_there_after_reopening(factory: &dyn Factory) {
    let store = factory.open().await;
    let row = item(id(), 4, 5, "kept");
    let name = Name { name: format!("name-{}", id()), owner: row.owner, state: Some("s".into()) };
    write(&*store, vec![Write::insert(&row, Stamp(6))]).await;
    assert_eq!(store.claim(Write::insert(&name, Stamp(0))).await, Ok(Claim::Won));
    drop(store);
    let store = factory.open().await;
    assert_eq!(read(&*store, &row).await, Some(row));
    let get = Get::of::<Name>(vec![Value::Text(name.name.clone())]);
    assert_eq!(get_one::<Name>(&*store, get).await, Ok(Some(name)));
}

/// Folded tables take no claims, direct ones no folded writes.
pub async fn tables_are_written_as_their_class_says(factory: &dyn Factory) {
    let store = factory.open().await;
    let row = item(id(), 0, 0, "a");
    let name = Name { name: "class".into(), owner: row.owner, state: None };
    assert!(store.claim(Write::insert(&row, Stamp(0))).await.is_err());
    let batch = Batch { fence: None, writes: vec![Write::insert(&name, Stamp(0))] };
    assert!(store.write(batch).await.is_err());
}
