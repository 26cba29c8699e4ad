//! The store with a clock beside it: time and errors of every call, the same for every engine.

use std::sync::Arc;

use async_trait::async_trait;
use prometheus::{Histogram, IntCounter};
use schemas::table::{Batch, Get, Scan, Stored, TableDef, Write};
use tokio::time::Instant;

use super::{Metrics, label};
use crate::port::store::{Claim, Error, Store};

/// See the module.
pub struct TimedStore {
    inner: Arc<dyn Store>,
    get: Histogram,
    scan: Histogram,
    write: Histogram,
    claim: Histogram,
    replace: Histogram,
    put: Histogram,
    dump: Histogram,
    errors: Errors,
}

struct Errors {
    fenced: IntCounter,
    unavailable: IntCounter,
    decode: IntCounter,
    failed: IntCounter,
}

impl std::fmt::Debug for TimedStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TimedStore").finish_non_exhaustive()
    }
}

impl TimedStore {
    /// This store, timed.
    pub fn new(inner: Arc<dyn Store>, metrics: &Metrics) -> Self {
        let call = |name| metrics.store_seconds.with_label_values(&[name]);
        let error = |name| metrics.store_errors.with_label_values(&[name]);
        debug_assert_eq!(label::CALL.values.len(), 7, "every call is timed");
        Self {
            inner,
            get: call("get"),
            scan: call("scan"),
            write: call("write"),
            claim: call("claim"),
            replace: call("replace"),
            put: call("put"),
            dump: call("dump"),
            errors: Errors {
                fenced: error("fenced"),
                unavailable: error("unavailable"),
                decode: error("decode"),
                failed: error("failed"),
            },
        }
    }

    async fn time<T>(
        &self,
        seconds: &Histogram,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let began = Instant::now();
        let outcome = call.await;
        seconds.observe(began.elapsed().as_secs_f64());
        if let Err(error) = &outcome {
            self.errors.of(error).inc();
        }
        outcome
    }
}

impl Errors {
    fn of(&self, error: &Error) -> &IntCounter {
        match error {
            Error::Fenced => &self.fenced,
            Error::Unavailable(_) => &self.unavailable,
            Error::Decode(_) => &self.decode,
            Error::Failed(_) => &self.failed,
        }
    }
}

#[async_trait]
impl Store for TimedStore {
    async fn get(&self, gets: &[Get]) -> Result<Vec<Option<Stored>>, Error> {
        self.time(&self.get, self.inner.get(gets)).await
    }

    async fn scan(&self, scan: &Scan) -> Result<Vec<Stored>, Error> {
        self.time(&self.scan, self.inner.scan(scan)).await
    }

    async fn write(&self, batch: Batch) -> Result<(), Error> {
        self.time(&self.write, self.inner.write(batch)).await
    }

    async fn claim(&self, row: Write) -> Result<Claim, Error> {
        self.time(&self.claim, self.inner.claim(row)).await
    }

    async fn replace(&self, expected: &Stored, row: Write) -> Result<Claim, Error> {
        self.time(&self.replace, self.inner.replace(expected, row)).await
    }

    async fn put(&self, rows: Vec<Write>) -> Result<(), Error> {
        self.time(&self.put, self.inner.put(rows)).await
    }

    async fn dump(
        &self,
        def: &'static TableDef,
        after: Option<Get>,
        limit: usize,
    ) -> Result<Vec<Stored>, Error> {
        self.time(&self.dump, self.inner.dump(def, after, limit)).await
    }
}
