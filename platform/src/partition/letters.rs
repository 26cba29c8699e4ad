//! Dead letters on their way. A record is finished when its letter is on the topic. Its lane waits for
//! that: a later record of the same key would leave a mark in the store by which, after a crash, this one
//! counts as done, and nobody would ever see it again. Other lanes go on meanwhile (G-16).
//!
//! They are bounded by what the pool has in work, of which each is a record; those of a partition that
//! went are not asked for again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use schemas::letter::Letter;
use schemas::{Position, topic};

use super::lanes::Job;
use crate::port::log::{Append, Budget, Error, Log, Record};

/// Pause after an append that may work later.
const AGAIN: Duration = Duration::from_secs(1);

/// A record whose letter is there.
pub(super) struct Buried<L> {
    /// Where it was.
    pub(super) position: Position,
    /// With what its lane goes on, if it had one.
    pub(super) rest: Option<Job<L>>,
}

/// What came of a letter, and whether the partition of its record is still this member's.
type Put<L> = (Buried<L>, Arc<AtomicBool>, Result<(), Error>);

/// Why a record is given up, and who gives it up.
pub(super) struct Cause<'a> {
    pub(super) pool: &'a str,
    pub(super) reason: &'a str,
    pub(super) tries: u32,
}

/// The letters under way.
pub(super) struct Letters<L>(FuturesUnordered<BoxFuture<'static, Put<L>>>);

impl<L> Default for Letters<L> {
    fn default() -> Self {
        Self(FuturesUnordered::new())
    }
}

impl<L: Send + 'static> Letters<L> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sends the letter of a record, until it is there or the partition is another's; `rest` waits.
    pub(super) fn send(
        &self,
        log: Arc<dyn Log>,
        record: &Record,
        cause: &Cause<'_>,
        held: Arc<AtomicBool>,
        rest: Option<Job<L>>,
    ) {
        let (position, letter) = (record.position, letter(record, cause));
        self.0.push(Box::pin(async move {
            let outcome = loop {
                if !held.load(Ordering::Relaxed) {
                    break Ok(());
                }
                match log.append(Budget::Worker, vec![letter.clone()]).await {
                    Ok(_) => break Ok(()),
                    Err(Error::Overloaded | Error::Unknown(_)) => tokio::time::sleep(AGAIN).await,
                    Err(error) => break Err(error),
                }
            };
            (Buried { position, rest }, held, outcome)
        }));
    }

    /// The record whose letter is there next; none, if its partition is another's by now, who will
    /// send it again.
    pub(super) async fn next(&mut self) -> Result<Option<Buried<L>>, Error> {
        let Some((buried, held, outcome)) = self.0.next().await else { return Ok(None) };
        outcome?;
        Ok(held.load(Ordering::Relaxed).then_some(buried))
    }
}

/// A record with the reason, as far as it fits.
fn letter(record: &Record, cause: &Cause<'_>) -> Append {
    let Position { partition, offset, .. } = record.position;
    let letter = Letter {
        pool: Some(cause.pool.to_owned()),
        topic: record.topic.name.to_owned(),
        partition,
        offset,
        reason: cause.reason.to_owned(),
        tries: cause.tries,
        record_bytes: None,
        key: record.key.clone(),
        headers: record.headers.clone(),
        value: record.value.clone(),
    };
    let letter = letter.fit();
    let headers = letter.headers();
    let Letter { key, value, .. } = letter;
    Append { topic: &topic::DEAD_LETTERS, partition: 0, key, headers, value }
}
