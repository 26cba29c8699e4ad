//! `parlance topics new-epoch`: the log is another one than before, and that is meant.
//!
//! Every folded row bears the position that last wrote it, and a record at or below it is skipped as
//! known. A topic that was made anew counts from 0 again, and one with more partitions puts keys where
//! the offsets are lower: their records would be skipped. So positions begin with an epoch, and an
//! operator moves it:
//!
//! 1. Stop ingest, wait until no group has lag (`parlance doctor`), stop every process.
//! 2. Change the topic: delete and create it, add partitions, restore the brokers.
//! 3. `parlance topics apply` creates what is missing.
//! 4. `parlance topics new-epoch`: topics that differ from what the store remembers get the next
//!    epoch, with the present id and number of partitions. Groups whose next offset means nothing in
//!    the present topic start at its oldest record.
//! 5. Start again.
//!
//! After a loss (step 1 was not possible) the same brings the deployment back; what the log held and
//! no group had handled is gone, and only the brokers' backup could tell what that was.

use std::collections::BTreeMap;
use std::sync::Arc;

use platform::port::store::{self, Claim};
use rdkafka::consumer::{CommitMode, Consumer};
use rdkafka::error::KafkaResult;
use schemas::Stamp;
use schemas::deployment::table::{HighWater, TopicState};
use schemas::position::{MAX_EPOCH, OFFSET_BITS};
use schemas::table::{Op, Table, Write};
use schemas::topic::{self, Topic};

use super::{Admin, describe};
use crate::kafka::ffi::Described;
use crate::kafka::{CONNECT, Control, Refused, blocking, control, ends_of, identity, offsets};

/// A consumer group and what it reads.
pub type Reads = (&'static str, &'static Topic);

/// What to do about records that no group member has handled yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unhandled {
    /// Refuse: they were to be handled before.
    Refuse,
    /// Go on: they are handled in the new epoch, out of order with what follows for their keys if the
    /// number of partitions changed.
    Keep,
}

/// Why there is no new epoch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// As at a start.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// A process still runs.
    #[error("group {group} has {members} members: stop every process first")]
    InUse {
        /// The group, with the deployment's prefix.
        group: String,
        /// Its members.
        members: usize,
    },
    /// Not everything was handled.
    #[error("group {group} has {records} records of {topic} to handle: drain it first")]
    Lag {
        /// The group, with the deployment's prefix.
        group: String,
        /// The topic.
        topic: &'static str,
        /// How many.
        records: u64,
    },
    /// Epochs are used up: the tables must be written anew.
    #[error("topic {0} has used up its epochs")]
    Spent(&'static str),
    /// Somebody else runs it too.
    #[error("the row of topic {0} changed meanwhile: run it again")]
    Raced(&'static str),
}

impl From<store::Error> for Denied {
    fn from(error: store::Error) -> Self {
        Self::Refused(error.into())
    }
}

/// What was done with a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// Name without the deployment's prefix.
    pub topic: &'static str,
    /// The epoch from now on.
    pub epoch: u32,
    /// The epoch before, if it was moved.
    pub moved_from: Option<u32>,
    /// Groups that start at the oldest record of some partitions, with how many.
    pub restarted: Vec<(String, usize)>,
}

/// How far a topic is another one than the store remembers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Change {
    None,
    /// More or fewer partitions, or an end before what was folded: offsets that exist keep their meaning.
    Shape,
    /// Another topic: offsets of the old one mean nothing.
    Topic,
}

fn unreachable(error: &dyn std::fmt::Display) -> Denied {
    Denied::Refused(Refused::Unreachable(error.to_string()))
}

async fn ask<T: Send + 'static>(
    question: impl FnOnce() -> KafkaResult<T> + Send + 'static,
) -> Result<T, Denied> {
    blocking(question).await.map_err(|e| unreachable(&e))?.map_err(|e| unreachable(&e))
}

