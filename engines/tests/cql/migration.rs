//! Keyspaces of their own, so that each begins with nothing.

use std::sync::Arc;

use engines::cql::migrate::{self, Status};
use platform::Store as _;
use platform::config::Cql;
use platform::port::clock::{Clock as _, SystemClock};
use platform::port::store::{Claim, Error, get_one};
use schemas::deployment::table::Migration;
use schemas::table::{
    Batch, Class, Column, Kind, Order, Role, Scan, Table as _, TableDef, Value, Write,
};
use schemas::{Stamp, Timestamp};
use uuid::Uuid;

use crate::world::{TABLES, World, id};

mod before {
    use super::{Class, Uuid};
    schemas::table! {
        /// As it was.
        pub struct Note in "notes", prefix 0x7f21, class Class::Folded("test");
        partition { owner: Uuid }
        cluster { seq: i64 => Asc }
        data { text: String }
    }
}

mod after {
    use super::{Class, Uuid};
    schemas::table! {
        /// As it is.
        pub struct Note in "notes", prefix 0x7f21, class Class::Folded("test");
        partition { owner: Uuid }
        cluster { seq: i64 => Asc }
        data { text: String, colour: Option<String> }
    }
}

/// A keyspace of its own, dropped by its case.
struct Place<'a> {
    world: &'a World,
    config: Cql,
}

impl<'a> Place<'a> {
    fn new(world: &'a World) -> Self {
        let keyspace = format!("{}m{}", &world.keyspace[..20], &id().simple().to_string()[22..]);
        Self { world, config: Cql { keyspace, ..world.config.clone() } }
    }

