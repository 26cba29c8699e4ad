//! The tables that are there, and what they lack. Steps only ever add: tables and columns of a newer
//! version are left alone, so that two versions can run side by side.

use std::collections::BTreeMap;
use std::fmt;

use schemas::table::{Column, Kind, Order, Role, TableDef};
use scylla::client::session::Session;

use super::text::{self, STAMP};
use super::{Error, error};

/// A column as the server has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// CQL type.
    pub kind: String,
    /// `partition_key`, `clustering`, `regular`, `static`.
    pub role: String,
    /// Place among the columns of its role; -1 for others than keys.
    pub position: i32,
    /// `asc`, `desc` or `none`.
    pub order: String,
}

/// Tables of a keyspace, with their columns by name.
pub(super) type Tables = BTreeMap<String, BTreeMap<String, Found>>;

/// One step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A table is missing.
    Create(&'static TableDef),
    /// A column is missing.
    Add(&'static TableDef, &'static str, Kind),
}

impl Step {
    /// The CQL that does it.
    pub(super) fn text(self, keyspace: &str) -> String {
        match self {
            Self::Create(def) => text::create_table(keyspace, def),
            Self::Add(def, name, kind) => text::add_column(keyspace, def, name, kind),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Create(def) => write!(f, "create {}", def.name),
            Self::Add(def, name, _) => write!(f, "add {}.{name}", def.name),
        }
    }
}

/// What the keyspace holds; none: there is no such keyspace.
pub(super) async fn read(session: &Session, keyspace: &str) -> Result<Option<Tables>, Error> {
    let keyspaces = "SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = ?";
    let found = session.query_unpaged(keyspaces, (keyspace,)).await;
    let found = found.map_err(|e| error::execution(&e))?;
    if found.into_rows_result().map_err(error::failed)?.rows_num() == 0 {
        return Ok(None);
    }
    let columns = "SELECT table_name, column_name, type, kind, position, clustering_order \
                   FROM system_schema.columns WHERE keyspace_name = ?";
    let found = session.query_unpaged(columns, (keyspace,)).await;
    let found = found.map_err(|e| error::execution(&e))?;
    let found = found.into_rows_result().map_err(error::failed)?;
    let mut tables = Tables::new();
    let rows = found.rows::<(String, String, String, String, i32, String)>();
    for row in rows.map_err(error::failed)? {
        let (table, column, kind, role, position, order) = row.map_err(error::failed)?;
        let order = order.to_ascii_lowercase();
        let found = Found { kind, role, position, order };
        tables.entry(table).or_default().insert(column, found);
    }
    Ok(Some(tables))
}

fn wrong(def: &TableDef, column: &str, what: &str) -> Error {
    Error::Failed(format!("{}.{column} {what}; no migration can change that", def.name))
}

/// Whether a column is as its definition says.
fn check(def: &TableDef, column: &Column, place: usize, found: &Found) -> Result<(), Error> {
    let wanted = text::kind(column.kind);
    if found.kind != wanted {
        return Err(wrong(def, column.name, &format!("is {} and not {wanted}", found.kind)));
    }
    let (role, place, order) = match column.role {
        Role::Partition => ("partition_key", i32::try_from(place).unwrap_or(-1), "none"),
        Role::Cluster(order) => {
            let place = place.saturating_sub(def.partition_columns());
            let order = if order == Order::Asc { "asc" } else { "desc" };
            ("clustering", i32::try_from(place).unwrap_or(-1), order)
        }
        Role::Data => ("regular", -1, "none"),
    };
    if (found.role.as_str(), found.position, found.order.as_str()) != (role, place, order) {
        let is = format!("is {} {} {}", found.role, found.position, found.order);
        return Err(wrong(def, column.name, &format!("{is} and not {role} {place} {order}")));
    }
    Ok(())
}

/// The steps from what there is to the definitions.
pub(super) fn plan(defs: &[&'static TableDef], found: Option<&Tables>) -> Result<Vec<Step>, Error> {
    let mut steps = Vec::new();
    for def in defs {
        let Some(columns) = found.and_then(|tables| tables.get(def.name)) else {
            steps.push(Step::Create(def));
            continue;
        };
        for (place, column) in def.columns.iter().enumerate() {
            match columns.get(column.name) {
                Some(found) => check(def, column, place, found)?,
                None if column.role == Role::Data => {
                    steps.push(Step::Add(def, column.name, column.kind));
                }
                None => return Err(wrong(def, column.name, "is missing from the key")),
            }
        }
        if !columns.contains_key(STAMP) {
            steps.push(Step::Add(def, STAMP, Kind::Int));
        }
    }
    Ok(steps)
}

#[cfg(test)]
#[path = "schema_tests.rs"]
mod tests;
