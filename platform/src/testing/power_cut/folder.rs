//! Log and store together, under power cuts in the middle of a small pipeline.
//!
//! Commands are appended; a member reads each, writes its row, appends an event and commits. The data
//! folder is cut at a random moment and opened again, several times; at the end the pipeline runs dry.
//! Then: the folder always opens (a cut never looks like a replaced log), no acknowledged command is
//! lost, every cursor has its effects, and each command has its row and its event.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use schemas::table::{Batch, Get, Value, Write};
use schemas::topic::{self, Headers};
use schemas::{Position, Timestamp};
use uuid::Uuid;

use super::cut_folder;
use crate::embedded::{EmbeddedLog, JournalConfig, LogConfig, LsmConfig, LsmStore, TailLimits};
use crate::memory::Seeded;
use crate::port::clock::SimClock;
use crate::port::log::{Append, Budget, Log, Member, Polled, Record, Start};
use crate::port::store::{Store, get_one};
use crate::testing::conformance::store::Newest;

/// Cuts of one run.
const CUTS: u32 = 3;
const GROUP: &str = "pipeline";

struct Engines {
    store: LsmStore,
    log: EmbeddedLog,
}

fn open(dir: &Path, dice: &mut Seeded) -> Engines {
    let lsm = LsmConfig { cache_bytes: 1 << 20, memtable_bytes: 64 << 10, threads: 1 };
    let store = LsmStore::open(&dir.join("store"), lsm).expect("a cut store opens");
    let config = LogConfig {
        journal: JournalConfig { segment_bytes: 8_192, ..JournalConfig::default() },
        tail: TailLimits { records: 1 + dice.size(40), bytes: 1 << 20 },
        // Only when the run says so.
        checkpoint_every: Duration::from_hours(1),
        ..LogConfig::default()
    };
    let clock = Arc::new(SimClock::at(Timestamp(1_000)));
    let log = EmbeddedLog::open(&dir.join("log"), store.clone(), clock, config);
    Engines { store, log: log.expect("a cut log opens and fits its store") }
}

fn append(topic: &'static topic::Topic, partition: u32, value: Bytes) -> Append {
    Append { topic, partition, key: Bytes::new(), headers: Headers::new(), value }
}

/// The row of a command: where it lies and what it says.
fn row(at: Position, value: &Bytes) -> Newest {
    let seq = i64::try_from(at.offset).expect("small");
    Newest { owner: Uuid::from_u128(at.partition.into()), seq, body: value.clone() }
}

fn event(record: &Record) -> Bytes {
    let Position { partition, offset, .. } = record.position;
    Bytes::from(format!("{partition}/{offset}"))
}

/// What a pool does with a record.
async fn handle(engines: &Engines, member: &mut dyn Member, record: &Record) {
    let at = record.position;
    let writes = vec![Write::replace(&row(at, &record.value), at.stamp())];
    engines.store.write(Batch { fence: None, writes }).await.expect("written");
    let event = append(&topic::EVENTS, at.partition, event(record));
    engines.log.append(Budget::Worker, vec![event]).await.expect("appended");
    member.commit(vec![(at.partition, at.offset + 1)]).await.expect("committed");
}

/// Handles what comes, at most `limit` records, until nothing more comes. What was polled and not
/// handled waits in `pending` for the next time.
async fn run(
    engines: &Engines,
    member: &mut dyn Member,
    pending: &mut VecDeque<Record>,
    limit: usize,
) {
    for _ in 0..limit {
        while pending.is_empty() {
            let polled = tokio::time::timeout(Duration::from_millis(5), member.poll()).await;
            let Ok(polled) = polled else { return };
            if let Polled::Records(records) = polled.expect("polled") {
                pending.extend(records);
            }
        }
        if let Some(record) = pending.pop_front() {
            handle(engines, member, &record).await;
        }
    }
}

