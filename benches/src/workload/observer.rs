//! One socket of one user, opened again whenever it is cut, on the next node if its own is away.
//! Everything it gets is in the history; now and then another node is asked for what just came
//! (G-11). What it does about what it missed is for the plan to say ([`Back`]): as a device that resumes
//! it keeps its cursors, is cut at random moments, also while it catches up, and goes on elsewhere.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use rand::Rng as _;
use rand::rngs::StdRng;
use schemas::{Rev, Seq};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::hub::{Hub, Open};
use super::plan::Back;
use super::reader::page_of;
use crate::history::{CUT, Cursors, Gotten, Live, Op, Outcome, Process, Resume, SocketId, Why};
use crate::target::{Event, Events as _, Heard, Target, User};
use crate::task::spawn;

/// Wait before a second try to connect; for clients that move on it grows, with jitter.
const AGAIN: Duration = Duration::from_millis(50);
/// Longest wait before a try.
const AGAIN_MAX: Duration = Duration::from_secs(1);
/// Known places of conversations: the largest seq up to which nothing is missing.
type Known = HashMap<Uuid, Seq>;

/// Runs until told to stop; a socket that is open then is not logged as closed: it was owed
/// everything.
pub(super) async fn run<T: Target>(
    hub: Arc<Hub<T>>,
    process: Process,
    (user, place): (usize, usize),
    mut stop: watch::Receiver<bool>,
) {
    let Some(who) = hub.users.get(user).cloned() else { return };
    let rng = hub.plan.rng("observer", user * hub.plan.sockets + place);
    let cursors = cursors(&hub, user);
    let own = cursors.conversations.keys().copied().collect();
    let node = hub.node(user + place);
    let device = Device {
        hub: &hub,
        process,
        user,
        place,
        who,
        node,
        rng,
        cursors,
        own,
        known: Known::new(),
    };
    tokio::select! {
        () = device.watch_for_ever() => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
    hub.plug(user, place, None);
}

/// Where a device begins: it has seen its conversations begin, and nothing of its feed.
pub(super) fn cursors<T: Target>(hub: &Hub<T>, user: usize) -> Cursors {
    let own = hub.conversations.iter().filter(|own| own.members.contains(&user));
    Cursors { conversations: own.map(|own| (own.id, 1)).collect(), feed: Some(0) }
}

struct Device<'a, T: Target> {
    hub: &'a Arc<Hub<T>>,
    process: Process,
    user: usize,
    place: usize,
    who: User,
    node: usize,
    rng: StdRng,
    cursors: Cursors,
    /// Conversations that its user is in from the beginning to the end.
    own: HashSet<Uuid>,
    known: Known,
}

/// A socket's catching up, as it goes into the history once it is over.
struct Catching {
    start: u64,
    resume: Resume,
}

