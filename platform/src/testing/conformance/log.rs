//! What every log must do. Each case wants an engine without records.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::join_all;
use schemas::topic::{self, Headers, Topic, header};
use schemas::{Position, limits};

use crate::port::clock::SimClock;
use crate::port::log::{Append, Budget, Error, Log, Member, Polled, Record, Start, Tail};

/// Opens the log under test.
#[async_trait]
pub trait Factory: Send + Sync {
    /// A handle to the one log of this factory; called again only when earlier handles are closed.
    async fn open(&self) -> Arc<dyn Log>;

    /// The engine's clock, if the test can move it.
    fn clock(&self) -> Option<Arc<SimClock>> {
        None
    }

    /// Stops the engine from making records of synced topics durable, or lets it go on. False: it can
    /// not be stopped.
    fn hold(&self, _held: bool) -> bool {
        false
    }

    /// Records that certainly fall out of a volatile topic's memory; none: nothing is volatile here.
    fn ring(&self) -> Option<usize> {
        None
    }
}

pub use super::tail::{a_tail_starts_at_a_time, a_tail_starts_where_it_is_told};

pub(super) const SYNCED: &Topic = &topic::COMMANDS;
pub(super) const DERIVED: &Topic = &topic::EVENTS;
pub(super) const VOLATILE: &Topic = &topic::OUTBOUND;

pub(super) fn to(topic: &'static Topic, partition: u32, value: impl Into<Bytes>) -> Append {
    Append {
        topic,
        partition,
        key: Bytes::from_static(b"key"),
        headers: Headers::new(),
        value: value.into(),
    }
}

/// Ends the test if the engine does not answer.
async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("an answer in time")
}

pub(super) async fn add(log: &dyn Log, records: Vec<Append>) -> Vec<Position> {
    soon(log.append(Budget::Worker, records)).await.expect("appended")
}

pub(super) async fn number(log: &dyn Log, topic: &'static Topic, partition: u32, count: usize) {
    let records = (0..count).map(|n| to(topic, partition, n.to_string())).collect();
    add(log, records).await;
}

pub(super) async fn collect(tail: &mut dyn Tail, count: usize) -> Vec<Record> {
    let mut out = Vec::new();
    while out.len() < count {
        out.extend(soon(tail.next()).await.expect("records"));
    }
    assert_eq!(out.len(), count);
    out
}

/// Polls until this many records are there; hears assignments and revocations on the way.
async fn consume(member: &mut dyn Member, count: usize) -> Vec<Record> {
    let mut out = Vec::new();
    while out.len() < count {
        match soon(member.poll()).await.expect("polled") {
            Polled::Records(records) => out.extend(records),
            Polled::Assigned(_) => {}
            Polled::Lost(lost) => panic!("lost {lost:?} in a quiet group"),
            Polled::Revoking(partitions) => {
                member.released(partitions).await.expect("released");
            }
        }
    }
    assert_eq!(out.len(), count);
    out
}

pub(super) fn values(records: &[Record]) -> Vec<String> {
    records.iter().map(|r| String::from_utf8_lossy(&r.value).into_owned()).collect()
}

pub(super) fn numbers(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| n.to_string()).collect()
}

/// The order of calls is the order of records, also of those whose future was dropped at once.
pub async fn the_order_of_calls_is_the_order_of_records(factory: &dyn Factory) {
    let log = factory.open().await;
    for topic in [SYNCED, DERIVED, VOLATILE] {
        let mut waiting = Vec::new();
        for n in 0..200_usize {
            let appended = log.append(Budget::Worker, vec![to(topic, 3, n.to_string())]);
            if n % 3 == 0 {
                drop(appended);
            } else {
                waiting.push((n, appended));
            }
        }
        for (n, appended) in waiting {
            let positions = soon(appended).await.expect("appended");
            let offset = u64::try_from(n).expect("small");
            assert_eq!(positions, [Position { epoch: positions[0].epoch, partition: 3, offset }]);
        }
        let mut tail = log.tail(topic, vec![3], Start::Earliest).await.expect("tail");
        assert_eq!(values(&collect(&mut *tail, 200).await), numbers(0..200), "{}", topic.name);
    }
    log.close().await;
}

