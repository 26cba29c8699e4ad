//! The group's decisions, carried out step by step in the member's loop.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use platform::port::log::{Assignment, Error};
use rdkafka::consumer::Consumer;
use rdkafka::error::KafkaResult;
use schemas::Timestamp;
use schemas::topic::Durability;

use super::context::Rebalance;
use super::thread::{Owned, Phase, Reader};
use crate::kafka::offsets;

/// How long a task may take to let go of partitions.
const RELEASE: Duration = Duration::from_secs(2);
/// How long the last commits of a partition may take.
const FLUSH: Duration = Duration::from_secs(1);
/// Pause after a question that no broker answered.
const AGAIN: Duration = Duration::from_millis(200);

impl Reader {
    /// Takes the group's decisions one step further.
    pub(super) fn rebalance(&mut self) {
        loop {
            let next = self.client.context().rebalances.lock().pop_front();
            match next {
                Some(Rebalance::Assign(partitions)) => {
                    self.phase = Phase::Starting { partitions, at: Instant::now() };
                }
                Some(Rebalance::Revoke { partitions, lost }) => self.revoke(partitions, lost),
                None => break,
            }
        }
        let now = Instant::now();
        match std::mem::replace(&mut self.phase, Phase::Steady) {
            Phase::Steady => {}
            Phase::Starting { partitions, at } if now < at => {
                self.phase = Phase::Starting { partitions, at };
            }
            Phase::Starting { partitions, .. } => self.begin(partitions),
            Phase::Releasing { partitions, waits, until } => {
                if !waits.is_empty() && now < until {
                    self.phase = Phase::Releasing { partitions, waits, until };
                    return;
                }
                if !waits.is_empty() {
                    let late: Vec<u32> = waits.into_iter().collect();
                    tracing::warn!(target: "rdkafka", group = self.what.group, ?late, "not released in time");
                    self.inbox.lose(&late);
                }
                self.phase = Phase::Flushing { partitions, until: now + FLUSH };
                self.rebalance();
            }
            Phase::Flushing { partitions, until } => {
                if self.commits.idle() || now >= until {
                    self.drop_partitions(&partitions);
                    self.answer(self.client.unassign());
                } else {
                    self.phase = Phase::Flushing { partitions, until };
                }
            }
        }
    }

    fn revoke(&mut self, partitions: Vec<u32>, lost: bool) {
        if lost {
            self.drop_partitions(&partitions);
            self.inbox.lose(&partitions);
            self.phase = Phase::Steady;
            self.answer(self.client.unassign());
            return;
        }
        // The records that wait for the task are the next owner's.
        for partition in &partitions {
            self.owned.remove(partition);
        }
        let waits = self.inbox.revoke(&partitions).into_iter().collect();
        let until = Instant::now() + RELEASE;
        self.phase = Phase::Releasing { partitions, waits, until };
    }

    pub(super) fn drop_partitions(&mut self, partitions: &[u32]) {
        self.commits.forget(partitions);
        let mut ready = self.ready.lock();
        ready.retain(|partition| !partitions.contains(partition));
        drop(ready);
        for partition in partitions {
            self.owned.remove(partition);
        }
    }

    fn answer(&self, outcome: KafkaResult<()>) {
        if let Err(error) = outcome {
            self.inbox.fail(Error::Failed(format!(
                "the group's decision could not be followed: {error}"
            )));
        }
    }

    /// Starts reading new partitions where the group stands.
    fn begin(&mut self, partitions: Vec<u32>) {
        let asked = self.starts(&partitions);
        // The questions may have taken long; that is no suspension.
        self.inbox.heard();
        match asked {
            Ok(Ok(given)) => self.own(given),
            Ok(Err(error)) => {
                self.inbox.fail(error);
                self.answer(self.client.unassign());
            }
            Err(error) => {
                self.client.context().voice.warn(&format!("where to start: {error}"));
                self.phase = Phase::Starting { partitions, at: Instant::now() + AGAIN };
            }
        }
    }

    /// Where each partition starts: at the committed offset, or at the oldest kept for a group that has
    /// none. A committed offset that is not there is an error, never a skip; but of a topic whose
    /// records are only worth something now: what is too old is skipped. Rows are stamped by offsets
    /// of those that are not volatile, so that one beyond the end is an error there too.
    fn starts(&self, partitions: &[u32]) -> KafkaResult<Result<Vec<Assignment>, Error>> {
        let name = &self.what.topic.name;
        let committed = offsets::committed(&self.client, name, partitions)?;
        let first = offsets::first(&self.client, name, partitions)?;
        let end = offsets::end(&self.client, name, partitions)?;
        let of = |map: &BTreeMap<u32, u64>, partition| map.get(&partition).copied().unwrap_or(0);
        let mut given = Vec::new();
        for partition in partitions.iter().copied() {
            let (first, end) = (of(&first, partition), of(&end, partition));
            let mut next = committed.get(&partition).copied().unwrap_or(first);
            match self.what.topic.topic {
                topic if topic.durability == Durability::Volatile => {
                    next = next.clamp(first, end.max(first));
                }
                topic if topic.is_brief() => next = next.max(first),
                _ => {}
            }
            if next < first || next > end {
                return Ok(Err(self.gone(partition, next, first, end)));
            }
            given.push(Assignment { partition, epoch: self.what.topic.epoch, committed: next });
        }
        Ok(Ok(given))
    }

    /// A committed offset lies outside of what the partition holds.
    fn gone(&self, partition: u32, next: u64, first: u64, end: u64) -> Error {
        tracing::error!(
            target: "rdkafka",
            group = self.what.group,
            topic = self.what.topic.name,
            partition,
            next,
            first,
            end,
            "the group's next record is not there: records are lost; see `parlance topics new-epoch`"
        );
        if next < first {
            return Error::OutOfRange(first);
        }
        let topic = &self.what.topic.name;
        Error::Failed(format!(
            "{topic}/{partition} ends at {end}, before {next}, which was handled"
        ))
    }

    fn own(&mut self, given: Vec<Assignment>) {
        self.life += 1;
        for one in &given {
            let partition = one.partition;
            let name = &self.what.topic.name;
            let queue = self.client.split_partition_queue(name, offsets::native(partition));
            let Some(mut queue) = queue else {
                return self
                    .inbox
                    .fail(Error::Failed(format!("{name} has no partition {partition}")));
            };
            let (ready, thread) = (self.ready.clone(), std::thread::current());
            queue.set_nonempty_callback(move || {
                ready.lock().insert(partition);
                thread.unpark();
            });
            let last_at = Timestamp::default();
            self.owned.insert(partition, Owned { queue, last_at });
            // What is left of an earlier assignment keeps the queue from getting a first entry.
            self.ready.lock().insert(partition);
        }
        let starts = given.iter().map(|one| (one.partition, offsets::offset(one.committed)));
        let starts = offsets::at(&self.what.topic.name, starts);
        self.answer(starts.and_then(|starts| self.client.assign(&starts)));
        if !given.is_empty() {
            self.inbox.assign(given, self.life);
        }
    }
}
