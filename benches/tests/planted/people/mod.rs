//! Conversations as people use them, in a few hundred lines: members who come and go, edits, deletions,
//! reactions, markers, journals to resume from; correct unless a bug is planted. A crash cuts every
//! socket and loses the answers under way.

mod fold;
mod target;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use bench::checker::Guarantee;
use bench::history::{Cursors, Form, Outcome, Seen, Tells, body_of};
use bench::target::{Event, Heard, Nemesis};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::sleep;
use uuid::Uuid;

/// Defects that can be planted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// Now and then a resume leaves out the last change that was missed.
    LosesBoundary,
    /// Now and then a resume begins with the change that the client has.
    RepeatsBoundary,
    /// Now and then a resume is told as done with a conversation left out.
    ForgetsConversation,
    /// Now and then a resume leaves out an entry of the feed.
    LosesEntry,
    /// What is told again is not the same bytes.
    OtherBytes,
    /// Sockets of a removed member get one more event now and then.
    RemovedHears,
    /// A removed member may read.
    RemovedReads,
    /// A removed member is told that there is something.
    RemovedIsTold,
    /// Now and then a removed member's message is taken.
    RemovedWrites,
    /// Now and then one more is unread.
    UnreadOffByOne,
    /// A marker goes back.
    MarkerGoesBack,
    /// The journal keeps the text of what was deleted.
    TextInJournal,
    /// The history of edits does.
    TextInEdits,
    /// An answer goes on quoting it.
    TextInQuote,
    /// Now and then an acknowledged edit is not made.
    LosesEdit,
    /// Now and then an acknowledged removal is not made.
    LosesRemoval,
    /// A repeated request has an effect again.
    OnceTwice,
    /// Now and then what is done is answered as refused.
    RefusesButDoes,
    /// Now and then somebody reacts whom nobody asked.
    Ghost,
}

impl Bug {
    pub(crate) const ALL: [Self; 19] = [
        Self::LosesBoundary,
        Self::RepeatsBoundary,
        Self::ForgetsConversation,
        Self::LosesEntry,
        Self::OtherBytes,
        Self::RemovedHears,
        Self::RemovedReads,
        Self::RemovedIsTold,
        Self::RemovedWrites,
        Self::UnreadOffByOne,
        Self::MarkerGoesBack,
        Self::TextInJournal,
        Self::TextInEdits,
        Self::TextInQuote,
        Self::LosesEdit,
        Self::LosesRemoval,
        Self::OnceTwice,
        Self::RefusesButDoes,
        Self::Ghost,
    ];

    /// The guarantee that must be found broken, whatever else is.
    pub(crate) fn breaks(self) -> Guarantee {
        match self {
            Self::LosesBoundary
            | Self::RepeatsBoundary
            | Self::ForgetsConversation
            | Self::LosesEntry => Guarantee::GapFreeResume,
            Self::OtherBytes => Guarantee::OneOrder,
            Self::RemovedHears | Self::RemovedReads | Self::RemovedIsTold | Self::RemovedWrites => {
                Guarantee::RemovalIsAWall
            }
            Self::UnreadOffByOne | Self::MarkerGoesBack => Guarantee::ExactUnread,
            Self::TextInJournal | Self::TextInEdits | Self::TextInQuote => Guarantee::DeletedIsGone,
            Self::LosesEdit | Self::LosesRemoval => Guarantee::DurableAck,
            Self::OnceTwice => Guarantee::OneEffect,
            Self::RefusesButDoes | Self::Ghost => Guarantee::HonestRefusal,
        }
    }
}

type Texts = Vec<Arc<str>>;

/// A message, its text, and what else there is of it.
struct Said {
    seen: Seen,
    text: Arc<str>,
    former: Texts,
    pinned: bool,
    answers: Option<Uuid>,
}

#[derive(Default)]
struct Conversation {
    members: BTreeMap<Uuid, String>,
    joined: HashMap<Uuid, i64>,
    left: HashSet<Uuid>,
    marks: HashMap<Uuid, i64>,
    said: Vec<Said>,
    reactions: HashSet<(Uuid, Uuid, Arc<str>)>,
    /// By rev - 1, each with the text in it.
    journal: Vec<(Event, Arc<str>)>,
}

struct Socket {
    user: Uuid,
    heard: mpsc::Sender<Heard>,
}

#[derive(Default)]
struct State {
    conversations: HashMap<Uuid, Conversation>,
    sent: HashMap<(Uuid, Uuid, Arc<str>), Uuid>,
    once: HashMap<(Uuid, Arc<str>), Option<Seen>>,
    feeds: HashMap<Uuid, Vec<Event>>,
    sockets: Vec<Socket>,
    epoch: u64,
    ticks: u64,
}

#[derive(Clone)]
pub(crate) struct People {
    bug: Option<Bug>,
    state: Arc<Mutex<State>>,
}

fn fail<T>(code: &str) -> Outcome<T> {
    Outcome::Fail(code.to_owned())
}

fn event(conversation: Uuid, kind: &str, rev: i64, message: Option<Seen>) -> Event {
    let gone = message.as_ref().is_some_and(|seen| seen.form == Form::Deleted);
    let bytes = body_of(&format!("{conversation} {rev} {kind} {gone}"));
    let tells = Tells { bytes, ..Tells::default() };
    Event { conversation, kind: kind.into(), rev, message, tells }
}

impl Conversation {
    fn place(&mut self, message: Uuid) -> Option<&mut Said> {
        self.said.iter_mut().find(|said| said.seen.id == message)
    }

    fn next(&self) -> i64 {
        i64::try_from(self.journal.len()).expect("a short run") + 1
    }

