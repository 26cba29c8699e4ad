//! What an operator does about poison (G-16), on any platform: `tests/dead_letters.rs` runs it on memory and
//! on the embedded engines, `engines/tests/kafka` on Kafka.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use schemas::letter::Unfit;
use schemas::topic::{Headers, RECEIPTS, header};
use schemas::{limits, partition};

use crate::Platform;
use crate::dead_letters::{self, Action, List, Refusal};
use crate::lifecycle::Lifecycle;
use crate::partition::driver::{self, Limits, Source};
use crate::partition::progress::Progress;
use crate::partition::{Failure, Handler, LaneKey};
use crate::port::log::{Append, Budget, Record};

const SOON: Duration = Duration::from_secs(30);

/// Keeps every record but those with poison in them, at which it panics until it is mended.
#[derive(Default)]
struct Fragile {
    mended: AtomicBool,
    kept: Mutex<Vec<(Bytes, Headers, Bytes)>>,
}

#[async_trait]
impl Handler for Fragile {
    type Lane = ();

    fn pool(&self) -> &'static str {
        "fanout"
    }

    fn lane(&self, record: &Record) -> Result<LaneKey, String> {
        Ok(record.key.iter().fold(0, |key, byte| (key << 8) | LaneKey::from(*byte)))
    }

    fn open(&self, _: LaneKey, _: u32) {}

    async fn handle(&self, (): &mut (), batch: &[Record]) -> Result<(), Failure> {
        let poison = |record: &&Record| record.value.starts_with(b"poison");
        if let Some(record) = batch.iter().find(poison)
            && !self.mended.load(Ordering::SeqCst)
        {
            let offset = record.position.offset;
            return Err(Failure::Poison { offset, reason: "planted".to_owned() });
        }
        let kept = batch.iter().map(|r| (r.key.clone(), r.headers.clone(), r.value.clone()));
        self.kept.lock().extend(kept);
        Ok(())
    }
}

impl Fragile {
    fn kept(&self, value: &str) -> Vec<Headers> {
        let kept = self.kept.lock();
        let same = kept.iter().filter(|(_, _, other)| other.as_ref() == value.as_bytes());
        same.map(|(_, headers, _)| headers.clone()).collect()
    }
}

fn as_text(bytes: &Bytes) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

fn headers(of: &str) -> Headers {
    vec![
        (header::CE_ID, Bytes::from(of.to_owned())),
        (header::AUDIENCE, Bytes::from_static(&[0, 1, 254, 255])),
    ]
}

struct Stage {
    platform: Platform,
    handler: Arc<Fragile>,
    progress: Progress,
}

impl Stage {
    /// Appends records of a key, and waits until every record is handled.
    async fn put(&self, key: &'static str, values: &[Bytes]) {
        let log = &self.platform.log;
        let append = |value: &Bytes| Append {
            topic: &RECEIPTS,
            partition: partition::of(key.as_bytes(), log.partitions(&RECEIPTS)),
            key: Bytes::from_static(key.as_bytes()),
            headers: headers(&String::from_utf8_lossy(&value[..value.len().min(20)])),
            value: value.clone(),
        };
        log.append(Budget::Worker, values.iter().map(append).collect()).await.expect("appended");
        self.handled().await;
    }

    async fn handled(&self) {
        let states = self.platform.log.describe(&RECEIPTS).await.expect("states");
        let ends: Vec<(u32, u64)> = states.iter().map(|s| (s.partition, s.end)).collect();
        let reached = tokio::time::timeout(SOON, self.progress.reached(&ends)).await;
        reached.expect("the pool goes on");
    }

    async fn list(&self) -> List {
        dead_letters::list(&*self.platform.log, 100).await.expect("a list")
    }

    /// The numbers on the list.
    async fn ids(&self) -> Vec<u64> {
        self.list().await.letters.into_keys().collect()
    }

    async fn settle(&self, action: Action, ids: &[u64]) -> Vec<Result<(), Refusal>> {
        let settled = dead_letters::settle(&*self.platform.log, action, ids).await;
        self.handled().await;
        settled.expect("settled").into_iter().map(|(_, outcome)| outcome.map(drop)).collect()
    }
}

