//! Reads: point reads side by side, scans slice by slice, a table by its tokens.

use std::ops::Bound;
use std::sync::atomic::Ordering;

use futures_util::stream::{FuturesOrdered, StreamExt as _};
use schemas::Stamp;
use schemas::table::{Get, Scan, Stored, TableDef, Value};

use super::row::Binds;
use super::text::Shape;
use super::{CALL_REQUESTS, Error, Inner, fence, slice};

impl Inner {
    /// Point reads, each a request to a node that has the row; answers in the order of the keys.
    pub(super) async fn get(&self, gets: &[Get]) -> Result<Vec<Option<Stored>>, Error> {
        if let [only] = gets {
            return Ok(vec![self.get_row(only).await?]);
        }
        let mut waiting = gets.iter();
        let mut running = FuturesOrdered::new();
        let mut out = Vec::with_capacity(gets.len());
        for get in waiting.by_ref().take(CALL_REQUESTS) {
            running.push_back(self.get_row(get));
        }
        while let Some(row) = running.next().await {
            out.push(row?);
            if let Some(get) = waiting.next() {
                running.push_back(self.get_row(get));
            }
        }
        Ok(out)
    }

    pub(super) async fn get_row(&self, get: &Get) -> Result<Option<Stored>, Error> {
        let table = self.tables.of(get.def)?;
        let statement = self.tables.statement(table, Shape::Get).await?;
        let _slot = self.slot().await?;
        let began = self.clock.monotonic_ms();
        let binds = Binds::new().values(&get.key);
        let row = self.tables.rows(get.def, &statement, &binds, 1).await?.pop();
        if table.fences.load(Ordering::Relaxed) {
            let stamp = row.as_ref().map_or(Stamp(0), |row| row.stamp);
            self.fences.read(fence::name_of(get), stamp, began);
        }
        Ok(row)
    }

    /// Rows of one partition.
    pub(super) async fn scan(&self, scan: &Scan) -> Result<Vec<Stored>, Error> {
        let table = self.tables.of(scan.def)?;
        let mut out = Vec::new();
        for slice in slice::of(scan) {
            let left = scan.limit - out.len();
            if left == 0 {
                break;
            }
            let shape = Shape::Scan(slice.shape(scan.reverse));
            let statement = self.tables.statement(table, shape).await?;
            let binds = Binds::new().values(&scan.partition).values(slice.values()).limit(left);
            let _slot = self.slot().await?;
            let mut rows = self.tables.rows(scan.def, &statement, &binds, left).await?;
            out.append(&mut rows);
        }
        Ok(out)
    }

    /// Every row of a table: the rest of the partition of `after`, then the partitions behind it in the
    /// order of their tokens. Of two partitions with one token (of 2^64) the second could be passed
    /// over where a page ends between them.
    pub(super) async fn dump(
        &self,
        def: &'static TableDef,
        after: Option<Get>,
        limit: usize,
    ) -> Result<Vec<Stored>, Error> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let table = self.tables.of(def)?;
        let Some(after) = after else {
            let statement = self.tables.statement(table, Shape::Dump).await?;
            let _slot = self.slot().await?;
            return self.tables.rows(def, &statement, &Binds::new().limit(limit), limit).await;
        };
        let (partition, cluster) =
            after.key.split_at_checked(def.partition_columns()).unwrap_or((&after.key, &[]));
        let mut out = Vec::new();
        if !cluster.is_empty() {
            out = self.scan(&rest(def, partition, cluster, limit)).await?;
        }
        let left = limit - out.len();
        if left > 0 {
            let statement = self.tables.statement(table, Shape::DumpAfter).await?;
            let binds = Binds::new().values(partition).limit(left);
            let _slot = self.slot().await?;
            out.append(&mut self.tables.rows(def, &statement, &binds, left).await?);
        }
        Ok(out)
    }
}

/// The rows of a partition behind one of them.
fn rest(def: &'static TableDef, partition: &[Value], cluster: &[Value], limit: usize) -> Scan {
    Scan {
        def,
        partition: partition.to_vec(),
        from: Bound::Excluded(cluster.to_vec()),
        to: Bound::Unbounded,
        reverse: false,
        limit,
        row: std::marker::PhantomData,
    }
}
