//! The end of a run: sockets settle, then every conversation is read whole.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tokio::time::{Instant, sleep};

use super::hub::{Conversation, Hub};
use crate::history::{Op, Outcome, Page, Process, Recorder, Seen};
use crate::target::{Target, User};

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
        let members = conversation.members.into_iter().enumerate();
        members.map(move |(turn, member)| (*conversation, number + turn, member))
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
    conversation: Conversation,
    user: &User,
) {
    let read = Page {
        conversation: conversation.id,
        by: user.id,
        before: None,
        outcome: Outcome::Unknown("abandoned".to_owned()),
    };
    let pending = hub.recorder.begin(process, node, Op::Full(read));
    let deadline = Instant::now() + HEALED;
    let outcome = loop {
        match pages(hub, node, conversation, user).await {
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
async fn pages<T: Target>(
    hub: &Hub<T>,
    node: usize,
    conversation: Conversation,
    user: &User,
) -> Outcome<Vec<Seen>> {
    let mut newest_first: Vec<Vec<Seen>> = Vec::new();
    let mut before = None;
    loop {
        let messages = match hub.target.page(node, user, conversation.id, before).await {
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
