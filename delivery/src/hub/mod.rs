//! What comes from the topic, to the sockets it is for. Owns the registry, the order of events, and the
//! index of who is in which conversation that is routed as a whole.
//!
//! For each frame: no JSON, no copy (the bytes are checked to be text once and shared), no lock
//! across an await, and nothing that blocks the node's reader; whatever must be read is a task
//! of its own. Every socket is woken at most once for a batch.
//!
//! The wall (G-15): an event goes to its audience, or to whom the index names at its place in the order
//! of revs; who leaves by it gets it, and is out of the index before the next one.

mod heal;
mod members;
mod screens;
mod sink;
mod typing;

use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use platform::inbound::Identity;
use platform::lifecycle::Lifecycle;
use platform::port::ephemeral::Route;
use platform::port::store;
use platform::{Clock, Platform, Store};
use prometheus::IntCounter;
use schemas::conversation::head::{Head, Routing};
use schemas::outbound::Membership;
use schemas::{ConversationId, Rev, UserId, event};
use tokio::sync::{Notify, Semaphore};
use tokio::time::timeout;

use crate::frame::Frame;
use crate::index::Index;
use crate::order::{self, Event, Fetch, Order, Verdict};
use crate::presence::Presence;
use crate::protocol::close::Close;
use crate::registry::{Left, Registry};
use crate::routes::Wanted;
use crate::session::{Live, Pushed, Session};
use crate::socketio::owed;

use sink::Entry;
pub(crate) use typing::Told;

/// Fetches of missing changes at once.
const FETCHES: usize = 16;
/// Other reads at once: of clients that catch up, of memberships.
const READS: usize = 64;
/// Longest wait for one read.
const READ_LIMIT: Duration = Duration::from_secs(2);
/// Tries of one read.
const READ_TRIES: u32 = 3;
/// Pause before a read is tried again, times the number of tries.
const PAUSE: Duration = Duration::from_millis(50);
/// How frames begin that signal calls.
const OF_CALL: &str = r#"{"type":"call."#;
/// Users whose memberships are loaded at once.
const LOADS: usize = 16;

/// See the module.
pub(crate) struct Hub {
    pub(crate) registry: Registry,
    /// Which routes are to be announced.
    pub(crate) wanted: Wanted,
    /// Who is to be told of whose presence.
    pub(crate) presence: Arc<Presence>,
    line: Mutex<Line>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    /// Told when the first end of somebody's typing is another one.
    typers: Notify,
    life: Lifecycle,
    fetches: Semaphore,
    reads: Semaphore,
    /// Of reads for what packets show beside their frames.
    pub(crate) owed: owed::Reads,
    metrics: platform::telemetry::Metrics,
    woken: IntCounter,
    me: Weak<Self>,
}

/// What one batch is worked off with.
#[derive(Default)]
struct Line {
    order: Order,
    index: Index,
    typing: typing::Table,
    screens: screens::Screens,
    /// Number of the delivery at hand: a socket gets one delivery once.
    mark: u64,
}

/// What a batch leaves to do when the lock is released.
#[derive(Default)]
struct Done {
    pushed: u64,
    wake: Vec<Arc<Session>>,
    fetch: Vec<Fetch>,
    /// Who may have become a member of a conversation that is routed as a whole.
    join: Vec<Join>,
    /// Conversations that are routed as a whole from the change after this one on.
    flip: Vec<(ConversationId, Rev)>,
    /// Conversations that nobody here is in any more.
    empty: Vec<ConversationId>,
    /// Who may lack a change of membership.
    reload: Vec<UserId>,
    /// Memberships that have begun or ended.
    moved: Vec<(UserId, ConversationId)>,
    /// Of whom it is to be read whom they have blocked.
    blocks: Vec<(UserId, u64)>,
    /// Who hides from now on that he types.
    hides: Vec<UserId>,
}

/// Somebody who may be a member; the last change he has.
#[derive(Clone, Copy, Debug)]
struct Join {
    conversation: ConversationId,
    user: UserId,
    after: Rev,
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

impl Line {
    /// Takes those out who leave by an event.
    fn apart(&mut self, done: &mut Done, event: &Event) {
        for user in event::unpack(&event.left) {
            self.leave(done, event.conversation, user, event.rev);
        }
    }

