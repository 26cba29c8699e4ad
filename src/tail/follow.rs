//! Reads a topic from where it was asked to, on any log.
//!
//! Holds no records beyond those of one poll. Order is that of each partition; between partitions there
//! is none.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use futures_util::future::select_all;
use futures_util::{StreamExt as _, stream};
use platform::Log;
use platform::port::log::{Error, PartitionState, Record, Start, Tail};
use schemas::topic::{self, Topic};
use schemas::{ApiError, Code, partition};
use serde::{Deserialize, Serialize};

use super::ask::{Ask, From};
use super::shown::Shown;

/// Looks at last records that are under way at once.
const LOOKS: usize = 8;

/// What comes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Line {
    /// A record.
    Record(Box<Shown>),
    /// Records that were forgotten before they were read: from this offset up to that one.
    Skipped {
        /// Where.
        partition: u32,
        /// The first.
        from: u64,
        /// The next that is there.
        to: u64,
    },
}

/// A reader of one topic.
pub(super) struct Follow {
    tails: Vec<Box<dyn Tail>>,
    /// The next offset of each partition, as far as it is known.
    next: BTreeMap<u32, u64>,
    /// Where each partition ends for us; none: nowhere.
    ends: Option<BTreeMap<u32, u64>>,
    key: Option<Vec<u8>>,
    left: u64,
    ready: VecDeque<Line>,
}

fn failed(error: &Error) -> ApiError {
    let code = match error {
        Error::Overloaded | Error::Unknown(_) => Code::Overloaded,
        _ => Code::Internal,
    };
    ApiError::new(code, error.to_string())
}

fn invalid(why: String) -> ApiError {
    ApiError::invalid(vec![why])
}

impl Follow {
    /// Takes its places at once: what is appended after this is read.
    pub(super) async fn begin(log: &Arc<dyn Log>, ask: &Ask) -> Result<Self, ApiError> {
        let topic = topic::by_name(&ask.topic)
            .ok_or_else(|| invalid(format!("there is no topic {}", ask.topic)))?;
        let mut states = log.describe(topic).await.map_err(|error| failed(&error))?;
        if let Some(only) = only(&**log, topic, ask)? {
            states.retain(|state| state.partition == only);
        }
        let from = ask.from.unwrap_or(From::Latest);
        let ends = if ask.until_end { Some(ends(log, topic, &states, from).await?) } else { None };
        let mut follow = Self {
            tails: Vec::new(),
            next: BTreeMap::new(),
            ends,
            key: ask.key.clone().map(String::into_bytes),
            left: ask.limit.unwrap_or(u64::MAX),
            ready: VecDeque::new(),
        };
        if let Some(ends) = &follow.ends {
            states.retain(|state| ends.contains_key(&state.partition));
        }
        follow.open(&**log, topic, &states, from).await.map_err(|error| failed(&error))?;
        Ok(follow)
    }

    /// A tail for all partitions that begin alike.
    async fn open(
        &mut self,
        log: &dyn Log,
        topic: &'static Topic,
        states: &[PartitionState],
        from: From,
    ) -> Result<(), Error> {
        let (mut at, mut first, mut end) = (Vec::new(), Vec::new(), Vec::new());
        for state in states {
            let partition = state.partition;
            match from {
                From::Offset(offset) if (state.first..=state.end).contains(&offset) => {
                    self.next.insert(partition, offset);
                    at.push(partition);
                }
                From::Offset(offset) if offset > state.end => end.push(partition),
                From::Offset(_) | From::Earliest => {
                    self.next.insert(partition, state.first);
                    first.push(partition);
                }
                From::Latest => end.push(partition),
                From::Since(_) => at.push(partition),
            }
        }
        let start = match from {
            From::Offset(offset) => Start::At(offset),
            From::Since(at) => Start::Since(at),
            From::Earliest | From::Latest => Start::Latest,
        };
        for (partitions, start) in [(at, start), (first, Start::Earliest), (end, Start::Latest)] {
            if !partitions.is_empty() {
                self.tails.push(log.tail(topic, partitions, start).await?);
            }
        }
        Ok(())
    }

