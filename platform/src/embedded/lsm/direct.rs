//! Direct tables: claims and credentials, durable when the call returns.
//!
//! A database of its own, so that its syncs never hold the lock that folded writes need (HAZARDS 9c).
//! One thread decides every conditional write, so that a claim has one winner; it takes what is
//! queued, decides each against the store and what the group has decided before, commits the group
//! with one sync, and only then answers. It must never answer from a decision that is not yet synced,
//! also not a refusal: the row that refused could still be lost.

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use fjall::{Database, Keyspace, PersistMode};
use parking_lot::Mutex;
use schemas::table::{Op, Stored, Write};
use tokio::sync::oneshot;

use super::failed;
use super::rotation::Rotation;
use crate::embedded::rows;
use crate::port::store::{Claim, Error};

/// Calls that wait for the committer; beyond, calls are answered as retryable.
const QUEUE: usize = 4_096;
/// Size at which a memtable is written to a table file, bytes: what fjall takes if nothing is said.
const MEMTABLE: u64 = 64 << 20;
/// Calls of one group.
const GROUP: usize = 512;

enum Ask {
    Claim(Write),
    Replace(Stored, Write),
    Put(Vec<Write>),
}

struct Request {
    ask: Ask,
    answer: oneshot::Sender<Result<Claim, Error>>,
}

/// Handle to the committer.
pub(super) struct Direct {
    queue: Mutex<Option<SyncSender<Request>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Direct {
    pub(super) fn start(db: Database, rows: Keyspace) -> std::io::Result<Self> {
        let (queue, requests) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new().name("direct-commit".into()).spawn(move || {
            let committer = Committer { db, rows, rotation: Rotation::new(MEMTABLE) };
            committer.run(&requests);
        })?;
        Ok(Self { queue: Mutex::new(Some(queue)), thread: Mutex::new(Some(thread)) })
    }

    async fn ask(&self, ask: Ask) -> Result<Claim, Error> {
        let (answer, outcome) = oneshot::channel();
        let sent = match &*self.queue.lock() {
            Some(queue) => queue.try_send(Request { ask, answer }),
            None => return Err(Error::Failed("closed".into())),
        };
        match sent {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => {
                return Err(Error::Unavailable("the queue of direct writes is full".into()));
            }
            Err(TrySendError::Disconnected(_)) => return Err(gone()),
        }
        outcome.await.unwrap_or_else(|_| Err(gone()))
    }

    pub(super) async fn claim(&self, row: Write) -> Result<Claim, Error> {
        self.ask(Ask::Claim(row)).await
    }

    pub(super) async fn replace(&self, expected: Stored, row: Write) -> Result<Claim, Error> {
        self.ask(Ask::Replace(expected, row)).await
    }

    pub(super) async fn put(&self, rows: Vec<Write>) -> Result<(), Error> {
        self.ask(Ask::Put(rows)).await.map(|_| ())
    }
}

impl Drop for Direct {
    fn drop(&mut self) {
        drop(self.queue.lock().take());
        if let Some(thread) = self.thread.lock().take() {
            // A panic of the committer has already answered every caller with an error.
            drop(thread.join());
        }
    }
}

fn gone() -> Error {
    Error::Failed("the committer of direct writes has stopped".into())
}

struct Committer {
    db: Database,
    rows: Keyspace,
    rotation: Rotation,
}

/// What the group has decided so far: key to new value, none for a delete.
type Pending = HashMap<Vec<u8>, Option<Vec<u8>>>;

impl Committer {
    fn run(&self, requests: &Receiver<Request>) {
        while let Ok(first) = requests.recv() {
            let mut pending = Pending::new();
            let mut answers = Vec::new();
            let mut next = Some(first);
            while let Some(Request { ask, answer }) = next {
                answers.push((answer, self.decide(ask, &mut pending)));
                next = if answers.len() < GROUP { requests.try_recv().ok() } else { None };
            }
            let committed = self.commit(pending);
            for (answer, outcome) in answers {
                // A caller that went away has no use for its answer.
                drop(answer.send(committed.clone().and(outcome)));
            }
        }
    }

    fn current(&self, key: &[u8], pending: &Pending) -> Result<Option<Vec<u8>>, Error> {
        if let Some(decided) = pending.get(key) {
            return Ok(decided.clone());
        }
        Ok(self.rows.get(key).map_err(failed)?.map(|value| value.to_vec()))
    }

    fn decide(&self, ask: Ask, pending: &mut Pending) -> Result<Claim, Error> {
        match ask {
            Ask::Put(rows) => {
                for row in &rows {
                    write(row, pending);
                }
                Ok(Claim::Won)
            }
            Ask::Claim(row) => {
                let key = rows::key_of_write(&row);
                if let Some(value) = self.current(&key, pending)? {
                    return Ok(Claim::Lost(Some(rows::decode(row.def, &key, &value)?)));
                }
                write(&row, pending);
                Ok(Claim::Won)
            }
            Ask::Replace(expected, row) => {
                let key = rows::key_of_write(&row);
                let Some(value) = self.current(&key, pending)? else {
                    return Ok(Claim::Lost(None));
                };
                let stands = rows::decode(row.def, &key, &value)?;
                if stands.cells != expected.cells {
                    return Ok(Claim::Lost(Some(stands)));
                }
                write(&row, pending);
                Ok(Claim::Won)
            }
        }
    }

    fn commit(&self, pending: Pending) -> Result<(), Error> {
        if pending.is_empty() {
            return Ok(());
        }
        let mut batch = self.db.batch().durability(Some(PersistMode::SyncData));
        for (key, value) in pending {
            match value {
                Some(value) => batch.insert(&self.rows, key, value),
                None => batch.remove(&self.rows, key),
            }
        }
        batch.commit().map_err(failed)?;
        self.rotation.after_batch(&self.rows)
    }
}

fn write(row: &Write, pending: &mut Pending) {
    let value = (row.op != Op::Delete).then(|| rows::encode(row));
    pending.insert(rows::key_of_write(row), value);
}
