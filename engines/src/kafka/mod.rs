//! The log on Kafka, by librdkafka.
//!
//! - Names on the brokers: a topic is `<namespace>.<topic>`, a group `<namespace>.<group>.<topic>`.
//! - An acknowledged record is on every replica that is in sync (`acks=all`, at least
//!   `min.insync.replicas` of them), in memory: Kafka does not sync each to a disk.
//! - Nothing here blocks a runtime thread: each producer, member and tail has a thread of its own,
//!   and questions run on the blocking pool.
//!
//! [`admin`] has what an operator does.

pub use self::rewind::rewind;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all, ready};
use parking_lot::Mutex;
use platform::config::Kafka;
use platform::port::log::{Append, Budget, Error, Log, Member, PartitionState, Start, Tail};
use platform::telemetry::Metrics;
use platform::{Clock, Store};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, KafkaResult};
use schemas::Position;
use schemas::topic::{self, Topic};

pub mod admin;
mod batch;
mod commits;
mod context;
mod ffi;
mod identity;
mod inbox;
mod member;
mod notes;
mod offsets;
mod producer;
mod pulse;
mod reading;
mod record;
mod rewind;
mod settings;
mod tail;
mod topics;

use context::Plain;
use inbox::Inbox;
use member::{KafkaMember, Membership};
use notes::Notes;
use producer::{Lane, PATIENCE};
use reading::Reading;
use settings::Settings;
use tail::KafkaTail;
use topics::{Known, Topics};

/// Why a log was not opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// A setting that can not be.
    #[error("kafka: {0}")]
    Settings(String),
    /// No broker answered. May work when tried again.
    #[error("kafka: {0}")]
    Unreachable(String),
    /// The store can not tell which topics are right.
    #[error(transparent)]
    Store(#[from] platform::port::store::Error),
    /// A topic is not there.
    #[error("kafka: there is no topic {0}: run `parlance topics apply`")]
    Missing(&'static str),
    /// The store knows nothing of a topic.
    #[error("kafka: topic {0} is not in use yet: run `parlance topics apply`")]
    Unnoted(&'static str),
    /// A topic is not the one that the rows were folded from.
    #[error(
        "kafka: topic {topic} is not the one that was in use: {what}. Its offsets do not go on where \
         the tables stand; if this is meant, run `parlance topics new-epoch`"
    )]
    Changed {
        /// The topic.
        topic: &'static str,
        /// What differs.
        what: String,
    },
}

/// Longest wait for the brokers at the start.
const CONNECT: Duration = Duration::from_secs(10);
/// Longest wait for what was taken to be acknowledged, at the end.
const DRAIN: Duration = Duration::from_secs(5);
/// Longest wait for members and tails to end.
const LEAVE: Duration = Duration::from_secs(5);
/// Longest wait for the commits of this process's members before committed offsets are read.
const FLUSH: Duration = Duration::from_secs(1);
/// Pause after a question that no broker answered.
const AGAIN: Duration = Duration::from_millis(200);

type Control = BaseConsumer<Plain>;

struct Shared {
    settings: Settings,
    topics: Arc<Topics>,
    ingest: Lane,
    worker: Lane,
    /// Clients for questions: none for offsets of topics, one per group for committed ones.
    controls: Mutex<BTreeMap<Option<String>, Arc<Control>>>,
    readings: Mutex<Vec<Reading>>,
    notes: Arc<Notes>,
    metrics: Metrics,
    closed: AtomicBool,
}

/// The log on Kafka. Clones share it.
#[derive(Clone)]
pub struct KafkaLog(Arc<Shared>);

impl std::fmt::Debug for KafkaLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KafkaLog").field("topics", &self.0.topics).finish_non_exhaustive()
    }
}

/// Runs a question to the brokers where it may block.
async fn blocking<T: Send + 'static>(ask: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
    tokio::task::spawn_blocking(ask).await.map_err(|e| Error::Failed(e.to_string()))
}

fn control(settings: &Settings, group: Option<&str>) -> KafkaResult<Arc<Control>> {
    let client = Control::from_config_and_context(&settings.control(group), Plain::new("control"));
    client.map(Arc::new)
}