    /// What comes next; none at the end. Cancel-safe.
    pub(super) async fn next(&mut self) -> Result<Option<Line>, ApiError> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                if matches!(line, Line::Record(_)) {
                    if self.left == 0 {
                        return Ok(None);
                    }
                    self.left -= 1;
                }
                return Ok(Some(line));
            }
            if self.left == 0 || self.has_ended() {
                return Ok(None);
            }
            // Records that are there come without a wait, also those that nobody wants: others want to run,
            // or to end this.
            tokio::task::yield_now().await;
            let polled = {
                let waiting = self.tails.iter_mut().map(|tail| tail.next());
                select_all(waiting).await.0
            };
            match polled {
                Ok(records) => self.take(&records),
                // The offset of the next record tells what is missing, and where.
                Err(Error::OutOfRange(_)) => {}
                Err(error) => return Err(failed(&error)),
            }
        }
    }

    fn has_ended(&self) -> bool {
        match &self.ends {
            None => self.tails.is_empty(),
            Some(ends) => ends
                .iter()
                .all(|(partition, end)| self.next.get(partition).is_some_and(|next| next >= end)),
        }
    }

    fn take(&mut self, records: &[Record]) {
        for record in records {
            let (partition, offset) = (record.position.partition, record.position.offset);
            if let Some(from) = self.next.insert(partition, offset + 1)
                && from < offset
            {
                self.ready.push_back(Line::Skipped { partition, from, to: offset });
            }
            let end = self.ends.as_ref().and_then(|ends| ends.get(&partition)).copied();
            let wanted = self.key.as_ref().is_none_or(|key| record.key == key.as_slice());
            if wanted && end.is_none_or(|end| offset < end) {
                self.ready.push_back(Line::Record(Box::new(Shown::of(record))));
            }
        }
    }
}

/// The one partition that is asked for, if it is one: by its number, or because all of a key is in it.
fn only(log: &dyn Log, topic: &'static Topic, ask: &Ask) -> Result<Option<u32>, ApiError> {
    let count = log.partitions(topic);
    match (ask.partition, &ask.key) {
        (Some(one), _) if one >= count => {
            Err(invalid(format!("{} has partitions 0 to {}", topic.name, count.saturating_sub(1))))
        }
        (Some(one), _) => Ok(Some(one)),
        // Partitions of nodes, and of letters, are not those of their keys.
        (None, Some(_)) if [&topic::OUTBOUND, &topic::DEAD_LETTERS].contains(&topic) => Ok(None),
        (None, Some(key)) => Ok(Some(partition::of(key.as_bytes(), count))),
        (None, None) => Ok(None),
    }
}

/// Where each partition ends that has something to show.
async fn ends(
    log: &Arc<dyn Log>,
    topic: &'static Topic,
    states: &[PartitionState],
    from: From,
) -> Result<BTreeMap<u32, u64>, ApiError> {
    let some = states.iter().filter(|state| match from {
        From::Latest => false,
        From::Offset(offset) => offset.max(state.first) < state.end,
        From::Earliest | From::Since(_) => state.first < state.end,
    });
    let some: Vec<(u32, u64)> = some.map(|state| (state.partition, state.end)).collect();
    let From::Since(at) = from else { return Ok(some.into_iter().collect()) };
    // A partition whose last record is older would be waited for in vain.
    let looks = stream::iter(some).map(|(partition, end)| {
        let log = Arc::clone(log);
        async move {
            let mut last = log.tail(topic, vec![partition], Start::At(end - 1)).await?;
            let newer = match last.next().await {
                Ok(records) => records.iter().any(|record| record.appended_at >= at),
                Err(Error::OutOfRange(_)) => false,
                Err(error) => return Err(error),
            };
            Ok((partition, newer.then_some(end)))
        }
    });
    let looked: Vec<Result<_, Error>> = looks.buffer_unordered(LOOKS).collect().await;
    let mut ends = BTreeMap::new();
    for look in looked {
        let (partition, end) = look.map_err(|error| failed(&error))?;
        ends.extend(end.map(|end| (partition, end)));
    }
    Ok(ends)
}

#[cfg(test)]
#[path = "follow_tests.rs"]
mod tests;