    async fn migrate(&self, defs: &[&'static TableDef]) -> Result<Vec<String>, Error> {
        migrate::migrate(&self.config, "", defs, Arc::new(SystemClock)).await
    }

    async fn status(&self, defs: &[&'static TableDef]) -> Status {
        let status = migrate::status(&self.config, "", defs, Arc::new(SystemClock)).await;
        status.expect("known")
    }

    async fn end(self) {
        self.world.drop_keyspace(&self.config.keyspace).await;
    }
}

fn names(rows: &[Migration]) -> Vec<(i64, &str)> {
    rows.iter().map(|row| (row.number, row.name.as_str())).collect()
}

const CREATED: &str = "create notes (owner, seq, text)";

pub(crate) async fn a_store_is_not_opened_before_it_is_migrated(world: &World) {
    let place = Place::new(world);
    let refused = |outcome: Result<_, Error>| match outcome {
        Err(Error::Failed(why)) => assert!(why.contains("run `parlance migrate`"), "{why}"),
        other => panic!("{:?}", other.map(drop)),
    };
    refused(world.store_of(&place.config, &[before::Note::DEF]).await.map(drop));
    let status = place.status(&[before::Note::DEF]).await;
    assert_eq!(status.missing, ["create notes", "create migration"]);
    place.migrate(&[before::Note::DEF]).await.expect("migrated");
    world.store_of(&place.config, &[before::Note::DEF]).await.expect("opened");
    // A version that knows a column more.
    refused(world.store_of(&place.config, &[after::Note::DEF]).await.map(drop));
    refused(world.store_of(&place.config, &TABLES).await.map(drop));
    let status = place.status(&[after::Note::DEF]).await;
    assert_eq!(status.missing, ["add notes.colour"]);
    place.end().await;
}

pub(crate) async fn an_added_column_is_added_and_old_rows_have_none(world: &World) {
    let place = Place::new(world);
    let done = place.migrate(&[before::Note::DEF]).await.expect("migrated");
    assert_eq!(done, ["create notes"]);
    let old = world.store_of(&place.config, &[before::Note::DEF]).await.expect("opened");
    let owner = id();
    let put = async |store: &engines::cql::CqlStore, write| {
        store.write(Batch { fence: None, writes: vec![write] }).await.expect("written");
    };
    let note = |seq| before::Note { owner, seq, text: format!("note {seq}") };
    put(&old, Write::insert(&note(1), Stamp(1))).await;
    assert_eq!(place.migrate(&[after::Note::DEF]).await.expect("migrated"), ["add notes.colour"]);
    assert_eq!(place.migrate(&[after::Note::DEF]).await, Ok(Vec::new()));
    let new = world.store_of(&place.config, &[after::Note::DEF]).await.expect("opened");
    let key = |seq| Write::insert(&note(seq), Stamp(1)).get();
    let found = get_one::<after::Note>(&new, key(1)).await.expect("read").expect("there");
    assert_eq!((found.text.as_str(), found.colour), ("note 1", None));
    let red = after::Note { owner, seq: 2, text: "red".into(), colour: Some("red".into()) };
    put(&new, Write::insert(&red, Stamp(2))).await;
    // The old version goes on beside the new one, opened before or after.
    put(&old, Write::insert(&note(3), Stamp(3))).await;
    let again = world.store_of(&place.config, &[before::Note::DEF]).await.expect("opened");
    for store in [&old, &again] {
        let all = Scan::<before::Note>::of(vec![Value::Uuid(owner)], 10);
        let rows = platform::port::store::scan(store, all).await.expect("scanned");
        assert_eq!(rows.len(), 3);
    }
    assert_eq!(place.migrate(&[before::Note::DEF]).await, Ok(Vec::new()));
    let status = place.status(&[after::Note::DEF]).await;
    assert_eq!(status.missing, Vec::<String>::new());
    assert_eq!(status.done[0].name, "create migration (scope, number, name, version, done_at)");
    assert_eq!(names(&status.done)[1..], [(2, CREATED), (3, "add notes.colour")]);
    place.end().await;
}

pub(crate) async fn two_runs_at_once_do_the_steps_once(world: &World) {
    let place = Place::new(world);
    // The first run of a deployment is one.
    place.migrate(&[]).await.expect("migrated");
    let defs = [after::Note::DEF, TABLES[0], TABLES[1]];
    let runs = tokio::join!(place.migrate(&defs), place.migrate(&defs), place.migrate(&defs));
    let mut done = [runs.0, runs.1, runs.2].map(|run| run.expect("migrated")).concat();
    done.sort();
    assert_eq!(done, ["create notes", "create test_guards", "create test_lines"]);
    let status = place.status(&defs).await;
    assert_eq!(status.missing, Vec::<String>::new());
    let numbers: Vec<i64> = status.done.iter().map(|row| row.number).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
    place.end().await;
}

pub(crate) async fn an_interrupted_run_is_finished_by_the_next(world: &World) {
    let place = Place::new(world);
    place.migrate(&[before::Note::DEF]).await.expect("migrated");
    // A run died holding the lock, after it had added a column and created a table, before it noted
    // either; and its lock is over in a second.
    let keyspace = &place.config.keyspace;
    world.cql(&format!("ALTER TABLE \"{keyspace}\".notes ADD colour text")).await;
    let store = world.store_of(&place.config, &[Migration::DEF]).await.expect("opened");
    let lock = Migration {
        scope: "lock".into(),
        number: 0,
        name: "a run that died".into(),
        version: "0".into(),
        done_at: Timestamp(SystemClock.now().0 + 1_000),
    };
    assert_eq!(store.claim(Write::insert(&lock, Stamp(0))).await, Ok(Claim::Won));
    let defs = [after::Note::DEF, TABLES[1]];
    assert_eq!(place.migrate(&defs).await.expect("migrated"), ["create test_guards"]);
    let status = place.status(&defs).await;
    let noted = names(&status.done)[1..].to_vec();
    let guards = "create test_guards (owner, body)";
    assert_eq!(noted, [(2, CREATED), (3, "add notes.colour"), (4, guards)]);
    assert_eq!(store.get(&[migrate::lock()]).await, Ok(vec![None]), "the lock is given back");
    place.end().await;
}

pub(crate) async fn what_can_not_be_changed_is_refused(world: &World) {
    const KEY: &[Column] = &[
        Column { name: "owner", kind: Kind::Uuid, role: Role::Partition },
        Column { name: "seq", kind: Kind::Int, role: Role::Cluster(Order::Desc) },
        Column { name: "text", kind: Kind::Text, role: Role::Data },
    ];
    const TYPE: &[Column] = &[
        Column { name: "owner", kind: Kind::Uuid, role: Role::Partition },
        Column { name: "seq", kind: Kind::Int, role: Role::Cluster(Order::Asc) },
        Column { name: "text", kind: Kind::Blob, role: Role::Data },
    ];
    static OTHER_KEY: TableDef =
        TableDef { name: "notes", prefix: 0x7f21, columns: KEY, class: Class::Folded("test") };
    static OTHER_TYPE: TableDef =
        TableDef { name: "notes", prefix: 0x7f21, columns: TYPE, class: Class::Folded("test") };
    let place = Place::new(world);
    place.migrate(&[before::Note::DEF]).await.expect("migrated");
    for def in [&OTHER_KEY, &OTHER_TYPE] {
        let outcome = place.migrate(&[def]).await;
        assert!(matches!(&outcome, Err(Error::Failed(_))), "{outcome:?}");
        assert!(world.store_of(&place.config, &[def]).await.is_err());
    }
    let config =
        Cql { replication: 30, keyspace: "parlance_test_none".into(), ..place.config.clone() };
    let outcome = migrate::migrate(&config, "", &[], Arc::new(SystemClock)).await;
    assert!(matches!(&outcome, Err(Error::Failed(why)) if why.contains("replication")));
    let config = Cql { datacenter: "nowhere".into(), ..place.config.clone() };
    let outcome = world.store_of(&config, &[before::Note::DEF]).await;
    assert!(matches!(&outcome, Err(Error::Failed(why)) if why.contains("nowhere")), "{outcome:?}");
    place.end().await;
}
