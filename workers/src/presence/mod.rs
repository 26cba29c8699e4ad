//! `presence`: who is here, put together from what nodes tell of their sockets.
//!
//! The unit is the partition: its owner knows every device of its users ([`state`]), publishes what a
//! user is when that changes, and tells nobody of one who was gone for a moment only ([`damping`]).
//! Publishing is: the entry on the board of the partition, where readers and the next owner find it;
//! one record for all nodes, each of which tells whom it has that is interested; and the durable row of
//! when he was last here, when he comes and when he goes. In this order: a node that reads the board
//! behind a push sees what was pushed or something newer. An owner that dies in between has not
//! committed the record, and the next one tells again what was published behind it.
//!
//! A new owner begins with the board and asks every node for its devices; until they have had the time
//! to answer, everybody counts as what the board says. So nothing here is durable, nothing is lost with
//! an owner, and a user who did not change is told of to nobody. What is published costs one record for
//! a batch, and a mass of reconnecting users O(users): their heads are read by one multi-get a batch.
//!
//! While the board can not be written, users are told of all the same, and it is written anew later;
//! while it can not be read, a new owner waits: presence may be stale without Redis (G-20).

mod append;
mod damping;
mod node;
pub mod state;
mod timers;
mod user;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use platform::Platform;
use platform::lifecycle::Lifecycle;
use platform::partition::progress::Progress;
use platform::partition::{Failure, Handler, LaneKey};
use platform::port::ephemeral::Note;
use platform::port::log::{Budget, Record};
use platform::port::store::{self, get_many};
use schemas::envelope::{self, Content, PresenceCommand};
use schemas::outbound::{Outbound, PresenceWanted};
use schemas::presence;
use schemas::presence::entry::Entry;
use schemas::presence::table::LastSeen;
use schemas::table::{Batch, Write};
use schemas::user::table::UserHead;
use schemas::{Stamp, Timestamp};

use self::state::{Effects, FORGET_MS, State};
use self::timers::{Place, Timers};
pub use self::user::Facts;
use crate::fold::shell::{of_log, of_store};

/// Users whose heads one request reads.
const HEADS: usize = 512;
/// Rest between two times that a whole board is written anew.
const ANEW_MS: i64 = 10_000;

/// The pool's handler.
#[derive(Debug)]
pub struct Presence {
    platform: Platform,
    timers: Timers,
}

/// A partition.
#[derive(Debug)]
pub struct Lane {
    partition: u32,
    place: Place,
    state: Option<State>,
    /// The board may lack what was published: since when.
    stale: Option<Timestamp>,
}

/// A record, read.
struct Item {
    stamp: Stamp,
    at: Timestamp,
    command: Option<PresenceCommand>,
}

impl Item {
    fn read(record: &Record) -> Result<Self, String> {
        let (_, content) = envelope::decode::<PresenceCommand>(&record.value)
            .map_err(|undecodable| undecodable.to_string())?;
        let command = match content {
            Content::Known(command) => Some(command),
            Content::Unsupported(what) => {
                // Nobody waits for an answer, and the next heartbeat shows what it was worth.
                tracing::debug!(what, "a record of a newer version was skipped");
                None
            }
        };
        Ok(Self { stamp: record.position.stamp(), at: record.appended_at, command })
    }
}

impl Presence {
    /// On these ports.
    pub fn new(platform: Platform) -> Self {
        let timers = Timers::default();
        timers.watch(&platform.metrics);
        Self { platform, timers }
    }

    /// Starts what wakes the pool when something is due.
    pub fn wake(&self, progress: &Progress, life: &Lifecycle) {
        let run = self.timers.clone().run(self.platform.clone(), progress.clone(), life.stopping());
        life.component("presence timers", run);
    }

    /// Begins with what was published, and asks every node what it has.
    async fn begin(&self, partition: u32, first: &Item) -> Result<State, Failure> {
        let name = presence::board(partition);
        let board = self.platform.ephemeral.board(&name).await;
        let board = board.map_err(|error| Failure::Retry(error.to_string()))?;
        let read = |(_, value): (_, Bytes)| match serde_json::from_slice::<Entry>(&value) {
            Ok(entry) => Some(entry),
            Err(error) => {
                tracing::warn!(%error, "an entry of the board can not be read");
                None
            }
        };
        let board: Vec<Entry> = board.into_iter().filter_map(read).collect();
        let ticket = timers::ticket(&self.platform);
        let wanted = Outbound::PresenceWanted(PresenceWanted { partition, ticket });
        let records =
            vec![append::everyone(&wanted), append::due(&self.platform, partition, Some(ticket))];
        let asked = self.platform.log.append(Budget::Worker, records).await;
        asked.map_err(|error| of_log(&error))?;
        tracing::debug!(partition, users = board.len(), "presence of a partition is taken over");
        Ok(State::open(first.stamp, first.at, ticket, board))
    }