/// Offsets start at 0 and are dense in every partition; one call may touch many.
pub async fn offsets_are_dense_from_zero(factory: &dyn Factory) {
    let log = factory.open().await;
    let mut next: BTreeMap<(u16, u32), u64> = BTreeMap::new();
    for round in 0..20_u32 {
        let mut records = Vec::new();
        for n in 0..30_u32 {
            let topic = [SYNCED, DERIVED, VOLATILE, &topic::USERS]
                [usize::try_from((round + n) % 4).expect("small")];
            records.push(to(topic, (n * 7 + round) % 8, "x"));
        }
        let positions = add(&*log, records.clone()).await;
        assert_eq!(positions.len(), records.len());
        for (record, position) in records.iter().zip(positions) {
            let expected = next.entry((record.topic.id, record.partition)).or_default();
            assert_eq!((position.partition, position.offset), (record.partition, *expected));
            *expected += 1;
        }
    }
    for topic in [SYNCED, DERIVED, VOLATILE, &topic::USERS] {
        for state in log.describe(topic).await.expect("described") {
            let expected = next.get(&(topic.id, state.partition)).copied().unwrap_or(0);
            assert_eq!((state.first, state.end), (0, expected));
        }
    }
    log.close().await;
}

/// Key, headers in order, value and append time come back as they were given.
pub async fn records_come_back_whole(factory: &dyn Factory) {
    let log = factory.open().await;
    for topic in [SYNCED, DERIVED, VOLATILE] {
        let mut full = to(topic, 0, vec![0, 1, 255]);
        full.headers = vec![
            (header::CE_TYPE, Bytes::from_static(b"chat.message.created")),
            (header::AUDIENCE, Bytes::new()),
            (header::CE_TYPE, Bytes::from_static(b"twice")),
            (header::CE_REV, Bytes::from_static(b"\0\xff")),
        ];
        let mut empty = to(topic, 0, "");
        empty.key = Bytes::new();
        add(&*log, vec![full.clone(), empty.clone()]).await;
        let mut tail = log.tail(topic, vec![0], Start::Earliest).await.expect("tail");
        let records = collect(&mut *tail, 2).await;
        for (record, given) in records.iter().zip([full, empty]) {
            assert_eq!(record.topic, topic);
            assert_eq!((&record.key, &record.value), (&given.key, &given.value));
            assert_eq!(record.headers, given.headers);
        }
    }
    log.close().await;
}

/// A record of nearly the limit passes, one above it is refused without an effect.
pub async fn large_records_pass_and_larger_ones_are_refused(factory: &dyn Factory) {
    let log = factory.open().await;
    let large = vec![7; limits::RECORD_BYTES - 10];
    for topic in [SYNCED, DERIVED, VOLATILE] {
        let records = vec![to(topic, 1, large.clone()), to(topic, 1, "after")];
        add(&*log, records).await;
        let above = to(topic, 1, vec![7; limits::RECORD_BYTES + 1]);
        let refused = soon(log.append(Budget::Ingest, vec![to(topic, 1, "ok"), above])).await;
        assert!(matches!(refused, Err(Error::TooLarge(_))), "{refused:?}");
        let mut tail = log.tail(topic, vec![1], Start::Earliest).await.expect("tail");
        let records = collect(&mut *tail, 2).await;
        assert_eq!(records[0].value, large);
        assert_eq!(log.describe(topic).await.expect("described")[1].end, 2);
    }
    log.close().await;
}

