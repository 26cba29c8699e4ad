//! Topics as vectors under one lock, with real consumer groups.
//!
//! What is acknowledged is durable: it is there after [`MemoryLog::crash`]. While the log is held
//! ([`MemoryLog::hold`]), appends to synced topics wait: not visible, not acknowledged, gone after a
//! crash. Volatile topics are rings and start anew after a crash.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use parking_lot::Mutex;
use schemas::topic::{self, Durability, Topic};
use schemas::{Position, Timestamp, limits};
use tokio::sync::{oneshot, watch};

use super::faults::{Bug, Fault, Faults, Operation};
use super::group::{Group, MemberId};
use super::reader::{MemoryMember, Reader};
use crate::embedded::channel::{EPOCH, Room, size_of};
use crate::port::clock::Clock;
use crate::port::log::{Append, Budget, Error, Log, Member, PartitionState, Record, Start, Tail};

/// Records that may wait for a held log, for each budget of clients.
const INGEST: usize = 1_024;
/// Records of a volatile partition.
const RING: usize = 4_096;
/// How long a record that is to change places waits for its neighbour.
const PARKED: Duration = Duration::from_millis(2);

#[derive(Debug, Default)]
pub(super) struct Part {
    records: VecDeque<Record>,
    /// Offset of the oldest record kept.
    pub(super) first: u64,
    /// [`Bug::AckBeforeSync`]: from here on acknowledged, and gone after a crash.
    unsynced: Option<u64>,
    /// [`Bug::ReorderSends`]: waits for the next record to go before it.
    parked: Option<Append>,
}

impl Part {
    fn end(&self) -> u64 {
        self.first + u64::try_from(self.records.len()).unwrap_or(0)
    }

    fn since(&self, at: Timestamp) -> u64 {
        let before = self.records.partition_point(|record| record.appended_at < at);
        self.first + u64::try_from(before).unwrap_or(0)
    }
}

struct Waiting {
    budget: Budget,
    records: Vec<Append>,
    answer: oneshot::Sender<Result<Vec<Position>, Error>>,
}

#[derive(Default)]
pub(super) struct State {
    generation: u64,
    closed: bool,
    held: bool,
    waiting: VecDeque<Waiting>,
    topics: BTreeMap<u16, Vec<Part>>,
    pub(super) groups: BTreeMap<(u16, &'static str), Group>,
    next_member: MemberId,
}

pub(super) struct Shared {
    pub(super) state: Mutex<State>,
    pub(super) wake: watch::Sender<()>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) faults: Faults,
}

/// The log as vectors. Clones share it and die together in [`Self::crash`].
#[derive(Clone)]
pub struct MemoryLog {
    pub(super) shared: Arc<Shared>,
    generation: u64,
}

impl std::fmt::Debug for MemoryLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryLog").field("generation", &self.generation).finish_non_exhaustive()
    }
}

impl State {
    pub(super) fn part(&mut self, topic: &Topic, partition: u32) -> Result<&mut Part, Error> {
        let parts = self
            .topics
            .entry(topic.id)
            .or_insert_with(|| (0..topic.partitions_embedded).map(|_| Part::default()).collect());
        let found = usize::try_from(partition).ok().and_then(|at| parts.get_mut(at));
        found.ok_or_else(|| Error::Failed(format!("{} has no partition {partition}", topic.name)))
    }

    /// Stores one record behind the others.
    fn store(&mut self, append: Append, clock: &dyn Clock) -> Result<Position, Error> {
        let Append { topic, partition, key, headers, value } = append;
        let part = self.part(topic, partition)?;
        let position = Position { epoch: EPOCH, partition, offset: part.end() };
        let last_at = part.records.back().map(|record| record.appended_at);
        let appended_at = clock.now().max(last_at.unwrap_or_default());
        part.records.push_back(Record { topic, position, appended_at, key, headers, value });
        if topic.durability == Durability::Volatile && part.records.len() > RING {
            part.records.pop_front();
            part.first += 1;
        }
        Ok(position)
    }

