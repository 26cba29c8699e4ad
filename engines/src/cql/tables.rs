//! Statements of the tables that a store was opened for: prepared when first needed, kept for good.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use schemas::table::{Class, Stored, TableDef};
use scylla::deserialize::row::ColumnIterator;
use scylla::response::{PagingState, PagingStateResponse};
use scylla::statement::prepared::PreparedStatement;
use tokio::sync::OnceCell;

use super::Error;
use super::error;
use super::row::{Binds, stored};
use super::session::Connection;
use super::text::{self, Shape};

/// Rows of one page of an answer. Of the largest rows, a page stays below 20 MiB.
const PAGE_ROWS: i32 = 500;

/// One table.
pub(super) struct Statements {
    pub def: &'static TableDef,
    /// Whether a batch has named a row of it as its fence: reads of such rows are remembered.
    pub fences: AtomicBool,
    prepared: Vec<OnceCell<Arc<PreparedStatement>>>,
}

/// All tables of a store, and the connection.
pub(super) struct Tables {
    pub connection: Connection,
    keyspace: String,
    by_prefix: HashMap<u16, Statements>,
}

impl Tables {
    pub(super) fn new(
        connection: Connection,
        keyspace: String,
        defs: &[&'static TableDef],
    ) -> Self {
        let table = |def: &&'static TableDef| {
            let prepared = (0..Shape::count(def)).map(|_| OnceCell::new()).collect();
            (def.prefix, Statements { def, fences: AtomicBool::new(false), prepared })
        };
        Self { connection, keyspace, by_prefix: defs.iter().map(table).collect() }
    }

    /// Where the tables lie.
    pub(super) fn keyspace(&self) -> &str {
        &self.keyspace
    }

    /// The table of a definition.
    pub(super) fn of(&self, def: &TableDef) -> Result<&Statements, Error> {
        let unknown = || Error::Failed(format!("the store was not opened for {}", def.name));
        self.by_prefix.get(&def.prefix).ok_or_else(unknown)
    }

    /// A statement of a table.
    pub(super) async fn statement(
        &self,
        table: &Statements,
        shape: Shape,
    ) -> Result<Arc<PreparedStatement>, Error> {
        let none = || Error::Failed(format!("{} has no statement {shape:?}", table.def.name));
        let cell = table.prepared.get(shape.index()).ok_or_else(none)?;
        cell.get_or_try_init(|| self.prepare(table.def, shape)).await.cloned()
    }

    async fn prepare(
        &self,
        def: &'static TableDef,
        shape: Shape,
    ) -> Result<Arc<PreparedStatement>, Error> {
        let text = text::statement(&self.keyspace, def, shape);
        let session = &self.connection.session;
        let mut statement = session.prepare(text).await.map_err(|e| error::prepare(&e))?;
        match shape {
            // With a stamp, once more is the same. A plain write of a direct table gets its time when
            // it is sent, so that a late second one could undo another write.
            Shape::Insert | Shape::Delete => {
                statement.set_is_idempotent(def.class != Class::Direct);
            }
            // Whether a lost one took effect is found out by whoever asked.
            Shape::Claim | Shape::Swap | Shape::Remove => statement.set_is_idempotent(false),
            Shape::Get | Shape::Scan(_) | Shape::Dump | Shape::DumpAfter => {
                statement.set_is_idempotent(true);
                statement.set_execution_profile_handle(Some(self.connection.reads.clone()));
                statement.set_page_size(PAGE_ROWS);
                // Columns are named, so an added one changes nothing in the answer.
                statement.set_use_cached_result_metadata(true);
            }
        }
        Ok(Arc::new(statement))
    }

    /// Rows of a select, page by page, at most `limit` (which the statement has as well).
    pub(super) async fn rows(
        &self,
        def: &'static TableDef,
        statement: &PreparedStatement,
        binds: &Binds<'_>,
        limit: usize,
    ) -> Result<Vec<Stored>, Error> {
        let mut out = Vec::new();
        let mut page = PagingState::start();
        loop {
            let session = &self.connection.session;
            let (result, next) = session
                .execute_single_page(statement, binds, page)
                .await
                .map_err(|e| error::execution(&e))?;
            let result = result.into_rows_result().map_err(error::failed)?;
            for row in result.rows::<ColumnIterator<'_, '_>>().map_err(error::failed)? {
                out.push(stored(def, row.map_err(error::failed)?)?);
            }
            match next {
                PagingStateResponse::HasMorePages { state } if out.len() < limit => page = state,
                _ => break,
            }
        }
        out.truncate(limit);
        Ok(out)
    }
}
