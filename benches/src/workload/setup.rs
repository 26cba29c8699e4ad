//! Users and conversations of a run.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use rand::Rng as _;
use uuid::Uuid;

use super::hub::Conversation;
use super::plan::Plan;
use crate::history::{Op, Opened, Outcome, Recorder, UNREACHABLE};
use crate::target::{Target, User};

/// Registrations at a time: hashing passwords is what they cost.
const AT_ONCE: usize = 4;

pub(super) async fn users<T: Target>(target: &Arc<T>, plan: &Plan) -> anyhow::Result<Vec<User>> {
    stream::iter((0..plan.users).map(|number| {
        let target = target.clone();
        async move {
            target.register(number).await.with_context(|| format!("registering user {number}"))
        }
    }))
    .buffered(AT_ONCE)
    .try_collect()
    .await
}

/// Opens the conversations of different pairs; each open is in the history.
pub(super) async fn conversations<T: Target>(
    target: &Arc<T>,
    recorder: &Recorder,
    plan: &Plan,
    users: &[User],
) -> anyhow::Result<Vec<Conversation>> {
    let mut conversations = Vec::with_capacity(plan.conversations);
    for (number, members) in pairs(plan)?.into_iter().enumerate() {
        let [by, with] = members.map(|place| users.get(place).cloned());
        let (by, with) = by.zip(with).context("a pair names two users")?;
        let node = number % target.nodes().max(1);
        let id = open(target.as_ref(), recorder, node, &by, &with).await?;
        conversations.push(Conversation { id, members });
    }
    Ok(conversations)
}

fn pairs(plan: &Plan) -> anyhow::Result<Vec<[usize; 2]>> {
    let possible = plan.users * plan.users.saturating_sub(1) / 2;
    ensure!(plan.conversations <= possible, "{} users make only {possible} pairs", plan.users);
    let mut rng = plan.rng("pairs", 0);
    let mut drawn = BTreeSet::new();
    let mut pairs = Vec::new();
    while pairs.len() < plan.conversations {
        let [a, b] = [rng.random_range(0..plan.users), rng.random_range(0..plan.users)];
        if a != b && drawn.insert((a.min(b), a.max(b))) {
            pairs.push([a, b]);
        }
    }
    Ok(pairs)
}

async fn open<T: Target>(
    target: &T,
    recorder: &Recorder,
    node: usize,
    by: &User,
    with: &User,
) -> anyhow::Result<Uuid> {
    for _ in 0..20 {
        let opened =
            Opened { by: by.id, with: with.id, outcome: Outcome::Unknown("abandoned".to_owned()) };
        let pending = recorder.begin(0, node, Op::Create(opened));
        let outcome = target.open(node, by, with).await;
        pending.done(|op| {
            if let Op::Create(opened) = op {
                opened.outcome = outcome.clone();
            }
        });
        match outcome {
            Outcome::Ok(id) => return Ok(id),
            Outcome::Fail(code) if !retryable(&code) => {
                bail!("opening a conversation was refused: {code}")
            }
            Outcome::Fail(_) | Outcome::Unknown(_) => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    bail!("a conversation could not be opened in 20 tries")
}

/// Whether a refused request may be sent again unchanged.
pub fn retryable(code: &str) -> bool {
    code == UNREACHABLE
        || schemas::Code::ALL.iter().any(|known| known.text() == code && known.retryable())
}
