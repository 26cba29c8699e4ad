//! Each planted bug of the memory adapters does what it says, so that a checker that finds nothing had
//! something to find; and faults are what they are called.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use platform::memory::{Bug, Fault, Faults, MemoryLog, MemoryStore, Operation};
use platform::port::clock::SimClock;
use platform::port::log::{Append, Budget, Error, Log};
use platform::port::store::{self, Store, get_one};
use platform::testing::conformance::store::Head;
use schemas::table::{Batch, Class, Get, Table, Value, Write};
use schemas::topic::{self, Headers, Topic};
use schemas::{Stamp, Timestamp};
use uuid::Uuid;

// The bugs name these tables; their real columns do not matter here.
schemas::table! {
    /// Stands for the real one.
    pub struct Message in "message_by_seq", prefix 0x7f11, class Class::Folded("test");
    partition { id: Uuid }
    cluster {}
    data { body: Bytes }
}

schemas::table! {
    /// Stands for the real one.
    pub struct Index in "id_index", prefix 0x7f12, class Class::Folded("test");
    partition { id: Uuid }
    cluster {}
    data { body: Bytes }
}

const ID: Uuid = Uuid::from_u128(1);

fn planted(bug: Bug) -> Faults {
    let faults = Faults::default();
    faults.plant(bug, 1, 7);
    faults
}

fn log(faults: &Faults) -> MemoryLog {
    MemoryLog::new(Arc::new(SimClock::at(Timestamp(0))), faults.clone())
}

async fn append(log: &MemoryLog, topic: &'static Topic, value: &'static str) {
    let value = Bytes::from_static(value.as_bytes());
    let record = Append { topic, partition: 0, key: Bytes::new(), headers: Headers::new(), value };
    log.append(Budget::Worker, vec![record]).await.expect("acknowledged");
}

fn values(log: &MemoryLog, topic: &'static Topic) -> Vec<Bytes> {
    log.records(topic).into_iter().map(|record| record.value).collect()
}

async fn put(store: &MemoryStore, writes: Vec<Write>) -> Result<(), store::Error> {
    store.write(Batch { fence: None, writes }).await
}

#[tokio::test]
async fn records_are_lost_doubled_or_swapped() {
    let faults = planted(Bug::SkipCommit);
    let lost = log(&faults);
    append(&lost, &topic::COMMANDS, "a").await;
    append(&lost, &topic::EVENTS, "b").await;
    assert_eq!((values(&lost, &topic::COMMANDS).len(), faults.fired(Bug::SkipCommit)), (0, 1));
    assert_eq!(values(&lost, &topic::EVENTS), ["b"]);

    let unsynced = log(&planted(Bug::AckBeforeSync));
    append(&unsynced, &topic::COMMANDS, "a").await;
    assert_eq!(values(&unsynced, &topic::COMMANDS), ["a"]);
    unsynced.crash();
    assert!(values(&unsynced, &topic::COMMANDS).is_empty());

    let dropped = log(&planted(Bug::LoseEvent));
    append(&dropped, &topic::EVENTS, "a").await;
    assert!(values(&dropped, &topic::EVENTS).is_empty());

    let doubled = log(&planted(Bug::DuplicateEvent));
    append(&doubled, &topic::EVENTS, "a").await;
    assert_eq!(values(&doubled, &topic::EVENTS), ["a", "a"]);

    let swapped = log(&planted(Bug::ReorderSends));
    let first = append(&swapped, &topic::COMMANDS, "a");
    let second = append(&swapped, &topic::COMMANDS, "b");
    tokio::join!(first, second);
    assert_eq!(values(&swapped, &topic::COMMANDS), ["b", "a"]);
    // Alone, a record is late and not lost.
    append(&swapped, &topic::COMMANDS, "c").await;
    assert_eq!(values(&swapped, &topic::COMMANDS).len(), 3);
}

