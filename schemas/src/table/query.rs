//! Reads and writes as values: built by named constructors on the tables, carried out by an engine,
//! tested without one.

use std::marker::PhantomData;
use std::ops::Bound;

use super::{Decode, Stored, Table, TableDef, Value};
use crate::position::Stamp;

/// One row by its whole key.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Row {
    /// Prefix of the table: the definition's identity in hashes and comparisons.
    prefix: u16,
    /// Values of the key columns.
    pub key: Vec<Value>,
}

/// A point read.
#[derive(Clone, Debug)]
pub struct Get {
    /// The table.
    pub def: &'static TableDef,
    /// Values of all key columns.
    pub key: Vec<Value>,
}

impl Get {
    /// The row of `T` with this key.
    pub fn of<T: Table>(key: Vec<Value>) -> Self {
        debug_assert_eq!(key.len(), T::DEF.key_columns());
        Self { def: T::DEF, key }
    }

    /// The row's identity, for maps.
    pub fn row(&self) -> Row {
        Row { prefix: self.def.prefix, key: self.key.clone() }
    }
}

/// Rows of one partition, in clustering order.
#[derive(Clone, Debug)]
pub struct Scan<T = ()> {
    /// The table.
    pub def: &'static TableDef,
    /// Values of the partition key.
    pub partition: Vec<Value>,
    /// Lower bound, in clustering order: a prefix of the clustering key.
    pub from: Bound<Vec<Value>>,
    /// Upper bound, in clustering order: a prefix of the clustering key.
    pub to: Bound<Vec<Value>>,
    /// From the upper bound down.
    pub reverse: bool,
    /// At most so many rows.
    pub limit: usize,
    /// The row type.
    pub row: PhantomData<T>,
}

impl<T: Table> Scan<T> {
    /// All rows of a partition, at most `limit`.
    pub fn of(partition: Vec<Value>, limit: usize) -> Self {
        debug_assert_eq!(partition.len(), T::DEF.partition_columns());
        Self {
            def: T::DEF,
            partition,
            from: Bound::Unbounded,
            to: Bound::Unbounded,
            reverse: false,
            limit,
            row: PhantomData,
        }
    }

    /// Without its row type, for an engine.
    pub fn raw(self) -> Scan {
        Scan {
            def: self.def,
            partition: self.partition,
            from: self.from,
            to: self.to,
            reverse: self.reverse,
            limit: self.limit,
            row: PhantomData,
        }
    }

    /// The rows that an engine returned for it.
    pub fn decode(rows: Vec<Stored>) -> Result<Vec<T>, Decode> {
        rows.into_iter().map(|row| T::from_cells(row.cells)).collect()
    }
}

/// How a row is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    /// The first write of this row, known to be so: absent columns stay unset.
    Insert,
    /// The whole row: absent columns become null.
    Replace,
    /// The row is gone.
    Delete,
}

/// One row to write.
#[derive(Clone, Debug, PartialEq)]
pub struct Write {
    /// The table.
    pub def: &'static TableDef,
    /// Insert, replace or delete.
    pub op: Op,
    /// All columns; for a delete the key columns are enough.
    pub cells: Vec<Option<Value>>,
    /// Stamp of the record that last touched the row; `Stamp(0)` on direct tables.
    pub stamp: Stamp,
}

impl PartialEq for TableDef {
    fn eq(&self, other: &Self) -> bool {
        self.prefix == other.prefix
    }
}
impl Eq for TableDef {}

impl Write {
    /// A first write.
    pub fn insert<T: Table>(row: &T, stamp: Stamp) -> Self {
        Self { def: T::DEF, op: Op::Insert, cells: row.to_cells(), stamp }
    }

    /// A write of the whole row.
    pub fn replace<T: Table>(row: &T, stamp: Stamp) -> Self {
        Self { def: T::DEF, op: Op::Replace, cells: row.to_cells(), stamp }
    }

    /// The row's end.
    pub fn delete<T: Table>(row: &T, stamp: Stamp) -> Self {
        Self { def: T::DEF, op: Op::Delete, cells: row.to_cells(), stamp }
    }

    /// Bytes of its long cells: what a batch is bounded by.
    pub fn size(&self) -> usize {
        let long = |cell: &Value| match cell {
            Value::Blob(bytes) => bytes.len(),
            Value::Text(text) => text.len(),
            Value::Uuid(_) | Value::Int(_) | Value::Bool(_) => 16,
        };
        self.cells.iter().flatten().map(long).sum()
    }

    /// The key of the row.
    pub fn get(&self) -> Get {
        let key = self.cells.iter().take(self.def.key_columns()).flatten().cloned().collect();
        Get { def: self.def, key }
    }
}

/// Writes that belong together.
///
/// Rows that all lie in one partition of one table are written at once or not at all; else each row
/// stands alone. If the fence row has a newer stamp than `fence`, nothing is written (G-08).
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The row that tells whether the writer is still the owner, and the newest stamp it may have.
    pub fence: Option<(Get, Stamp)>,
    /// The rows; one row at most once.
    pub writes: Vec<Write>,
}
