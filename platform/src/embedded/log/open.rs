//! How the log is opened: whether log and store belong together, and where every partition stands.
//!
//! The journal is synced before anything derived from it reaches the store. So the store can never be
//! ahead of its own journal: if it is, the journal was lost, replaced or restored from an older copy,
//! and going on would skip acknowledged commands in silence (HAZARDS 5). Then the start is refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemas::topic::{self, Durability};

use super::core::{Cursors, failed};
use super::facts::{self, TopicFacts};
use super::{LogConfig, refused};
use crate::embedded::channel::{Channel, TailLimits};
use crate::embedded::journal::fs::Fs;
use crate::embedded::journal::{Journal, REPLACED};
use crate::embedded::lsm::LsmStore;
use crate::port::clock::Clock;
use crate::port::log::Error;

/// The parts of a log that fit each other.
pub(super) struct Opened {
    pub(super) channels: Vec<Arc<Channel>>,
    pub(super) journal: Journal,
    pub(super) cursors: BTreeMap<(u16, String), Cursors>,
}

fn value(store: &LsmStore, key: Vec<u8>) -> Result<Option<bytes::Bytes>, Error> {
    let found = store.system_scan(facts::only(key)).next().transpose().map_err(failed)?;
    Ok(found.map(|(_, value)| value))
}

pub(super) fn open(
    fs: Arc<dyn Fs>,
    store: &LsmStore,
    clock: Arc<dyn Clock>,
    config: &LogConfig,
) -> Result<Opened, Error> {
    for topic in topic::ALL {
        check_topic(store, topic)?;
    }
    let channel = |topic: &'static topic::Topic| {
        let limits = match topic.durability {
            Durability::Volatile => config.ring,
            // Read at once or not at all: what a reader that is behind needs lies in the store.
            _ if topic.is_brief() => {
                TailLimits { records: config.tail.records / 8, bytes: config.tail.bytes / 8 }
            }
            Durability::Synced | Durability::Derived => config.tail,
        };
        Arc::new(Channel::new(topic, limits))
    };
    let channels: Vec<Arc<Channel>> = topic::ALL.into_iter().map(channel).collect();
    let of = |durability| {
        channels.iter().filter(move |channel| channel.topic.durability == durability).cloned()
    };
    for channel in of(Durability::Derived) {
        recover_derived(store, &channel)?;
    }
    let known = value(store, facts::journal_key())?;
    let known = known.and_then(|raw| raw.first_chunk::<16>().copied());
    let synced: Vec<_> = of(Durability::Synced).collect();
    let journal = Journal::open(fs, synced.clone(), clock, &config.journal, known);
    let journal = journal.map_err(failed)?;
    for channel in &synced {
        check_end(store, channel)?;
    }
    if known.is_none() {
        if synced.iter().any(|channel| channel.states().iter().any(|state| state.first > 0)) {
            return Err(refused("the store is new, but the log no longer begins at its beginning"));
        }
        let id = journal.id().to_vec();
        store.system_write([(facts::journal_key(), Some(id))]).map_err(failed)?;
    }
    let cursors = load_cursors(store, &channels)?;
    Ok(Opened { channels, journal, cursors })
}

fn check_topic(store: &LsmStore, topic: &topic::Topic) -> Result<(), Error> {
    let facts = TopicFacts::of(topic);
    let key = facts::topic_key(topic.id);
    let Some(stored) = value(store, key.clone())? else {
        let raw = serde_json::to_vec(&facts).map_err(failed)?;
        return store.system_write([(key, Some(raw))]).map_err(failed);
    };
    let stored: TopicFacts = serde_json::from_slice(&stored).map_err(failed)?;
    if stored == facts {
        return Ok(());
    }
    let TopicFacts { name, partitions, epoch } = stored;
    Err(refused(&format!(
        "topic {} is {name} with {partitions} partitions in epoch {epoch} in the store, and {} with \
         {} partitions here",
        topic.id, facts.name, facts.partitions,
    )))
}

fn recover_derived(store: &LsmStore, channel: &Channel) -> Result<(), Error> {
    let topic = channel.topic;
    for partition in 0..topic.partitions_embedded {
        let all = facts::records_from(topic.id, partition, 0);
        let Some(last) = store.system_last(all.clone()).map_err(failed)? else { continue };
        let first = store.system_scan(all).next().transpose().map_err(failed)?;
        let first = first.and_then(|(key, _)| facts::offset_of(&key)).unwrap_or(0);
        let end = facts::offset_of(&last).map_or(0, |offset| offset + 1);
        let at = value(store, last.to_vec())?.and_then(|raw| facts::append_time(&raw));
        channel.recover(partition, first, end, at.unwrap_or_default());
    }
    Ok(())
}

fn check_end(store: &LsmStore, channel: &Channel) -> Result<(), Error> {
    for state in channel.states() {
        let key = facts::high_water_key(channel.topic.id, state.partition);
        let high = value(store, key)?.and_then(|raw| facts::number(&raw)).unwrap_or(0);
        if high > state.end {
            return Err(ahead(channel, state.partition, high, state.end));
        }
    }
    Ok(())
}

fn ahead(channel: &Channel, partition: u32, store: u64, log: u64) -> Error {
    let name = channel.topic.name;
    refused(&format!("the store has seen {name}/{partition} up to {store}, the log ends at {log}"))
}

fn load_cursors(
    store: &LsmStore,
    channels: &[Arc<Channel>],
) -> Result<BTreeMap<(u16, String), Cursors>, Error> {
    let mut out: BTreeMap<(u16, String), Cursors> = BTreeMap::new();
    for pair in store.system_scan(facts::cursors()) {
        let (key, raw) = pair.map_err(failed)?;
        let Some((topic, partition, group, next)) = facts::cursor(&key, &raw) else { continue };
        let Some(channel) = channels.iter().find(|c| c.topic.id == topic) else { continue };
        let Some(state) = channel.state(partition) else { continue };
        if next > state.end {
            return Err(ahead(channel, partition, next, state.end));
        }
        // Records are deleted only behind the cursors of a synced checkpoint: a cursor in front of the
        // oldest one is an older store beside a newer log, and what lies between would be skipped.
        if next < state.first {
            let name = channel.topic.name;
            return Err(refused(&format!(
                "the store has read {name}/{partition} up to {next}, the log begins at {}",
                state.first
            )));
        }
        out.entry((topic, group)).or_default().insert(partition, next);
    }
    Ok(out)
}

/// The message of a refused start, for [`super::refused`].
pub(super) fn message(why: &str) -> String {
    format!("{why}: {REPLACED}")
}
