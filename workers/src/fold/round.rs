//! One round of the fold as a pure state machine: [`Round::next`] takes the answer to the last step
//! and names the next one. The shell carries steps out on the real ports; tests carry them out on
//! plain maps and crash between any two.
//!
//! Steps: get (head and needs) → scan (changes that the head does not know: *adopted* before anything
//! is decided, their rows written, and the lane loaded afresh) → scan (changes of records that were
//! folded before: emitted again, not decided again) → write the journal → write rows and head → emit
//! → write what is redacted → done.
//!
//! Invariants (HAZARDS 1, 2, 19): no seq or rev is given twice; a record is decided at most once;
//! nothing durable depends on where batches end, only writes of one row are coalesced, each stamped
//! by the last record that touched it; every record's emits leave before the record is finished.

use std::collections::{HashMap, HashSet, VecDeque};

use schemas::envelope::Content;
use schemas::limits::BUCKET_ROWS;
use schemas::outbound::{Outbound, Reply};
use schemas::position::Stamp;
use schemas::table::{Batch, Get, Row, Stored, Write};
use schemas::{ApiError, Code, Rev};

pub use super::step::{Answer, Error, Step};
use super::{Change as _, Decision, Emit, Fold, Item, invariant};

/// Changes read at once.
const PAGE: usize = 256;
/// Bytes of one batch of the journal, unless one change alone is larger.
const BATCH_BYTES: usize = 1 << 20;
/// Rows a lane keeps before it starts afresh: with the number of lanes this bounds a pool's memory.
const KNOWN_MAX: usize = 128;
/// Bytes of long contents that a lane keeps before it starts afresh.
const WEIGHT_MAX: usize = 16 << 10;

/// What a lane keeps between rounds.
pub struct Lane<F: Fold> {
    key: F::Key,
    state: F::State,
    /// Rows that the state holds, present or absent.
    known: HashSet<Row>,
    /// Newest stamp that the head may have: the one this owner last wrote or read.
    fence: Stamp,
    warm: bool,
}

impl<F: Fold> std::fmt::Debug for Lane<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Lane").field("key", &self.key).finish_non_exhaustive()
    }
}

impl<F: Fold> Lane<F> {
    /// A lane that knows nothing yet.
    pub fn new(key: F::Key) -> Self {
        Self {
            key,
            state: F::State::default(),
            known: HashSet::new(),
            fence: Stamp(0),
            warm: false,
        }
    }

    /// The state, for tests.
    pub fn state(&self) -> &F::State {
        &self.state
    }
}

enum Phase {
    Load,
    Loaded(Vec<Get>),
    Adopt { next: Rev },
    Adopted,
    Back { next: Rev },
    Decide,
    Journal(VecDeque<Batch>),
    Apply,
    Tell,
    Redact { next: usize },
    Done,
}

enum Fate<C> {
    Changed(Box<C>),
    Again(Box<C>),
    Answered(Reply),
    Nothing,
}

/// One round over one lane.
pub struct Round<'a, F: Fold> {
    lane: &'a mut Lane<F>,
    items: Vec<Item<F::Command>>,
    phase: Phase,
    /// Changes of earlier rounds whose rows may be missing.
    adopted: Vec<F::Change>,
    /// Changes by the stamp of their record, of those that were folded before.
    past: HashMap<Stamp, F::Change>,
    fates: Vec<Fate<F::Change>>,
    emits: Vec<Emit>,
    /// Nothing more is needed: known without asking again.
    complete: bool,
}

impl<F: Fold> std::fmt::Debug for Round<'_, F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Round").field("items", &self.items.len()).finish_non_exhaustive()
    }
}

impl<'a, F: Fold> Round<'a, F> {
    /// A round over records in offset order.
    pub fn new(lane: &'a mut Lane<F>, items: Vec<Item<F::Command>>) -> Self {
        Self {
            lane,
            items,
            phase: Phase::Load,
            adopted: Vec::new(),
            past: HashMap::new(),
            fates: Vec::new(),
            emits: Vec::new(),
            complete: false,
        }
    }