    /// Stores one record, or what a planted bug makes of it.
    fn take(&mut self, append: Append, shared: &Shared) -> Result<Position, Error> {
        let (topic, partition) = (append.topic, append.partition);
        let faults = &shared.faults;
        let clock = &*shared.clock;
        match topic.durability {
            Durability::Volatile => self.store(append, clock),
            Durability::Derived => {
                if faults.strikes(Bug::LoseEvent) {
                    let offset = self.part(topic, partition)?.end();
                    return Ok(Position { epoch: EPOCH, partition, offset });
                }
                if faults.strikes(Bug::DuplicateEvent) {
                    self.store(append.clone(), clock)?;
                }
                self.store(append, clock)
            }
            Durability::Synced => {
                let part = self.part(topic, partition)?;
                let offset = part.end();
                let position = Position { epoch: EPOCH, partition, offset };
                if faults.strikes(Bug::SkipCommit) {
                    return Ok(position);
                }
                if faults.strikes(Bug::AckBeforeSync) {
                    part.unsynced.get_or_insert(offset);
                } else {
                    // A sync covers everything before it.
                    part.unsynced = None;
                }
                let parked = part.parked.take();
                if parked.is_none() && faults.strikes(Bug::ReorderSends) {
                    part.parked = Some(append);
                    return Ok(position);
                }
                let position = self.store(append, clock)?;
                if let Some(parked) = parked {
                    self.store(parked, clock)?;
                }
                Ok(position)
            }
        }
    }

    /// Lets a parked record go that no neighbour came for.
    pub(super) fn unpark(
        &mut self,
        topic: &Topic,
        partition: u32,
        clock: &dyn Clock,
    ) -> Result<bool, Error> {
        let parked = self.part(topic, partition)?.parked.take();
        let found = parked.is_some();
        if let Some(append) = parked {
            self.store(append, clock)?;
        }
        Ok(found)
    }

    pub(super) fn read(
        &mut self,
        topic: &Topic,
        partition: u32,
        from: u64,
        room: &mut Room,
    ) -> Result<Vec<Record>, Error> {
        let part = self.part(topic, partition)?;
        let Some(skip) = from.checked_sub(part.first) else {
            return Err(Error::OutOfRange(part.first));
        };
        let skip = usize::try_from(skip).unwrap_or(usize::MAX).min(part.records.len());
        let fits =
            |record: &&Record| room.take(size_of(&record.key, &record.headers, &record.value));
        Ok(part.records.range(skip..).take_while(fits).cloned().collect())
    }
}

impl MemoryLog {
    /// An empty log.
    pub fn new(clock: Arc<dyn Clock>, faults: Faults) -> Self {
        let (state, wake) = (Mutex::default(), watch::Sender::new(()));
        Self { shared: Arc::new(Shared { state, wake, clock, faults }), generation: 0 }
    }

    /// The faults given to it.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// Holds appends to synced topics back, or lets them go.
    pub fn hold(&self, held: bool) {
        let mut state = self.shared.state.lock();
        state.held = held;
        if !held {
            let waiting = std::mem::take(&mut state.waiting);
            for Waiting { records, answer, .. } in waiting {
                let taken = records.into_iter().map(|r| state.take(r, &self.shared)).collect();
                // A caller that went away has no use for its answer.
                drop(answer.send(taken));
            }
        }
        drop(state);
        self.wake();
    }

    /// A power cut: what was not acknowledged is gone, and every handle, member and tail is dead.
    /// Committed offsets stay.
    pub fn crash(&self) {
        let mut state = self.shared.state.lock();
        state.generation += 1;
        (state.closed, state.held) = (false, false);
        state.waiting.clear();
        for topic in topic::ALL {
            let Some(parts) = state.topics.get_mut(&topic.id) else { continue };
            if topic.durability == Durability::Volatile {
                parts.fill_with(Part::default);
            }
            for part in parts {
                part.parked = None;
                if let Some(keep) = part.unsynced.take() {
                    part.records.retain(|record| record.position.offset < keep);
                }
            }
        }
        for group in state.groups.values_mut() {
            *group = group.restarted();
        }
        drop(state);
        self.wake();
    }

