//! One socket of one user, opened again whenever it is cut, on the next node if its own is away.
//! Everything it gets is in the history; now and then another node is asked for what just came
//! (G-11). Where the plan says so, it reads what it missed once it is back, as a client does.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rand::Rng as _;
use schemas::Seq;
use tokio::sync::watch;
use uuid::Uuid;

use super::hub::{Hub, Open};
use super::reader::page_of;
use crate::history::{Gotten, Live, Op, Outcome, Process, SocketId, Why};
use crate::target::{Event, Events as _, Target};
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
    tokio::select! {
        () = watch_for_ever(&hub, process, user, place) => {}
        _ = stop.wait_for(|stop| *stop) => {}
    }
    hub.plug(user, place, None);
}

async fn watch_for_ever<T: Target>(hub: &Arc<Hub<T>>, process: Process, user: usize, place: usize) {
    let mut rng = hub.plan.rng("observer", user * hub.plan.sockets + place);
    let mut node = hub.node(user + place);
    let mut wait = AGAIN;
    let mut known = Known::new();
    let mut sockets = 0_u32;
    let Some(who) = hub.users.get(user) else { return };
    loop {
        let id = hub.recorder.socket();
        let open = hub.recorder.begin(process, node, Op::SocketOpen(id, who.id));
        let Ok((sender, mut events)) = hub.target.connect(node, who).await else {
            // It never was a socket: the entry says only that one was tried.
            open.done(|op| *op = Op::SocketClose(id, None));
            tokio::time::sleep(wait).await;
            if hub.plan.catch_up {
                wait = AGAIN_MAX.min(wait.mul_f64(rng.random_range(1.0..3.0)));
                node = hub.node(node + 1);
            }
            continue;
        };
        open.done(|_| {});
        wait = AGAIN;
        hub.plug(user, place, Some(Open { id, node, sender }));
        sockets += 1;
        // Beside the events: what comes meanwhile must not wait in the server's queue.
        let missed = (hub.plan.catch_up && sockets > 1)
            .then(|| spawn(catch_up(hub.clone(), process, (user, node), known.clone())));
        while let Some(event) = events.next().await {
            let ask = rng.random::<f64>() < hub.plan.get_on_push;
            note(hub, process, node, id, &event);
            learn(&mut known, &event);
            if ask {
                read_back(hub, process, node, user, event).await;
            }
        }
        hub.plug(user, place, None);
        hub.recorder.note(process, node, Op::SocketClose(id, events.close_code()));
        // A catch-up that is cut short is done again from what it began with.
        if let Some(missed) = missed {
            if missed.is_finished() {
                known.extend(missed.await.unwrap_or_default());
            } else {
                missed.abort();
                known = Known::new();
            }
        }
    }
}

fn learn(known: &mut Known, event: &Event) {
    if let Some(seen) = &event.message {
        known.insert(event.conversation, seen.seq);
    }
}

/// Reads back each conversation of the user to what was known: whatever is younger than the socket
/// comes over it. Goes on until it could be read; what it found is known from then on.
async fn catch_up<T: Target>(
    hub: Arc<Hub<T>>,
    process: Process,
    (user, node): (usize, usize),
    known: Known,
) -> Known {
    let mut found = Known::new();
    for conversation in hub.conversations.iter().filter(|own| own.members.contains(&user)) {
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

fn note<T: Target>(hub: &Hub<T>, process: Process, node: usize, socket: SocketId, event: &Event) {
    let live = Live {
        socket,
        conversation: event.conversation,
        kind: event.kind.clone(),
        rev: event.rev,
        message: event.message.clone(),
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
