//! A node: one running instance that takes requests or holds sockets. It reads its own partition of
//! `chat.outbound` and the one for everyone, gives replies to those who wait for them, keeps the set
//! of ended sessions, and hands frames to delivery.
//!
//! No lease (HAZARDS 21): a node's partition follows from its instance id, two nodes may share one,
//! and each drops what is not addressed to it. It notes the end of its partitions before it first
//! registers a route, so that nothing sent to it afterwards is missed. If records are lost to it all
//! the same, it loads the ended sessions again before it reads on.

mod admission;

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use schemas::outbound::{self, Outbound, Reply, SessionEnded};
use schemas::session::table::Revocation;
use schemas::topic::Topic;
use schemas::{CommandId, InstanceId, SessionId, Timestamp, limits, topic};
use tokio::sync::oneshot;

use self::admission::{WAITERS_MAX, Waiting};
use crate::lifecycle::{Lifecycle, Stopping};
use crate::port::clock::uuid_v7;
use crate::port::log::{self, Record, Start};
use crate::port::store;
use crate::{Clock, Platform};

/// Ended sessions a node loads at once. It remembers all of them, about 50 bytes each: leaving some
/// out would let their tokens in again. They go when those have expired.
const PAGE: usize = 1_000;
/// Tries to load the ended sessions again after records were lost, and the pause between two.
const RELOADS: u32 = 20;
const RELOAD_PAUSE: Duration = Duration::from_millis(500);

/// Takes what is not a reply. Called from the node's reader: it must not block.
pub trait Sink: Send + Sync + 'static {
    /// Frames and notices, in the order of the topic.
    fn deliver(&self, batch: Vec<Outbound>);
    /// Records were lost to this node: every session must resync.
    fn lost(&self);
}

/// One node. Shared by the tiers that run in it.
pub struct Node {
    /// Its id, new at every start.
    pub instance: InstanceId,
    waiting: Mutex<Waiting>,
    clock: Arc<dyn Clock>,
    revoked: RwLock<HashMap<SessionId, Timestamp>>,
    sink: OnceLock<SinkBox>,
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").field("instance", &self.instance).finish_non_exhaustive()
    }
}

struct SinkBox(Arc<dyn Sink>);

impl std::fmt::Debug for SinkBox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sink")
    }
}

/// Waits for the outcome of one command; gives up its place when dropped.
#[derive(Debug)]
pub struct Waiter {
    node: Arc<Node>,
    command: CommandId,
    reply: oneshot::Receiver<Reply>,
}

/// No outcome within the limit, or too many wait already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoReply {
    /// The command has had an effect or none.
    #[error("no outcome within {} ms", limits::REPLY_MS)]
    Late,
    /// Refused before anything was done.
    #[error("{WAITERS_MAX} requests wait already")]
    Full,
    /// Refused before anything was done: many wait for this partition, and it answers nobody.
    #[error("the partition answers nobody at present")]
    Silent,
}

impl Node {
    /// Starts a node: loads the ended sessions and reads from the present end of its partitions on.
    pub async fn start(platform: &Platform, life: &Lifecycle) -> Result<Arc<Self>, String> {
        let node = Arc::new(Self {
            instance: InstanceId(uuid_v7(&*platform.clock)),
            waiting: Mutex::default(),
            clock: platform.clock.clone(),
            revoked: RwLock::default(),
            sink: OnceLock::new(),
        });
        let count = platform.log.partitions(&topic::OUTBOUND);
        let own = outbound::partition_of(node.instance, count);
        let mut partitions = vec![outbound::EVERYONE, own];
        partitions.dedup();
        // The tail before the table: what ends in between is seen by one of the two.
        let tail = platform
            .log
            .tail(&topic::OUTBOUND, partitions, Start::Latest)
            .await
            .map_err(|e| e.to_string())?;
        node.load_revoked(platform, |_| {}).await.map_err(|e| e.to_string())?;
        let weak = Arc::downgrade(&node);
        platform.metrics.watch(move |all| {
            let Some(node) = weak.upgrade() else { return };
            all.queue.add(&["replies"], node.waiting());
            all.queue_limit.add(&["replies"], WAITERS_MAX);
        });
        life.component("node", node.clone().read(platform.clone(), tail, life.stopping()));
        Ok(node)
    }

    /// Loads every ended session whose tokens may still be valid; `ended` gets them page by page.
    async fn load_revoked(
        &self,
        platform: &Platform,
        ended: impl Fn(Vec<SessionEnded>),
    ) -> Result<(), store::Error> {
        let now = platform.clock.now();
        for shard in Revocation::living(now) {
            self.load_shard(platform, shard, &ended).await?;
        }
        Ok(())
    }

    async fn load_shard(
        &self,
        platform: &Platform,
        shard: i64,
        ended: &impl Fn(Vec<SessionEnded>),
    ) -> Result<(), store::Error> {
        let mut after = None;
        loop {
            let page = Revocation::page(shard, after, PAGE);
            let rows = store::scan(&*platform.store, page).await?;
            // A short page may have others behind it, an empty one has not.
            let Some(last) = rows.last() else { return Ok(()) };
            after = Some(last.session);
            let now = platform.clock.now();
            let live = rows.into_iter().filter(|row| row.until > now);
            let live = live.map(|Revocation { session, user, until, .. }| SessionEnded {
                session,
                user,
                until,
            });
            let live: Vec<_> = live.collect();
            self.revoked.write().extend(live.iter().map(|one| (one.session, one.until)));
            ended(live);
        }
    }