    /// Who leaves by an event is in the index no more. He may have been added again since, and that
    /// may have been told before: then he enters again.
    fn leave(&mut self, done: &mut Done, conversation: ConversationId, user: UserId, rev: Rev) {
        if self.index.left(conversation, user) {
            done.join.push(Join { conversation, user, after: rev });
            if !self.index.has(conversation) {
                done.empty.push(conversation);
            }
        }
    }
}

impl Hub {
    /// A hub without sockets.
    pub(crate) fn new(platform: &Platform, life: &Lifecycle) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            registry: Registry::default(),
            wanted: Wanted::default(),
            presence: Presence::new(platform, me.clone()),
            line: Mutex::default(),
            store: platform.store.clone(),
            clock: platform.clock.clone(),
            typers: Notify::new(),
            life: life.clone(),
            fetches: Semaphore::new(FETCHES),
            reads: Semaphore::new(READS),
            owed: owed::Reads::default(),
            woken: platform.metrics.wakeups.with_label_values(&["socket"]),
            metrics: platform.metrics.clone(),
            me: me.clone(),
        })
    }

    /// Registers a socket, `prepared` before anything can be pushed to it.
    pub(crate) fn enter(
        &self,
        who: Identity,
        prepare: impl FnOnce(&Session),
    ) -> Result<Arc<Session>, Close> {
        let session = self.registry.enter(who, prepare)?;
        self.metrics.sockets.inc();
        Ok(session)
    }

    /// Takes a socket out.
    pub(crate) fn leave(&self, session: &Session) {
        let mut done = Done::default();
        {
            // Together: whoever comes back meanwhile is not taken out of the index.
            let mut line = self.line.lock();
            let left = self.registry.leave(session);
            line.screens.gone(session);
            if left.is_some() {
                self.metrics.sockets.dec();
                let (_, lost) = session.look();
                self.metrics.frames_dropped.inc_by(lost.frames);
                self.metrics.resyncs.inc_by(lost.resyncs);
            }
            if left == Some(Left::Nobody) {
                done.empty = line.index.gone(session.who.user);
            }
        }
        self.finish(done);
        self.presence.gone(session);
        self.wanted.touch(Route::User(session.who.user));
    }

    /// Tells sockets to resync.
    pub(crate) fn resync(&self, sessions: &[Arc<Session>]) {
        let mut done = Done::default();
        for session in sessions {
            done.push(session, session.resync());
        }
        self.finish(done);
    }

    /// Tells the sockets of users to resync.
    fn resync_users(&self, users: impl IntoIterator<Item = UserId>) {
        let mut sessions = Vec::new();
        for user in users {
            self.registry.visit(user, |session| sessions.push(session.clone()));
        }
        self.resync(&sessions);
    }

    /// Whether these routes lead to anybody here.
    pub(crate) fn leads(&self, routes: impl IntoIterator<Item = Route>) -> Vec<(Route, bool)> {
        let line = self.line.lock();
        let leads = |route| match route {
            Route::User(user) => self.registry.has(user),
            Route::Conversation(conversation) => line.index.has(conversation),
        };
        routes.into_iter().map(|route| (route, leads(route))).collect()
    }

    /// Every route that leads here.
    pub(crate) fn routes(&self) -> Vec<Route> {
        let mut routes: Vec<_> = self.registry.users().into_iter().map(Route::User).collect();
        routes.extend(self.line.lock().index.conversations().map(Route::Conversation));
        routes
    }

    /// Who is reached by a route.
    pub(crate) fn reached_by(&self, route: Route) -> Vec<UserId> {
        match route {
            Route::User(user) => vec![user],
            Route::Conversation(conversation) => {
                self.line.lock().index.members(conversation).collect()
            }
        }
    }

    /// Somebody here has synced a conversation up to its head. Whether events up to it may still come.
    pub(crate) fn learn(&self, conversation: ConversationId, head: &Head) -> bool {
        let members = match head.routing {
            Routing::Member => event::pack(&head.members.0),
            Routing::Conversation => Bytes::new(),
        };
        self.known(&mut self.line.lock(), conversation, &members, head.rev)
    }

    /// Somebody here knows a conversation up to `rev`.
    fn known(
        &self,
        line: &mut Line,
        conversation: ConversationId,
        members: &[u8],
        rev: Rev,
    ) -> bool {
        let Line { order, index, .. } = line;
        let covered = |at| self.covered(index, conversation, members, at);
        order.learn(conversation, rev, self.registry.epoch(), covered)
    }

    /// Whether anybody of an audience has been here since `at`.
    fn covered(&self, index: &Index, conversation: ConversationId, to: &[u8], at: u64) -> bool {
        if to.is_empty() {
            index.members(conversation).any(|member| self.registry.here_since(member, at))
        } else {
            event::unpack(to).any(|member| self.registry.here_since(member, at))
        }
    }

    fn event(&self, line: &mut Line, done: &mut Done, event: Event) {
        let conversation = event.conversation;
        let members = event.audience.clone();
        let Line { order, index, .. } = line;
        let covered = |at| self.covered(index, conversation, &members, at);
        match order.admit(event, self.registry.epoch(), covered) {
            Verdict::Push(event) => self.push(line, done, &event),
            // Its frame is out; what it does to the index may not be done.
            Verdict::Drop(event) => line.apart(done, &event),
            Verdict::Other(event) => {
                let what = format_args!("{conversation}: another event of rev {}", event.rev);
                self.metrics.violated("G-08", &what);
                line.apart(done, &event);
            }
            Verdict::Hold => self.ready(line, done, conversation),
            Verdict::Fetch(fetch) => {
                self.metrics.gaps.inc();
                done.fetch.push(fetch);
            }
            Verdict::Resync(event) => self.given_up(line, done, conversation, &event.audience),
        }
    }

    fn push(&self, line: &mut Line, done: &mut Done, event: &Event) {
        line.mark += 1;
        let (mark, live) = (line.mark, Live::Event(event.conversation, event.rev));
        let mut here = false;
        let mut push = |member| {
            here |= self.registry.visit(member, |session| {
                done.push(session, session.push(live, &event.frame, mark));
            });
        };
        if event.audience.is_empty() {
            line.index.members(event.conversation).for_each(&mut push);
        } else {
            event::unpack(&event.audience).for_each(&mut push);
        }
        if !here {
            line.order.forget(event.conversation);
        }
        if event.flip {
            let members = event::unpack(&event.audience);
            for member in members.filter(|member| self.registry.has(*member)) {
                line.index.add(event.conversation, member);
            }
            if line.index.has(event.conversation) {
                done.flip.push((event.conversation, event.rev));
            }
        }
        self.types_no_more(line, done, event);
        line.apart(done, event);
    }

    fn ready(&self, line: &mut Line, done: &mut Done, conversation: ConversationId) {
        while let Some(event) = line.order.ready(conversation, self.registry.epoch()) {
            self.push(line, done, &event);
        }
    }

    /// Changes of a conversation were skipped: its members here resync, and as there may have been
    /// one among them that made somebody a member or took him out, memberships are loaded again.
    fn given_up(
        &self,
        line: &mut Line,
        done: &mut Done,
        conversation: ConversationId,
        audience: &Bytes,
    ) {
        self.metrics.gaps_given_up.inc();
        done.reload.extend(line.index.members(conversation));
        done.reload.extend(event::unpack(audience).filter(|member| self.registry.has(*member)));
    }

    fn entry(&self, line: &mut Line, done: &mut Done, entry: Entry) {
        let Entry { user, number, membership, frame } = entry;
        let live = Live::Entry(number);
        let new = self.registry.visit_feed(user, number, |session| {
            done.push(session, session.push(live, &frame, 0));
        });
        if new && typing::hides(&frame) {
            done.hides.push(user);
        }
        let Some((conversation, membership)) = membership.filter(|_| new) else { return };
        done.moved.push((user, conversation));
        let after = members::rev_of(&frame);
        match membership {
            Membership::Begins => done.join.push(Join { conversation, user, after }),
            Membership::Ends => line.leave(done, conversation, user, after),
        }
    }

    fn notice(&self, line: &mut Line, done: &mut Done, audience: &Bytes, frame: &Frame) {
        line.mark += 1;
        let of_call = frame.text().starts_with(OF_CALL);
        for user in event::unpack(audience) {
            self.registry.visit(user, |session| {
                if !of_call || session.takes_calls() {
                    done.push(session, session.push(Live::Notice, frame, line.mark));
                }
            });
        }
    }

    fn finish(&self, done: Done) {
        let woken = u64::try_from(done.wake.len()).unwrap_or(0);
        for session in done.wake {
            session.wake();
        }
        if woken > 0 {
            self.woken.inc_by(woken);
            self.metrics.deliveries.inc_by(done.pushed);
        }
        for conversation in done.empty {
            self.wanted.touch(Route::Conversation(conversation));
        }
        for (user, conversation) in done.moved {
            self.presence.moved(user, conversation);
        }
        self.learn_blocks(done.blocks);
        let Some(hub) = self.me.upgrade() else { return };
        for user in done.hides {
            self.life.guest(self.presence.clone().hides_typing(user));
        }
        for fetch in done.fetch {
            self.life.guest(hub.clone().heal(fetch));
        }
        for join in done.join {
            self.life.guest(hub.clone().join(join));
        }
        for (conversation, rev) in done.flip {
            self.life.guest(hub.clone().flipped(conversation, rev));
        }
        if !done.reload.is_empty() {
            self.reload(done.reload);
        }
    }

    /// What is under way and how much may be, by name (`telemetry::label::QUEUE`).
    pub(crate) fn depths(&self) -> [(&'static str, usize, usize); 3] {
        let busy = |of: &Semaphore, all: usize| all.saturating_sub(of.available_permits());
        [
            ("hub_reads", busy(&self.reads, READS), READS),
            ("hub_fetches", busy(&self.fetches, FETCHES), FETCHES),
            ("hub_gaps", self.line.lock().order.gaps(), order::GAPS),
        ]
    }

    /// Does what nobody waits for.
    pub(crate) fn aside(&self, act: impl Future<Output = ()> + Send + 'static) {
        self.life.guest(act);
    }

    /// The tables.
    pub(crate) fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Reads from them: one of a bounded number of reads at once, bounded in time, tried a few times.
    pub(crate) async fn read<T, F>(&self, read: impl Fn() -> F) -> Result<T, store::Error>
    where
        F: Future<Output = Result<T, store::Error>>,
    {
        let mut tries = 1;
        loop {
            let outcome = {
                let permit = self.reads.acquire().await;
                let outcome = timeout(READ_LIMIT, read()).await;
                drop(permit);
                outcome.unwrap_or_else(|_| Err(store::Error::Unavailable("too slow".to_owned())))
            };
            match outcome {
                Err(error) if error.retryable() && tries < READ_TRIES => {
                    tokio::time::sleep(PAUSE * tries).await;
                    tries += 1;
                }
                outcome => return outcome,
            }
        }
    }
}
