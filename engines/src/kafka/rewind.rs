//! Sets a group back to the first record, so that everything is folded again.

use platform::config::Kafka;
use rdkafka::consumer::{CommitMode, Consumer};
use schemas::topic::Topic;

use super::settings::{Settings, without_value};
use super::{CONNECT, Refused, blocking, control, offsets};

/// Sets the committed offsets of a group without members to the oldest records kept. A group with
/// members refuses: they would go on from where they are.
pub async fn rewind(
    config: &Kafka,
    namespace: &str,
    group: &str,
    topic: &'static Topic,
) -> Result<(), Refused> {
    let settings = Settings::new(config, namespace)?;
    let (name, group) = (settings.topic(topic), settings.group(group, topic));
    let set = blocking(move || {
        let client = control(&settings, Some(&group))?;
        let known = client.fetch_metadata(Some(&name), CONNECT)?;
        let count = known.topics().iter().map(|topic| topic.partitions().len()).sum::<usize>();
        let partitions: Vec<u32> = (0..u32::try_from(count).unwrap_or(u32::MAX)).collect();
        let first = offsets::first(&client, &name, &partitions)?;
        let first = first.into_iter().map(|(partition, at)| (partition, offsets::offset(at)));
        client.commit(&offsets::at(&name, first)?, CommitMode::Sync)
    });
    let failed = |error: &dyn std::fmt::Display| Refused::Unreachable(error.to_string());
    set.await.map_err(|e| failed(&e))?.map_err(|e| failed(&without_value(&e)))
}