impl<T: Target> Device<'_, T> {
    async fn watch_for_ever(mut self) {
        let (hub, mut wait) = (self.hub.clone(), AGAIN);
        let mut sockets = 0_u32;
        loop {
            let id = hub.recorder.socket();
            let cursors = (self.back() == Back::Resumes).then(|| self.cursors.clone());
            let start = hub.recorder.now();
            let open = hub.recorder.begin(self.process, self.node, self.opening(id));
            let opened = self.connect(cursors.as_ref()).await;
            let Ok((sender, events)) = opened else {
                // It never was a socket: the entry says only that one was tried.
                open.done(|op| *op = Op::SocketClose(id, None));
                tokio::time::sleep(wait).await;
                if self.back() != Back::Anew {
                    wait = AGAIN_MAX.min(wait.mul_f64(self.rng.random_range(1.0..3.0)));
                    self.node = hub.node(self.node + 1);
                }
                continue;
            };
            open.done(|_| {});
            hub.plug(self.user, self.place, Some(Open { id, node: self.node, sender }));
            sockets += 1;
            // Beside the events: what comes meanwhile must not wait in the server's queue.
            let missed = (self.back() == Back::Reads && sockets > 1).then(|| self.reads_back(None));
            let catching = cursors.map(|from| Catching {
                start,
                resume: Resume {
                    socket: id,
                    by: self.who.id,
                    from,
                    done: None,
                    reset: BTreeMap::new(),
                },
            });
            let (code, caught_up) = self.listen(id, events, catching).await;
            hub.plug(self.user, self.place, None);
            hub.recorder.note(self.process, self.node, Op::SocketClose(id, code));
            // Where nobody can catch up now it is tried again, and not at once.
            if caught_up || code == Some(CUT) {
                wait = AGAIN;
            } else {
                tokio::time::sleep(wait).await;
                wait = AGAIN_MAX.min(wait.mul_f64(self.rng.random_range(1.0..3.0)));
            }
            if code == Some(CUT) {
                self.node = hub.node(self.rng.random_range(0..64));
            }
            self.settle(missed).await;
        }
    }

    /// Whether it is a stock client of Socket.IO.
    fn is_stock(&self) -> bool {
        self.place + self.hub.plan.stock >= self.hub.plan.sockets
    }

    /// What it does when its socket comes back: a stock client can not resume, and reads.
    fn back(&self) -> Back {
        match self.hub.plan.back {
            Back::Resumes if self.is_stock() => Back::Reads,
            back => back,
        }
    }

    fn opening(&self, id: SocketId) -> Op {
        let who = self.who.id;
        if self.is_stock() { Op::StockOpen(id, who) } else { Op::SocketOpen(id, who) }
    }

    async fn connect(&self, cursors: Option<&Cursors>) -> anyhow::Result<(T::Sender, T::Events)> {
        let target = &self.hub.target;
        if self.is_stock() {
            target.connect_stock(self.node, &self.who).await
        } else {
            target.connect(self.node, &self.who, cursors).await
        }
    }

    /// Takes what comes until the socket ends, by whichever side; with which code, and whether it had caught up.
    async fn listen(
        &mut self,
        id: SocketId,
        mut events: T::Events,
        mut catching: Option<Catching>,
    ) -> (Option<u16>, bool) {
        let hub = self.hub.clone();
        let mut left = self.patience();
        let code = loop {
            let Some(heard) = events.next().await else { break events.close_code() };
            match heard {
                Heard::Event(event) => {
                    let ask = self.rng.random::<f64>() < hub.plan.get_on_push;
                    note(&hub, self.process, self.node, id, &event);
                    self.learn(&event);
                    // A guest may be gone by the time of his question.
                    if ask && !event.tells.resumed && self.own.contains(&event.conversation) {
                        read_back(&hub, self.process, self.node, self.user, event).await;
                    }
                }
                Heard::Reset(conversation, rev) => {
                    self.reset(conversation, rev);
                    if let Some(catching) = &mut catching {
                        catching.resume.reset.insert(conversation, rev);
                    }
                }
                Heard::Done(reached) => {
                    if let Some(Catching { start, mut resume }) = catching.take() {
                        resume.done = Some(reached);
                        hub.recorder.lasted(self.process, self.node, start, Op::Resume(resume));
                    }
                }
            }
            left -= 1;
            if left == 0 {
                break Some(CUT);
            }
        };
        let caught_up = catching.is_none();
        if let Some(Catching { start, resume }) = catching {
            hub.recorder.lasted(self.process, self.node, start, Op::Resume(resume));
        }
        (code, caught_up)
    }

    /// Events until this client cuts its socket: seldom many, often few, so that it also happens while it
    /// catches up and just when that ends.
    fn patience(&mut self) -> usize {
        let mean = self.hub.plan.cut_after;
        if mean == 0 {
            return usize::MAX;
        }
        let most = if self.rng.random_range(0..4) == 0 { 8 } else { 2 * mean };
        1 + self.rng.random_range(0..most)
    }

    fn learn(&mut self, event: &Event) {
        if let Some(seen) = &event.message {
            let known = self.known.entry(event.conversation).or_default();
            *known = seen.seq.max(*known);
        }
        if event.conversation == self.who.id {
            self.cursors.feed = Some(event.rev);
        } else if event.kind.as_ref() == "member.removed"
            && event.tells.members.contains(&self.who.id)
        {
            // A client that was removed forgets what it had.
            self.cursors.conversations.remove(&event.conversation);
        } else {
            self.cursors.conversations.insert(event.conversation, event.rev);
        }
    }

    fn reset(&mut self, conversation: Uuid, rev: Rev) {
        if conversation == self.who.id {
            self.cursors.feed = Some(rev);
        } else if rev == Rev::MAX {
            self.cursors.conversations.remove(&conversation);
        } else {
            self.cursors.conversations.insert(conversation, rev);
            // It was told to read anew.
            drop(self.reads_back(Some(conversation)));
        }
    }

    /// Reads back all conversations of the user, or one.
    fn reads_back(&self, only: Option<Uuid>) -> JoinHandle<Known> {
        let (hub, known) = (self.hub.clone(), self.known.clone());
        spawn(catch_up(hub, self.process, (self.user, self.node), known, only))
    }

    /// A catch-up that is cut short is done again from what it began with.
    async fn settle(&mut self, missed: Option<JoinHandle<Known>>) {
        let Some(missed) = missed else { return };
        if missed.is_finished() {
            self.known.extend(missed.await.unwrap_or_default());
        } else {
            missed.abort();
            self.known = Known::new();
        }
    }
}

