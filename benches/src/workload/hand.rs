//! What every process of a run does its writes and reads with: each attempt goes into the history, with
//! the ending that its client knows of.

use std::sync::Arc;
use std::time::Duration;

use rand::Rng as _;
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::hub::Hub;
use super::pace::Pace;
use super::plan::Fate;
use super::setup::retryable;
use crate::history::{
    Act, Attempt, Counted, Gotten, Loss, Op, Outcome, Probe, Probing, Process, Seen, Unread, Via,
    Why,
};
use crate::target::{Deed, Message, Place, Sender as _, Target, User};

/// How long a client goes on retrying.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);
/// Wait before a second try; it doubles with each, up to the plan's longest.
pub(super) const AGAIN: Duration = Duration::from_millis(10);

/// By which way an attempt goes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    pub(super) rest: bool,
    pub(super) node: usize,
    pub(super) socket: usize,
}

impl Way {
    /// A request of its own to a node.
    pub(super) fn rest(node: usize) -> Self {
        Self { rest: true, node, socket: 0 }
    }

    /// Where a second try goes.
    pub(super) fn next(self) -> Self {
        Self { node: self.node + 1, socket: self.socket + 1, ..self }
    }
}

/// How an attempt ended, and on which node.
pub(super) struct Answer<R> {
    pub(super) node: usize,
    pub(super) outcome: Outcome<R>,
}

/// See the module.
pub(super) struct Hand<T: Target> {
    pub(super) hub: Arc<Hub<T>>,
    pub(super) process: Process,
}

pub(super) fn abandoned<R>() -> Outcome<R> {
    Outcome::Unknown("abandoned".to_owned())
}

fn loss(fate: Fate) -> Option<Loss> {
    match fate {
        Fate::Kept => None,
        Fate::Dropped => Some(Loss::Dropped),
        Fate::Abandoned(_) => Some(Loss::Abandoned),
    }
}

impl<T: Target> Hand<T> {
    /// Sends once.
    pub(super) async fn send(
        &self,
        user: usize,
        m: &Message,
        way: Way,
        fate: Fate,
    ) -> Answer<Seen> {
        let Some(who) = self.hub.users.get(user) else {
            return Answer { node: way.node, outcome: abandoned() };
        };
        let place = way.socket % self.hub.plan.sockets.max(1);
        let socket = if way.rest { None } else { self.hub.socket(user, place) };
        let (via, node) = match &socket {
            Some(open) => (Via::Socket(open.id), open.node),
            None => (Via::Rest, self.hub.node(way.node)),
        };
        let loss = loss(fate);
        let attempt = Attempt { request: m.request.clone(), via, outcome: abandoned(), loss };
        let pending = self.hub.recorder.begin(self.process, node, Op::Send(attempt));
        let sent = async {
            match &socket {
                Some(open) => open.sender.send(m).await,
                None => self.hub.target.send(node, who, m).await,
            }
        };
        let outcome = match fate {
            Fate::Abandoned(patience) => timeout(patience, sent).await.ok(),
            Fate::Kept | Fate::Dropped => Some(sent.await),
        };
        if let Some(outcome) = &outcome {
            pending.sent(outcome);
        }
        Answer { node, outcome: outcome.unwrap_or_else(abandoned) }
    }

    /// Sends until there is an outcome, on one node after the other.
    pub(super) async fn send_through(&self, user: usize, m: &Message, way: Way) -> Outcome<Seen> {
        let (until, mut way, mut wait) = (Instant::now() + PATIENCE, way, AGAIN);
        loop {
            let answer = self.send(user, m, way, Fate::Kept).await;
            if settled(&answer.outcome) || Instant::now() > until {
                return answer.outcome;
            }
            self.pause(&mut wait).await;
            way = Way { node: answer.node, ..way }.next();
        }
    }

