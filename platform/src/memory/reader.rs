//! Tails and members of the memory log. A position moves only when its records are handed out, so a
//! dropped poll loses nothing; a member that lost its partitions finds out before it gets or commits
//! anything more.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use schemas::topic::Topic;
use tokio::sync::watch;

use super::faults::{Fault, Operation};
use super::group::{Group, MemberId, News};
use super::log::MemoryLog;
use crate::embedded::channel::{EPOCH, Room};
use crate::port::log::{Assignment, Error, Member, Polled, Record, Tail};

/// Bound of one poll.
const ROOM: Room = Room { records: 1_024, bytes: 4 << 20 };

pub(super) struct Reader {
    pub(super) log: MemoryLog,
    pub(super) topic: &'static Topic,
    pub(super) wake: watch::Receiver<()>,
    pub(super) next: BTreeMap<u32, u64>,
}

impl Reader {
    /// What there is on these partitions.
    fn gather(&mut self, partitions: &[u32]) -> Result<Vec<Record>, Error> {
        let shared = Arc::clone(&self.log.shared);
        let mut state = shared.state.lock();
        let mut room = ROOM;
        let mut out = Vec::new();
        for again in [true, false] {
            let mut unparked = false;
            for partition in partitions {
                let Some(next) = self.next.get_mut(partition) else { continue };
                match state.read(self.topic, *partition, *next, &mut room) {
                    Ok(records) => {
                        *next = records.last().map_or(*next, |last| last.position.offset + 1);
                        out.extend(records);
                    }
                    Err(_) if !out.is_empty() => return Ok(out),
                    Err(Error::OutOfRange(first)) => {
                        *next = first;
                        return Err(Error::OutOfRange(first));
                    }
                    Err(error) => return Err(error),
                }
                if out.is_empty() && again {
                    unparked |= state.unpark(self.topic, *partition, &*shared.clock)?;
                }
            }
            if !unparked {
                break;
            }
        }
        Ok(out)
    }

    async fn faults(&self) -> Result<(), Error> {
        match self.log.shared.faults.next(Operation::Poll) {
            Fault::None => Ok(()),
            Fault::Delay(time) => {
                tokio::time::sleep(time).await;
                Ok(())
            }
            Fault::Refuse | Fault::LoseAnswer => Err(Error::Failed("failed by the test".into())),
        }
    }

    async fn changed(&mut self) -> Result<(), Error> {
        self.wake.changed().await.map_err(|_| Error::Closed)
    }

    fn alive(&self) -> Result<(), Error> {
        self.log.alive(&self.log.shared.state.lock())
    }
}

#[async_trait]
impl Tail for Reader {
    async fn next(&mut self) -> Result<Vec<Record>, Error> {
        self.faults().await?;
        loop {
            self.wake.borrow_and_update();
            self.alive()?;
            let partitions: Vec<u32> = self.next.keys().copied().collect();
            let records = self.gather(&partitions)?;
            if !records.is_empty() {
                return Ok(records);
            }
            self.changed().await?;
        }
    }
}

pub(super) struct MemoryMember {
    reader: Reader,
    group: &'static str,
    id: MemberId,
    paused: Vec<u32>,
}

impl MemoryMember {
    pub(super) fn new(reader: Reader, group: &'static str, id: MemberId) -> Self {
        Self { reader, group, id, paused: Vec::new() }
    }

    fn with_group<T>(&self, act: impl FnOnce(&mut Group) -> T) -> Result<T, Error> {
        let mut state = self.reader.log.shared.state.lock();
        self.reader.log.alive(&state)?;
        let group = state.groups.get_mut(&(self.reader.topic.id, self.group));
        let group = group.filter(|group| group.is_member(self.id));
        Ok(act(group.ok_or_else(|| Error::Failed("no longer a member".into()))?))
    }

    fn assigned(&mut self, partitions: &[u32]) -> Result<Polled, Error> {
        let committed = self.with_group(|group| group.committed.clone())?;
        let first: BTreeMap<u32, u64> = {
            let mut state = self.reader.log.shared.state.lock();
            let topic = self.reader.topic;
            let one = |p: &u32| Ok((*p, state.part(topic, *p)?.first));
            partitions.iter().map(one).collect::<Result<_, Error>>()?
        };
        let assignment = |partition: &u32| {
            let first = first.get(partition).copied().unwrap_or(0);
            let committed = committed.get(partition).copied().unwrap_or(0).max(first);
            Assignment { partition: *partition, epoch: EPOCH, committed }
        };
        let assignments: Vec<Assignment> = partitions.iter().map(assignment).collect();
        self.reader.next.extend(assignments.iter().map(|a| (a.partition, a.committed)));
        Ok(Polled::Assigned(assignments))
    }
}

#[async_trait]
impl Member for MemoryMember {
    async fn poll(&mut self) -> Result<Polled, Error> {
        self.reader.faults().await?;
        loop {
            self.reader.wake.borrow_and_update();
            let id = self.id;
            let (news, readable) = self.with_group(|group| (group.news(id), group.readable(id)))?;
            match news {
                Some(News::Assigned(partitions)) => return self.assigned(&partitions),
                Some(News::Revoking(partitions)) => return Ok(Polled::Revoking(partitions)),
                None => {}
            }
            let open: Vec<u32> =
                readable.into_iter().filter(|p| !self.paused.contains(p)).collect();
            let records = self.reader.gather(&open)?;
            if !records.is_empty() {
                return Ok(Polled::Records(records));
            }
            self.reader.changed().await?;
        }
    }

    fn pause(&mut self, partition: u32, paused: bool) {
        self.paused.retain(|other| *other != partition);
        if paused {
            self.paused.push(partition);
        }
    }

    async fn commit(&mut self, offsets: Vec<(u32, u64)>) -> Result<(), Error> {
        let fault = self.reader.log.shared.faults.next(Operation::Commit);
        if fault == Fault::Refuse {
            return Err(Error::Failed("refused by the test".into()));
        }
        let id = self.id;
        self.with_group(|group| {
            for (partition, next) in offsets {
                if !group.owns(id, partition) {
                    return Err(Error::Failed(format!("partition {partition} is another's")));
                }
                let committed = group.committed.entry(partition).or_default();
                *committed = next.max(*committed);
            }
            Ok(())
        })??;
        if let Fault::Delay(time) = fault {
            tokio::time::sleep(time).await;
        }
        match fault {
            Fault::LoseAnswer => Err(Error::Failed("answer lost by the test".into())),
            _ => Ok(()),
        }
    }

    async fn released(&mut self, partitions: Vec<u32>) -> Result<(), Error> {
        let id = self.id;
        self.with_group(|group| group.released(id, &partitions))?;
        self.reader.log.wake();
        Ok(())
    }
}

impl Drop for MemoryMember {
    fn drop(&mut self) {
        // An error means that a crash or an eviction was quicker.
        let id = self.id;
        self.with_group(|group| group.leave(id)).ok();
        self.reader.log.wake();
    }
}
