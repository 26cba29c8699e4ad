//! The embedded engines beyond their ports: damage, full disks, retention, and logs that do not belong
//! to their store.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use platform::embedded::{
    EmbeddedLog, JournalConfig, LogConfig, LsmConfig, LsmStore, QueueLimits, TailLimits,
};
use platform::port::clock::SimClock;
use platform::port::log::{Append, Budget, Error, Log, Polled, Record, Start};
use platform::testing::FaultFs;
use schemas::Timestamp;
use schemas::topic::{self, Headers, Topic};
use tempfile::TempDir;

struct Rig {
    dir: TempDir,
    fs: FaultFs,
    clock: Arc<SimClock>,
}

const DAY_MS: i64 = 86_400_000;

impl Rig {
    fn new() -> Self {
        let dir = TempDir::new().expect("a temporary directory");
        let clock = Arc::new(SimClock::at(Timestamp(1_000)));
        Self { dir, fs: FaultFs::new(), clock }
    }

    fn store(&self) -> LsmStore {
        let config = LsmConfig { cache_bytes: 1 << 20, memtable_bytes: 1 << 20, threads: 1 };
        LsmStore::open(&self.dir.path().join("store"), config).expect("the store opens")
    }

    fn try_open(&self, fs: &FaultFs) -> Result<EmbeddedLog, Error> {
        let config = LogConfig {
            journal: JournalConfig {
                segment_bytes: 4_096,
                max_bytes: 1 << 30,
                ingest: QueueLimits { records: 64, bytes: 1 << 20 },
                ..JournalConfig::default()
            },
            tail: TailLimits { records: 4, bytes: 1 << 20 },
            checkpoint_every: Duration::from_hours(1),
            ..LogConfig::default()
        };
        EmbeddedLog::open_on(Arc::new(fs.clone()), self.store(), self.clock.clone(), config)
    }

    fn open(&self) -> EmbeddedLog {
        self.try_open(&self.fs).expect("the log opens")
    }

    fn segments(&self) -> Vec<String> {
        let mut names = platform::embedded::journal::fs::Fs::list(&self.fs).expect("listed");
        names.sort();
        names
    }
}

fn record(topic: &'static Topic, partition: u32, value: &str) -> Append {
    let value = Bytes::from(format!("{value:0>100}"));
    Append { topic, partition, key: Bytes::new(), headers: Headers::new(), value }
}

async fn fill(log: &EmbeddedLog, topic: &'static Topic, count: usize) {
    for n in 0..count {
        let records = vec![record(topic, 0, &n.to_string())];
        log.append(Budget::Worker, records).await.expect("appended");
    }
}

async fn read_all(log: &EmbeddedLog, topic: &'static Topic, count: usize) -> Result<(), Error> {
    let mut tail = log.tail(topic, vec![0], Start::Earliest).await?;
    let mut seen = 0;
    while seen < count {
        seen += tail.next().await?.len();
    }
    Ok(())
}

async fn handle_all(log: &EmbeddedLog, group: &'static str, topic: &'static Topic) -> u64 {
    let mut member = log.join(group, topic).await.expect("joined");
    let mut next = 0;
    while let Ok(polled) = tokio::time::timeout(Duration::from_millis(20), member.poll()).await {
        if let Polled::Records(records) = polled.expect("polled") {
            next = records.last().map_or(next, |last: &Record| last.position.offset + 1);
        }
    }
    member.commit(vec![(0, next)]).await.expect("committed");
    next
}

fn why<T>(outcome: Result<T, Error>) -> String {
    outcome.err().expect("refused").to_string()
}

#[tokio::test]
async fn after_a_failed_sync_nothing_is_acknowledged_any_more() {
    let rig = Rig::new();
    let log = rig.open();
    fill(&log, &topic::COMMANDS, 3).await;
    let mut tail = log.tail(&topic::COMMANDS, vec![0], Start::Latest).await.expect("tail");
    rig.fs.fail_syncs_after(0);
    let first = log.append(Budget::Ingest, vec![record(&topic::COMMANDS, 0, "lost")]).await;
    assert!(matches!(first, Err(Error::Unknown(_))), "{first:?}");
    for budget in [Budget::Ingest, Budget::Worker] {
        let later = log.append(budget, vec![record(&topic::COMMANDS, 0, "late")]).await;
        assert!(matches!(later, Err(Error::Failed(_))), "{later:?}");
    }
    assert!(matches!(tail.next().await, Err(Error::Failed(_))));
    assert_eq!(log.describe(&topic::COMMANDS).await.expect("described")[0].end, 3);
    // What is there can still be read.
    read_all(&log, &topic::COMMANDS, 3).await.expect("read");
}

