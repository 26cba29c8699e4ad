//! A store that counts what is read from it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use platform::Store;
use platform::port::store::{Claim, Error};
use schemas::table::{Batch, Get, Scan, Stored, TableDef, Write};

pub(crate) struct Watched {
    inside: Arc<dyn Store>,
    requests: AtomicUsize,
    rows: AtomicUsize,
}

impl Watched {
    pub(crate) fn new(inside: Arc<dyn Store>) -> Self {
        Self { inside, requests: AtomicUsize::new(0), rows: AtomicUsize::new(0) }
    }

    /// Starts from nothing.
    pub(crate) fn forget(&self) {
        self.requests.store(0, Ordering::Relaxed);
        self.rows.store(0, Ordering::Relaxed);
    }

    /// Requests and rows asked for or found.
    pub(crate) fn reads(&self) -> (usize, usize) {
        (self.requests.load(Ordering::Relaxed), self.rows.load(Ordering::Relaxed))
    }

    fn count(&self, rows: usize) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }
}

#[async_trait]
impl Store for Watched {
    async fn get(&self, gets: &[Get]) -> Result<Vec<Option<Stored>>, Error> {
        self.count(gets.len());
        self.inside.get(gets).await
    }

    async fn scan(&self, scan: &Scan) -> Result<Vec<Stored>, Error> {
        let rows = self.inside.scan(scan).await?;
        self.count(rows.len());
        Ok(rows)
    }

    async fn write(&self, batch: Batch) -> Result<(), Error> {
        self.inside.write(batch).await
    }

    async fn claim(&self, row: Write) -> Result<Claim, Error> {
        self.inside.claim(row).await
    }

    async fn replace(&self, expected: &Stored, row: Write) -> Result<Claim, Error> {
        self.inside.replace(expected, row).await
    }

    async fn put(&self, rows: Vec<Write>) -> Result<(), Error> {
        self.inside.put(rows).await
    }

    async fn dump(
        &self,
        def: &'static TableDef,
        after: Option<Get>,
        limit: usize,
    ) -> Result<Vec<Stored>, Error> {
        self.inside.dump(def, after, limit).await
    }
}
