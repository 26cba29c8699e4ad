//! A client catches up (G-12): each missed change once and in order, then what is live, or `recovered`
//! false and the state of now.
//!
//! One sync at a time runs on a socket. Its task asks for one step after another, each when the frame of
//! the one before is with the kernel, so that nothing is buffered for a client that does not read.
//!
//! Per conversation: the gates are closed before anything is read (`session::gates`). *Head, then
//! membership, then changes up to the head.* The head is written last, so whoever is a member when his
//! membership is read after the head was removed by no change up to it: no removed user reads what came
//! after (G-15). Memberships are read again beside every chunk. When the part is out, what waited above
//! it leaves; if something is missing in between, it is read first.
//!
//! The feed comes before the conversations: its entries name those that the client does not know yet.
//! Live entries, and live events of what is not his, wait for the end: whoever was found to be no member,
//! and is added again meanwhile, hears it in this order.

mod read;

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use platform::inbound::{Identity, Inbound};
use platform::port::store;
use schemas::conversation::head::Head;
use schemas::conversation::view::Conversation;
use schemas::receipt::Kind;
use schemas::user::change::{Change as UserChange, Effect};
use schemas::{ApiError, Code, ConversationId, Rev, Seq, UserId, limits};
use serde_json::value::RawValue;
use tokio::sync::oneshot;

use crate::hub::Hub;
use crate::protocol::sync::{self as frames, Cursors};
use crate::session::{Part, Session, Turn};
use crate::transport::Payload;

/// More came than may wait: the client syncs again.
pub(crate) const OVERTAKEN: &str = "overtaken";
/// Conversations whose heads are read at once.
const BATCH: usize = 64;
/// Conversations whose receipts are read at once.
const RECEIPTS: usize = 8;
/// Changes read at least for one frame.
const ROWS_MIN: usize = 4;

/// A sync under way.
pub(crate) struct Sync {
    /// The request's id.
    id: String,
    hub: Arc<Hub>,
    inbound: Arc<dyn Inbound>,
    session: Arc<Session>,
    turn: Turn,
    /// The feed's cursor, until its part is planned.
    feed: Option<Rev>,
    /// Conversations to come.
    work: BTreeMap<ConversationId, Rev>,
    /// Conversations whose membership has ended in the missed part of the feed.
    ended: HashSet<ConversationId>,
    /// Conversations that are not his.
    others: HashSet<ConversationId>,
    acts: VecDeque<Act>,
    /// Where the client stands when all that was read is out.
    reached: Cursors,
    /// Messages that it has: a cursor counts as a receipt.
    delivered: Vec<(ConversationId, Seq)>,
}

/// What is to be done next.
enum Act {
    Send(Payload),
    Changes(Span),
    Entries {
        after: Rev,
        upto: Rev,
        rows: usize,
    },
    /// The part is out.
    Settle {
        conversation: ConversationId,
        upto: Rev,
        late: bool,
    },
    /// The feed's part is out.
    Narrow,
    Receipts(Vec<(ConversationId, Vec<UserId>)>),
}

/// Changes of a conversation that are missing.
struct Span {
    conversation: ConversationId,
    after: Rev,
    upto: Rev,
    late: bool,
    /// Messages there are; none: it is known already how many of them the client has.
    seq: Option<Seq>,
    /// How many rows to read at once.
    rows: usize,
}

/// What a step has brought.
pub(crate) enum Step {
    /// A frame; more are to come.
    Frame(Box<Sync>, Payload),
    /// The last frame, and how it ended (`telemetry::label::SYNCED`).
    Last(Payload, &'static str, Turn),
}

/// Why a sync ends early.
enum Broken {
    /// More came than may wait: a `resync` is on its way.
    Overtaken,
    /// The store.
    Store(store::Error),
}

impl From<store::Error> for Broken {
    fn from(error: store::Error) -> Self {
        Self::Store(error)
    }
}

impl From<schemas::table::Decode> for Broken {
    fn from(error: schemas::table::Decode) -> Self {
        Self::Store(error.into())
    }
}

impl Broken {
    fn error(self) -> ApiError {
        match self {
            Self::Overtaken => {
                ApiError::new(Code::Overloaded, "more came than waits for a sync: sync again")
                    .retry_after(1)
            }
            Self::Store(error) if error.retryable() => {
                tracing::warn!(%error, "a sync was given up");
                again()
            }
            Self::Store(error) => {
                tracing::error!(%error, "a sync has failed");
                ApiError::new(Code::Internal, "internal")
            }
        }
    }
}

impl Sync {
    /// A sync on a socket whose gates were just closed for these cursors.
    pub(crate) fn new(
        id: String,
        hub: Arc<Hub>,
        inbound: Arc<dyn Inbound>,
        session: Arc<Session>,
        cursors: Cursors,
    ) -> Box<Self> {
        Box::new(Self {
            id,
            hub,
            inbound,
            turn: session.turn(),
            session,
            feed: cursors.feed,
            work: cursors.conversations,
            ended: HashSet::new(),
            others: HashSet::new(),
            acts: VecDeque::new(),
            reached: Cursors::default(),
            delivered: Vec::new(),
        })
    }