    /// Does something else once. A request over a socket has no name: it is one of its own.
    pub(super) async fn act(
        &self,
        user: usize,
        deed: &Deed,
        way: Way,
        fate: Fate,
    ) -> Answer<Option<Seen>> {
        let Some(who) = self.hub.users.get(user) else {
            return Answer { node: way.node, outcome: abandoned() };
        };
        let place = way.socket % self.hub.plan.sockets.max(1);
        let socket = if way.rest { None } else { self.hub.socket(user, place) };
        let asked = socket.and_then(|open| Some((open.sender.act(deed)?, open.id, open.node)));
        let (via, node) = match &asked {
            Some((_, id, node)) => (Via::Socket(*id), *node),
            None => (Via::Rest, self.hub.node(way.node)),
        };
        let key = match via {
            Via::Rest => deed.key.clone(),
            Via::Socket(_) => format!("{}/{}", deed.key, self.hub.recorder.now()).into(),
        };
        let act = Act {
            conversation: deed.conversation,
            by: who.id,
            key,
            what: deed.what.clone(),
            via,
            outcome: abandoned(),
            loss: loss(fate),
        };
        let pending = self.hub.recorder.begin(self.process, node, Op::Act(act));
        let done = async {
            match asked {
                Some((answer, ..)) => answer.await,
                None => self.hub.target.act(node, who, deed).await,
            }
        };
        let outcome = match fate {
            Fate::Abandoned(patience) => timeout(patience, done).await.ok(),
            Fate::Kept | Fate::Dropped => Some(done.await),
        };
        if let Some(outcome) = &outcome {
            pending.done(|op| {
                if let Op::Act(act) = op {
                    act.outcome = outcome.clone();
                }
            });
        }
        Answer { node, outcome: outcome.unwrap_or_else(abandoned) }
    }

    /// Does it until there is an outcome, on one node after the other; an ack that is lost on purpose is
    /// asked for again.
    pub(super) async fn act_through(
        &self,
        user: usize,
        deed: &Deed,
        way: Way,
        fate: Fate,
    ) -> Outcome<Option<Seen>> {
        let (until, mut way, mut wait, mut fate) = (Instant::now() + PATIENCE, way, AGAIN, fate);
        loop {
            let answer = self.act(user, deed, way, fate).await;
            let lost = matches!(fate, Fate::Dropped);
            if settled(&answer.outcome) && !lost || Instant::now() > until {
                return answer.outcome;
            }
            if !lost {
                self.pause(&mut wait).await;
            }
            fate = Fate::Kept;
            way = Way { node: answer.node, ..way }.next();
        }
    }

    /// Many that wait for the same thing must not come back at once.
    pub(super) async fn pause(&self, wait: &mut Duration) {
        let jitter = match self.hub.plan.pace {
            Pace::Closed => 1.0,
            Pace::Open(_) => rand::rng().random_range(0.5..1.0),
        };
        sleep(wait.mul_f64(jitter)).await;
        *wait = self.hub.plan.again_max.min(*wait * 2);
    }

    /// Asks a node for a message that was acknowledged (G-13).
    pub(super) async fn read_back(
        &self,
        user: usize,
        node: usize,
        conversation: Uuid,
        acked: &Seen,
    ) {
        let Some(who) = self.hub.users.get(user) else { return };
        let node = self.hub.node(node);
        let get = Gotten {
            conversation,
            by: who.id,
            why: Why::AfterAck,
            expected: acked.clone(),
            outcome: abandoned(),
        };
        let pending = self.hub.recorder.begin(self.process, node, Op::Get(get));
        let outcome = self.hub.target.get(node, who, acked.id).await;
        pending.done(|op| {
            if let Op::Get(get) = op {
                get.outcome = outcome;
            }
        });
    }

    /// Asks how much is unread.
    pub(super) async fn unread(
        &self,
        who: &User,
        node: usize,
        conversation: Uuid,
        counted: Counted,
    ) -> Outcome<i64> {
        let node = self.hub.node(node);
        let unread = Unread { conversation, by: who.id, counted, outcome: abandoned() };
        let pending = self.hub.recorder.begin(self.process, node, Op::Unread(unread));
        let outcome = self.hub.target.unread(node, who, conversation, counted).await;
        pending.done(|op| {
            if let Op::Unread(unread) = op {
                unread.outcome = outcome.clone();
            }
        });
        outcome
    }

    /// Asks for what must not be there, by a path of its own.
    pub(super) async fn probe(
        &self,
        who: &User,
        node: usize,
        (probing, place): (Probing, Place),
        needles: &[Arc<str>],
    ) -> Outcome<bool> {
        let node = self.hub.node(node);
        let probe = Probe {
            conversation: place.conversation,
            by: who.id,
            probing,
            path: place.path.name().into(),
            outcome: abandoned(),
        };
        let pending = self.hub.recorder.begin(self.process, node, Op::Probe(probe));
        let outcome = self.hub.target.probe(node, who, place, needles).await;
        pending.done(|op| {
            if let Op::Probe(probe) = op {
                probe.outcome = outcome.clone();
            }
        });
        outcome
    }
}

/// Whether trying again would tell nothing new.
pub(super) fn settled<R>(outcome: &Outcome<R>) -> bool {
    match outcome {
        Outcome::Ok(_) => true,
        Outcome::Fail(code) => !retryable(code),
        Outcome::Unknown(_) => false,
    }
}
