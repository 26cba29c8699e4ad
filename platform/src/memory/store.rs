//! Rows in one ordered map under one lock. Older stamps lose row by row, as in CQL; deletes keep their
//! stamp for that. Every write is durable: the map outlives any handle.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use schemas::Stamp;
use schemas::table::{Batch, Class, Get, Op, Scan, Stored, TableDef, Write};

use super::faults::{Bug, Fault, Faults, Operation};
use crate::embedded::rows;
use crate::port::store::{Claim, Error, Store};

/// Writes that [`Bug::StaleReads`] hides.
const STALE: usize = 8;

/// A value with its stamp; none: deleted.
type Cell = (Stamp, Option<Vec<u8>>);

#[derive(Default)]
struct State {
    /// For a planted bug: the message row written last.
    last_message: Option<Vec<u8>>,
    rows: BTreeMap<Vec<u8>, Cell>,
    /// What the newest writes replaced, oldest first.
    undo: VecDeque<(Vec<u8>, Option<Vec<u8>>)>,
    /// Folded rows written, for tests that count.
    writes: u64,
}

impl State {
    fn value(&self, key: &[u8]) -> Option<&Vec<u8>> {
        self.rows.get(key)?.1.as_ref()
    }

    fn put(&mut self, key: Vec<u8>, cell: Cell) {
        let before = self.rows.insert(key.clone(), cell).and_then(|(_, value)| value);
        self.undo.push_back((key, before));
        if self.undo.len() > STALE {
            self.undo.pop_front();
        }
    }

    /// Values of keys as they were before the newest writes.
    fn stale(&self) -> HashMap<&[u8], Option<&Vec<u8>>> {
        let newest_first = self.undo.iter().rev();
        newest_first.map(|(key, before)| (key.as_slice(), before.as_ref())).collect()
    }
}

/// The store as a map. Clones share it.
#[derive(Clone, Default)]
pub struct MemoryStore {
    state: Arc<Mutex<State>>,
    faults: Faults,
}

impl std::fmt::Debug for MemoryStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryStore")
            .field("rows", &self.state.lock().rows.len())
            .finish_non_exhaustive()
    }
}

fn wrong(def: &TableDef, what: &str) -> Error {
    Error::Failed(format!("{} is {what}", def.name))
}

impl MemoryStore {
    /// An empty store.
    pub fn new(faults: Faults) -> Self {
        Self { state: Arc::default(), faults }
    }

    /// The faults given to it.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// Folded rows written so far.
    pub fn writes(&self) -> u64 {
        self.state.lock().writes
    }

    /// Empties every folded table: for replaying from the log.
    pub fn wipe_folded(&self) {
        let folded: Vec<[u8; 2]> = schemas::table::all()
            .into_iter()
            .filter(|def| matches!(def.class, Class::Folded(_)))
            .map(|def| def.prefix.to_be_bytes())
            .collect();
        let mut state = self.state.lock();
        state.rows.retain(|key, _| !folded.iter().any(|prefix| key.starts_with(prefix)));
        state.undo.clear();
    }

    async fn run<T: Send>(
        &self,
        operation: Operation,
        act: impl FnOnce(&mut State) -> Result<T, Error> + Send,
    ) -> Result<T, Error> {
        let fault = self.faults.next(operation);
        if fault == Fault::Refuse {
            return Err(Error::Unavailable("refused by the test".into()));
        }
        let outcome = act(&mut self.state.lock());
        match fault {
            Fault::LoseAnswer => Err(Error::Unavailable("answer lost by the test".into())),
            Fault::Delay(time) => {
                tokio::time::sleep(time).await;
                outcome
            }
            Fault::None | Fault::Refuse => outcome,
        }
    }

    fn collect(
        &self,
        state: &State,
        def: &TableDef,
        range: rows::Range,
        reverse: bool,
        limit: usize,
    ) -> Result<Vec<Stored>, Error> {
        if rows::is_empty(&range) {
            return Ok(Vec::new());
        }
        let stale =
            if self.faults.strikes(Bug::StaleReads) { state.stale() } else { HashMap::new() };
        let (from, to) = range;
        let to = to.map_or(std::ops::Bound::Unbounded, std::ops::Bound::Excluded);
        let found = state.rows.range((std::ops::Bound::Included(from), to));
        let row = |(key, (_, value)): (&Vec<u8>, &Cell)| {
            let value = stale.get(key.as_slice()).copied().unwrap_or(value.as_ref())?;
            Some(rows::decode(def, key, value).map_err(Error::from))
        };
        if reverse {
            found.rev().filter_map(row).take(limit).collect()
        } else {
            found.filter_map(row).take(limit).collect()
        }
    }