    /// Reads what the state has to know of users before the batch is settled.
    async fn learn(&self, state: &mut State) -> Result<(), store::Error> {
        let store = &*self.platform.store;
        for users in state.unknown().chunks(HEADS) {
            let gets: Vec<_> = users.iter().map(|user| UserHead::get(*user)).collect();
            let rows = get_many::<UserHead>(store, &gets).await?;
            for (user, row) in users.iter().zip(rows) {
                let head = row.map(|row| row.head()).transpose()?;
                state.learn(*user, Facts::of(head.as_ref()));
            }
        }
        for users in state.unseen().chunks(HEADS) {
            let gets: Vec<_> = users.iter().map(|user| LastSeen::get(*user)).collect();
            for row in get_many::<LastSeen>(store, &gets).await?.into_iter().flatten() {
                state.recall(&row);
            }
        }
        Ok(())
    }

    /// Writes on the board. If it can not be written, nobody waits for it.
    async fn note(&self, lane: &mut Lane, effects: &Effects, now: Timestamp) {
        let Lane { partition, state: Some(state), stale, .. } = lane else { return };
        let anew = stale.is_some_and(|since| now.since(since) >= ANEW_MS);
        let notes: Vec<Note> = if anew {
            state.published().map(note).collect()
        } else {
            effects.notes.iter().map(note).collect()
        };
        let ephemeral = &self.platform.ephemeral;
        let noted = if notes.is_empty() {
            Ok(())
        } else {
            ephemeral.note(&presence::board(*partition), &notes).await
        };
        match noted {
            // It has forgotten what was on it, or may have.
            Ok(()) if ephemeral.suspect() => *stale = Some(now),
            Ok(()) if anew => *stale = None,
            Ok(()) => {}
            Err(error) => {
                tracing::debug!(%error, "the board can not be written");
                *stale = Some(now);
            }
        }
    }

    async fn carry_out(
        &self,
        lane: &mut Lane,
        mut effects: Effects,
        last: (Stamp, Timestamp),
    ) -> Result<(), Failure> {
        self.note(lane, &effects, last.1).await;
        let metrics = &self.platform.metrics;
        metrics.presence_damped.inc_by(effects.damped);
        for entry in &effects.pushes {
            metrics.presence_transitions.with_label_values(&[entry.status.text()]).inc();
        }
        let records = append::told(&self.platform, lane.partition, &mut effects);
        if !records.is_empty() {
            let appended = self.platform.log.append(Budget::Worker, records).await;
            appended.map_err(|error| of_log(&error))?;
        }
        if !effects.rows.is_empty() {
            let writes: Vec<Write> =
                effects.rows.iter().map(|row| Write::replace(row, last.0)).collect();
            let batch = Batch { fence: None, writes };
            self.platform.store.write(batch).await.map_err(|error| of_store(&error))?;
        }
        Ok(())
    }
}

fn note(entry: &Entry) -> Note {
    let value = Bytes::from(serde_json::to_vec(entry).expect("plain data serialises"));
    if entry.status.is_here() || !entry.devices.is_empty() {
        Note::new(entry.user_id.0, value)
    } else {
        let life = Duration::from_millis(FORGET_MS.unsigned_abs());
        Note::brief(entry.user_id.0, value, life)
    }
}

#[async_trait]
impl Handler for Presence {
    type Lane = Lane;

    fn pool(&self) -> &'static str {
        "presence"
    }

    fn lane(&self, record: &Record) -> Result<LaneKey, String> {
        Ok(record.position.partition.into())
    }

    fn open(&self, _key: LaneKey, partition: u32) -> Lane {
        Lane { partition, place: self.timers.open(partition), state: None, stale: None }
    }

    async fn handle(&self, lane: &mut Lane, batch: &[Record]) -> Result<(), Failure> {
        let mut items = Vec::with_capacity(batch.len());
        for record in batch {
            let offset = record.position.offset;
            items.push(Item::read(record).map_err(|reason| Failure::Poison { offset, reason })?);
        }
        let (Some(first), Some(last)) = (items.first(), items.last()) else { return Ok(()) };
        let last = (last.stamp, last.at);
        let state = match &mut lane.state {
            Some(state) => state,
            state => state.insert(self.begin(lane.partition, first).await?),
        };
        for item in items {
            if let Some(command) = item.command {
                state.apply(item.at, command);
            }
        }
        self.learn(state).await.map_err(|error| of_store(&error))?;
        let effects = state.settle(last.0);
        let wait = state.due().map(|due| due.since(last.1).max(0).unsigned_abs());
        let counts = state.counts();
        self.carry_out(lane, effects, last).await?;
        lane.place.set(wait.map(Duration::from_millis), counts);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
