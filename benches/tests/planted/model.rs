//! A chat system of two nodes in a few hundred lines: an in-memory log, a fold and sockets, correct
//! unless a bug is planted. A crash keeps what is synced and folds it again, and cuts every socket.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use bench::history::{Counted, Cursors, Form, Outcome, Seen, Tells};
use bench::target::{Deed, Event, Events, Heard, Message, Nemesis, Place, Sender, Target, User};
use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::sleep;
use uuid::Uuid;

/// Defects that can be planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// Now and then a decided message is acked and pushed, and never committed.
    SkipCommit,
    /// The ack does not wait for the sync.
    AckBeforeSync,
    /// Client ids are not looked up.
    DropDedupe,
    /// A former owner decides once more on its stale head and overwrites.
    ZombieWrites,
    /// A request of a socket overtakes the one before it.
    ReorderSends,
    /// Now and then an event is not sent to a socket.
    LoseEvent,
    /// Now and then an event is sent twice.
    DuplicateEvent,
    /// The second node reads an old state.
    StaleReads,
    /// Now and then a row is missing, though later ones are there.
    LostRow,
    /// Now and then what is written is answered as refused.
    RefuseButWrite,
    /// Events leave before their rows can be read.
    PushBeforePersist,
    /// Two sockets get different content.
    MutatedPush,
}

impl Bug {
    pub(crate) const ALL: [Self; 12] = [
        Self::SkipCommit,
        Self::AckBeforeSync,
        Self::DropDedupe,
        Self::ZombieWrites,
        Self::ReorderSends,
        Self::LoseEvent,
        Self::DuplicateEvent,
        Self::StaleReads,
        Self::LostRow,
        Self::RefuseButWrite,
        Self::PushBeforePersist,
        Self::MutatedPush,
    ];

    /// The guarantee that must be found broken, whatever else is.
    pub(crate) fn breaks(self) -> bench::checker::Guarantee {
        use bench::checker::Guarantee as G;
        match self {
            Self::SkipCommit | Self::AckBeforeSync => G::DurableAck,
            Self::DropDedupe => G::OneEffect,
            Self::LostRow => G::DenseOrder,
            Self::RefuseButWrite => G::HonestRefusal,
            Self::PushBeforePersist => G::PersistBeforePush,
            Self::StaleReads => G::ReadYourWrites,
            Self::ZombieWrites
            | Self::ReorderSends
            | Self::LoseEvent
            | Self::DuplicateEvent
            | Self::MutatedPush => G::OneOrder,
        }
    }
}

#[derive(Default)]
struct Conversation {
    members: Vec<Uuid>,
    seq: i64,
    rows: Vec<Seen>,
}

struct Socket {
    user: Uuid,
    events: mpsc::Sender<Heard>,
}

#[derive(Default)]
struct State {
    conversations: HashMap<Uuid, Conversation>,
    /// By sender, conversation and client id.
    index: HashMap<(Uuid, Uuid, Arc<str>), Seen>,
    log: Vec<(Uuid, Seen)>,
    synced: usize,
    sockets: Vec<Socket>,
    /// Crashes so far: an answer across one is lost.
    epoch: u64,
    ticks: HashMap<&'static str, u64>,
}

impl State {
    /// Every `n`th time.
    fn every(&mut self, n: u64, what: &'static str) -> bool {
        let tick = self.ticks.entry(what).or_default();
        *tick += 1;
        tick.is_multiple_of(n)
    }
}

#[derive(Clone)]
pub(crate) struct Model {
    bug: Option<Bug>,
    state: Arc<Mutex<State>>,
}

impl Model {
    pub(crate) fn new(bug: Option<Bug>) -> Self {
        Self { bug, state: Arc::default() }
    }

    fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    fn crash(&self) {
        let mut state = self.state.lock();
        state.epoch += 1;
        state.sockets.clear();
        let synced = state.synced;
        state.log.truncate(synced);
        state.index.clear();
        for conversation in state.conversations.values_mut() {
            conversation.seq = 0;
            conversation.rows.clear();
        }
        for (id, seen) in state.log.clone() {
            let conversation = state.conversations.entry(id).or_default();
            conversation.seq = conversation.seq.max(seen.seq);
            conversation.rows.push(seen.clone());
            let client = seen.client.clone().unwrap_or_default();
            state.index.insert((seen.sender, id, client), seen);
        }
    }

