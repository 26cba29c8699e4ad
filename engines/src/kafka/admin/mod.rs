//! What an operator does with topics: `parlance topics apply | diff | new-epoch`.
//!
//! `apply` before the first start: it creates what is missing and notes in the store which topics they
//! are. `diff` says what the brokers have that the configuration or the store does not. `new-epoch`
//! (see [`epoch`]) when the log is another one than before. All of it can be broken off at any point
//! and run again.

use std::sync::Arc;
use std::time::Duration;

use platform::Store;
use platform::config::Kafka;
use platform::port::store::Claim;
use rdkafka::ClientContext;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use schemas::Stamp;
use schemas::deployment::table::TopicState;
use schemas::table::Write;
use schemas::topic::{self, Topic};

use crate::kafka::context::Voice;
use crate::kafka::ffi::{Described, describe_topics};
use crate::kafka::identity::state_of;
use crate::kafka::settings::{MESSAGE_BYTES, Settings, without_value};
use crate::kafka::{CONNECT, Control, Refused, blocking, control};

mod diff;
pub mod epoch;

pub use diff::{Difference, What};

/// Longest wait for a topic that was created to be there on all brokers.
const CREATED: Duration = Duration::from_secs(30);
const AGAIN: Duration = Duration::from_millis(200);

/// Every topic of the deployment that exists.
pub(super) async fn describe(
    settings: &Settings,
    client: &Arc<Control>,
    limit: Duration,
) -> Result<Vec<Described>, Refused> {
    let names: Vec<String> = topic::ALL.iter().map(|topic| settings.topic(topic)).collect();
    let client = client.clone();
    let described = blocking(move || describe_topics(client.client(), &names, limit)).await;
    described.map_err(|e| Refused::Unreachable(e.to_string()))?.map_err(Refused::Unreachable)
}

struct Context(Voice);

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.0.line(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.0.warn(&format!("{error}: {reason}"));
    }
}

/// A connection of an operator.
pub struct Admin {
    settings: Settings,
    client: Arc<Control>,
    topics: AdminClient<Context>,
    store: Arc<dyn Store>,
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin").finish_non_exhaustive()
    }
}

/// What `apply` did with one topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Name without the deployment's prefix.
    pub topic: &'static str,
    /// Whether it was created now.
    pub created: bool,
    /// What the store knows of it.
    pub identity: Identity,
}

/// How the topic on the brokers and the store's row of it agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// The row was written now: the topic may be used.
    Noted,
    /// They agree.
    Same,
    /// They differ: nothing starts until `new-epoch`, or until the right topic is back.
    Differs,
}

fn failed(error: &dyn std::fmt::Display) -> Refused {
    Refused::Unreachable(error.to_string())
}

impl Admin {
    /// A connection to the brokers of `config` with the rows of `store`.
    pub fn connect(
        config: &Kafka,
        namespace: &str,
        store: Arc<dyn Store>,
    ) -> Result<Self, Refused> {
        let settings = Settings::new(config, namespace)?;
        let refused = |e: &KafkaError| Refused::Settings(without_value(e));
        let client = control(&settings, None).map_err(|e| refused(&e))?;
        let context = Context(Voice::new("admin"));
        let topics = AdminClient::from_config_and_context(&settings.control(None), context);
        Ok(Self { client, topics: topics.map_err(|e| refused(&e))?, settings, store })
    }

    /// Creates the topics that are missing and notes in the store which topics they are. What exists is
    /// left as it is: see [`Self::diff`].
    pub async fn apply(&self) -> Result<Vec<Applied>, Refused> {
        let before = describe(&self.settings, &self.client, CONNECT).await?;
        let is_missing = |topic: &&'static Topic| {
            let name = self.settings.topic(topic);
            before.iter().all(|one| one.name != name)
        };
        let missing: Vec<&'static Topic> = topic::ALL.into_iter().filter(is_missing).collect();
        let there = if missing.is_empty() { before } else { self.create(&missing).await? };
        let mut applied = Vec::new();
        for topic in topic::ALL {
            let name = self.settings.topic(topic);
            let described = there.iter().find(|one| one.name == name);
            let described = described.ok_or(Refused::Missing(topic.name))?;
            let identity = self.note(topic, described).await?;
            let created = missing.contains(&topic);
            applied.push(Applied { topic: topic.name, created, identity });
        }
        Ok(applied)
    }

    /// Creates topics and waits until the brokers know them.
    async fn create(&self, missing: &[&'static Topic]) -> Result<Vec<Described>, Refused> {
        let config = self.settings.config();
        let names: Vec<String> = missing.iter().map(|topic| self.settings.topic(topic)).collect();
        let values: Vec<Vec<(&'static str, String)>> =
            missing.iter().map(|topic| wanted(topic, config)).collect();
        let topics: Vec<NewTopic<'_>> = missing
            .iter()
            .zip(&names)
            .zip(&values)
            .map(|((topic, name), values)| {
                let partitions = crate::kafka::offsets::native(self.settings.partitions(topic));
                let copies = TopicReplication::Fixed(i32::from(config.replication));
                let new = NewTopic::new(name, partitions, copies);
                values.iter().fold(new, |new, (key, value)| new.set(key, value))
            })
            .collect();
        let options =
            AdminOptions::new().request_timeout(Some(CREATED)).operation_timeout(Some(CREATED));
        for created in self.topics.create_topics(&topics, &options).await.map_err(|e| failed(&e))? {
            match created {
                // Somebody else was quicker.
                Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
                Err((name, code)) => return Err(Refused::Settings(format!("{name}: {code}"))),
            }
        }
        for _ in 0..CREATED.as_millis() / AGAIN.as_millis() {
            let there = describe(&self.settings, &self.client, CONNECT).await?;
            if names.iter().all(|name| there.iter().any(|one| one.name == *name)) {
                return Ok(there);
            }
            tokio::time::sleep(AGAIN).await;
        }
        Err(Refused::Unreachable("the new topics are not there yet: run it again".to_owned()))
    }

    /// Notes a topic that the store does not know yet.
    async fn note(
        &self,
        topic: &'static Topic,
        described: &Described,
    ) -> Result<Identity, Refused> {
        let row = TopicState {
            topic: topic.name.to_owned(),
            epoch: 1,
            topic_id: described.id.clone(),
            partitions: i64::from(described.partitions),
        };
        let same = |state: &TopicState| {
            state.topic_id == row.topic_id && state.partitions == row.partitions
        };
        let known = match state_of(&*self.store, topic).await? {
            Some(known) => known,
            None => match self.store.claim(Write::insert(&row, Stamp(0))).await? {
                Claim::Won => return Ok(Identity::Noted),
                // Somebody else was quicker.
                Claim::Lost(_) => match state_of(&*self.store, topic).await? {
                    Some(known) => known,
                    None => return Err(Refused::Unnoted(topic.name)),
                },
            },
        };
        Ok(if same(&known) { Identity::Same } else { Identity::Differs })
    }
}

/// Settings of a topic on the brokers, by Kafka's names.
fn wanted(topic: &Topic, config: &Kafka) -> Vec<(&'static str, String)> {
    vec![
        ("cleanup.policy", "delete".to_owned()),
        ("max.message.bytes", MESSAGE_BYTES.to_string()),
        // The brokers' clock, not the producers' (HAZARDS 25).
        ("message.timestamp.type", "LogAppendTime".to_owned()),
        ("min.insync.replicas", config.min_insync.to_string()),
        ("retention.ms", topic.retention.as_millis().to_string()),
        ("unclean.leader.election.enable", "false".to_owned()),
    ]
}
