//! The pools in the partition driver, on memory and embedded engines: poison (G-16), an engine that
//! is away (G-21), a change of owners under load (G-07).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use platform::Platform;
use platform::dead_letters::{self, Action};
use platform::embedded::{EmbeddedLog, LocalEphemeral, LogConfig, LsmConfig, LsmStore};
use platform::lifecycle::Lifecycle;
use platform::memory::{Fault, Faults, MemoryLog, MemoryStore, Operation};
use platform::partition::driver::{self, Limits, Source};
use platform::partition::progress::Progress;
use platform::partition::{Failure, Handler, LaneKey};
use platform::port::clock::SystemClock;
use platform::port::log::{Append, Budget, Log, Record, Start};
use platform::port::store;
use platform::telemetry::Metrics;
use schemas::envelope::{self, Content};
use schemas::message::table::{IdIndex, MessageBySeq};
use schemas::table::{Batch, Write};
use schemas::topic::{COMMANDS, DEAD_LETTERS, EVENTS, header, header_of};
use schemas::{MessageId, Stamp, event::Event, partition};
use workers::fold::round::Lane;
use workers::fold::shell::Shell;
use workers::persist::Persist;

use crate::sim::{Ask, conversation, item, user};

/// Longest wait for what would otherwise never come.
const SOON: Duration = Duration::from_secs(30);

fn platform(log: Arc<dyn Log>, store: Arc<dyn platform::Store>) -> Platform {
    let clock = Arc::new(SystemClock);
    Platform {
        log,
        store,
        ephemeral: Arc::new(LocalEphemeral::new(clock.clone())),
        clock,
        metrics: Metrics::new(),
    }
}

fn memory() -> (Platform, MemoryLog, Faults) {
    let faults = Faults::default();
    let log = MemoryLog::new(Arc::new(SystemClock), faults.clone());
    let store = MemoryStore::new(faults.clone());
    (platform(Arc::new(log.clone()), Arc::new(store)), log, faults)
}

fn embedded(dir: &std::path::Path) -> Platform {
    let store = LsmStore::open(&dir.join("store"), LsmConfig::default()).unwrap();
    let clock = Arc::new(SystemClock);
    let log = EmbeddedLog::open(&dir.join("log"), store.clone(), clock, LogConfig::default());
    platform(Arc::new(log.unwrap()), Arc::new(store))
}

fn append(key: impl Into<Bytes>, value: impl Into<Bytes>) -> Append {
    // All of them in the partition of the test's conversation.
    let partition = partition::of(conversation().to_string().as_bytes(), 8);
    Append { topic: &COMMANDS, partition, key: key.into(), headers: vec![], value: value.into() }
}

fn command(ask: &Ask, number: u64) -> Append {
    let mut item = item(ask, number);
    item.meta.reply_to = None;
    let Content::Known(command) = item.content else { panic!("known") };
    let value = envelope::encode(&item.meta, &command).unwrap();
    append(conversation().to_string(), value)
}

async fn put(platform: &Platform, records: Vec<Append>) {
    platform.log.append(Budget::Worker, records).await.unwrap();
}

async fn ends(platform: &Platform) -> Vec<(u32, u64)> {
    let states = platform.log.describe(&COMMANDS).await.unwrap();
    states.into_iter().map(|state| (state.partition, state.end)).collect()
}

async fn within<T>(what: &str, limit: Duration, run: impl Future<Output = T>) -> T {
    tokio::time::timeout(limit, run).await.unwrap_or_else(|_| panic!("{what} within {limit:?}"))
}

/// Persist, but it panics on what contains "boom" while it is told to.
struct Fragile {
    inner: Shell<Persist>,
    broken: AtomicBool,
    panics: AtomicU32,
}

impl Fragile {
    fn new(platform: &Platform) -> Arc<Self> {
        Arc::new(Self {
            inner: Shell::new(platform.clone()),
            broken: AtomicBool::new(true),
            panics: AtomicU32::new(0),
        })
    }
}

