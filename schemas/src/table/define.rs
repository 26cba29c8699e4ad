//! The table macro, and which Rust types a column may have.

use bytes::Bytes;
use uuid::Uuid;

use super::{Kind, Value};
use crate::id::{CommandId, ConversationId, InstanceId, MessageId, SessionId, UserId};
use crate::time::Timestamp;

/// A Rust type that fits a column.
pub trait FromValue: Sized + Clone {
    /// Type of the column.
    const KIND: Kind;
    /// To a cell; none is null.
    fn to_value(&self) -> Option<Value>;
    /// From a cell; none if it does not fit.
    fn from_value(value: Option<Value>) -> Option<Self>;
}

macro_rules! column {
    ($ty:ty, $kind:ident, $to:expr, $from:expr) => {
        impl FromValue for $ty {
            const KIND: Kind = Kind::$kind;
            fn to_value(&self) -> Option<Value> {
                let to: fn(&$ty) -> _ = $to;
                Some(Value::$kind(to(self)))
            }
            fn from_value(value: Option<Value>) -> Option<Self> {
                match value {
                    Some(Value::$kind(inner)) => Some(($from)(inner)),
                    _ => None,
                }
            }
        }
    };
}

column!(Uuid, Uuid, |id| *id, |id| id);
column!(i64, Int, |n| *n, |n| n);
column!(bool, Bool, |b| *b, |b| b);
column!(String, Text, |t| t.clone(), |t| t);
column!(Bytes, Blob, |b| b.clone(), |b| b);
column!(Timestamp, Int, |t| t.0, Timestamp);
column!(UserId, Uuid, |id| id.0, UserId);
column!(ConversationId, Uuid, |id| id.0, ConversationId);
column!(MessageId, Uuid, |id| id.0, MessageId);
column!(CommandId, Uuid, |id| id.0, CommandId);
column!(SessionId, Uuid, |id| id.0, SessionId);
column!(InstanceId, Uuid, |id| id.0, InstanceId);

impl<T: FromValue> FromValue for Option<T> {
    const KIND: Kind = T::KIND;
    fn to_value(&self) -> Option<Value> {
        self.as_ref().and_then(T::to_value)
    }
    fn from_value(value: Option<Value>) -> Option<Self> {
        match value {
            None => Some(None),
            some => T::from_value(some).map(Some),
        }
    }
}

/// Declares a table and its row type.
///
/// ```ignore
/// table! {
///     /// What a row is.
///     pub struct Row in "message_by_seq", prefix 0x0201, class Class::Folded("persist");
///     partition { conversation: ConversationId, bucket: i64 }
///     cluster { seq: i64 => Asc }
///     data { body: Bytes }
/// }
/// ```
#[macro_export]
macro_rules! table {
    (
        $(#[$doc:meta])*
        pub struct $name:ident in $cql:literal, prefix $prefix:literal, class $class:expr;
        partition { $($(#[$pdoc:meta])* $p:ident: $pty:ty),+ $(,)? }
        cluster { $($(#[$cdoc:meta])* $c:ident: $cty:ty => $order:ident),* $(,)? }
        data { $($(#[$ddoc:meta])* $d:ident: $dty:ty),* $(,)? }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub struct $name {
            $($(#[$pdoc])* pub $p: $pty,)+
            $($(#[$cdoc])* pub $c: $cty,)*
            $($(#[$ddoc])* pub $d: $dty,)*
        }

        impl $crate::table::Table for $name {
            const DEF: &'static $crate::table::TableDef = &$crate::table::TableDef {
                name: $cql,
                prefix: $prefix,
                class: $class,
                columns: &[
                    $($crate::table::Column {
                        name: stringify!($p),
                        kind: <$pty as $crate::table::FromValue>::KIND,
                        role: $crate::table::Role::Partition,
                    },)+
                    $($crate::table::Column {
                        name: stringify!($c),
                        kind: <$cty as $crate::table::FromValue>::KIND,
                        role: $crate::table::Role::Cluster($crate::table::Order::$order),
                    },)*
                    $($crate::table::Column {
                        name: stringify!($d),
                        kind: <$dty as $crate::table::FromValue>::KIND,
                        role: $crate::table::Role::Data,
                    },)*
                ],
            };

            fn to_cells(&self) -> Vec<Option<$crate::table::Value>> {
                vec![
                    $($crate::table::FromValue::to_value(&self.$p),)+
                    $($crate::table::FromValue::to_value(&self.$c),)*
                    $($crate::table::FromValue::to_value(&self.$d),)*
                ]
            }

            fn from_cells(
                cells: Vec<Option<$crate::table::Value>>,
            ) -> Result<Self, $crate::table::Decode> {
                let mut cells = cells.into_iter();
                Ok(Self {
                    $($p: $crate::table::take($cql, stringify!($p), &mut cells)?,)+
                    $($c: $crate::table::take($cql, stringify!($c), &mut cells)?,)*
                    $($d: $crate::table::take($cql, stringify!($d), &mut cells)?,)*
                })
            }
        }
    };
}
