//! The shell on the real ports: carries out the steps of a round. It decides nothing.

use std::marker::PhantomData;

use async_trait::async_trait;
use platform::Platform;
use platform::partition::{Failure, Handler, LaneKey};
use platform::port::ephemeral::Route;
use platform::port::log::{self, Append, Budget, Record};
use platform::port::store;
use platform::telemetry::Metrics;
use schemas::partition;
use uuid::Uuid;

use super::round::{Answer, Error, Lane, Round, Step};
use super::steps::Steps;
use super::{Emit, Fold, Item};
use crate::routing::{self, Routing};

/// A folding pool's handler.
pub struct Shell<F: Fold> {
    platform: Platform,
    steps: Steps,
    fold: PhantomData<fn() -> F>,
}

impl<F: Fold> std::fmt::Debug for Shell<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Shell({})", F::POOL)
    }
}

impl<F: Fold> Shell<F> {
    /// On these ports.
    pub fn new(platform: Platform) -> Self {
        let steps = Steps::new(&platform.metrics, F::POOL);
        Self { platform, steps, fold: PhantomData }
    }

    async fn step(&self, step: Step) -> Result<Option<Answer>, Failure> {
        let Platform { store, metrics, .. } = &self.platform;
        let of_store = |error: store::Error| of_store(&error);
        Ok(Some(match step {
            Step::Get(gets) => Answer::Rows(store.get(&gets).await.map_err(of_store)?),
            Step::Scan(scan) => Answer::Page(store.scan(&scan).await.map_err(of_store)?),
            Step::Write(batch) => {
                let rows = u64::try_from(batch.writes.len()).unwrap_or(0);
                store.write(batch).await.map_err(of_store)?;
                metrics.rows_written.inc_by(rows);
                Answer::Written
            }
            Step::Emit(emits) => {
                let records = self.records(emits).await;
                if !records.is_empty() {
                    let appended = self.platform.log.append(Budget::Worker, records).await;
                    appended.map_err(|error| of_log(&error))?;
                }
                Answer::Emitted
            }
            Step::Done => return Ok(None),
        }))
    }

    /// The records of emits, in their order.
    async fn records(&self, emits: Vec<Emit>) -> Vec<Append> {
        let pushed = emits.iter().filter_map(|emit| match emit {
            Emit::Push(user, _) => Some(Route::User(*user)),
            Emit::Record { .. } | Emit::To(..) => None,
        });
        let routing = Routing::of(&self.platform, pushed.collect()).await;
        let mut records = Vec::with_capacity(emits.len());
        for emit in emits {
            match emit {
                Emit::Record { topic, key, headers, value } => {
                    let partition = partition::of(&key, self.platform.log.partitions(topic));
                    records.push(Append { topic, partition, key, headers, value });
                }
                Emit::To(node, outbound) => {
                    records.push(routing::to(&self.platform, node, &outbound));
                }
                Emit::Push(user, outbound) => {
                    routing.send(&self.platform, &[Route::User(user)], || outbound, &mut records);
                }
            }
        }
        records
    }
}

/// Of the store: what is away is waited for, a row that can not be read is the trouble of the record
/// that needs it, everything else ends the process before it says what is not so.
pub(crate) fn of_store(error: &store::Error) -> Failure {
    match error {
        store::Error::Unavailable(_) => Failure::Retry(error.to_string()),
        store::Error::Decode(_) => Failure::Suspect(error.to_string()),
        store::Error::Fenced => Failure::Fenced(error.to_string()),
        store::Error::Failed(_) => Failure::Stop(error.to_string()),
    }
}

/// Of the log: what is too large is the trouble of the record that it comes of.
pub(crate) fn of_log(error: &log::Error) -> Failure {
    match error {
        log::Error::Overloaded | log::Error::Unknown(_) => Failure::Retry(error.to_string()),
        log::Error::TooLarge(_) => Failure::Suspect(error.to_string()),
        log::Error::Closed | log::Error::Failed(_) | log::Error::OutOfRange(_) => {
            Failure::Stop(error.to_string())
        }
    }
}

fn of_round(metrics: &Metrics, error: &Error) -> Failure {
    if let Error::Broken { id, what, .. } = error {
        metrics.violated(id, what);
    }
    match error {
        Error::Decode(_) => Failure::Suspect(error.to_string()),
        Error::Fenced => Failure::Fenced(error.to_string()),
        Error::Broken { offset: Some(offset), .. } => {
            Failure::Poison { offset: *offset, reason: error.to_string() }
        }
        Error::Broken { .. } | Error::Identity(_) | Error::Step => Failure::Stop(error.to_string()),
    }
}

#[async_trait]
impl<F: Fold> Handler for Shell<F> {
    type Lane = Lane<F>;

    fn pool(&self) -> &'static str {
        F::POOL
    }

    fn lane(&self, record: &Record) -> Result<LaneKey, String> {
        let text = std::str::from_utf8(&record.key).map_err(|e| e.to_string())?;
        Uuid::try_parse(text).map(|id| id.as_u128()).map_err(|e| format!("key: {e}"))
    }

    fn open(&self, key: LaneKey, _partition: u32) -> Lane<F> {
        Lane::new(F::key(key))
    }

    async fn handle(&self, lane: &mut Lane<F>, batch: &[Record]) -> Result<(), Failure> {
        let mut items = Vec::with_capacity(batch.len());
        for record in batch {
            items.push(Item::read(record).map_err(|error| Failure::Poison {
                offset: record.position.offset,
                reason: error.to_string(),
            })?);
        }
        let mut round = Round::new(lane, items);
        let mut answer = Answer::Begin;
        let mut watch = self.steps.watch();
        loop {
            let step = round.next(answer);
            watch.took("decide");
            let step = step.map_err(|error| of_round(&self.platform.metrics, &error))?;
            match self.step(step).await? {
                Some(next) => answer = next,
                None => break,
            }
            watch.took(round.step());
        }
        watch.tell();
        for change in round.decided() {
            self.platform.metrics.encodes.inc();
            if F::is_message(change) {
                self.platform.metrics.messages.inc();
            }
        }
        Ok(())
    }
}
