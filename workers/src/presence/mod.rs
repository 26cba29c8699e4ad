//! `presence`: who is here, put together from what nodes tell of their sockets.
//!
//! The unit is the partition: its owner knows every device of its users ([`state`]), publishes what a
//! user is when that changes, and tells nobody of one who was gone for a moment only ([`damping`]).
//! Publishing is: the entry on the board of the partition, where readers and the next owner find it;
//! one record for all nodes, each of which tells whom it has that is interested; and the durable row of
//! when he was last here: when he comes, goes, his last node stops, and as he does something. In this order: a node that reads the board
//! behind a push sees what was pushed or something newer. An owner that dies in between has not
//! committed the record, and the next one tells again what was published behind it.
//!
//! A new owner begins with the board and asks every node for its devices; until they have had the time
//! to answer, everybody counts as what the board says. So nothing here is durable, nothing is lost with
//! an owner, and a user who did not change is told of to nobody. What is published costs one record for
//! a batch, and a mass of reconnecting users O(users): their heads are read by one multi-get a batch.
//!
//! While the board can not be written, users are told of all the same, and it is made right later ([`board`]);
//! while it can not be read, a new owner waits: presence may be stale without Redis (G-20).

mod append;
mod board;
mod damping;
mod node;
mod settle;
pub mod state;
mod timers;
mod user;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use parking_lot::Mutex;
use platform::Platform;
use platform::lifecycle::Lifecycle;
use platform::partition::progress::Progress;
use platform::partition::{Failure, Handler, LaneKey};
use platform::port::log::{Budget, Record};
use platform::port::store;
use schemas::envelope::{self, Content, PresenceCommand};
use schemas::outbound::{Outbound, PresenceWanted};
use schemas::presence;
use schemas::presence::entry::Entry;
use schemas::presence::table::LastSeen;
use schemas::table::{Batch, Get, Stored, Table, Write};
use schemas::user::table::UserHead;
use schemas::{Stamp, Timestamp, UserId};
use tokio::time::Instant;

use self::board::Board;
use self::state::{Effects, State};
use self::timers::{Place, Timers};
pub use self::user::Facts;
use crate::fold::shell::{of_log, of_store};

/// Users whose heads one request reads.
const HEADS: usize = 512;
/// How long what is known outlives a batch that failed: it is tried again well before.
const KEPT: Duration = Duration::from_mins(1);

/// The pool's handler.
#[derive(Debug)]
pub struct Presence {
    platform: Platform,
    timers: Timers,
    /// Of batches that are to be tried again: engines that are away for long must not cost a question to
    /// every node at each try.
    kept: Arc<Mutex<HashMap<u32, Kept>>>,
}

/// A partition.
#[derive(Debug)]
pub struct Lane {
    partition: u32,
    place: Place,
    known: Option<Known>,
}

/// What the owner of a partition knows, and what he has yet to do.
#[derive(Debug)]
struct Known {
    state: State,
    board: Board,
    /// The last record that the state has taken.
    upto: Stamp,
    owed: Effects,
}

#[derive(Debug)]
struct Kept {
    known: Known,
    /// The first record of the batch.
    first: Stamp,
    /// The record behind one that can not be read: the batch may begin there, if that one was the first.
    behind: Option<Stamp>,
    since: Instant,
}

/// A record, read.
struct Item {
    stamp: Stamp,
    at: Timestamp,
    command: Option<PresenceCommand>,
}

impl Item {
    fn read(record: &Record) -> Result<Self, String> {
        let (meta, content) = envelope::decode::<PresenceCommand>(&record.value)
            .map_err(|undecodable| undecodable.to_string())?;
        let command = match content {
            Content::Known(command) => Some(in_log_time(command, meta.at, record.appended_at)),
            Content::Unsupported(what) => {
                // Nobody waits for an answer, and the next heartbeat shows what it was worth.
                tracing::debug!(what, "a record of a newer version was skipped");
                None
            }
        };
        Ok(Self { stamp: record.position.stamp(), at: record.appended_at, command })
    }
}

/// A node's clock may be hours off: what it says of a moment is how long ago that was.
fn in_log_time(mut command: PresenceCommand, said: Timestamp, at: Timestamp) -> PresenceCommand {
    let in_log_time = |moment: Timestamp| at.plus_ms(-said.since(moment).max(0));
    match &mut command {
        PresenceCommand::Device(changed) => {
            changed.heard = changed.heard.map(in_log_time);
            changed.device.last_active = in_log_time(changed.device.last_active);
        }
        PresenceCommand::Snapshot(snapshot) => {
            for device in &mut snapshot.devices {
                device.last_active = in_log_time(device.last_active);
            }
        }
        _ => {}
    }
    command
}

impl Presence {
    /// On these ports.
    pub fn new(platform: Platform) -> Self {
        let timers = Timers::default();
        timers.watch(&platform.metrics);
        Self { platform, timers, kept: Arc::default() }
    }

    /// Starts what wakes the pool when something is due.
    pub fn wake(&self, progress: &Progress, life: &Lifecycle) {
        // Of partitions that went to other processes meanwhile nothing is kept.
        let kept = Arc::clone(&self.kept);
        let look = move || kept.lock().retain(|_, kept| kept.since.elapsed() < KEPT);
        let (timers, platform) = (self.timers.clone(), self.platform.clone());
        let run = timers.run(platform, progress.clone(), look, life.stopping());
        life.component("presence timers", run);
    }

    /// Begins with what was published, and asks every node what it has.
    async fn begin(&self, partition: u32, first: &Item) -> Result<Known, Failure> {
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
        Ok(Known {
            state: State::open(first.stamp, first.at, ticket, board),
            board: Board::open(partition, first.at),
            upto: Stamp(first.stamp.0.saturating_sub(1)),
            owed: Effects::default(),
        })
    }