    /// The request's id.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Begins the next step, beside the socket's own task: that one may stand in a write to a client
    /// that does not read, and must not keep a read of the store, which others wait for, meanwhile.
    pub(crate) fn begin(self: Box<Self>) -> BoxFuture<'static, Step> {
        let (done, step) = oneshot::channel();
        let (hub, id, turn) = (self.hub.clone(), self.id.clone(), self.turn);
        // Who is gone needs no answer.
        hub.aside(async move { drop(done.send(self.step().await)) });
        async move {
            // It broke off, or the node shuts down and closes the socket.
            step.await.unwrap_or_else(|_| Step::Last(frames::failed(&id, &again()), "failed", turn))
        }
        .boxed()
    }

    /// The next frame. Everything it needs is read now; nothing is read ahead.
    async fn step(mut self: Box<Self>) -> Step {
        match self.advance().await {
            Ok(Some(frame)) => Step::Frame(self, frame),
            Ok(None) => {
                self.session.finish_sync(self.turn);
                Step::Last(frames::done(&self.id, &self.reached), "done", self.turn)
            }
            Err(broken @ Broken::Overtaken) => self.give_up(broken, OVERTAKEN),
            Err(broken @ Broken::Store(_)) => self.give_up(broken, "failed"),
        }
    }

    /// It was overtaken, and its client asks for another one.
    pub(crate) fn overtaken(id: &str) -> Payload {
        frames::failed(id, &Broken::Overtaken.error())
    }

    /// What waits may lie behind a hole: it leaves when the client has been told so.
    fn give_up(&self, broken: Broken, outcome: &'static str) -> Step {
        Step::Last(frames::failed(&self.id, &broken.error()), outcome, self.turn)
    }

    async fn advance(&mut self) -> Result<Option<Payload>, Broken> {
        loop {
            if self.session.syncing() != Some(self.turn) {
                return Err(Broken::Overtaken);
            }
            if let Some(act) = self.acts.pop_front() {
                if let Some(frame) = self.act(act).await? {
                    return Ok(Some(frame));
                }
            } else if let Some(cursor) = self.feed.take() {
                self.plan_feed(cursor).await?;
            } else if !self.work.is_empty() {
                self.plan().await?;
            } else if let Some(upto) = self.reached.feed
                && self.session.settle(self.turn, Part::Feed, upto, true).is_err()
            {
                // Entries lie behind a hole.
                self.feed = Some(upto);
            } else {
                self.tell_delivered();
                return Ok(None);
            }
        }
    }

    async fn act(&mut self, act: Act) -> Result<Option<Payload>, Broken> {
        match act {
            Act::Send(frame) => return Ok(Some(frame)),
            Act::Changes(span) => return self.changes(span).await,
            Act::Entries { after, upto, rows } => return self.entries(after, upto, rows).await,
            Act::Settle { conversation, upto, late } => {
                let part = Part::Conversation(conversation);
                if self.session.settle(self.turn, part, upto, late).is_err() {
                    // Events lie behind a hole: what is in it is read like the rest.
                    self.work.insert(conversation, upto);
                }
            }
            Act::Narrow => {
                let closed = self.work.keys().chain(&self.others);
                self.session.narrow(self.turn, closed.copied());
            }
            Act::Receipts(conversations) => self.receipts(conversations).await?,
        }
        Ok(None)
    }