impl Admin {
    /// Moves the epoch of every topic that is another one than the store remembers; `groups` are all
    /// that read. Nothing may run.
    pub async fn new_epoch(
        &self,
        groups: &[Reads],
        unhandled: Unhandled,
    ) -> Result<Vec<Epoch>, Denied> {
        let there = describe(&self.settings, &self.client, CONNECT).await?;
        let mut plans = Vec::new();
        for topic in topic::ALL {
            let name = self.settings.topic(topic);
            let found = there.iter().find(|one| one.name == name);
            let found = found.ok_or(Refused::Missing(topic.name))?.clone();
            let row = identity::state_of(&*self.store, topic).await?;
            let row = row.ok_or(Refused::Unnoted(topic.name))?;
            let change = self.change(topic, &row, &found).await?;
            plans.push((topic, found, row, change));
        }
        // All checks before the first change.
        for (topic, found, _, change) in &plans {
            for group in reading(groups, topic) {
                self.check(group, topic, found, *change, unhandled).await?;
            }
        }
        let mut done = Vec::new();
        for (topic, found, row, change) in plans {
            let mut restarted = Vec::new();
            // Before the row: a run that breaks off here is told so by the row and does it again.
            for group in reading(groups, topic) {
                let count = self.restart(group, topic, &found, change).await?;
                if count > 0 {
                    restarted.push((self.settings.group(group, topic), count));
                }
            }
            let before = u32::try_from(row.epoch).map_err(|_| Denied::Spent(topic.name))?;
            let epoch = if change == Change::None {
                before
            } else {
                self.advance(topic, &found, row, before).await?
            };
            self.forget_waters(topic, epoch).await?;
            let moved_from = (change != Change::None).then_some(before);
            done.push(Epoch { topic: topic.name, epoch, moved_from, restarted });
        }
        Ok(done)
    }

    async fn change(
        &self,
        topic: &'static Topic,
        row: &TopicState,
        found: &Described,
    ) -> Result<Change, Denied> {
        if row.topic_id != found.id {
            return Ok(Change::Topic);
        }
        if row.partitions != i64::from(found.partitions) {
            return Ok(Change::Shape);
        }
        let epoch = u32::try_from(row.epoch).map_err(|_| Denied::Spent(topic.name))?;
        let waters = identity::waters_of(&*self.store, topic, epoch).await?;
        if waters.is_empty() {
            return Ok(Change::None);
        }
        let all = (0..found.partitions).collect();
        let ends = ends_of(&self.client, &found.name, all).await?;
        let reaches = identity::reaches(topic, &waters, &ends).is_ok();
        Ok(if reaches { Change::None } else { Change::Shape })
    }

    fn client_of(
        &self,
        group: &'static str,
        topic: &Topic,
    ) -> Result<(String, Arc<Control>), Denied> {
        let name = self.settings.group(group, topic);
        let client = control(&self.settings, Some(&name)).map_err(|e| unreachable(&e))?;
        Ok((name, client))
    }

    /// Whether a group may be left where it is.
    async fn check(
        &self,
        group: &'static str,
        topic: &'static Topic,
        found: &Described,
        change: Change,
        unhandled: Unhandled,
    ) -> Result<(), Denied> {
        let (name, client) = self.client_of(group, topic)?;
        let (asked, of) = (client.clone(), name.clone());
        let members = ask(move || {
            let list = asked.fetch_group_list(Some(&of), offsets::ANSWER)?;
            Ok(list.groups().iter().map(|group| group.members().len()).sum::<usize>())
        });
        let members = members.await?;
        if members > 0 {
            return Err(Denied::InUse { group: name, members });
        }
        if unhandled == Unhandled::Keep {
            return Ok(());
        }
        // Of another topic nobody can tell what was handled.
        if change != Change::Shape {
            return Ok(());
        }
        let places = places(client, found).await?;
        let records = places.values().map(|place| place.end.saturating_sub(place.next())).sum();
        if records > 0 {
            return Err(Denied::Lag { group: name, topic: topic.name, records });
        }
        Ok(())
    }

