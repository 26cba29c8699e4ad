//! The async part: one task per pool that reads its partitions, runs lanes, commits what is
//! finished, and lets go of partitions in order.
//!
//! Lanes are futures inside this task, not tasks of their own: with engines that answer at once a
//! batch costs one wake-up in all, and with engines that do not, a slow lane holds up no other.

use std::collections::{BTreeMap, HashSet};
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use schemas::Position;
use schemas::topic::Topic;
use tokio::time::Instant;

use super::instruments::Instruments;
use super::lanes::{Job, Lanes};
use super::ledger::Ledger;
use super::letters::{Buried, Cause, Letters};
use super::progress::{Progress, Standing};
use super::retry::Next;
use super::{Failure, Handler, LaneKey};
use crate::Platform;
use crate::lifecycle::Stopping;
use crate::port::log::{Error, Member, Polled, Record};

/// Bounds of a pool.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Records in work over all partitions; then nothing is read.
    pub in_flight: usize,
    /// Bytes of records in work over all partitions; then nothing is read.
    pub in_flight_bytes: usize,
    /// Records of one partition from the lowest unfinished one on; then that partition is paused.
    pub in_flight_partition: usize,
    /// Lanes whose state is kept.
    pub lanes: usize,
    /// How long revoked or stopping partitions may finish what runs.
    pub drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            in_flight: 16_384,
            in_flight_bytes: 64 << 20,
            in_flight_partition: 8_192,
            lanes: 10_000,
            // Less than the 2 s after which a group gives them away unasked.
            drain: Duration::from_millis(1_500),
        }
    }
}

/// Rest of a fenced lane before it loads its head again, and how often in a row.
const FENCED_REST: Duration = Duration::from_secs(2);
const FENCED_TRIES: u32 = 30;
/// A record that panics holds up its lane no longer (G-16).
const POISON_LIMIT: Duration = Duration::from_secs(5);
/// Time between two log lines about retries of a pool.
const TELL_EVERY: Duration = Duration::from_secs(5);

enum Outcome {
    Handled(Result<(), Failure>),
    Panicked { why: String, cost: Duration },
}

struct Finished<L> {
    job: Job<L>,
    outcome: Outcome,
}

struct Driver<H: Handler> {
    handler: Arc<H>,
    platform: Platform,
    limits: Limits,
    lanes: Lanes<H::Lane>,
    ledgers: BTreeMap<u32, Ledger>,
    paused: HashSet<u32>,
    /// Whether a partition is still this member's, for what waits to be tried again.
    held: BTreeMap<u32, Arc<AtomicBool>>,
    running: FuturesUnordered<BoxFuture<'static, Finished<H::Lane>>>,
    letters: Letters<H::Lane>,
    progress: Progress,
    seen: Instruments,
    /// When a retry was last logged, and how many were not.
    told: Option<Instant>,
    untold: u64,
}

/// What a pool reads, as which group.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    /// Consumer group.
    pub group: &'static str,
    /// Topic.
    pub topic: &'static Topic,
}

/// Runs `handler` over the partitions that its group gives it until `stopping`, then drains.
pub async fn run<H: Handler>(
    handler: Arc<H>,
    platform: Platform,
    source: Source,
    limits: Limits,
    progress: Progress,
    mut stopping: Stopping,
) -> Result<(), String> {
    let joined = platform.log.join(source.group, source.topic).await;
    let mut member = joined.map_err(|e| e.to_string())?;
    let seen = Instruments::new(&platform.metrics, handler.pool(), limits);
    let mut driver = Driver {
        seen,
        told: None,
        untold: 0,
        lanes: Lanes::new(limits.lanes),
        handler,
        platform,
        limits,
        ledgers: BTreeMap::new(),
        paused: HashSet::new(),
        held: BTreeMap::new(),
        running: FuturesUnordered::new(),
        letters: Letters::default(),
        progress,
    };
    loop {
        let (idle, letters) = (driver.running.is_empty(), !driver.letters.is_empty());
        tokio::select! {
            biased;
            () = stopping.wait() => return driver.stop(&mut *member).await,
            Some(finished) = driver.running.next(), if !idle => driver.finished(finished)?,
            letter = driver.letters.next(), if letters => driver.put_away(letter)?,
            // Always: a full pool must hear that its partitions are to be let go. It pauses them.
            polled = member.poll() => match polled {
                Ok(polled) => driver.polled(polled, &mut *member).await?,
                Err(Error::Closed) => return Ok(()),
                // What is only worth something now may be forgotten before it is read.
                Err(Error::OutOfRange(first)) if source.topic.is_brief() => {
                    tracing::warn!(pool = driver.handler.pool(), first, "records were too old to be read");
                }
                Err(error) => return Err(error.to_string()),
            },
        }
        driver.seen.wakeups.inc();
        driver.sweep()?;
        driver.advance(&mut *member).await?;
    }
}

