//! How the keyspace and its tables come to be.
//!
//! The migrations are derived: the difference between the definitions and what the keyspace holds. A
//! definition may gain a table or a column at its end and nothing else, so every step adds, the version
//! before and the one after run side by side on the result, and what a newer version added is left
//! alone. Each step is recorded with a number in `migration`, for people; what decides is the schema
//! itself, so a run that was interrupted anywhere is finished by the next one, which also records what
//! was done and not noted.
//!
//! Two runs at once would be harmless in what they ask for (`IF NOT EXISTS`), but Cassandra before 6
//! can confuse itself when one table is created by two nodes at the same moment. So one run at a time
//! holds a lock, a row of `migration` by conditional writes, with a deadline that each step moves;
//! after a crash the next run waits for the deadline. The table `migration` itself is created before
//! there is a lock: the very first run of a deployment should be one.

use std::sync::Arc;
use std::time::Duration;

use platform::Clock;
use platform::config::Cql;
use platform::port::clock::uuid_v7;
use platform::port::store::{Claim, Error, Store as _, scan};
use schemas::deployment::table::Migration;
use schemas::table::{Get, Op, Stored, Table as _, TableDef, Value, Write};
use schemas::{Stamp, Timestamp};
use scylla::client::session::Session;

use super::schema::{self, Step};
use super::session::Connection;
use super::tables::Tables;
use super::{CqlStore, error, session, text};

/// Time that one step may take; then others may take the lock.
const STEP_MS: i64 = 60_000;
/// How often the lock is asked for.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// How long the lock is waited for.
const WAIT_MS: i64 = 300_000;
/// Longest wait for one DDL statement.
const DDL_TIMEOUT: Duration = Duration::from_secs(45);
/// Where the lock lies.
const LOCK: &str = "lock";
/// Where steps are recorded.
const SCOPE: &str = "schema";

/// What is there and what is not.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// The keyspace.
    pub keyspace: String,
    /// Steps to be done.
    pub missing: Vec<String>,
    /// Steps that are recorded, oldest first.
    pub done: Vec<Migration>,
}

