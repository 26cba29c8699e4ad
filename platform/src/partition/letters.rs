//! Dead letters on their way. The pool does not wait for them, its committed offset does: a record is
//! finished when its letter is on the topic, and others go on meanwhile (G-16).
//!
//! They are bounded by what the pool has in work, of which each is a record.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use schemas::letter::Letter;
use schemas::{Position, topic};

use crate::port::log::{Append, Budget, Error, Log, Record};

/// Pause after an append that may work later.
const AGAIN: Duration = Duration::from_secs(1);

/// Where a record was whose letter was put away, and whether its partition is still this member's.
type Put = (Position, Arc<AtomicBool>, Result<(), Error>);

/// Why a record is given up, and who gives it up.
pub(super) struct Cause<'a> {
    pub(super) pool: &'a str,
    pub(super) reason: &'a str,
    pub(super) tries: u32,
}

/// The letters under way.
#[derive(Default)]
pub(super) struct Letters(FuturesUnordered<BoxFuture<'static, Put>>);

impl Letters {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sends the letter of a record, until it is there.
    pub(super) fn send(
        &self,
        log: Arc<dyn Log>,
        record: &Record,
        cause: &Cause<'_>,
        held: Arc<AtomicBool>,
    ) {
        let (position, letter) = (record.position, letter(record, cause));
        self.0.push(Box::pin(async move {
            let outcome = loop {
                match log.append(Budget::Worker, vec![letter.clone()]).await {
                    Ok(_) => break Ok(()),
                    Err(Error::Overloaded | Error::Unknown(_)) => tokio::time::sleep(AGAIN).await,
                    Err(error) => break Err(error),
                }
            };
            (position, held, outcome)
        }));
    }

    /// The record whose letter is there next; none, if its partition is another's by now, who will
    /// send it again.
    pub(super) async fn next(&mut self) -> Result<Option<Position>, Error> {
        let Some((position, held, outcome)) = self.0.next().await else { return Ok(None) };
        outcome?;
        Ok(held.load(Ordering::Relaxed).then_some(position))
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
