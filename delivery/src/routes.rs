//! Tells the fan-out who has sockets here. One task reconciles: it looks at the registry when it
//! acts, so that a user whose last socket leaves while the next one comes is never withdrawn after
//! he was announced (HAZARDS 10).
//!
//! Routes live for [`TTL`] and are announced again every [`EVERY`]. When an announcement fails, the
//! socket is served all the same, and told to resync once it has been made: what was not routed to
//! it meanwhile is in the store. The same holds for everyone when all have been silent past the TTL.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use platform::lifecycle::Stopping;
use platform::port::ephemeral::{ROUTE_TTL as TTL, Route, Unavailable};
use platform::{Ephemeral, Platform};
use schemas::{InstanceId, UserId};
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

/// See the module.
pub(crate) struct Routes {
    instance: InstanceId,
    ephemeral: Arc<dyn Ephemeral>,
    hub: Arc<Hub>,
    pending: Mutex<Pending>,
    wake: Notify,
}

/// Users whose first socket has come or whose last one has gone, and who waits for the former.
#[derive(Default)]
struct Pending {
    users: HashSet<UserId>,
    waiting: Vec<oneshot::Sender<()>>,
    /// Who is served without having been acknowledged.
    late: HashSet<UserId>,
}

/// What the task remembers between two rounds.
struct Round {
    /// Users whose announcement has failed.
    owed: HashSet<UserId>,
    /// When all were last announced.
    announced_at: Instant,
    /// When all are announced next.
    next: Instant,
}

impl Routes {
    /// Routes of a node.
    pub(crate) fn new(platform: &Platform, instance: InstanceId, hub: Arc<Hub>) -> Arc<Self> {
        Arc::new(Self {
            instance,
            ephemeral: platform.ephemeral.clone(),
            hub,
            pending: Mutex::default(),
            wake: Notify::new(),
        })
    }

    /// A user's sockets have come or gone.
    pub(crate) fn touch(&self, user: UserId) {
        self.pending.lock().users.insert(user);
        self.wake.notify_one();
    }

    /// Announces a user and waits until it is acknowledged; not for longer than [`WAIT`].
    pub(crate) async fn announced(&self, user: UserId) {
        let (sender, acknowledged) = oneshot::channel();
        {
            let mut pending = self.pending.lock();
            pending.users.insert(user);
            pending.waiting.push(sender);
        }
        self.wake.notify_one();
        if timeout(WAIT, acknowledged).await.is_err() {
            // It is served all the same, and resyncs when the route stands.
            let mut pending = self.pending.lock();
            pending.users.insert(user);
            pending.late.insert(user);
            drop(pending);
            self.wake.notify_one();
        }
    }

    /// Runs until the shutdown.
    pub(crate) async fn run(self: Arc<Self>, mut stopping: Stopping) -> Result<(), String> {
        let now = Instant::now();
        let mut round = Round { owed: HashSet::new(), announced_at: now, next: now + EVERY };
        loop {
            let all = tokio::select! {
                () = stopping.wait() => break,
                () = sleep_until(round.next) => true,
                () = self.wake.notified() => false,
            };
            self.reconcile(&mut round, all).await;
        }
        let users = self.hub.registry.users();
        drop(timeout(WAIT, self.withdraw(users)).await);
        Ok(())
    }

    async fn reconcile(&self, round: &mut Round, all: bool) {
        let Pending { mut users, waiting, late } = std::mem::take(&mut *self.pending.lock());
        round.owed.extend(late);
        if all {
            users.extend(self.hub.registry.users());
            users.extend(&round.owed);
        }
        let (here, gone): (Vec<_>, Vec<_>) =
            users.into_iter().partition(|user| self.hub.registry.has(*user));
        for user in &gone {
            round.owed.remove(user);
        }
        self.withdraw(gone).await;
        let announced = self.announce(round, &here).await;
        if all {
            let now = Instant::now();
            if announced {
                if now - round.announced_at > TTL {
                    tracing::warn!("routes had lapsed: every socket resyncs");
                    self.hub.resync(&self.hub.registry.sessions());
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

    async fn announce(&self, round: &mut Round, users: &[UserId]) -> bool {
        let mut all = true;
        for chunk in users.chunks(CHUNK) {
            let routes: Vec<Route> = chunk.iter().copied().map(Route::User).collect();
            let announce = self.ephemeral.announce(self.instance, &routes, TTL);
            match timeout(CALL, announce).await.unwrap_or_else(|_| Err(late())) {
                Ok(()) => {
                    let mut late = Vec::new();
                    for user in chunk.iter().filter(|user| round.owed.remove(user)) {
                        self.hub.registry.visit(*user, |session| late.push(session.clone()));
                    }
                    self.hub.resync(&late);
                }
                Err(error) => {
                    tracing::warn!(%error, routes = routes.len(), "routes were not announced");
                    round.owed.extend(chunk);
                    all = false;
                }
            }
        }
        all
    }

    async fn withdraw(&self, users: Vec<UserId>) {
        let routes: Vec<Route> = users.into_iter().map(Route::User).collect();
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