    /// A handle to the same log after a crash or a close.
    pub fn reopen(&self) -> Self {
        let mut state = self.shared.state.lock();
        state.closed = false;
        Self { shared: Arc::clone(&self.shared), generation: state.generation }
    }

    /// Takes every partition from the member of a group that joined first, without telling it: what a
    /// broker does with one that stopped answering. It finds out at its next poll or commit.
    pub fn evict_oldest(&self, group: &'static str, topic: &'static Topic) {
        let mut state = self.shared.state.lock();
        if let Some(group) = state.groups.get_mut(&(topic.id, group))
            && let Some(oldest) = group.oldest()
        {
            group.leave(oldest);
        }
        drop(state);
        self.wake();
    }

    /// Every record of a topic that is kept, partition by partition: for checkers and replays.
    pub fn records(&self, topic: &'static Topic) -> Vec<Record> {
        let state = self.shared.state.lock();
        let parts = state.topics.get(&topic.id);
        parts.into_iter().flatten().flat_map(|part| part.records.iter().cloned()).collect()
    }

    pub(super) fn wake(&self) {
        self.shared.wake.send_modify(|()| {});
    }

    pub(super) fn alive(&self, state: &State) -> Result<(), Error> {
        if state.closed || state.generation != self.generation {
            return Err(Error::Closed);
        }
        Ok(())
    }

    fn start_append(
        &self,
        budget: Budget,
        records: Vec<Append>,
    ) -> Result<BoxFuture<'static, Result<Vec<Position>, Error>>, Error> {
        let mut state = self.shared.state.lock();
        self.alive(&state)?;
        for record in &records {
            let size = size_of(&record.key, &record.headers, &record.value);
            if size > limits::RECORD_BYTES {
                return Err(Error::TooLarge(size));
            }
            state.part(record.topic, record.partition)?;
        }
        let fault = self.shared.faults.next(Operation::Append);
        match (fault, budget) {
            (Fault::Refuse, Budget::Ingest) => return Err(Error::Overloaded),
            (Fault::Refuse, Budget::Worker) => {
                return Err(Error::Failed("refused by the test".into()));
            }
            _ => {}
        }
        if state.held && records.iter().any(|r| r.topic.durability == Durability::Synced) {
            return state.wait(budget, records);
        }
        let places: Vec<(&'static Topic, u32)> =
            records.iter().map(|record| (record.topic, record.partition)).collect();
        let taken: Result<Vec<Position>, Error> =
            records.into_iter().map(|record| state.take(record, &self.shared)).collect();
        let parked = places.into_iter().filter(|(topic, partition)| {
            state.part(topic, *partition).is_ok_and(|part| part.parked.is_some())
        });
        let parked: Vec<_> = parked.collect();
        drop(state);
        self.wake();
        let log = self.clone();
        Ok(async move {
            if !parked.is_empty() {
                tokio::time::sleep(PARKED).await;
                log.unpark(parked);
            }
            match fault {
                Fault::LoseAnswer => Err(Error::Unknown("answer lost by the test".into())),
                Fault::Delay(time) => {
                    tokio::time::sleep(time).await;
                    taken
                }
                Fault::None | Fault::Refuse => taken,
            }
        }
        .boxed())
    }