#[async_trait]
impl Handler for Fragile {
    type Lane = Lane<Persist>;
    fn pool(&self) -> &'static str {
        "persist"
    }
    fn lane(&self, record: &Record) -> Result<LaneKey, String> {
        self.inner.lane(record)
    }
    fn open(&self, key: LaneKey, partition: u32) -> Self::Lane {
        self.inner.open(key, partition)
    }
    async fn handle(&self, lane: &mut Self::Lane, batch: &[Record]) -> Result<(), Failure> {
        let boom = |record: &Record| record.value.windows(11).any(|w| w == b"content 250");
        if self.broken.load(Ordering::SeqCst) && batch.iter().any(boom) {
            self.panics.fetch_add(1, Ordering::SeqCst);
            panic!("planted");
        }
        self.inner.handle(lane, batch).await
    }
}

fn start<H: Handler>(platform: &Platform, handler: Arc<H>) -> (Lifecycle, Progress) {
    let (life, progress) = (Lifecycle::new(), Progress::default());
    let source = Source { group: "persist", topic: &COMMANDS };
    let run = driver::run(
        handler,
        platform.clone(),
        source,
        Limits::default(),
        progress.clone(),
        life.stopping(),
    );
    life.component("persist", run);
    (life, progress)
}

async fn stop(life: Lifecycle) {
    life.stop();
    assert_eq!(life.drained(SOON).await, Vec::<&str>::new());
}

async fn contents(platform: &Platform) -> Vec<String> {
    let scan = MessageBySeq::page_up(conversation(), 1, 1_000, 1_000);
    let rows = store::scan(&*platform.store, scan).await.unwrap();
    for (seq, row) in (1..).zip(&rows) {
        assert_eq!(row.seq, seq, "dense");
    }
    let content = |row: &MessageBySeq| {
        let view: schemas::message::view::Message<'_> = serde_json::from_slice(&row.body).unwrap();
        view.content.into_owned()
    };
    rows.iter().map(content).collect()
}

async fn letters(platform: &Platform, count: usize) -> Vec<Record> {
    let mut tail = platform.log.tail(&DEAD_LETTERS, vec![0], Start::Earliest).await.unwrap();
    let mut found = Vec::new();
    while found.len() < count {
        found.extend(within("dead letters", SOON, tail.next()).await.unwrap());
    }
    found
}

fn text<'a>(record: &'a Record, name: &str) -> &'a str {
    std::str::from_utf8(header_of(&record.headers, name).unwrap()).unwrap()
}

async fn poison_is_isolated(platform: Platform) {
    let handler = Fragile::new(&platform);
    let (life, progress) = start(&platform, handler.clone());
    let garbage = Bytes::from_static(b"\xff\x00 not a command");
    put(
        &platform,
        vec![
            command(&Ask::Create, 1),
            command(&Ask::Send(0, None, 1), 2),
            append(conversation().to_string(), garbage.clone()),
            append("no id", "{}"),
            command(&Ask::Send(1, None, 250), 3),
            command(&Ask::Send(1, None, 2), 4),
        ],
    )
    .await;
    let ends_now = ends(&platform).await;
    within("the others go on", SOON, progress.reached(&ends_now)).await;
    assert_eq!(contents(&platform).await, ["content 1", "content 2"]);

    let letters = letters(&platform, 3).await;
    assert_eq!(letters.len(), 3);
    let by_reason = |part: &str| {
        letters.iter().find(|letter| text(letter, header::REASON).contains(part)).unwrap()
    };
    assert_eq!(by_reason("undecodable").value, garbage);
    assert_eq!(by_reason("key").value, Bytes::from_static(b"{}"));
    let panicked = by_reason("panic: planted");
    assert_eq!(text(panicked, header::SOURCE_TOPIC), "chat.commands");
    assert_eq!(text(panicked, header::TRIES), "5");
    // The batch once, then the record alone, five times.
    assert!(handler.panics.load(Ordering::SeqCst) <= 6);

    // Mended, they are retried: what can be handled now is, once; what can not is put away again.
    handler.broken.store(false, Ordering::SeqCst);
    retried(&platform, &progress, &[0, 1, 2]).await;
    let all = ["content 1", "content 2", "content 250"];
    assert_eq!(contents(&platform).await, all);
    let list = dead_letters::list(&*platform.log, 10).await.unwrap();
    let reasons: Vec<&str> = list.letters.values().map(|w| w.letter.reason.as_str()).collect();
    assert!(reasons.len() == 2 && !reasons.iter().any(|r| r.contains("panic")), "{reasons:?}");

    // Killed between the record and its mark, the letter would be on the list still: a second retry.
    let again = retries(&platform).await;
    assert!(again.iter().any(|record| record.value == panicked.value));
    put(&platform, again).await;
    let ends_now = ends(&platform).await;
    within("the second retry", SOON, progress.reached(&ends_now)).await;
    assert_eq!(contents(&platform).await, all, "the same message, not a second one");
    stop(life).await;
}

