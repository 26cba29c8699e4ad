//! What an operator does with dead letters: look, append the record again, put it away.
//!
//! Nothing here changes what is on `chat.dead-letters`: a mark is appended behind (`schemas::letter`), and
//! the list is what no mark resolves. A retry appends the record first and the mark then. A crash between
//! the two leaves the letter on the list, and a second retry is a second record: its header `retry-of` makes
//! `persist` fold a command once, however often it is retried (docs/TERMINAL.md says what of the others).
//! It must never append a record that is not whole.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use schemas::letter::{DROPPED, Entry, Letter, Mark, RETRIED, Unfit};
use schemas::topic::{DEAD_LETTERS, header};
use schemas::{Position, Timestamp, partition};

use crate::port::log::{Append, Budget, Error, Log, Record, Start, Tail};

/// Silence of the log after which a list is given up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Why nothing was done about a letter.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No letter has this number, or its retention has ended.
    #[error("there is no letter {0}")]
    Unknown(u64),
    /// A mark is there.
    #[error("letter {id} was {outcome} already, on {at}")]
    Resolved {
        /// The letter.
        id: u64,
        /// What became of it.
        outcome: String,
        /// When.
        at: Timestamp,
    },
    /// The record can not be appended again.
    #[error("letter {id}: {why}")]
    Unfit {
        /// The letter.
        id: u64,
        /// Why.
        why: Unfit,
    },
    /// The log.
    #[error(transparent)]
    Log(#[from] Error),
}

/// A letter that waits for a decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// When it was written.
    pub at: Timestamp,
    /// The letter; of those on a list without the record's key, headers and value.
    pub letter: Letter,
    /// Whether the record can be appended again.
    pub fit: Result<(), Unfit>,
}

/// The letters that wait, by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct List {
    /// The newest of them.
    pub letters: BTreeMap<u64, Waiting>,
    /// How many older ones wait besides.
    pub more: u64,
}

/// Every record of the topic as it was when the pass began, in order.
struct Pass {
    /// None: the topic is empty.
    tail: Option<Box<dyn Tail>>,
    next: u64,
    end: u64,
}

impl Pass {
    async fn begin(log: &dyn Log) -> Result<Self, Error> {
        let states = log.describe(&DEAD_LETTERS).await?;
        let state = states.into_iter().find(|state| state.partition == 0);
        let (next, end) = state.map_or((0, 0), |state| (state.first, state.end));
        let tail = if next < end {
            Some(log.tail(&DEAD_LETTERS, vec![0], Start::Earliest).await?)
        } else {
            None
        };
        Ok(Self { tail, next, end })
    }

    /// The next records; none at the end.
    async fn next(&mut self) -> Result<Option<Vec<Record>>, Error> {
        let Some(tail) = &mut self.tail else { return Ok(None) };
        while self.next < self.end {
            // Records that are there come without a wait, and others want to run, or to end this.
            tokio::task::yield_now().await;
            match tokio::time::timeout(PATIENCE, tail.next()).await {
                Ok(Ok(mut records)) => {
                    self.next = records.last().map_or(self.next, |last| last.position.offset + 1);
                    records.retain(|record| record.position.offset < self.end);
                    return Ok(Some(records));
                }
                // The oldest went while they were read.
                Ok(Err(Error::OutOfRange(first))) => self.next = self.next.max(first),
                Ok(Err(error)) => return Err(error),
                Err(_) => return Err(Error::Failed(format!("no record came for {PATIENCE:?}"))),
            }
        }
        Ok(None)
    }
}

fn entry(record: &Record) -> Option<Entry> {
    Entry::read(&record.key, &record.headers, &record.value)
}

fn fitness(letter: &Letter) -> Result<(), Unfit> {
    letter.fit_for_retry().map(|_| ())
}

/// The numbers of the letters that no mark resolves. A mark says nothing of a letter that has expired, nor
/// a second one of a letter that has one.
pub async fn waiting(log: &dyn Log) -> Result<BTreeSet<u64>, Error> {
    let mut waiting = BTreeSet::new();
    let mut pass = Pass::begin(log).await?;
    while let Some(records) = pass.next().await? {
        for record in records {
            match entry(&record) {
                Some(Entry::Letter(_)) => drop(waiting.insert(record.position.offset)),
                Some(Entry::Mark(mark)) => drop(waiting.remove(&mark.resolves)),
                None => tracing::warn!(offset = record.position.offset, "not a dead letter"),
            }
        }
    }
    Ok(waiting)
}

