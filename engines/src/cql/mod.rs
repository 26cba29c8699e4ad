//! The store on Cassandra or ScyllaDB.
//!
//! DDL and statements come from the table definitions (`text`, `slice`), values go straight between
//! frames and cells (`row`). `write` explains what a batch is here, `fence` when a writer learns that
//! it is no longer the owner, `direct` the conditional writes, `migrate` how tables come to be,
//! `admin` what operators ask.
//!
//! Against a write that was acknowledged, a later read through any handle of the same data centre sees
//! it (G-13): both sides ask a quorum. Against a folded row, the larger stamp stands in whatever order
//! writes arrive: every statement on a folded table carries `USING TIMESTAMP`. The engine takes the
//! larger value of two writes at one stamp, and a delete before either; the same stamp with the same
//! content changes nothing.
//!
//! Differences from the embedded store that a caller can see: a batch of several partitions is not
//! atomic (its fence row comes last); uuids in a clustering key sort by version first, so that ids made
//! at random and ids that are hashes do not mix; rows of one partition change together, of two they
//! do not.

pub mod admin;
mod direct;
mod error;
mod fence;
pub mod migrate;
mod read;
mod row;
mod schema;
mod session;
mod slice;
mod tables;
mod text;
mod write;

use std::sync::Arc;

use async_trait::async_trait;
use platform::Clock;
use platform::config::Cql;
use platform::port::store::{Claim, Error, Store};
use schemas::table::{Batch, Class, Get, Scan, Stored, TableDef, Write};
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};

use fence::Fences;
use tables::Tables;

/// Requests of one call that are in flight at once.
const CALL_REQUESTS: usize = 32;
/// Requests of a store that are in flight at once; more wait. Twice what keeps one node busy.
const STORE_REQUESTS: usize = 256;
/// Locks that keep conditional writes of one row, from one process, in a row.
const ROW_LOCKS: usize = 128;

/// The store on Cassandra or ScyllaDB. Cheap to clone; the last clone closes its connections.
#[derive(Clone)]
pub struct CqlStore(Arc<Inner>);

struct Inner {
    tables: Tables,
    fences: Fences,
    slots: Semaphore,
    locks: Vec<Mutex<()>>,
    clock: Arc<dyn Clock>,
    timeout: std::time::Duration,
}

impl std::fmt::Debug for CqlStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CqlStore").finish_non_exhaustive()
    }
}

impl CqlStore {
    /// Connects, for these tables. Refuses if the keyspace lacks any of them or a column of theirs;
    /// tables and columns of a newer version are left alone.
    pub async fn open(
        config: &Cql,
        namespace: &str,
        defs: &[&'static TableDef],
        clock: Arc<dyn Clock>,
    ) -> Result<Self, Error> {
        let keyspace = text::keyspace(namespace, &config.keyspace).map_err(Error::Failed)?;
        let connection = session::connect(config, &keyspace).await?;
        let found = schema::read(&connection.session, &keyspace).await?;
        let missing = schema::plan(defs, found.as_ref())?;
        if let Some(step) = missing.first() {
            let count = missing.len();
            return Err(Error::Failed(format!(
                "the keyspace {keyspace} is {count} steps behind ({step} …): run `parlance migrate`"
            )));
        }
        Ok(Self::on(config, Tables::new(connection, keyspace, defs), clock))
    }

    fn on(config: &Cql, tables: Tables, clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Inner {
            tables,
            fences: Fences::default(),
            slots: Semaphore::new(STORE_REQUESTS),
            locks: (0..ROW_LOCKS).map(|_| Mutex::default()).collect(),
            clock,
            timeout: std::time::Duration::from_millis(config.timeout_ms),
        }))
    }
}

impl Inner {
    /// Leave to send one request.
    async fn slot(&self) -> Result<SemaphorePermit<'_>, Error> {
        self.slots.acquire().await.map_err(error::failed)
    }
}

/// Refuses a write of a table of the other class.
fn must_be(direct: bool, rows: &[Write]) -> Result<(), Error> {
    match rows.iter().find(|row| (row.def.class == Class::Direct) != direct) {
        Some(row) if direct => Err(Error::Failed(format!("{} is a folded table", row.def.name))),
        Some(row) => Err(Error::Failed(format!("{} is a direct table", row.def.name))),
        None => Ok(()),
    }
}

#[async_trait]
impl Store for CqlStore {
    async fn get(&self, gets: &[Get]) -> Result<Vec<Option<Stored>>, Error> {
        self.0.get(gets).await
    }

    async fn scan(&self, scan: &Scan) -> Result<Vec<Stored>, Error> {
        self.0.scan(scan).await
    }

    async fn write(&self, batch: Batch) -> Result<(), Error> {
        self.0.write(batch).await
    }

    async fn claim(&self, row: Write) -> Result<Claim, Error> {
        must_be(true, std::slice::from_ref(&row))?;
        self.0.claim(&row).await
    }

    async fn replace(&self, expected: &Stored, row: Write) -> Result<Claim, Error> {
        must_be(true, std::slice::from_ref(&row))?;
        self.0.replace(expected, &row).await
    }

    async fn put(&self, rows: Vec<Write>) -> Result<(), Error> {
        must_be(true, &rows)?;
        self.0.put(rows).await
    }

    async fn dump(
        &self,
        def: &'static TableDef,
        after: Option<Get>,
        limit: usize,
    ) -> Result<Vec<Stored>, Error> {
        self.0.dump(def, after, limit).await
    }
}
