//! What this process knows of its topics: names, epochs, partition counts. Fixed while it runs.

use std::collections::BTreeMap;

use platform::port::log::{Append, Error};
use schemas::limits;
use schemas::topic::Topic;

use super::record::size_of;

/// One topic.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) topic: &'static Topic,
    /// Name on the brokers.
    pub(super) name: String,
    pub(super) epoch: u32,
    pub(super) partitions: u32,
}

/// The topics of a deployment.
#[derive(Debug)]
pub(super) struct Topics(BTreeMap<u16, Known>);

impl Topics {
    pub(super) fn new(known: impl IntoIterator<Item = Known>) -> Self {
        Self(known.into_iter().map(|known| (known.topic.id, known)).collect())
    }

    pub(super) fn find(&self, topic: &Topic) -> Result<&Known, Error> {
        self.0.get(&topic.id).ok_or_else(|| Error::Failed(format!("no topic {}", topic.name)))
    }

    /// Whether these records may be appended at all.
    pub(super) fn check(&self, records: &[Append]) -> Result<(), Error> {
        for record in records {
            let size = size_of(&record.key, &record.headers, &record.value);
            if size > limits::RECORD_BYTES {
                return Err(Error::TooLarge(size));
            }
            let known = self.find(record.topic)?;
            if record.partition >= known.partitions {
                let (name, partition) = (&known.name, record.partition);
                return Err(Error::Failed(format!("{name} has no partition {partition}")));
            }
        }
        Ok(())
    }
}

impl Known {
    pub(super) fn all(&self) -> Vec<u32> {
        (0..self.partitions).collect()
    }
}
