//! The commits of one member: the newest of each partition, one request at a time, at most every
//! [`EVERY`] unless somebody waits. The result of each is looked at: librdkafka would drop it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, ConsumerContext};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};

use super::{ffi, offsets};

/// Least time between two commits that nobody waits for. What is handled in it is handled again after
/// a crash.
const EVERY: Duration = Duration::from_millis(50);
/// Pause after a commit that failed for the moment.
const AGAIN: Duration = Duration::from_millis(100);

/// Outcome of one commit request: that of each partition.
pub(super) type Outcome = Vec<(u32, Option<Code>)>;

/// What has been asked for and what the broker has.
#[derive(Debug)]
pub(super) struct Commits {
    wanted: BTreeMap<u32, u64>,
    running: BTreeMap<u32, u64>,
    /// Of the running request: given away meanwhile.
    given_away: BTreeSet<u32>,
    due: Instant,
}

/// What a request came to.
#[derive(Debug, Default)]
pub(super) struct Settled {
    /// The broker has these.
    pub(super) done: Vec<(u32, u64)>,
    /// Refusals.
    pub(super) failed: Vec<Code>,
}

impl Commits {
    pub(super) fn new() -> Self {
        Self {
            wanted: BTreeMap::new(),
            running: BTreeMap::new(),
            given_away: BTreeSet::new(),
            due: Instant::now(),
        }
    }

    pub(super) fn want(&mut self, partition: u32, next: u64) {
        let wanted = self.wanted.entry(partition).or_insert(next);
        *wanted = next.max(*wanted);
    }

    /// Nothing of these partitions is committed any more.
    pub(super) fn forget(&mut self, partitions: &[u32]) {
        self.wanted.retain(|partition, _| !partitions.contains(partition));
        self.given_away.extend(partitions.iter().filter(|one| self.running.contains_key(one)));
    }

    /// Everything has an outcome.
    pub(super) fn idle(&self) -> bool {
        self.wanted.is_empty() && self.running.is_empty()
    }

    /// When `send` has something to do next.
    pub(super) fn due(&self) -> Option<Instant> {
        (!self.wanted.is_empty() && self.running.is_empty()).then_some(self.due)
    }

    /// Sends what is wanted, if it is time or urgent, and nothing is on its way.
    pub(super) fn send<C: ConsumerContext>(
        &mut self,
        client: &BaseConsumer<C>,
        topic: &str,
        urgent: bool,
    ) {
        if self.wanted.is_empty() || !self.running.is_empty() {
            return;
        }
        let now = Instant::now();
        if !urgent && now < self.due {
            return;
        }
        self.due = now + EVERY;
        let offsets =
            self.wanted.iter().map(|(partition, next)| (*partition, offsets::offset(*next)));
        let sent = offsets::at(topic, offsets)
            .and_then(|offsets| ffi::commit(client, &offsets).map_err(KafkaError::ConsumerCommit));
        match sent {
            Ok(()) => self.running = std::mem::take(&mut self.wanted),
            Err(error) => {
                tracing::warn!(target: "rdkafka", %error, "a commit could not be sent");
                self.due = now + AGAIN;
            }
        }
    }

    /// Takes the outcome of the request on its way. What may work later is wanted again.
    pub(super) fn settle(&mut self, outcome: Outcome) -> Settled {
        let mut settled = Settled::default();
        let running = std::mem::take(&mut self.running);
        let given_away = std::mem::take(&mut self.given_away);
        let outcome: BTreeMap<u32, Option<Code>> = outcome.into_iter().collect();
        for (partition, next) in running {
            match outcome.get(&partition).copied().flatten() {
                None => settled.done.push((partition, next)),
                Some(code) => {
                    settled.failed.push(code);
                    // Sent again, it would undo what the next owner commits.
                    if !is_void(code) && !given_away.contains(&partition) {
                        self.want(partition, next);
                        self.due = Instant::now() + AGAIN;
                    }
                }
            }
        }
        settled
    }
}

/// Whether the partition is another's: then it reads these records again, and nothing is wrong.
fn is_void(code: Code) -> bool {
    matches!(
        code,
        Code::IllegalGeneration
            | Code::UnknownMemberId
            | Code::FencedInstanceId
            | Code::AssignmentLost
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_commit_is_wanted_again_unless_its_partition_was_given_away() {
        let mut commits = Commits::new();
        commits.running = BTreeMap::from([(1, 10), (2, 20)]);
        commits.forget(&[2]);
        commits.want(2, 5);
        let late = Some(Code::RequestTimedOut);
        let settled = commits.settle(vec![(1, late), (2, late)]);
        assert_eq!(settled.failed.len(), 2);
        // What was wanted of partition 2 since is of another life and stands.
        assert_eq!(commits.wanted, BTreeMap::from([(1, 10), (2, 5)]));
        assert!(commits.given_away.is_empty());
    }
}