#[tokio::test]
async fn a_full_disk_stops_the_log_without_a_lie() {
    let rig = Rig::new();
    let log = rig.open();
    rig.fs.fail_writes_after(5);
    let mut acknowledged = 0;
    for n in 0..20_u32 {
        let appended =
            log.append(Budget::Worker, vec![record(&topic::COMMANDS, 0, &n.to_string())]);
        acknowledged += u64::from(appended.await.is_ok());
    }
    assert_eq!(acknowledged, 5);
    log.close().await;
    drop(log);
    let log = rig.try_open(&rig.fs.kill()).expect("the log opens");
    assert_eq!(log.describe(&topic::COMMANDS).await.expect("described")[0].end, 5);
}

#[tokio::test]
async fn damage_in_an_older_segment_is_an_error_and_not_a_cut() {
    let rig = Rig::new();
    let log = rig.open();
    fill(&log, &topic::COMMANDS, 200).await;
    log.close().await;
    drop(log);
    let oldest = rig.segments().first().expect("segments").clone();
    rig.fs.damage(&oldest, 2_000);
    let log = rig.open();
    let error = why(read_all(&log, &topic::COMMANDS, 200).await);
    assert!(error.contains(&oldest) && error.contains("damaged"), "{error}");
    drop(log);
    // A head that can not be read refuses the start.
    rig.fs.damage(&oldest, 12);
    assert!(why(rig.try_open(&rig.fs)).contains("head"));
}

#[tokio::test]
async fn a_segment_goes_only_when_every_group_has_read_it_and_it_is_old() {
    let rig = Rig::new();
    let log = rig.open();
    handle_all(&log, "fast", &topic::COMMANDS).await;
    handle_all(&log, "slow", &topic::COMMANDS).await;
    fill(&log, &topic::COMMANDS, 300).await;
    let all = rig.segments().len();
    assert!(all > 5, "{all}");
    rig.clock.advance_ms(8 * DAY_MS);
    assert_eq!(handle_all(&log, "fast", &topic::COMMANDS).await, 300);
    log.checkpoint().expect("synced");
    assert_eq!(rig.segments().len(), all, "the slow group has not read them");
    assert_eq!(handle_all(&log, "slow", &topic::COMMANDS).await, 300);
    assert_eq!(rig.segments().len(), all, "the cursor is not synced");
    log.checkpoint().expect("synced");
    assert_eq!(rig.segments().len(), 1, "all but the newest");
    let state = log.describe(&topic::COMMANDS).await.expect("described")[0];
    assert!(state.first > 200 && state.end == 300, "{state:?}");
    // Young records stay.
    fill(&log, &topic::COMMANDS, 200).await;
    let now = rig.segments().len();
    handle_all(&log, "fast", &topic::COMMANDS).await;
    handle_all(&log, "slow", &topic::COMMANDS).await;
    log.checkpoint().expect("synced");
    assert_eq!(rig.segments().len(), now);
    log.close().await;
    drop(log);
    // And the partition goes on where it was, with what is left.
    let log = rig.open();
    let reopened = log.describe(&topic::COMMANDS).await.expect("described")[0];
    assert_eq!(reopened.end, 500);
    let mut tail = log.tail(&topic::COMMANDS, vec![0], Start::At(3)).await.expect("tail");
    assert_eq!(tail.next().await.err(), Some(Error::OutOfRange(reopened.first)));
    assert_eq!(tail.next().await.expect("records")[0].position.offset, reopened.first);
}