    fn unpark(&self, parked: Vec<(&'static Topic, u32)>) {
        let mut state = self.shared.state.lock();
        for (topic, partition) in parked {
            // Only an unknown partition fails, and this one was appended to.
            state.unpark(topic, partition, &*self.shared.clock).ok();
        }
        drop(state);
        self.wake();
    }
}

impl State {
    fn wait(
        &mut self,
        budget: Budget,
        records: Vec<Append>,
    ) -> Result<BoxFuture<'static, Result<Vec<Position>, Error>>, Error> {
        let ingest = self.waiting.iter().filter(|waiting| waiting.budget == Budget::Ingest);
        let used: usize = ingest.map(|waiting| waiting.records.len()).sum();
        if budget == Budget::Ingest && used + records.len() > INGEST {
            return Err(Error::Overloaded);
        }
        let (answer, outcome) = oneshot::channel();
        self.waiting.push_back(Waiting { budget, records, answer });
        let lost = || Error::Unknown("the log crashed before the sync".into());
        Ok(async move {
            let outcome = outcome.map(move |answer| answer.unwrap_or_else(|_| Err(lost())));
            if budget == Budget::Worker {
                return outcome.await;
            }
            let limit = Duration::from_millis(limits::APPEND_MS);
            let slow = |_| Err(Error::Unknown("the log is held".into()));
            tokio::time::timeout(limit, outcome).await.unwrap_or_else(slow)
        }
        .boxed())
    }
}

#[async_trait]
impl Log for MemoryLog {
    fn append(
        &self,
        budget: Budget,
        records: Vec<Append>,
    ) -> BoxFuture<'static, Result<Vec<Position>, Error>> {
        self.start_append(budget, records).unwrap_or_else(|error| ready(Err(error)).boxed())
    }

    async fn join(
        &self,
        group: &'static str,
        topic: &'static Topic,
    ) -> Result<Box<dyn Member>, Error> {
        let mut state = self.shared.state.lock();
        self.alive(&state)?;
        let id = state.next_member;
        state.next_member += 1;
        let joined = state
            .groups
            .entry((topic.id, group))
            .or_insert_with(|| Group::new(topic.partitions_embedded));
        joined.join(id);
        drop(state);
        let wake = self.shared.wake.subscribe();
        let reader = Reader { log: self.clone(), topic, wake, next: BTreeMap::new() };
        self.wake();
        Ok(Box::new(MemoryMember::new(reader, group, id)))
    }

    async fn tail(
        &self,
        topic: &'static Topic,
        partitions: Vec<u32>,
        start: Start,
    ) -> Result<Box<dyn Tail>, Error> {
        let mut state = self.shared.state.lock();
        self.alive(&state)?;
        let mut next = BTreeMap::new();
        for partition in partitions {
            let part = state.part(topic, partition)?;
            let at = match start {
                Start::Earliest => part.first,
                Start::Latest => part.end(),
                Start::At(offset) => offset,
                Start::Since(at) => part.since(at),
            };
            next.insert(partition, at);
        }
        drop(state);
        let wake = self.shared.wake.subscribe();
        Ok(Box::new(Reader { log: self.clone(), topic, wake, next }))
    }

    async fn describe(&self, topic: &'static Topic) -> Result<Vec<PartitionState>, Error> {
        let mut state = self.shared.state.lock();
        self.alive(&state)?;
        let one = |partition| {
            let part = state.part(topic, partition)?;
            let (first, end) = (part.first, part.end());
            Ok(PartitionState { partition, epoch: EPOCH, first, end })
        };
        (0..topic.partitions_embedded).map(one).collect()
    }

    async fn committed(
        &self,
        group: &'static str,
        topic: &'static Topic,
    ) -> Result<Vec<(u32, u64)>, Error> {
        let state = self.shared.state.lock();
        let found = state.groups.get(&(topic.id, group));
        Ok(found.map(|g| g.committed.iter().map(|(p, n)| (*p, *n)).collect()).unwrap_or_default())
    }

    fn partitions(&self, topic: &'static Topic) -> u32 {
        topic.partitions_embedded
    }

    async fn close(&self) {
        self.hold(false);
        self.shared.state.lock().closed = true;
        self.wake();
    }
}
