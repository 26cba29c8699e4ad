//! What comes from the topic, to the sockets it is for. Owns the registry and the order of events.
//!
//! For each frame: no JSON, no copy (the bytes are checked to be text once and shared), no lock
//! across an await, and nothing that blocks the node's reader; a fetch of missing changes is a task
//! of its own. Every socket is woken at most once for a batch.
//!
//! The audience of a record is the wall (G-15): nothing is pushed to anybody who is not in it.
//! Removal of a member will end his part of a lane here, in the order of revs.

use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use platform::inbound::Identity;
use platform::lifecycle::Lifecycle;
use platform::node::Sink;
use platform::port::store;
use platform::{Platform, Store};
use schemas::conversation::table::Change;
use schemas::outbound::Outbound;
use schemas::{ConversationId, Rev, event, limits};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::order::{Event, Fetch, Order, Settled, Verdict};
use crate::protocol::close::{self, Close};
use crate::registry::Registry;
use crate::session::{Pushed, Session};
use crate::transport::Payload;

/// Fetches at once.
const FETCHES: usize = 16;
/// Longest wait for one fetch.
const FETCH_LIMIT: Duration = Duration::from_secs(2);
/// Pause before a fetch is tried again, times the number of tries.
const FETCH_PAUSE: Duration = Duration::from_millis(50);

/// See the module.
pub(crate) struct Hub {
    pub(crate) registry: Registry,
    line: Mutex<Line>,
    store: Arc<dyn Store>,
    life: Lifecycle,
    fetches: Semaphore,
    metrics: platform::telemetry::Metrics,
    me: Weak<Self>,
}

/// What one batch is worked off with.
#[derive(Default)]
struct Line {
    order: Order,
    /// Number of the delivery at hand: a socket gets one delivery once.
    mark: u64,
}

/// What a batch leaves to do when the lock is released.
#[derive(Default)]
struct Done {
    pushed: u64,
    wake: Vec<Arc<Session>>,
    fetch: Vec<Fetch>,
}

impl Done {
    fn push(&mut self, session: &Arc<Session>, pushed: Pushed) {
        match pushed {
            Pushed::Wake => {
                self.pushed += 1;
                self.wake.push(session.clone());
            }
            Pushed::Queued => self.pushed += 1,
            Pushed::Dropped => {}
        }
    }
}