async fn events(log: &EmbeddedLog) -> BTreeSet<Bytes> {
    let all = (0..topic::EVENTS.partitions_embedded).collect();
    let mut tail = log.tail(&topic::EVENTS, all, Start::Earliest).await.expect("tail");
    let mut out = BTreeSet::new();
    while let Ok(records) = tokio::time::timeout(Duration::from_millis(5), tail.next()).await {
        out.extend(records.expect("records").into_iter().map(|record| record.value));
    }
    out
}

/// What is acknowledged is in the log; what is below a cursor has its row and its event.
async fn check(engines: &Engines, known: &BTreeMap<(u32, u64), Bytes>) {
    let Engines { store, log } = engines;
    let states = log.describe(&topic::COMMANDS).await.expect("described");
    for (partition, offset) in known.keys() {
        let end = states.iter().find(|s| s.partition == *partition).map_or(0, |s| s.end);
        assert!(*offset < end, "{partition}/{offset} was acknowledged and is gone");
    }
    let events = events(log).await;
    for (partition, next) in log.committed(GROUP, &topic::COMMANDS).await.expect("committed") {
        for offset in 0..next {
            let owner = Value::Uuid(Uuid::from_u128(partition.into()));
            let seq = Value::Int(i64::try_from(offset).expect("small"));
            let found = get_one::<Newest>(store, Get::of::<Newest>(vec![owner, seq])).await;
            let found = found.expect("read").expect("a row below its cursor");
            if let Some(value) = known.get(&(partition, offset)) {
                assert_eq!(found.body, *value);
            }
            let event = Bytes::from(format!("{partition}/{offset}"));
            assert!(events.contains(&event), "no event of {partition}/{offset}");
        }
    }
}

/// Runs one seed in `dir`; panics where a promise is broken. Answers how many commands there were.
pub async fn folder_survives(seed: u64, dir: &Path) -> usize {
    let mut dice = Seeded::new(seed);
    let mut known: BTreeMap<(u32, u64), Bytes> = BTreeMap::new();
    let mut at = dir.join("life-0");
    for life in 1..=CUTS {
        let engines = open(&at, &mut dice);
        let mut member = engines.log.join(GROUP, &topic::COMMANDS).await.expect("joined");
        let mut pending = VecDeque::new();
        check(&engines, &known).await;
        for _ in 0..dice.below(8) {
            let mut waiting = Vec::new();
            for _ in 0..dice.below(20) {
                let partition = u32::try_from(dice.below(4)).expect("small");
                let value = Bytes::from(vec![b'c'; 1 + dice.size(200)]);
                let records = vec![append(&topic::COMMANDS, partition, value.clone())];
                waiting.push((value, engines.log.append(Budget::Ingest, records)));
            }
            for (value, appended) in waiting {
                // Some callers go away before they hear; their records may stay or not.
                if dice.one_in(8) {
                    continue;
                }
                let position = appended.await.expect("appended")[0];
                known.insert((position.partition, position.offset), value);
            }
            run(&engines, &mut *member, &mut pending, dice.size(30)).await;
            if dice.one_in(4) {
                engines.log.checkpoint().expect("synced");
            }
            if dice.one_in(4) {
                engines.store.flush_buffer().expect("flushed");
            }
        }
        let next = dir.join(format!("life-{life}"));
        cut_folder(&at, &next, &engines.store, &engines.log, &mut dice).expect("copied");
        drop((member, engines));
        std::fs::remove_dir_all(&at).expect("removed");
        at = next;
    }
    let engines = open(&at, &mut dice);
    let mut member = engines.log.join(GROUP, &topic::COMMANDS).await.expect("joined");
    check(&engines, &known).await;
    run(&engines, &mut *member, &mut VecDeque::new(), usize::MAX).await;
    check(&engines, &known).await;
    let states = engines.log.describe(&topic::COMMANDS).await.expect("described");
    let committed = engines.log.committed(GROUP, &topic::COMMANDS).await.expect("committed");
    for state in states {
        assert!(committed.contains(&(state.partition, state.end)), "not handled: {state:?}");
    }
    known.len()
}