/// A group goes on at its committed offset: after a drop, and after a restart where the topic lasts.
pub async fn a_group_goes_on_where_it_committed(factory: &dyn Factory) {
    let mut log = factory.open().await;
    for topic in [SYNCED, DERIVED] {
        number(&*log, topic, 2, 10).await;
        let mut member = log.join("resume", topic).await.expect("joined");
        assert_eq!(values(&consume(&mut *member, 10).await), numbers(0..10));
        // Nothing committed: all again.
        drop(member);
        let mut member = log.join("resume", topic).await.expect("joined");
        assert_eq!(values(&consume(&mut *member, 10).await), numbers(0..10));
        member.commit(vec![(2, 4)]).await.expect("committed");
        drop(member);
        let mut member = log.join("resume", topic).await.expect("joined");
        let Polled::Assigned(assigned) = soon(member.poll()).await.expect("polled") else {
            panic!("a member hears of its partitions first");
        };
        let mine = assigned.iter().find(|a| a.partition == 2).expect("the only member has all");
        assert_eq!(mine.committed, 4);
        assert_eq!(values(&consume(&mut *member, 6).await), numbers(4..10));
        member.commit(vec![(2, 7)]).await.expect("committed");
        let committed = log.committed("resume", topic).await.expect("committed");
        assert!(committed.contains(&(2, 7)), "{committed:?}");
        drop(member);
    }
    log.close().await;
    drop(log);
    log = factory.open().await;
    for topic in [SYNCED, DERIVED] {
        let mut member = log.join("resume", topic).await.expect("joined");
        assert_eq!(values(&consume(&mut *member, 3).await), numbers(7..10));
        // And the partition goes on where it ended.
        let position = add(&*log, vec![to(topic, 2, "10")]).await;
        assert_eq!(position[0].offset, 10);
        assert_eq!(values(&consume(&mut *member, 1).await), ["10"]);
        drop(member);
    }
    log.close().await;
}

/// Two groups and a tail do not disturb each other.
pub async fn groups_are_independent(factory: &dyn Factory) {
    let log = factory.open().await;
    number(&*log, DERIVED, 0, 5).await;
    let mut one = log.join("one", DERIVED).await.expect("joined");
    let mut two = log.join("two", DERIVED).await.expect("joined");
    consume(&mut *one, 5).await;
    one.commit(vec![(0, 5)]).await.expect("committed");
    assert_eq!(values(&consume(&mut *two, 5).await), numbers(0..5));
    assert!(log.committed("two", DERIVED).await.expect("committed").iter().all(|(_, n)| *n == 0));
    log.close().await;
}

/// However many members join, no partition has two owners, and no record is skipped.
pub async fn no_partition_has_two_owners(factory: &dyn Factory) {
    let log = factory.open().await;
    let mut first = log.join("pair", SYNCED).await.expect("joined");
    let Polled::Assigned(all) = soon(first.poll()).await.expect("polled") else {
        panic!("a member hears of its partitions first");
    };
    assert_eq!(all.len(), 8);
    let mut second = match log.join("pair", SYNCED).await {
        Ok(second) => second,
        Err(Error::Failed(_)) => {
            // This engine has one member; the place is free again when it leaves.
            drop(first);
            let mut second = log.join("pair", SYNCED).await.expect("joined");
            let polled = soon(second.poll()).await.expect("polled");
            assert!(matches!(polled, Polled::Assigned(all) if all.len() == 8));
            return log.close().await;
        }
        Err(error) => panic!("{error}"),
    };
    // It lets go of what the second gets, or of everything: then it is given the rest again.
    let Polled::Revoking(revoked) = soon(first.poll()).await.expect("polled") else {
        panic!("the first owner must let go");
    };
    // Nobody has them now.
    let early = tokio::time::timeout(Duration::from_millis(50), second.poll()).await;
    assert!(early.is_err(), "{early:?}");
    first.commit(vec![(revoked[0], 0)]).await.expect("still the owner");
    first.released(revoked.clone()).await.expect("released");
    let Polled::Assigned(given) = soon(second.poll()).await.expect("polled") else {
        panic!("the second owner must hear of them");
    };
    let given: Vec<u32> = given.iter().map(|a| a.partition).collect();
    assert!(!given.is_empty() && given.len() < 8, "{given:?}");
    assert!(given.iter().all(|partition| revoked.contains(partition)), "{given:?} of {revoked:?}");
    if revoked.len() == 8 {
        let Polled::Assigned(kept) = soon(first.poll()).await.expect("polled") else {
            panic!("the first owner must hear of what is left");
        };
        let mut all: Vec<u32> = kept.iter().map(|a| a.partition).chain(given.clone()).collect();
        all.sort_unstable();
        assert_eq!(all, (0..8).collect::<Vec<_>>());
    } else {
        assert_eq!(given, revoked);
    }
    assert!(first.commit(vec![(given[0], 1)]).await.is_err());
    for partition in 0..8 {
        number(&*log, SYNCED, partition, 3).await;
    }
    let kept: Vec<u32> = (0..8).filter(|partition| !given.contains(partition)).collect();
    let mine = consume(&mut *first, kept.len() * 3).await;
    let theirs = consume(&mut *second, given.len() * 3).await;
    assert!(mine.iter().all(|r| kept.contains(&r.position.partition)));
    assert!(theirs.iter().all(|r| given.contains(&r.position.partition)));
    first.commit(kept.iter().map(|partition| (*partition, 3)).collect()).await.expect("the owner");
    // A commit may return before the engine has it; whoever asks sees it.
    let committed = soon(log.committed("pair", SYNCED)).await.expect("committed");
    assert!(kept.iter().all(|partition| committed.contains(&(*partition, 3))), "{committed:?}");
    drop(second);
    let back = loop {
        match soon(first.poll()).await.expect("polled") {
            Polled::Revoking(partitions) => first.released(partitions).await.expect("released"),
            Polled::Assigned(back) => break back,
            other => panic!("what a member leaves behind is given to the others: {other:?}"),
        }
    };
    let back: Vec<u32> = back.iter().map(|a| a.partition).collect();
    assert!(given.iter().all(|partition| back.contains(partition)), "{given:?} of {back:?}");
    // What was committed is not read again, what was not is.
    let again = consume(&mut *first, given.len() * 3).await;
    assert!(again.iter().all(|r| given.contains(&r.position.partition)));
    log.close().await;
}

