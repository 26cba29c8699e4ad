//! Lanes: the records of one key, in order, one batch at a time; different keys at the same time.
//! Pure: it says which batch may start, the driver runs it.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use super::LaneKey;
use super::retry::Attempts;
use crate::port::log::Record;

/// Records of one batch at most.
const BATCH_MAX: usize = 256;
/// Bytes of their values at most, but one record at least: what a batch comes to is written at once,
/// and stores refuse mutations of some MiB.
const BATCH_BYTES: usize = 1 << 20;

/// A batch to run: the lane's state moves with it and comes back by [`Lanes::finished`].
#[derive(Debug)]
pub struct Job<L> {
    /// The lane.
    pub key: LaneKey,
    /// Which life of the lane: its partition may have gone and come back meanwhile.
    pub life: u64,
    /// Its partition.
    pub partition: u32,
    /// Its state; none: open a new one.
    pub lane: Option<L>,
    /// The records.
    pub batch: Vec<Record>,
    /// How often this batch has failed.
    pub attempts: Attempts,
    /// What its panics cost since an engine last had a part in its failures.
    pub ill: Duration,
}

#[derive(Debug)]
struct Slot<L> {
    life: u64,
    partition: u32,
    queue: VecDeque<Record>,
    /// Records that are to be run one by one: the first so many of the queue.
    singly: usize,
    lane: Option<L>,
    running: bool,
    used: u64,
}

/// All lanes of a pool.
#[derive(Debug)]
pub struct Lanes<L> {
    slots: HashMap<LaneKey, Slot<L>>,
    capacity: usize,
    clock: u64,
}

impl<L> Lanes<L> {
    /// Keeps the state of at most about `capacity` quiet lanes.
    pub fn new(capacity: usize) -> Self {
        Self { slots: HashMap::new(), capacity, clock: 0 }
    }

    /// Queues a record; the lane, if nothing runs in it.
    pub fn push(&mut self, key: LaneKey, record: Record) -> Option<LaneKey> {
        let partition = record.position.partition;
        self.clock += 1;
        let life = self.clock;
        let slot = self.slots.entry(key).or_insert_with(|| Slot {
            life,
            partition,
            queue: VecDeque::new(),
            singly: 0,
            lane: None,
            running: false,
            used: 0,
        });
        let first = slot.queue.is_empty() && !slot.running;
        slot.queue.push_back(record);
        first.then_some(key)
    }

    /// The next batch of a lane, if it has records and nothing runs in it.
    pub fn start(&mut self, key: LaneKey) -> Option<Job<L>> {
        self.clock += 1;
        let slot = self.slots.get_mut(&key)?;
        if slot.running || slot.queue.is_empty() {
            return None;
        }
        let count = if slot.singly > 0 {
            slot.singly -= 1;
            1
        } else {
            fitting(&slot.queue)
        };
        slot.running = true;
        slot.used = self.clock;
        Some(Job {
            key,
            life: slot.life,
            partition: slot.partition,
            lane: slot.lane.take(),
            batch: slot.queue.drain(..count).collect(),
            attempts: Attempts::default(),
            ill: Duration::ZERO,
        })
    }

    /// A batch is done: its lane's state comes back (none after a failure).
    pub fn finished(&mut self, key: LaneKey, lane: Option<L>) {
        if let Some(slot) = self.slots.get_mut(&key) {
            slot.running = false;
            slot.lane = lane;
        }
        if self.slots.len() > self.capacity {
            self.forget();
        }
    }

    /// A batch goes back to the front of its lane, to be run one record at a time.
    pub fn split(&mut self, key: LaneKey, batch: Vec<Record>) {
        if let Some(slot) = self.slots.get_mut(&key) {
            slot.running = false;
            slot.lane = None;
            slot.singly += batch.len();
            for record in batch.into_iter().rev() {
                slot.queue.push_front(record);
            }
        }
    }

    /// Drops everything of a partition that was taken away. What runs is not waited for.
    pub fn revoke(&mut self, partition: u32) {
        self.slots.retain(|_, slot| slot.partition != partition);
    }

    /// Drops the queued records of a partition, but not what runs.
    pub fn clear(&mut self, partition: u32) {
        for slot in self.slots.values_mut().filter(|slot| slot.partition == partition) {
            slot.queue.clear();
            slot.singly = 0;
        }
    }

