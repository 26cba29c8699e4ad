//! What is written on the board of a partition, and how it becomes right again.
//!
//! A board that was away may lack what was published meanwhile, and may show who has gone since and is
//! forgotten here: it came back older than it went, or an owner before has written on it after all. So it
//! is read whole some time later, and what differs is written. That is little but after a loss; then it
//! is much, and so it goes in slices, each of which is done well before the engine's patience ends, and
//! goes on where it was.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use platform::Platform;
use platform::port::ephemeral::{Note, Unavailable};
use schemas::presence;
use schemas::presence::entry::Entry;
use schemas::{Timestamp, UserId};
use uuid::Uuid;

use super::state::{FORGET_MS, State};

/// Notes that one call writes: Redis is busy with them for some 3 ms, and all partitions may write at
/// once.
const SLICE: usize = 256;
/// Slices of a whole board that are written behind one batch: the partition is not held up for long.
const SLICES: usize = 64;
/// Rest before a board is looked at anew.
pub(super) const ANEW_MS: i64 = 10_000;
/// Between the looks of two partitions: what was away was away for all of them.
const SPREAD_MS: i64 = 300;

/// A board that may be wrong.
#[derive(Debug)]
struct Stale {
    since: Timestamp,
    /// What is yet to be written; none: it has to be looked at first.
    rest: Option<Vec<UserId>>,
}

/// The board of a partition, for its owner.
#[derive(Debug)]
pub(super) struct Board {
    partition: u32,
    name: String,
    stale: Option<Stale>,
}

impl Board {
    /// A new owner's: one before, who has not heard of it yet, may write on it once more.
    pub(super) fn open(partition: u32, at: Timestamp) -> Self {
        let stale = Some(Stale { since: at, rest: None });
        Self { partition, name: presence::board(partition), stale }
    }

    /// When there is something to do, if nothing happens.
    pub(super) fn due(&self) -> Option<Timestamp> {
        let stale = self.stale.as_ref()?;
        let spread = i64::from(self.partition).saturating_mul(SPREAD_MS);
        Some(stale.since.plus_ms(ANEW_MS.saturating_add(spread)))
    }

    /// Writes these. If they can not be written, nobody waits for it.
    pub(super) async fn write(&mut self, platform: &Platform, entries: Vec<Entry>, state: &State) {
        let now = state.now();
        let mut entries = entries.chunks(SLICE);
        for slice in entries.by_ref() {
            let notes: Vec<Note> = slice.iter().map(note).collect();
            if let Err(error) = platform.ephemeral.note(&self.name, &notes).await {
                self.away(now, &error);
                let missing = slice.iter().chain(entries.flatten()).map(|entry| entry.user_id);
                if let Some(rest) = self.stale.as_mut().and_then(|stale| stale.rest.as_mut()) {
                    rest.extend(missing);
                }
                return;
            }
        }
        if platform.ephemeral.suspect() {
            // It has forgotten what was on it, or may have.
            self.stale = Some(Stale { since: now, rest: None });
        } else if self.due().is_some_and(|due| due <= now)
            && let Err(error) = self.anew(platform, state).await
        {
            self.away(now, &error);
        }
    }

    fn away(&mut self, now: Timestamp, error: &Unavailable) {
        tracing::debug!(%error, "the board can not be written");
        self.stale.get_or_insert(Stale { since: now, rest: None }).since = now;
    }

    /// Goes on with a board that is to be made right.
    async fn anew(&mut self, platform: &Platform, state: &State) -> Result<(), Unavailable> {
        let Some(stale) = &mut self.stale else { return Ok(()) };
        let rest = match &mut stale.rest {
            Some(rest) => rest,
            rest => {
                let board = platform.ephemeral.board(&self.name).await?;
                rest.insert(wrong(board, state))
            }
        };
        for _ in 0..SLICES {
            let from = rest.len().saturating_sub(SLICE);
            let slice = rest.get(from..).unwrap_or_default();
            if slice.is_empty() {
                self.stale = None;
                return Ok(());
            }
            // As of now: it may have changed since the look.
            let wipe = |user: &UserId| Note::wipe(user.0);
            let of = |user: &UserId| state.published_of(*user).map_or_else(|| wipe(user), note);
            let notes: Vec<Note> = slice.iter().map(of).collect();
            platform.ephemeral.note(&self.name, &notes).await?;
            rest.truncate(from);
        }
        Ok(())
    }
}

/// Of whom a board says something else than was published.
fn wrong(board: Vec<(Uuid, Bytes)>, state: &State) -> Vec<UserId> {
    let mut shown: HashMap<UserId, Option<Entry>> = HashMap::with_capacity(board.len());
    for (field, value) in board {
        shown.insert(UserId(field), serde_json::from_slice(&value).ok());
    }
    let differs = |own: &&Entry| match shown.get(&own.user_id) {
        Some(Some(theirs)) => theirs != *own && theirs.at <= state.now(),
        Some(None) => true,
        // Of who is not here, readers find the row.
        None => stays(own),
    };
    let mut wrong: Vec<UserId> = state.published().filter(differs).map(|own| own.user_id).collect();
    let unknown = |(user, theirs): &(&UserId, &Option<Entry>)| {
        // A newer owner knows better: this one has not heard of him yet.
        let newer = theirs.as_ref().is_some_and(|theirs| theirs.at > state.now());
        !newer && state.published_of(**user).is_none()
    };
    wrong.extend(shown.iter().filter(unknown).map(|(user, _)| *user));
    wrong
}

fn stays(entry: &Entry) -> bool {
    entry.status.is_here() || !entry.devices.is_empty()
}

fn note(entry: &Entry) -> Note {
    let value = serde_json::to_vec(entry).expect("plain data serialises");
    // It stays for as long as he does: without the room that encoding left.
    let value = Bytes::from(value.into_boxed_slice());
    if stays(entry) {
        Note::new(entry.user_id.0, value)
    } else {
        let life = Duration::from_millis(FORGET_MS.unsigned_abs());
        Note::brief(entry.user_id.0, value, life)
    }
}
