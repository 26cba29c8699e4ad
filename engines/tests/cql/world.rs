//! The cluster under test and the keyspace of this run.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use engines::cql::{CqlStore, migrate};
use platform::config::Cql;
use platform::port::clock::{Clock, SimClock, SystemClock, uuid_v7};
use platform::testing::conformance::store;
use platform::{Store, port};
use schemas::table::{Class, Get, Table as _, TableDef, Value, Write};
use schemas::{Stamp, Timestamp};
use scylla::client::session::Session;
use scylla::client::session_builder::SessionBuilder;
use uuid::Uuid;

schemas::table! {
    /// Rows to page over.
    pub struct Line in "test_lines", prefix 0x7f11, class Class::Folded("test");
    partition { owner: Uuid, bucket: i64 }
    cluster { seq: i64 => Asc }
    data { body: Bytes, note: Option<String> }
}

schemas::table! {
    /// The fence of lines, in one partition of its own.
    pub struct Guard in "test_guards", prefix 0x7f12, class Class::Folded("test");
    partition { owner: Uuid }
    cluster {}
    data { body: Bytes }
}

schemas::table! {
    /// Rows whose only cell may be null.
    pub struct Seat in "test_seats", prefix 0x7f13, class Class::Direct;
    partition { room: Uuid }
    cluster { number: i64 => Asc }
    data { taken_by: Option<Uuid> }
}

/// Tables of these tests.
pub(crate) const TABLES: [&TableDef; 3] = [Line::DEF, Guard::DEF, Seat::DEF];

impl Line {
    pub(crate) fn new(owner: Uuid, seq: i64, body: &str) -> Self {
        Self { owner, bucket: 0, seq, body: Bytes::from(body.to_owned()), note: None }
    }

    pub(crate) fn get(&self) -> Get {
        Write::insert(self, Stamp(1)).get()
    }
}

impl Guard {
    pub(crate) fn key(owner: Uuid) -> Get {
        Get::of::<Self>(vec![Value::Uuid(owner)])
    }
}

/// The cluster under test.
pub(crate) struct World {
    pub config: Cql,
    pub clock: Arc<SimClock>,
    pub keyspace: String,
    /// Beside the store: what it did is looked at by other means.
    pub session: Session,
}

pub(crate) fn id() -> Uuid {
    uuid_v7(&SystemClock)
}

pub(crate) fn config(address: &str, keyspace: &str) -> Cql {
    Cql {
        contact_points: vec![address.to_owned()],
        keyspace: keyspace.to_owned(),
        replication: 1,
        timeout_ms: 5_000,
        ..Cql::default()
    }
}

impl World {
    pub(crate) async fn new(address: &str) -> Self {
        let keyspace = format!("parlance_test_{}", id().simple());
        let session = SessionBuilder::new().known_node(address).build().await.expect("connected");
        let clock = Arc::new(SimClock::at(Timestamp(1_800_000_000_000)));
        let world = Self { config: config(address, &keyspace[..46]), clock, keyspace, session };
        let world = Self { keyspace: world.config.keyspace.clone(), ..world };
        world.migrate(&[&store::TABLES[..], &TABLES, &schemas::table::all()].concat()).await;
        world
    }

    pub(crate) async fn migrate(&self, defs: &[&'static TableDef]) -> Vec<String> {
        let clock = Arc::new(SystemClock);
        migrate::migrate(&self.config, "", defs, clock).await.expect("migrated")
    }

    /// A store with its own connections; its fences go by the clock of the world.
    pub(crate) async fn store(&self) -> CqlStore {
        self.store_of(&self.config, &TABLES).await.expect("the store opens")
    }

    pub(crate) async fn store_of(
        &self,
        config: &Cql,
        defs: &[&'static TableDef],
    ) -> Result<CqlStore, port::store::Error> {
        let clock: Arc<dyn Clock> = self.clock.clone();
        CqlStore::open(config, "", defs, clock).await
    }

    pub(crate) async fn cql(&self, text: &str) {
        let mut statement = scylla::statement::unprepared::Statement::new(text);
        statement.set_request_timeout(Some(Duration::from_mins(1)));
        self.session.query_unpaged(statement, ()).await.expect("done");
    }

    pub(crate) async fn drop_keyspace(&self, keyspace: &str) {
        self.cql(&format!("DROP KEYSPACE IF EXISTS \"{keyspace}\"")).await;
    }

    pub(crate) async fn end(&self) {
        self.drop_keyspace(&self.keyspace).await;
    }
}

#[async_trait]
impl store::Factory for World {
    async fn open(&self) -> Arc<dyn Store> {
        Arc::new(self.store_of(&self.config, &store::TABLES).await.expect("the store opens"))
    }
}
