//! Conditional writes of direct tables (LWT).
//!
//! What a timeout or a broken connection leaves open is found out by asking again: a conditional write
//! first completes or discards whatever was begun on the row. If the row is then as asked for, the
//! first attempt has won (nobody else asks for the same content: claims name their owner). If another
//! row stands, a claim has lost: its own row is not there. A replace in that place stays unknown, for
//! it may have won and have been replaced in turn; the caller gets a retryable error and asks with what
//! stands. Nothing is ever answered as lost that is known to have been written.
//!
//! Conditional writes of one row race within Paxos and time out in a crowd, so those of one process go
//! one by one.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use platform::port::store::Claim;
use schemas::table::{Op, Stored, Write};
use scylla::deserialize::row::ColumnIterator;
use scylla::statement::prepared::PreparedStatement;
use tokio::sync::MutexGuard;

use super::row::{Bind, Binds, Conditional, conditional};
use super::text::Shape;
use super::{Error, Inner, error, fence};

/// How often an outcome is asked for.
const ATTEMPTS: usize = 3;
/// How often at least, however long the first took.
const ATTEMPTS_MIN: usize = 2;

impl Inner {
    /// Inserts a row if there is none.
    pub(super) async fn claim(&self, row: &Write) -> Result<Claim, Error> {
        let absent = if row.op == Op::Replace { Bind::Null } else { Bind::Unset };
        let (key, data) = row.cells.split_at(row.def.key_columns().min(row.cells.len()));
        let binds = Binds::new().cells(key, Bind::Null).cells(data, absent).long(row.stamp.0);
        let (statement, _lock) = self.alone(row, Shape::Claim).await?;
        let mut doubt = None;
        let began = self.clock.monotonic_ms();
        for attempt in 0..ATTEMPTS {
            if attempt >= ATTEMPTS_MIN && self.is_late(began) {
                break;
            }
            match self.attempt(row, &statement, &binds).await {
                Ok(Conditional::Applied) => return Ok(Claim::Won),
                Ok(Conditional::Stands(Some(stands)))
                    if doubt.is_some() && stands.cells == row.cells =>
                {
                    return Ok(Claim::Won);
                }
                Ok(Conditional::Stands(stands)) => return Ok(Claim::Lost(stands)),
                Err(Error::Unavailable(why)) => doubt = Some(why),
                Err(other) => return Err(other),
            }
        }
        Err(unknown(doubt))
    }

    /// Writes or deletes a row if what stands is as expected in every cell.
    pub(super) async fn replace(&self, expected: &Stored, row: &Write) -> Result<Claim, Error> {
        let keys = row.def.key_columns();
        let key = row.cells.iter().take(keys);
        let before = expected.cells.iter().skip(keys);
        let new = Binds::new();
        let (shape, binds) = if row.op == Op::Delete {
            (Shape::Remove, new.cells(key, Bind::Null))
        } else {
            let data = row.cells.iter().skip(keys);
            (Shape::Swap, new.cells(data, Bind::Null).long(row.stamp.0).cells(key, Bind::Null))
        };
        let binds = binds.cells(before, Bind::Null).long(expected.stamp.0);
        let (statement, _lock) = self.alone(row, shape).await?;
        let mut doubt = None;
        let began = self.clock.monotonic_ms();
        for attempt in 0..ATTEMPTS {
            if attempt >= ATTEMPTS_MIN && self.is_late(began) {
                break;
            }
            let stands = match self.attempt(row, &statement, &binds).await {
                Ok(Conditional::Applied) => return Ok(Claim::Won),
                Ok(Conditional::Stands(stands)) => stands,
                Err(Error::Unavailable(why)) => {
                    doubt = Some(why);
                    continue;
                }
                Err(other) => return Err(other),
            };
            if doubt.is_none() {
                return Ok(Claim::Lost(stands));
            }
            let as_asked = match &stands {
                None => row.op == Op::Delete,
                Some(stands) => row.op != Op::Delete && stands.cells == row.cells,
            };
            return if as_asked { Ok(Claim::Won) } else { Err(unknown(doubt)) };
        }
        Err(unknown(doubt))
    }

    /// Whether a call that began then has taken as long as one answer may.
    fn is_late(&self, began_ms: i64) -> bool {
        let took = u128::try_from(self.clock.monotonic_ms() - began_ms).unwrap_or(0);
        took >= self.timeout.as_millis()
    }

    async fn attempt(
        &self,
        row: &Write,
        statement: &PreparedStatement,
        binds: &Binds<'_>,
    ) -> Result<Conditional, Error> {
        let _slot = self.slot().await?;
        let session = &self.tables.connection.session;
        let sent = session.execute_unpaged(statement, binds).await;
        let result = sent.map_err(|e| error::execution(&e))?;
        let result = result.into_rows_result().map_err(error::failed)?;
        let columns = result.first_row::<ColumnIterator<'_, '_>>().map_err(error::failed)?;
        conditional(row.def, &row.cells, columns)
    }

    /// The statement, and leave to be the only one of this process that writes the row.
    async fn alone(
        &self,
        row: &Write,
        shape: Shape,
    ) -> Result<(Arc<PreparedStatement>, MutexGuard<'_, ()>), Error> {
        let statement = self.tables.statement(self.tables.of(row.def)?, shape).await?;
        let key = row.cells.iter().take(row.def.key_columns()).flatten();
        let name = fence::name(row.def.prefix, key);
        let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(name);
        let at = usize::try_from(hash % super::ROW_LOCKS as u64).unwrap_or(0);
        let lock = self.locks.get(at).expect("the remainder is below the number of locks");
        let crowd = || Error::Unavailable("too many conditional writes of one row".into());
        let guard = tokio::time::timeout(self.timeout, lock.lock()).await.map_err(|_| crowd())?;
        Ok((statement, guard))
    }
}

fn unknown(doubt: Option<String>) -> Error {
    let why = doubt.unwrap_or_default();
    Error::Unavailable(format!("whether the row was written is not known: {why}"))
}