    fn top(&self) -> i64 {
        i64::try_from(self.said.len()).expect("a short run")
    }

    fn marker(&self, user: Uuid) -> i64 {
        let own = self.said.iter().rev().find(|said| said.seen.sender == user);
        let own = own.map_or(0, |said| said.seen.seq);
        let mark = self.marks.get(&user).copied().unwrap_or(0);
        own.max(mark).max(self.joined.get(&user).copied().unwrap_or(0))
    }
}

impl State {
    /// Gives a change its place and tells it: to those who are removed by it too.
    fn change(&mut self, id: Uuid, event: &Event, text: &str, also: Option<Uuid>) {
        let Some(conversation) = self.conversations.get_mut(&id) else { return };
        conversation.journal.push((event.clone(), text.into()));
        for socket in &self.sockets {
            if conversation.members.contains_key(&socket.user) || also == Some(socket.user) {
                drop(socket.heard.try_send(Heard::Event(event.clone())));
            }
        }
    }

    fn entry(&mut self, user: Uuid, kind: &str) {
        let feed = self.feeds.entry(user).or_default();
        let number = i64::try_from(feed.len()).expect("a short run") + 1;
        let entry = event(user, kind, number, None);
        feed.push(entry.clone());
        for socket in self.sockets.iter().filter(|socket| socket.user == user) {
            drop(socket.heard.try_send(Heard::Event(entry.clone())));
        }
    }
}

impl People {
    pub(crate) fn new(bug: Option<Bug>) -> Self {
        Self { bug, state: Arc::default() }
    }

    /// Whether a bug strikes: every `n`th time.
    fn strikes(&self, state: &mut State, bug: Bug, n: u64) -> bool {
        if self.bug != Some(bug) {
            return false;
        }
        state.ticks += 1;
        state.ticks.is_multiple_of(n)
    }

    fn begin(&self, members: &[Uuid], id: Uuid) {
        let mut state = self.state.lock();
        let conversation = state.conversations.entry(id).or_default();
        if !conversation.journal.is_empty() {
            return;
        }
        for (place, user) in members.iter().enumerate() {
            let role = if place == 0 { "owner" } else { "member" };
            conversation.members.insert(*user, role.to_owned());
        }
        let mut begins = event(id, "member.added", 1, None);
        begins.tells.members = members.to_vec();
        state.change(id, &begins, "", None);
        for user in members {
            state.entry(*user, "conversation.added");
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

    /// What a member reads; what there is for a stranger.
    fn read<O>(
        &self,
        user: Uuid,
        conversation: Uuid,
        read: impl FnOnce(&mut Conversation) -> O,
    ) -> Outcome<O> {
        let mut state = self.state.lock();
        let reads = self.bug == Some(Bug::RemovedReads);
        let told = self.bug == Some(Bug::RemovedIsTold);
        match state.conversations.get_mut(&conversation) {
            Some(found) if found.members.contains_key(&user) => Outcome::Ok(read(found)),
            Some(found) if reads && found.left.contains(&user) => Outcome::Ok(read(found)),
            Some(found) if told && found.left.contains(&user) => fail("forbidden"),
            _ => fail("not_found"),
        }
    }

    /// What a socket that comes back is told.
    fn missed(&self, state: &mut State, user: Uuid, cursors: &Cursors) -> Vec<Heard> {
        let mut heard = Vec::new();
        let mut reached = Cursors::default();
        let from = |cursor: i64| usize::try_from(cursor).unwrap_or(0);
        let resumed = |event: &Event| {
            let other = u64::from(self.bug == Some(Bug::OtherBytes));
            let bytes = event.tells.bytes + other;
            let tells = Tells { resumed: true, bytes, ..event.tells.clone() };
            Heard::Event(Event { tells, ..event.clone() })
        };
        if let Some(cursor) = cursors.feed {
            let feed = state.feeds.get(&user).cloned().unwrap_or_default();
            let mut missed = feed.get(from(cursor)..).unwrap_or_default().to_vec();
            if missed.len() > 1 && self.strikes(state, Bug::LosesEntry, 3) {
                missed.remove(0);
            }
            heard.extend(missed.iter().map(resumed));
            reached.feed = Some(i64::try_from(feed.len()).expect("a short run"));
        }
        for (id, cursor) in &cursors.conversations {
            let back = i64::from(*cursor > 0 && self.strikes(state, Bug::RepeatsBoundary, 20));
            let forgets = self.strikes(state, Bug::ForgetsConversation, 20);
            let loses = self.strikes(state, Bug::LosesBoundary, 5);
            let found = state.conversations.get(id);
            let Some(found) = found.filter(|found| found.members.contains_key(&user)) else {
                heard.push(Heard::Reset(*id, i64::MAX));
                continue;
            };
            let missed = found.journal.get(from(cursor - back)..).unwrap_or_default();
            let count =
                if forgets { 0 } else { missed.len() - usize::from(loses && !missed.is_empty()) };
            heard.extend(missed.iter().take(count).map(|(event, _)| resumed(event)));
            reached.conversations.insert(*id, found.next() - 1);
        }
        heard.push(Heard::Done(reached));
        heard
    }
}

fn jitter() -> Duration {
    Duration::from_micros(rand::random_range(50..1_500))
}

/// Cuts every socket and loses the answers under way.
pub(crate) struct Crash(pub(crate) Arc<People>);

impl Nemesis for Crash {
    fn kind(&self) -> &'static str {
        "crash"
    }

    async fn strike(&mut self) -> anyhow::Result<()> {
        let mut state = self.0.state.lock();
        state.epoch += 1;
        state.sockets.clear();
        Ok(())
    }

    async fn heal(&mut self) -> anyhow::Result<()> {
        Ok(())
    }
}