impl<H: Handler> Driver<H> {
    /// Whether more records may be read.
    fn has_room(&self) -> bool {
        let work = |of: fn(&Ledger) -> usize| self.ledgers.values().map(of).sum::<usize>();
        let (records, bytes) = (work(Ledger::unfinished), work(Ledger::unfinished_bytes));
        self.seen.in_work(records, bytes);
        records < self.limits.in_flight && bytes < self.limits.in_flight_bytes
    }

    async fn polled(&mut self, polled: Polled, member: &mut dyn Member) -> Result<(), String> {
        match polled {
            Polled::Assigned(partitions) => {
                for given in partitions {
                    self.ledgers.insert(given.partition, Ledger::at(given.committed));
                    self.held.insert(given.partition, Arc::new(AtomicBool::new(true)));
                    let standing = Standing { next: given.committed, behind_since: None };
                    self.progress.set(&[(given.partition, standing)]);
                }
            }
            Polled::Revoking(partitions) => self.revoke(partitions, member).await?,
            Polled::Lost(partitions) => {
                tracing::warn!(pool = self.handler.pool(), ?partitions, "partitions were lost");
                self.forget(&partitions);
            }
            Polled::Records(records) => self.take(records),
        }
        Ok(())
    }

    /// Queues records and starts the lanes that were quiet.
    fn take(&mut self, records: Vec<Record>) {
        let mut quiet: Vec<LaneKey> = Vec::new();
        for record in records {
            let Some(ledger) = self.ledgers.get_mut(&record.position.partition) else { continue };
            if !ledger.take(record.position.offset, record.value.len(), record.appended_at) {
                continue;
            }
            if ledger.span() == 1 {
                let behind_since = Some(record.appended_at);
                let standing = Standing { next: record.position.offset, behind_since };
                self.progress.set(&[(record.position.partition, standing)]);
            }
            match self.handler.lane(&record) {
                Ok(key) => quiet.extend(self.lanes.push(key, record)),
                Err(reason) => self.bury(&record, &reason, 1, None),
            }
        }
        for key in quiet {
            self.start(key);
        }
    }

    fn start(&mut self, key: LaneKey) {
        if let Some(job) = self.lanes.start(key) {
            self.run_job(job, Duration::ZERO);
        }
    }

    fn run_job(&self, mut job: Job<H::Lane>, delay: Duration) {
        let handler = self.handler.clone();
        let held = self.held.get(&job.partition).cloned().unwrap_or_default();
        self.running.push(Box::pin(async move {
            if !delay.is_zero() {
                tokio::time::sleep(delay).await;
            }
            if !held.load(Ordering::Relaxed) {
                // Its partition went while it waited: nothing of it is begun again.
                let outcome = Outcome::Handled(Err(Failure::Retry("let go".to_owned())));
                return Finished { job, outcome };
            }
            let mut lane = job.lane.take().unwrap_or_else(|| handler.open(job.key, job.partition));
            let handling = AssertUnwindSafe(handler.handle(&mut lane, &job.batch)).catch_unwind();
            let (handled, cost) = costed(handling).await;
            let outcome = match handled {
                Ok(result) => {
                    // After a failure the state may be half-way: the next try loads it again.
                    job.lane = result.is_ok().then_some(lane);
                    Outcome::Handled(result)
                }
                Err(panic) => Outcome::Panicked { why: text_of(&*panic), cost },
            };
            Finished { job, outcome }
        }));
    }

    /// Says that a batch is tried again: at most every few seconds, as while an engine is away every
    /// lane meets the same.
    fn tell(&mut self, why: &str, delay: Duration) {
        let now = Instant::now();
        self.untold += 1;
        if self.told.is_some_and(|told| now - told < TELL_EVERY) {
            return;
        }
        let (pool, batches) = (self.handler.pool(), std::mem::take(&mut self.untold));
        self.told = Some(now);
        let delay_ms = delay.as_millis();
        tracing::warn!(pool, why, delay_ms, batches, "trying again");
    }

