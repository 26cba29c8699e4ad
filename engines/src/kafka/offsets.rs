//! Questions about offsets, one request per broker for all partitions of a topic. All of them block:
//! they run on threads that may.

use std::collections::BTreeMap;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::{Offset, TopicPartitionList};
use schemas::Timestamp;

/// Longest wait for one answer.
pub(super) const ANSWER: Duration = Duration::from_secs(5);

/// A partition as librdkafka counts.
pub(super) fn native(partition: u32) -> i32 {
    i32::try_from(partition).expect("partitions are few")
}

/// A partition as we count.
pub(super) fn ours(partition: i32) -> u32 {
    u32::try_from(partition).expect("brokers count from 0")
}

/// The list of these partitions, all at one offset.
pub(super) fn list(
    topic: &str,
    partitions: impl IntoIterator<Item = u32>,
    offset: Offset,
) -> KafkaResult<TopicPartitionList> {
    at(topic, partitions.into_iter().map(|partition| (partition, offset)))
}

/// The list of these partitions, each at its offset.
pub(super) fn at(
    topic: &str,
    partitions: impl IntoIterator<Item = (u32, Offset)>,
) -> KafkaResult<TopicPartitionList> {
    let mut list = TopicPartitionList::new();
    for (partition, offset) in partitions {
        list.add_partition_offset(topic, native(partition), offset)?;
    }
    Ok(list)
}

/// The offset as librdkafka counts.
pub(super) fn offset(offset: u64) -> Offset {
    Offset::Offset(i64::try_from(offset).unwrap_or(i64::MAX))
}

/// What a list says of each partition; those without an offset are left out.
fn known(list: &TopicPartitionList) -> KafkaResult<BTreeMap<u32, u64>> {
    let mut known = BTreeMap::new();
    for element in list.elements() {
        element.error()?;
        if let Offset::Offset(offset) = element.offset()
            && let Ok(offset) = u64::try_from(offset)
        {
            known.insert(ours(element.partition()), offset);
        }
    }
    Ok(known)
}

fn ends<C: ConsumerContext>(
    client: &BaseConsumer<C>,
    topic: &str,
    partitions: &[u32],
    which: Offset,
) -> KafkaResult<BTreeMap<u32, u64>> {
    if partitions.is_empty() {
        return Ok(BTreeMap::new());
    }
    // The protocol asks for the oldest and for the next offset by times that are none.
    let asked = list(topic, partitions.iter().copied(), which)?;
    let found = known(&client.offsets_for_times(asked, ANSWER)?)?;
    if found.len() < partitions.len() {
        return Err(KafkaError::OffsetFetch(rdkafka::error::RDKafkaErrorCode::Partial));
    }
    Ok(found)
}

/// The oldest offset kept of each partition.
pub(super) fn first<C: ConsumerContext>(
    client: &BaseConsumer<C>,
    topic: &str,
    partitions: &[u32],
) -> KafkaResult<BTreeMap<u32, u64>> {
    ends(client, topic, partitions, Offset::Beginning)
}

/// The offset of the next record to come of each partition.
pub(super) fn end<C: ConsumerContext>(
    client: &BaseConsumer<C>,
    topic: &str,
    partitions: &[u32],
) -> KafkaResult<BTreeMap<u32, u64>> {
    ends(client, topic, partitions, Offset::End)
}

/// The offset of the first record of each partition that a broker stamped at this time or later; the
/// next one to come where there is none.
pub(super) fn since<C: ConsumerContext>(
    client: &BaseConsumer<C>,
    topic: &str,
    partitions: &[u32],
    at: Timestamp,
) -> KafkaResult<BTreeMap<u32, u64>> {
    // Asked first: what comes in between belongs to it.
    let mut found = end(client, topic, partitions)?;
    if partitions.is_empty() {
        return Ok(found);
    }
    // Negative times are questions of other kinds.
    let asked = list(topic, partitions.iter().copied(), Offset::Offset(at.0.max(0)))?;
    found.extend(known(&client.offsets_for_times(asked, ANSWER)?)?);
    Ok(found)
}

/// What the client's group has committed; partitions without a commit are left out.
pub(super) fn committed<C: ConsumerContext>(
    client: &BaseConsumer<C>,
    topic: &str,
    partitions: &[u32],
) -> KafkaResult<BTreeMap<u32, u64>> {
    if partitions.is_empty() {
        return Ok(BTreeMap::new());
    }
    let asked = list(topic, partitions.iter().copied(), Offset::Invalid)?;
    known(&client.committed_offsets(asked, ANSWER)?)
}