impl Hub {
    /// A hub without sockets.
    pub(crate) fn new(platform: &Platform, life: &Lifecycle) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            registry: Registry::default(),
            line: Mutex::default(),
            store: platform.store.clone(),
            life: life.clone(),
            fetches: Semaphore::new(FETCHES),
            metrics: platform.metrics.clone(),
            me: me.clone(),
        })
    }

    /// Registers a socket.
    pub(crate) fn enter(&self, who: Identity) -> Result<Arc<Session>, Close> {
        let session = self.registry.enter(who)?;
        self.metrics.sockets.inc();
        Ok(session)
    }

    /// Takes a socket out.
    pub(crate) fn leave(&self, session: &Session) {
        if self.registry.leave(session) {
            self.metrics.sockets.dec();
        }
    }

    /// Tells sockets to resync.
    pub(crate) fn resync(&self, sessions: &[Arc<Session>]) {
        let mut done = Done::default();
        for session in sessions {
            done.push(session, session.resync());
        }
        self.finish(done);
    }

    fn event(&self, line: &mut Line, done: &mut Done, event: Event) {
        let conversation = event.conversation;
        let members = event.audience.clone();
        let covered =
            |at| event::unpack(&members).any(|member| self.registry.here_since(member, at));
        match line.order.admit(event, self.registry.epoch(), covered) {
            Verdict::Push(event) => self.push(line, done, &event),
            Verdict::Drop => {}
            Verdict::Hold => self.ready(line, done, conversation),
            Verdict::Fetch(fetch) => done.fetch.push(fetch),
            Verdict::Resync(audience) => self.resync_audience(done, &audience),
        }
    }

    fn push(&self, line: &mut Line, done: &mut Done, event: &Event) {
        line.mark += 1;
        let mut here = false;
        for member in event::unpack(&event.audience) {
            here |= self.registry.visit(member, |session| {
                done.push(session, session.push(&event.frame, line.mark));
            });
        }
        if !here {
            line.order.forget(event.conversation);
        }
    }

    fn ready(&self, line: &mut Line, done: &mut Done, conversation: ConversationId) {
        while let Some(event) = line.order.ready(conversation, self.registry.epoch()) {
            self.push(line, done, &event);
        }
    }

    fn resync_audience(&self, done: &mut Done, audience: &Bytes) {
        for member in event::unpack(audience) {
            self.registry.visit(member, |session| done.push(session, session.resync()));
        }
    }

    fn feed(&self, done: &mut Done, user: schemas::UserId, number: Rev, frame: Bytes) {
        if let Some(frame) = text(frame) {
            self.registry.visit_feed(user, number, |session| {
                done.push(session, session.push(&frame, 0));
            });
        }
    }

    fn finish(&self, done: Done) {
        let woken = u64::try_from(done.wake.len()).unwrap_or(0);
        for session in done.wake {
            session.wake();
        }
        if woken > 0 {
            self.metrics.wakeups.with_label_values(&["socket"]).inc_by(woken);
            self.metrics.deliveries.inc_by(done.pushed);
        }
        for fetch in done.fetch {
            if let Some(hub) = self.me.upgrade() {
                self.life.guest(hub.heal(fetch));
            }
        }
    }

    /// Fetches what is missing until the gap is closed or given up.
    async fn heal(self: Arc<Self>, mut fetch: Fetch) {
        loop {
            let rows = self.changes(&fetch).await;
            let mut done = Done::default();
            let settled = {
                let mut line = self.line.lock();
                line.order.fetched(&fetch, rows);
                self.ready(&mut line, &mut done, fetch.conversation);
                let settled = line.order.settle(&fetch);
                if let Settled::Resync(audience) = &settled {
                    self.resync_audience(&mut done, audience);
                }
                settled
            };
            self.finish(done);
            let Settled::Again(next) = settled else { return };
            tokio::time::sleep(FETCH_PAUSE * next.tries).await;
            fetch = next;
        }
    }

    /// The frames of the missing changes, as far as they can be had.
    async fn changes(&self, fetch: &Fetch) -> Vec<(Rev, Payload)> {
        let Ok(_permit) = self.fetches.acquire().await else { return Vec::new() };
        match timeout(FETCH_LIMIT, changes(&*self.store, fetch)).await {
            Ok(Ok(rows)) => {
                rows.into_iter().filter_map(|row| Some((row.rev, text(row.event)?))).collect()
            }
            Ok(Err(error)) => {
                tracing::warn!(%error, "missing changes could not be read");
                Vec::new()
            }
            Err(_) => {
                tracing::warn!("missing changes could not be read in time");
                Vec::new()
            }
        }
    }
}

/// The changes between two revs; they may lie in several buckets.
async fn changes(store: &dyn Store, fetch: &Fetch) -> Result<Vec<Change>, store::Error> {
    let mut rows = Vec::new();
    let mut next = fetch.after + 1;
    while next < fetch.before {
        let bucket_end = (next.div_euclid(limits::BUCKET_ROWS) + 1) * limits::BUCKET_ROWS;
        let end = bucket_end.min(fetch.before);
        let limit = usize::try_from(end - next).unwrap_or(0);
        rows.extend(store::scan(store, Change::from(fetch.conversation, next, limit)).await?);
        next = end;
    }
    Ok(rows)
}

fn text(frame: Bytes) -> Option<Payload> {
    let payload = Payload::new(frame);
    if payload.is_none() {
        tracing::error!("a frame that is not text was dropped");
    }
    payload
}

impl Sink for Hub {
    fn deliver(&self, batch: Vec<Outbound>) {
        let mut done = Done::default();
        {
            let mut line = self.line.lock();
            for outbound in batch {
                match outbound {
                    Outbound::Event { conversation, rev, audience, frame } => {
                        // An audience is empty for conversations that are routed as a whole; there
                        // are none yet, and without an index of who is here it is nobody's.
                        if let Some(frame) = text(frame) {
                            let event = Event { conversation, rev, audience, frame };
                            self.event(&mut line, &mut done, event);
                        }
                    }
                    Outbound::Feed { user, number, frame } => {
                        self.feed(&mut done, user, number, frame);
                    }
                    Outbound::SessionEnded(ended) => {
                        self.registry.visit(ended.user, |session| {
                            if session.who.session == ended.session {
                                session.close(close::SESSION);
                            }
                        });
                    }
                    // The node gives replies to those who wait for them.
                    Outbound::Reply { .. } => {}
                }
            }
        }
        self.finish(done);
    }

    fn lost(&self) {
        self.line.lock().order.clear();
        let sessions = self.registry.sessions();
        tracing::warn!(sockets = sessions.len(), "records were lost: every socket resyncs");
        self.resync(&sessions);
    }
}