/// A poll that was given up loses nothing.
pub async fn polls_may_be_dropped(factory: &dyn Factory) {
    let log = factory.open().await;
    let mut member = log.join("dropped", SYNCED).await.expect("joined");
    let mut seen = Vec::new();
    for n in 0..50_usize {
        let appended = log.append(Budget::Ingest, vec![to(SYNCED, 0, n.to_string())]);
        // Sometimes the record is there before the poll ends, sometimes not.
        let short = tokio::time::timeout(Duration::from_micros(200), member.poll()).await;
        if let Ok(Ok(Polled::Records(records))) = short {
            seen.extend(records);
        }
        soon(appended).await.expect("appended");
    }
    let rest = 50 - seen.len();
    if rest > 0 {
        seen.extend(consume(&mut *member, rest).await);
    }
    assert_eq!(values(&seen), numbers(0..50));
    log.close().await;
}

/// A paused partition gives nothing, the others go on; it goes on where it stood.
pub async fn a_paused_partition_waits(factory: &dyn Factory) {
    let log = factory.open().await;
    for topic in [SYNCED, DERIVED] {
        let mut member = log.join("pause", topic).await.expect("joined");
        number(&*log, topic, 0, 2).await;
        assert_eq!(values(&consume(&mut *member, 2).await), numbers(0..2));
        member.pause(0, true);
        add(&*log, vec![to(topic, 0, "2"), to(topic, 1, "other")]).await;
        assert_eq!(values(&consume(&mut *member, 1).await), ["other"]);
        let nothing = tokio::time::timeout(Duration::from_millis(20), member.poll()).await;
        assert!(nothing.is_err(), "{nothing:?}");
        member.pause(0, false);
        assert_eq!(values(&consume(&mut *member, 1).await), ["2"]);
    }
    log.close().await;
}

/// Append times never go back in a partition, whatever the clock does, also over a restart.
pub async fn append_times_never_go_back(factory: &dyn Factory) {
    let mut log = factory.open().await;
    for step in [5, -3_000, 1, 0, -7, 4_000, -1] {
        if let Some(clock) = factory.clock() {
            clock.advance_ms(step);
        }
        for topic in [SYNCED, DERIVED] {
            add(&*log, vec![to(topic, 0, "t"), to(topic, 0, "t")]).await;
        }
        if step == 0 {
            log.close().await;
            drop(log);
            log = factory.open().await;
        }
    }
    for topic in [SYNCED, DERIVED] {
        let mut tail = log.tail(topic, vec![0], Start::Earliest).await.expect("tail");
        let records = collect(&mut *tail, 14).await;
        assert!(records.is_sorted_by_key(|r| r.appended_at), "{}", topic.name);
    }
    log.close().await;
}

