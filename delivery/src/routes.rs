//! Tells the fan-out who has sockets here, and which conversations that are routed as a whole have
//! members here. One task reconciles: it looks at the registry and the index when it acts, so that a
//! user whose last socket leaves while the next one comes is never withdrawn after he was announced
//! (HAZARDS 10).
//!
//! Routes live for [`TTL`] and are announced again every [`EVERY`]. When an announcement fails, the
//! socket is served all the same, and told to resync once it has been made: what was not routed to
//! it meanwhile is in the store. A change of membership may have been in it, so those are loaded again.
//! The same holds for everyone when all have been silent past the TTL.

use std::collections::HashSet;
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
    /// Those that are served without having been acknowledged.
    late: HashSet<Route>,
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
            pending.late.extend(routes);
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
    /// Routes whose announcement has failed.
    owed: HashSet<Route>,
    /// When all were last announced.
    announced_at: Instant,
    /// When all are announced next.
    next: Instant,
}

impl Routes {
    /// Routes of a node.
    pub(crate) fn new(platform: &Platform, instance: InstanceId, hub: Arc<Hub>) -> Self {
        Self { instance, ephemeral: platform.ephemeral.clone(), hub }
    }

    /// Runs until the shutdown.
    pub(crate) async fn run(self, mut stopping: Stopping) -> Result<(), String> {
        let now = Instant::now();
        let mut round = Round { owed: HashSet::new(), announced_at: now, next: now + EVERY };
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
        round.owed.extend(late);
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
                gone.push(route);
            }
        }
        self.withdraw(&gone).await;
        let announced = self.announce(round, &here).await;
        if all {
            let now = Instant::now();
            if announced {
                if now - round.announced_at > TTL {
                    tracing::warn!("routes had lapsed: every socket resyncs");
                    self.hub.reload(self.hub.registry.users());
                }
                round.announced_at = now;
                round.next = now + EVERY;
            } else {
                round.next = now + RETRY;
            }
        } else if !announced {
            round.next = round.next.min(Instant::now() + RETRY);
        }
        // Whoever waits no longer has gone.
        for waiting in waiting {
            waiting.send(()).unwrap_or(());
        }
    }

    async fn announce(&self, round: &mut Round, routes: &[Route]) -> bool {
        let mut all = true;
        for chunk in routes.chunks(CHUNK) {
            let announce = self.ephemeral.announce(self.instance, chunk, TTL);
            match timeout(CALL, announce).await.unwrap_or_else(|_| Err(late())) {
                Ok(()) => {
                    let owed = chunk.iter().filter(|route| round.owed.remove(route));
                    let late: Vec<_> = owed.flat_map(|route| self.hub.reached_by(*route)).collect();
                    if !late.is_empty() {
                        self.hub.reload(late);
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, routes = chunk.len(), "routes were not announced");
                    round.owed.extend(chunk);
                    all = false;
                }
            }
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