/// Creates what is missing; gives the names of the steps that were done now.
pub async fn migrate(
    config: &Cql,
    namespace: &str,
    defs: &[&'static TableDef],
    clock: Arc<dyn Clock>,
) -> Result<Vec<String>, Error> {
    let keyspace = text::keyspace(namespace, &config.keyspace).map_err(Error::Failed)?;
    let defs = with_own(defs);
    let connection = session::connect(config, &keyspace).await?;
    create_keyspace(&connection, config, &keyspace).await?;
    let found = schema::read(&connection.session, &keyspace).await?;
    if found.as_ref().is_none_or(|tables| !tables.contains_key(Migration::DEF.name)) {
        ddl(&connection.session, &text::create_table(&keyspace, Migration::DEF)).await?;
    }
    let tables = Tables::new(connection, keyspace.clone(), &[Migration::DEF]);
    let store = CqlStore::on(config, tables, clock.clone());
    let mut lock = Lock::take(&store, clock).await?;
    let outcome = run(&store, &keyspace, &defs, &mut lock).await;
    lock.release().await;
    outcome
}

/// What there is, without changing anything.
pub async fn status(
    config: &Cql,
    namespace: &str,
    defs: &[&'static TableDef],
    clock: Arc<dyn Clock>,
) -> Result<Status, Error> {
    let keyspace = text::keyspace(namespace, &config.keyspace).map_err(Error::Failed)?;
    let connection = session::connect(config, &keyspace).await?;
    let found = schema::read(&connection.session, &keyspace).await?;
    let steps = schema::plan(&with_own(defs), found.as_ref())?;
    let missing = steps.iter().map(ToString::to_string).collect();
    let recorded = found
        .is_some_and(|tables| schema::plan(&[Migration::DEF], Some(&tables)) == Ok(Vec::new()));
    let mut done = Vec::new();
    if recorded {
        let tables = Tables::new(connection, keyspace.clone(), &[Migration::DEF]);
        done = scan(&CqlStore::on(config, tables, clock), Migration::of_schema()).await?;
    }
    Ok(Status { keyspace, missing, done })
}

fn with_own(defs: &[&'static TableDef]) -> Vec<&'static TableDef> {
    let mut all = defs.to_vec();
    if !all.contains(&Migration::DEF) {
        all.push(Migration::DEF);
    }
    all
}

async fn ddl(session: &Session, text: &str) -> Result<(), Error> {
    let mut statement = scylla::statement::unprepared::Statement::new(text);
    statement.set_request_timeout(Some(DDL_TIMEOUT));
    statement.set_is_idempotent(false);
    session.query_unpaged(statement, ()).await.map_err(|e| error::execution(&e))?;
    let agreed = session.await_schema_agreement().await;
    agreed.map(drop).map_err(|e| Error::Unavailable(e.to_string()))
}

async fn create_keyspace(
    connection: &Connection,
    config: &Cql,
    keyspace: &str,
) -> Result<(), Error> {
    let session = &connection.session;
    let of_scylla = "SELECT table_name FROM system_schema.tables \
                     WHERE keyspace_name = 'system_schema' AND table_name = 'scylla_tables'";
    if schema::read(session, keyspace).await?.is_some() {
        return Ok(());
    }
    let state = session.get_cluster_state();
    let here = |node: &&Arc<scylla::cluster::Node>| {
        node.datacenter.as_deref() == Some(connection.datacenter.as_str())
    };
    let nodes = state.get_nodes_info().iter().filter(here).count();
    if nodes < usize::from(config.replication) {
        return Err(Error::Failed(format!(
            "cql.replication is {} and the data centre {} has {nodes} nodes: nothing could be \
             read or written",
            config.replication, connection.datacenter
        )));
    }
    let found = session.query_unpaged(of_scylla, ()).await.map_err(|e| error::execution(&e))?;
    let scylla = found.into_rows_result().map_err(error::failed)?.rows_num() > 0;
    let (dc, copies) = (&connection.datacenter, config.replication);
    let made = ddl(session, &text::create_keyspace(keyspace, dc, copies, scylla)).await;
    match made {
        // Versions before tablets do not know the word, later ones may be told to enforce them.
        Err(Error::Failed(_)) if scylla => {
            ddl(session, &text::create_keyspace(keyspace, dc, copies, false)).await
        }
        made => made,
    }
}

async fn run(
    store: &CqlStore,
    keyspace: &str,
    defs: &[&'static TableDef],
    lock: &mut Lock<'_>,
) -> Result<Vec<String>, Error> {
    let session = &store.0.tables.connection.session;
    let found = schema::read(session, keyspace).await?;
    let steps = schema::plan(defs, found.as_ref())?;
    let mut journal = Journal::read(store).await?;
    // What an interrupted run has done and not noted.
    for def in defs {
        if !steps.contains(&Step::Create(def)) {
            journal.note_all(def, &steps, lock).await?;
        }
    }
    let mut done = Vec::new();
    for step in steps {
        lock.renew().await?;
        tracing::info!(%step, "migrating");
        if let Err(error) = ddl(session, &step.text(keyspace)).await {
            // `ADD` has no `IF NOT EXISTS` on every engine: it may be there by now.
            let now = schema::read(session, keyspace).await?;
            if schema::plan(defs, now.as_ref())?.contains(&step) {
                return Err(error);
            }
        }
        journal.note(&step, lock).await?;
        done.push(step.to_string());
    }
    Ok(done)
}

/// The recorded steps.
struct Journal<'a> {
    store: &'a CqlStore,
    rows: Vec<Migration>,
}

/// The name of a step in the journal; a created table is noted with its columns.
fn name(step: &Step) -> String {
    match step {
        Step::Create(def) => {
            let columns: Vec<&str> = def.columns.iter().map(|column| column.name).collect();
            format!("{step} ({})", columns.join(", "))
        }
        Step::Add(..) => step.to_string(),
    }
}

/// Whether a recorded step made this column.
fn made(recorded: &str, table: &str, column: &str) -> bool {
    if let Some(rest) = recorded.strip_prefix("create ") {
        let Some((of, columns)) = rest.split_once(" (") else { return false };
        of == table && columns.trim_end_matches(')').split(", ").any(|name| name == column)
    } else {
        recorded == format!("add {table}.{column}")
    }
}

impl<'a> Journal<'a> {
    async fn read(store: &'a CqlStore) -> Result<Self, Error> {
        Ok(Self { store, rows: scan(store, Migration::of_schema()).await? })
    }

    /// Notes what of a table is there and is not noted.
    async fn note_all(
        &mut self,
        def: &'static TableDef,
        missing: &[Step],
        lock: &mut Lock<'_>,
    ) -> Result<(), Error> {
        let created = format!("create {} (", def.name);
        if !self.rows.iter().any(|row| row.name.starts_with(&created)) {
            return self.note(&Step::Create(def), lock).await;
        }
        for column in def.columns {
            let step = Step::Add(def, column.name, column.kind);
            let noted = self.rows.iter().any(|row| made(&row.name, def.name, column.name));
            if !noted && !missing.contains(&step) {
                self.note(&step, lock).await?;
            }
        }
        Ok(())
    }

    async fn note(&mut self, step: &Step, lock: &Lock<'_>) -> Result<(), Error> {
        loop {
            let row = Migration {
                scope: SCOPE.to_owned(),
                number: self.rows.last().map_or(1, |row| row.number + 1),
                name: name(step),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                done_at: lock.clock.now(),
            };
            if self.store.claim(Write::insert(&row, Stamp(0))).await? == Claim::Won {
                self.rows.push(row);
                return Ok(());
            }
            // The number is taken: the lock went to another run in between.
            self.rows = scan(self.store, Migration::of_schema()).await?;
        }
    }
}

/// The right to change the schema.
struct Lock<'a> {
    store: &'a CqlStore,
    clock: Arc<dyn Clock>,
    row: Migration,
}

fn stored(row: &Migration) -> Stored {
    Stored { cells: row.to_cells(), stamp: Stamp(0) }
}

impl<'a> Lock<'a> {
    async fn take(store: &'a CqlStore, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let holder = uuid_v7(&*clock).to_string();
        let give_up = clock.now().0 + WAIT_MS;
        loop {
            let row = Migration {
                scope: LOCK.to_owned(),
                number: 0,
                name: holder.clone(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                done_at: Timestamp(clock.now().0 + STEP_MS),
            };
            let write = Write::insert(&row, Stamp(0));
            let stands = match store.claim(write.clone()).await? {
                Claim::Won => return Ok(Self { store, clock, row }),
                Claim::Lost(Some(stands)) => stands,
                Claim::Lost(None) => continue,
            };
            let held = Migration::from_cells(stands.cells.clone())?;
            if held.done_at < clock.now() {
                let write = Write { op: Op::Replace, ..write };
                if store.replace(&stands, write).await? == Claim::Won {
                    tracing::warn!(holder = held.name, "a migration was interrupted; going on");
                    return Ok(Self { store, clock, row });
                }
            }
            if clock.now().0 > give_up {
                return Err(Error::Unavailable("another migration runs".into()));
            }
            tracing::info!(until = held.done_at.0, "another migration runs; waiting for it");
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    async fn renew(&mut self) -> Result<(), Error> {
        let row =
            Migration { done_at: Timestamp(self.clock.now().0 + STEP_MS), ..self.row.clone() };
        let write = Write::replace(&row, Stamp(0));
        match self.store.replace(&stored(&self.row), write).await? {
            Claim::Won => {
                self.row = row;
                Ok(())
            }
            Claim::Lost(_) => Err(Error::Unavailable("another migration took over".into())),
        }
    }

    /// Gives it back. If that fails, the deadline does.
    async fn release(self) {
        let write = Write { op: Op::Delete, ..Write::replace(&self.row, Stamp(0)) };
        if let Err(error) = self.store.replace(&stored(&self.row), write).await {
            tracing::warn!(%error, "the migration's lock stays until its deadline");
        }
    }
}

/// The key of the lock, for operators and tests.
pub fn lock() -> Get {
    Get::of::<Migration>(vec![Value::Text(LOCK.to_owned()), Value::Int(0)])
}
