//! Tells the fan-out who has sockets here, and which conversations that are routed as a whole have
//! members here. One task reconciles: it looks at the registry and the index when it acts, so that a
//! user whose last socket leaves while the next one comes is never withdrawn after he was announced
//! (HAZARDS 10).
//!
//! Routes live for [`TTL`] and are announced again every [`EVERY`]. When a first announcement fails, the
//! socket is served all the same, and told to resync once it has been made: what was not routed to
//! it meanwhile is in the store. A change of membership may have been in it, so those are loaded again.
//! The same holds for whomever a route leads to that was not acknowledged again within the TTL. Where it
//! was, a failure in between has cost nothing: the route still stands.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use platform::lifecycle::Stopping;
use platform::port::ephemeral::{ROUTE_TTL as TTL, Route, Unavailable};
use platform::{Ephemeral, Platform};
use schemas::InstanceId;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until, timeout};

use crate::hub::Hub;

/// Routes are announced again so often.
const EVERY: Duration = Duration::from_secs(10);
/// Pause after an announcement that failed.
const RETRY: Duration = Duration::from_secs(1);
/// Longest wait of a socket for its route.
const WAIT: Duration = Duration::from_secs(2);
/// Longest wait for one call.
const CALL: Duration = Duration::from_secs(1);
/// Routes of one call.
const CHUNK: usize = 512;

/// Which routes are to be looked at, and who waits for it.
#[derive(Default)]
pub(crate) struct Wanted {
    pending: Mutex<Pending>,
    wake: Notify,
}

/// Routes whose first socket has come or whose last one has gone, and who waits for the former.
#[derive(Default)]
struct Pending {
    routes: HashSet<Route>,
    waiting: Vec<oneshot::Sender<()>>,
    /// Those that are served without having been acknowledged; since when.
    late: HashMap<Route, Instant>,
}

impl Wanted {
    /// Who is reached by a route has come or gone.
    pub(crate) fn touch(&self, route: Route) {
        self.pending.lock().routes.insert(route);
        self.wake.notify_one();
    }

    /// Announces routes and waits until that is acknowledged; not for longer than [`WAIT`].
    pub(crate) async fn announced(&self, routes: &[Route]) {
        let (sender, acknowledged) = oneshot::channel();
        {
            let mut pending = self.pending.lock();
            pending.routes.extend(routes);
            pending.waiting.push(sender);
        }
        self.wake.notify_one();
        if timeout(WAIT, acknowledged).await.is_err() {
            // It is served all the same, and resyncs when the route stands.
            let mut pending = self.pending.lock();
            pending.routes.extend(routes);
            let now = Instant::now();
            for route in routes {
                pending.late.entry(*route).or_insert(now);
            }
            drop(pending);
            self.wake.notify_one();
        }
    }
}

/// See the module.
pub(crate) struct Routes {
    instance: InstanceId,
    ephemeral: Arc<dyn Ephemeral>,
    hub: Arc<Hub>,
}

/// What the task remembers between two rounds.
struct Round {
    /// Routes that somebody is served by, and that were not acknowledged yet.
    owed: HashSet<Route>,
    /// Routes that were.
    standing: HashMap<Route, Standing>,
    /// When all are announced next.
    next: Instant,
}

/// A route that was acknowledged, and not withdrawn since.
#[derive(Clone, Copy)]
struct Standing {
    /// First.
    since: Instant,
    /// When the call began that was acknowledged last: it lives for [`TTL`] from then on, at least.
    called: Instant,
}

impl Round {
    /// A call that began then is acknowledged now. Whether a route did not stand all the while in which
    /// somebody was served by it.
    fn stands(&mut self, route: Route, called: Instant, now: Instant) -> bool {
        let owed = self.owed.remove(&route);
        let standing = self.standing.entry(route).or_insert(Standing { since: now, called });
        let lapsed = now - standing.called > TTL;
        standing.called = called;
        owed || lapsed
    }

    /// Somebody is served by a route since then, whether it stands or not.
    fn serves(&mut self, route: Route, at: Instant) {
        if self.standing.get(&route).is_none_or(|standing| standing.since > at) {
            self.owed.insert(route);
        }
    }
}

impl Routes {
    /// Routes of a node.
    pub(crate) fn new(platform: &Platform, instance: InstanceId, hub: Arc<Hub>) -> Self {
        Self { instance, ephemeral: platform.ephemeral.clone(), hub }
    }

    /// Runs until the shutdown.
    pub(crate) async fn run(self, mut stopping: Stopping) -> Result<(), String> {
        let next = Instant::now() + EVERY;
        let mut round = Round { owed: HashSet::new(), standing: HashMap::new(), next };
        loop {
            let all = tokio::select! {
                () = stopping.wait() => break,
                () = sleep_until(round.next) => true,
                () = self.hub.wanted.wake.notified() => false,
            };
            self.reconcile(&mut round, all).await;
        }
        drop(timeout(WAIT, self.withdraw(&self.hub.routes())).await);
        Ok(())
    }

    async fn reconcile(&self, round: &mut Round, all: bool) {
        let Pending { mut routes, waiting, late } =
            std::mem::take(&mut *self.hub.wanted.pending.lock());
        for (route, at) in late {
            round.serves(route, at);
        }
        if all {
            routes.extend(self.hub.routes());
            routes.extend(&round.owed);
        }
        let (mut here, mut gone) = (Vec::new(), Vec::new());
        for (route, leads) in self.hub.leads(routes) {
            if leads {
                here.push(route);
            } else {
                round.owed.remove(&route);
                round.standing.remove(&route);
                gone.push(route);
            }
        }
        self.withdraw(&gone).await;
        let announced = self.announce(round, &here).await;
        let now = Instant::now();
        if all {
            round.next = now + if announced { EVERY } else { RETRY };
        } else if !announced {
            round.next = round.next.min(now + RETRY);
        }
        // Whoever waits no longer has gone.
        for waiting in waiting {
            waiting.send(()).unwrap_or(());
        }
    }

    async fn announce(&self, round: &mut Round, routes: &[Route]) -> bool {
        let mut all = true;
        // One who is reached by several of them is loaded once.
        let mut fallen = Vec::new();
        for chunk in routes.chunks(CHUNK) {
            let called = Instant::now();
            let announce = self.ephemeral.announce(self.instance, chunk, TTL);
            match timeout(CALL, announce).await.unwrap_or_else(|_| Err(late())) {
                Ok(()) => {
                    let now = Instant::now();
                    let fell = chunk.iter().filter(|route| round.stands(**route, called, now));
                    fallen.extend(fell.flat_map(|route| self.hub.reached_by(*route)));
                }
                Err(error) => {
                    tracing::warn!(%error, routes = chunk.len(), "routes were not announced");
                    let new = chunk.iter().filter(|route| !round.standing.contains_key(route));
                    round.owed.extend(new);
                    all = false;
                }
            }
        }
        if !fallen.is_empty() {
            tracing::warn!("routes did not stand: sockets resync");
            self.hub.reload(fallen);
        }
        all
    }

    async fn withdraw(&self, routes: &[Route]) {
        for chunk in routes.chunks(CHUNK) {
            let withdraw = self.ephemeral.withdraw(self.instance, chunk);
            if let Err(error) = timeout(CALL, withdraw).await.unwrap_or_else(|_| Err(late())) {
                // They lapse by themselves.
                tracing::debug!(%error, "routes were not withdrawn");
            }
        }
    }
}

fn late() -> Unavailable {
    Unavailable("no answer in time".to_owned())
}

#[cfg(test)]
mod tests;