    /// Whether a lane of the partition runs.
    pub fn running(&self, partition: u32) -> bool {
        self.slots.values().any(|slot| slot.partition == partition && slot.running)
    }

    /// Whether this life of the lane still goes on: its partition was not taken away.
    pub fn lives(&self, key: LaneKey, life: u64) -> bool {
        self.slots.get(&key).is_some_and(|slot| slot.life == life)
    }

    /// Forgets the older half of the quiet lanes.
    fn forget(&mut self) {
        let mut quiet: Vec<u64> = self
            .slots
            .values()
            .filter(|slot| !slot.running && slot.queue.is_empty())
            .map(|slot| slot.used)
            .collect();
        quiet.sort_unstable();
        let Some(middle) = quiet.get(quiet.len() / 2).copied() else { return };
        self.slots.retain(|_, slot| slot.running || !slot.queue.is_empty() || slot.used > middle);
    }
}

/// How many records from the front make the next batch.
fn fitting(queue: &VecDeque<Record>) -> usize {
    let mut bytes = 0;
    let fits = |record: &&Record| {
        bytes += record.value.len();
        bytes <= BATCH_BYTES
    };
    queue.iter().take(BATCH_MAX).take_while(fits).count().max(1)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use schemas::{Position, Timestamp, topic};

    use super::*;

    fn record(offset: u64) -> Record {
        Record {
            topic: &topic::COMMANDS,
            position: Position { epoch: 1, partition: 3, offset },
            appended_at: Timestamp(0),
            key: Bytes::new(),
            headers: Vec::new(),
            value: Bytes::new(),
        }
    }

    fn offsets(job: &Job<()>) -> Vec<u64> {
        job.batch.iter().map(|r| r.position.offset).collect()
    }

    #[test]
    fn a_lane_runs_one_batch_at_a_time_and_others_do_not_wait() {
        let mut lanes = Lanes::<()>::new(10);
        assert_eq!(lanes.push(1, record(0)), Some(1));
        assert_eq!(lanes.push(1, record(1)), None);
        let job = lanes.start(1).unwrap();
        assert_eq!(offsets(&job), [0, 1]);
        assert_eq!(lanes.push(1, record(2)), None);
        assert!(lanes.start(1).is_none());
        assert_eq!(lanes.push(2, record(3)), Some(2));
        assert!(lanes.start(2).is_some());
        lanes.finished(1, Some(()));
        let job = lanes.start(1).unwrap();
        assert!(job.lane.is_some());
        assert_eq!(offsets(&job), [2]);
    }

    #[test]
    fn a_batch_is_bounded_in_bytes_and_takes_one_record_however_large() {
        let mut lanes = Lanes::<()>::new(10);
        for (offset, bytes) in
            [(0, 2 * BATCH_BYTES), (1, BATCH_BYTES / 2), (2, BATCH_BYTES / 2), (3, 1)]
        {
            let value = Bytes::from(vec![0; bytes]);
            lanes.push(1, Record { value, ..record(offset) });
        }
        let mut seen = Vec::new();
        while let Some(job) = lanes.start(1) {
            seen.push(offsets(&job));
            lanes.finished(1, None);
        }
        assert_eq!(seen, [vec![0], vec![1, 2], vec![3]]);
    }

    #[test]
    fn a_split_batch_runs_record_by_record_in_order_before_what_came_later() {
        let mut lanes = Lanes::<()>::new(10);
        lanes.push(1, record(0));
        lanes.push(1, record(1));
        let job = lanes.start(1).unwrap();
        lanes.push(1, record(2));
        lanes.split(1, job.batch);
        let mut seen = Vec::new();
        while let Some(job) = lanes.start(1) {
            seen.push(offsets(&job));
            lanes.finished(1, None);
        }
        assert_eq!(seen, [vec![0], vec![1], vec![2]]);
    }

    #[test]
    fn quiet_lanes_are_forgotten_and_busy_ones_are_not() {
        let mut lanes = Lanes::<()>::new(4);
        for key in 0..8u128 {
            lanes.push(key, record(0));
            let _job = lanes.start(key).unwrap();
            if key != 0 {
                lanes.finished(key, Some(()));
            }
        }
        assert!(
            lanes.slots.len() <= 5 && lanes.slots.contains_key(&0) && lanes.slots.contains_key(&7)
        );
    }
}
