//! Where a tail of a log starts.

use std::time::Duration;

use schemas::Timestamp;

use crate::port::log::Start;

use super::log::{DERIVED, Factory, SYNCED, VOLATILE, add, collect, number, numbers, to, values};

/// A tail starts at the oldest, behind the newest, or at an offset, in several partitions at once.
pub async fn a_tail_starts_where_it_is_told(factory: &dyn Factory) {
    let log = factory.open().await;
    for topic in [SYNCED, DERIVED, VOLATILE] {
        number(&*log, topic, 5, 6).await;
        let mut earliest = log.tail(topic, vec![5], Start::Earliest).await.expect("tail");
        let mut latest = log.tail(topic, vec![4, 5], Start::Latest).await.expect("tail");
        let mut at = log.tail(topic, vec![5], Start::At(4)).await.expect("tail");
        assert_eq!(values(&collect(&mut *earliest, 6).await), numbers(0..6));
        assert_eq!(values(&collect(&mut *at, 2).await), numbers(4..6));
        let nothing = tokio::time::timeout(Duration::from_millis(20), latest.next()).await;
        assert!(nothing.is_err(), "{nothing:?}");
        add(&*log, vec![to(topic, 5, "new"), to(topic, 4, "new")]).await;
        assert_eq!(values(&collect(&mut *latest, 2).await), ["new", "new"]);
        assert_eq!(values(&collect(&mut *earliest, 1).await), ["new"]);
    }
    log.close().await;
}

/// A tail that starts at a time has everything from that time on and nothing from before, whether it is
/// in memory or on a disk by now.
pub async fn a_tail_starts_at_a_time(factory: &dyn Factory) {
    /// Three of them are more than the small tails of the tests keep in memory.
    const BATCH: usize = 500;
    let log = factory.open().await;
    for topic in [SYNCED, DERIVED, VOLATILE] {
        let mut times = Vec::new();
        for batch in 0..3 {
            let texts = numbers(batch * BATCH..(batch + 1) * BATCH);
            add(&*log, texts.into_iter().map(|text| to(topic, 2, text)).collect()).await;
            let end = log.describe(topic).await.expect("states")[2].end;
            let mut newest = log.tail(topic, vec![2], Start::At(end - 1)).await.expect("tail");
            times.push(collect(&mut *newest, 1).await[0].appended_at);
            match factory.clock() {
                Some(clock) => clock.advance_ms(60_000),
                // The engine's clock is the machine's: it has to move on before the next batch.
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
        let first = log.describe(topic).await.expect("states")[2].first;
        let first = usize::try_from(first).expect("small");
        assert!(first <= BATCH, "{} keeps less than two batches", topic.name);
        let cases = [
            (Timestamp(0), first),
            (times[0].plus_ms(1), BATCH),
            (times[1].plus_ms(1), 2 * BATCH),
            (times[2].plus_ms(1), 3 * BATCH),
        ];
        for (at, from) in cases {
            let mut tail = log.tail(topic, vec![1, 2], Start::Since(at)).await.expect("tail");
            let count = 3 * BATCH - from;
            if count > 0 {
                assert_eq!(values(&collect(&mut *tail, count).await), numbers(from..3 * BATCH));
            }
            let nothing = tokio::time::timeout(Duration::from_millis(20), tail.next()).await;
            assert!(nothing.is_err(), "{nothing:?}");
        }
        let since = Start::Since(times[2].plus_ms(1));
        let mut live = log.tail(topic, vec![1, 2], since).await.expect("tail");
        add(&*log, vec![to(topic, 1, "new"), to(topic, 2, "new")]).await;
        assert_eq!(values(&collect(&mut *live, 2).await), ["new", "new"]);
    }
    log.close().await;
}