/// The records that retries have appended.
async fn retries(platform: &Platform) -> Vec<Append> {
    let mut found = Vec::new();
    for (partition, end) in ends(platform).await.into_iter().filter(|(_, end)| *end > 0) {
        let tail = platform.log.tail(&COMMANDS, vec![partition], Start::Earliest).await;
        let (mut tail, mut next) = (tail.unwrap(), 0);
        while next < end {
            for Record { topic, position, key, headers, value, .. } in tail.next().await.unwrap() {
                next = position.offset + 1;
                if header_of(&headers, header::RETRY_OF).is_some() {
                    found.push(Append { topic, partition, key, headers, value });
                }
            }
        }
    }
    found
}

/// Retries these letters and waits until their records are handled.
async fn retried(platform: &Platform, progress: &Progress, ids: &[u64]) {
    let settled = dead_letters::settle(&*platform.log, Action::Retry, ids).await.unwrap();
    assert!(settled.iter().all(|(_, outcome)| outcome.is_ok()), "{settled:?}");
    let ends_now = ends(platform).await;
    within("the retry", SOON, progress.reached(&ends_now)).await;
}

#[tokio::test]
async fn a_poisoned_record_as_large_as_records_are_is_put_away_and_said_to_be_cut() {
    let platform = memory().0;
    let (life, progress) = start(&platform, Fragile::new(&platform));
    let size = schemas::limits::RECORD_BYTES - 1_000;
    put(&platform, vec![append("no id", Bytes::from(vec![b'x'; size]))]).await;
    let ends_now = ends(&platform).await;
    within("it is finished", SOON, progress.reached(&ends_now)).await;
    let letters = letters(&platform, 1).await;
    let reason = text(&letters[0], header::REASON);
    assert!(reason.ends_with(&format!("(cut: 5 bytes of key and {size} of value)")), "{reason}");
    assert!(letters[0].value.len() > size - 10_000 && letters[0].value.len() < size);
    stop(life).await;
}

#[tokio::test]
async fn a_row_that_can_not_be_read_costs_only_the_record_that_needs_it() {
    let platform = memory().0;
    let message = MessageId::derived(user(1), conversation(), "7");
    let (conversation, body_hash) = (conversation(), Bytes::new());
    let index = IdIndex { message, conversation, seq: 1, rev: 2, position: 0, body_hash };
    let mut row = Write::insert(&index, Stamp(1));
    *row.cells.last_mut().unwrap() = None;
    platform.store.write(Batch { fence: None, writes: vec![row] }).await.unwrap();
    let asks = [
        Ask::Create,
        Ask::Send(0, None, 1),
        Ask::Send(1, Some(7), 2),
        Ask::Send(1, Some(8), 3),
        Ask::Send(0, None, 4),
    ];
    let records: Vec<Append> = (1..).zip(&asks).map(|(number, ask)| command(ask, number)).collect();
    put(&platform, records.clone()).await;
    let (life, progress) = start(&platform, Arc::new(Shell::<Persist>::new(platform.clone())));
    let ends_now = ends(&platform).await;
    within("the others go on", SOON, progress.reached(&ends_now)).await;
    assert_eq!(contents(&platform).await, ["content 1", "content 3", "content 4"]);
    let letters = letters(&platform, 1).await;
    assert_eq!(platform.log.describe(&DEAD_LETTERS).await.unwrap()[0].end, 1);
    assert_eq!(letters[0].value, records[2].value);
    assert!(text(&letters[0], header::REASON).contains("id_index"));
    stop(life).await;
}

