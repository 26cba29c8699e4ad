//! How rows lie in an ordered map of bytes: the codec that the embedded store and the memory store
//! share, so that both order and bound rows by the very same rules.
//!
//! Key: table prefix (2 bytes big-endian), then the key columns by `schemas::key`. Value: stamp
//! (8 bytes big-endian), number of data columns, a bitmap of those that are not null, their values.
//! A row written when its table had fewer data columns reads back with nulls behind, so columns may
//! only ever be appended. Prefixes from [`SYSTEM`] on belong to the engine itself.

use std::ops::Bound;

use bytes::Bytes;
use schemas::key;
use schemas::table::{Get, Kind, Order, Role, Scan, Stored, TableDef, Value, Write};
use schemas::{Stamp, table::Decode};
use uuid::Uuid;

/// First prefix that no table may have: keys from here on are the engine's.
pub(crate) const SYSTEM: u16 = 0xff00;

/// Bytes of the stamp in front of a value.
const STAMP: usize = 8;

/// A half-open range of keys; no end: to the last key of all.
pub(crate) type Range = (Vec<u8>, Option<Vec<u8>>);

/// The key of a row, or of the rows that start with these key columns.
pub(crate) fn key_of(def: &TableDef, columns: &[Value]) -> Vec<u8> {
    debug_assert!(def.prefix < SYSTEM, "{} takes a prefix of the engine", def.name);
    let mut out = Vec::with_capacity(64);
    out.extend_from_slice(&def.prefix.to_be_bytes());
    extend(&mut out, def, 0, columns);
    out
}

/// The key of the row that `write` touches, without copying its cells.
pub(crate) fn key_of_write(write: &Write) -> Vec<u8> {
    let mut out = Vec::with_capacity(64);
    out.extend_from_slice(&write.def.prefix.to_be_bytes());
    for (column, cell) in write.def.columns.iter().zip(&write.cells).take(write.def.key_columns()) {
        if let Some(value) = cell {
            key::encode(&mut out, value, order(column.role));
        }
    }
    out
}

fn extend(out: &mut Vec<u8>, def: &TableDef, skip: usize, columns: &[Value]) {
    for (column, value) in def.columns.iter().skip(skip).zip(columns) {
        key::encode(out, value, order(column.role));
    }
}

fn order(role: Role) -> Order {
    match role {
        Role::Cluster(order) => order,
        Role::Partition | Role::Data => Order::Asc,
    }
}

/// The keys a scan covers. A bound is a prefix of the clustering key and stands for every row that
/// starts with it.
pub(crate) fn range_of(scan: &Scan) -> Range {
    let all = key_of(scan.def, &scan.partition);
    let at = |bound: &[Value]| {
        let mut out = all.clone();
        extend(&mut out, scan.def, scan.def.partition_columns(), bound);
        out
    };
    let from = match &scan.from {
        Bound::Unbounded => all.clone(),
        Bound::Included(bound) => at(bound),
        // Behind the last key of all there is nothing: an empty range at the end.
        Bound::Excluded(bound) => key::after_prefix(&at(bound)).unwrap_or_else(|| vec![0xff; 64]),
    };
    let to = match &scan.to {
        Bound::Unbounded => key::after_prefix(&all),
        Bound::Included(bound) => key::after_prefix(&at(bound)),
        Bound::Excluded(bound) => Some(at(bound)),
    };
    (from, to)
}

/// The keys of a table behind `after`.
pub(crate) fn range_of_table(def: &TableDef, after: Option<&Get>) -> Range {
    let prefix = def.prefix.to_be_bytes();
    let from = match after {
        None => prefix.to_vec(),
        Some(get) => {
            let mut next = key_of(def, &get.key);
            next.push(0);
            next
        }
    };
    (from, key::after_prefix(&prefix))
}

/// Whether no key lies in the range; ordered maps refuse such ranges instead of giving nothing.
pub(crate) fn is_empty(range: &Range) -> bool {
    range.1.as_ref().is_some_and(|to| *to <= range.0)
}

/// The value of a row.
pub(crate) fn encode(write: &Write) -> Vec<u8> {
    let data = write.cells.get(write.def.key_columns()..).unwrap_or_default();
    let mut out = Vec::with_capacity(STAMP + 2 + 64);
    out.extend_from_slice(&write.stamp.0.to_be_bytes());
    out.push(u8::try_from(data.len()).expect("a table has at most 255 columns"));
    for eight in data.chunks(8) {
        let mut bits = 0;
        for (at, cell) in eight.iter().enumerate() {
            bits |= u8::from(cell.is_some()) << at;
        }
        out.push(bits);
    }
    for value in data.iter().flatten() {
        match value {
            Value::Uuid(id) => out.extend_from_slice(id.as_bytes()),
            Value::Int(number) => out.extend_from_slice(&number.to_be_bytes()),
            Value::Bool(flag) => out.push(u8::from(*flag)),
            Value::Text(text) => put_bytes(&mut out, text.as_bytes()),
            Value::Blob(bytes) => put_bytes(&mut out, bytes),
        }
    }
    out
}

fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("a cell is smaller than 4 GiB");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(bytes);
}

/// The stamp of a stored value.
pub(crate) fn stamp_of(value: &[u8]) -> Stamp {
    Stamp(value.first_chunk().map_or(0, |head: &[u8; STAMP]| i64::from_be_bytes(*head)))
}

/// The row of a stored key and value.
pub(crate) fn decode(def: &TableDef, key: &[u8], value: &[u8]) -> Result<Stored, Decode> {
    let mut cells = Vec::with_capacity(def.columns.len());
    let mut key = key.get(2..).unwrap_or_default();
    let keys = def.key_columns();
    for column in def.columns.iter().take(keys) {
        let value = key::decode(&mut key, column.kind, order(column.role));
        cells.push(Some(value.ok_or(Decode { table: def.name, column: column.name })?));
    }
    let mut reader = Reader(value.get(STAMP..).unwrap_or_default());
    let count = usize::from(reader.byte().unwrap_or(0));
    let bits = reader.take(count.div_ceil(8)).unwrap_or_default();
    for (at, column) in def.columns.iter().skip(keys).enumerate() {
        let present = at < count && bits.get(at / 8).is_some_and(|byte| byte >> (at % 8) & 1 == 1);
        if !present {
            cells.push(None);
            continue;
        }
        let bad = Decode { table: def.name, column: column.name };
        cells.push(Some(reader.value(column.kind).ok_or(bad)?));
    }
    Ok(Stored { cells, stamp: stamp_of(value) })
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(head)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = u32::from_be_bytes(*self.take(4)?.first_chunk()?);
        self.take(usize::try_from(length).ok()?)
    }

    fn value(&mut self, kind: Kind) -> Option<Value> {
        Some(match kind {
            Kind::Uuid => Value::Uuid(Uuid::from_slice(self.take(16)?).ok()?),
            Kind::Int => Value::Int(i64::from_be_bytes(*self.take(8)?.first_chunk()?)),
            Kind::Bool => Value::Bool(self.byte()? != 0),
            Kind::Text => Value::Text(str::from_utf8(self.bytes()?).ok()?.to_owned()),
            // A copy: a slice would keep the whole block of the LSM alive behind a small cell.
            Kind::Blob => Value::Blob(Bytes::copy_from_slice(self.bytes()?)),
        })
    }
}
