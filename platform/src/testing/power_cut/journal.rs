//! The journal under power cuts, kills and failing disks.
//!
//! Several callers append at random; at a random moment the disk is cut (or the process killed) under
//! the running journal; the journal is opened on what is left. Then every acknowledged record is there
//! with its offset and bytes, everything a reader had seen is the same, offsets are dense, and the
//! journal goes on. Repeated on the survivor, so that one cut meets the traces of another.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use schemas::Timestamp;
use schemas::topic::{self, Topic, header};

use crate::embedded::channel::{Channel, Found, Room, TailLimits};
use crate::embedded::journal::{Journal, JournalConfig, Outcome};
use crate::memory::Seeded;
use crate::port::clock::SimClock;
use crate::port::log::{Append, Budget, Record};
use crate::testing::FaultFs;

const TOPICS: [&Topic; 2] = [&topic::COMMANDS, &topic::USERS];
/// Cuts of one run.
const CUTS: u32 = 4;

/// What must be there: value by topic, partition and offset.
type Known = BTreeMap<(u16, u32, u64), Bytes>;

/// The journal on one disk, until the next cut.
struct Life {
    journal: Journal,
    channels: Vec<Arc<Channel>>,
}

fn open(fs: &FaultFs, id: &mut Option<[u8; 16]>, dice: &mut Seeded) -> Life {
    let tail = TailLimits { records: 1 + dice.size(20), bytes: 1 << 20 };
    let channels: Vec<_> = TOPICS.iter().map(|topic| Arc::new(Channel::new(topic, tail))).collect();
    let config = JournalConfig { segment_bytes: 2_000 + dice.below(6_000), ..Default::default() };
    let clock = Arc::new(SimClock::at(Timestamp(1_000)));
    let journal = Journal::open(Arc::new(fs.clone()), channels.clone(), clock, &config, *id);
    let journal = journal.expect("a cut journal opens");
    *id = Some(journal.id());
    Life { journal, channels }
}

fn record(dice: &mut Seeded, n: u64) -> Append {
    let size = if dice.one_in(12) { dice.size(3_000) } else { dice.size(150) };
    let mut value = format!("{n}:").into_bytes();
    value.resize(value.len() + size, b'.');
    // Values with the look of empty space: a hole must not pass for them, nor they for a hole.
    if dice.one_in(4) {
        value.resize(value.len() + dice.size(700), 0);
    }
    Append {
        topic: TOPICS[dice.size(TOPICS.len())],
        partition: u32::try_from(dice.below(3)).expect("small"),
        key: Bytes::from(n.to_le_bytes().to_vec()),
        headers: vec![(header::CE_TYPE, Bytes::from_static(b"chat.test"))],
        value: Bytes::from(value),
    }
}

impl Life {
    /// Everything that readers may see, partition by partition, from memory or from the files.
    fn read(&self) -> Vec<Record> {
        let mut out = Vec::new();
        for channel in &self.channels {
            for state in channel.states() {
                let mut next = state.first;
                while next < state.end {
                    let mut room = Room { records: 7, bytes: 4_000 };
                    let found = match channel.read(state.partition, next, &mut room) {
                        Found::Records(records) => records,
                        Found::Behind(tail) => self
                            .journal
                            .read(channel.topic, state.partition, next..tail, &mut room)
                            .expect("what is visible can be read"),
                        Found::Lost(first) => panic!("lost below {first}"),
                    };
                    for record in found {
                        assert_eq!(record.position.offset, next, "offsets are dense");
                        next += 1;
                        out.push(record);
                    }
                }
            }
        }
        out
    }
}

fn place(record: &Record) -> (u16, u32, u64) {
    (record.topic.id, record.position.partition, record.position.offset)
}

/// Adds what was acknowledged; answers whether the disk has failed.
fn settle(waiting: &mut Vec<(Vec<Append>, Outcome)>, known: &mut Known) -> bool {
    let mut failed = false;
    waiting.retain_mut(|(records, outcome)| match outcome.try_recv() {
        Ok(Ok(positions)) => {
            for (record, position) in records.iter().zip(positions) {
                let place = (record.topic.id, position.partition, position.offset);
                known.insert(place, record.value.clone());
            }
            false
        }
        Ok(Err(_)) => {
            failed = true;
            false
        }
        Err(error) => error == tokio::sync::oneshot::error::TryRecvError::Empty,
    });
    failed
}

fn check(life: &Life, known: &Known, what: &str) {
    let found: Known = life.read().iter().map(|r| (place(r), r.value.clone())).collect();
    for (place, value) in known {
        assert_eq!(found.get(place), Some(value), "{what}: {place:?}");
    }
}

/// Runs one seed; panics where a promise is broken. Answers how many records were acknowledged.
pub fn journal_survives(seed: u64) -> usize {
    let mut dice = Seeded::new(seed);
    let mut fs = FaultFs::new();
    let mut id = None;
    let mut known = Known::new();
    let mut number = 0;
    for _ in 0..CUTS {
        let life = open(&fs, &mut id, &mut dice);
        check(&life, &known, "after a cut");
        // What is visible now was synced by the start, acknowledged or not: it must stay.
        known.extend(life.read().iter().map(|r| (place(r), r.value.clone())));
        if dice.one_in(4) {
            fs.fail_syncs_after(dice.below(20));
        }
        if dice.one_in(8) {
            fs.fail_writes_after(dice.below(20));
        }
        let mut waiting = Vec::new();
        let mut failed = false;
        for _ in 0..dice.below(60) {
            let records: Vec<Append> = (0..=dice.below(4))
                .map(|_| {
                    number += 1;
                    record(&mut dice, number)
                })
                .collect();
            let budget = if dice.one_in(2) { Budget::Ingest } else { Budget::Worker };
            match life.journal.append(budget, records.clone()) {
                Ok(outcome) => waiting.push((records, outcome)),
                Err(_) => failed = true,
            }
            if dice.one_in(3) {
                // Lets the committer make groups of different sizes.
                std::thread::yield_now();
                failed |= settle(&mut waiting, &mut known);
            }
        }
        let orderly = dice.one_in(5);
        if orderly {
            life.journal.close();
        }
        // The order matters: what was acknowledged or visible before the cut must be behind it.
        failed |= settle(&mut waiting, &mut known);
        known.extend(life.read().iter().map(|r| (place(r), r.value.clone())));
        if failed {
            let late = life.journal.append(Budget::Worker, vec![record(&mut dice, 0)]);
            // Orderly closes refuse as well; nothing may be taken and acknowledged any more.
            if let Ok(mut outcome) = late {
                assert!(!matches!(outcome.try_recv(), Ok(Ok(_))), "an append after a failed sync");
            }
        }
        fs = if dice.one_in(5) { fs.kill() } else { fs.cut(&mut dice) };
        drop(life);
    }
    let life = open(&fs, &mut id, &mut dice);
    check(&life, &known, "at the end");
    known.len()
}