    /// What is known of a partition from the try before of the batch that begins with this record.
    fn again(&self, partition: u32, first: Stamp) -> Option<Known> {
        let kept = self.kept.lock().remove(&partition)?;
        let goes_on = kept.first == first || kept.behind == Some(first);
        (goes_on && kept.since.elapsed() < KEPT).then_some(kept.known)
    }

    fn keep(&self, partition: u32, known: Known, first: Stamp, behind: Option<Stamp>) {
        let kept = Kept { known, first, behind, since: Instant::now() };
        self.kept.lock().insert(partition, kept);
    }

    /// Rows that can be read, in the order of the keys. One that can not must not stop the presence of
    /// everybody else.
    async fn rows<T: Table>(&self, gets: Vec<Get>) -> Result<Vec<Option<T>>, store::Error> {
        let rows = self.platform.store.get(&gets).await?;
        let read = |row: Stored| match T::from_cells(row.cells) {
            Ok(row) => Some(row),
            Err(error) => {
                tracing::error!(%error, "a row that can not be read is taken for none");
                None
            }
        };
        Ok(rows.into_iter().map(|row| row.and_then(read)).collect())
    }

    /// Reads what the state has to know of users before the batch is settled.
    async fn learn(&self, state: &mut State) -> Result<(), store::Error> {
        for users in state.unknown().chunks(HEADS) {
            let gets = users.iter().map(|user| UserHead::get(*user)).collect();
            for (user, row) in users.iter().zip(self.rows::<UserHead>(gets).await?) {
                let head = row.and_then(|row| {
                    let head = row.head();
                    head.inspect_err(|error| tracing::error!(%error, "a head can not be read")).ok()
                });
                state.learn(*user, Facts::of(head.as_ref()));
            }
        }
        for users in state.unseen().chunks(HEADS) {
            let gets = users.iter().map(|user| LastSeen::get(*user)).collect();
            for row in self.rows::<LastSeen>(gets).await?.into_iter().flatten() {
                state.recall(&row);
            }
        }
        Ok(())
    }

    /// Does what is owed. What is done is owed no more, whatever fails behind it.
    async fn carry_out(&self, partition: u32, known: &mut Known) -> Result<(), Failure> {
        let entries = std::mem::take(&mut known.owed.notes);
        known.board.write(&self.platform, entries, &known.state).await;
        let records = append::told(&self.platform, partition, &known.owed);
        if !records.is_empty() {
            let appended = self.platform.log.append(Budget::Worker, records).await;
            appended.map_err(|error| of_log(&error))?;
        }
        let owed = &mut known.owed;
        (owed.pushes, owed.relations, owed.asks) = (Vec::new(), Vec::new(), Vec::new());
        if !owed.rows.is_empty() {
            // Of two tries a user may be in it twice: the newer stands.
            let rows: BTreeMap<UserId, &LastSeen> =
                owed.rows.iter().map(|row| (row.user, row)).collect();
            let writes: Vec<Write> =
                rows.into_values().map(|row| Write::replace(row, known.upto)).collect();
            let written = self.platform.store.write(Batch { fence: None, writes }).await;
            written.map_err(|error| of_store(&error))?;
            owed.rows.clear();
        }
        Ok(())
    }

    async fn work(
        &self,
        partition: u32,
        known: &mut Known,
        items: Vec<Item>,
    ) -> Result<(), Failure> {
        // Of a try before, the state has taken them.
        let taken = known.upto;
        for item in items.into_iter().filter(|item| item.stamp > taken) {
            known.upto = item.stamp;
            if let Some(command) = item.command {
                known.state.apply(item.at, command);
            }
        }
        self.learn(&mut known.state).await.map_err(|error| of_store(&error))?;
        let effects = known.state.settle(known.upto);
        let metrics = &self.platform.metrics;
        metrics.presence_damped.inc_by(effects.damped);
        for entry in effects.pushes.iter().filter(|entry| !entry.again) {
            metrics.presence_transitions.with_label_values(&[entry.status.text()]).inc();
        }
        known.owed.add(effects);
        self.carry_out(partition, known).await
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
        Lane { partition, place: self.timers.open(partition), known: None }
    }

    async fn handle(&self, lane: &mut Lane, batch: &[Record]) -> Result<(), Failure> {
        let Some(begins) = batch.first().map(|record| record.position.stamp()) else {
            return Ok(());
        };
        let mut items = Vec::with_capacity(batch.len());
        for record in batch {
            match Item::read(record) {
                Ok(item) => items.push(item),
                Err(reason) => {
                    let (offset, stamp) = (record.position.offset, record.position.stamp());
                    let known = lane.known.take().or_else(|| self.again(lane.partition, begins));
                    if let Some(known) = known {
                        let behind = Stamp(stamp.0.saturating_add(1));
                        self.keep(lane.partition, known, begins, Some(behind));
                    }
                    return Err(Failure::Poison { offset, reason });
                }
            }
        }
        let Some(first) = items.first() else { return Ok(()) };
        let partition = lane.partition;
        let mut known = match lane.known.take().or_else(|| self.again(partition, begins)) {
            Some(known) => known,
            None => self.begin(partition, first).await?,
        };
        if let Err(failure) = self.work(partition, &mut known, items).await {
            self.keep(partition, known, begins, None);
            return Err(failure);
        }
        let state = &known.state;
        let due = [state.due(), known.board.due()].into_iter().flatten().min();
        let wait = due.map(|due| due.since(state.now()).max(0).unsigned_abs());
        lane.place.set(wait.map(Duration::from_millis), state.counts());
        lane.known = Some(known);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
