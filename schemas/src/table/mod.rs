//! Tables: declared once, used by every engine. The embedded store derives key ranges from a
//! definition, the CQL store DDL and prepared statements.
//!
//! Rules (HAZARDS 3, 20): a folded table has one writing pool and one source topic, and all writes
//! of a row come from one partition, so that stamps of one row come from one log. A prefix and a
//! column name are never reused.

mod define;
mod query;

use std::fmt;

use bytes::Bytes;
use uuid::Uuid;

pub use define::FromValue;
pub use query::{Batch, Get, Op, Row, Scan, Write};

use crate::position::Stamp;

/// Type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// CQL `uuid`.
    Uuid,
    /// CQL `bigint`.
    Int,
    /// CQL `boolean`.
    Bool,
    /// CQL `text`.
    Text,
    /// CQL `blob`.
    Blob,
}

/// Order of a clustering column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Smallest first.
    Asc,
    /// Largest first.
    Desc,
}

/// What a column is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Part of the partition key.
    Partition,
    /// Part of the clustering key.
    Cluster(Order),
    /// Neither.
    Data,
}

/// One column.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// CQL name.
    pub name: &'static str,
    /// Type.
    pub kind: Kind,
    /// Partition, clustering or data.
    pub role: Role,
}

/// Who writes a table, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Written by this pool alone, stamped with log positions; can be made again from the log.
    Folded(&'static str),
    /// Written and stamped likewise, and can not be made again: its topic is kept too short. Whoever
    /// makes folded tables again leaves it as it is.
    Kept(&'static str),
    /// Claims and credentials: written directly and synced before the answer; insert-if-absent and
    /// compare-and-set are allowed.
    Direct,
}

/// One table.
#[derive(Debug)]
pub struct TableDef {
    /// CQL name.
    pub name: &'static str,
    /// Prefix of its keys in the embedded store.
    pub prefix: u16,
    /// Columns: partition key, clustering key, data.
    pub columns: &'static [Column],
    /// Who writes it.
    pub class: Class,
}

impl TableDef {
    /// Number of key columns (partition and clustering).
    pub fn key_columns(&self) -> usize {
        self.columns.iter().filter(|c| c.role != Role::Data).count()
    }

    /// Number of columns of the partition key.
    pub fn partition_columns(&self) -> usize {
        self.columns.iter().filter(|c| c.role == Role::Partition).count()
    }
}

/// A table as a Rust type: one value is one row.
pub trait Table: Sized {
    /// The definition.
    const DEF: &'static TableDef;
    /// All columns in the order of the definition; the key columns are never none.
    fn to_cells(&self) -> Vec<Option<Value>>;
    /// The row of these columns.
    fn from_cells(cells: Vec<Option<Value>>) -> Result<Self, Decode>;
}

/// A stored row does not fit its table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("table {table}: column {column} can not be read")]
pub struct Decode {
    /// The table.
    pub table: &'static str,
    /// The first column that does not fit.
    pub column: &'static str,
}

/// The next cell as a column of type `T`: the table macro's reading half.
pub fn take<T: FromValue>(
    table: &'static str,
    column: &'static str,
    cells: &mut impl Iterator<Item = Option<Value>>,
) -> Result<T, Decode> {
    T::from_value(cells.next().flatten()).ok_or(Decode { table, column })
}

/// Value of a column.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// uuid
    Uuid(Uuid),
    /// bigint
    Int(i64),
    /// boolean
    Bool(bool),
    /// text
    Text(String),
    /// blob
    Blob(Bytes),
}

impl Value {
    /// Type of the value.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Uuid(_) => Kind::Uuid,
            Self::Int(_) => Kind::Int,
            Self::Bool(_) => Kind::Bool,
            Self::Text(_) => Kind::Text,
            Self::Blob(_) => Kind::Blob,
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uuid(id) => write!(f, "{id}"),
            Self::Int(n) => write!(f, "{n}"),
            Self::Bool(b) => write!(f, "{b}"),
            Self::Text(t) => write!(f, "{t:?}"),
            Self::Blob(b) => write!(f, "{b:?}"),
        }
    }
}

/// A row as an engine returns it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// All columns in the order of the definition.
    pub cells: Vec<Option<Value>>,
    /// Stamp of the last write; `Stamp(0)` on direct tables.
    pub stamp: Stamp,
}

/// All tables, for migrations and for wiping what is folded.
pub fn all() -> Vec<&'static TableDef> {
    [
        crate::conversation::table::ALL,
        crate::member::table::ALL,
        crate::message::table::ALL,
        crate::reaction::table::ALL,
        crate::pin::table::ALL,
        crate::receipt::table::ALL,
        crate::presence::table::ALL,
        crate::user::table::ALL,
        crate::session::table::ALL,
        crate::deployment::table::ALL,
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_and_names_are_unique_and_keys_come_first() {
        let tables = all();
        for (at, table) in tables.iter().enumerate() {
            for other in tables.iter().skip(at + 1) {
                assert_ne!(table.prefix, other.prefix, "{} {}", table.name, other.name);
                assert_ne!(table.name, other.name);
            }
            let rank = |c: &Column| match c.role {
                Role::Partition => 0,
                Role::Cluster(_) => 1,
                Role::Data => 2,
            };
            assert!(table.columns.is_sorted_by_key(rank), "{}", table.name);
            assert!(table.partition_columns() > 0, "{}", table.name);
        }
    }
}
