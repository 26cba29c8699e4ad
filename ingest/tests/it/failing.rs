//! A node's own store and log, which answer no more some calls after the node has had its first
//! effect; or a store that shows nobody to be a member of anything from then on. Whoever folds keeps the
//! engines as they are.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use parking_lot::Mutex;
use platform::port::log::{
    Append, Budget, Error as LogError, Log, Member, PartitionState, Start, Tail,
};
use platform::port::store::{Claim, Error};
use platform::{Platform, Store};
use schemas::Position;
use schemas::member::table::MembershipByUser;
use schemas::table::{Batch, Get, Scan, Stored, Table, TableDef, Write};
use schemas::topic::{COMMANDS, RECEIPTS, Topic, USERS};

/// What a request's first effect is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum First {
    /// A command in the log.
    Command,
    /// A row that is written directly, as those of sessions are.
    Row,
}

#[derive(Clone, Copy, Debug)]
struct State {
    first: First,
    /// Calls that are answered after the effect; none before it.
    left: Option<usize>,
    calls: usize,
    failed: bool,
    /// Whether memberships are gone after the effect.
    hides: bool,
}

impl State {
    fn armed(first: First, left: Option<usize>, calls: usize) -> Self {
        Self { first, left, calls, failed: false, hides: false }
    }
}

/// Breaks the engines of one node.
#[derive(Clone, Debug)]
pub(crate) struct Breaker(Arc<Mutex<State>>);

impl Breaker {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Mutex::new(State::armed(First::Command, None, usize::MAX))))
    }

    /// The engines of a node.
    pub(crate) fn around(&self, platform: &Platform) -> Platform {
        let store = FailingStore { inside: platform.store.clone(), breaker: self.clone() };
        let log = FailingLog { inside: platform.log.clone(), breaker: self.clone() };
        Platform { store: Arc::new(store), log: Arc::new(log), ..platform.clone() }
    }

    /// Everything answers until the next effect, and so many calls after it.
    pub(crate) fn arm(&self, first: First, calls: usize) {
        *self.0.lock() = State::armed(first, None, calls);
    }

    /// Everything answers, but memberships are gone after the next effect.
    pub(crate) fn arm_to_hide(&self, first: First) {
        *self.0.lock() = State { hides: true, ..State::armed(first, None, usize::MAX) };
    }

    /// The same where the effect was an earlier request's.
    pub(crate) fn arm_at_once(&self, calls: usize) {
        *self.0.lock() = State::armed(First::Command, Some(calls), calls);
    }

    /// Whether there was an effect.
    pub(crate) fn is_done(&self) -> bool {
        self.0.lock().left.is_some()
    }

    /// Whether a call was not answered.
    pub(crate) fn has_failed(&self) -> bool {
        self.0.lock().failed
    }

    /// Counts a call, which may be the effect; whether it is answered.
    fn answers(&self, effect: Option<First>) -> bool {
        let mut state = self.0.lock();
        match state.left {
            Some(0) => state.failed = true,
            Some(left) => state.left = Some(left - 1),
            None if effect == Some(state.first) => state.left = Some(state.calls),
            None => {}
        }
        !state.failed
    }

    fn hides(&self, get: &Get) -> bool {
        let state = self.0.lock();
        state.hides && state.left.is_some() && get.def.prefix == MembershipByUser::DEF.prefix
    }

    fn reads(&self) -> Result<(), Error> {
        self.asks(None)
    }

    /// A direct write.
    fn writes(&self) -> Result<(), Error> {
        self.asks(Some(First::Row))
    }

    fn asks(&self, effect: Option<First>) -> Result<(), Error> {
        let away = || Error::Unavailable("it is away".to_owned());
        if self.answers(effect) { Ok(()) } else { Err(away()) }
    }
}

struct FailingStore {
    inside: Arc<dyn Store>,
    breaker: Breaker,
}

#[async_trait]
impl Store for FailingStore {
    async fn get(&self, gets: &[Get]) -> Result<Vec<Option<Stored>>, Error> {
        self.breaker.reads()?;
        let rows = self.inside.get(gets).await?;
        let shown = gets.iter().zip(rows);
        Ok(shown.map(|(get, row)| row.filter(|_| !self.breaker.hides(get))).collect())
    }

    async fn scan(&self, scan: &Scan) -> Result<Vec<Stored>, Error> {
        self.breaker.reads()?;
        self.inside.scan(scan).await
    }

    async fn write(&self, batch: Batch) -> Result<(), Error> {
        self.breaker.reads()?;
        self.inside.write(batch).await
    }

    async fn claim(&self, row: Write) -> Result<Claim, Error> {
        self.breaker.writes()?;
        self.inside.claim(row).await
    }

    async fn replace(&self, expected: &Stored, row: Write) -> Result<Claim, Error> {
        self.breaker.writes()?;
        self.inside.replace(expected, row).await
    }

    async fn put(&self, rows: Vec<Write>) -> Result<(), Error> {
        self.breaker.writes()?;
        self.inside.put(rows).await
    }

    async fn dump(
        &self,
        def: &'static TableDef,
        after: Option<Get>,
        limit: usize,
    ) -> Result<Vec<Stored>, Error> {
        self.breaker.reads()?;
        self.inside.dump(def, after, limit).await
    }
}

struct FailingLog {
    inside: Arc<dyn Log>,
    breaker: Breaker,
}

#[async_trait]
impl Log for FailingLog {
    fn append(
        &self,
        budget: Budget,
        records: Vec<Append>,
    ) -> BoxFuture<'static, Result<Vec<Position>, LogError>> {
        let topics = [&COMMANDS, &USERS, &RECEIPTS];
        let of_command = records.iter().any(|record| topics.contains(&record.topic));
        if self.breaker.answers(of_command.then_some(First::Command)) {
            // It has its place at the call.
            self.inside.append(budget, records)
        } else {
            ready(Err(LogError::Overloaded)).boxed()
        }
    }

    async fn join(
        &self,
        group: &'static str,
        topic: &'static Topic,
    ) -> Result<Box<dyn Member>, LogError> {
        self.inside.join(group, topic).await
    }

    async fn tail(
        &self,
        topic: &'static Topic,
        partitions: Vec<u32>,
        start: Start,
    ) -> Result<Box<dyn Tail>, LogError> {
        self.inside.tail(topic, partitions, start).await
    }

    async fn describe(&self, topic: &'static Topic) -> Result<Vec<PartitionState>, LogError> {
        self.inside.describe(topic).await
    }

    async fn committed(
        &self,
        group: &'static str,
        topic: &'static Topic,
    ) -> Result<Vec<(u32, u64)>, LogError> {
        self.inside.committed(group, topic).await
    }

    fn partitions(&self, topic: &'static Topic) -> u32 {
        self.inside.partitions(topic)
    }

    async fn close(&self) {
        self.inside.close().await;
    }
}