/// Poison is put away while others go on; when its cause is gone it is retried, and applied once, with
/// the headers it had. A retry that fails again is a new letter. What can not be retried is dropped.
pub async fn poison_comes_back(platform: Platform) {
    let (life, handler, progress) =
        (Lifecycle::new(), Arc::<Fragile>::default(), Progress::default());
    let source = Source { group: "fanout", topic: &RECEIPTS };
    let limits = Limits::default();
    let (run, stop) = (platform.clone(), life.stopping());
    let run = driver::run(handler.clone(), run, source, limits, progress.clone(), stop);
    life.component("fanout", run);
    let stage = Stage { platform, handler, progress };
    assert_eq!(stage.list().await, List::default());

    let text = |text: &str| Bytes::from(text.to_owned());
    stage.put("a", &[text("a1"), text("poison"), text("a2"), text("poison too")]).await;
    stage.put("b", &[text("b1")]).await;
    for value in ["a1", "a2", "b1"] {
        assert_eq!(stage.handler.kept(value), [headers(value)], "{value}: others go on");
    }
    let list = stage.list().await;
    let (first, waiting) = list.letters.first_key_value().expect("a letter");
    let (first, letter) = (*first, &waiting.letter);
    assert_eq!((list.letters.len(), list.more), (2, 0));
    assert_eq!((letter.pool.as_deref(), letter.topic.as_str()), (Some("fanout"), "chat.receipts"));
    assert_eq!((letter.reason.as_str(), letter.tries, &waiting.fit), ("planted", 1, &Ok(())));
    let whole = dead_letters::find(&*stage.platform.log, first).await.expect("read");
    let whole = whole.expect("found").letter.letter;
    assert_eq!((whole.value, whole.headers), (text("poison"), headers("poison")));

    // Too early: it is a letter again, under a new number.
    assert_eq!(stage.settle(Action::Retry, &[first]).await, [Ok(())]);
    let ids = stage.ids().await;
    assert!(ids.len() == 2 && !ids.contains(&first), "{ids:?}");
    assert!(stage.handler.kept("poison").is_empty());

    stage.handler.mended.store(true, Ordering::SeqCst);
    assert_eq!(stage.settle(Action::Retry, &ids).await, [Ok(()), Ok(())]);
    for value in ["poison", "poison too"] {
        let kept = stage.handler.kept(value);
        let [headers] = kept.as_slice() else { panic!("{value}: {} times", kept.len()) };
        let (again, as_it_was) = headers.split_last().expect("headers");
        assert_eq!(as_it_was, self::headers(value));
        assert!(
            again.0 == header::RETRY_OF
                && as_text(&again.1).parse().is_ok_and(|id| ids.contains(&id))
        );
    }
    assert_eq!(stage.list().await, List::default());
    let again = stage.settle(Action::Retry, &[first, 10_000]).await;
    assert!(matches!(&again[0], Err(Refusal::Resolved { outcome, .. }) if outcome == "retried"));
    assert_eq!(again[1], Err(Refusal::Unknown(10_000)));

    // Three letters are done, and marks are no letters.
    let all = stage.settle(Action::Drop, &[0, 1, 2, 3, 4, 5]).await;
    assert!(all.iter().all(Result::is_err), "{all:?}");

    stage.handler.mended.store(false, Ordering::SeqCst);
    let mut large = b"poison".to_vec();
    large.resize(limits::RECORD_BYTES - 200, b'x');
    stage.put("a", &[Bytes::from(large), text("poison 3"), text("a3")]).await;
    stage.handler.mended.store(true, Ordering::SeqCst);
    let ids: BTreeSet<u64> = stage.ids().await.into_iter().collect();
    let ids: Vec<u64> = ids.into_iter().collect();
    let settled = stage.settle(Action::Retry, &ids).await;
    let cut = Err(Refusal::Unfit { id: ids[0], why: Unfit::Cut });
    assert_eq!(settled, [cut, Ok(())], "what is refused holds up nobody");
    assert_eq!(stage.handler.kept("poison 3").len(), 1);
    assert_eq!(stage.ids().await, [ids[0]]);
    assert_eq!(stage.settle(Action::Drop, &[ids[0]]).await, [Ok(())]);
    assert_eq!(stage.list().await, List::default());

    life.stop();
    assert_eq!(life.drained(Duration::from_secs(10)).await, Vec::<&str>::new());
}
