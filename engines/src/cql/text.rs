//! CQL derived from table definitions: pure text, made once per statement and never per request.
//!
//! Every table has one column more than its definition: [`STAMP`], which every write sets. On folded
//! tables it repeats the stamp that is also the write time of every cell, so that a read learns the
//! stamp of a row whatever its other cells are (`WRITETIME` needs a cell that is never null). On direct
//! tables it is always 0; a row is there if and only if it is not null, and a compare-and-set of a row
//! of nulls does not take an absent row for it.

use std::fmt::Write as _;

use schemas::table::{Class, Column, Kind, Order, Role, TableDef};

use super::slice::Side;

/// The engine's own column.
pub(super) const STAMP: &str = "stamp";

/// How long deletes are kept before compaction may forget them. A log must never be replayed into a
/// live store from further back than this, else deleted rows return (topics keep 7 days).
const GC_GRACE_SECONDS: u32 = 10 * 24 * 3_600;

/// Longest name of a keyspace that both engines take.
const NAME_MAX: usize = 48;

/// The statements that a table may need, and their place among the prepared ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// A row; on folded tables with its stamp as write time.
    Insert,
    /// The end of a row; on folded tables with a stamp.
    Delete,
    /// One row by its key.
    Get,
    /// A row if there is none.
    Claim,
    /// Another row if the one that stands is as expected.
    Swap,
    /// The end of a row if it is as expected.
    Remove,
    /// The first partitions of a table.
    Dump,
    /// The partitions behind another one.
    DumpAfter,
    /// Rows of a partition.
    Scan(ScanShape),
}

/// What a scan binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ScanShape {
    /// Leading clustering columns that are bound to a value.
    pub equal: usize,
    /// The lower end of the next one, in clustering order.
    pub lower: Side,
    /// The upper end of the next one.
    pub upper: Side,
    /// Against the clustering order.
    pub reverse: bool,
}

impl Shape {
    /// Its place.
    pub(super) fn index(self) -> usize {
        match self {
            Self::Insert => 0,
            Self::Delete => 1,
            Self::Get => 2,
            Self::Claim => 3,
            Self::Swap => 4,
            Self::Remove => 5,
            Self::Dump => 6,
            Self::DumpAfter => 7,
            Self::Scan(scan) => {
                let ends = scan.lower.index() * Side::COUNT + scan.upper.index();
                let at = scan.equal * Side::COUNT * Side::COUNT + ends;
                8 + at * 2 + usize::from(scan.reverse)
            }
        }
    }

    /// Number of places of a table.
    pub(super) fn count(def: &TableDef) -> usize {
        let clusters = def.key_columns() - def.partition_columns();
        8 + (clusters + 1) * Side::COUNT * Side::COUNT * 2
    }
}

/// The keyspace of a namespace.
pub(super) fn keyspace(namespace: &str, name: &str) -> Result<String, String> {
    let joined = if namespace.is_empty() { name.to_owned() } else { format!("{namespace}_{name}") };
    let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' };
    let keyspace: String = joined.chars().map(plain).collect();
    if keyspace.is_empty() || keyspace.len() > NAME_MAX {
        return Err(format!("the keyspace {keyspace:?} must have 1 to {NAME_MAX} characters"));
    }
    Ok(keyspace)
}

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

fn table(keyspace: &str, def: &TableDef) -> String {
    format!("{}.{}", quoted(keyspace), quoted(def.name))
}

/// The CQL type of a column.
pub(super) fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Uuid => "uuid",
        Kind::Int => "bigint",
        Kind::Bool => "boolean",
        Kind::Text => "text",
        Kind::Blob => "blob",
    }
}

fn order(order: Order, reverse: bool) -> &'static str {
    match (order, reverse) {
        (Order::Asc, false) | (Order::Desc, true) => "ASC",
        (Order::Desc, false) | (Order::Asc, true) => "DESC",
    }
}

/// The columns of the partition key.
fn partition(def: &TableDef) -> &'static [Column] {
    def.columns.get(..def.partition_columns()).unwrap_or_default()
}

/// The columns of the clustering key.
pub(super) fn cluster(def: &TableDef) -> &'static [Column] {
    def.columns.get(def.partition_columns()..def.key_columns()).unwrap_or_default()
}

/// The columns that are no key.
pub(super) fn data(def: &TableDef) -> &'static [Column] {
    def.columns.get(def.key_columns()..).unwrap_or_default()
}

fn names<'a>(columns: impl IntoIterator<Item = &'a Column>) -> Vec<String> {
    columns.into_iter().map(|column| quoted(column.name)).collect()
}

fn with_stamp(columns: &[Column]) -> Vec<String> {
    let mut all = names(columns);
    all.push(quoted(STAMP));
    all
}

fn each(columns: &[String], suffix: &str, between: &str) -> String {
    columns.iter().map(|name| format!("{name}{suffix}")).collect::<Vec<_>>().join(between)
}

/// The keyspace. `tablets` is said to ScyllaDB only: there, conditional writes need vnodes on the
/// versions that refuse them on tablets; Cassandra does not know the word.
pub(super) fn create_keyspace(
    keyspace: &str,
    datacenter: &str,
    replication: u16,
    scylla: bool,
) -> String {
    let datacenter = datacenter.replace('\'', "''");
    let tablets = if scylla { " AND tablets = {'enabled': false}" } else { "" };
    format!(
        "CREATE KEYSPACE IF NOT EXISTS {} WITH replication = \
         {{'class': 'NetworkTopologyStrategy', '{datacenter}': {replication}}}{tablets}",
        quoted(keyspace)
    )
}