    fn write_folded(&self, state: &mut State, batch: &Batch) -> Result<(), Error> {
        if let Some(row) = batch.writes.iter().find(|row| row.def.class == Class::Direct) {
            return Err(wrong(row.def, "a direct table"));
        }
        let zombie = self.faults.strikes(Bug::ZombieWrites);
        if let Some((get, newest)) = &batch.fence {
            let stands = state.rows.get(&rows::key_of(get.def, &get.key));
            if !zombie && stands.is_some_and(|(stamp, _)| stamp > newest) {
                return Err(Error::Fenced);
            }
        }
        let mut losing = batch.writes.iter().any(|row| row.def.name == "message_by_seq")
            && self.faults.strikes(Bug::LostRow);
        for row in &batch.writes {
            if losing && row.def.name == "message_by_seq" {
                losing = false;
                continue;
            }
            let key = rows::key_of_write(row);
            if !zombie && state.rows.get(&key).is_some_and(|(stamp, _)| *stamp > row.stamp) {
                continue;
            }
            let mut value = value_of(row);
            if row.def.name == "message_by_seq" {
                let before = std::mem::replace(&mut state.last_message, value.clone());
                if before.is_some() && self.faults.strikes(Bug::MixedRows) {
                    value = before;
                }
            }
            state.put(key, (row.stamp, value));
            state.writes += 1;
        }
        Ok(())
    }
}

fn value_of(row: &Write) -> Option<Vec<u8>> {
    (row.op != Op::Delete).then(|| rows::encode(row))
}

#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, gets: &[Get]) -> Result<Vec<Option<Stored>>, Error> {
        self.run(Operation::Get, |state| {
            let stale = self.faults.strikes(Bug::StaleReads);
            let one = |get: &Get| {
                if get.def.name == "id_index" && self.faults.strikes(Bug::DropDedupe) {
                    return Ok(None);
                }
                let key = rows::key_of(get.def, &get.key);
                let now = state.value(&key);
                let value = if stale {
                    state.stale().get(key.as_slice()).copied().unwrap_or(now)
                } else {
                    now
                };
                Ok(value.map(|value| rows::decode(get.def, &key, value)).transpose()?)
            };
            gets.iter().map(one).collect()
        })
        .await
    }

    async fn scan(&self, scan: &Scan) -> Result<Vec<Stored>, Error> {
        self.run(Operation::Scan, |state| {
            self.collect(state, scan.def, rows::range_of(scan), scan.reverse, scan.limit)
        })
        .await
    }

    async fn write(&self, batch: Batch) -> Result<(), Error> {
        self.run(Operation::Write, |state| self.write_folded(state, &batch)).await
    }

    async fn claim(&self, row: Write) -> Result<Claim, Error> {
        if row.def.class != Class::Direct {
            return Err(wrong(row.def, "not a direct table"));
        }
        self.run(Operation::Direct, |state| {
            let key = rows::key_of_write(&row);
            if let Some(value) = state.value(&key) {
                return Ok(Claim::Lost(Some(rows::decode(row.def, &key, value)?)));
            }
            state.put(key, (row.stamp, value_of(&row)));
            Ok(Claim::Won)
        })
        .await
    }

    async fn replace(&self, expected: &Stored, row: Write) -> Result<Claim, Error> {
        if row.def.class != Class::Direct {
            return Err(wrong(row.def, "not a direct table"));
        }
        self.run(Operation::Direct, |state| {
            let key = rows::key_of_write(&row);
            let Some(value) = state.value(&key) else { return Ok(Claim::Lost(None)) };
            let stands = rows::decode(row.def, &key, value)?;
            if stands.cells != expected.cells {
                return Ok(Claim::Lost(Some(stands)));
            }
            state.put(key, (row.stamp, value_of(&row)));
            Ok(Claim::Won)
        })
        .await
    }

    async fn put(&self, rows: Vec<Write>) -> Result<(), Error> {
        if let Some(row) = rows.iter().find(|row| row.def.class != Class::Direct) {
            return Err(wrong(row.def, "not a direct table"));
        }
        self.run(Operation::Direct, |state| {
            for row in &rows {
                state.put(rows::key_of_write(row), (row.stamp, value_of(row)));
            }
            Ok(())
        })
        .await
    }

    async fn dump(
        &self,
        def: &'static TableDef,
        after: Option<Get>,
        limit: usize,
    ) -> Result<Vec<Stored>, Error> {
        self.run(Operation::Dump, |state| {
            self.collect(state, def, rows::range_of_table(def, after.as_ref()), false, limit)
        })
        .await
    }
}
