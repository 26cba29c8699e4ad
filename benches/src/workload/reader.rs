//! Pages through history: the newest page, then a few before it.

use std::sync::Arc;
use std::time::Duration;

use rand::Rng as _;
use tokio::sync::watch;
use uuid::Uuid;

use super::hub::Hub;
use crate::history::{Op, Outcome, Page, Process, Seen};
use crate::target::Target;

/// Wait after a read that was not answered.
const AGAIN: Duration = Duration::from_millis(200);

pub(super) async fn run<T: Target>(
    hub: Arc<Hub<T>>,
    process: Process,
    number: usize,
    mut stop: watch::Receiver<bool>,
) {
    let read = async {
        let mut rng = hub.plan.rng("reader", number);
        loop {
            let conversation = rng.random_range(0..hub.conversations.len().max(1));
            let (member, node, depth) =
                (rng.random_range(0..64), rng.random_range(0..64), rng.random_range(1..4));
            browse(&hub, process, (conversation, member), node, depth).await;
            tokio::time::sleep(hub.plan.reader_pause).await;
        }
    };
    tokio::select! {
        () = read => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
}

async fn browse<T: Target>(
    hub: &Hub<T>,
    process: Process,
    place: (usize, usize),
    node: usize,
    depth: usize,
) {
    let mut before = None;
    for step in 0..depth {
        let page = page(hub, process, place, node + step, before).await;
        let Some(messages) = page.ok() else {
            tokio::time::sleep(AGAIN).await;
            return;
        };
        before = match messages.first() {
            Some(oldest) if oldest.seq > 1 => Some(oldest.seq),
            _ => return,
        };
    }
}

/// One page, in the history.
async fn page<T: Target>(
    hub: &Hub<T>,
    process: Process,
    (conversation, member): (usize, usize),
    node: usize,
    before: Option<i64>,
) -> Outcome<Vec<Seen>> {
    let place = hub.conversations.get(conversation);
    let Some((place, user)) = place.and_then(|place| Some((place, place.member(member)?))) else {
        return Outcome::Unknown("abandoned".to_owned());
    };
    page_of(hub, process, (place.id, user), node, before).await
}

/// One page of a conversation as a user sees it, in the history.
pub(super) async fn page_of<T: Target>(
    hub: &Hub<T>,
    process: Process,
    (conversation, user): (Uuid, usize),
    node: usize,
    before: Option<i64>,
) -> Outcome<Vec<Seen>> {
    let abandoned = || Outcome::Unknown("abandoned".to_owned());
    let Some(user) = hub.users.get(user) else { return abandoned() };
    let node = hub.node(node);
    let page = Page { conversation, by: user.id, before, outcome: abandoned() };
    let pending = hub.recorder.begin(process, node, Op::Page(page));
    let outcome = hub.target.page(node, user, conversation, before).await;
    pending.done(|op| {
        if let Op::Page(page) = op {
            page.outcome = outcome.clone();
        }
    });
    outcome
}