    /// The next step, after the answer to the last one.
    pub fn next(&mut self, mut answer: Answer) -> Result<Step, Error> {
        loop {
            let phase = std::mem::replace(&mut self.phase, Phase::Done);
            match (phase, std::mem::replace(&mut answer, Answer::Begin)) {
                (Phase::Load, _) => {
                    let gets = self.missing();
                    if !gets.is_empty() {
                        self.phase = Phase::Loaded(gets.clone());
                        return Ok(Step::Get(gets));
                    }
                    self.complete = true;
                    if let Some(step) = self.settle()? {
                        return Ok(step);
                    }
                }
                (Phase::Loaded(gets), Answer::Rows(rows)) => {
                    self.load(&gets, rows)?;
                    if self.lane.warm {
                        if let Some(step) = self.settle()? {
                            return Ok(step);
                        }
                        continue;
                    }
                    let next = F::applied(&self.lane.state).map_or(1, |(rev, _)| rev + 1);
                    self.phase = Phase::Adopt { next };
                    return Ok(Step::Scan(F::changes_from(self.lane.key, next, PAGE)));
                }
                (Phase::Adopt { next }, Answer::Page(rows)) => {
                    if let Some(step) = self.adopt(next, rows)? {
                        return Ok(step);
                    }
                }
                (Phase::Adopted, _) => {
                    // What is in the store now is all there is: start from it.
                    *self.lane = Lane::new(self.lane.key);
                    self.phase = Phase::Load;
                }
                (Phase::Back { next }, Answer::Page(rows)) => {
                    if let Some(step) = self.look_back(next, rows)? {
                        return Ok(step);
                    }
                }
                (Phase::Decide, _) => self.decide()?,
                (Phase::Journal(mut batches), _) => {
                    if let Some(batch) = batches.pop_front() {
                        self.phase = Phase::Journal(batches);
                        return Ok(Step::Write(batch));
                    }
                    self.phase = Phase::Apply;
                }
                (Phase::Apply, _) => {
                    self.phase = Phase::Tell;
                    if let Some(batch) = self.apply(self.decided()) {
                        return Ok(Step::Write(batch));
                    }
                }
                (Phase::Tell, _) => {
                    self.phase = Phase::Redact { next: 0 };
                    let emits = std::mem::take(&mut self.emits);
                    if !emits.is_empty() {
                        return Ok(Step::Emit(emits));
                    }
                }
                (Phase::Redact { next }, _) => {
                    self.written();
                    if let Some(step) = self.redact(next) {
                        return Ok(step);
                    }
                    self.phase = Phase::Done;
                }
                (Phase::Done, _) => {
                    self.finish();
                    return Ok(Step::Done);
                }
                (Phase::Loaded(_) | Phase::Adopt { .. } | Phase::Back { .. }, _) => {
                    return Err(Error::Step);
                }
            }
        }
    }