    /// Validates, decides, applies and pushes, as one step.
    fn fold(&self, message: &Message) -> Outcome<Seen> {
        let mut state = self.state.lock();
        let request = &message.request;
        let Some(conversation) = state.conversations.get(&request.conversation) else {
            return Outcome::Fail("not_member".to_owned());
        };
        if !conversation.members.contains(&request.sender) {
            return Outcome::Fail("not_member".to_owned());
        }
        if message.content.is_empty() {
            return Outcome::Fail("empty_message".to_owned());
        }
        if message.content.chars().count() > 10_000 {
            return Outcome::Fail("validation_failed".to_owned());
        }
        let key = (request.sender, request.conversation, request.client.clone());
        if let Some(first) = state.index.get(&key)
            && !self.has(Bug::DropDedupe)
        {
            return if first.body == request.body {
                Outcome::Ok(first.clone())
            } else {
                Outcome::Fail("idempotency_mismatch".to_owned())
            };
        }
        let zombie = self.has(Bug::ZombieWrites) && state.every(40, "zombie");
        let conversation = state.conversations.entry(request.conversation).or_default();
        if !zombie || conversation.seq == 0 {
            conversation.seq += 1;
        }
        let seen = Seen {
            id: Uuid::new_v8(
                (u128::from(request.body)
                    ^ request.sender.as_u128()
                    ^ request.conversation.as_u128())
                .to_be_bytes(),
            ),
            seq: conversation.seq,
            rev: conversation.seq + 1,
            client: Some(request.client.clone()),
            sender: request.sender,
            body: request.body,
            form: Form::Sent,
        };
        self.push(&mut state, request.conversation, &seen);
        if self.has(Bug::SkipCommit) && state.every(40, "skip") {
            return Outcome::Ok(seen);
        }
        if self.has(Bug::PushBeforePersist) {
            let (model, id, answer) = (self.clone(), request.conversation, seen.clone());
            bench::task::spawn(async move {
                sleep(Duration::from_millis(2)).await;
                model.apply(&mut model.state.lock(), key, id, seen);
            });
            return Outcome::Ok(answer);
        }
        self.apply(&mut state, key, request.conversation, seen.clone());
        if self.has(Bug::RefuseButWrite) && state.every(40, "refuse") {
            return Outcome::Fail("conflict".to_owned());
        }
        Outcome::Ok(seen)
    }

    fn apply(&self, state: &mut State, key: (Uuid, Uuid, Arc<str>), id: Uuid, seen: Seen) {
        state.log.push((id, seen.clone()));
        if !self.has(Bug::AckBeforeSync) || state.every(50, "sync") {
            state.synced = state.log.len();
        }
        state.index.insert(key, seen.clone());
        let lost = self.has(Bug::LostRow) && state.every(60, "row");
        let rows = &mut state.conversations.entry(id).or_default().rows;
        rows.retain(|row| row.seq != seen.seq);
        if lost {
            // Nor does the log have it, or the crash would bring it back.
            state.log.pop();
            state.synced = state.log.len();
        } else {
            rows.push(seen);
            rows.sort_by_key(|row| row.seq);
        }
    }

    fn push(&self, state: &mut State, id: Uuid, seen: &Seen) {
        let members = state.conversations[&id].members.clone();
        for place in 0..state.sockets.len() {
            if !members.contains(&state.sockets[place].user) {
                continue;
            }
            let mut message = seen.clone();
            if self.has(Bug::MutatedPush) && state.every(300, "mutate") {
                message.body += 1;
            }
            let times = if self.has(Bug::LoseEvent) && state.every(200, "lose") {
                0
            } else if self.has(Bug::DuplicateEvent) && state.every(200, "double") {
                2
            } else {
                1
            };
            for _ in 0..times {
                let event = Event {
                    conversation: id,
                    kind: "message.created".into(),
                    rev: seen.rev,
                    message: Some(message.clone()),
                    tells: Tells::default(),
                };
                drop(state.sockets[place].events.try_send(Heard::Event(event)));
            }
        }
    }

    /// The way there and back; a crash in between loses the answer.
    async fn across<O>(&self, ask: impl FnOnce() -> Outcome<O>) -> Outcome<O> {
        sleep(jitter()).await;
        let epoch = self.state.lock().epoch;
        let outcome = ask();
        sleep(jitter()).await;
        let cut = self.state.lock().epoch != epoch;
        if cut { Outcome::Unknown("cut".to_owned()) } else { outcome }
    }

    fn stale(&self, node: usize) -> bool {
        node == 1 && self.has(Bug::StaleReads) && self.state.lock().every(20, "stale")
    }
}

/// What only `people` has.
fn none<T>() -> Outcome<T> {
    Outcome::Fail("unsupported".to_owned())
}

fn jitter() -> Duration {
    Duration::from_micros(rand::random_range(50..1_500))
}

impl Target for Model {
    type Sender = Line;
    type Events = Arriving;