/// Records that fell out of a ring are reported once, and reading goes on at the oldest kept.
pub async fn a_reader_learns_what_it_lost(factory: &dyn Factory) {
    let Some(ring) = factory.ring() else { return };
    let log = factory.open().await;
    let mut slow = log.tail(VOLATILE, vec![0], Start::Earliest).await.expect("tail");
    number(&*log, VOLATILE, 0, 1).await;
    collect(&mut *slow, 1).await;
    for _ in 0..=ring.div_ceil(500) {
        number(&*log, VOLATILE, 0, 500).await;
    }
    let state = log.describe(VOLATILE).await.expect("described")[0];
    assert!(state.first > 1, "{state:?}");
    assert_eq!(soon(slow.next()).await.err(), Some(Error::OutOfRange(state.first)));
    let kept = usize::try_from(state.end - state.first).expect("small");
    let records = collect(&mut *slow, kept).await;
    assert_eq!(records[0].position.offset, state.first);
    log.close().await;
}

/// What is not durable is not visible; a flood of clients is refused, and workers go on.
pub async fn a_slow_disk_sheds_clients_and_not_workers(factory: &dyn Factory) {
    let log = factory.open().await;
    let mut tail = log.tail(SYNCED, vec![0], Start::Latest).await.expect("tail");
    if !factory.hold(true) {
        return log.close().await;
    }
    let mut taken = Vec::new();
    let refused = loop {
        assert!(taken.len() < 1_000_000, "the budget must have a bound");
        let mut appended = log.append(Budget::Ingest, vec![to(SYNCED, 0, "client")]);
        // Taken calls wait; refused ones answer at once.
        match futures_util::poll!(&mut appended) {
            std::task::Poll::Ready(answer) => break answer,
            std::task::Poll::Pending => taken.push(appended),
        }
    };
    assert_eq!(refused, Err(Error::Overloaded));
    let worker = log.append(Budget::Worker, vec![to(SYNCED, 0, "worker")]);
    let early = tokio::time::timeout(Duration::from_millis(50), tail.next()).await;
    assert!(early.is_err(), "a record is visible before it is durable: {early:?}");
    assert_eq!(log.describe(SYNCED).await.expect("described")[0].end, 0);
    factory.hold(false);
    let last = soon(worker).await.expect("appended")[0].offset;
    assert_eq!(last, u64::try_from(taken.len()).expect("small"));
    let answers = soon(join_all(taken)).await;
    assert!(answers.iter().all(Result::is_ok));
    let count = answers.len();
    assert_eq!(values(&collect(&mut *tail, count + 1).await).last().expect("some"), "worker");
    log.close().await;
}

/// A reader far behind gets everything, from wherever it is kept, also after a restart.
pub async fn a_reader_far_behind_gets_everything(factory: &dyn Factory) {
    let log = factory.open().await;
    for topic in [SYNCED, DERIVED] {
        for start in (0..6_000).step_by(500) {
            let record = |n: usize| to(topic, u32::from(!n.is_multiple_of(3)), n.to_string());
            add(&*log, (start..start + 500).map(record).collect()).await;
        }
    }
    log.close().await;
    drop(log);
    let log = factory.open().await;
    for topic in [SYNCED, DERIVED] {
        let mut tail = log.tail(topic, vec![0, 1], Start::Earliest).await.expect("tail");
        let records = collect(&mut *tail, 6_000).await;
        for partition in [0, 1] {
            let mine = records.iter().filter(|r| r.position.partition == partition);
            let mine: Vec<Record> = mine.cloned().collect();
            let expected =
                (0..6_000_usize).filter(|n| u32::from(!n.is_multiple_of(3)) == partition);
            let expected: Vec<String> = expected.map(|n| n.to_string()).collect();
            assert_eq!(values(&mine), expected, "{}", topic.name);
        }
    }
    log.close().await;
}

/// A closed log takes nothing, and says so to those who wait.
pub async fn a_closed_log_says_so(factory: &dyn Factory) {
    let log = factory.open().await;
    let mut tail = log.tail(SYNCED, vec![0], Start::Latest).await.expect("tail");
    let appended = log.append(Budget::Worker, vec![to(SYNCED, 0, "last")]);
    log.close().await;
    soon(appended).await.expect("taken before the close");
    let late = soon(log.append(Budget::Worker, vec![to(SYNCED, 0, "late")])).await;
    assert_eq!(late, Err(Error::Closed));
    loop {
        match soon(tail.next()).await {
            Ok(records) => assert_eq!(values(&records), ["last"]),
            Err(error) => break assert_eq!(error, Error::Closed),
        }
    }
}
