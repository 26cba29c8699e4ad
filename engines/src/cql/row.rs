//! Values bound to statements, and rows read back: straight between the frame and the cells, without
//! the driver's type checks. They hold because every statement is derived from a definition and the
//! schema is compared with it when the store is opened.

use bytes::Bytes;
use schemas::Stamp;
use schemas::table::{Decode, Kind, Stored, TableDef, Value};
use scylla::deserialize::FrameSlice;
use scylla::deserialize::row::ColumnIterator;
use scylla::serialize::SerializationError;
use scylla::serialize::row::{RowSerializationContext, SerializeRow};
use scylla::serialize::writers::RowWriter;
use uuid::Uuid;

use super::text::STAMP;
use crate::cql::Error;

/// One bound value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bind<'a> {
    Value(&'a Value),
    /// Null: what stood there is cleared.
    Null,
    /// Left as it is.
    Unset,
    /// A `bigint`.
    Long(i64),
    /// An `int`.
    Limit(i32),
}

/// The values of one statement.
#[derive(Clone, Debug)]
pub(super) struct Binds<'a>(pub Vec<Bind<'a>>);

impl<'a> Binds<'a> {
    pub(super) fn new() -> Self {
        Self(Vec::with_capacity(16))
    }

    pub(super) fn values(mut self, values: impl IntoIterator<Item = &'a Value>) -> Self {
        self.0.extend(values.into_iter().map(Bind::Value));
        self
    }

    /// Cells, with `absent` where there is none.
    pub(super) fn cells(
        mut self,
        cells: impl IntoIterator<Item = &'a Option<Value>>,
        absent: Bind<'a>,
    ) -> Self {
        let bind = |cell: &'a Option<Value>| cell.as_ref().map_or(absent, Bind::Value);
        self.0.extend(cells.into_iter().map(bind));
        self
    }

    pub(super) fn long(mut self, number: i64) -> Self {
        self.0.push(Bind::Long(number));
        self
    }

    pub(super) fn limit(mut self, rows: usize) -> Self {
        self.0.push(Bind::Limit(i32::try_from(rows).unwrap_or(i32::MAX)));
        self
    }
}

impl SerializeRow for Binds<'_> {
    fn serialize(
        &self,
        _: &RowSerializationContext<'_>,
        writer: &mut RowWriter<'_>,
    ) -> Result<(), SerializationError> {
        for bind in &self.0 {
            let cell = writer.make_cell_writer();
            let written = match bind {
                Bind::Null => Ok(cell.set_null()),
                Bind::Unset => Ok(cell.set_unset()),
                Bind::Limit(number) => cell.set_value(&number.to_be_bytes()),
                Bind::Value(Value::Uuid(id)) => cell.set_value(id.as_bytes()),
                Bind::Long(number) | Bind::Value(Value::Int(number)) => {
                    cell.set_value(&number.to_be_bytes())
                }
                Bind::Value(Value::Bool(flag)) => cell.set_value(&[u8::from(*flag)]),
                Bind::Value(Value::Text(text)) => cell.set_value(text.as_bytes()),
                Bind::Value(Value::Blob(bytes)) => cell.set_value(bytes),
            };
            let _proof = written.map_err(SerializationError::new)?;
        }
        Ok(())
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn value(kind: Kind, bytes: &[u8]) -> Option<Value> {
    Some(match kind {
        Kind::Uuid => Value::Uuid(Uuid::from_slice(bytes).ok()?),
        Kind::Int => Value::Int(i64::from_be_bytes(bytes.try_into().ok()?)),
        Kind::Bool => Value::Bool(*bytes.first()? != 0),
        Kind::Text => Value::Text(str::from_utf8(bytes).ok()?.to_owned()),
        // A copy: a slice would keep the whole page alive behind a small cell.
        Kind::Blob => Value::Blob(Bytes::copy_from_slice(bytes)),
    })
}

fn cell(def: &TableDef, at: usize, slice: Option<FrameSlice<'_>>) -> Result<Option<Value>, Error> {
    let Some((column, slice)) = def.columns.get(at).zip(slice) else { return Ok(None) };
    let bad = Decode { table: def.name, column: column.name };
    Ok(Some(value(column.kind, slice.as_slice()).ok_or(bad)?))
}

/// A row of a statement that selects the definition's columns and the stamp.
pub(super) fn stored(def: &TableDef, columns: ColumnIterator<'_, '_>) -> Result<Stored, Error> {
    let mut cells = Vec::with_capacity(def.columns.len());
    let mut stamp = Stamp(0);
    for (at, column) in columns.enumerate() {
        let slice = column.map_err(super::error::failed)?.slice;
        if at < def.columns.len() {
            cells.push(cell(def, at, slice)?);
        } else {
            stamp = stamp_of(def, slice)?.unwrap_or_default();
        }
    }
    Ok(Stored { cells, stamp })
}

fn stamp_of(def: &TableDef, slice: Option<FrameSlice<'_>>) -> Result<Option<Stamp>, Error> {
    let Some(slice) = slice else { return Ok(None) };
    match value(Kind::Int, slice.as_slice()) {
        Some(Value::Int(stamp)) => Ok(Some(Stamp(stamp))),
        _ => Err(Decode { table: def.name, column: STAMP }.into()),
    }
}

/// What a conditional write answers.
#[derive(Debug)]
pub(super) enum Conditional {
    /// Written.
    Applied,
    /// Not written; this stands.
    Stands(Option<Stored>),
}

/// The answer of a conditional write. Engines differ in which columns they tell and in what order, and
/// whether an absent row is no columns or all nulls: columns go by name, the key is the one asked for,
/// and a row without a stamp is none.
pub(super) fn conditional(
    def: &TableDef,
    key: &[Option<Value>],
    columns: ColumnIterator<'_, '_>,
) -> Result<Conditional, Error> {
    let mut cells: Vec<Option<Value>> = vec![None; def.columns.len()];
    for (cell, value) in cells.iter_mut().zip(key.iter().take(def.key_columns())) {
        cell.clone_from(value);
    }
    let mut there = None;
    for column in columns {
        let column = column.map_err(super::error::failed)?;
        let name = column.spec.name();
        if name == "[applied]" {
            if column.slice.is_some_and(|slice| slice.as_slice().first() == Some(&1)) {
                return Ok(Conditional::Applied);
            }
        } else if name == STAMP {
            there = stamp_of(def, column.slice)?;
        } else if let Some(at) = def.columns.iter().position(|column| column.name == name)
            && at >= def.key_columns()
            && let Some(place) = cells.get_mut(at)
        {
            *place = cell(def, at, column.slice)?;
        }
    }
    Ok(Conditional::Stands(there.map(|stamp| Stored { cells, stamp })))
}