    fn nodes(&self) -> usize {
        2
    }

    async fn register(&self, number: usize) -> anyhow::Result<User> {
        Ok(User { id: Uuid::from_u128(number as u128 + 1), token: "".into() })
    }

    async fn open(&self, _: usize, user: &User, with: &User) -> Outcome<Uuid> {
        let id = Uuid::from_u128((user.id.as_u128() << 64) | with.id.as_u128());
        let members = vec![user.id, with.id];
        let conversation = Conversation { members, ..Conversation::default() };
        self.state.lock().conversations.insert(id, conversation);
        Outcome::Ok(id)
    }

    async fn send(&self, _: usize, _: &User, message: &Message) -> Outcome<Seen> {
        self.across(|| self.fold(message)).await
    }

    async fn page(
        &self,
        node: usize,
        _: &User,
        conversation: Uuid,
        before: Option<i64>,
    ) -> Outcome<Vec<Seen>> {
        let stale = self.stale(node);
        let read = || {
            let state = self.state.lock();
            let rows = &state.conversations[&conversation].rows;
            let mut page: Vec<Seen> = rows
                .iter()
                .rev()
                .filter(|row| before.is_none_or(|before| row.seq < before))
                .skip(usize::from(stale))
                .take(20)
                .cloned()
                .collect();
            page.reverse();
            Outcome::Ok(page)
        };
        self.across(read).await
    }

    async fn get(&self, node: usize, _: &User, message: Uuid) -> Outcome<Seen> {
        let stale = self.stale(node);
        let read = || {
            let state = self.state.lock();
            let mut rows = state.conversations.values().flat_map(|c| &c.rows);
            let found = rows.find(|row| row.id == message && !stale);
            match found {
                Some(row) => Outcome::Ok(row.clone()),
                None => Outcome::Fail("not_found".to_owned()),
            }
        };
        self.across(read).await
    }

    async fn group(&self, _: usize, _: &User, _: &[Uuid]) -> Outcome<Uuid> {
        none()
    }

    async fn act(&self, _: usize, _: &User, _: &Deed) -> Outcome<Option<Seen>> {
        none()
    }

    async fn unread(&self, _: usize, _: &User, _: Uuid, _: Counted) -> Outcome<i64> {
        none()
    }

    async fn members(&self, _: usize, _: &User, _: Uuid) -> Outcome<BTreeMap<Uuid, String>> {
        none()
    }

    async fn probe(&self, _: usize, _: &User, _: Place, _: &[Arc<str>]) -> Outcome<bool> {
        none()
    }

    async fn connect(
        &self,
        _: usize,
        user: &User,
        _: Option<&Cursors>,
    ) -> anyhow::Result<(Line, Arriving)> {
        let (events, receiver) = mpsc::channel(10_000);
        let mut state = self.state.lock();
        state.sockets.push(Socket { user: user.id, events });
        Ok((Line { model: self.clone(), epoch: state.epoch }, Arriving(receiver)))
    }
}

/// The sending half of a socket.
#[derive(Clone)]
pub(crate) struct Line {
    model: Model,
    epoch: u64,
}

impl Sender for Line {
    fn send(&self, message: &Message) -> BoxFuture<'static, Outcome<Seen>> {
        let cut = || Outcome::Unknown("cut".to_owned());
        if self.model.state.lock().epoch != self.epoch {
            return Box::pin(std::future::ready(cut()));
        }
        let overtaken =
            self.model.has(Bug::ReorderSends) && self.model.state.lock().every(20, "reorder");
        let folded = if overtaken { None } else { Some(self.model.fold(message)) };
        let (line, message) = (self.clone(), message.clone());
        Box::pin(async move {
            sleep(jitter()).await;
            let outcome = folded.unwrap_or_else(|| line.model.fold(&message));
            if line.model.state.lock().epoch == line.epoch { outcome } else { cut() }
        })
    }

    fn act(&self, _: &Deed) -> Option<BoxFuture<'static, Outcome<Option<Seen>>>> {
        None
    }
}

/// The receiving half of a socket.
pub(crate) struct Arriving(mpsc::Receiver<Heard>);

impl Events for Arriving {
    async fn next(&mut self) -> Option<Heard> {
        self.0.recv().await
    }
}

/// Crashes the model.
pub(crate) struct Crash(pub(crate) Arc<Model>);

impl Nemesis for Crash {
    fn kind(&self) -> &'static str {
        "crash"
    }

    async fn strike(&mut self) -> anyhow::Result<()> {
        self.0.crash();
        Ok(())
    }

    async fn heal(&mut self) -> anyhow::Result<()> {
        Ok(())
    }
}