    /// Takes every lane that is ready now, without waiting.
    fn sweep(&mut self) -> Result<(), String> {
        while let Some(Some(finished)) = self.running.next().now_or_never() {
            self.finished(finished)?;
        }
        while !self.letters.is_empty()
            && let Some(letter) = self.letters.next().now_or_never()
        {
            self.put_away(letter)?;
        }
        Ok(())
    }

    fn finished(&mut self, finished: Finished<H::Lane>) -> Result<(), String> {
        let Finished { mut job, outcome } = finished;
        if !self.lanes.lives(job.key, job.life) {
            // Its partition was taken away while it ran: whoever has it now does it again.
            return Ok(());
        }
        let pool = self.handler.pool();
        match outcome {
            Outcome::Handled(Ok(())) => {
                self.seen.handled(&job.batch, self.platform.clock.now());
                for record in &job.batch {
                    self.finish(record.position);
                }
                self.lanes.finished(job.key, job.lane.take());
                self.start(job.key);
            }
            Outcome::Handled(Err(Failure::Retry(why))) => {
                self.seen.retries.inc();
                // What an engine keeps waiting is not the record's fault.
                job.ill = Duration::ZERO;
                let delay = job.attempts.retried();
                self.tell(&why, delay);
                self.run_job(job, delay);
            }
            Outcome::Handled(Err(Failure::Poison { offset, reason })) => {
                let at = job.batch.iter().position(|r| r.position.offset == offset);
                let Some(at) = at else {
                    return Err(format!("{pool}: a poisoned record that was not given: {reason}"));
                };
                self.give_up(job, at, &reason, 1);
            }
            Outcome::Handled(Err(Failure::Suspect(reason))) if job.batch.len() == 1 => {
                self.give_up(job, 0, &reason, 1);
            }
            Outcome::Handled(Err(Failure::Suspect(_))) => self.one_by_one(job),
            Outcome::Handled(Err(Failure::Fenced(why))) => {
                job.ill = Duration::ZERO;
                // Either another owner was here, and the group is about to say so; or it was a late
                // write of our own, or of the owner before us, and what is loaded next fits it.
                if job.attempts.fenced() >= FENCED_TRIES {
                    return Err(format!("{pool}: {why}"));
                }
                tracing::warn!(pool, partition = job.partition, why, "fenced: the lane rests");
                self.run_job(job, FENCED_REST);
            }
            Outcome::Handled(Err(Failure::Stop(why))) => return Err(format!("{pool}: {why}")),
            Outcome::Panicked { why, cost } => match job.attempts.panicked(job.batch.len()) {
                Next::OneByOne => self.one_by_one(job),
                Next::After(delay) => {
                    job.ill += cost + delay;
                    self.run_job(job, delay);
                }
                Next::Bury => {
                    let (tries, ill) = (job.attempts.tries(), job.ill + cost);
                    if ill > POISON_LIMIT {
                        let what =
                            format!("{pool}: a poisonous record held its lane up for {ill:?}");
                        self.platform.metrics.violated("G-16", &what);
                    }
                    self.give_up(job, 0, &format!("panic: {why}"), tries);
                }
            },
        }
        Ok(())
    }

    /// Tries the records of a batch one at a time.
    fn one_by_one(&mut self, job: Job<H::Lane>) {
        self.lanes.split(job.key, job.batch);
        self.start(job.key);
    }

    /// Gives up one record of a batch. Its lane waits for the letter, then goes on with the others.
    fn give_up(&self, mut job: Job<H::Lane>, at: usize, reason: &str, tries: u32) {
        let record = job.batch.remove(at);
        self.bury(&record, reason, tries, Some(job));
    }

    /// Goes on with what is left of a batch, or with the lane's next one.
    fn again(&mut self, job: Job<H::Lane>) {
        if job.batch.is_empty() {
            self.lanes.finished(job.key, None);
            self.start(job.key);
        } else {
            self.run_job(job, Duration::ZERO);
        }
    }

    fn finish(&mut self, position: Position) {
        if let Some(ledger) = self.ledgers.get_mut(&position.partition) {
            ledger.finish(position.offset);
        }
    }

