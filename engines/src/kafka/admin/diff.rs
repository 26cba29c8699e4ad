//! What the brokers have that the configuration or the store does not.

use rdkafka::admin::{AdminOptions, ResourceSpecifier};
use schemas::topic::{self, Topic};

use super::{Admin, describe, failed, wanted};
use crate::kafka::ffi::Described;
use crate::kafka::identity::state_of;
use crate::kafka::{CONNECT, Refused};

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Name without the deployment's prefix.
    pub topic: &'static str,
    /// What differs.
    pub what: What,
}

/// What differs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum What {
    /// `apply` would create it.
    #[error("does not exist")]
    Missing,
    /// `apply` would note it.
    #[error("is not noted in the store")]
    Unnoted,
    /// Nothing starts until `new-epoch`, or until the right topic is back.
    #[error("has the id {found}, but {noted} was in use")]
    Id {
        /// In the store.
        noted: String,
        /// On the brokers.
        found: String,
    },
    /// Nothing starts until `new-epoch`.
    #[error("has {found} partitions, but {noted} were in use")]
    Repartitioned {
        /// In the store.
        noted: i64,
        /// On the brokers.
        found: u32,
    },
    /// The configuration asks for another number than the topic was created with. Harmless: the number
    /// in use counts.
    #[error("has {found} partitions, the configuration says {wanted}")]
    Partitions {
        /// In the configuration.
        wanted: u32,
        /// On the brokers.
        found: u32,
    },
    /// A setting of the topic.
    #[error("has {name}={found}, wanted is {wanted}")]
    Setting {
        /// Kafka's name of it.
        name: &'static str,
        /// As `apply` sets it on a new topic.
        wanted: String,
        /// On the brokers.
        found: String,
    },
}

impl Admin {
    /// Everything that differs; empty: nothing does. Changes nothing.
    pub async fn diff(&self) -> Result<Vec<Difference>, Refused> {
        let there = describe(&self.settings, &self.client, CONNECT).await?;
        let mut differences = Vec::new();
        for topic in topic::ALL {
            let name = self.settings.topic(topic);
            let found = there.iter().find(|one| one.name == name);
            let mut differs = |what| differences.push(Difference { topic: topic.name, what });
            let Some(found) = found else {
                differs(What::Missing);
                continue;
            };
            self.identity(topic, found).await?.into_iter().for_each(&mut differs);
            let wanted = self.settings.partitions(topic);
            if wanted != found.partitions {
                differs(What::Partitions { wanted, found: found.partitions });
            }
            self.values(topic, &name).await?.into_iter().for_each(&mut differs);
        }
        Ok(differences)
    }

    async fn identity(&self, topic: &Topic, found: &Described) -> Result<Vec<What>, Refused> {
        let Some(state) = state_of(&*self.store, topic).await? else {
            return Ok(vec![What::Unnoted]);
        };
        let mut differs = Vec::new();
        if state.topic_id != found.id {
            differs.push(What::Id { noted: state.topic_id, found: found.id.clone() });
        }
        if state.partitions != i64::from(found.partitions) {
            let (noted, found) = (state.partitions, found.partitions);
            differs.push(What::Repartitioned { noted, found });
        }
        Ok(differs)
    }

    async fn values(&self, topic: &Topic, name: &str) -> Result<Vec<What>, Refused> {
        let options = AdminOptions::new().request_timeout(Some(CONNECT));
        let asked = [ResourceSpecifier::Topic(name)];
        let answers = self.topics.describe_configs(&asked, &options).await;
        let answers = answers.map_err(|e| failed(&e))?;
        let mut differs = Vec::new();
        for answer in answers {
            let answer = answer.map_err(|e| failed(&e))?;
            let found = answer.entry_map();
            for (name, wanted) in wanted(topic, self.settings.config()) {
                let found = found.get(name).and_then(|entry| entry.value.clone());
                let found = found.unwrap_or_default();
                if found != wanted {
                    differs.push(What::Setting { name, wanted, found });
                }
            }
        }
        Ok(differs)
    }
}