    /// What is to be done about the next conversations.
    async fn plan(&mut self) -> Result<(), Broken> {
        let mut batch = Vec::with_capacity(BATCH.min(self.work.len()));
        while batch.len() < BATCH
            && let Some(next) = self.work.pop_first()
        {
            batch.push(next);
        }
        let ids: Vec<_> = batch.iter().map(|(conversation, _)| *conversation).collect();
        let found = read::heads_of(&self.hub, self.session.who.user, &ids).await?;
        let mut receipts = Vec::new();
        for ((conversation, cursor), head) in batch.into_iter().zip(found) {
            match head {
                Some(head) => {
                    if !head.members.is_empty() {
                        receipts.push((conversation, head.members.0.clone()));
                    }
                    self.plan_one(conversation, cursor, &head);
                }
                None => self.not_his(conversation),
            }
        }
        if !receipts.is_empty() {
            self.acts.push_back(Act::Receipts(receipts));
        }
        Ok(())
    }

    fn plan_one(&mut self, conversation: ConversationId, cursor: Rev, head: &Head) {
        let late = self.hub.learn(conversation, head);
        let upto = head.rev;
        if cursor > upto || upto - cursor > limits::SYNC_CHANGES {
            self.reset(conversation, head);
        } else if cursor < upto {
            let seq = Some(head.seq);
            let rows = limits::SYNC_FRAME_CHANGES;
            let span = Span { conversation, after: cursor, upto, late, seq, rows };
            self.acts.push_back(Act::Changes(span));
            return;
        } else if !head.members.is_empty() {
            // In a larger one it was told when it came.
            self.delivered.push((conversation, head.seq));
        }
        self.reached.conversations.insert(conversation, upto);
        self.acts.push_back(Act::Settle { conversation, upto, late });
    }

    fn reset(&mut self, conversation: ConversationId, head: &Head) {
        let state = frames::State {
            conversation_id: conversation,
            recovered: false,
            rev: head.rev,
            seq: head.seq,
            conversation: Conversation::of(conversation, head, Vec::new()),
        };
        self.acts.push_back(Act::Send(frames::reset(&self.id, &state)));
    }

    fn not_his(&mut self, conversation: ConversationId) {
        self.reached.conversations.remove(&conversation);
        self.acts.push_back(Act::Send(frames::removed(&self.id, conversation)));
        self.others.insert(conversation);
    }

    /// The next frame of a span.
    async fn changes(&mut self, span: Span) -> Result<Option<Payload>, Broken> {
        let Span { conversation, after, upto, late, seq, rows } = span;
        let want = read::Want { after, upto, rows };
        let user = self.session.who.user;
        let Some(found) = read::changes(&self.hub, user, conversation, want).await? else {
            // Removed since the head was read.
            self.front(|sync| sync.not_his(conversation));
            return Ok(None);
        };
        let Some((chunk, reached, rows)) = read::chunk(found, want) else {
            // It is not kept that long.
            return self.reset_anew(conversation).await;
        };
        let seq = match seq.map(|_| chunk.iter().find_map(|frame| frames::created(frame))) {
            Some(Some(first)) => {
                self.delivered.push((conversation, first - 1));
                None
            }
            _ => seq,
        };
        if reached < upto {
            let rest = Span { conversation, after: reached, upto, late, seq, rows };
            self.acts.push_front(Act::Changes(rest));
        } else {
            self.delivered.extend(seq.map(|seq| (conversation, seq)));
            self.acts.push_front(Act::Settle { conversation, upto, late });
        }
        self.reached.conversations.insert(conversation, reached);
        Ok(Some(frames::changes(&self.id, conversation, &chunk)))
    }

    /// Changes are not there: the state of now instead.
    async fn reset_anew(
        &mut self,
        conversation: ConversationId,
    ) -> Result<Option<Payload>, Broken> {
        let user = self.session.who.user;
        let head = read::heads_of(&self.hub, user, &[conversation]).await?.pop().flatten();
        self.front(|sync| {
            let Some(head) = head else { return sync.not_his(conversation) };
            let late = sync.hub.learn(conversation, &head);
            sync.reset(conversation, &head);
            sync.reached.conversations.insert(conversation, head.rev);
            sync.acts.push_back(Act::Settle { conversation, upto: head.rev, late });
        });
        Ok(None)
    }

    /// Puts what `plan` adds before everything else.
    fn front(&mut self, plan: impl FnOnce(&mut Self)) {
        let mut rest = std::mem::take(&mut self.acts);
        plan(self);
        self.acts.append(&mut rest);
    }