impl KafkaLog {
    /// Connects to the brokers and checks that every topic is the one that the store remembers.
    pub async fn open(
        config: &Kafka,
        namespace: &str,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
        metrics: &Metrics,
    ) -> Result<Self, Refused> {
        let settings = Settings::new(config, namespace)?;
        let refused = |e: &dyn std::fmt::Display| Refused::Settings(e.to_string());
        let unusable = |e: KafkaError| Refused::Settings(settings::without_value(&e));
        let client = control(&settings, None).map_err(unusable)?;
        let topics = check(&settings, &client, &*store).await?;
        let topics = Arc::new(Topics::new(topics));
        let open = |budget| Lane::open(&settings, budget, topics.clone(), metrics);
        let ingest = open(Budget::Ingest).map_err(unusable)?;
        let worker = open(Budget::Worker).map_err(unusable)?;
        let log = Self(Arc::new(Shared {
            ingest,
            worker,
            settings,
            topics,
            controls: Mutex::new(BTreeMap::from([(None, client)])),
            readings: Mutex::default(),
            notes: Arc::new(Notes::new(store, clock)),
            metrics: metrics.clone(),
            closed: AtomicBool::new(false),
        }));
        log.keep_house().map_err(|e| refused(&e))?;
        Ok(log)
    }

    /// A thread that serves what nobody else polls and writes notes, while the log is in use.
    fn keep_house(&self) -> std::io::Result<()> {
        const TURN: Duration = Duration::from_secs(1);
        let shared = Arc::downgrade(&self.0);
        let runtime = tokio::runtime::Handle::current();
        let keep = move || {
            let mut turns = 0_u64;
            while let Some(shared) = shared.upgrade() {
                if shared.closed.load(Ordering::Relaxed) {
                    break;
                }
                let controls: Vec<Arc<Control>> =
                    shared.controls.lock().values().cloned().collect();
                for control in controls {
                    drain_events(&control);
                    let pulse = control.context().pulse();
                    pulse.check(control.client(), "control", &shared.settings.brokers());
                }
                // A process that can not append is of no use: whoever reads for it ends, and so does it.
                let failed = shared.ingest.failure().or_else(|| shared.worker.failure());
                if let Some(why) = failed {
                    for reading in shared.readings.lock().iter() {
                        reading.inbox.fail(Error::Failed(format!("a producer has failed: {why}")));
                    }
                }
                turns += 1;
                if turns.is_multiple_of(notes::EVERY.as_secs()) {
                    runtime.block_on(shared.notes.write());
                }
                let mut readings = shared.readings.lock();
                readings.retain(|reading| !reading.inbox.has_ended());
                readings.iter_mut().for_each(Reading::look);
                drop(readings);
                drop(shared);
                std::thread::sleep(TURN);
            }
        };
        std::thread::Builder::new().name("kafka-house".to_owned()).spawn(keep).map(drop)
    }

    fn alive(&self) -> Result<(), Error> {
        if self.0.closed.load(Ordering::Relaxed) { Err(Error::Closed) } else { Ok(()) }
    }

    /// The client that asks for a group's committed offsets.
    fn control_of(&self, group: &str) -> Result<Arc<Control>, Error> {
        let mut controls = self.0.controls.lock();
        let key = Some(group.to_owned());
        if let Some(client) = controls.get(&key) {
            return Ok(client.clone());
        }
        let client = control(&self.0.settings, Some(group));
        let client = client.map_err(|e| Error::Failed(e.to_string()))?;
        controls.insert(key, client.clone());
        Ok(client)
    }

    fn questions(&self) -> Result<Arc<Control>, Error> {
        let client = self.0.controls.lock().get(&None).cloned();
        client.ok_or(Error::Closed)
    }

    fn members(&self, group: &'static str, topic: &Topic) -> Vec<Arc<Inbox>> {
        let readings = self.0.readings.lock();
        let mine = readings.iter().filter(|reading| reading.group == Some((group, topic.id)));
        mine.map(|reading| reading.inbox.clone()).collect()
    }

    fn register(&self, group: Option<(&'static str, u16)>, inbox: Arc<Inbox>) {
        self.0.readings.lock().push(Reading::new(group, inbox));
    }

    /// Asks for a while: a broker that has just become a partition's leader may not know it yet.
    async fn for_a_while<T: Send + 'static>(
        &self,
        ask: impl Fn() -> KafkaResult<T> + Clone + Send + 'static,
    ) -> Result<T, Error> {
        let asked = tokio::time::timeout(offsets::ANSWER, self.patiently(ask)).await;
        asked.unwrap_or_else(|_| Err(Error::Unknown("no broker answered in time".to_owned())))
    }

