//! Reading the embedded log.

use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use platform::embedded::{EmbeddedLog, LogConfig, LsmConfig, LsmStore, TailLimits};
use platform::port::clock::SystemClock;
use platform::port::log::{Append, Budget};
use schemas::Timestamp;
use schemas::topic::{EVENTS, OUTBOUND};

use super::*;

/// Records that volatile topics keep.
const RING: usize = 10;

fn log(dir: &Path) -> Arc<dyn Log> {
    let store = LsmStore::open(&dir.join("store"), LsmConfig::default()).unwrap();
    let ring = TailLimits { records: RING, bytes: 1 << 20 };
    let config = LogConfig { ring, ..LogConfig::default() };
    Arc::new(EmbeddedLog::open(&dir.join("log"), store, Arc::new(SystemClock), config).unwrap())
}

async fn put(log: &Arc<dyn Log>, topic: &'static Topic, key: &str, values: std::ops::Range<u32>) {
    let append = |value: u32| Append {
        topic,
        partition: partition::of(key.as_bytes(), log.partitions(topic)),
        key: Bytes::from(key.to_owned()),
        headers: Vec::new(),
        value: Bytes::from(value.to_string()),
    };
    log.append(Budget::Worker, values.map(append).collect()).await.unwrap();
}

fn ask(topic: &Topic, from: From) -> Ask {
    Ask {
        topic: topic.name.to_owned(),
        from: Some(from),
        limit: None,
        key: None,
        partition: None,
        until_end: true,
    }
}

/// What comes until the end: values, and what was skipped as `from-to`.
async fn all(follow: &mut Follow) -> Vec<String> {
    let mut out = Vec::new();
    loop {
        let next = tokio::time::timeout(Duration::from_secs(10), follow.next()).await;
        match next.expect("in time").unwrap() {
            Some(Line::Record(shown)) => out.push(shown.value.unwrap().get().to_owned()),
            Some(Line::Skipped { from, to, .. }) => out.push(format!("{from}-{to}")),
            None => return out,
        }
    }
}

async fn read(log: &Arc<dyn Log>, ask: &Ask) -> Vec<String> {
    let mut values = all(&mut Follow::begin(log, ask).await.unwrap()).await;
    // Between partitions there is no order.
    values.sort_by_key(|value| value.parse::<u32>().unwrap_or(0));
    values
}

fn numbers(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

#[tokio::test]
async fn a_topic_is_read_from_where_it_was_asked_to_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let log = log(dir.path());
    put(&log, &EVENTS, "a", 0..5).await;
    put(&log, &EVENTS, "c", 5..8).await;
    assert_ne!(partition::of(b"a", 8), partition::of(b"c", 8), "keys of two partitions");
    assert_eq!(read(&log, &ask(&EVENTS, From::Earliest)).await, numbers(0..8));
    assert_eq!(read(&log, &ask(&EVENTS, From::Latest)).await, numbers(0..0));
    assert_eq!(read(&log, &ask(&EVENTS, From::Offset(3))).await, numbers(3..5));
    let (long_ago, to_come) = (From::Since(Timestamp(1)), From::Since(Timestamp(i64::MAX)));
    assert_eq!(read(&log, &ask(&EVENTS, long_ago)).await, numbers(0..8));
    assert_eq!(read(&log, &ask(&EVENTS, to_come)).await, numbers(0..0));
    let of_a = Ask { key: Some("a".to_owned()), ..ask(&EVENTS, From::Earliest) };
    assert_eq!(read(&log, &of_a).await, numbers(0..5));
    let limited = Ask { limit: Some(2), until_end: false, ..of_a.clone() };
    assert_eq!(read(&log, &limited).await, numbers(0..2));
    let elsewhere = Ask { partition: Some(partition::of(b"c", 8)), ..of_a.clone() };
    assert_eq!(read(&log, &elsewhere).await, numbers(0..0));
    let none = Ask { partition: Some(8), ..of_a };
    let refused = Follow::begin(&log, &none).await.err().unwrap();
    assert_eq!(refused.message, "chat.events has partitions 0 to 7");
}

#[tokio::test]
async fn what_comes_after_the_start_is_followed() {
    let dir = tempfile::tempdir().unwrap();
    let log = log(dir.path());
    put(&log, &EVENTS, "a", 0..5).await;
    let live = Ask { until_end: false, limit: Some(3), ..ask(&EVENTS, From::Latest) };
    let mut follow = Follow::begin(&log, &live).await.unwrap();
    put(&log, &EVENTS, "a", 5..9).await;
    assert_eq!(all(&mut follow).await, numbers(5..8));
}

#[tokio::test]
async fn what_the_log_forgot_before_it_was_read_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let log = log(dir.path());
    put(&log, &OUTBOUND, "a", 0..2).await;
    let live = Ask { until_end: false, limit: Some(12), ..ask(&OUTBOUND, From::Earliest) };
    let mut follow = Follow::begin(&log, &live).await.unwrap();
    assert!(matches!(follow.next().await, Ok(Some(Line::Record(_)))));
    // Nobody reads for a while: of 30 more the ring keeps the last.
    put(&log, &OUTBOUND, "a", 2..32).await;
    let mut expected = vec!["1".to_owned(), "2-22".to_owned()];
    expected.extend(numbers(22..32));
    assert_eq!(all(&mut follow).await, expected);
}

/// A log whose records never end, and never let anybody wait; what it is asked for comes at last.
struct Endless(u32);

impl Tail for Endless {
    fn next<'a, 'b>(
        &'a mut self,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<Record>, Error>> + Send + 'b>>
    where
        'a: 'b,
        Self: 'b,
    {
        self.0 += 1;
        let key = if self.0 < 1_000_000 { "other" } else { "wanted" };
        let record = Record {
            topic: &EVENTS,
            position: schemas::Position { epoch: 1, partition: 0, offset: u64::from(self.0) },
            appended_at: Timestamp(1),
            key: Bytes::from_static(key.as_bytes()),
            headers: Vec::new(),
            value: Bytes::new(),
        };
        Box::pin(std::future::ready(Ok(vec![record])))
    }
}

#[tokio::test]
async fn a_tail_with_a_key_that_matches_nothing_lets_others_run_and_is_cancelled() {
    let mut follow = Follow {
        tails: vec![Box::new(Endless(0))],
        next: BTreeMap::new(),
        ends: None,
        key: Some(b"wanted".to_vec()),
        left: u64::MAX,
        ready: VecDeque::new(),
    };
    let cancelled = tokio::time::timeout(Duration::from_millis(1), follow.next()).await;
    assert!(cancelled.is_err(), "the runtime was kept until the record came");
}