    /// After records were lost: sessions whose end was among them are refused and their sockets
    /// closed, and everybody else resyncs.
    async fn recover(&self, platform: &Platform) -> Result<(), String> {
        for tries in 1.. {
            let loaded = self.load_revoked(platform, |ended| {
                if let Some(sink) = self.sink.get()
                    && !ended.is_empty()
                {
                    sink.0.deliver(ended.into_iter().map(Outbound::SessionEnded).collect());
                }
            });
            match loaded.await {
                Ok(()) => break,
                Err(error) if error.retryable() && tries < RELOADS => {
                    tracing::warn!(%error, "the ended sessions could not be loaded again");
                    tokio::time::sleep(RELOAD_PAUSE).await;
                }
                Err(error) => return Err(error.to_string()),
            }
        }
        if let Some(sink) = self.sink.get() {
            sink.0.lost();
        }
        Ok(())
    }

    async fn read(
        self: Arc<Self>,
        platform: Platform,
        mut tail: Box<dyn log::Tail>,
        mut stopping: Stopping,
    ) -> Result<(), String> {
        let delivered = platform.metrics.stage_seconds.with_label_values(&["deliver"]);
        loop {
            let next = tokio::select! {
                next = tail.next() => next,
                () = stopping.wait() => return Ok(()),
            };
            match next {
                Ok(records) => {
                    if let Some(appended_at) = self.dispatch(records) {
                        let ms = self.clock.now().since(appended_at).max(0).unsigned_abs();
                        delivered.observe(Duration::from_millis(ms).as_secs_f64());
                    }
                }
                Err(log::Error::OutOfRange(_)) => {
                    // Nothing is read before: what comes next could depend on what was lost.
                    tokio::select! {
                        recovered = self.recover(&platform) => recovered?,
                        () = stopping.wait() => return Ok(()),
                    }
                }
                Err(log::Error::Closed) => return Ok(()),
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    /// Gives records to whom they are for; when the first that is for somebody here was appended.
    fn dispatch(&self, records: Vec<Record>) -> Option<Timestamp> {
        let (mut batch, mut first) = (Vec::new(), None);
        for record in records {
            if Outbound::to(&record.headers).is_some_and(|to| to != self.instance) {
                continue;
            }
            first.get_or_insert(record.appended_at);
            match Outbound::read(&record.headers, record.value) {
                Some(Outbound::Reply { command, reply }) => {
                    let now = self.clock.monotonic_ms();
                    if let Some(waiter) = self.waiting.lock().answered(command, now) {
                        // Whoever waited may have gone; the outcome stands.
                        drop(waiter.send(reply));
                    }
                }
                Some(Outbound::SessionEnded(ended)) => {
                    self.end_session(&ended);
                    batch.push(Outbound::SessionEnded(ended));
                }
                Some(other) => batch.push(other),
                None => tracing::debug!("an outbound record of a newer version was skipped"),
            }
        }
        if let Some(sink) = self.sink.get()
            && !batch.is_empty()
        {
            sink.0.deliver(batch);
        }
        first
    }

    /// Takes frames from now on. Only the first sink is taken.
    pub fn subscribe(&self, sink: Arc<dyn Sink>) {
        if self.sink.set(SinkBox(sink)).is_err() {
            tracing::error!("a node has one sink");
        }
    }

    /// A place for the outcome of `command`, which goes to this partition; take it before the command
    /// is appended.
    pub fn expect(
        self: &Arc<Self>,
        command: CommandId,
        topic: &'static Topic,
        partition: u32,
    ) -> Result<Waiter, NoReply> {
        let now = self.clock.monotonic_ms();
        let place = admission::place(topic, partition);
        let reply = self.waiting.lock().enter(command, place, now)?;
        Ok(Waiter { node: self.clone(), command, reply })
    }

    /// Requests that wait for an outcome.
    pub fn waiting(&self) -> usize {
        self.waiting.lock().len()
    }

    /// Whether a session has ended.
    pub fn is_revoked(&self, session: SessionId) -> bool {
        self.revoked.read().contains_key(&session)
    }

    /// Refuses a session from now on, on this node.
    pub fn end_session(&self, ended: &SessionEnded) {
        self.revoked.write().insert(ended.session, ended.until);
    }

    /// Forgets ended sessions whose last access token has expired.
    pub fn forget_revoked(&self, now: Timestamp) {
        self.revoked.write().retain(|_, until| *until > now);
    }
}

impl Waiter {
    /// The outcome, within [`limits::REPLY_MS`].
    pub async fn outcome(mut self) -> Result<Reply, NoReply> {
        let limit = Duration::from_millis(limits::REPLY_MS);
        match tokio::time::timeout(limit, &mut self.reply).await {
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(_)) | Err(_) => Err(NoReply::Late),
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        self.node.waiting.lock().leave(self.command);
    }
}

#[cfg(test)]
mod tests;
