//! Members of groups and tails: cursors over channels.
//!
//! A poll gives what is there over all partitions, up to a bound, and else waits for one wake-up. A
//! position moves only when its records are handed out, so a dropped poll loses nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::watch;

use super::core::Core;
use crate::embedded::channel::{Channel, EPOCH, Room, Status};
use crate::port::log::{Assignment, Error, Member, Polled, Record, Tail};

/// Bound of one poll.
const ROOM: Room = Room { records: 1_024, bytes: 4 << 20 };

/// Cursors over some partitions of a topic.
pub(super) struct Reader {
    core: Arc<Core>,
    channel: Arc<Channel>,
    wake: watch::Receiver<Status>,
    /// Partition and next offset.
    next: Vec<(u32, u64)>,
    paused: BTreeSet<u32>,
    /// Which partition goes first, so that a busy one does not starve the others.
    turn: usize,
}

impl Reader {
    pub(super) fn new(core: Arc<Core>, channel: Arc<Channel>, next: Vec<(u32, u64)>) -> Self {
        let wake = channel.subscribe();
        Self { core, channel, wake, next, paused: BTreeSet::new(), turn: 0 }
    }

    /// Sets the cursors; before the first read.
    pub(super) fn start_at(&mut self, next: Vec<(u32, u64)>) {
        self.next = next;
    }

    /// Waits for at least one record of a partition that is not paused.
    async fn records(&mut self) -> Result<Vec<Record>, Error> {
        loop {
            let status = self.wake.borrow_and_update().clone();
            let records = self.gather()?;
            if !records.is_empty() {
                return Ok(records);
            }
            status.check()?;
            if self.wake.changed().await.is_err() {
                return Err(Error::Closed);
            }
        }
    }

    fn gather(&mut self) -> Result<Vec<Record>, Error> {
        let mut room = ROOM;
        let mut out: Vec<Record> = Vec::new();
        let count = self.next.len();
        self.turn = self.turn.wrapping_add(1);
        let turn = self.turn.checked_rem(count).unwrap_or(0);
        let (behind, first) = self.next.split_at_mut(turn);
        for (partition, next) in first.iter_mut().chain(behind) {
            if self.paused.contains(partition) || room.is_full() {
                continue;
            }
            match self.core.read(&self.channel, *partition, *next, &mut room) {
                Ok(records) => {
                    if let Some(last) = records.last() {
                        *next = last.position.offset + 1;
                    }
                    if out.is_empty() {
                        out = records;
                    } else {
                        out.extend(records);
                    }
                }
                // What was gathered goes out first; the error comes again at the next call.
                Err(_) if !out.is_empty() => break,
                Err(Error::OutOfRange(first)) => {
                    *next = first;
                    return Err(Error::OutOfRange(first));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(out)
    }
}

#[async_trait]
impl Tail for Reader {
    async fn next(&mut self) -> Result<Vec<Record>, Error> {
        self.records().await
    }
}

/// The one member of a group on a topic: it has every partition from the start.
pub(super) struct OnlyMember {
    pub(super) group: &'static str,
    pub(super) reader: Reader,
    pub(super) assigned: bool,
}

#[async_trait]
impl Member for OnlyMember {
    async fn poll(&mut self) -> Result<Polled, Error> {
        if !self.assigned {
            self.assigned = true;
            let assignments = self.reader.next.iter().map(|(partition, committed)| Assignment {
                partition: *partition,
                epoch: EPOCH,
                committed: *committed,
            });
            return Ok(Polled::Assigned(assignments.collect()));
        }
        self.reader.records().await.map(Polled::Records)
    }

    fn pause(&mut self, partition: u32, paused: bool) {
        if paused {
            self.reader.paused.insert(partition);
        } else {
            self.reader.paused.remove(&partition);
        }
    }

    async fn commit(&mut self, offsets: Vec<(u32, u64)>) -> Result<(), Error> {
        self.reader.core.commit(self.group, self.reader.channel.topic, &offsets)
    }

    async fn released(&mut self, _partitions: Vec<u32>) -> Result<(), Error> {
        Ok(())
    }
}

impl Drop for OnlyMember {
    fn drop(&mut self) {
        let key = (self.reader.channel.topic.id, self.group.to_owned());
        self.reader.core.members.lock().remove(&key);
    }
}
