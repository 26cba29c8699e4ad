//! Rows of several tables, read with one request and taken apart in the order they were asked for.

use platform::Store;
use schemas::table::{Decode, Get, Stored, Table};

use crate::error::Failure;

/// What a request brought.
#[derive(Debug)]
pub(crate) struct Rows(std::vec::IntoIter<Option<Stored>>);

impl Rows {
    pub(crate) async fn read(store: &dyn Store, gets: &[Get]) -> Result<Self, Failure> {
        Ok(Self(store.get(gets).await?.into_iter()))
    }

    /// The next row; none if there is no such row.
    pub(crate) fn next<T: Table>(&mut self) -> Result<Option<T>, Decode> {
        self.0.next().flatten().map(|row| T::from_cells(row.cells)).transpose()
    }
}
