//! The end of a run: sockets settle, then every conversation is read whole.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tokio::time::{Instant, sleep, timeout};
use uuid::Uuid;

use super::hand::{Hand, settled};
use super::hub::Hub;
use super::observer;
use crate::history::{
    CUT, Counted, Cursors, Members, Op, Outcome, Page, Process, Recorder, Resume, Seen,
};
use crate::target::{Events as _, Heard, Target, User};

/// How long sockets may take to be open again, and full reads to succeed.
const HEALED: Duration = Duration::from_secs(30);
/// Silence after which nothing more is expected on the sockets.
const QUIET: Duration = Duration::from_secs(2);
/// Longest wait for that silence.
const SETTLED: Duration = Duration::from_secs(20);
/// Conversations read at a time.
const AT_ONCE: usize = 8;

/// Waits until all sockets are open.
pub(super) async fn opened<T: Target>(hub: &Hub<T>) -> anyhow::Result<()> {
    let deadline = Instant::now() + HEALED;
    while !hub.all_open() {
        anyhow::ensure!(Instant::now() < deadline, "not all sockets are open after {HEALED:?}");
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

/// Waits until all sockets are open and nothing has come over them for a while.
pub(super) async fn settle<T: Target>(hub: &Hub<T>) -> anyhow::Result<()> {
    opened(hub).await?;
    quiet(&hub.recorder).await;
    Ok(())
}

async fn quiet(recorder: &Recorder) {
    let deadline = Instant::now() + SETTLED;
    let mut last = (recorder.len(), Instant::now());
    while last.1.elapsed() < QUIET && Instant::now() < deadline {
        sleep(Duration::from_millis(50)).await;
        let len = recorder.len();
        if len != last.0 {
            last = (len, Instant::now());
        }
    }
}

/// Reads every conversation whole, by each member on another node.
pub(super) async fn read_all<T: Target>(hub: &Hub<T>, process: Process) {
    let reads = hub.conversations.iter().enumerate().flat_map(|(number, conversation)| {
        let members = conversation.members.iter().enumerate();
        members.map(move |(turn, member)| (conversation.id, number + turn, *member))
    });
    stream::iter(reads)
        .for_each_concurrent(AT_ONCE, |(conversation, node, member)| async move {
            let Some(user) = hub.users.get(member) else { return };
            full(hub, process, hub.node(node), conversation, user).await;
        })
        .await;
}

async fn full<T: Target>(
    hub: &Hub<T>,
    process: Process,
    node: usize,
    conversation: Uuid,
    user: &User,
) {
    let read = Page {
        conversation,
        by: user.id,
        before: None,
        outcome: Outcome::Unknown("abandoned".to_owned()),
    };
    let pending = hub.recorder.begin(process, node, Op::Full(read));
    let deadline = Instant::now() + HEALED;
    let outcome = loop {
        match pages(&*hub.target, node, conversation, user).await {
            Outcome::Unknown(_) if Instant::now() < deadline => {
                sleep(Duration::from_millis(100)).await;
            }
            outcome => break outcome,
        }
    };
    pending.done(|op| {
        if let Op::Full(read) = op {
            read.outcome = outcome;
        }
    });
}

/// From the newest page back until one is empty: where it ends is for the checker to judge.
pub(crate) async fn pages<T: Target>(
    target: &T,
    node: usize,
    conversation: Uuid,
    user: &User,
) -> Outcome<Vec<Seen>> {
    let mut newest_first: Vec<Vec<Seen>> = Vec::new();
    let mut before = None;
    loop {
        let messages = match target.page(node, user, conversation, before).await {
            Outcome::Ok(messages) => messages,
            other => return other,
        };
        let Some(oldest) = messages.first().map(|seen| seen.seq) else { break };
        newest_first.push(messages);
        // A page that does not go back would never end.
        if before.is_some_and(|before| oldest >= before) || oldest <= 1 {
            break;
        }
        before = Some(oldest);
    }
    Outcome::Ok(newest_first.into_iter().rev().flatten().collect())
}

/// Reads every journal from its beginning, as each user: by a socket that has seen nothing.
pub(super) async fn resume_all<T: Target>(hub: &Arc<Hub<T>>, process: Process) {
    stream::iter(0..hub.users.len())
        .for_each_concurrent(AT_ONCE, |user| async move {
            let Some(who) = hub.users.get(user) else { return };
            for attempt in 0..3 {
                if resumed(hub, process, user, who, hub.node(user + attempt)).await {
                    return;
                }
            }
        })
        .await;
}

/// Whether it came to its end.
async fn resumed<T: Target>(
    hub: &Arc<Hub<T>>,
    process: Process,
    user: usize,
    who: &User,
    node: usize,
) -> bool {
    let cursors = observer::cursors(hub, user);
    let conversations = cursors.conversations.into_keys().map(|id| (id, 0)).collect();
    let from = Cursors { conversations, feed: Some(0) };
    let (id, start) = (hub.recorder.socket(), hub.recorder.now());
    let Ok((_sender, mut events)) = hub.target.connect(node, who, Some(&from)).await else {
        return false;
    };
    hub.recorder.lasted(process, node, start, Op::SocketOpen(id, who.id));
    let mut resume = Resume { socket: id, by: who.id, from, done: None, reset: BTreeMap::new() };
    let catching = async {
        while let Some(heard) = events.next().await {
            match heard {
                Heard::Event(event) => observer::note(hub, process, node, id, &event),
                Heard::Reset(conversation, rev) => {
                    resume.reset.insert(conversation, rev);
                }
                Heard::Done(reached) => {
                    resume.done = Some(reached);
                    return;
                }
            }
        }
    };
    // What was not told by then is missing: the checker says so.
    drop(timeout(HEALED, catching).await);
    let whole = resume.done.is_some();
    hub.recorder.lasted(process, node, start, Op::Resume(resume));
    hub.recorder.note(process, node, Op::SocketClose(id, Some(CUT)));
    whole
}

/// Asks every member what is unread, by each answer, and who is in the groups.
pub(super) async fn count_all<T: Target>(hub: &Arc<Hub<T>>, process: Process) {
    let hand = &Hand { hub: hub.clone(), process };
    let asked = hub.conversations.iter().enumerate().flat_map(|(number, conversation)| {
        let members = conversation.members.iter().enumerate();
        members.map(move |(turn, member)| (number, number + turn, *member))
    });
    stream::iter(asked)
        .for_each_concurrent(AT_ONCE, |(number, node, member)| async move {
            let conversation = hub.conversations.get(number);
            let Some((conversation, who)) = conversation.zip(hub.users.get(member)) else { return };
            let counted = if node % 2 == 0 { Counted::Answer } else { Counted::Audit };
            hand.unread(who, node, conversation.id, counted).await;
            if conversation.guests.is_empty() {
                return;
            }
            let deadline = Instant::now() + HEALED;
            let start = hub.recorder.now();
            let node = hub.node(node);
            let outcome = loop {
                let outcome = hub.target.members(node, who, conversation.id).await;
                if settled(&outcome) || Instant::now() > deadline {
                    break outcome;
                }
                sleep(Duration::from_millis(100)).await;
            };
            let members = Members { conversation: conversation.id, by: who.id, outcome };
            hub.recorder.lasted(process, node, start, Op::Members(members));
        })
        .await;
}
