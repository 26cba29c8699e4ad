//! Users and conversations of a run.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use rand::Rng as _;
use rand::seq::SliceRandom as _;
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

/// Opens all conversations: of different pairs, groups that all write to, groups of the walkers. Each
/// open is in the history.
pub(super) async fn conversations<T: Target>(
    target: &Arc<T>,
    recorder: &Recorder,
    plan: &Plan,
    users: &[User],
) -> anyhow::Result<Vec<Conversation>> {
    let casts = pairs(plan)?.into_iter().map(|pair| (pair.to_vec(), Vec::new()));
    let casts: Vec<_> = casts.chain(groups(plan)).collect();
    let mut conversations = Vec::with_capacity(casts.len());
    for (number, (members, guests)) in casts.into_iter().enumerate() {
        let cast: Vec<&User> = members.iter().filter_map(|place| users.get(*place)).collect();
        let node = number % target.nodes().max(1);
        let is_group = number >= plan.conversations;
        let id = open(target.as_ref(), recorder, node, &cast, is_group).await?;
        conversations.push(Conversation { id, members, guests });
    }
    Ok(conversations)
}

/// Guests of each group.
const GUESTS: usize = 2;
/// Members of a walker's group.
const WALK: usize = 3;

/// Members and guests of the groups.
fn groups(plan: &Plan) -> Vec<(Vec<usize>, Vec<usize>)> {
    let mut rng = plan.rng("groups", 0);
    let mut all = Vec::new();
    for number in 0..plan.groups + plan.walkers {
        let walks = number >= plan.groups;
        let mut places: Vec<usize> = (0..plan.users).collect();
        places.shuffle(&mut rng);
        let mut places = places.into_iter();
        let size = if walks { WALK } else { plan.group_size };
        let members = places.by_ref().take(size).collect();
        let guests = if walks { Vec::new() } else { places.take(GUESTS).collect() };
        all.push((members, guests));
    }
    all
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
    cast: &[&User],
    is_group: bool,
) -> anyhow::Result<Uuid> {
    let [by, with, others @ ..] = cast else { bail!("a conversation has two members") };
    let others: Vec<Uuid> = others.iter().map(|user| user.id).collect();
    let rest: Vec<Uuid> = std::iter::once(with.id).chain(others.iter().copied()).collect();
    for _ in 0..20 {
        let opened = Opened {
            by: by.id,
            with: with.id,
            others: others.clone(),
            outcome: Outcome::Unknown("abandoned".to_owned()),
        };
        let pending = recorder.begin(0, node, Op::Create(opened));
        let outcome = if is_group {
            target.group(node, by, &rest).await
        } else {
            target.open(node, by, with).await
        };
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