    /// Which step is under way (`telemetry::label::STEP`).
    pub fn step(&self) -> &'static str {
        match &self.phase {
            Phase::Load | Phase::Loaded(_) | Phase::Adopt { .. } | Phase::Back { .. } => "load",
            Phase::Decide => "decide",
            Phase::Journal(_) => "journal",
            Phase::Adopted | Phase::Apply | Phase::Tell => "apply",
            Phase::Redact { next: 0 } => "emit",
            Phase::Redact { .. } | Phase::Done => "redact",
        }
    }

    /// The changes decided in this round.
    pub fn decided(&self) -> impl Iterator<Item = &F::Change> {
        self.fates.iter().filter_map(|fate| match fate {
            Fate::Changed(change) => Some(change.as_ref()),
            _ => None,
        })
    }

    fn missing(&self) -> Vec<Get> {
        let mut gets = Vec::new();
        let mut asked = HashSet::new();
        if !self.lane.warm {
            gets.push(F::head(self.lane.key));
        }
        for item in &self.items {
            let Content::Known(command) = &item.content else { continue };
            for get in F::needs(&self.lane.state, self.lane.key, item, command) {
                let row = get.row();
                if !self.lane.known.contains(&row) && asked.insert(row) {
                    gets.push(get);
                }
            }
        }
        gets
    }

    fn load(&mut self, gets: &[Get], rows: Vec<Option<Stored>>) -> Result<(), Error> {
        for (at, (get, stored)) in gets.iter().zip(rows).enumerate() {
            if at == 0 && !self.lane.warm {
                self.lane.fence = stored.as_ref().map_or(Stamp(0), |row| row.stamp);
            } else {
                self.lane.known.insert(get.row());
            }
            F::load(&mut self.lane.state, get, stored)?;
        }
        Ok(())
    }

    /// Takes over changes that were journaled but whose rows may be missing.
    fn adopt(&mut self, mut next: Rev, rows: Vec<Stored>) -> Result<Option<Step>, Error> {
        let full = rows.len() == PAGE;
        let bucket = next.div_euclid(BUCKET_ROWS);
        for row in rows {
            let change = F::read_change(row)?;
            invariant::adopted::<F>(&mut self.lane.state, self.lane.key, next, &change)?;
            next += 1;
            self.adopted.push(change);
        }
        // The page was cut, or the bucket is full: there may be more.
        if full || next.div_euclid(BUCKET_ROWS) != bucket {
            self.phase = Phase::Adopt { next };
            return Ok(Some(Step::Scan(F::changes_from(self.lane.key, next, PAGE))));
        }
        if let Some(batch) = self.apply(&self.adopted) {
            self.phase = Phase::Adopted;
            self.adopted.clear();
            return Ok(Some(Step::Write(batch)));
        }
        self.lane.warm = true;
        self.settle()
    }

    /// The state is complete. Records that it already holds need their changes, to be emitted again:
    /// right after a takeover, and in the rounds that follow it until the log is past them.
    fn settle(&mut self) -> Result<Option<Step>, Error> {
        let gets = if self.complete { Vec::new() } else { self.missing() };
        if !gets.is_empty() {
            self.phase = Phase::Loaded(gets.clone());
            return Ok(Some(Step::Get(gets)));
        }
        self.phase = Phase::Decide;
        let applied = F::applied(&self.lane.state);
        let first = self.items.first().map(|item| item.position);
        let (Some((rev, applied)), Some(first)) = (applied, first) else { return Ok(None) };
        if applied.epoch > first.epoch {
            return Err(Error::Fenced);
        }
        if applied.epoch == first.epoch && applied.partition != first.partition {
            return Err(Error::Identity(format!(
                "{:?} was folded in partition {}, not {}",
                self.lane.key, applied.partition, first.partition
            )));
        }
        if first.stamp() > applied.stamp() {
            return Ok(None);
        }
        self.phase = Phase::Back { next: rev };
        Ok(Some(Step::Scan(F::changes_down(self.lane.key, rev, PAGE))))
    }

    /// Collects the changes of records that were folded before this owner came.
    fn look_back(&mut self, mut next: Rev, rows: Vec<Stored>) -> Result<Option<Step>, Error> {
        let first = self.items.first().map_or(Stamp(i64::MAX), |item| item.position.stamp());
        let mut reached = rows.is_empty();
        for row in rows {
            let change = F::read_change(row)?;
            next = change.rev() - 1;
            if change.position().stamp() < first {
                reached = true;
                break;
            }
            self.past.insert(change.position().stamp(), change);
        }
        if reached || next < 1 {
            self.phase = Phase::Decide;
            return Ok(None);
        }
        self.phase = Phase::Back { next };
        Ok(Some(Step::Scan(F::changes_down(self.lane.key, next, PAGE))))
    }

    fn decide(&mut self) -> Result<(), Error> {
        let applied = F::applied(&self.lane.state).map_or(Stamp(-1), |(_, at)| at.stamp());
        let items = std::mem::take(&mut self.items);
        for item in &items {
            let fate =
                if item.position.stamp() <= applied { self.skip(item)? } else { self.fold(item)? };
            self.emit(item, &fate);
            self.fates.push(fate);
        }
        self.items = items;
        self.phase = Phase::Journal(self.journal());
        Ok(())
    }

    /// A record at or below the applied position: not decided again, but emitted again.
    fn skip(&mut self, item: &Item<F::Command>) -> Result<Fate<F::Change>, Error> {
        match self.past.remove(&item.position.stamp()) {
            Some(change) if change.command() != item.meta.id => Err(Error::Identity(format!(
                "offset {} was command {}, now it is {}",
                item.position.offset,
                change.command(),
                item.meta.id
            ))),
            Some(change) => Ok(Fate::Again(Box::new(change))),
            // It made no change then; what it was told is not kept, a retry finds out.
            None => Ok(Fate::Answered(Reply::Rejected(ApiError::new(
                Code::OutcomeUnknown,
                "the server restarted while it answered: send the same request again",
            )))),
        }
    }

    fn fold(&mut self, item: &Item<F::Command>) -> Result<Fate<F::Change>, Error> {
        let command = match &item.content {
            Content::Known(command) => command,
            Content::Unsupported(what) => {
                return Ok(Fate::Answered(Reply::Rejected(ApiError::new(
                    Code::Unsupported,
                    format!("{what} is not supported by this version"),
                ))));
            }
        };
        Ok(match F::decide(&self.lane.state, self.lane.key, item, command) {
            Decision::Change(change) => {
                invariant::decided::<F>(&mut self.lane.state, self.lane.key, item, &change)?;
                Fate::Changed(change)
            }
            Decision::Before(before) => Fate::Answered(Reply::Before(before)),
            Decision::Rejected(error) => Fate::Answered(Reply::Rejected(error)),
            Decision::Nothing => Fate::Nothing,
        })
    }

    fn emit(&mut self, item: &Item<F::Command>, fate: &Fate<F::Change>) {
        let reply = match fate {
            Fate::Changed(change) | Fate::Again(change) => {
                self.emits.extend(F::emits(&self.lane.state, change, item.meta.reply_to));
                F::reply(change)
            }
            Fate::Answered(reply) => Some(reply.clone()),
            Fate::Nothing => None,
        };
        if let (Some(to), Some(reply)) = (item.meta.reply_to, reply) {
            self.emits.push(Emit::To(to, Outbound::Reply { command: item.meta.id, reply }));
        }
    }

    /// The new changes as batches, in rev order, so that whatever a crash leaves is a prefix: another
    /// one where a bucket ends, or where a batch is larger than a store may take at once (HAZARDS 37).
    fn journal(&self) -> VecDeque<Batch> {
        let mut batches: VecDeque<Batch> = VecDeque::new();
        let mut bucket = None;
        let mut room = 0_usize;
        for change in self.decided() {
            let own = Some(change.rev().div_euclid(BUCKET_ROWS));
            let write = F::journal(change);
            let size = write.size();
            if own != bucket || size > room {
                bucket = own;
                room = BATCH_BYTES;
                let fence = Some((F::head(self.lane.key), self.lane.fence));
                batches.push_back(Batch { fence, writes: Vec::new() });
            }
            room = room.saturating_sub(size);
            if let Some(batch) = batches.back_mut() {
                batch.writes.push(write);
            }
        }
        batches
    }

    /// Rows of these changes, the last write of each, and the head.
    fn apply<'c>(&self, changes: impl IntoIterator<Item = &'c F::Change>) -> Option<Batch> {
        let changes: Vec<&F::Change> = changes.into_iter().collect();
        let mut writes: Vec<Write> = changes.iter().flat_map(|change| F::rows(change)).collect();
        if changes.is_empty() {
            return None;
        }
        // The rows of one change are different rows; of several, the last write of each counts.
        if changes.len() > 1 {
            let mut last: HashMap<Row, usize> = HashMap::with_capacity(writes.len());
            for (at, write) in writes.iter().enumerate() {
                last.insert(write.get().row(), at);
            }
            let mut at = 0;
            writes.retain(|write| {
                let keep = last.get(&write.get().row()) == Some(&at);
                at += 1;
                keep
            });
        }
        writes.extend(F::head_row(&self.lane.state, self.lane.key));
        Some(Batch { fence: Some((F::head(self.lane.key), self.lane.fence)), writes })
    }

    /// The head was written: a newer one is another owner's.
    fn written(&mut self) {
        if let Some((_, position)) = F::applied(&self.lane.state) {
            self.lane.fence = self.lane.fence.max(position.stamp());
        }
    }

    /// Writes what the next change from `next` on redacts, also one that was told again.
    fn redact(&mut self, next: usize) -> Option<Step> {
        for (at, fate) in self.fates.iter().enumerate().skip(next) {
            let (Fate::Changed(change) | Fate::Again(change)) = fate else { continue };
            let writes = F::redacts(change);
            if !writes.is_empty() {
                self.phase = Phase::Redact { next: at + 1 };
                let fence = Some((F::head(self.lane.key), self.lane.fence));
                return Some(Step::Write(Batch { fence, writes }));
            }
        }
        None
    }

    fn finish(&mut self) {
        self.written();
        if self.lane.known.len() > KNOWN_MAX || F::weight(&self.lane.state) > WEIGHT_MAX {
            *self.lane = Lane::new(self.lane.key);
        }
    }
}
