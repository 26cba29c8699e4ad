//! One socket of one user, opened again whenever it is cut. Everything it gets is in the history;
//! now and then another node is asked for what just came (G-11).

use std::sync::Arc;
use std::time::Duration;

use rand::Rng as _;
use tokio::sync::watch;

use super::hub::{Hub, Open};
use crate::history::{Gotten, Live, Op, Outcome, Process, SocketId, Why};
use crate::target::{Event, Events as _, Target};

/// Wait between two tries to connect.
const AGAIN: Duration = Duration::from_millis(50);

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

async fn watch_for_ever<T: Target>(hub: &Hub<T>, process: Process, user: usize, place: usize) {
    let mut rng = hub.plan.rng("observer", user * hub.plan.sockets + place);
    let node = hub.node(user + place);
    let Some(who) = hub.users.get(user) else { return };
    loop {
        let id = hub.recorder.socket();
        let open = hub.recorder.begin(process, node, Op::SocketOpen(id, who.id));
        let Ok((sender, mut events)) = hub.target.connect(node, who).await else {
            // It never was a socket: the entry says only that one was tried.
            open.done(|op| *op = Op::SocketClose(id));
            tokio::time::sleep(AGAIN).await;
            continue;
        };
        open.done(|_| {});
        hub.plug(user, place, Some(Open { id, node, sender }));
        while let Some(event) = events.next().await {
            let ask = rng.random::<f64>() < hub.plan.get_on_push;
            note(hub, process, node, id, &event);
            if ask {
                read_back(hub, process, node, user, event).await;
            }
        }
        hub.plug(user, place, None);
        hub.recorder.note(process, node, Op::SocketClose(id));
    }
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
