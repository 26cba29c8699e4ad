//! Stamps decide, in whatever order writes arrive.

use bytes::Bytes;
use futures_util::future::LocalBoxFuture;
use platform::Store as _;
use platform::port::store::{Error, get_one, scan};
use schemas::Stamp;
use schemas::table::{Batch, Class, Kind, Op, Stored, TableDef, Value, Write};
use schemas::user::table::UserByTerm;
use uuid::Uuid;

use crate::world::{Line, World, id};

async fn write(store: &engines::cql::CqlStore, writes: Vec<Write>) {
    store.write(Batch { fence: None, writes }).await.expect("written");
}

async fn body(store: &engines::cql::CqlStore, row: &Line) -> Option<Bytes> {
    get_one::<Line>(store, row.get()).await.expect("read").map(|row| row.body)
}

fn delete(row: &Line, stamp: i64) -> Write {
    Write { op: Op::Delete, ..Write::replace(row, Stamp(stamp)) }
}

pub(crate) async fn an_older_stamp_loses_in_any_order(world: &World) {
    let store = world.store().await;
    let owner = id();
    let line = |body| Line::new(owner, 1, body);
    let one = |body, stamp| vec![Write::replace(&line(body), Stamp(stamp))];
    write(&store, one("new", 20)).await;
    write(&store, one("old", 10)).await;
    assert_eq!(body(&store, &line("")).await, Some(Bytes::from("new")));
    write(&store, vec![delete(&line(""), 15)]).await;
    assert_eq!(body(&store, &line("")).await, Some(Bytes::from("new")));
    write(&store, vec![delete(&line(""), 30)]).await;
    write(&store, one("late", 25)).await;
    assert_eq!(body(&store, &line("")).await, None);
    write(&store, one("again", 31)).await;
    assert_eq!(body(&store, &line("")).await, Some(Bytes::from("again")));
}

pub(crate) async fn an_equal_stamp_changes_nothing_and_a_delete_beats_it(world: &World) {
    let store = world.store().await;
    let line = Line::new(id(), 1, "same");
    let insert = || vec![Write::insert(&line, Stamp(7))];
    write(&store, insert()).await;
    let before = store.get(&[line.get()]).await.expect("read");
    write(&store, insert()).await;
    write(&store, vec![Write::replace(&line, Stamp(7))]).await;
    assert_eq!(store.get(&[line.get()]).await.expect("read"), before);
    write(&store, vec![delete(&line, 7)]).await;
    write(&store, insert()).await;
    assert_eq!(body(&store, &line).await, None);
}

pub(crate) async fn a_replace_clears_what_stood_before(world: &World) {
    let store = world.store().await;
    let mut line = Line::new(id(), 1, "a");
    line.note = Some("a note".into());
    write(&store, vec![Write::insert(&line, Stamp(1))]).await;
    line.note = None;
    write(&store, vec![Write::replace(&line, Stamp(2))]).await;
    // The first write once more, late.
    line.note = Some("a note".into());
    write(&store, vec![Write::insert(&line, Stamp(1))]).await;
    let row = get_one::<Line>(&store, line.get()).await.expect("read").expect("there");
    assert_eq!(row.note, None);
    let stored = store.get(&[line.get()]).await.expect("read").pop().flatten().expect("there");
    assert_eq!(stored.stamp, Stamp(2));
}

pub(crate) async fn every_cell_has_the_stamp_as_its_write_time(world: &World) {
    let store = world.store().await;
    let mut line = Line::new(id(), 1, "a");
    line.note = Some("a note".into());
    // Alone, and in a batch of its partition.
    let other = Line { seq: 2, ..line.clone() };
    write(&store, vec![Write::insert(&line, Stamp(41))]).await;
    write(&store, vec![Write::replace(&line, Stamp(42)), Write::insert(&other, Stamp(43))]).await;
    let text = format!(
        "SELECT seq, WRITETIME(body), WRITETIME(note), WRITETIME(stamp), stamp \
         FROM \"{}\".test_lines WHERE owner = ? AND bucket = 0",
        world.keyspace
    );
    let found = world.session.query_unpaged(text, (line.owner,)).await.expect("read");
    let found = found.into_rows_result().expect("rows");
    let rows: Vec<(i64, i64, i64, i64, i64)> =
        found.rows().expect("typed").map(|row| row.expect("a row")).collect();
    assert_eq!(rows, [(1, 42, 42, 42, 42), (2, 43, 43, 43, 43)]);
}

pub(crate) async fn a_row_without_a_stamp_is_refused(world: &World) {
    let store = world.store().await;
    let line = Line::new(id(), 1, "a");
    for stamp in [0, -1] {
        let batch = Batch { fence: None, writes: vec![Write::insert(&line, Stamp(stamp))] };
        assert!(matches!(store.write(batch).await, Err(Error::Failed(_))));
    }
    assert_eq!(body(&store, &line).await, None);
}

fn sample(kind: Kind) -> Value {
    match kind {
        Kind::Uuid => Value::Uuid(Uuid::from_u128(7)),
        Kind::Int => Value::Int(7),
        Kind::Bool => Value::Bool(true),
        Kind::Text => Value::Text("seven".into()),
        Kind::Blob => Value::Blob(Bytes::from_static(b"seven")),
    }
}

fn row_of(def: &'static TableDef) -> Write {
    let cells = def.columns.iter().map(|column| Some(sample(column.kind))).collect();
    let stamp = if def.class == Class::Direct { Stamp(0) } else { Stamp(1) };
    Write { def, op: Op::Insert, cells, stamp }
}

/// Every table of the product: written, read by its key, by a scan, by a dump, and deleted.
pub(crate) fn the_tables_of_the_product_take_every_row(world: &World) -> LocalBoxFuture<'_, ()> {
    Box::pin(async move {
        let defs = schemas::table::all();
        let store = world.store_of(&world.config, &defs).await.expect("the store opens");
        for def in defs {
            let row = row_of(def);
            let end = Write { op: Op::Delete, stamp: Stamp(row.stamp.0 * 2), ..row.clone() };
            let expected = Stored { cells: row.cells.clone(), stamp: row.stamp };
            let key = row.get();
            if def.class == Class::Direct {
                store.put(vec![row]).await.expect("put");
            } else {
                write(&store, vec![row]).await;
            }
            let found = store.get(std::slice::from_ref(&key)).await.expect("read");
            assert_eq!(found, [Some(expected.clone())], "{}", def.name);
            assert!(store.dump(def, None, 100).await.expect("dumped").contains(&expected));
            if def.class == Class::Direct {
                store.put(vec![end]).await.expect("deleted");
            } else {
                write(&store, vec![end]).await;
            }
            assert_eq!(store.get(&[key]).await.expect("read"), [None], "{}", def.name);
        }
        // Words that start with a prefix: up to the last character of all.
        let user = schemas::UserId(id());
        let term = |term: &str| UserByTerm {
            initial: "s".into(),
            term: term.into(),
            user,
            created_at: schemas::Timestamp(1),
        };
        let terms = ["so", "sofa", "sofia\u{10ffff}", "sofía", "sp"];
        let writes = terms.iter().map(|word| Write::insert(&term(word), Stamp(9))).collect();
        write(&store, writes).await;
        let found = scan(&store, UserByTerm::starting_with("sof", 10)).await.expect("scanned");
        let mut expected = terms[1..4].to_vec();
        expected.sort_unstable();
        assert!(found.iter().map(|row| row.term.as_str()).eq(expected));
    })
}
