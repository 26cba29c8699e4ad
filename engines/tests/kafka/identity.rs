//! A log that is not the one that the tables were folded from is refused.

use std::sync::Arc;

use bytes::Bytes;
use engines::kafka::admin::epoch::{Denied, Unhandled};
use engines::kafka::admin::{Difference, Identity, What};
use engines::kafka::{KafkaLog, Refused};
use platform::Log;
use platform::port::clock::SystemClock;
use platform::port::log::{Append, Budget, Member, Polled};
use platform::port::store::{get_one, scan};
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions, NewPartitions};
use rdkafka::client::DefaultClientContext;
use schemas::deployment::table::{HighWater, TopicState};
use schemas::table::Write;
use schemas::topic::{COMMANDS, Headers, Topic};
use schemas::{Position, Stamp, Timestamp};

use crate::mock::Cluster;
use crate::real::Brokers;

async fn open(cluster: &Cluster) -> Result<KafkaLog, Refused> {
    let clock = Arc::new(SystemClock);
    KafkaLog::open(&cluster.config, "", cluster.store.clone(), clock, &cluster.metrics).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_must_be_the_one_that_is_noted() {
    let cluster = Cluster::start();
    assert_eq!(open(&cluster).await.err(), Some(Refused::Unnoted("chat.commands")));
    let applied = cluster.admin().apply().await.expect("applied");
    assert!(applied.iter().all(|one| one.identity == Identity::Noted && !one.created));
    let again = cluster.admin().apply().await.expect("applied");
    assert!(again.iter().all(|one| one.identity == Identity::Same));
    open(&cluster).await.expect("opened").close().await;

    let row = get_one::<TopicState>(&*cluster.store, TopicState::get("chat.commands"));
    let row = row.await.expect("read").expect("noted");
    let other = TopicState { topic_id: "another".to_owned(), ..row.clone() };
    let write = async |row: &TopicState| {
        cluster.store.put(vec![Write::replace(row, Stamp(0))]).await.expect("written");
    };
    write(&other).await;
    let refused = open(&cluster).await.expect_err("another topic");
    assert!(refused.to_string().contains("parlance topics new-epoch"), "{refused}");
    let applied = cluster.admin().apply().await.expect("applied");
    assert_eq!(applied[0].identity, Identity::Differs);
    write(&TopicState { partitions: 4, ..row.clone() }).await;
    let refused = open(&cluster).await.expect_err("another number of partitions");
    assert!(refused.to_string().contains("it had 4 partitions, now it has 8"), "{refused}");
    write(&row).await;

    // Folded further than the log goes.
    let position = Position { epoch: 1, partition: 3, offset: 1 }.stamp().0;
    let topic = "chat.commands".to_owned();
    let water = HighWater { topic, partition: 3, position, noted_at: Timestamp(0) };
    cluster.store.put(vec![Write::replace(&water, Stamp(0))]).await.expect("written");
    let refused = open(&cluster).await.expect_err("a log that ends too soon");
    assert!(refused.to_string().contains("ends at 0, but was folded up to 1"), "{refused}");
}

fn record(topic: &'static Topic) -> Append {
    let (key, value) = (Bytes::from_static(b"key"), Bytes::from_static(b"x"));
    Append { topic, partition: 0, key, headers: Headers::new(), value }
}

async fn next(member: &mut dyn Member) -> Position {
    loop {
        if let Polled::Records(records) = member.poll().await.expect("polled") {
            return records[0].position;
        }
    }
}

async fn handle(log: &KafkaLog) -> Position {
    let appended = log.append(Budget::Worker, vec![record(&COMMANDS)]).await.expect("appended");
    let mut member = log.join("persist", &COMMANDS).await.expect("joined");
    let read = next(&mut *member).await;
    assert_eq!(read, appended[0]);
    member.commit(vec![(0, read.offset + 1)]).await.expect("committed");
    let committed = log.committed("persist", &COMMANDS).await.expect("committed");
    assert!(committed.contains(&(0, read.offset + 1)), "{committed:?}");
    read
}

/// On real brokers: a topic that was made anew is refused, until an operator says that it is meant; from
/// then on positions are larger than any before.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_epoch_after_a_topic_was_made_anew() {
    let Some(brokers) = Brokers::named() else { return };
    let groups = [("persist", &COMMANDS)];
    let applied = brokers.admin().apply().await.expect("applied");
    assert!(applied.iter().all(|one| one.created && one.identity == Identity::Noted));
    assert_eq!(brokers.admin().diff().await.expect("compared"), []);
    let log = brokers.open().await;
    handle(&log).await;
    let before = handle(&log).await;
    let mut running = log.join("persist", &COMMANDS).await.expect("joined");
    while !matches!(running.poll().await.expect("polled"), Polled::Assigned(_)) {}
    let denied = brokers.admin().new_epoch(&groups, Unhandled::Refuse).await;
    assert!(matches!(denied, Err(Denied::InUse { members: 1, .. })), "{denied:?}");
    drop(running);
    log.close().await;
    let waters = scan(&*brokers.store, HighWater::of_topic("chat.commands")).await.expect("read");
    assert_eq!(waters.len(), 1, "noted at the close: {waters:?}");

    // Nothing differs: nothing is moved.
    let same = brokers.admin().new_epoch(&groups, Unhandled::Refuse).await.expect("checked");
    assert!(same.iter().all(|one| one.moved_from.is_none() && one.epoch == 1), "{same:?}");

    let admin: AdminClient<DefaultClientContext> = ClientConfig::new()
        .set("bootstrap.servers", &brokers.config.brokers[0])
        .create()
        .expect("a client");
    let name = format!("{}.chat.commands", brokers.namespace);
    let deleted = admin.delete_topics(&[&name], &AdminOptions::new()).await.expect("asked");
    assert!(deleted.iter().all(Result::is_ok), "{deleted:?}");
    while brokers.admin().diff().await.expect("compared").first().map(|one| &one.what)
        != Some(&What::Missing)
    {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let applied = brokers.admin().apply().await.expect("applied");
    assert!(applied[0].created && applied[0].identity == Identity::Differs, "{applied:?}");
    let differences = brokers.admin().diff().await.expect("compared");
    assert!(
        matches!(&differences[..], [Difference { topic: "chat.commands", what: What::Id { .. } }]),
        "{differences:?}"
    );
    let refused = brokers.try_open().await.expect_err("another topic");
    assert!(refused.to_string().contains("parlance topics new-epoch"), "{refused}");

    let moved = brokers.admin().new_epoch(&groups, Unhandled::Refuse).await.expect("moved");
    assert_eq!((moved[0].epoch, moved[0].moved_from), (2, Some(1)));
    assert!(moved[1..].iter().all(|one| one.epoch == 1), "{moved:?}");
    let waters = scan(&*brokers.store, HighWater::of_topic("chat.commands")).await.expect("read");
    assert!(waters.is_empty(), "{waters:?}");
    let again = brokers.admin().new_epoch(&groups, Unhandled::Refuse).await.expect("checked");
    assert_eq!((again[0].epoch, again[0].moved_from), (2, None), "a second run moves nothing");

    let log = brokers.open().await;
    let after = handle(&log).await;
    assert!(after.offset < before.offset && after.stamp() > before.stamp(), "{after:?}");

    // More partitions: only when everything was handled, for keys move to other partitions.
    log.append(Budget::Worker, vec![record(&COMMANDS)]).await.expect("appended");
    log.close().await;
    let more = [NewPartitions::new(&name, 12)];
    let more = admin.create_partitions(&more, &AdminOptions::new()).await.expect("asked");
    assert!(more.iter().all(Result::is_ok), "{more:?}");
    while brokers.try_open().await.is_ok() {
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let denied = brokers.admin().new_epoch(&groups, Unhandled::Refuse).await;
    assert!(matches!(denied, Err(Denied::Lag { records: 1, .. })), "{denied:?}");
    let moved = brokers.admin().new_epoch(&groups, Unhandled::Keep).await.expect("moved");
    assert_eq!((moved[0].epoch, moved[0].moved_from), (3, Some(2)));
    let log = brokers.open().await;
    assert_eq!(log.partitions(&COMMANDS), 12);
    let mut member = log.join("persist", &COMMANDS).await.expect("joined");
    let kept = next(&mut *member).await;
    assert_eq!((kept.epoch, kept.offset), (3, after.offset + 1));
    log.close().await;
}