#[tokio::test]
async fn poison_is_isolated_in_memory() {
    poison_is_isolated(memory().0).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn poison_is_isolated_on_the_embedded_engines() {
    let dir = tempfile::tempdir().unwrap();
    poison_is_isolated(embedded(dir.path())).await;
}

#[tokio::test]
async fn a_store_that_is_away_is_waited_for_and_nothing_is_skipped() {
    let (platform, _, faults) = memory();
    let away = Arc::new(AtomicBool::new(true));
    let refused = Arc::new(AtomicU32::new(0));
    let (told, counts) = (away.clone(), refused.clone());
    faults.on(move |operation| match operation {
        Operation::Write | Operation::Get | Operation::Scan if told.load(Ordering::SeqCst) => {
            counts.fetch_add(1, Ordering::SeqCst);
            Fault::Refuse
        }
        _ => Fault::None,
    });
    let (life, progress) = start(&platform, Arc::new(Shell::<Persist>::new(platform.clone())));
    let mut records = vec![command(&Ask::Create, 1)];
    records.extend((0..50u8).map(|n| command(&Ask::Send(n % 2, Some(n), n), u64::from(n) + 2)));
    put(&platform, records).await;
    let tries = async {
        while refused.load(Ordering::SeqCst) < 3 {
            tokio::task::yield_now().await;
        }
    };
    within("it tries again", SOON, tries).await;
    let committed = platform.log.committed("persist", &COMMANDS).await.unwrap();
    assert!(committed.iter().all(|(_, next)| *next == 0), "{committed:?}");
    away.store(false, Ordering::SeqCst);
    let ends_now = ends(&platform).await;
    within("catching up", SOON, progress.reached(&ends_now)).await;
    assert_eq!(contents(&platform).await.len(), 50);
    assert_eq!(platform.log.describe(&DEAD_LETTERS).await.unwrap()[0].end, 0);
    stop(life).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn owners_come_and_go_under_load_and_every_message_is_there_once() {
    let (platform, log, _) = memory();
    let mut lives = Vec::new();
    let mut last = None;
    put(&platform, vec![command(&Ask::Create, 1)]).await;
    for round in 0..12u8 {
        let (life, progress) = start(&platform, Arc::new(Shell::<Persist>::new(platform.clone())));
        lives.push(life);
        last = Some(progress);
        for n in 0..20u8 {
            let ask = Ask::Send(n % 2, Some(round), n);
            put(&platform, vec![command(&ask, 100 + u64::from(round) * 20 + u64::from(n))]).await;
        }
        if round % 3 == 2 {
            log.evict_oldest("persist", &COMMANDS);
        }
        if lives.len() > 2 {
            let life = lives.remove(0);
            life.stop();
            life.drained(Duration::from_secs(5)).await;
        }
    }
    // Whoever has the partition now finishes it.
    let ends_now = ends(&platform).await;
    let (life, progress) = start(&platform, Arc::new(Shell::<Persist>::new(platform.clone())));
    for other in lives {
        other.stop();
        other.drained(Duration::from_secs(5)).await;
    }
    drop(last);
    within("the last owner", SOON, progress.reached(&ends_now)).await;
    // Two senders, twelve client ids each: the first of each is a message, the rest are mismatches.
    assert_eq!(contents(&platform).await.len(), 24);
    let events: Vec<Event> = log
        .records(&EVENTS)
        .into_iter()
        .map(|record| Event::read(&record.headers, record.value).unwrap())
        .collect();
    for rev in 1..=25 {
        let mut frames = events.iter().filter(|e| e.rev == rev).map(Event::frame);
        let first = frames.next().unwrap_or_else(|| panic!("rev {rev} was emitted"));
        assert!(frames.all(|frame| frame == first), "rev {rev} means one thing");
    }
    stop(life).await;
}