/// Reads back each conversation of the user to what was known: whatever is younger than the socket
/// comes over it. Goes on until it could be read; what it found is known from then on.
async fn catch_up<T: Target>(
    hub: Arc<Hub<T>>,
    process: Process,
    (user, node): (usize, usize),
    known: Known,
    only: Option<Uuid>,
) -> Known {
    let mut found = Known::new();
    let own = hub.conversations.iter().filter(|own| own.members.contains(&user));
    for conversation in own.filter(|own| only.is_none_or(|only| only == own.id)) {
        let id = conversation.id;
        let floor = known.get(&id).copied().unwrap_or_default();
        let (mut before, mut node) = (None, node);
        loop {
            let page = page_of(&hub, process, (id, user), node, before).await;
            let Some(messages) = page.ok() else {
                node += 1;
                tokio::time::sleep(AGAIN_MAX / 2).await;
                continue;
            };
            if let (None, Some(newest)) = (before, messages.last()) {
                found.insert(id, newest.seq);
            }
            match messages.first() {
                Some(oldest) if oldest.seq > floor + 1 => before = Some(oldest.seq),
                _ => break,
            }
        }
    }
    found
}

/// Puts an event into the history.
pub(super) fn note<T: Target>(
    hub: &Hub<T>,
    process: Process,
    node: usize,
    socket: SocketId,
    event: &Event,
) {
    let live = Live {
        socket,
        conversation: event.conversation,
        kind: event.kind.clone(),
        rev: event.rev,
        message: event.message.clone(),
        tells: event.tells.clone(),
    };
    hub.recorder.note(process, node, Op::Live(live));
}

async fn read_back<T: Target>(
    hub: &Hub<T>,
    process: Process,
    node: usize,
    user: usize,
    event: Event,
) {
    let Some((expected, who)) = event.message.zip(hub.users.get(user)) else { return };
    let node = hub.node(node + 1);
    let id = expected.id;
    let get = Gotten {
        conversation: event.conversation,
        by: who.id,
        why: Why::OnPush,
        expected,
        outcome: Outcome::Unknown("abandoned".to_owned()),
    };
    let pending = hub.recorder.begin(process, node, Op::Get(get));
    let outcome = hub.target.get(node, who, id).await;
    pending.done(|op| {
        if let Op::Get(get) = op {
            get.outcome = outcome;
        }
    });
}
