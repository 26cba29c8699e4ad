//! Dead letters on their way. The pool does not wait for them, its committed offset does: a record is
//! finished when its letter is on the topic, and others go on meanwhile (G-16).
//!
//! They are bounded by what the pool has in work, of which each is a record.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use schemas::topic::{self, header};
use schemas::{Position, limits};

use crate::port::log::{Append, Budget, Error, Log, Record};

/// What a letter keeps of a record's key and value: with its headers it must fit into a record. Only
/// one that is not ours has more.
const KEY_BYTES: usize = 1_024;
const VALUE_BYTES: usize = limits::RECORD_BYTES - 8_192;
/// Characters of a reason.
const REASON_CHARS: usize = 500;
/// Pause after an append that may work later.
const AGAIN: Duration = Duration::from_secs(1);

/// Where a record was whose letter was put away, and whether its partition is still this member's.
type Put = (Position, Arc<AtomicBool>, Result<(), Error>);

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
        (reason, tries): (&str, u32),
        held: Arc<AtomicBool>,
    ) {
        let (position, letter) = (record.position, letter(record, reason, tries));
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
fn letter(record: &Record, reason: &str, tries: u32) -> Append {
    let position = record.position;
    let text = |value: u64| Bytes::from(value.to_string());
    let key = record.key.slice(..record.key.len().min(KEY_BYTES));
    let value = record.value.slice(..record.value.len().min(VALUE_BYTES));
    let mut reason = reason.chars().take(REASON_CHARS).collect::<String>();
    if value.len() < record.value.len() || key.len() < record.key.len() {
        let (key, value) = (record.key.len(), record.value.len());
        reason = format!("{reason} (cut: {key} bytes of key and {value} of value)");
    }
    Append {
        topic: &topic::DEAD_LETTERS,
        partition: 0,
        key,
        headers: vec![
            (header::SOURCE_TOPIC, Bytes::from_static(record.topic.name.as_bytes())),
            (header::SOURCE_PARTITION, text(position.partition.into())),
            (header::SOURCE_OFFSET, text(position.offset)),
            (header::REASON, Bytes::from(reason)),
            (header::TRIES, text(tries.into())),
        ],
        value,
    }
}