/// A table. Blocks are compressed with LZ4 by the default of both engines; compaction is by size,
/// never by time window: the write times of folded rows are positions, not times.
pub(super) fn create_table(keyspace: &str, def: &TableDef) -> String {
    let mut out = format!("CREATE TABLE IF NOT EXISTS {} (", table(keyspace, def));
    for column in def.columns {
        write!(out, "{} {}, ", quoted(column.name), kind(column.kind)).expect("a string grows");
    }
    let mut key = vec![format!("({})", names(partition(def)).join(", "))];
    key.extend(names(cluster(def)));
    write!(out, "{} bigint, PRIMARY KEY ({})) WITH ", quoted(STAMP), key.join(", "))
        .expect("a string grows");
    let orders: Vec<String> = cluster(def)
        .iter()
        .filter_map(|column| match column.role {
            Role::Cluster(way) => Some(format!("{} {}", quoted(column.name), order(way, false))),
            Role::Partition | Role::Data => None,
        })
        .collect();
    if !orders.is_empty() {
        write!(out, "CLUSTERING ORDER BY ({}) AND ", orders.join(", ")).expect("a string grows");
    }
    write!(
        out,
        "gc_grace_seconds = {GC_GRACE_SECONDS} AND default_time_to_live = 0 AND \
         compaction = {{'class': 'SizeTieredCompactionStrategy'}}"
    )
    .expect("a string grows");
    out
}

/// A column that a definition has gained.
pub(super) fn add_column(keyspace: &str, def: &TableDef, name: &str, of: Kind) -> String {
    format!("ALTER TABLE {} ADD {} {}", table(keyspace, def), quoted(name), kind(of))
}

fn using_stamp(def: &TableDef) -> &'static str {
    match def.class {
        Class::Folded(_) | Class::Kept(_) => " USING TIMESTAMP ?",
        Class::Direct => "",
    }
}

fn where_key(def: &TableDef) -> String {
    let key = names(def.columns.iter().take(def.key_columns()));
    format!(" WHERE {}", each(&key, " = ?", " AND "))
}

fn insert(keyspace: &str, def: &TableDef) -> String {
    let columns = with_stamp(def.columns);
    let marks = vec!["?"; columns.len()].join(", ");
    format!("INSERT INTO {} ({}) VALUES ({marks})", table(keyspace, def), columns.join(", "))
}

fn select(keyspace: &str, def: &TableDef) -> String {
    let columns = with_stamp(def.columns).join(", ");
    format!("SELECT {columns} FROM {}", table(keyspace, def))
}

fn scan(keyspace: &str, def: &TableDef, shape: ScanShape) -> String {
    let columns = cluster(def);
    let mut bound = names(partition(def));
    bound.extend(names(columns.iter().take(shape.equal)));
    let mut out = format!("{} WHERE {}", select(keyspace, def), each(&bound, " = ?", " AND "));
    if let Some(column) = columns.get(shape.equal) {
        let descending = column.role == Role::Cluster(Order::Desc);
        // Behind the lower end lie larger values where the column ascends, smaller ones else.
        for (side, up) in [(shape.lower, !descending), (shape.upper, descending)] {
            if let Some(operator) = side.operator(up) {
                write!(out, " AND {} {operator} ?", quoted(column.name)).expect("a string grows");
            }
        }
    }
    if shape.reverse && !columns.is_empty() {
        let way = |column: &Column| match column.role {
            Role::Cluster(way) => format!("{} {}", quoted(column.name), order(way, true)),
            Role::Partition | Role::Data => quoted(column.name),
        };
        let ways: Vec<String> = columns.iter().map(way).collect();
        write!(out, " ORDER BY {}", ways.join(", ")).expect("a string grows");
    }
    out.push_str(" LIMIT ?");
    out
}

/// The text of a statement.
pub(super) fn statement(keyspace: &str, def: &TableDef, shape: Shape) -> String {
    let cells = with_stamp(data(def));
    let tokens = || {
        let columns = names(partition(def)).join(", ");
        let marks = vec!["?"; def.partition_columns()].join(", ");
        format!("TOKEN({columns}) > TOKEN({marks})")
    };
    match shape {
        Shape::Insert => format!("{}{}", insert(keyspace, def), using_stamp(def)),
        Shape::Delete => {
            let from = table(keyspace, def);
            format!("DELETE FROM {from}{}{}", using_stamp(def), where_key(def))
        }
        Shape::Get => format!("{}{}", select(keyspace, def), where_key(def)),
        Shape::Claim => format!("{} IF NOT EXISTS", insert(keyspace, def)),
        Shape::Swap => format!(
            "UPDATE {} SET {}{} IF {}",
            table(keyspace, def),
            each(&cells, " = ?", ", "),
            where_key(def),
            each(&cells, " = ?", " AND ")
        ),
        Shape::Remove => format!(
            "DELETE FROM {}{} IF {}",
            table(keyspace, def),
            where_key(def),
            each(&cells, " = ?", " AND ")
        ),
        Shape::Dump => format!("{} LIMIT ?", select(keyspace, def)),
        Shape::DumpAfter => format!("{} WHERE {} LIMIT ?", select(keyspace, def), tokens()),
        Shape::Scan(shape) => scan(keyspace, def, shape),
    }
}

#[cfg(test)]
#[path = "text_tests.rs"]
mod tests;