    async fn plan_feed(&mut self, cursor: Rev) -> Result<(), Broken> {
        let upto = read::feed(&self.hub, self.session.who.user).await?;
        if cursor > upto || upto - cursor > limits::SYNC_CHANGES {
            self.acts.push_back(Act::Send(frames::reset_feed(&self.id, upto)));
        } else if cursor < upto {
            let rows = limits::SYNC_FRAME_CHANGES;
            self.acts.push_back(Act::Entries { after: cursor, upto, rows });
            return Ok(());
        }
        self.reached.feed = Some(upto);
        self.acts.push_back(Act::Narrow);
        Ok(())
    }

    /// The next frame of the feed.
    async fn entries(
        &mut self,
        after: Rev,
        upto: Rev,
        rows: usize,
    ) -> Result<Option<Payload>, Broken> {
        let want = read::Want { after, upto, rows };
        let found = read::entries(&self.hub, self.session.who.user, want).await?;
        let frames_of = found.iter().map(|row| (row.rev, row.event.clone())).collect();
        let Some((chunk, reached, rows)) = read::chunk(frames_of, want) else {
            self.reached.feed = Some(upto);
            self.acts.push_front(Act::Narrow);
            return Ok(Some(frames::reset_feed(&self.id, upto)));
        };
        for row in found.into_iter().filter(|row| row.rev <= reached) {
            match UserChange::read(row).map(|change| change.effect) {
                Ok(effect) => self.entry(&effect),
                Err(error) => tracing::warn!(%error, "an entry of the feed could not be read"),
            }
        }
        self.acts.push_front(if reached < upto {
            Act::Entries { after: reached, upto, rows }
        } else {
            Act::Narrow
        });
        self.reached.feed = Some(reached);
        Ok(Some(frames::entries(&self.id, reached, &chunk)))
    }

    /// What a missed entry says about the conversations to catch up with.
    fn entry(&mut self, effect: &Effect) {
        match effect {
            Effect::ConversationAdded { conversation, rev } => {
                // A client that has been removed has forgotten what it had.
                if self.ended.remove(conversation) {
                    self.work.insert(*conversation, *rev);
                } else {
                    self.work.entry(*conversation).or_insert(*rev);
                }
            }
            Effect::ConversationRemoved { conversation, .. } => {
                self.work.remove(conversation);
                self.ended.insert(*conversation);
            }
            _ => {}
        }
    }

    async fn receipts(
        &mut self,
        mut conversations: Vec<(ConversationId, Vec<UserId>)>,
    ) -> Result<(), Broken> {
        let rest = conversations.split_off(conversations.len().min(RECEIPTS));
        let me = self.session.who.user;
        let found = read::receipts(&self.hub, me, conversations).await?;
        // What was told before is not told again: most of it, when many come back at once.
        let told = found.iter().filter(|one| one.user_id == me && one.kind == Kind::Delivered);
        let told: HashMap<_, _> = told.map(|one| (one.conversation_id, one.seq)).collect();
        self.delivered.retain(|(id, seq)| told.get(id).is_none_or(|told| told < seq));
        self.front(|sync| {
            let frames = frames::receipts(&sync.id, &found);
            sync.acts.extend(frames.into_iter().map(Act::Send));
            if !rest.is_empty() {
                sync.acts.push_back(Act::Receipts(rest));
            }
        });
        Ok(())
    }

    /// A cursor counts as a receipt of every message up to it. Nobody waits for what becomes of it.
    fn tell_delivered(&mut self) {
        let mut marks = std::mem::take(&mut self.delivered);
        marks.retain(|(_, seq)| *seq > 0);
        if !marks.is_empty() {
            self.hub.aside(tell(self.inbound.clone(), self.session.who.clone(), marks));
        }
    }
}

fn again() -> ApiError {
    ApiError::new(Code::Overloaded, "sync again").retry_after(1_000)
}

async fn tell(inbound: Arc<dyn Inbound>, who: Identity, marks: Vec<(ConversationId, Seq)>) {
    for marks in marks.chunks(limits::DELIVERED_CONVERSATIONS) {
        let data = match RawValue::from_string(frames::delivered(marks)) {
            Ok(data) => data,
            Err(error) => return tracing::error!(%error, "receipts of a sync are not JSON"),
        };
        let told = async { inbound.accept(&who, "delivered", Some(&data)).await?.await };
        if let Err(error) = told.await {
            // The next receipt of this client says as much.
            tracing::debug!(%error, "receipts of a sync were not taken");
        }
    }
}

/// Frames as they were pushed.
type Chunk = Vec<Bytes>;

#[cfg(test)]
mod tests;
