//! Writes of folded rows, and plain writes of direct ones.
//!
//! A batch is taken apart by partition. Rows of one partition of one table are one unlogged batch: the
//! server applies it as one mutation, at once or not at all, which the journal builds on. Partitions
//! are written side by side; that of the fence row goes last, when all others are acknowledged, so that
//! whoever sees the fence row sees the rest. If the call fails or is dropped half way, any of the rows
//! may be written, now or a little later: they are the same when they are written again.

use std::sync::atomic::Ordering;

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use schemas::Stamp;
use schemas::table::{Batch, Class, Get, Op, Value, Write};
use scylla::statement::batch::{Batch as Statements, BatchStatement, BatchType};

use super::fence::Verdict;
use super::row::{Bind, Binds};
use super::text::Shape;
use super::{CALL_REQUESTS, Error, Inner, error, fence, must_be};

fn partition(row: &Write) -> &[Option<Value>] {
    row.cells.get(..row.def.partition_columns()).unwrap_or_default()
}

fn same_partition(a: &Write, b: &Write) -> bool {
    a.def == b.def && partition(a) == partition(b)
}

/// The rows by partition.
fn by_partition(writes: &mut [Write]) -> Vec<&[Write]> {
    if writes.len() > 1 {
        writes.sort_by(|a, b| {
            a.def.prefix.cmp(&b.def.prefix).then_with(|| partition(a).cmp(partition(b)))
        });
    }
    writes.chunk_by(same_partition).collect()
}

/// Bytes of one mutation, unless one row alone is larger: Cassandra refuses those above half of a segment
/// of its log (16 MiB as shipped).
const MUTATION_BYTES: usize = 1 << 20;

/// Rows of one partition in pieces that a store takes.
fn pieces(rows: &[Write]) -> Vec<&[Write]> {
    let mut room = MUTATION_BYTES;
    rows.chunk_by(|_, next| {
        let size = next.size();
        let fits = size <= room;
        room = if fits { room - size } else { MUTATION_BYTES.saturating_sub(size) };
        fits
    })
    .collect()
}

fn shape(row: &Write) -> Shape {
    match row.op {
        Op::Insert | Op::Replace => Shape::Insert,
        Op::Delete => Shape::Delete,
    }
}

/// What a row binds. Folded rows end with their stamp, for the write time.
fn binds(row: &Write) -> Binds<'_> {
    let folded = row.def.class != Class::Direct;
    let key = row.cells.iter().take(row.def.key_columns());
    let data = row.cells.iter().skip(row.def.key_columns());
    match row.op {
        Op::Delete if folded => Binds::new().long(row.stamp.0).cells(key, Bind::Null),
        Op::Delete => Binds::new().cells(key, Bind::Null),
        Op::Insert | Op::Replace => {
            let absent = if row.op == Op::Insert { Bind::Unset } else { Bind::Null };
            let all = Binds::new().cells(key, Bind::Null).cells(data, absent).long(row.stamp.0);
            if folded { all.long(row.stamp.0) } else { all }
        }
    }
}

impl Inner {
    /// Writes folded rows, if the fence allows it.
    pub(super) async fn write(&self, batch: Batch) -> Result<(), Error> {
        let Batch { fence, mut writes } = batch;
        must_be(false, &writes)?;
        // A write without a position would be older than all others and be lost in silence.
        if let Some(row) = writes.iter().find(|row| row.stamp <= Stamp(0)) {
            return Err(Error::Failed(format!("a row of {} has no stamp", row.def.name)));
        }
        let Some((get, newest)) = fence else {
            return self.write_all(by_partition(&mut writes)).await;
        };
        self.pass(&get, newest).await?;
        let own = |row: &Write| {
            row.def == get.def && row.cells.iter().flatten().zip(&get.key).all(|(a, b)| a == b)
        };
        let stamp = writes.iter().find(|row| own(row)).map(|row| row.stamp);
        let mut groups = by_partition(&mut writes);
        let last = groups.iter().position(|rows| rows.iter().any(own)).map(|at| groups.remove(at));
        // Together at once or not at all is what rows of one partition alone are promised.
        let apart = !groups.is_empty() && last.is_some();
        let groups = if apart { groups.into_iter().flat_map(pieces).collect() } else { groups };
        self.write_all(groups).await?;
        if let Some(rows) = last {
            self.write_group(rows).await?;
        }
        if let Some(stamp) = stamp {
            self.fences.written(fence::name_of(&get), stamp);
        }
        Ok(())
    }

    /// Whether the writer may still be the owner.
    async fn pass(&self, get: &Get, newest: Stamp) -> Result<(), Error> {
        let row = fence::name_of(get);
        let table = self.tables.of(get.def)?;
        if !table.fences.load(Ordering::Relaxed) {
            table.fences.store(true, Ordering::Relaxed);
        }
        let mut verdict = self.fences.check(&row, newest, self.clock.monotonic_ms());
        if verdict == Verdict::Read {
            let stands = self.get_row(get).await?.map_or(Stamp(0), |row| row.stamp);
            verdict = if stands > newest { Verdict::Fenced } else { Verdict::Go };
        }
        if verdict == Verdict::Fenced { Err(Error::Fenced) } else { Ok(()) }
    }

    /// Plain writes of direct rows. Two of one row go by the clocks of the processes that send them.
    pub(super) async fn put(&self, mut rows: Vec<Write>) -> Result<(), Error> {
        self.write_all(by_partition(&mut rows)).await
    }

    async fn write_all(&self, groups: Vec<&[Write]>) -> Result<(), Error> {
        if let [only] = groups.as_slice() {
            return self.write_group(only).await;
        }
        let mut waiting = groups.into_iter();
        let mut running = FuturesUnordered::new();
        for rows in waiting.by_ref().take(CALL_REQUESTS) {
            running.push(self.write_group(rows));
        }
        while let Some(outcome) = running.next().await {
            outcome?;
            if let Some(rows) = waiting.next() {
                running.push(self.write_group(rows));
            }
        }
        Ok(())
    }

    /// Rows of one partition, as one mutation.
    async fn write_group(&self, rows: &[Write]) -> Result<(), Error> {
        let Some(first) = rows.first() else { return Ok(()) };
        let table = self.tables.of(first.def)?;
        let session = &self.tables.connection.session;
        if rows.len() == 1 {
            let statement = self.tables.statement(table, shape(first)).await?;
            let _slot = self.slot().await?;
            let sent = session.execute_unpaged(&statement, binds(first)).await;
            return sent.map(drop).map_err(|e| error::execution(&e));
        }
        let mut statements = Vec::with_capacity(rows.len());
        let mut values = Vec::with_capacity(rows.len());
        for row in rows {
            let statement = self.tables.statement(table, shape(row)).await?;
            statements.push(BatchStatement::PreparedStatement((*statement).clone()));
            values.push(binds(row));
        }
        let mut batch = Statements::new_with_statements(BatchType::Unlogged, statements);
        batch.set_is_idempotent(first.def.class != Class::Direct);
        let _slot = self.slot().await?;
        let sent = session.batch(&batch, values).await;
        sent.map(drop).map_err(|e| error::execution(&e))
    }
}