    /// Asks until a broker answers.
    async fn patiently<T: Send + 'static>(
        &self,
        ask: impl Fn() -> KafkaResult<T> + Clone + Send + 'static,
    ) -> Result<T, Error> {
        loop {
            self.alive()?;
            match blocking(ask.clone()).await? {
                Ok(answer) => return Ok(answer),
                Err(error) => {
                    tracing::debug!(target: "rdkafka", %error, "asked in vain");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }
}

/// Serves log lines, errors and statistics of a client whose records nobody wants.
fn drain_events(client: &Control) {
    while client.poll(Duration::ZERO).is_some() || client.context().served() {}
}

/// Checks every topic against the store.
async fn check(
    settings: &Settings,
    client: &Arc<Control>,
    store: &dyn Store,
) -> Result<Vec<Known>, Refused> {
    let described = admin::describe(settings, client, CONNECT).await?;
    let mut topics = Vec::new();
    for topic in topic::ALL {
        let state = identity::state_of(store, topic).await?;
        let name = settings.topic(topic);
        let described = described.iter().find(|one| one.name == name);
        let known = identity::known(topic, state.as_ref(), described)?;
        let waters = identity::waters_of(store, topic, known.epoch).await?;
        if !waters.is_empty() {
            let ends = ends_of(client, &name, known.all()).await?;
            identity::reaches(topic, &waters, &ends)?;
        }
        topics.push(known);
    }
    Ok(topics)
}

/// Where the partitions of a topic end.
async fn ends_of(
    client: &Arc<Control>,
    name: &str,
    partitions: Vec<u32>,
) -> Result<BTreeMap<u32, u64>, Refused> {
    let unreachable = |e: &dyn std::fmt::Display| Refused::Unreachable(e.to_string());
    let tries = CONNECT.as_millis() / AGAIN.as_millis();
    for last in (0..tries).rev() {
        let (client, name, partitions) = (client.clone(), name.to_owned(), partitions.clone());
        let ends = blocking(move || offsets::end(&client, &name, &partitions)).await;
        match ends.map_err(|e| unreachable(&e))? {
            Ok(ends) => return Ok(ends),
            Err(error) if last == 0 => return Err(unreachable(&error)),
            Err(_) => tokio::time::sleep(AGAIN).await,
        }
    }
    Err(Refused::Unreachable(format!("where {name} ends is unknown")))
}

#[async_trait]
impl Log for KafkaLog {
    fn append(
        &self,
        budget: Budget,
        records: Vec<Append>,
    ) -> BoxFuture<'static, Result<Vec<Position>, Error>> {
        if records.is_empty() {
            return ready(Ok(Vec::new())).boxed();
        }
        if let Err(error) = self.0.topics.check(&records) {
            return ready(Err(error)).boxed();
        }
        let lane = match budget {
            Budget::Ingest => &self.0.ingest,
            Budget::Worker => &self.0.worker,
        };
        let since = lane.acknowledged();
        let answer = match lane.append(records) {
            Ok(answer) => answer,
            Err(error) => return ready(Err(error)).boxed(),
        };
        let gone = |_| Err(Error::Unknown("the log was closed".to_owned()));
        if budget == Budget::Worker {
            return answer.map(move |answer| answer.unwrap_or_else(gone)).boxed();
        }
        let shared = self.0.clone();
        async move {
            if let Ok(answer) = tokio::time::timeout(PATIENCE, answer).await {
                return answer.unwrap_or_else(gone);
            }
            shared.ingest.timed_out(since);
            Err(Error::Unknown("no acknowledgement in time".to_owned()))
        }
        .boxed()
    }

    async fn join(
        &self,
        group: &'static str,
        topic: &'static Topic,
    ) -> Result<Box<dyn Member>, Error> {
        self.alive()?;
        // A member of this process that is leaving would cause one rebalance more.
        let leaving = self.members(group, topic).into_iter().filter(|inbox| inbox.is_closing());
        let leaving: Vec<_> = leaving.collect();
        // One that takes longer is left behind: the group knows how to go on without it.
        tokio::time::timeout(LEAVE, join_all(leaving.iter().map(|inbox| inbox.ended()))).await.ok();
        let known = self.0.topics.find(topic)?.clone();
        let name = self.0.settings.group(group, topic);
        let partitions = usize::try_from(known.partitions).unwrap_or(1);
        let session = self.0.settings.session();
        let inbox = Arc::new(Inbox::new(session / 2));
        let mut config = self.0.settings.member(&name, partitions);
        if topic.is_brief() {
            // Its records are forgotten soon: a reader that was away goes on with what is left.
            config.set("auto.offset.reset", "earliest");
        }
        let membership = Membership {
            config,
            brokers: self.0.settings.brokers(),
            group,
            topic: known,
            session,
            refusals: self.0.metrics.kafka_commit_failures.with_label_values(&[group]),
            notes: self.0.notes.clone(),
        };
        member::start(membership, inbox.clone())?;
        self.register(Some((group, topic.id)), inbox.clone());
        Ok(Box::new(KafkaMember(inbox)))
    }

    async fn tail(
        &self,
        topic: &'static Topic,
        partitions: Vec<u32>,
        start: Start,
    ) -> Result<Box<dyn Tail>, Error> {
        let known = self.0.topics.find(topic)?.clone();
        if let Some(unknown) = partitions.iter().find(|one| **one >= known.partitions) {
            return Err(Error::Failed(format!("{} has no partition {unknown}", topic.name)));
        }
        let (client, name) = (self.questions()?, known.name.clone());
        let from = match start {
            Start::At(offset) => partitions.iter().map(|one| (*one, offset)).collect(),
            Start::Earliest | Start::Latest | Start::Since(_) => {
                let ask = move || match start {
                    Start::Earliest => offsets::first(&client, &name, &partitions),
                    Start::Since(at) => offsets::since(&client, &name, &partitions, at),
                    Start::Latest | Start::At(_) => offsets::end(&client, &name, &partitions),
                };
                self.patiently(ask).await?
            }
        };
        self.alive()?;
        let inbox = Arc::new(Inbox::new(Duration::MAX));
        let config = self.0.settings.tail(from.len());
        tail::start(config, self.0.settings.brokers(), known, from, inbox.clone())?;
        self.register(None, inbox.clone());
        Ok(Box::new(KafkaTail(inbox)))
    }

    async fn describe(&self, topic: &'static Topic) -> Result<Vec<PartitionState>, Error> {
        self.alive()?;
        let known = self.0.topics.find(topic)?.clone();
        let client = self.questions()?;
        let epoch = known.epoch;
        let asked = self.for_a_while(move || {
            let all = known.all();
            let first = offsets::first(&client, &known.name, &all)?;
            Ok((first, offsets::end(&client, &known.name, &all)?))
        });
        let (first, end) = asked.await?;
        let states = end.into_iter().map(|(partition, end)| {
            let first = first.get(&partition).copied().unwrap_or(0);
            PartitionState { partition, epoch, first, end }
        });
        Ok(states.collect())
    }

    async fn committed(
        &self,
        group: &'static str,
        topic: &'static Topic,
    ) -> Result<Vec<(u32, u64)>, Error> {
        self.alive()?;
        let flushes: Vec<_> =
            self.members(group, topic).iter().map(|inbox| inbox.flushed()).collect();
        // A commit that takes longer shows in a later answer.
        tokio::time::timeout(FLUSH, join_all(flushes)).await.ok();
        let known = self.0.topics.find(topic)?.clone();
        let client = self.control_of(&self.0.settings.group(group, topic))?;
        let ask = move || offsets::committed(&client, &known.name, &known.all());
        Ok(self.for_a_while(ask).await?.into_iter().collect())
    }

    fn partitions(&self, topic: &'static Topic) -> u32 {
        self.0.topics.find(topic).map_or(0, |known| known.partitions)
    }

    async fn close(&self) {
        if self.0.closed.swap(true, Ordering::Relaxed) {
            return;
        }
        let shared = self.0.clone();
        let flushed = blocking(move || {
            // Workers first: what they still append may be the outcome of a client's request.
            std::thread::scope(|scope| {
                scope.spawn(|| shared.worker.close(DRAIN));
                shared.ingest.close(DRAIN);
            });
        });
        if let Err(error) = flushed.await {
            tracing::error!(%error, "the producers could not be closed");
        }
        let readings = std::mem::take(&mut *self.0.readings.lock());
        for reading in &readings {
            reading.inbox.close(Some(Error::Closed));
        }
        let ends = join_all(readings.iter().map(|reading| reading.inbox.ended()));
        if tokio::time::timeout(LEAVE, ends).await.is_err() {
            tracing::warn!(target: "rdkafka", "a reader did not end in time");
        }
        self.0.notes.write().await;
        let controls = std::mem::take(&mut *self.0.controls.lock());
        // Dropping a client waits for its threads.
        if let Err(error) = blocking(move || drop(controls)).await {
            tracing::error!(%error, "the clients could not be closed");
        }
    }
}