/// The newest letters that no mark resolves, at most `limit`. One pass to learn which, one to read them.
pub async fn list(log: &dyn Log, limit: usize) -> Result<List, Error> {
    let mut wanted = waiting(log).await?;
    let more = wanted.len().saturating_sub(limit);
    if let Some(oldest) = wanted.iter().nth(more).copied() {
        wanted = wanted.split_off(&oldest);
    } else {
        wanted.clear();
    }
    let mut list = List { letters: BTreeMap::new(), more: u64::try_from(more).unwrap_or(u64::MAX) };
    if wanted.is_empty() {
        return Ok(list);
    }
    let mut pass = Pass::begin(log).await?;
    while let Some(records) = pass.next().await? {
        for record in records.iter().filter(|record| wanted.contains(&record.position.offset)) {
            let Some(Entry::Letter(mut letter)) = entry(record) else { continue };
            let fit = fitness(&letter);
            letter.headers.clear();
            (letter.key, letter.value) = (Bytes::new(), Bytes::new());
            let waiting = Waiting { at: record.appended_at, letter, fit };
            list.letters.insert(record.position.offset, waiting);
        }
    }
    Ok(list)
}

/// A letter with what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The whole letter.
    pub letter: Waiting,
    /// The first mark about it, and when it was made.
    pub mark: Option<(Timestamp, Mark)>,
}

/// One letter, whole.
pub async fn find(log: &dyn Log, id: u64) -> Result<Option<Found>, Error> {
    let mut found: Option<Found> = None;
    let mut pass = Pass::begin(log).await?;
    while let Some(records) = pass.next().await? {
        for record in records {
            match (entry(&record), &mut found) {
                (Some(Entry::Letter(letter)), None) if record.position.offset == id => {
                    let fit = fitness(&letter);
                    let letter = Waiting { at: record.appended_at, letter, fit };
                    found = Some(Found { letter, mark: None });
                }
                (Some(Entry::Mark(mark)), Some(found)) if mark.resolves == id => {
                    found.mark.get_or_insert((record.appended_at, mark));
                }
                _ => {}
            }
        }
    }
    Ok(found)
}

/// What is done about letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// The record is appended again: to its topic, in the partition of its key as it is now, with the
    /// headers it had and one more.
    Retry,
    /// Nothing: the letter is taken off the list.
    Drop,
}

/// What was done about a letter: where its record lies now, if it was appended again.
pub type Settled = (u64, Result<Option<Position>, Refusal>);

/// Does it for these letters, in their order on the topic. Fails only if the topic can not be read; a
/// letter that is refused does not hold up others.
pub async fn settle(log: &dyn Log, action: Action, ids: &[u64]) -> Result<Vec<Settled>, Error> {
    // One pass to learn which of them wait, one to act: however many there are.
    let mut marks: BTreeMap<u64, (Timestamp, Mark)> = BTreeMap::new();
    let wanted: BTreeSet<u64> = ids.iter().copied().collect();
    let mut pass = Pass::begin(log).await?;
    while let Some(records) = pass.next().await? {
        for record in records {
            if let Some(Entry::Mark(mark)) = entry(&record)
                && wanted.contains(&mark.resolves)
            {
                marks.entry(mark.resolves).or_insert((record.appended_at, mark));
            }
        }
    }
    let mut settled = BTreeMap::new();
    let mut pass = Pass::begin(log).await?;
    while let Some(records) = pass.next().await? {
        for record in records.iter().filter(|record| wanted.contains(&record.position.offset)) {
            let id = record.position.offset;
            let Some(Entry::Letter(letter)) = entry(record) else { continue };
            let outcome = match marks.remove(&id) {
                Some((at, Mark { outcome, .. })) => Err(Refusal::Resolved { id, outcome, at }),
                None => act(log, action, id, letter).await,
            };
            settled.insert(id, outcome);
        }
    }
    for id in wanted {
        settled.entry(id).or_insert(Err(Refusal::Unknown(id)));
    }
    Ok(settled.into_iter().collect())
}

async fn act(
    log: &dyn Log,
    action: Action,
    id: u64,
    letter: Letter,
) -> Result<Option<Position>, Refusal> {
    let key = letter.key.clone();
    let position = match action {
        Action::Retry => Some(append(log, id, letter).await?),
        Action::Drop => None,
    };
    let mark = Mark {
        resolves: id,
        outcome: position.map_or(DROPPED, |_| RETRIED).to_owned(),
        retried_at: position.map(|at| (at.partition, at.offset)),
    };
    let (headers, value) = (mark.headers(), Bytes::new());
    let mark = Append { topic: &DEAD_LETTERS, partition: 0, key, headers, value };
    log.append(Budget::Worker, vec![mark]).await?;
    Ok(position)
}

/// The record of a letter, once more, and with the header that tells so. It is durable when this returns.
async fn append(log: &dyn Log, id: u64, letter: Letter) -> Result<Position, Refusal> {
    let topic = letter.fit_for_retry().map_err(|why| Refusal::Unfit { id, why })?;
    let partition = partition::of(&letter.key, log.partitions(topic));
    let Letter { key, mut headers, value, .. } = letter;
    headers.retain(|(name, _)| *name != header::RETRY_OF);
    headers.push((header::RETRY_OF, Bytes::from(id.to_string())));
    let again = Append { topic, partition, key, headers, value };
    let positions = log.append(Budget::Worker, vec![again]).await?;
    Ok(positions.first().copied().unwrap_or_default())
}