    /// Sends a record to the dead-letter topic, with its bytes and the reason. It is finished when it is
    /// there: see [`Self::put_away`].
    fn bury(&self, record: &Record, reason: &str, tries: u32, rest: Option<Job<H::Lane>>) {
        let position = record.position;
        tracing::error!(
            pool = self.handler.pool(),
            topic = record.topic.name,
            partition = position.partition,
            offset = position.offset,
            reason,
            "a record became a dead letter"
        );
        let held = self.held.get(&position.partition).cloned().unwrap_or_default();
        let cause = Cause { pool: self.handler.pool(), reason, tries };
        self.letters.send(self.platform.log.clone(), record, &cause, held, rest);
    }

    fn put_away(&mut self, letter: Result<Option<Buried<H::Lane>>, Error>) -> Result<(), String> {
        let pool = self.handler.pool();
        let put = letter.map_err(|e| format!("{pool}: the dead-letter topic: {e}"))?;
        if let Some(Buried { position, rest }) = put {
            self.seen.dead_letters.inc();
            self.finish(position);
            if let Some(job) = rest {
                self.again(job);
            }
        }
        Ok(())
    }

    /// Commits what moved, and pauses or resumes partitions by their share of the budget.
    async fn advance(&mut self, member: &mut dyn Member) -> Result<(), String> {
        let moved: Vec<(u32, u64)> = self
            .ledgers
            .iter_mut()
            .filter_map(|(partition, ledger)| Some((*partition, ledger.to_commit()?)))
            .collect();
        let full = !self.has_room();
        for (partition, ledger) in &self.ledgers {
            let work = ledger.span();
            if full || work >= self.limits.in_flight_partition {
                if self.paused.insert(*partition) {
                    member.pause(*partition, true);
                }
            } else if work <= self.limits.in_flight_partition / 2 && self.paused.remove(partition) {
                member.pause(*partition, false);
            }
        }
        if moved.is_empty() {
            return Ok(());
        }
        let standings: Vec<(u32, Standing)> = moved
            .iter()
            .filter_map(|(partition, next)| {
                let behind_since = self.ledgers.get(partition)?.behind_since();
                Some((*partition, Standing { next: *next, behind_since }))
            })
            .collect();
        member.commit(moved).await.map_err(|e| e.to_string())?;
        self.progress.set(&standings);
        Ok(())
    }

    /// Finishes what runs in these partitions, within the drain limit.
    async fn drain(&mut self, partitions: &[u32]) -> Result<(), String> {
        for partition in partitions {
            self.lanes.clear(*partition);
        }
        let deadline = Instant::now() + self.limits.drain;
        loop {
            let (idle, letters) = (self.running.is_empty(), !self.letters.is_empty());
            if !letters && !partitions.iter().any(|partition| self.lanes.running(*partition)) {
                return Ok(());
            }
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(deadline) => return Ok(()),
                Some(finished) = self.running.next(), if !idle => self.finished(finished)?,
                letter = self.letters.next(), if letters => self.put_away(letter)?,
            }
        }
    }

    async fn revoke(
        &mut self,
        partitions: Vec<u32>,
        member: &mut dyn Member,
    ) -> Result<(), String> {
        self.drain(&partitions).await?;
        self.advance(member).await?;
        self.forget(&partitions);
        member.released(partitions).await.map_err(|e| e.to_string())
    }

    /// Drops everything of partitions that are no longer this member's.
    fn forget(&mut self, partitions: &[u32]) {
        for partition in partitions {
            self.lanes.revoke(*partition);
            self.paused.remove(partition);
            self.ledgers.remove(partition);
            if let Some(held) = self.held.remove(partition) {
                held.store(false, Ordering::Relaxed);
            }
        }
        self.progress.forget(partitions);
    }

    async fn stop(mut self, member: &mut dyn Member) -> Result<(), String> {
        let partitions: Vec<u32> = self.ledgers.keys().copied().collect();
        self.drain(&partitions).await?;
        self.advance(member).await
    }
}

/// What a future came to, and how long it computed: what it waited for is not its cost.
async fn costed<F: Future>(run: F) -> (F::Output, Duration) {
    let (mut run, mut cost) = (pin!(run), Duration::ZERO);
    let output = std::future::poll_fn(|context| {
        let begun = Instant::now();
        let polled = run.as_mut().poll(context);
        cost += begun.elapsed();
        polled
    });
    (output.await, cost)
}

fn text_of(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "of unknown type".to_owned())
}

#[cfg(test)]
mod tests;