    /// Lets a group go on where its next offset means something: at the end of a topic that lost its
    /// end, else at the oldest record. How many partitions.
    async fn restart(
        &self,
        group: &'static str,
        topic: &'static Topic,
        found: &Described,
        change: Change,
    ) -> Result<usize, Denied> {
        let (_, client) = self.client_of(group, topic)?;
        let mut from = places(client.clone(), found).await?;
        from.retain(|_, place| match place.committed {
            // Without one the group starts at the oldest by itself.
            None => false,
            Some(next) => {
                let there = (place.first..=place.end).contains(&next);
                !there || (change == Change::Topic && next != place.first)
            }
        });
        if from.is_empty() {
            return Ok(0);
        }
        let (count, name) = (from.len(), found.name.clone());
        ask(move || {
            let from = from.iter().map(|(at, place)| {
                // The same topic that lost its end (restored brokers): all that is left of it was
                // handled, and what is handled again under a new epoch is decided again.
                let lost_end =
                    change == Change::Shape && place.committed.is_some_and(|next| next > place.end);
                (*at, offsets::offset(if lost_end { place.end } else { place.first }))
            });
            client.commit(&offsets::at(&name, from)?, CommitMode::Sync)
        })
        .await?;
        Ok(count)
    }

    async fn advance(
        &self,
        topic: &'static Topic,
        found: &Described,
        row: TopicState,
        before: u32,
    ) -> Result<u32, Denied> {
        let epoch = before + 1;
        if epoch > MAX_EPOCH {
            return Err(Denied::Spent(topic.name));
        }
        let stored = self.store.get(&[TopicState::get(topic.name)]).await?;
        let stored = stored.into_iter().next().flatten().ok_or(Denied::Raced(topic.name))?;
        if stored.cells != row.to_cells() {
            return Err(Denied::Raced(topic.name));
        }
        let next = TopicState {
            epoch: i64::from(epoch),
            topic_id: found.id.clone(),
            partitions: i64::from(found.partitions),
            ..row
        };
        match self.store.replace(&stored, Write::replace(&next, Stamp(0))).await? {
            Claim::Won => Ok(epoch),
            Claim::Lost(_) => Err(Denied::Raced(topic.name)),
        }
    }

    /// Deletes the high waters of earlier epochs.
    async fn forget_waters(&self, topic: &'static Topic, epoch: u32) -> Result<(), Denied> {
        let rows = store::scan(&*self.store, HighWater::of_topic(topic.name)).await?;
        let old = rows.iter().filter(|row| row.position >> OFFSET_BITS != i64::from(epoch));
        let old = old.map(|row| Write { op: Op::Delete, ..Write::replace(row, Stamp(0)) });
        let old: Vec<Write> = old.collect();
        if !old.is_empty() {
            self.store.put(old).await?;
        }
        Ok(())
    }
}

fn reading<'a>(
    groups: &'a [Reads],
    topic: &'static Topic,
) -> impl Iterator<Item = &'static str> + 'a {
    groups.iter().filter(move |(_, reads)| *reads == topic).map(|(group, _)| *group)
}

/// Where a group stands in a partition.
struct Place {
    committed: Option<u64>,
    first: u64,
    end: u64,
}

impl Place {
    fn next(&self) -> u64 {
        self.committed.unwrap_or(self.first)
    }
}

async fn places(client: Arc<Control>, found: &Described) -> Result<BTreeMap<u32, Place>, Denied> {
    let (name, all) = (found.name.clone(), (0..found.partitions).collect::<Vec<u32>>());
    ask(move || {
        let committed = offsets::committed(&client, &name, &all)?;
        let first = offsets::first(&client, &name, &all)?;
        let end = offsets::end(&client, &name, &all)?;
        let place = |(partition, first): (u32, u64)| {
            let end = end.get(&partition).copied().unwrap_or(first);
            (partition, Place { committed: committed.get(&partition).copied(), first, end })
        };
        Ok(first.into_iter().map(place).collect())
    })
    .await
}