#[tokio::test]
async fn rows_are_lost_stale_or_overwritten() {
    let get = || Get::of::<Message>(vec![Value::Uuid(ID)]);
    let message =
        |body: &'static str| Message { id: ID, body: Bytes::from_static(body.as_bytes()) };

    let losing = MemoryStore::new(planted(Bug::LostRow));
    put(&losing, vec![Write::insert(&message("a"), Stamp(1))]).await.expect("acknowledged");
    assert_eq!(get_one::<Message>(&losing, get()).await, Ok(None));

    let stale = MemoryStore::new(planted(Bug::StaleReads));
    put(&stale, vec![Write::insert(&message("a"), Stamp(1))]).await.expect("written");
    assert_eq!(get_one::<Message>(&stale, get()).await, Ok(None));

    let forgetting = MemoryStore::new(planted(Bug::DropDedupe));
    let index = Index { id: ID, body: Bytes::new() };
    put(&forgetting, vec![Write::insert(&index, Stamp(1))]).await.expect("written");
    let key = Get::of::<Index>(vec![Value::Uuid(ID)]);
    assert_eq!(get_one::<Index>(&forgetting, key).await, Ok(None));

    let zombie = MemoryStore::new(planted(Bug::ZombieWrites));
    put(&zombie, vec![Write::replace(&message("new"), Stamp(9))]).await.expect("written");
    put(&zombie, vec![Write::replace(&message("old"), Stamp(3))]).await.expect("written");
    assert_eq!(get_one::<Message>(&zombie, get()).await, Ok(Some(message("old"))));
    let fence = Some((get(), Stamp(1)));
    assert!(zombie.write(Batch { fence, writes: Vec::new() }).await.is_ok());
}

#[tokio::test]
async fn without_bugs_older_stamps_lose() {
    let store = MemoryStore::default();
    let head = |body: &'static str| Head { owner: ID, body: Bytes::from_static(body.as_bytes()) };
    let get = || Get::of::<Head>(vec![Value::Uuid(ID)]);
    put(&store, vec![Write::replace(&head("new"), Stamp(9))]).await.expect("written");
    put(&store, vec![Write::replace(&head("old"), Stamp(3))]).await.expect("written");
    assert_eq!(get_one::<Head>(&store, get()).await, Ok(Some(head("new"))));
    store.wipe_folded();
    assert_eq!(Head::DEF.name, "conformance_heads");
}

#[tokio::test]
async fn faults_refuse_lose_answers_and_delay() {
    let faults = Faults::default();
    let (log, store) = (log(&faults), MemoryStore::new(faults.clone()));
    let head = Head { owner: ID, body: Bytes::new() };
    let get = || Get::of::<Head>(vec![Value::Uuid(ID)]);
    let record = || Append {
        topic: &topic::COMMANDS,
        partition: 0,
        key: Bytes::new(),
        headers: Headers::new(),
        value: Bytes::new(),
    };
    faults.on(|operation| match operation {
        Operation::Write | Operation::Append => Fault::Refuse,
        _ => Fault::None,
    });
    let refused = put(&store, vec![Write::insert(&head, Stamp(1))]).await;
    assert!(refused.is_err_and(|error| error.retryable()));
    assert_eq!(log.append(Budget::Ingest, vec![record()]).await, Err(Error::Overloaded));
    assert_eq!(get_one::<Head>(&store, get()).await, Ok(None));
    assert!(log.records(&topic::COMMANDS).is_empty());

    faults.on(|_| Fault::LoseAnswer);
    assert!(put(&store, vec![Write::insert(&head, Stamp(1))]).await.is_err());
    let unknown = log.append(Budget::Ingest, vec![record()]).await;
    assert!(matches!(unknown, Err(Error::Unknown(_))), "{unknown:?}");
    faults.clear();
    assert_eq!(get_one::<Head>(&store, get()).await, Ok(Some(head)));
    assert_eq!(log.records(&topic::COMMANDS).len(), 1);

    faults.on(|_| Fault::Delay(Duration::from_millis(5)));
    assert!(log.append(Budget::Ingest, vec![record()]).await.is_ok());
    // An eviction shows at the next poll.
    faults.clear();
    let mut member = log.join("evicted", &topic::COMMANDS).await.expect("joined");
    log.evict_oldest("evicted", &topic::COMMANDS);
    assert!(matches!(member.poll().await, Err(Error::Failed(_))));
    log.crash();
    assert_eq!(log.append(Budget::Ingest, vec![record()]).await, Err(Error::Closed));
    assert!(log.reopen().append(Budget::Ingest, vec![record()]).await.is_ok());
}
