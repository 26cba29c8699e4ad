//! The store: rows of the tables of `schemas::table`.

use async_trait::async_trait;
use schemas::table::{Batch, Get, Scan, Stored, Table, TableDef, Write};

/// Errors of the store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The fence row has a newer stamp: the writer is no longer the owner. Nothing was written.
    #[error("fenced: another owner has written since")]
    Fenced,
    /// May work when tried again.
    #[error("the store is not available: {0}")]
    Unavailable(String),
    /// A stored row can not be read: a defect or a newer version.
    #[error(transparent)]
    Decode(#[from] schemas::table::Decode),
    /// The engine has failed for good.
    #[error("the store has failed: {0}")]
    Failed(String),
}

impl Error {
    /// Whether trying again may help.
    pub fn retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

/// Outcome of a claim or compare-and-set.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    /// Written.
    Won,
    /// Not written; this is the row that stands (none: it is gone).
    Lost(Option<Stored>),
}

/// Tables. Contract:
///
/// - `get` answers in the order of its keys, each row as it is at some moment during the call; `scan`
///   in clustering order, or reversed. uuids of different versions sort as the engine likes: the same
///   way each time, and not as bytes everywhere.
/// - A write is visible to every later read through any handle once it has returned (G-13).
/// - Folded tables: a write with the stamp and content of an earlier one changes nothing; a batch
///   whose fence row has a newer stamp is refused whole with [`Error::Fenced`]. An engine without
///   transactions may see a fence late, if another owner moved it moments ago: then stamps alone
///   keep the newer rows (of two writes of one row the larger stamp stands, in any order of arrival).
/// - The fence row of a batch, where it is among the writes, is written when every other row is: who
///   sees it sees the rest.
/// - `write` on folded tables need not survive a power cut by itself: what it did is made again
///   from the log. What survives is a prefix of the writes of this engine, in their order.
/// - Direct tables (`claim`, `replace`, `put`, `delete`) are durable when the call returns.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Point reads, as one request.
    async fn get(&self, gets: &[Get]) -> Result<Vec<Option<Stored>>, Error>;

    /// Rows of one partition.
    async fn scan(&self, scan: &Scan) -> Result<Vec<Stored>, Error>;

    /// Writes folded rows.
    async fn write(&self, batch: Batch) -> Result<(), Error>;

    /// Inserts a row of a direct table if there is none with its key.
    async fn claim(&self, row: Write) -> Result<Claim, Error>;

    /// Writes (or, with [`schemas::table::Op::Delete`], deletes) a row of a direct table if what stands
    /// now equals `expected` in every cell.
    async fn replace(&self, expected: &Stored, row: Write) -> Result<Claim, Error>;

    /// Writes or deletes rows of direct tables, whatever stands there. Not for rows that are
    /// claimed or replaced.
    async fn put(&self, rows: Vec<Write>) -> Result<(), Error>;

    /// Every row of a table, in no promised order, page by page: `after` is the last key of the page
    /// before. For migrations, start-up loads of small tables and tests.
    async fn dump(
        &self,
        def: &'static TableDef,
        after: Option<Get>,
        limit: usize,
    ) -> Result<Vec<Stored>, Error>;
}

/// One row of `T`, typed.
pub async fn get_one<T: Table>(store: &dyn Store, get: Get) -> Result<Option<T>, Error> {
    let found = store.get(&[get]).await?.into_iter().next().flatten();
    found.map(|row| T::from_cells(row.cells)).transpose().map_err(Error::from)
}

/// Several rows of `T`, typed, in the order of the keys.
pub async fn get_many<T: Table>(store: &dyn Store, gets: &[Get]) -> Result<Vec<Option<T>>, Error> {
    let rows = store.get(gets).await?;
    rows.into_iter()
        .map(|row| row.map(|row| T::from_cells(row.cells)).transpose().map_err(Error::from))
        .collect()
}

/// Rows of a scan, typed.
pub async fn scan<T: Table>(store: &dyn Store, scan: Scan<T>) -> Result<Vec<T>, Error> {
    Ok(Scan::<T>::decode(store.scan(&scan.raw()).await?)?)
}