#[tokio::test]
async fn derived_records_go_when_they_are_read_and_old() {
    let rig = Rig::new();
    let log = rig.open();
    handle_all(&log, "fanout", &topic::EVENTS).await;
    fill(&log, &topic::EVENTS, 50).await;
    rig.clock.advance_ms(8 * DAY_MS);
    fill(&log, &topic::EVENTS, 5).await;
    log.checkpoint().expect("synced");
    assert_eq!(log.describe(&topic::EVENTS).await.expect("described")[0].first, 0);
    handle_all(&log, "fanout", &topic::EVENTS).await;
    log.checkpoint().expect("synced");
    let state = log.describe(&topic::EVENTS).await.expect("described")[0];
    assert_eq!((state.first, state.end), (50, 55));
    drop(log);
    rig.clock.advance_ms(8 * DAY_MS);
    let log = rig.open();
    log.checkpoint().expect("synced");
    let state = log.describe(&topic::EVENTS).await.expect("described")[0];
    assert_eq!((state.first, state.end), (54, 55), "the newest keeps the place");
    drop(log);
    let log = rig.open();
    let at = log.append(Budget::Worker, vec![record(&topic::EVENTS, 0, "next")]).await;
    assert_eq!(at.expect("appended")[0].offset, 55);
}

#[tokio::test]
async fn a_lost_or_replaced_log_refuses_to_start() {
    let rig = Rig::new();
    let log = rig.open();
    fill(&log, &topic::COMMANDS, 5).await;
    log.close().await;
    drop(log);
    let old = rig.fs.kill();
    let log = rig.open();
    fill(&log, &topic::COMMANDS, 5).await;
    log.close().await;
    drop(log);
    let gone = why(rig.try_open(&FaultFs::new()));
    assert!(gone.contains("is gone") && gone.contains("belong together"), "{gone}");
    let older = why(rig.try_open(&old));
    assert!(older.contains("up to 10") && older.contains("ends at 5"), "{older}");
    let other = Rig::new();
    fill(&other.open(), &topic::COMMANDS, 20).await;
    let replaced = why(rig.try_open(&other.fs));
    assert!(replaced.contains("another one"), "{replaced}");
    // The refusals changed nothing.
    assert_eq!(rig.open().describe(&topic::COMMANDS).await.expect("described")[0].end, 10);
}

#[tokio::test]
async fn a_new_store_takes_a_whole_log_and_no_other() {
    let rig = Rig::new();
    let log = rig.open();
    fill(&log, &topic::COMMANDS, 200).await;
    handle_all(&log, "persist", &topic::COMMANDS).await;
    log.close().await;
    drop(log);
    let store = rig.dir.path().join("store");
    let wipe = |store: &Path| std::fs::remove_dir_all(store).expect("removed");
    wipe(&store);
    let log = rig.open();
    assert_eq!(handle_all(&log, "persist", &topic::COMMANDS).await, 200);
    rig.clock.advance_ms(8 * DAY_MS);
    log.checkpoint().expect("synced");
    log.close().await;
    drop(log);
    wipe(&store);
    let error = why(rig.try_open(&rig.fs));
    assert!(error.contains("no longer begins"), "{error}");
}

#[tokio::test]
async fn what_a_kill_left_unacknowledged_is_there_or_not_but_never_half() {
    let rig = Rig::new();
    let log = rig.open();
    let calls: Vec<_> = (0..50_u32)
        .map(|n| {
            let pair = vec![
                record(&topic::COMMANDS, 0, &n.to_string()),
                record(&topic::COMMANDS, 0, &n.to_string()),
            ];
            log.append(Budget::Worker, pair)
        })
        .collect();
    let left = rig.fs.kill();
    drop(calls);
    log.close().await;
    drop(log);
    // The store went on to the end, this log did not.
    std::fs::remove_dir_all(rig.dir.path().join("store")).expect("removed");
    let log = rig.try_open(&left).expect("the log opens");
    let end = log.describe(&topic::COMMANDS).await.expect("described")[0].end;
    assert!(end % 2 == 0, "a group is written at once: {end}");
}

#[tokio::test]
async fn dropping_a_log_leaves_no_thread_behind() {
    let rig = Rig::new();
    for _ in 0..3 {
        let log = rig.open();
        let member = log.join("again", &topic::COMMANDS).await.expect("joined");
        fill(&log, &topic::COMMANDS, 1).await;
        drop(member);
        drop(log);
    }
    let names: BTreeSet<String> = rig.segments().into_iter().collect();
    assert_eq!(names.len(), 3, "one for each start that wrote: {names:?}");
}
