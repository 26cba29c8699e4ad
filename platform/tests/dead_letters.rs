//! Dead letters on the engines of this crate.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use platform::dead_letters::{Action, Refusal};
use platform::embedded::{EmbeddedLog, LocalEphemeral, LogConfig, LsmConfig, LsmStore};
use platform::memory::{Faults, MemoryLog, MemoryStore};
use platform::port::clock::SystemClock;
use platform::port::log::{Append, Budget};
use platform::telemetry::Metrics;
use platform::testing::dead_letters::poison_comes_back;
use platform::{Log, Platform, Store, dead_letters};
use schemas::letter::{DROPPED, Letter, Mark, Unfit};
use schemas::topic::{COMMANDS, DEAD_LETTERS, EVENTS, Headers, Topic};

fn platform(log: Arc<dyn Log>, store: Arc<dyn Store>) -> Platform {
    let clock = Arc::new(SystemClock);
    let ephemeral = Arc::new(LocalEphemeral::new(clock.clone()));
    Platform { log, store, ephemeral, clock, metrics: Metrics::new() }
}

fn embedded(dir: &Path) -> Platform {
    let store = LsmStore::open(&dir.join("store"), LsmConfig::default()).expect("the store");
    let clock = Arc::new(SystemClock);
    let log = EmbeddedLog::open(&dir.join("log"), store.clone(), clock, LogConfig::default());
    platform(Arc::new(log.expect("the log")), Arc::new(store))
}

#[tokio::test]
async fn poison_comes_back_in_memory() {
    let faults = Faults::default();
    let log = MemoryLog::new(Arc::new(SystemClock), faults.clone());
    poison_comes_back(platform(Arc::new(log), Arc::new(MemoryStore::new(faults)))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn poison_comes_back_on_the_embedded_engines() {
    let dir = tempfile::tempdir().expect("a folder");
    let platform = embedded(dir.path());
    poison_comes_back(platform.clone()).await;
    platform.log.close().await;
    drop(platform);
    // Letters and marks are read from the disk after a restart.
    let platform = embedded(dir.path());
    let states = platform.log.describe(&DEAD_LETTERS).await.expect("states");
    assert_eq!(states[0].end, 10, "five letters and their marks");
    let list = dead_letters::list(&*platform.log, 10).await.expect("a list");
    assert_eq!(list, dead_letters::List::default());
}

async fn put(log: &dyn Log, headers: Headers) {
    let (key, value) = (Bytes::from_static(b"k"), Bytes::new());
    let append = Append { topic: &DEAD_LETTERS, partition: 0, key, headers, value };
    log.append(Budget::Worker, vec![append]).await.expect("appended");
}

fn letter(topic: &Topic) -> Headers {
    let letter = Letter {
        pool: Some("persist".to_owned()),
        topic: topic.name.to_owned(),
        partition: 0,
        offset: 0,
        reason: "planted".to_owned(),
        tries: 1,
        record_bytes: None,
        key: Bytes::from_static(b"k"),
        headers: Vec::new(),
        value: Bytes::new(),
    };
    letter.fit().headers()
}

fn dropped(resolves: u64) -> Headers {
    Mark { resolves, outcome: DROPPED.to_owned(), retried_at: None }.headers()
}

#[tokio::test]
async fn a_list_has_the_newest_and_counts_the_others_whatever_marks_say() {
    let log = MemoryLog::new(Arc::new(SystemClock), Faults::default());
    for _ in 0..5 {
        put(&log, letter(&COMMANDS)).await;
    }
    // Twice about one, and about one that has expired.
    for resolves in [3, 3, 3, 10_000] {
        put(&log, dropped(resolves)).await;
    }
    for (limit, ids, more) in
        [(0, vec![], 4), (2, vec![2, 4], 2), (4, vec![0, 1, 2, 4], 0), (9, vec![0, 1, 2, 4], 0)]
    {
        let list = dead_letters::list(&log, limit).await.expect("a list");
        let listed: Vec<u64> = list.letters.into_keys().collect();
        assert_eq!((listed, list.more), (ids, more), "{limit}");
    }
}

#[tokio::test]
async fn a_letter_of_an_event_is_never_appended_again() {
    let log = MemoryLog::new(Arc::new(SystemClock), Faults::default());
    put(&log, letter(&EVENTS)).await;
    let settled = dead_letters::settle(&log, Action::Retry, &[0]).await.expect("settled");
    assert_eq!(settled, [(0, Err(Refusal::Unfit { id: 0, why: Unfit::Event }))]);
    let events = log.describe(&EVENTS).await.expect("states");
    assert!(events.iter().all(|state| state.end == 0), "{events:?}");
    let settled = dead_letters::settle(&log, Action::Drop, &[0]).await.expect("settled");
    assert_eq!(settled, [(0, Ok(None))]);
}
