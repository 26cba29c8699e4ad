//! Whether the topics are the ones that the rows were folded from (HAZARDS 5).
//!
//! A topic that was made anew starts at offset 0 again, and every command in it would be skipped as
//! one that is folded already. So the store remembers of each topic its id, its partition count and
//! how far it was folded, and a log that contradicts this is refused.

use platform::Store;
use platform::port::store::{self, get_one, scan};
use schemas::Stamp;
use schemas::deployment::table::{HighWater, TopicState};
use schemas::position::OFFSET_BITS;
use schemas::topic::Topic;

use super::Refused;
use super::ffi::Described;
use super::topics::Known;

/// The row of a topic.
pub(super) async fn state_of(
    store: &dyn Store,
    topic: &Topic,
) -> Result<Option<TopicState>, store::Error> {
    get_one(store, TopicState::get(topic.name)).await
}

/// The high waters of a topic, of this epoch.
pub(super) async fn waters_of(
    store: &dyn Store,
    topic: &Topic,
    epoch: u32,
) -> Result<Vec<(u32, u64)>, store::Error> {
    let rows = scan(store, HighWater::of_topic(topic.name)).await?;
    let current = rows.into_iter().filter(|row| row.position >> OFFSET_BITS == i64::from(epoch));
    let water =
        |row: HighWater| Some((u32::try_from(row.partition).ok()?, Stamp(row.position).offset()));
    Ok(current.filter_map(water).collect())
}

/// The topic as it may be used, or what is wrong with it.
pub(super) fn known(
    topic: &'static Topic,
    state: Option<&TopicState>,
    described: Option<&Described>,
) -> Result<Known, Refused> {
    let name = topic.name;
    let Some(described) = described else { return Err(Refused::Missing(name)) };
    let Some(state) = state else { return Err(Refused::Unnoted(name)) };
    let changed = |what: String| Refused::Changed { topic: name, what };
    if state.topic_id != described.id {
        return Err(changed(format!("its id was {}, now it is {}", state.topic_id, described.id)));
    }
    if state.partitions != i64::from(described.partitions) {
        let (was, is) = (state.partitions, described.partitions);
        return Err(changed(format!("it had {was} partitions, now it has {is}")));
    }
    let epoch = u32::try_from(state.epoch).map_err(|e| changed(e.to_string()))?;
    let (name, partitions) = (described.name.clone(), described.partitions);
    Ok(Known { topic, name, epoch, partitions })
}

/// Whether every partition reaches as far as it was folded.
pub(super) fn reaches(
    topic: &Topic,
    waters: &[(u32, u64)],
    ends: &std::collections::BTreeMap<u32, u64>,
) -> Result<(), Refused> {
    for (partition, water) in waters {
        let end = ends.get(partition).copied().unwrap_or(0);
        if end < *water {
            let what = format!("partition {partition} ends at {end}, but was folded up to {water}");
            return Err(Refused::Changed { topic: topic.name, what });
        }
    }
    Ok(())
}
